// Package distillery reads rel/config.exs, the file in which a project of
// Distillery 1.x or 2.x declares its releases and environments, and changes one
// setting of it in place. It runs nothing: what the file computes is unknown
// (see package elixir), never guessed.
//
// Distillery's own documentation of the file is its "Configuration" page; a
// setting of an environment wins over the same setting of a release.
package distillery

import (
	"slices"

	"dram/internal/project/elixir"
)

// File is where the configuration lies in a project.
const File = "rel/config.exs"

// Config is what the file says.
type Config struct {
	// Module is what it uses: "Mix.Releases.Config" up to Distillery 2.0,
	// "Distillery.Releases.Config" from 2.1 on; "" where that is not known.
	Module string
	// DefaultRelease and DefaultEnvironment are those that the file names; ""
	// where it names none, computes one, or says :default (the first).
	DefaultRelease, DefaultEnvironment string

	Releases, Environments []Block
	// Open means that there may be more releases or environments than are known:
	// some stand in a loop, or have a computed name.
	Open bool
}

// Block is a release or an environment.
type Block struct {
	Name     string
	Settings []Setting // in the file's order
	Plugins  []string  // modules
	// Open means that there may be more settings than are known.
	Open bool

	head, insert int // byte offsets: of the block, and behind its "do"
}

// Setting is one key of a `set`.
type Setting struct {
	Key   string
	Value elixir.Value
	// AppVersion is the application of current_version(:app), "" if the value is
	// none.
	AppVersion string

	line, lineEnd int // byte offsets of the whole `set`
	start, end    int // byte offsets of the value
}

// Read reads the text of a rel/config.exs. The error is an *elixir.Error: the
// text cannot be Elixir.
func Read(src string) (*Config, error) {
	statements, err := elixir.ReadScript(File, src)
	if err != nil {
		return nil, err
	}
	c := &Config{}
	for _, s := range statements {
		c.statement(s)
	}
	return c, nil
}

func (c *Config) statement(s elixir.Statement) {
	switch s.Name {
	case "use":
		c.use(s)
	case "release", "environment":
		c.block(s)
	default:
		c.Open = c.Open || s.HasBody // for, if, …: what is in it depends
	}
}

func (c *Config) use(s elixir.Statement) {
	if len(s.Args) == 0 || s.Args[0].Value.Type != elixir.Alias {
		return
	}
	c.Module = s.Args[0].Value.Text
	for key, to := range map[string]*string{"default_release": &c.DefaultRelease, "default_environment": &c.DefaultEnvironment} {
		if a, ok := s.Keyword(key); ok && a.Value.Type == elixir.Atom && a.Value.Text != "default" {
			*to = a.Value.Text
		}
	}
}

func (c *Config) block(s elixir.Statement) {
	if !s.HasBody || len(s.Args) != 1 || s.Args[0].Value.Type != elixir.Atom {
		c.Open = true
		return
	}
	b := Block{Name: s.Args[0].Value.Text, head: s.Start, insert: s.BodyStart}
	for _, line := range s.Body {
		b.statement(line)
	}
	if s.Name == "release" {
		c.Releases = append(c.Releases, b)
	} else {
		c.Environments = append(c.Environments, b)
	}
}

func (b *Block) statement(s elixir.Statement) {
	switch {
	case s.Name == "set" && !s.HasBody:
		for _, a := range s.Args {
			if !a.Keyed {
				b.Open = true
				continue
			}
			set := Setting{Key: a.Key, Value: a.Value, line: s.Start, lineEnd: s.End, start: a.Start, end: a.End}
			if a.Call == "current_version" && a.CallArg.Type == elixir.Atom {
				set.AppVersion = a.CallArg.Text
			}
			b.Settings = append(b.Settings, set)
		}
	case s.Name == "plugin" && len(s.Args) > 0:
		b.Plugins = append(b.Plugins, s.Args[0].Value.Text)
	default:
		b.Open = true
	}
}

// Get is the block's setting: the last one, as each replaces the one before.
func (b *Block) Get(key string) (Setting, bool) {
	if b == nil {
		return Setting{}, false
	}
	for _, s := range slices.Backward(b.Settings) {
		if s.Key == key {
			return s, true
		}
	}
	return Setting{}, false
}

// Release is the release of that name, nil if there is none. A later block
// replaces an earlier one of the same name, as Distillery has it.
func (c *Config) Release(name string) *Block { return last(c.Releases, name) }

// Environment is the environment of that name, nil if there is none.
func (c *Config) Environment(name string) *Block { return last(c.Environments, name) }

func last(blocks []Block, name string) *Block {
	for i, b := range slices.Backward(blocks) {
		if b.Name == name {
			return &blocks[i]
		}
	}
	return nil
}

// Profile is a setting as it holds for a release in an environment: the
// environment's, else the release's.
func (c *Config) Profile(release, environment, key string) (Setting, bool) {
	if s, ok := c.Environment(environment).Get(key); ok && !s.Value.IsAtom("nil") {
		return s, true
	}
	return c.Release(release).Get(key)
}

// Text is the text of a string or charlist; ok is false for anything else.
func (s Setting) Text() (text string, ok bool) {
	return s.Value.Text, s.Value.Type == elixir.String || s.Value.Type == elixir.Charlist
}
