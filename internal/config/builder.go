package config

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/pelletier/go-toml/v2/unstable"

	"dram/internal/grammar"
	"dram/internal/problem"
)

// Builder is one [[builder]] of dram.toml: a BuildKit that builds run at.
type Builder struct {
	Name      string
	Address   string   // as BuildKit's client takes it: "tcp://build-1.example:1234"
	Platforms []string // what it is used for; what it says that it does, if empty
	Weight    int      // how many builds it runs at a time
	// Files of PEM for tcp://, absolute once loaded; each may be empty.
	CA, Cert, Key string
	ServerName    string // what its certificate is to say, if not the host's name
}

// The bounds of a builder's weight, and of how many builders there may be.
const (
	maxWeight   = 64
	maxBuilders = 100
)

// builderField is one key of a [[builder]].
type builderField struct {
	key  string
	help string
	to   func(*Builder) any // *string, *[]string or *int
}

func builderFields() []builderField {
	return []builderField{
		{"name", "what dram calls it: letters, digits, and . _ - between them", func(b *Builder) any { return &b.Name }},
		{"address", "where it is: docker, unix:///PATH, tcp://HOST:PORT, ssh://HOST, docker-container://NAME, podman-container://NAME or kube-pod://POD", func(b *Builder) any { return &b.Address }},
		{"platforms", "what it is used for: a list of platforms such as linux/arm64", func(b *Builder) any { return &b.Platforms }},
		{"weight", fmt.Sprintf("how many builds it runs at a time: 1 to %d", maxWeight), func(b *Builder) any { return &b.Weight }},
		{"ca", "a file with the certificates of who signed the builder's", func(b *Builder) any { return &b.CA }},
		{"cert", "a file with the certificate to show it; key belongs to it", func(b *Builder) any { return &b.Cert }},
		{"key", "a file with the key of cert", func(b *Builder) any { return &b.Key }},
		{"server_name", "the name in the builder's certificate, if not the host's", func(b *Builder) any { return &b.ServerName }},
	}
}

var (
	builderName     = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$`)
	builderPlatform = regexp.MustCompile(`^linux/[a-z0-9]+(/[a-z0-9.]+)?$`)
)

// builders reads the [[builder]] tables of a dram.toml.
func builders(raw []byte, v any) ([]Builder, error) {
	if v == nil {
		return nil, nil
	}
	list, ok := v.([]any)
	lines := builderLines(raw)
	if !ok || len(list) > maxBuilders {
		return nil, problem.New(problem.Usage, `write [[builder]] above each, and below it name = "…" and address = "…"`,
			"%s: builder must be a list of at most %d tables: write [[builder]] above each", FileName, maxBuilders)
	}
	var out []Builder
	for i, e := range list {
		where := FileName
		if i < len(lines) {
			where = fmt.Sprintf("%s:%d", FileName, lines[i])
		}
		b, hint, err := builder(e)
		if err == nil && slices.ContainsFunc(out, func(other Builder) bool { return other.Name == b.Name }) {
			hint, err = "give each builder a name of its own", fmt.Errorf("there are two of that name")
		}
		if err != nil {
			return nil, problem.New(problem.Usage, hint, "%s: builder %s: %w", where, grammar.Quote(b.Name), err)
		}
		out = append(out, b)
	}
	return out, nil
}

// builderLines are the lines on which the [[builder]] tables begin.
func builderLines(raw []byte) []int {
	var lines []int
	p := unstable.Parser{}
	p.Reset(raw)
	for p.NextExpression() {
		e := p.Expression()
		if e.Kind != unstable.ArrayTable {
			continue
		}
		if keys := e.Key(); keys.Next() && string(keys.Node().Data) == "builder" && keys.IsLast() {
			lines = append(lines, p.Shape(keys.Node().Raw).Start.Line)
		}
	}
	return lines
}

// builder reads one table; hint says how what is wrong is to be.
func builder(v any) (b Builder, hint string, err error) {
	table, ok := v.(map[string]any)
	if !ok {
		return b, "write [[builder]] above each", fmt.Errorf("it is not a table")
	}
	b.Weight = 1
	b.Name, _ = table["name"].(string) // for what is said of the others
	keys := make([]string, 0, len(table))
	for k := range table {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		i := slices.IndexFunc(builderFields(), func(f builderField) bool { return f.key == k })
		if i < 0 {
			return b, fmt.Sprintf("did you mean %q?", nearestOf(k, builderKeys())), fmt.Errorf("unknown key %s", grammar.Quote(k))
		}
		if err := builderFields()[i].set(&b, table[k]); err != nil {
			return b, builderFields()[i].help, fmt.Errorf("%s: %w", k, err)
		}
	}
	hint, err = b.check()
	return b, hint, err
}

func builderKeys() []string {
	fields := builderFields()
	keys := make([]string, 0, len(fields))
	for _, f := range fields {
		keys = append(keys, f.key)
	}
	return keys
}

func (f builderField) set(b *Builder, v any) error {
	switch to := f.to(b).(type) {
	case *string:
		if s, ok := v.(string); ok && s != "" {
			*to = s
			return nil
		}
		return fmt.Errorf("must be a string that is not empty, is %s", brief(v))
	case *[]string:
		if l, ok := v.([]any); ok && len(l) > 0 {
			var err error
			*to, err = list(l)
			return err
		}
		return fmt.Errorf("must be a list that is not empty, is %s", brief(v))
	case *int:
		if n, ok := v.(int64); ok && n >= 1 && n <= maxWeight {
			*to = int(n)
			return nil
		}
	}
	return fmt.Errorf("must be a number from 1 to %d, is %s", maxWeight, brief(v))
}

// check finds what does not fit together.
func (b Builder) check() (hint string, err error) {
	switch {
	case !builderName.MatchString(b.Name):
		return builderFields()[0].help, fmt.Errorf("a builder cannot have that name")
	case b.Address == "":
		return builderFields()[1].help, fmt.Errorf("it has no address")
	case (b.Cert == "") != (b.Key == ""):
		return "give both: the certificate to show, and its key", fmt.Errorf("cert and key go together")
	}
	if err := checkAddress(b.Address); err != nil {
		return builderFields()[1].help, err
	}
	for _, p := range b.Platforms {
		if !builderPlatform.MatchString(p) {
			return builderFields()[2].help, fmt.Errorf("dram builds for no platform %s", grammar.Quote(p))
		}
	}
	return "", nil
}

// checkFiles refuses what is there and no file: reading it could wait, or never end.
func (b Builder) checkFiles() error {
	for _, file := range []string{b.CA, b.Cert, b.Key} {
		if file == "" {
			continue
		}
		info, err := os.Stat(file)
		if err == nil && (!info.Mode().IsRegular() || info.Size() > maxFile) {
			return problem.New(problem.Usage, "name a file of PEM, of at most 1 MiB", "%s: builder %q: there is no such file: %q", FileName, b.Name, file)
		}
	}
	return nil // one that is not there: whoever needs it says so
}

// in is b with files relative to the project's directory made absolute.
func (b Builder) in(dir string) Builder {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	for _, file := range []*string{&b.CA, &b.Cert, &b.Key} {
		if *file != "" && !filepath.IsAbs(*file) {
			*file = filepath.Join(dir, *file)
		}
	}
	return b
}
