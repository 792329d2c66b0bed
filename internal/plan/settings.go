package plan

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"dram/internal/config"
	"dram/internal/project"
	"dram/internal/secret"
	"dram/internal/store"
)

// ImageSettings is what was set of the image.
type ImageSettings struct {
	Base string `json:"base,omitempty"` // a reference, "" for none
	// BaseDigest is what that leads to, once somebody looked.
	BaseDigest store.Digest `json:"-"`
	Programs   []string     `json:"programs,omitempty"` // added to it
	User       string       `json:"user,omitempty"`     // "UID" or "UID:GID"
	Start      string       `json:"start,omitempty"`    // what of the release starts it, "" for what its tool has
	Contents
	Starting
	Packing
	Env    []string `json:"-"` // "K=V", sorted; see Decisions
	Labels []string `json:"-"` // "K=V", sorted; see Decisions
	// GitLabels asks for those that git tells, besides.
	GitLabels bool  `json:"git_labels,omitempty"`
	Expose    []int `json:"expose,omitempty"` // ports, TCP
}

// CheckSettings is what was set of the check.
type CheckSettings struct {
	Target string   `json:"target,omitempty"` // where the release will run
	Allow  []string `json:"allow,omitempty"`  // rules that may fail
}

// take has the plan say what was set of the steps, the image and the check: nothing
// after it reads settings.
func (p *Plan) take(c config.Config) {
	p.Image = ImageSettings{
		Base: c.Base, Programs: c.Programs, User: c.User, Env: c.ImageEnv, Labels: c.Labels, GitLabels: c.GitLabels, Expose: c.Expose, Contents: contents(c),
		Starting: Starting{Entrypoint: c.Entrypoint, Command: c.Command, Healthcheck: c.Healthcheck},
		Packing:  packing(c),
	}
	p.Check = CheckSettings{Target: cmp.Or(c.CheckTarget, c.RunsOn), Allow: c.Allow}
	p.BuildEnv, p.Git, p.Secrets, p.Credentials, p.UpgradeFrom = c.BuildEnv, c.Git, c.Secrets, c.Credentials, c.UpgradeFrom
	p.perPlatform = c.PerPlatform()
	o := c.Origin("output_dir")
	p.inProject = o == "" || o == config.FileName
}

// Given is what the settings say of the build to who reads the project.
func Given(c config.Config) project.Given {
	images := c.Toolchain != "" && !strings.HasPrefix(c.Toolchain, "distro:")
	return project.Given{
		Tool: c.Tool, MixEnv: cmp.Or(c.MixEnv, "prod"), MixEnvOpen: c.MixEnv == "", Env: c.BuildEnv, EnvOpen: images, IgnoreDocker: c.Dockerfile == config.IgnoreDockerfile,
		Context: c.Context, ContextFromFile: c.Origin("source.context") == config.FileName, Include: c.Include,
	}
}

// settings lists what was set as decisions; what was not has its default, and no line.
func (m *maker) settings() {
	p, c := m.plan, m.in.Config
	own := func(key string, values []string) []string { // what the Dockerfile sets has its line
		return slices.DeleteFunc(slices.Clone(values), func(string) bool { return c.Origin(key) == "" })
	}
	for _, d := range []struct {
		key, name string
		values    []string
	}{
		{"toolchain.expired_indexes", "expired indexes", words(c.Expired)},
		{"toolchain.repository", "repository", words(c.Repository)},
		{"toolchain.sources", "sources", words(c.Sources)},
		{"toolchain.checksums", "checksums", c.Checksums},
		{"source.include", "include", c.Include},
		{"source.dockerfile", "dockerfile", words(c.Dockerfile)},
		{"build.git", "git", ofGit(c)},
		{"build.env", "build env", own("build.env", withoutSecrets(p.BuildEnv))},
		{"build.include_secrets", "include secrets", p.Secrets},
		{"build.credentials", "credentials", p.Credentials},
		{"image.base", "base", words(p.Image.Base)},
		{"image.programs", "programs", p.Image.Programs},
		{"image.packages", "image packages", p.Image.Packages},
		{"image.entrypoint", "entrypoint", sentence(p.Image.Entrypoint)},
		{"image.command", "command", sentence(p.Image.Command)},
		{"image.tzdata", "time zones", onlyIf(p.Image.TimeZones, "in the image")},
		{"image.locales", "locales", p.Image.Locales},
		{"image.package_list", "package list", onlyIf(p.Image.PackageList, "in the image, for scanners")},
		{"image.shell", "shell", onlyIf(p.Image.NoShell, "none: programs in place of the start scripts")},
		{"image.strip", "debug information", onlyIf(p.Image.KeepDebug, "in the image, too")},
		{"image.user", "user", words(p.Image.User)},
		{"image.env", "image env", own("image.env", withoutSecrets(c.ImageEnv))},
		{"image.labels", "labels", withoutSecrets(p.Image.Labels)},
		{"image.git_labels", "git labels", onlyIf(p.Image.GitLabels, "the source's commit, address and licences")},
		{"image.expose", "expose", numbers(p.Image.Expose)},
		{"image.compression", "compression", words(p.Image.Compression)},
		{"image.compression_level", "compression level", words(c.Level)},
		{"check.target", "target", words(c.CheckTarget)},
		{"check.allow", "allow", p.Check.Allow},
	} {
		if len(d.values) > 0 {
			m.decide(d.name, strings.Join(d.values, ", "), m.set(d.key))
		}
	}
	m.imageTables()
}

// ofGit are the variables that git tells.
func ofGit(c config.Config) []string {
	return slices.DeleteFunc(slices.Clone(c.BuildEnv), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return !c.Git || !slices.Contains([]string{"GIT_SHA", "GIT_TAG", "SOURCE_DATE_EPOCH"}, name)
	})
}

func words(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}

func numbers(values []int) []string {
	var out []string
	for _, n := range values {
		out = append(out, strconv.Itoa(n))
	}
	return out
}

// secretName is how variables are called whose values are nobody's business.
var secretName = regexp.MustCompile(`(?i)(secret|passw|pass$|_pw$|pwd|token|credential|cookie|auth|salt|signing|(^|_)key|key(_base)?$)`)

// withoutSecrets is pairs of "K=V" to be shown: with stars for a value that is a
// secret by its name or by what it holds, and for all that could hide one.
func withoutSecrets(pairs []string) []string {
	var out []string
	for _, kv := range pairs {
		k, v, _ := strings.Cut(kv, "=")
		if v != "" && (secretName.MatchString(k) || holdsSecret(v)) {
			v = "***"
		}
		out = append(out, fmt.Sprintf("%s=%s", k, v))
	}
	return out
}

func holdsSecret(value string) bool {
	if secret.Detect("", []byte(value)).Kind != secret.None {
		return true
	}
	return slices.ContainsFunc(strings.Fields(value), func(word string) bool {
		u, err := url.Parse(word)
		return strings.Contains(word, "://") && (err != nil || u.User != nil)
	})
}
