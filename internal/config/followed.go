package config

import "maps"

// Followed is what of the project's own Dockerfile the plan has, or has said of it.
type Followed struct {
	Build, Run []string // packages that it installs, in the toolchain and in the image
	// Unstarted is the script that it starts and the image does not, as is said with the
	// reason.
	Unstarted string
}

// IgnoreDockerfile is the value of source.dockerfile by which nothing of it is followed.
const IgnoreDockerfile = "ignore"

// By is c with some settings said to be by somebody else: a file that is not dram's.
func (c Config) By(origin string, keys ...string) Config {
	c.origin = maps.Clone(c.origin)
	if c.origin == nil {
		c.origin = map[string]string{}
	}
	for _, key := range keys {
		c.origin[key] = origin
	}
	return c
}

// Check finds what is wrong with a file that nobody wrote into dram.toml.
func (f ImageFile) Check() error {
	_, err := f.check()
	return err
}

// Check finds what is wrong with a directory that nobody wrote into dram.toml.
func (d ImageDirectory) Check() error {
	_, err := d.check()
	return err
}
