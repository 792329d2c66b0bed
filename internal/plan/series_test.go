package plan

import (
	"context"
	"errors"
	"strings"
	"testing"

	"dram/internal/distro"
	"dram/internal/project"
	"dram/internal/project/dockerfile"
	"dram/internal/toolchain"
	"dram/internal/upstream"
)

// Where no suite has an Elixir that mix.exs allows, its first series is laid over one, or
// comes of an image.
func TestSeriesThatNoSuiteHas(t *testing.T) {
	tags := []string{
		"1.19.5-erlang-28.4-debian-trixie-20260101", "1.19.4-erlang-28.4-debian-trixie-20260101", "1.19.6-rc.1-erlang-28.4-debian-trixie-20260101",
		"1.19.5-erlang-29.0-rc3-debian-trixie-20260101", "1.20.4-erlang-29.1-debian-trixie-20260101", "1.19.5-erlang-28.4-alpine-3.23.0",
		"1.9.4-erlang-22.3-debian-buster-20200607",
	}
	silent := func(context.Context, upstream.Wanted) (upstream.File, error) {
		return upstream.File{}, errors.New("no route to host")
	}
	for _, c := range []struct {
		name, requires string
		upstream       func(context.Context, upstream.Wanted) (upstream.File, error) // nil: all can be had
		toolchain      string                                                        // or the error
		elixir, says   string
	}{
		{"released, compiled already", "~> 1.19", nil, "distro:debian/13", "1.19.5", "the newest Debian stable whose OTP (27.3.4.1) goes with Elixir 1.19.5"},
		{"the first series that is allowed, and its last release", "> 1.18.3", nil, "distro:debian/13", "1.18.4", "goes with Elixir 1.18.4"},
		{"over the suite whose Erlang goes with it", "~> 1.15.0", nil, "distro:debian/12", "1.15.8", "whose OTP (25.2.3) goes with Elixir 1.15.8"},
		{"of an image, where releases cannot be had", "~> 1.19", silent, "image:hexpm/elixir:1.19.5-erlang-28.4-debian-trixie-20260101", "", `satisfies elixir: "~> 1.19"`},
		{"of an image, where no suite's Erlang goes with it", "~> 1.9.0", nil, "image:hexpm/elixir:1.9.4-erlang-22.3-debian-buster-20200607", "", `"~> 1.9.0"`},
		{"nobody has it", "~> 1.17.4", nil, `no Debian stable has an Elixir that satisfies elixir: "~> 1.17.4"`, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := released(project.Project{ElixirRequirement: c.requires})
			if c.upstream != nil {
				in.Upstream = c.upstream
			}
			in.Tags = func(context.Context, string, string) ([]string, error) { return tags, nil }
			p, err := Make(t.Context(), in)
			if err != nil {
				if !strings.Contains(err.Error(), c.toolchain) || p == nil || p.Upstream != (toolchain.Upstream{}) {
					t.Errorf("%v", err)
				}
				return
			}
			if p.Toolchain != c.toolchain || p.Upstream != (toolchain.Upstream{Elixir: c.elixir}) || !strings.Contains(reason(p, "toolchain"), c.says) {
				t.Errorf("%s with %v: %s", p.Toolchain, p.Upstream, reason(p, "toolchain"))
			}
			if got := reason(p, "elixir"); c.elixir != "" && !strings.Contains(got, "the newest release of the series that elixir: in mix.exs begins with; compiled already") {
				t.Error(got)
			}
		})
	}
}

