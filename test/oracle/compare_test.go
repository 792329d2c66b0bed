package oracle

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dram/internal/check"
	"dram/internal/sandbox"
)

// class is one way of failing, and how much of it each tool sees.
type class struct {
	name                             string
	files, dram, warn, dpkg, libtree int
}

// compare asks dpkg-shlibdeps and libtree about the files that were judged, on
// the systems where they were, and counts by what the machine said. The last
// class is what ran: whatever is said of it is a false alarm.
func compare(t *testing.T, b *book) []class {
	classes := map[string]*class{}
	count := func(of judged, dpkg, libtree bool) {
		name := "what ran"
		if of.unit.truth != worked {
			name = kindOf(of.unit)
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		c := classes[name]
		if c == nil {
			c = &class{name: name}
			classes[name] = c
		}
		worst, _ := of.unit.said()
		c.files++
		c.dram += one(worst == check.Fail)
		c.warn += one(worst == check.Warn || worst == check.Unknown)
		c.dpkg += one(dpkg)
		c.libtree += one(libtree)
	}
	each(t, "compare", b.byRelease(), func(of []judged) string { return filepath.Base(of[0].dir) + " on " + of[0].place.String() }, func(t *testing.T, of []judged) {
		said := ask(t, of)
		for _, tool := range []string{".dpkg", ".libtree"} {
			if out := said["p_plain"+tool]; !strings.HasSuffix(out, "exit 0\n") {
				t.Fatalf("%s fails for a sound program:\n%s", tool, out)
			}
		}
		for _, j := range of {
			plain := "plain"
			if strings.HasPrefix(j.unit.name, "port:") {
				plain = "p_plain"
			}
			name := j.name()
			// What is said of a sound file (that the VM's functions are in no
			// library) is no finding.
			count(j, said.complains(name, plain, ".dpkg"), said.complains(name, plain, ".libtree"))
		}
	})
	var out []class
	for _, c := range classes {
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b class) int {
		if a.name == "what ran" || b.name == "what ran" {
			return one(a.name == "what ran") - one(b.name == "what ran")
		}
		return strings.Compare(a.name, b.name)
	})
	return out
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// kindOf names what the machine said by the rule that is for it.
func kindOf(u unit) string {
	rules := cause(u.truth)
	_, said := u.said()
	for _, r := range said {
		if slices.Contains(rules, r) {
			return r
		}
	}
	if len(rules) == 0 {
		return "other"
	}
	return rules[0]
}

func (j judged) name() string {
	_, name, _ := strings.Cut(j.unit.name, ":")
	return name
}

// byRelease is the native files of whole systems, together with those beside which
// they were judged.
func (b *book) byRelease() (out [][]judged) {
	at := map[string]int{}
	for _, j := range b.files {
		if j.place.without != "" || strings.Contains(j.unit.name, "script") {
			continue
		}
		i, ok := at[j.dir]
		if !ok {
			i = len(out)
			at[j.dir] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], j)
	}
	return out
}

// answers are what tools print, by file.
type answers map[string]string

func ask(t *testing.T, of []judged) answers {
	t.Helper()
	out := newDir(t, "said")
	var list strings.Builder
	for _, j := range of {
		list.WriteString(j.name() + " /checked/package/app/" + j.file + "\n")
	}
	write(t, filepath.Join(out, "list"), list.String())
	r := box(t.Context(), t, of[0].place.root, []sandbox.Mount{
		{Source: of[0].dir, Target: "/checked/package/app", ReadOnly: true},
		{Source: tools(t), Target: "/tools", ReadOnly: true},
		{Source: absolute(t, "testdata"), Target: "/src", ReadOnly: true},
		{Source: out, Target: "/out"},
	}, nil, "sh", "-c", "sh /src/compare.sh < /out/list")
	if r.ended != nil {
		t.Fatalf("%v\n%s%s", r.ended, r.out, r.err)
	}
	said := answers{}
	for _, j := range of {
		for _, tool := range []string{".dpkg", ".libtree"} {
			b, err := os.ReadFile(filepath.Join(out, j.name()+tool))
			if err != nil {
				t.Fatal(err)
			}
			said[j.name()+tool] = string(b)
		}
	}
	return said
}

var (
	grievance = regexp.MustCompile(`(?m)^(.*(?:error|warning): .*|.*not found.*|.*symbol .*|exit [1-9].*)$`)
	noise     = regexp.MustCompile(`could avoid a useless dependency|similar warnings|should not be linked against|diversions involved|binaries to analyze should|couldn't parse dynamic symbol definition: no symbols`)
)

// complains says whether a tool says more of a file than of a sound one.
func (a answers) complains(name, plain, tool string) bool {
	known := a.grievances(plain, tool)
	return slices.ContainsFunc(a.grievances(name, tool), func(g string) bool { return !slices.Contains(known, g) })
}

func (a answers) grievances(name, tool string) (out []string) {
	for _, g := range grievance.FindAllString(a[name+tool], -1) {
		if !noise.MatchString(g) {
			out = append(out, strings.ReplaceAll(g, name, "NAME"))
		}
	}
	return out
}
