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
)

// ImageSettings is what was set of the image.
type ImageSettings struct {
	Programs []string `json:"programs,omitempty"` // added to it
	User     string   `json:"user,omitempty"`     // "UID" or "UID:GID"
	Start    string   `json:"start,omitempty"`    // what of the release starts it, "" for what its tool has
	Contents
	Starting
	Env    []string `json:"-"`                // "K=V", sorted; see Decisions
	Labels []string `json:"-"`                // "K=V", sorted; see Decisions
	Expose []int    `json:"expose,omitempty"` // ports, TCP
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
		Programs: c.Programs, User: c.User, Env: c.ImageEnv, Labels: c.Labels, Expose: c.Expose, Contents: contents(c),
		Starting: Starting{Entrypoint: c.Entrypoint, Command: c.Command, Healthcheck: c.Healthcheck},
	}
	p.Check = CheckSettings{Target: cmp.Or(c.CheckTarget, c.RunsOn), Allow: c.Allow}
	p.BuildEnv, p.Secrets, p.Credentials = c.BuildEnv, c.Secrets, c.Credentials
	p.perPlatform = c.PerPlatform()
	o := c.Origin("output_dir")
	p.inProject = o == "" || o == config.FileName
}

// Given is what the settings say of the build to who reads the project.
func Given(c config.Config) project.Given {
	images := c.Toolchain != "" && !strings.HasPrefix(c.Toolchain, "distro:")
	return project.Given{
		Tool: c.Tool, MixEnv: cmp.Or(c.MixEnv, "prod"), Env: c.BuildEnv, EnvOpen: images,
		Context: c.Context, ContextFromFile: c.Origin("source.context") == config.FileName, Include: c.Include,
	}
}

// settings lists what was set as decisions; what was not has its default, and no line.
func (m *maker) settings() {
	p, c := m.plan, m.in.Config
	for _, d := range []struct {
		key, name string
		values    []string
	}{
		{"toolchain.expired_indexes", "expired indexes", words(c.Expired)},
		{"toolchain.repository", "repository", words(c.Repository)},
		{"toolchain.sources", "sources", words(c.Sources)},
		{"toolchain.checksums", "checksums", c.Checksums},
		{"source.include", "include", c.Include},
		{"build.env", "build env", withoutSecrets(p.BuildEnv)},
		{"build.include_secrets", "include secrets", p.Secrets},
		{"build.credentials", "credentials", p.Credentials},
		{"image.programs", "programs", p.Image.Programs},
		{"image.packages", "image packages", p.Image.Packages},
		{"image.entrypoint", "entrypoint", sentence(p.Image.Entrypoint)},
		{"image.command", "command", sentence(p.Image.Command)},
		{"image.tzdata", "time zones", onlyIf(p.Image.TimeZones, "in the image")},
		{"image.locales", "locales", p.Image.Locales},
		{"image.package_list", "package list", onlyIf(p.Image.PackageList, "in the image, for scanners")},
		{"image.user", "user", words(p.Image.User)},
		{"image.env", "image env", withoutSecrets(c.ImageEnv)},
		{"image.labels", "labels", withoutSecrets(p.Image.Labels)},
		{"image.expose", "expose", numbers(p.Image.Expose)},
		{"check.target", "target", words(c.CheckTarget)},
		{"check.allow", "allow", p.Check.Allow},
	} {
		if len(d.values) > 0 {
			m.decide(d.name, strings.Join(d.values, ", "), m.set(d.key))
		}
	}
	m.imageTables()
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
