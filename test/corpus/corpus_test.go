package corpus

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"dram/internal/config"
	"dram/internal/distro"
	"dram/internal/distro/distros"
	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/tool/tools"
	"dram/internal/upstream"
)

// packaged is what the distribution's suites have, as of November 2026.
var packaged = map[string]distro.Versions{
	"debian/11": {Elixir: "1.10.3", Erlang: "23.2.6"}, "debian/12": {Elixir: "1.14.0", Erlang: "25.2.3"},
	"debian/13": {Elixir: "1.18.3", Erlang: "27.3.4.1"}, "debian/forky": {Elixir: "1.20.4", Erlang: "29.1.1"}, "debian/sid": {Elixir: "1.20.4", Erlang: "29.1.1"},
}

// inputs are those of a machine that has everything, with a registry that has an image
// for each pair of versions that go together.
func inputs(c config.Config) plan.Inputs {
	return plan.Inputs{
		Config: c, Arch: "amd64", Distro: distros.All().Default().Info(),
		Engine:   func(context.Context, string) (string, string, error) { return "native", "it works here", nil },
		Versions: func(_ context.Context, suite string) (distro.Versions, error) { return packaged[suite], nil },
		Tags: func(_ context.Context, repository, _ string) ([]string, error) {
			if repository == "elixir" {
				return official(), nil
			}
			return tags(), nil
		},
		Upstream: released,
		Took:     func(upstream.Software) time.Duration { return 0 },
	}
}

// lines of OTP, with the newest minor and patch of each, and the Elixirs that go with
// them.
var (
	otps = []struct {
		major, minors, patches int
	}{{21, 3, 24}, {22, 3, 27}, {23, 3, 20}, {24, 3, 17}, {25, 3, 21}, {26, 2, 20}, {27, 3, 16}, {28, 5, 6}, {29, 1, 6}}
	elixirs = []struct{ minor, patches, from, to int }{
		{9, 4, 21, 22},
		{10, 4, 21, 23},
		{11, 4, 21, 24},
		{12, 3, 22, 24},
		{13, 4, 22, 25},
		{14, 5, 23, 26},
		{15, 8, 24, 26},
		{16, 3, 24, 26},
		{17, 3, 25, 27},
		{18, 4, 25, 28},
		{19, 5, 26, 28},
		{20, 4, 27, 29},
	}
)

func tags() []string {
	var all []string
	for _, e := range elixirs {
		for _, o := range otps {
			if o.major < e.from || o.major > e.to {
				continue
			}
			for patch := range e.patches + 1 {
				if patch == 0 {
					all = append(all, candidates(e.minor, o.major, o.patches)...)
				}
				for _, otp := range releases(o.major, o.minors, o.patches) {
					all = append(all, fmt.Sprintf("1.%d.%d-erlang-%s-debian-bookworm-20260101", e.minor, patch, otp))
				}
			}
		}
	}
	return all
}

// official are the tags of Docker's own images of Elixir.
func official() (all []string) {
	patches := []int{5, 1, 6, 4, 5, 3, 6, 4, 2, 4, 4, 4, 3, 4, 5, 8, 3, 3, 4, 5, 4}
	for minor := 2; minor < len(patches); minor++ {
		all = append(all, fmt.Sprintf("1.%d", minor))
		for patch := range patches[minor] + 1 {
			all = append(all, fmt.Sprintf("1.%d.%d", minor, patch))
		}
	}
	return all
}

// released has what the projects released of the lines above, and Elixir since 1.0.
func released(_ context.Context, w upstream.Wanted) (upstream.File, error) {
	if err := w.Check(); err != nil {
		return upstream.File{}, err
	}
	if w.Software == upstream.Elixir && !slices.Contains(official(), w.Version) {
		return upstream.File{}, fmt.Errorf("no Elixir %s", w.Version)
	}
	return upstream.File{Name: w.Version + ".tar.gz", Form: upstream.Source}, nil
}

// candidates are images of a minor version before it was there, with the last OTP of a
// line.
func candidates(minor, major, patches int) (all []string) {
	for rc := range 6 {
		for patch := range patches + 1 {
			all = append(all, fmt.Sprintf("1.%d.0-rc.%d-erlang-%d.4.%d-debian-bookworm-20260101", minor, rc, major, patch))
		}
	}
	return all
}

