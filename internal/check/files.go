package check

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/target"
	"dram/internal/tool/tools"
)

// execBit: what the kernel starts needs the bit.
func execBit(s *survey) (out []Finding) {
	for _, f := range s.rel.Files {
		symptom := s.started(f)
		if symptom == "" || f.Mode&0o111 != 0 {
			continue
		}
		verdict := Fail
		if n := s.native(f.Path); n != nil && n.bites != "" {
			verdict, symptom = Warn, n.milder(symptom)
		}
		out = append(out, Finding{
			Verdict: verdict, Subject: subject(f), Summary: "it has to be started and may not be: its mode is " + fmt.Sprintf("%#o", f.Mode.Perm()),
			Evidence: Evidence{Detail: fmt.Sprintf("mode %#o", f.Mode.Perm())}, Symptom: symptom,
			Remedy: fmt.Sprintf("chmod +x %s in the sources, or unpack the release with what keeps modes (tar, not zip)", path.Base(f.Path)),
			Needs:  "the executable bit of " + path.Base(f.Path),
		})
	}
	noBit, _ := s.unstartable()
	for _, f := range noBit {
		out = append(out, scriptWithoutBit(f))
	}
	return out
}

// started is what is seen when a file cannot be started; "" for files that
// nobody starts.
func (s *survey) started(f release.File) string {
	if !f.Mode.IsRegular() {
		return ""
	}
	dir, base := path.Split(f.Path)
	if f.Path == "bin/"+s.rel.Name {
		return `the shell says "Permission denied"`
	}
	if dir == "erts-"+s.rel.ERTS+"/bin/" {
		return map[string]string{
			"erlexec":         `"erlexec: Permission denied"`,
			"erl":             `"erl: Permission denied"`,
			"beam.smp":        `"erlexec: Error 13 executing beam.smp"`,
			"erl_child_setup": `"Failed to write to erl_child_setup: 32"`,
			"inet_gethost":    "names are not resolved",
		}[base]
	}
	if n := s.native(f.Path); n != nil && n.elf != nil && n.role == executable && f.App != "" {
		return "opening the port fails with :eacces"
	}
	return ""
}

func (s *survey) native(name string) *native {
	i, ok := slices.BinarySearchFunc(s.natives, name, func(n *native, p string) int { return strings.Compare(n.Path, p) })
	if !ok {
		return nil
	}
	return s.natives[i]
}

// starts says whether a script is one that starts the release.
func starts(f release.File) bool {
	return f.Origin == release.Metadata || f.Origin == release.ERTS
}

// shebang: the kernel looks for the interpreter of a script, carriage return
// and all.
func shebang(s *survey) (out []Finding) {
	for _, sc := range s.scripts {
		line, rest, _ := strings.Cut(sc.text, "\n")
		first := strings.TrimPrefix(line, "#!")
		f := Finding{Verdict: Warn, Subject: subject(sc.File)}
		if starts(sc.File) && !strings.HasSuffix(sc.Path, ".escript") && sc.Mode&0o111 != 0 {
			f.Verdict = Fail
		}
		if strings.HasSuffix(line, "\r") || (strings.HasSuffix(sc.Path, "env.sh") && strings.Contains(rest, "\r\n")) {
			f.Summary, f.Evidence.Detail = "its lines end in CR LF", fmt.Sprintf("line 1 is %q", line)
			f.Symptom = fmt.Sprintf(`"%s: not found", although the file is there`, path.Base(sc.Path))
			f.Remedy, f.Needs = "store it with LF: git config core.autocrlf input, or .gitattributes with eol=lf", "line ends of "+path.Base(sc.Path)
			out = append(out, f)
			continue
		}
		words := strings.Fields(first)
		if len(words) == 0 || line == first || sc.Mode&0o111 == 0 {
			continue
		}
		missing := s.missingInterpreter(words)
		if missing == "" || missing == "/bin/sh" && s.target.Open(target.Programs) { // see program
			continue
		}
		f.Summary = fmt.Sprintf("it is run by %s, which is not on the target", missing)
		f.Evidence = Evidence{Wants: []string{missing}, Detail: line}
		f.Symptom = fmt.Sprintf(`"%s: not found" (exit 127)`, path.Base(sc.Path))
		f.Remedy, f.Needs = "install "+path.Base(missing)+" on the target", path.Base(missing)+" on the target"
		out = append(out, s.ofOpen(target.Programs, f, fmt.Sprintf("it is run by %s, and whether the target has it is not known", missing)))
	}
	_, noScripts := s.unstartable()
	for _, f := range noScripts {
		out = append(out, noScript(f))
	}
	return out
}

