package plan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dram/internal/distro"
	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/toolchain"
	"dram/internal/upstream"
)

// released is inputs where the projects' releases can be had: all of Erlang/OTP as
// source, and Elixir compiled from 1.15 on.
func released(p project.Project) Inputs {
	p.App = "shop"
	in := inputs(p)
	in.Upstream = func(_ context.Context, w upstream.Wanted) (upstream.File, error) {
		if err := w.Check(); err != nil {
			return upstream.File{}, err
		}
		switch {
		case w.Version == "1.17.9":
			return upstream.File{}, problem.New(problem.Usage, "name a place that has it", "no Elixir 1.17.9 anywhere: %w", fs.ErrNotExist)
		case w.Software == upstream.Elixir && w.Version >= "1.15":
			return upstream.File{Name: "elixir-" + w.Version + "-otp-" + w.Runtime[:2] + ".zip", Form: upstream.Beams}, nil
		}
		return upstream.File{Name: w.Version + ".tar.gz", Form: upstream.Source}, nil
	}
	in.Took = func(upstream.Software) time.Duration { return 0 }
	return in
}

func asking(elixir, erlang string) project.Asked {
	return project.Asked{Elixir: project.Version{Version: elixir, File: ".tool-versions"}, Erlang: project.Version{Version: erlang, File: ".tool-versions"}}
}

// Versions that were set are laid over the toolchain that was set, or over the suite
// that costs least.
func TestReleasesThatWereSet(t *testing.T) {
	for _, c := range []struct {
		name    string
		set     map[string]string
		project project.Project
		base    string // or the error
		has     toolchain.Upstream
		says    string // of the decision, or of the hint
	}{
		{
			"both",
			map[string]string{"otp": "27.2", "elixir": "1.18.1"},
			project.Project{},
			"distro:debian/13",
			toolchain.Upstream{OTP: "27.2", Elixir: "1.18.1"},
			"otp 27.2, from 27.2.tar.gz: set by --otp; compiled once, and kept: about ",
		},
		{
			"Elixir alone, compiled already",
			map[string]string{"elixir": "1.18.1"},
			project.Project{},
			"distro:debian/13",
			toolchain.Upstream{Elixir: "1.18.1"},
			"elixir 1.18.1, from elixir-1.18.1-otp-27.zip: set by --elixir; compiled already: it is fetched once and unpacked",
		},
		{
			"Elixir alone, that needs an older Erlang",
			map[string]string{"elixir": "1.14.5"},
			project.Project{},
			"distro:debian/12",
			toolchain.Upstream{Elixir: "1.14.5"},
			"toolchain distro:debian/12: the newest Debian stable whose OTP (25.2.3) goes with Elixir 1.14.5",
		},
		{
			"Elixir alone, for the Erlang that a file asks for",
			map[string]string{"elixir": "1.16.3"},
			project.Project{Asked: asking("", "25")},
			"distro:debian/12",
			toolchain.Upstream{Elixir: "1.16.3"},
			"elixir 1.16.3",
		},
		{"Elixir that no suite's Erlang goes with", map[string]string{"elixir": "1.9.0"}, project.Project{}, "no Debian stable has an Erlang/OTP for Elixir 1.9.0", toolchain.Upstream{}, "--otp), of 20 to 22"},
		{
			"OTP alone takes the suite's Elixir",
			map[string]string{"otp": "27.2"},
			project.Project{},
			"distro:debian/13",
			toolchain.Upstream{OTP: "27.2", Elixir: "1.18.3"},
			"elixir 1.18.3, from elixir-1.18.3-otp-27.zip: the one of the toolchain below",
		},
		{
			"OTP alone takes the Elixir that a file asks for",
			map[string]string{"otp": "26.2.5"},
			project.Project{Asked: asking("1.16.3", "")},
			"distro:debian/13",
			toolchain.Upstream{OTP: "26.2.5", Elixir: "1.16.3"},
			"elixir 1.16.3, from elixir-1.16.3-otp-26.zip: as .tool-versions asks",
		},
		{"OTP alone, that the suite's Elixir does not go with", map[string]string{"otp": "24.3.4"}, project.Project{}, "Erlang/OTP 24.3.4 is asked for, and no Elixir that goes with it", toolchain.Upstream{}, "--elixir"},
		{"over a suite that was set", map[string]string{"otp": "27.2", "elixir": "1.18.1", "toolchain": "distro:debian/11"}, project.Project{}, "distro:debian/11", toolchain.Upstream{OTP: "27.2", Elixir: "1.18.1"}, "toolchain distro:debian/11: set by --toolchain"},
		{
			"over an image whose Erlang its tag tells",
			map[string]string{"elixir": "1.18.1", "toolchain": "image:hexpm/elixir:1.17.1-erlang-27.0-debian-bookworm-20250203"},
			project.Project{},
			"image:hexpm/elixir:1.17.1-erlang-27.0-debian-bookworm-20250203",
			toolchain.Upstream{Elixir: "1.18.1"},
			"elixir 1.18.1, from elixir-1.18.1-otp-27.zip",
		},
		{"over an image of which nothing is known", map[string]string{"elixir": "1.18.1", "toolchain": "image:erlang:27"}, project.Project{}, "image:erlang:27", toolchain.Upstream{Elixir: "1.18.1"}, "is known when the toolchain is there"},
		{"a pair that does not go together", map[string]string{"otp": "24.0", "elixir": "1.18.1"}, project.Project{}, "Elixir 1.18.1 and Erlang/OTP 24.0 do not go together", toolchain.Upstream{}, "take OTP 25 for Elixir 1.18.1"},
		{"an Elixir that a suite's Erlang does not go with", map[string]string{"elixir": "1.14.0", "toolchain": "distro:debian/13"}, project.Project{}, "Elixir 1.14.0 and Erlang/OTP 27.3.4.1 do not go together", toolchain.Upstream{}, "Elixir 1.17 for OTP 27"},
		{"what mix.exs forbids", map[string]string{"elixir": "1.17.0"}, project.Project{ElixirRequirement: "~> 1.18"}, `--elixir asks for Elixir 1.17.0, and mix.exs requires "~> 1.18"`, toolchain.Upstream{}, "change one of them"},
		{"what nobody has", map[string]string{"elixir": "1.17.9"}, project.Project{}, "no Elixir 1.17.9 anywhere", toolchain.Upstream{}, "name a place that has it"},
		{"on the host", map[string]string{"elixir": "1.18.1", "engine": "host"}, project.Project{}, "the host engine builds with what this machine has", toolchain.Upstream{}, "--engine native"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := released(c.project)
			for flag, value := range c.set {
				var err error
				if in.Config, err = in.Config.WithFlag(flag, []string{value}); err != nil {
					t.Fatal(err)
				}
			}
			p, err := Make(t.Context(), in)
			if err != nil {
				if problem.Code(err) != 2 || !strings.Contains(err.Error(), c.base) || !strings.Contains(problem.Hint(err), c.says) {
					t.Errorf("exit %d, %v, hint %q", problem.Code(err), err, problem.Hint(err))
				}
				return
			}
			if p.Toolchain != c.base || p.Upstream != c.has {
				t.Errorf("%s with %+v", p.Toolchain, p.Upstream)
			}
			if all := decisions(p); !strings.Contains(all, c.says) {
				t.Errorf("want %q in\n%s", c.says, all)
			}
		})
	}
}