func releases(major, minors, patches int) []string {
	var all []string
	for minor := range minors + 1 {
		line := fmt.Sprintf("%d.%d", major, minor)
		all = append(all, line)
		for patch := 1; patch <= patches; patch++ {
			all = append(all, fmt.Sprintf("%s.%d", line, patch))
		}
		for patch := 1; patch <= patches; patch++ {
			all = append(all, fmt.Sprintf("%s.4.%d", line, patch), fmt.Sprintf("%s.0.%d", line, patch), fmt.Sprintf("%s.5.%d", line, patch),
				fmt.Sprintf("%s.1.%d", line, patch), fmt.Sprintf("%s.2.%d", line, patch))
		}
	}
	return all
}

// imageTag is how hexpm/elixir and Docker's own elixir call an image.
var imageTag = regexp.MustCompile(`:([0-9.]+(?:-rc\.\d+)?)-(?:erlang|otp)-([0-9.]+)`)

// erlangTag is how Docker's own erlang calls one.
var erlangTag = regexp.MustCompile(`^image:erlang:([0-9.]+)`)

// officialTag is how Docker's own elixir calls one that names no Erlang.
var officialTag = regexp.MustCompile(`^image:elixir:([0-9.]+)$`)

// versions are those in a plan's toolchain.
func versions(p *plan.Plan) (elixir, otp string) {
	if m := imageTag.FindStringSubmatch(p.Toolchain); m != nil {
		return m[1], m[2]
	}
	if m := erlangTag.FindStringSubmatch(p.Toolchain); m != nil {
		return "", m[1]
	}
	if m := officialTag.FindStringSubmatch(p.Toolchain); m != nil {
		return m[1], ""
	}
	v := packaged[strings.TrimPrefix(p.Toolchain, "distro:")]
	return cmp.Or(p.Upstream.Elixir, v.Elixir), cmp.Or(p.Upstream.OTP, v.Erlang)
}

// score plans the project in dir as dram plan does, and judges that.
func score(ctx context.Context, f Facts, dir string) Score {
	c, err := config.Load(dir, nil)
	if err != nil {
		return Judge(f, nil, err, "", "")
	}
	in := inputs(c)
	if in.Project, err = tools.Read(dir, plan.Given(c)); err != nil {
		return Judge(f, nil, err, "", "")
	}
	p, err := plan.Make(ctx, in)
	if p == nil {
		return Judge(f, nil, err, "", "")
	}
	elixir, otp := versions(p)
	return Judge(f, p, err, elixir, otp)
}

// The table against checkouts of the projects in it, which are not ours to keep:
// DRAM_CORPUS names the directory that has them, each as OWNER+NAME.
func TestCorpus(t *testing.T) {
	dir := os.Getenv("DRAM_CORPUS")
	if dir == "" {
		t.Skip("no checkouts: make corpus DIR=… names the directory that has them")
	}
	facts, err := Read()
	if err != nil {
		t.Fatal(err)
	}
	var scores []Score
	for _, f := range facts {
		if _, err := os.Stat(f.Checkout(dir)); err != nil {
			t.Logf("%s is not there: it is not scored", f.Name())
			continue
		}
		scores = append(scores, score(t.Context(), f, f.Checkout(dir)))
	}
	slices.SortStableFunc(scores, func(a, b Score) int { return cmp.Compare(a.Verdict(), b.Verdict()) })
	count := map[Verdict]int{}
	for _, s := range scores {
		count[s.Verdict()]++
		t.Log(line(s))
	}
	t.Logf("%d projects: %d complete, %d told, %d with a silent gap, %d wrong", len(scores), count[Met], count[Told], count[Silent], count[Wrong])
	if len(scores) == 0 || count[Silent]+count[Wrong] > 0 {
		t.Errorf("%d plans of %d are silent or wrong", count[Silent]+count[Wrong], len(scores))
	}
}

func line(s Score) string {
	var says []string
	for _, n := range s.Needs {
		if n.Verdict != Met {
			says = append(says, n.Verdict.String()+": "+n.What)
		}
	}
	if s.Error != nil {
		says = append(says, s.Error.Error()+" ["+problem.Hint(s.Error)+"]")
	}
	return fmt.Sprintf("%-7s %s  %s", s.Verdict(), s.Name, strings.Join(says, "; "))
}