// An Erlang/OTP of the time before OpenSSL 3 is compiled on a system of that time.
func TestOldErlangOnAnOldSystem(t *testing.T) {
	for _, c := range []struct{ otp, elixir, suite string }{
		{"21.0", "1.7.3", "debian/11"},
		{"24.1.7", "1.12.3", "debian/11"},
		{"24.3.4", "1.14.5", "debian/13"},
		{"27.2", "1.18.1", "debian/13"},
	} {
		in := released(project.Project{Asked: asking(c.elixir, c.otp)})
		others := in.Versions
		in.Versions = func(ctx context.Context, suite string) (distro.Versions, error) {
			if suite == "debian/11" {
				return distro.Versions{Elixir: "1.10.3", Erlang: "23.2.6"}, nil
			}
			return others(ctx, suite)
		}
		in.Tags = func(context.Context, string, string) ([]string, error) { return nil, errors.New("no registry") }
		p, err := Make(t.Context(), in)
		if err != nil || p.Toolchain != "distro:"+c.suite || p.Upstream != (toolchain.Upstream{OTP: c.otp, Elixir: c.elixir}) {
			t.Errorf("OTP %s: %v, %+v", c.otp, err, p)
		}
	}
}

// hub is a registry with Docker's own images of Elixir.
func hub(_ context.Context, repository, _ string) ([]string, error) {
	if repository != "elixir" {
		return nil, errors.New("no such repository")
	}
	return []string{"1.7.4", "1.8.1", "1.8.2", "1.8.2-alpine", "1.6.4", "latest"}, nil
}

// What is older than all suites and all of hexpm's images comes of Docker's own image:
// the one that the project's Dockerfile builds in, or the newest that its tool works with.
func TestOldElixirInAnOfficialImage(t *testing.T) {
	for _, c := range []struct{ name, image, elixir, requires, want, note string }{
		{"the Dockerfile's own", "elixir:1.8.1", "1.8.1", "~> 1.6", "image:elixir:1.8.1: Dockerfile builds in it", ""},
		{"that Alpine's C library is in", "elixir:1.8.2-alpine", "1.8.2", "~> 1.6", "image:elixir:1.8.2: Dockerfile builds in it as it is of Alpine, 1.8.2-alpine", "builds with elixir:1.8.2-alpine"},
		{"that has no other", "elixir:1.6.6-alpine", "1.6.6", "~> 1.6", "distro:debian/13", "builds with elixir:1.6.6-alpine"},
		{"that is gone", "elixir:1.7.0", "1.7.0", "~> 1.6", "distro:debian/13", "builds with elixir:1.7.0"},
		{"by its digest", "elixir@sha256:00", "1.7.0", "~> 1.6", "distro:debian/13", "builds with elixir@sha256:00"},
	} {
		p := own(dockerfile.Recipe{})
		p.ElixirRequirement, p.Offers = c.requires, []project.Offer{{File: "Dockerfile", Image: c.image, Elixir: c.elixir}}
		in := inputs(p)
		in.Tags = hub
		got := make1(t, in)
		if notes := strings.Join(got.Notes, "\n"); !strings.HasPrefix(reason(got, "toolchain"), c.want) || !strings.Contains(notes, c.note) || c.note == "" && notes != "" {
			t.Errorf("%s: %s, %q", c.name, reason(got, "toolchain"), got.Notes)
		}
	}
}

func TestOldDistilleryInAnOfficialImage(t *testing.T) {
	for _, c := range []struct{ requires, want string }{
		{"", "image:elixir:1.8.2: the newest Elixir (1.8.2) Distillery works with, in Docker's own image; no Debian stable has such a one"},
		{"~> 1.7.0", "image:elixir:1.7.4: the newest Elixir (1.7.4) Distillery works with, in Docker's own image; no Debian stable has such a one"},
		{"~> 1.5.0", ""}, // no such image
		{"~> 1.13", ""},
	} {
		in := distilleryInputs(t, use20+shop, "2.0.14", project.Project{ElixirRequirement: c.requires})
		in.Tags = hub
		p, err := Make(t.Context(), in)
		if c.want == "" {
			if err == nil || !strings.Contains(err.Error(), "Distillery before 2.1 needs Elixir before 1.9") {
				t.Errorf("%q: %v", c.requires, err)
			}
			continue
		}
		if err != nil || reason(p, "toolchain") != c.want {
			t.Errorf("%q: %v, %s", c.requires, err, reason(p, "toolchain"))
		}
	}
}
