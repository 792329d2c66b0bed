package debian

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

const admin = "var/lib/dpkg"

// dpkgState is what dpkg's database says of a package.
type dpkgState string

// The states: one that is unpacked is yet to be configured.
const (
	unpackedState  dpkgState = "unpacked"
	installedState dpkgState = "installed"
)

// writeDatabase records the packages in dpkg's database, format 1: as unpacked, so
// that the root's own dpkg can configure them, or as installed.
func writeDatabase(root *os.Root, packages []*installed, state dpkgState) error {
	var status strings.Builder
	trig := newTriggers()
	for _, p := range packages {
		writeStatus(&status, p, state)
		trig.add(p)
		if err := writeInfo(root, p); err != nil {
			return fmt.Errorf("recording package %q: %w", p.Name, err)
		}
	}
	files := map[string]string{
		"status": status.String(), "available": "", "diversions": "", "statoverride": "",
		"info/format": "1\n", "triggers/Unincorp": "", "triggers/File": trig.files(),
	}
	for name, text := range trig.named() {
		files["triggers/"+name] = text
	}
	for name, text := range files {
		if err := putFile(root, path.Join(admin, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// putFile writes a file with exactly that mode, whatever the umask. It
// replaces what is there instead of writing through a link or into a file
// with other names.
func putFile(root *os.Root, name string, data []byte, mode fs.FileMode) error {
	if err := root.Remove(name); err != nil && !os.IsNotExist(err) {
		return err
	}
	if err := root.WriteFile(name, data, mode); err != nil {
		return err
	}
	return root.Chmod(name, mode)
}

// infoName is what dpkg calls the package's files in info/: with the
// architecture where several can be installed side by side.
func (p *installed) infoName() string {
	if p.field("Multi-Arch") == "same" {
		return p.Name + ":" + p.Arch
	}
	return p.Name
}

func writeInfo(root *os.Root, p *installed) error {
	base := path.Join(admin, "info", p.infoName())
	if err := putFile(root, base+".list", []byte(strings.Join(p.list, "\n")+"\n"), 0o644); err != nil {
		return err
	}
	for name, raw := range p.control {
		mode := fs.FileMode(0o644)
		switch name {
		case "control":
			continue // in status
		case "preinst", "postinst", "prerm", "postrm", "config":
			mode = 0o755
		}
		if err := putFile(root, base+"."+name, raw, mode); err != nil {
			return err
		}
	}
	return nil
}

func writeStatus(b *strings.Builder, p *installed, state dpkgState) {
	fmt.Fprintf(b, "Package: %s\nStatus: install ok %s\n", p.Name, state)
	for name, value := range fields(p.par) {
		switch name {
		case "Package", "Status", "Conffiles":
		default:
			fmt.Fprintf(b, "%s: %s\n", name, value)
		}
	}
	if len(p.conffiles) > 0 {
		b.WriteString("Conffiles:\n")
		names := make([]string, 0, len(p.conffiles))
		for name := range p.conffiles {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			fmt.Fprintf(b, " %s %s\n", name, p.conffiles[name])
		}
	}
	b.WriteString("\n")
}

// triggers are the interests that packages declare (deb-triggers(5)): in
// paths, or in names.
type triggers struct{ byPath, byName map[string][]string }

func newTriggers() *triggers {
	return &triggers{byPath: map[string][]string{}, byName: map[string][]string{}}
}

func (t *triggers) add(p *installed) {
	for line := range strings.Lines(string(p.control["triggers"])) {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) != 2 || !strings.HasPrefix(f[0], "interest") {
			continue
		}
		who := p.infoName()
		if strings.HasSuffix(f[0], "-noawait") {
			who += "/noawait"
		}
		switch {
		case strings.HasPrefix(f[1], "/"):
			t.byPath[f[1]] = append(t.byPath[f[1]], who)
		case validName(f[1]):
			t.byName[f[1]] = append(t.byName[f[1]], who)
		}
	}
}

func (t *triggers) files() string {
	var lines []string
	for name, who := range t.byPath {
		for _, w := range who {
			lines = append(lines, name+" "+w+"\n")
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func (t *triggers) named() map[string]string {
	out := map[string]string{}
	for name, who := range t.byName {
		out[name] = strings.Join(who, "\n") + "\n"
	}
	return out
}

// order sorts packages so that each comes after those it Pre-Depends and
// Depends on, as far as cycles let it.
func order(packages []*installed) []*installed {
	byName := map[string]*installed{}
	for _, p := range packages {
		for _, group := range parseRelations(p.field("Provides"), p.Arch) {
			if byName[group[0].name] == nil {
				byName[group[0].name] = p
			}
		}
	}
	for _, p := range packages {
		byName[p.Name] = p
	}
	var out []*installed
	seen := map[*installed]bool{}
	var visit func(p *installed)
	visit = func(p *installed) {
		if seen[p] {
			return
		}
		seen[p] = true
		for _, name := range []string{"Pre-Depends", "Depends"} {
			for _, group := range parseRelations(p.field(name), p.Arch) {
				for _, alt := range group {
					if q := byName[alt.name]; q != nil {
						visit(q)
						break
					}
				}
			}
		}
		out = append(out, p)
	}
	for _, p := range packages {
		visit(p)
	}
	return out
}
