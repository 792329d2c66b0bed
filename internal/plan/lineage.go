package plan

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"dram/internal/source"
	"dram/internal/store"
)

// What a build keeps was made by code that ran while it compiled: mix.exs,
// compilers, macros, module bodies. Of the source that is there now, Mix knows
// what to compile again. Of what was there before it knows nothing: a step of an
// older mix.exs, or a module body that is gone since, may have written whatever
// it liked. So what is kept is kept by lineage: all of the source but code that,
// as far as its text says, can do nothing while it is compiled but define
// modules. A change to anything else begins a new one, with nothing but the
// dependencies; and whoever has that source has the same, whatever was built
// before.

// acts finds what lets code do more than compute: modules of Elixir and Erlang
// for files, ports, code, the system and what outlives a compilation, and ways
// to a module whose name is not written there. What it finds too much costs time
// and nothing else.
var acts = regexp.MustCompile(strings.Join([]string{
	`\b(File|System|Port|Code|Mix|IEx|Node|Agent|Rustler|Zig|Application\.(put|delete)_\w+|Path\.wildcard)\b`,
	`\b(Module\.(concat|safe_concat|create)|Kernel\.\w*Compiler\w*|Process\.info|__STACKTRACE__|parse_transform)\b`,
	`Elixir\.|:"|:'|\\[xu]|\bto_(existing_)?atom\b|\b(binary|list|iolist)_to_(existing_)?(atom|term)\b`,
	`\b(apply|open_port|load_nif|eval\w*|compile_\w+|put_attribute|delete_attribute)\(`,
	`:(` + actors + `)\b|\b(` + actors + `)["']?:`,
	`~w(\([^)]*|\[[^\]]*|\{[^}]*|<[^>]*|/[^/]*|\|[^|]*|"[^"]*|'[^']*)\b(` + actors + `)\b`,
}, "|"))

// actors are the modules of Erlang and OTP that reach beyond a process.
const actors = `file|filelib|file_\w+|raw_file_io\w*|prim_\w+|os|erlang|erts_\w+|code|code_server|compile|erl_\w+|elixir\w*|zip|disk_log|d?ets|` +
	`beam_\w+|rpc|erpc|net_kernel|persistent_term|application|application_controller|ssh\w*|httpc|ftp|gen_tcp|gen_udp|socket|` +
	`mnesia\w*|release_handler|systools|reltool|cover|dbg|escript|leex|yecc|epp|c`

// reads finds what lets code take files into itself that Mix does not know of.
var reads = regexp.MustCompile(`\b(File|Path\.wildcard|Code|EEx)\b|:(prim_)?file(lib)?\b`)

// inert are files of config/ that no build reads, unless another file of
// config/ or mix.exs names them: they are read when a release starts, or in
// another environment.
func (p *Plan) inert(t *source.Tree) map[string]bool {
	var named strings.Builder
	candidates := map[string]bool{}
	for _, f := range t.Files {
		dir, base := path.Split(f.Path)
		switch {
		case dir == "config/" && slices.Contains([]string{"runtime.exs", "releases.exs", "dev.exs", "test.exs"}, base) && base != p.MixEnv+".exs":
			candidates[f.Path] = true
		case dir == "config/" && f.Link == "", f.Path == "mix.exs":
			raw, err := t.ReadFile(f.Path, maxActs)
			if err != nil {
				return nil
			}
			named.Write(raw)
		}
	}
	for name := range candidates {
		if strings.Contains(named.String(), path.Base(name)) {
			delete(candidates, name)
		}
	}
	return candidates
}

// maxActs bounds the code that is looked at, in bytes: what is larger counts as
// acting.
const maxActs = 1 << 20

// says is what the text of a file says that it may do while it is compiled.
type says uint8

const (
	acting says = 1 << iota
	reading
)

func whatItSays(t *source.Tree, f source.File) says {
	raw, err := t.ReadFile(f.Path, maxActs)
	if err != nil {
		return acting | reading
	}
	var s says
	if acts.Match(raw) {
		s |= acting
	}
	if reads.Match(raw) {
		s |= reading
	}
	return s
}

// actsRecipe changes whenever what counts as acting does.
const actsRecipe = "1"

// Lineage names what of the source may have had a say in what a build kept. What
// files say is remembered in st.
func (p *Plan) Lineage(ctx context.Context, t *source.Tree, st *store.Store) (string, error) {
	m := memo{known: map[store.Digest]says{}, next: map[store.Digest]says{}}
	key := actsRecipe + " " + p.Dir
	st.Get("acts", key, &m.known)
	inert := p.inert(t)
	var all says
	var lines, beside []string
	for _, f := range t.Files {
		line := fmt.Sprintf("%s %t %q\n", f.Digest, f.Exec, f.Path)
		switch kind := kindOf(f); {
		case kind == compiled || path.Base(f.Path) == "mix.exs" && f.Link == "":
			s := m.of(t, f)
			all |= s & reading
			if kind != compiled || s&acting != 0 {
				lines = append(lines, line)
			}
		case inert[f.Path]:
		case kind == aside:
			beside = append(beside, line)
		default:
			lines = append(lines, line)
		}
	}
	if all&reading != 0 {
		lines = append(lines, beside...)
	}
	if err := errors.Join(ctx.Err(), m.save(st, key)); err != nil {
		return "", err
	}
	return store.DigestOf([]byte(strings.Join(lines, ""))).Hex(), nil
}

// memo remembers what files say, by their content.
type memo struct {
	known, next map[store.Digest]says
}

func (m *memo) of(t *source.Tree, f source.File) says {
	s, ok := m.known[f.Digest]
	if !ok {
		s = whatItSays(t, f)
	}
	m.next[f.Digest] = s
	return s
}

func (m *memo) save(st *store.Store, key string) error {
	if maps.Equal(m.known, m.next) {
		return nil
	}
	return st.Put("acts", key, m.next)
}

// kind is what a file is to a compilation.
type kind int

const (
	input    kind = iota // anything may read it: configuration, priv, C code
	compiled             // its compiler knows what depends on it
	aside                // documentation and scripts, which only what reads files sees
)

func kindOf(f source.File) kind {
	base, ext := path.Base(f.Path), path.Ext(f.Path)
	switch {
	case f.Link != "", base == "mix.exs", strings.HasPrefix(f.Path, "config/"):
		return input
	case ext == ".md", ext == ".exs":
		return aside
	case source.IsCode(f.Path):
		return compiled
	}
	return input
}
