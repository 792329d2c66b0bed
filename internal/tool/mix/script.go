package mix

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"dram/internal/problem"
	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/shell"
)

// reading is a script of the project of which it is to be known what it does at each start:
// it sets variables, to texts and to other variables.
type reading struct {
	path     string
	exported []string // names
	out      []string // NAME=VALUE
}

// passed are the variables that the start script exports after env.sh.
func passed() []string {
	return strings.Fields("RELEASE_COOKIE RELEASE_MODE RELEASE_NODE RELEASE_TMP RELEASE_VM_ARGS RELEASE_REMOTE_VM_ARGS RELEASE_DISTRIBUTION " +
		"RELEASE_BOOT_SCRIPT RELEASE_BOOT_SCRIPT_CLEAN RELEASE_SYS_CONFIG RELEASE_ROOT RELEASE_NAME RELEASE_VSN RELEASE_COMMAND RELEASE_PROG")
}

// settingsOf is what env.sh sets.
func settingsOf(rel *release.Release, name string) ([]string, error) {
	raw, err := rootfs.ReadFile(rel.FS, name, maxScript)
	if err != nil {
		return nil, fmt.Errorf("reading release %q: %w", rel.Name, err)
	}
	text, _, _ := strings.Cut(string(raw), "# dram: cookie") // which the launcher does itself
	r := &reading{path: name}
	stmts, err := r.parse(text)
	if err != nil {
		return nil, err
	}
	for _, s := range stmts {
		if d, ok := s.Cmd.(*syntax.DeclClause); ok {
			for _, a := range d.Args {
				if a.Name != nil {
					r.exported = append(r.exported, a.Name.Value)
				}
			}
		}
	}
	for _, s := range stmts {
		if err := r.statement(s); err != nil {
			return nil, err
		}
	}
	return r.out, nil
}

func (r *reading) parse(text string) ([]*syntax.Stmt, error) {
	f, err := shell.Read(text, r.path)
	if err != nil {
		return nil, problem.New(problem.Usage, keepShell, "reading a script: %w", err)
	}
	return f.Stmts, nil
}

// refuse says what cannot be known before the start, and where it stands.
func (r *reading) refuse(at syntax.Node, what string) error {
	return problem.New(problem.Usage, keepShell+",\nor set the variable where the container is started", "%s:%d: %s: without a shell nothing does that at the start", r.path, at.Pos().Line(), what)
}

func (r *reading) statement(s *syntax.Stmt) error {
	if len(s.Redirs) > 0 || s.Negated || s.Background {
		return r.refuse(s, "it does more than to set variables")
	}
	switch c := s.Cmd.(type) {
	case *syntax.DeclClause:
		if c.Variant.Value != "export" {
			return r.refuse(s, c.Variant.Value)
		}
		for _, a := range c.Args {
			if a.Name == nil {
				return r.refuse(s, "export of words that are put together")
			}
			if a.Naked {
				continue // what it has is passed on
			}
			if err := r.assign(a); err != nil {
				return err
			}
		}
		return nil
	case *syntax.CallExpr:
		if len(c.Args) > 0 {
			if words, ok := literals(c.Args); ok && len(words) > 1 && words[0] == "set" && strings.HasPrefix(words[1], "-") {
				return nil
			}
			return r.refuse(s, "it calls a program")
		}
		for _, a := range c.Assigns {
			if a.Name != nil && !slices.Contains(r.exported, a.Name.Value) && !slices.Contains(passed(), a.Name.Value) {
				return r.refuse(s, a.Name.Value+" is set and not exported")
			}
			if err := r.assign(a); err != nil {
				return err
			}
		}
		return nil
	}
	return r.refuse(s, "it decides")
}

// assign notes what a variable is set to.
func (r *reading) assign(a *syntax.Assign) error {
	if a.Append || a.Index != nil || a.Array != nil {
		return r.refuse(a, "it sets more than one value")
	}
	if a.Name.Value == "RELEASE_NAME" || a.Name.Value == "RELEASE_VSN" {
		return r.refuse(a, a.Name.Value+" is another")
	}
	value := ""
	if a.Value != nil {
		var err error
		if value, err = r.value(a.Value, a.Value.Parts, ""); err != nil {
			return err
		}
	}
	r.out = append(r.out, a.Name.Value+"="+value)
	return nil
}

