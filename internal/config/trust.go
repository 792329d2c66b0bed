package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"dram/internal/fsutil"
	"dram/internal/grammar"
	"dram/internal/problem"
	"dram/internal/ref"
)

// A project's dram.toml comes with whatever was cloned. What it says may shape its
// own build; it may not switch the sandbox off, and names no file outside of the
// project but the certificates of builders. Flags and the environment are the
// user's: they may say anything. docs/configuration.md has the whole table.

// inFile refuses what dram.toml may not say, whatever the project's directory.
func (s Setting) inFile(values []string) error {
	if s.own {
		return problem.New(problem.Usage, "say it yourself, if you trust the project: --"+s.Flag+", or "+s.Env,
			"%s: %s: a project cannot have what is yours", FileName, s.Key)
	}
	for _, v := range values {
		switch {
		case s.Key == "engine" && v == "host":
			return problem.New(problem.Usage, "say it yourself, if you trust the project: --engine host, or DRAM_ENGINE=host",
				"%s: engine: a project cannot have its build run outside the sandbox", FileName)
		case !printable(s, v):
			return problem.New(problem.Usage, "write it in letters that can be read", "%s: %s: %s holds control characters", FileName, s.Key, grammar.Quote(v))
		}
	}
	return nil
}

// printable says whether a value may be shown. Variables and labels may hold
// lines, but no end of a string.
func printable(s Setting, v string) bool {
	if s.pairs {
		return !strings.Contains(v, "\x00")
	}
	return grammar.Printable(v)
}

// confine has the paths that dram.toml names lie in the project's directory, and
// relative ones be relative to it.
func (c *Config) confine(dir string) error {
	root, err := fsutil.OpenRoot(dir)
	if err != nil {
		return problem.New(problem.Usage, "name the project's directory", "opening project %q: %w", dir, err)
	}
	defer func() { _ = root.Close() }() // only looked into
	for _, p := range []struct {
		key   string
		value *string
	}{{"toolchain.ref", &c.Toolchain}, {"check.target", &c.CheckTarget}, {"build.for", &c.RunsOn}, {"image.base", &c.Base}} {
		r, err := ref.Parse(*p.value)
		if err != nil || c.Origin(p.key) != FileName || !r.Kind.Local() {
			continue
		}
		if r.Value, err = confined(root, dir, r.Value); err != nil {
			return outside(p.key, err)
		}
		if info, err := os.Stat(r.Value); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
			return outside(p.key, fmt.Errorf("it is a %s", fsutil.Kind(info.Mode()))) // opening it could wait for ever
		}
		*p.value = r.String()
	}
	if c.Origin("toolchain.sources") == FileName && !strings.Contains(c.Sources, "://") {
		if c.Sources, err = confined(root, dir, c.Sources); err != nil {
			return outside("toolchain.sources", err)
		}
	}
	if c.Origin("output_dir") == FileName {
		if _, err := confined(root, dir, c.OutputDir); err != nil {
			return outside("output_dir", err)
		}
	}
	return nil
}

// confined is path, which is relative to dir, as the working directory has it.
func confined(root *os.Root, dir, path string) (string, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	rel, err := fsutil.Inside(dir, path)
	if err != nil {
		return "", errors.New("it lies outside of the project")
	}
	if link, target := fsutil.LeavingLink(root, rel); link != "" {
		return "", fmt.Errorf("%q is a link that leads out of the project, to %q", link, target)
	}
	return path, nil
}

func outside(key string, err error) error {
	s := settingOf(key)
	return problem.New(problem.Usage, fmt.Sprintf("name a place in the project, or say it yourself: --%s, or %s", s.Flag, s.Env),
		"%s: %s: %w", FileName, key, err)
}

func settingOf(key string) Setting {
	for _, s := range Settings() {
		if s.Key == key {
			return s
		}
	}
	return Setting{}
}

// Where builders are, by the scheme of their address. What follows it ends as
// arguments of docker, kubectl and ssh, whose far end is a shell: so it is no
// option, and holds nothing that a shell takes for more than a character.
var builderAddresses = map[string]*regexp.Regexp{
	"unix":             regexp.MustCompile(`\A/[^\x00-\x1f\x7f]+\z`),
	"tcp":              regexp.MustCompile(`\A(` + hostName + `|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?/?\z`),
	"ssh":              regexp.MustCompile(`\A([A-Za-z0-9_][A-Za-z0-9_.+-]*@)?(` + hostName + `|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9_./-]*)?\z`),
	"docker-container": regexp.MustCompile(`\A` + hostName + `(\?` + query + `)?\z`),
	"podman-container": regexp.MustCompile(`\A` + hostName + `(\?` + query + `)?\z`),
	"kube-pod":         regexp.MustCompile(`\A` + hostName + `(\?` + query + `)?\z`),
}

const (
	hostName = `[A-Za-z0-9_][A-Za-z0-9_.-]*`
	query    = `[A-Za-z0-9_.=&:/@%+-]*`
)

func checkAddress(address string) error {
	scheme, rest, ok := strings.Cut(address, "://")
	if rule := builderAddresses[scheme]; address == "docker" || ok && rule != nil && rule.MatchString(rest) {
		return nil
	}
	return fmt.Errorf("%s cannot be an address", grammar.Quote(address))
}
