package plan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"dram/internal/distro"
	"dram/internal/problem"
	"dram/internal/project"
	"dram/internal/toolchain"
	"dram/internal/upstream"
)

// byReleases is the toolchain that was set, or else a suite, with the releases of
// Erlang/OTP and Elixir that were set.
func (m *maker) byReleases(ctx context.Context) error {
	c := m.in.Config
	if m.plan.Engine == HostEngine || strings.HasPrefix(c.Toolchain, "host:") {
		return problem.New(problem.Usage, "choose the engine with --engine native, or leave the versions out",
			"the host engine builds with what this machine has, and not with releases of Erlang/OTP or Elixir")
	}
	up := toolchain.Upstream{OTP: c.OTP, Elixir: c.Elixir}
	if c.Toolchain != "" {
		return m.over(ctx, up, c.Toolchain, m.set("toolchain.ref"))
	}
	s, v, err := m.suiteBelow(ctx, up)
	if err != nil {
		return err
	}
	reason := m.newest()
	if up.OTP == "" {
		reason += fmt.Sprintf(" whose OTP (%s) goes with Elixir %s", v.Erlang, up.Elixir)
	}
	return m.over(ctx, up, s.Reference(), reason)
}

// suiteBelow is the newest stable suite that releases can be laid over: any where
// Erlang is one of them, else one whose Erlang is as asked and goes with the Elixir.
func (m *maker) suiteBelow(ctx context.Context, up toolchain.Upstream) (distro.Suite, distro.Versions, error) {
	var has []string
	if s, v, ok := m.oldSuite(ctx, up.OTP); ok {
		return s, v, nil
	}
	for _, s := range m.suites() {
		if !s.Stable {
			continue
		}
		v, err := m.in.Versions(ctx, s.String())
		if err != nil {
			return s, v, fmt.Errorf("asking what %s %s has: %w", m.in.Distro.Name, s.Version, err)
		}
		if up.OTP != "" || v.Erlang != "" && within(v.Erlang, m.facts.Asked.Erlang.Version) && upstream.Compatible(up.Elixir, v.Erlang) == nil {
			return s, v, nil
		}
		has = append(has, s.String()+" has OTP "+cmp.Or(v.Erlang, "none"))
	}
	low, high := upstream.Runtimes(up.Elixir)
	return distro.Suite{}, distro.Versions{}, problem.New(problem.Usage,
		strings.Join(has, "\n")+fmt.Sprintf("\nsay which Erlang/OTP is to be compiled for it (--otp), of %d to %d", low, high),
		"no %s stable has an Erlang/OTP for Elixir %s", m.in.Distro.Name, up.Elixir)
}

// oldSuite is the newest stable suite of the time of an Erlang/OTP that newer ones cannot
// compile.
func (m *maker) oldSuite(ctx context.Context, otp string) (s distro.Suite, v distro.Versions, ok bool) {
	if !upstream.OldSystem(otp) {
		return s, v, false
	}
	for _, s := range m.suites() {
		if v, err := m.in.Versions(ctx, s.String()); err == nil && s.Stable && upstream.OldSystem(v.Erlang) {
			return s, v, true
		}
	}
	return s, v, false
}

// over chooses a toolchain with releases laid over it, if they can be had.
func (m *maker) over(ctx context.Context, up toolchain.Upstream, base, reason string) error {
	m.plan.Toolchain = base
	below := m.versionsOf(ctx, base)
	if up.Elixir == "" {
		up.Elixir = m.elixirFor(up.OTP, below.Elixir)
	}
	if up.Elixir == "" {
		return problem.New(problem.Usage, "say which Elixir is to run on it: --elixir, or elixir in [toolchain]",
			"Erlang/OTP %s is asked for, and no Elixir that goes with it", up.OTP)
	}
	wants, err := m.requirements()
	if err != nil {
		return err
	}
	if by := wants.refuses(up.Elixir); by != nil {
		return conflict(m.who(up), up.Elixir, by)
	}
	otp := cmp.Or(up.OTP, below.Erlang)
	if err := upstream.Compatible(up.Elixir, otp); err != nil {
		return err
	}
	var parts []Decision
	for _, w := range []upstream.Wanted{{Software: upstream.OTP, Version: up.OTP}, {Software: upstream.Elixir, Version: up.Elixir, Runtime: otp}} {
		if w.Version == "" {
			continue
		}
		d, err := m.found(ctx, w)
		if err != nil {
			return err
		}
		parts = append(parts, d)
	}
	m.choose(base, reason)
	m.plan.Upstream = up
	m.plan.Decisions = append(m.plan.Decisions, parts...)
	return nil
}

// who asks for an Elixir, as the message of a conflict begins.
func (m *maker) who(up toolchain.Upstream) string {
	switch up.Elixir {
	case m.in.Config.Elixir:
		return m.in.Config.Origin("toolchain.elixir") + " asks for"
	case m.facts.Asked.Elixir.Version:
		return m.facts.Asked.Elixir.File + " asks for"
	}
	return m.plan.Toolchain + " has"
}

// elixirFor is the Elixir for an Erlang/OTP where none was set: the one that a
// version file asks for, else the suite's own, if they go together.
func (m *maker) elixirFor(otp, suites string) string {
	for _, v := range []string{m.facts.Asked.Elixir.Version, suites} {
		if upstream.Elixir.Whole(v) && upstream.Compatible(v, otp) == nil {
			return v
		}
	}
	return ""
}

