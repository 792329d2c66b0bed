package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"dram/internal/fsutil"
	"dram/internal/grammar"
	"dram/internal/problem"
)

// FileName is the settings file of a project.
const FileName = "dram.toml"

// maxFile bounds dram.toml, in bytes.
const maxFile = 1 << 20

// Load reads dram.toml of the project in dir, if there is one, and the DRAM_*
// variables of environ over it.
func Load(dir string, environ []string) (Config, error) {
	raw, err := read(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}.WithEnviron(environ)
	}
	if err != nil {
		return Config{}, problem.New(problem.Usage, "make it a readable file inside the project, of at most 1 MiB",
			"reading settings %q: %w", filepath.Join(dir, FileName), err)
	}
	c, err := Parse(raw)
	if err != nil {
		return c, err
	}
	if err := c.confine(dir); err != nil {
		return c, err
	}
	for i := range c.Builders {
		c.Builders[i] = c.Builders[i].in(dir)
		if err := c.Builders[i].checkFiles(); err != nil {
			return c, err
		}
	}
	return c.WithEnviron(environ)
}

// read reads dram.toml; the error of one that is not there is fs.ErrNotExist.
func read(dir string) ([]byte, error) {
	root, err := fsutil.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }() // only read from
	return fsutil.ReadIn(root, FileName, maxFile)
}

// Parse reads the content of a dram.toml. A key that no setting has is an
// error that names its line and the nearest key there is.
func Parse(raw []byte) (Config, error) {
	var top map[string]any
	if err := grammar.TOML(raw, &top); err != nil {
		return Config{}, syntaxProblem(err)
	}
	var c Config
	var err error
	seen := map[string]bool{"builder": true, "step": true, "image.files": true, "image.directories": true, "image.healthcheck": true}
	if c.ImageTables, err = imageTables(top["image"]); err != nil {
		return c, err
	}
	if c.Steps, err = steps(top["step"]); err != nil {
		return c, err
	}
	if c.Builders, err = builders(raw, top["builder"]); err != nil {
		return c, err
	}
	for _, s := range Settings() {
		v, ok := lookup(top, s.Key)
		if !ok {
			continue
		}
		seen[s.Key] = true
		values, err := s.values(v)
		if err != nil {
			return c, problem.New(problem.Usage, s.Help, "%s: %s: %w", FileName, s.Key, err)
		}
		if len(values) == 0 {
			continue
		}
		if c, err = c.with(s, values, FileName); err != nil {
			return c, err
		}
	}
	return c, unknownKeys(raw, top, "", seen)
}

// syntaxHint says how settings are written there.
const syntaxHint = `write it as TOML, such as engine = "native", or packages = ["git"] in the table [toolchain]`

func syntaxProblem(err error) error {
	if de, ok := errors.AsType[*toml.DecodeError](err); ok {
		row, col := de.Position()
		return problem.New(problem.Usage, syntaxHint, "%s:%d:%d: %s", FileName, row, col, brief(err))
	}
	hint := syntaxHint
	if errors.Is(err, grammar.ErrTOML) {
		hint = "make it smaller"
	}
	return problem.New(problem.Usage, hint, "%s: %s", FileName, brief(err))
}

func lookup(top map[string]any, key string) (any, bool) {
	table, name, nested := strings.Cut(key, ".")
	if !nested {
		v, ok := top[key]
		return v, ok
	}
	sub, ok := top[table].(map[string]any)
	if !ok {
		return nil, false
	}
	v, ok := sub[name]
	return v, ok
}

// values turns a TOML value into what the setting takes.
func (s Setting) values(v any) ([]string, error) {
	switch v := v.(type) {
	case bool:
		if s.IsSwitch() {
			return []string{strconv.FormatBool(v)}, nil
		}
	case string:
		if (!s.IsList() && !s.IsSwitch() || s.names) && v != "" {
			return []string{v}, nil
		}
	case int64:
		if s.number {
			return []string{strconv.FormatInt(v, 10)}, nil
		}
	case []any:
		if s.IsList() && !s.pairs {
			return list(v)
		}
	case map[string]any:
		if s.pairs {
			return table(v)
		}
	}
	want := map[bool]string{true: "a list", false: "a string that is not empty"}[s.IsList()]
	switch {
	case s.IsSwitch():
		want = "true or false"
	case s.pairs:
		want = "a table"
	case s.number:
		want = "a number"
	case s.names:
		want = "a name or a list of them"
	}
	return nil, fmt.Errorf("must be %s, is %s", want, brief(v))
}

// brief is a value of any type for a message.
func brief(v any) string {
	const most = 200 // characters
	text := []rune(fmt.Sprint(v))
	if len(text) <= most {
		return string(text)
	}
	return string(text[:most]) + "…"
}

func list(v []any) ([]string, error) {
	var out []string
	for _, e := range v {
		switch e := e.(type) {
		case string:
			out = append(out, e)
		case int64:
			out = append(out, fmt.Sprint(e))
		default:
			return nil, fmt.Errorf("%s is neither a string nor an integer", brief(e))
		}
	}
	return out, nil
}

func table(v map[string]any) ([]string, error) {
	var out []string
	for k, e := range v {
		switch e := e.(type) {
		case string, int64, bool:
			out = append(out, fmt.Sprintf("%s=%v", k, e))
		default:
			return nil, fmt.Errorf("the value of %s must be a string", grammar.Quote(k))
		}
	}
	slices.Sort(out)
	return out, nil
}

// unknownKeys finds a key of the file that is not among the known ones.
func unknownKeys(raw []byte, top map[string]any, prefix string, known map[string]bool) error {
	names := make([]string, 0, len(top))
	for k := range top {
		names = append(names, k)
	}
	slices.Sort(names)
	for _, k := range names {
		key := prefix + k
		sub, isTable := top[k].(map[string]any)
		switch {
		case known[key]:
		case isTable && prefix == "" && isGroup(k):
			if err := unknownKeys(raw, sub, k+".", known); err != nil {
				return err
			}
		default:
			return problem.New(problem.Usage, fmt.Sprintf("did you mean %q?", nearest(key)),
				"%s:%d: unknown setting %s", FileName, lineOf(raw, k), grammar.Quote(key))
		}
	}
	return nil
}

func isGroup(name string) bool {
	return slices.ContainsFunc(Settings(), func(s Setting) bool { return strings.HasPrefix(s.Key, name+".") })
}

// lineOf is the line on which a key or table of that name first stands.
func lineOf(raw []byte, name string) int {
	p := unstable.Parser{}
	p.Reset(raw)
	for p.NextExpression() {
		keys := p.Expression().Key()
		for keys.Next() {
			if node := keys.Node(); string(node.Data) == name {
				return p.Shape(node.Raw).Start.Line
			}
		}
	}
	return 1
}

// nearest is the setting whose key differs least from the one given.
func nearest(key string) string {
	keys := []string{"builder", "step", "image.files", "image.directories", "image.healthcheck"}
	for _, s := range Settings() {
		keys = append(keys, s.Key)
	}
	return nearestOf(key, keys)
}

func nearestOf(key string, among []string) string {
	const most = 100 // bytes; a longer one is near to nothing
	key = key[:min(len(key), most)]
	return slices.MinFunc(among, func(a, b string) int { return cmp.Compare(grammar.Distance(key, a), grammar.Distance(key, b)) })
}