// missingInterpreter is what of a shebang's words is not there.
func (s *survey) missingInterpreter(words []string) string {
	if _, err := rootfs.Resolve(s.root, words[0]); err != nil {
		return words[0]
	}
	if path.Base(words[0]) != "env" {
		return ""
	}
	args := slices.DeleteFunc(slices.Clone(words[1:]), func(w string) bool { return strings.HasPrefix(w, "-") || strings.Contains(w, "=") })
	if len(args) == 0 {
		return ""
	}
	if found, _ := rootfs.Programs(s.root, args[:1]); len(found) == 0 && s.files["erts-"+s.rel.ERTS+"/bin/"+args[0]] == nil {
		return args[0]
	}
	return ""
}

// called are the programs that start scripts call, and what fails without
// them; "" is the start itself.
func called() []struct{ name, fails string } {
	return []struct{ name, fails string }{
		{"sh", ""},
		{"dirname", ""},
		{"basename", ""},
		{"readlink", ""},
		{"sed", ""},
		{"cut", ""},
		{"cat", ""},
		{"grep", ""},
		{"mkdir", "a start with a runtime configuration"},
		{"date", "a start with a runtime configuration"},
		{"dd", "rpc and remote"},
		{"od", "rpc and remote"},
		{"awk", "rpc and remote"},
		{"tr", "rpc and remote"},
	}
}

var comment = regexp.MustCompile(`(?m)(^|\s)#.*$`)

// program looks for the names of programs in the scripts that start the
// release, wherever they stand: a name too many is found to be there.
func program(s *survey) (out []Finding) {
	words := map[string]*script{}
	split := regexp.MustCompile(`[A-Za-z0-9_.+-]+`)
	for i, sc := range s.scripts {
		dir := path.Dir(sc.Path)
		if dir != "bin" && !strings.HasPrefix(dir, "releases/") && sc.Path != "erts-"+s.rel.ERTS+"/bin/erl" {
			continue
		}
		for _, w := range split.FindAllString(comment.ReplaceAllString(sc.text, "$1"), -1) {
			if words[w] == nil {
				words[w] = &s.scripts[i]
			}
		}
		if strings.HasPrefix(sc.text, "#!/bin/sh") && words["sh"] == nil {
			words["sh"] = &s.scripts[i]
		}
	}
	for _, c := range called() {
		by := words[c.name]
		if by == nil {
			continue
		}
		if found, _ := rootfs.Programs(s.root, []string{c.name}); len(found) > 0 {
			continue
		}
		f := Finding{
			Verdict: Fail, Subject: subject(by.File), Summary: fmt.Sprintf("it calls %s, which is not on the target", c.name),
			Evidence: Evidence{Wants: []string{c.name}}, Symptom: fmt.Sprintf(`"%s: not found", and the release does not start`, c.name),
			Remedy: fmt.Sprintf("install %s on the target; for an image that dram makes, --program %s", c.name, c.name), Needs: c.name + " on the target",
		}
		if c.fails != "" {
			f.Verdict, f.Symptom = Warn, fmt.Sprintf(`"%s: not found", in %s`, c.name, c.fails)
		}
		out = append(out, f)
	}
	if s.target.Open(target.Programs) {
		return openPrograms(out)
	}
	return out
}

// link: what a link leads to must come along.
func link(s *survey) (out []Finding) {
	for _, f := range s.rel.Files {
		if f.Mode&fs.ModeSymlink == 0 {
			continue
		}
		inside := release.StaysInside(f.Path, f.Link)
		_, err := s.rel.FS.Stat(f.Path)
		if inside && err == nil {
			continue
		}
		out1 := Finding{
			Verdict: Fail, Subject: subject(f), Summary: fmt.Sprintf("it is a link to %s, outside the release", f.Link),
			Evidence: Evidence{Detail: f.Link}, Symptom: "on the target it leads nowhere, or to something else",
			Remedy: "build the release without links to the outside (" + tools.All().NoLinks() + ")", Needs: "a release without links to the outside",
		}
		if inside {
			out1.Verdict, out1.Summary = Warn, fmt.Sprintf("it is a link to %s, which is not there", f.Link)
			out1.Remedy, out1.Needs = "remove it", "a release without dangling links"
		}
		out = append(out, out1)
	}
	return out
}

