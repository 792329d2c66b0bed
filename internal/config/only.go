package config

// Release is the release that was asked for; "" if none was, or several.
func (c Config) Release() string { return only(c.Releases) }

// Platform is the platform that was asked for; "" if none was, or several.
func (c Config) Platform() string { return only(c.Platforms) }

// Targets are all platforms that the project is built for, though c may be of one.
func (c Config) Targets() []string {
	if len(c.targets) > 0 {
		return c.targets
	}
	return c.Platforms
}

// PerPlatform says whether a release is built for several platforms, so that
// the names of all its results say for which.
func (c Config) PerPlatform() bool { return c.perPlatform || len(c.Platforms) > 1 }

func only(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return ""
}

// For is c for one of several releases and platforms; where one is "", nobody
// asked.
func (c Config) For(release, platform string) Config {
	c.perPlatform, c.targets = len(c.Platforms) > 1, c.Platforms
	c.Releases, c.Platforms = nil, nil
	if release != "" {
		c.Releases = []string{release}
	}
	if platform != "" {
		c.Platforms = []string{platform}
	}
	return c
}