func decisions(p *Plan) string {
	var b strings.Builder
	for _, d := range p.Decisions {
		_, _ = fmt.Fprintf(&b, "%s %s: %s\n", d.Name, d.Value, d.Reason)
	}
	return b.String()
}

// Where no image has the versions, or no registry answers, a suite that has them is
// taken, and else their releases; nothing is left unsaid. An image that there is
// wins as before.
func TestWithoutImage(t *testing.T) {
	gone := problem.New(problem.Failure, "see that the registry can be reached", "pulling hexpm/elixir: no route to host")
	for _, c := range []struct {
		name    string
		project project.Project
		tags    error
		base    string // or the error
		has     toolchain.Upstream
		says    string
	}{
		{"an image", project.Project{Asked: asking("1.18.3", "27.3.4")}, nil, "image:hexpm/elixir:1.18.3-erlang-27.3.4-debian-trixie-20250203", toolchain.Upstream{}, "the newest such image"},
		{"a suite", project.Project{Asked: asking("1.18", "27")}, gone, "distro:debian/13", toolchain.Upstream{}, "Elixir 1.18.3, Erlang 27.3.4.1, as .tool-versions asks; no image was to be had: looking for Elixir 1.18, Erlang 27"},
		{"an older suite", project.Project{Asked: asking("1.14.0", "")}, gone, "distro:debian/12", toolchain.Upstream{}, "Elixir 1.14.0"},
		{"a suite's Erlang", project.Project{Asked: asking("1.18.2", "27")}, gone, "distro:debian/13", toolchain.Upstream{Elixir: "1.18.2"}, "elixir 1.18.2, from elixir-1.18.2-otp-27.zip: as .tool-versions asks; compiled already"},
		{"an older suite's Erlang", project.Project{Asked: asking("1.15.7", "25")}, gone, "distro:debian/12", toolchain.Upstream{Elixir: "1.15.7"}, "no route to host"},
		{"both", project.Project{Asked: asking("1.18.2", "27.2")}, gone, "distro:debian/13", toolchain.Upstream{OTP: "27.2", Elixir: "1.18.2"}, "otp 27.2, from 27.2.tar.gz: as .tool-versions asks"},
		{"both, for no image has them", project.Project{Asked: asking("1.18.2", "27.2")}, nil, "distro:debian/13", toolchain.Upstream{OTP: "27.2", Elixir: "1.18.2"}, "hexpm/elixir has no Debian image with Elixir 1.18.2, Erlang 27.2"},
		{"Erlang alone", project.Project{Asked: asking("", "27.2")}, gone, "distro:debian/13", toolchain.Upstream{OTP: "27.2", Elixir: "1.18.3"}, "elixir 1.18.3"},
		{"a part of a version that no suite has", project.Project{Asked: asking("1.18.2", "26")}, gone, `"26" is no release of Erlang/OTP`, toolchain.Upstream{}, "see that the registry can be reached"},
		{"a part of an Elixir that no suite has", project.Project{Asked: asking("1.17", "27")}, gone, `"1.17" is no release of Elixir`, toolchain.Upstream{}, "write the whole version, such as 1.18.3"},
		{"a pair that does not go together", project.Project{Asked: asking("1.18.2", "24.3")}, nil, "do not go together", toolchain.Upstream{}, "take OTP 25 for Elixir 1.18.2"},
		{"what nobody has", project.Project{Asked: asking("1.17.9", "27.2")}, gone, "no route to host; no Debian stable has them, and of their releases: no Elixir 1.17.9 anywhere", toolchain.Upstream{}, "name a place that has it\nsee that the registry can be reached"},
		{"a suite that mix.exs forbids", project.Project{Asked: asking("", "27"), ElixirRequirement: "~> 1.17.0"}, gone, `"27" is no release of Erlang/OTP`, toolchain.Upstream{}, "write the whole version"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := released(c.project)
			if tags := in.Tags; c.tags != nil {
				in.Tags = func(ctx context.Context, repository, prefix string) ([]string, error) {
					_, _ = tags(ctx, repository, prefix)
					return nil, c.tags
				}
			}
			p, err := Make(t.Context(), in)
			if err != nil {
				if problem.Code(err) != 2 || !strings.Contains(err.Error(), c.base) || !strings.Contains(problem.Hint(err), c.says) {
					t.Errorf("exit %d, %v, hint %q", problem.Code(err), err, problem.Hint(err))
				}
				return
			}
			if d := cmp.Diff(c.has, p.Upstream); d != "" || p.Toolchain != c.base {
				t.Errorf("%s, %s", p.Toolchain, d)
			}
			if all := decisions(p); !strings.Contains(all, c.says) {
				t.Errorf("want %q in\n%s", c.says, all)
			}
		})
	}
}

// An archive that cannot be asked is what failed, not the versions.
func TestReleasesWithoutTheArchive(t *testing.T) {
	in := released(project.Project{})
	in.Config, _ = in.Config.WithFlag("elixir", []string{"1.18.1"})
	in.Versions = func(context.Context, string) (distro.Versions, error) {
		return distro.Versions{}, errors.New("no route to the mirror")
	}
	if _, err := Make(t.Context(), in); err == nil || !strings.Contains(err.Error(), "no route to the mirror") {
		t.Errorf("err = %v", err)
	}
}

// What compiling took here the last time is better than a guess.
func TestCostAsMeasured(t *testing.T) {
	in := released(project.Project{})
	in.Config, _ = in.Config.WithFlag("elixir", []string{"1.14.5"})
	in.Took = func(s upstream.Software) time.Duration {
		return map[upstream.Software]time.Duration{upstream.Elixir: 83 * time.Second}[s]
	}
	p, err := Make(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(decisions(p), "compiled once, and kept: the last time that took 1m23s here") {
		t.Error(decisions(p))
	}
}