// cookie: whoever has the release has it.
func cookie(s *survey) (out []Finding) {
	warn := func(name, detail string) {
		out = append(out, Finding{
			Verdict: Warn, Subject: subject(*s.files[name]), Summary: "it holds the distribution cookie, the same in every copy of the release",
			Evidence: Evidence{Detail: detail}, Symptom: "whoever has the release or its image and reaches the node can run code on it",
			Remedy: "set RELEASE_COOKIE where it runs and remove the file; images that dram makes do without it", Needs: "RELEASE_COOKIE at run time",
		})
	}
	if strings.TrimSpace(s.text("releases/COOKIE")) != "" {
		warn("releases/COOKIE", "")
	}
	for _, f := range s.rel.Files {
		if path.Base(f.Path) != "vm.args" || f.Origin != release.Metadata {
			continue
		}
		for line := range strings.Lines(s.text(f.Path)) {
			words := strings.Fields(line)
			if len(words) > 1 && words[0] == "-setcookie" && !strings.Contains(words[1], "$") {
				warn(f.Path, "-setcookie …")
			}
		}
	}
	return out
}

// caBundle: only TLS needs one, and some dependencies bring their own.
func caBundle(s *survey) []Finding {
	has := func(name string) bool {
		return slices.ContainsFunc(s.rel.Apps, func(a release.App) bool { return a.Name == name })
	}
	if s.target.Facts.CABundle != "" || !has("ssl") || has("castore") || has("certifi") {
		return nil
	}
	i := slices.IndexFunc(s.rel.Apps, func(a release.App) bool { return a.Name == "ssl" })
	return []Finding{s.ofOpen(target.Certificates, Finding{
		Verdict: Warn, Subject: Subject{App: "ssl-" + s.rel.Apps[i].Version, Origin: "otp"}, Summary: "the release has the application ssl, and the target has no certificates of authorities",
		Evidence: Evidence{Wants: []string{"/etc/ssl/certs/ca-certificates.crt"}}, Symptom: "public_key:cacerts_get() fails, and so do verified TLS connections",
		Remedy: "install ca-certificates on the target, or depend on castore", Needs: "ca-certificates on the target",
	}, "the release has the application ssl, and whether the target has certificates of authorities is not known")}
}

// locale: without one the VM takes file names and standard input as latin1.
func locale(s *survey) []Finding {
	f := Finding{
		Verdict: Warn, Subject: Subject{Origin: "erts"}, Symptom: `"warning: the VM is running with native name encoding of latin1"`,
		Evidence: Evidence{Wants: []string{"C.UTF-8"}},
	}
	switch {
	case s.target.Facts.Libc.Kind == "":
		return nil
	case !s.target.Facts.UTF8:
		f.Summary, f.Needs = "the target has no UTF-8 locale", "a UTF-8 locale on the target"
		f.Remedy = "add C.UTF-8 to the target, or start with ELIXIR_ERL_OPTIONS=+fnu"
		f = s.ofOpen(target.Locales, f, "whether the target has a UTF-8 locale is not known")
	case s.image != nil && !s.utf8Set():
		f.Summary, f.Needs = "the image sets no UTF-8 locale", "LANG=C.UTF-8 in the image"
		f.Remedy = "set LANG=C.UTF-8 in the image"
	default:
		return nil
	}
	return []Finding{f}
}

// utf8Set says whether the image, or the release, has the VM take names as
// UTF-8.
func (s *survey) utf8Set() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} { // the first that is set counts (locale(7))
		if v := s.image.env(name); v != "" {
			v = strings.ToLower(strings.ReplaceAll(v, "-", ""))
			return strings.Contains(v, "utf8")
		}
	}
	flags := s.startFiles() + s.image.env("ELIXIR_ERL_OPTIONS") + s.image.env("ERL_AFLAGS") + s.image.env("ERL_FLAGS")
	return strings.Contains(flags, "+fnu") || strings.Contains(flags, "LANG=") || strings.Contains(flags, "LC_ALL=")
}