// versionsOf is what a toolchain has, as far as that is known before it is there.
func (m *maker) versionsOf(ctx context.Context, base string) distro.Versions {
	if suite, ok := strings.CutPrefix(base, "distro:"); ok {
		v, err := m.in.Versions(ctx, suite)
		if err != nil {
			return distro.Versions{} // opening it says why
		}
		return v
	}
	if i := strings.LastIndexByte(base, ':'); i >= 0 {
		if tags := readTags([]string{base[i+1:]}); len(tags) == 1 {
			return distro.Versions{Elixir: tags[0].elixir, Erlang: tags[0].otp}
		}
	}
	return distro.Versions{}
}

// found finds a release, and says what it is and what it costs.
func (m *maker) found(ctx context.Context, w upstream.Wanted) (Decision, error) {
	d := Decision{Name: string(w.Software), Value: w.Version}
	if w.Software == upstream.Elixir && w.Runtime == "" {
		d.Reason = m.asks(w) + "; which file of it serves is known when the toolchain is there"
		return d, nil // the toolchain's Erlang is not known before
	}
	f, err := m.in.Upstream(ctx, w)
	if err != nil {
		return d, err
	}
	d.Value += ", from " + f.Name
	d.Reason = m.asks(w) + "; " + m.cost(w, f)
	if w.Software == upstream.OTP {
		d.Reason += "; without " + toolchain.LeftOut
	}
	return d, nil
}

// asks says who asks for a release.
func (m *maker) asks(w upstream.Wanted) string {
	asked := map[upstream.Software]project.Version{upstream.OTP: m.facts.Asked.Erlang, upstream.Elixir: m.facts.Asked.Elixir}[w.Software]
	switch {
	case w.Software == upstream.Elixir && w.Version == m.series:
		return "the newest release of the series that elixir: in mix.exs begins with"
	case m.in.Config.Origin("toolchain."+string(w.Software)) != "":
		return m.set("toolchain." + string(w.Software))
	case asked.Version != "" && within(w.Version, asked.Version):
		return "as " + asked.File + " asks"
	}
	return "the one of the toolchain below, for the other Erlang/OTP"
}

// What compiling took, in minutes of one core: measured on Debian 11 and 13.
var minutes = map[upstream.Software]float64{upstream.OTP: 14, upstream.Elixir: 1.2}

// cost says what a release costs the first time; then it is kept.
func (m *maker) cost(w upstream.Wanted, f upstream.File) string {
	if f.Form == upstream.Beams {
		return "compiled already: it is fetched once and unpacked"
	}
	if took := m.in.Took(w.Software); took > 0 {
		return fmt.Sprintf("compiled once, and kept: the last time that took %v here", took)
	}
	about := time.Duration(minutes[w.Software] / float64(runtime.NumCPU()) * float64(time.Minute))
	return fmt.Sprintf("compiled once, and kept: about %v on %d cores", about.Round(10*time.Second), runtime.NumCPU())
}

// withoutImage is what is left where no image has the versions that are asked for,
// or no registry says so: a suite that has them, or else their releases over a suite.
// why is the failure to say where that is not possible either.
func (m *maker) withoutImage(ctx context.Context, why error, wants requirements) error {
	if m.in.Upstream == nil || ctx.Err() != nil {
		return why
	}
	asked := m.facts.Asked
	file := cmp.Or(asked.Elixir.File, asked.Erlang.File)
	for _, s := range m.suites() {
		if !s.Stable {
			continue
		}
		v, err := m.in.Versions(ctx, s.String())
		if err != nil || v.Elixir == "" || wants.refuses(v.Elixir) != nil {
			continue
		}
		if within(v.Elixir, asked.Elixir.Version) && within(v.Erlang, asked.Erlang.Version) {
			m.choose(s.Reference(), fmt.Sprintf("Elixir %s, Erlang %s, as %s asks; no image was to be had: %v", v.Elixir, v.Erlang, file, why))
			return nil
		}
	}
	err := m.releasesAsked(ctx, why)
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	hint := problem.Hint(err)
	if other := problem.Hint(why); other != "" && other != hint {
		hint = strings.TrimPrefix(hint+"\n", "\n") + other
	}
	return problem.New(problem.Usage, hint, "%w; no %s stable has them, and of their releases: %w", why, m.in.Distro.Name, err)
}

// releasesAsked lays the releases that a version file asks for over a suite.
func (m *maker) releasesAsked(ctx context.Context, why error) error {
	asked := m.facts.Asked
	up := toolchain.Upstream{Elixir: asked.Elixir.Version}
	if up.Elixir != "" {
		if err := (upstream.Wanted{Software: upstream.Elixir, Version: up.Elixir}).Check(); err != nil {
			return err
		}
		if err := upstream.Compatible(up.Elixir, asked.Erlang.Version); err != nil {
			return err
		}
	}
	s, _, err := m.suiteBelow(ctx, up)
	if err != nil || up.Elixir == "" {
		up.OTP = asked.Erlang.Version
		if up.OTP == "" {
			return err
		}
		if err := (upstream.Wanted{Software: upstream.OTP, Version: up.OTP}).Check(); err != nil {
			return err
		}
		if s, _, err = m.suiteBelow(ctx, up); err != nil {
			return err
		}
	}
	return m.over(ctx, up, s.Reference(), fmt.Sprintf("%s as asked for, over %s that they can lie over; no image was to be had: %v",
		up, m.newest(), why))
}
