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

// What lets code do more than compute while it is compiled is told by names: of
// modules for files, ports, code, the system and what outlives a compilation
// (acts), once calls of theirs that change nothing are left aside (looks). A
// name alone, or a way to make one (byName), needs a call through it as well
// (dynamic). What is found too much costs time and nothing else.
var (
	acts = regexp.MustCompile(strings.Join([]string{
		`\b(File|System|Port|Code|Mix|Node|Agent|Rustler|Zig|IEx\.\w+|Application\.(put|delete)_\w+|Kernel\.\w*Compiler\w*|Module\.create|parse_transform)\b`,
		`:(` + actors + `)\.|\b(` + actors + `):[a-z]|\b(open_port|load_nif|eval\w*|compile_\w+)\(|\bput_attribute\(`,
		`\b[A-Z]\w*:[a-z]\w*\(|\b(apply|spawn\w*)\(\s*([A-Z]\w*,|(` + actors + `)\b)`, // Erlang, by a module's name in a variable
	}, "|"))
	looks = regexp.MustCompile(strings.Join([]string{
		`\bSystem\.(get_env|fetch_env!?|schedulers\w*|\w+_time|unique_integer|version|otp_release|pid|convert_time_unit|time_offset|build_info|stop|halt|find_executable)\b`,
		`\bFile\.(read!?|exists\?|dir\?|regular\?|l?stat!?|ls!?|read_link!?)`,
		`\bCode\.(ensure_\w+[!?]?|loaded\?|fetch_docs|format_\w+!?)`, `\bMix\.(env|target|Project\.(config|app_path|deps_path|build_path))\(`,
		`\bPort\.(info|close|command|connect|monitor|demonitor)\b`, `\bNode\.(self|list|alive\?|monitor|connect|ping|disconnect)\b`,
		`:os\.(type|timestamp|system_time|getenv|version|perf_counter|getpid)\b`, `:code\.(priv_dir|lib_dir|root_dir|which|is_loaded)\b`,
		`:application\.(get_\w+|ensure_all_started|which_applications|loaded_applications)\b`,
		`:erlang\.(system_info|\w+_time|unique_integer|memory|statistics|phash2?|md5|crc32|adler32|\w+_to_(binary|list|iovec|integer|float)|nif_error|garbage_collect|` +
			`node|self|float|round|element|iolist_size|external_size|send_after|start_timer|cancel_timer|read_timer|monitor|demonitor|timestamp|decode_packet|is_process_alive|raise)\b`,
	}, "|"))
	byName = regexp.MustCompile(strings.Join([]string{
		`:(` + actors + `)\b|\b(` + actors + `)["']?:|Elixir\.|:["'][^"'\n]*(\\|#\{)|:["'](` + actors + `)["']|\\[xu][^"\n]*"\s*:|~w.*\\[xu]`,
		`\bto_(existing_)?atom\b|\b(binary|list|iolist)_to_(existing_)?(atom|term)\b|\bModule\.(safe_)?concat\b|\bProcess\.info\b|__STACKTRACE__`,
		`~w(\([^)]*|\[[^\]]*|\{[^}]*|<[^>]*|/[^/]*|\|[^|]*|"[^"]*|'[^']*)\b(` + actors + `)\b`,
	}, "|"))
	dynamic = regexp.MustCompile(`\b[a-z_]\w*[!?]?(\(\))?\.[a-z_]\w*[!?]?\(|\)\.[a-z_]\w*[!?]?\(|\b(apply\w*|spawn\w*|capture|Task|\w*Supervisor|start\w*|Registry|defdelegate)\b|\b(alias|import|require|use|to:)\s+:`)
)

// actors are the modules of Erlang and OTP that reach beyond a process.
const actors = `file|filelib|file_\w+|raw_file_io\w*|prim_\w+|os|erlang|erts_\w+|code|code_server|compile|erl_\w+|elixir\w*|zip|disk_log|d?ets|` +
	`beam_\w+|rpc|erpc|net_kernel|persistent_term|application|application_controller|ssh\w*|httpc|ftp|` +
	`mnesia\w*|release_handler|systools|reltool|cover|dbg|escript|leex|yecc|epp|c`

// mayAct says whether code may do more than define modules while it is compiled.
func mayAct(text []byte) bool {
	rest := looks.ReplaceAll(text, []byte(" "))
	return acts.Match(rest) || byName.Match(rest) && dynamic.Match(rest)
}

// reads finds what lets code take files into itself that Mix does not know of.
var reads = regexp.MustCompile(`\b(File|Path\.wildcard|Code\.\w*_file|EEx\.(eval|compile)_file)\b|:(prim_)?file(lib)?\b`)

// readsCode finds what lets that be code, whose compiler then does not know of it.
var readsCode = regexp.MustCompile(`\.(ex|exs|e?eex|leex|heex|erl|hrl)\b|__DIR__|__ENV__|\*\*|"lib\b|"src\b`)

// remark is a line of Elixir that is a comment.
var remark = regexp.MustCompile(`(?m)^[ \t]*#.*$`)

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
			named.Write(remark.ReplaceAll(raw, nil)) // Phoenix's own prod.exs speaks of runtime.exs
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
	readingCode // maybe: it reads files, and names code
)

func whatItSays(t *source.Tree, f source.File) says {
	raw, err := t.ReadFile(f.Path, maxActs)
	if err != nil {
		return acting | reading
	}
	var s says
	if mayAct(raw) {
		s |= acting
	}
	if reads.Match(raw) {
		s |= reading
	}
	if s&reading != 0 && readsCode.Match(raw) {
		s |= readingCode
	}
	return s
}

// actsRecipe changes whenever what counts as acting does.
const actsRecipe = "3"

// Lineage names what of the source may have had a say in what a build kept. What
// files say is remembered in st.
func (p *Plan) Lineage(ctx context.Context, t *source.Tree, st *store.Store) (string, error) {
	t = t.From(p.Context.At)
	m := memo{known: map[store.Digest]says{}, next: map[store.Digest]says{}}
	key := actsRecipe + " " + p.Dir
	st.Get("acts", key, &m.known)
	inert := p.inert(t)
	var all says
	lines := []string{p.stepsLine()}
	var beside, code []string
	for _, f := range t.Files {
		line := fmt.Sprintf("%s %t %q\n", f.Digest, f.Exec, f.Path)
		switch kind := kindOf(f); {
		case kind == compiled || path.Base(f.Path) == "mix.exs" && f.Link == "":
			s := m.of(t, f)
			all |= s
			if kind != compiled || s&acting != 0 {
				lines = append(lines, line)
			} else {
				code = append(code, line)
			}
		case inert[f.Path]:
		case kind == passive:
			beside = append(beside, line)
		default:
			lines = append(lines, line)
		}
	}
	if all&reading != 0 {
		lines = append(lines, beside...)
	}
	if all&readingCode != 0 {
		lines = append(lines, code...)
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
	passive              // documentation and scripts, which only what reads files sees
)

func kindOf(f source.File) kind {
	base, ext := path.Base(f.Path), path.Ext(f.Path)
	switch {
	case f.Link != "", base == "mix.exs", strings.HasPrefix(f.Path, "config/"):
		return input
	case ext == ".md", ext == ".exs":
		return passive
	case source.IsCode(f.Path):
		return compiled
	}
	return input
}