// value is a word as the launcher's settings have it.
func (r *reading) value(at syntax.Node, parts []syntax.WordPart, out string) (string, error) {
	for _, p := range parts {
		switch p := p.(type) {
		case *syntax.Lit:
			if strings.ContainsAny(p.Value, "\\~\x01\x02\x03") {
				return "", r.refuse(at, "a backslash or a home in a value")
			}
			out += p.Value
		case *syntax.SglQuoted:
			if p.Dollar || strings.ContainsAny(p.Value, "\x01\x02\x03") {
				return "", r.refuse(at, "a value that not every shell reads alike")
			}
			out += p.Value
		case *syntax.DblQuoted:
			if p.Dollar {
				return "", r.refuse(at, "a value that not every shell reads alike")
			}
			inner, err := r.value(at, p.Parts, "")
			if err != nil {
				return "", err
			}
			out += inner
		case *syntax.ParamExp:
			v, ok := variable(p)
			if !ok {
				return "", r.refuse(at, "a variable that is changed, or is the shell's own")
			}
			out += v
		default:
			return "", r.refuse(at, "a value that a program gives")
		}
	}
	return out, nil
}

var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,200}$`)

// variable is $NAME, ${NAME} or ${NAME:-TEXT}.
func variable(p *syntax.ParamExp) (string, bool) {
	if p.Param == nil || p.Length || p.Excl || p.Width || p.Index != nil || p.Slice != nil || p.Repl != nil || p.Names != 0 {
		return "", false
	}
	name, fallback := p.Param.Value, ""
	if !plainName.MatchString(name) || slices.Contains([]string{"REL_VSN_DIR", "SELF", "PWD", "OLDPWD", "IFS", "PPID", "HOSTNAME"}, name) {
		return "", false
	}
	if p.Exp != nil {
		words, ok := []string{""}, true
		if p.Exp.Word != nil {
			words, ok = literals([]*syntax.Word{p.Exp.Word})
		}
		if !ok || p.Exp.Op != syntax.DefaultUnsetOrNull {
			return "", false
		}
		fallback = words[0]
	}
	return "\x01" + name + "\x02" + fallback + "\x03", true
}

// literals are words in which nothing is put in.
func literals(list []*syntax.Word) (out []string, ok bool) {
	r := &reading{}
	for _, w := range list {
		text, err := r.value(w, w.Parts, "")
		if err != nil || strings.Contains(text, "\x01") {
			return nil, false
		}
		out = append(out, text)
	}
	return out, true
}

// commandOf is what a script in bin does that hands on to the start script, as Phoenix's
// server and migrate do.
func commandOf(rel *release.Release, name, text string) (command, error) {
	r := &reading{path: name}
	stmts, err := r.parse(text)
	if err != nil {
		return command{}, err
	}
	var out command
	for i, s := range stmts {
		call, ok := s.Cmd.(*syntax.CallExpr)
		if ok && len(call.Args) > 0 && here(text, s) {
			out.dir = "bin"
			continue
		}
		words, plain := []string(nil), false
		if ok {
			words, plain = literals(call.Args)
		}
		last := plain && len(words) > 1 && words[0] == "exec" && i == len(stmts)-1 && len(s.Redirs) == 0 && out.dir != "" && words[1] == "./"+rel.Name
		if !last {
			if d, export := s.Cmd.(*syntax.DeclClause); export || ok && len(words) > 0 && words[0] == "set" && d == nil {
				if err := r.statement(s); err != nil {
					return command{}, err
				}
				continue
			}
			return command{}, r.refuse(s, "it does more than to go to its directory, set variables and hand on by exec ./"+rel.Name+" COMMAND")
		}
		for _, a := range call.Assigns {
			if err := r.assign(a); err != nil {
				return command{}, err
			}
		}
		out.words, out.env = words[2:], r.out
	}
	if len(out.words) == 0 {
		return command{}, problem.New(problem.Usage, keepShell, "%s hands on to no command of the release: without a shell nothing can run it", name)
	}
	return out, nil
}

// here says whether a statement goes to the directory of its script.
func here(text string, s *syntax.Stmt) bool {
	source := text[s.Pos().Offset():s.End().Offset()]
	return slices.Contains([]string{
		`cd -P -- "$(dirname -- "$0")"`, `cd "$(dirname "$0")"`, `cd "$(dirname -- "$0")"`, `cd -- "$(dirname -- "$0")"`,
	}, strings.TrimSuffix(strings.TrimSpace(source), ";"))
}
