package plan

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"dram/internal/config"
	"dram/internal/problem"
	"dram/internal/tool"
	"dram/internal/version"
)

// HostEngine is the engine whose toolchain is this machine.
const HostEngine = "host"

// NativeEngine is dram's own sandbox.
const NativeEngine = "native"

// BuildKitEngine is the engine that builds at builders.
const BuildKitEngine = "buildkit"

// toolchain chooses: what was set; else an image with the versions that the
// project asks for; else the distribution's newest stable suite that satisfies mix.exs.
// Where it is said where the release will run, what does not run there is left out.
func (m *maker) toolchain(ctx context.Context) error {
	if m.in.Place == nil {
		return m.toolchainFor(ctx)
	}
	return m.byPlace(ctx)
}

func (m *maker) toolchainFor(ctx context.Context) error {
	asked := m.facts.Asked
	onHost := strings.HasPrefix(m.in.Config.Toolchain, "host:")
	releases := m.in.Config.OTP != "" || m.in.Config.Elixir != ""
	switch {
	case releases:
		return m.byReleases(ctx)
	case m.plan.Engine == HostEngine && m.in.Config.Toolchain == "":
		m.choose("host:", "the host engine builds with what this machine has")
		return nil
	case onHost != (m.plan.Engine == HostEngine):
		return problem.New(problem.Usage, "leave the toolchain out, or choose the engine with --engine native",
			"engine %s cannot build with toolchain %s: the host engine, and no other, builds with host:", m.plan.Engine, m.in.Config.Toolchain)
	case m.in.Config.Toolchain != "":
		m.choose(m.in.Config.Toolchain, m.set("toolchain.ref"))
		return m.agrees(ctx)
	case m.plan.build.Elixir().Offer != "" && m.in.Config.Dockerfile != config.IgnoreDockerfile:
		m.choose("image:"+m.plan.build.Elixir().Offer, m.facts.DockerFile+" builds in it")
		return nil
	case m.plan.build.Elixir().None:
		return m.byErlang(ctx, m.plan.build.Elixir())
	case asked.Elixir.Version != "" || asked.Erlang.Version != "":
		return m.byAskedVersions(ctx)
	}
	if m.byOffer(ctx) {
		return nil
	}
	if asks := m.plan.build.Elixir(); asks.Below != "" {
		return m.byElixir(ctx, asks)
	}
	return m.byRequirement(ctx)
}

func (m *maker) choose(ref, reason string) {
	m.plan.Toolchain = ref
	m.decide("toolchain", ref, reason)
}

func (m *maker) byRequirement(ctx context.Context) error {
	wants, err := m.requirements()
	if err != nil {
		return err
	}
	if len(wants) == 0 {
		for _, s := range m.suites() {
			if s.Stable {
				m.choose(s.Reference(), m.newest()+"; mix.exs requires no version of Elixir")
				return nil
			}
		}
	}
	var has []string
	for _, s := range m.suites() {
		v, err := m.in.Versions(ctx, s.String())
		switch {
		case err != nil && s.Stable:
			return fmt.Errorf("asking what %s %s has: %w", m.in.Distro.Name, s.Version, err)
		case err != nil:
			has = append(has, fmt.Sprintf("%s could not be asked: %v", s, err))
			continue
		}
		have, err := version.Parse(v.Elixir)
		if err == nil && s.Stable && wants.match(have) {
			m.choose(s.Reference(), fmt.Sprintf("%s whose Elixir (%s) satisfies elixir: %s", m.newest(), v.Elixir, wants))
			return nil
		}
		has = append(has, fmt.Sprintf("%s has Elixir %s on OTP %s", s, cmp.Or(v.Elixir, "none"), cmp.Or(v.Erlang, "none")))
	}
	for _, o := range m.facts.Offers {
		if m.matching() {
			continue // what such an image would fit is not known
		}
		if v, err := version.Parse(o.Elixir); err == nil && wants.match(v) && o.Image != "" && !strings.Contains(o.Image, "alpine") {
			m.choose("image:"+o.Image, fmt.Sprintf("%s builds with it, and no %s stable has an Elixir that satisfies elixir: %s", o.File, m.in.Distro.Name, wants))
			return nil
		}
		has = append(has, offered(o))
	}
	if m.bySeries(ctx, wants) {
		return nil
	}
	of := " of mix.exs"
	if len(wants) > 1 || wants[0].file != "mix.exs" {
		of = "" // each says so
	}
	return problem.New(problem.Usage,
		strings.Join(has, "\n")+"\nchoose one with --toolchain distro:"+m.in.Distro.ID+"/…, name an image with --toolchain image:REF,\n"+
			"or ask for versions in .tool-versions",
		"no %s stable has an Elixir that satisfies elixir: %s%s", m.in.Distro.Name, wants, of)
}

// byElixir is the distribution's newest stable suite with an Elixir that the tool
// works with whole, or else the newest that mix.exs allows.
func (m *maker) byElixir(ctx context.Context, asks tool.Elixir) error {
	want, err := m.requirements()
	if err != nil {
		return err
	}
	for _, s := range m.suites() {
		if !s.Stable {
			continue
		}
		v, err := m.in.Versions(ctx, s.String())
		if err != nil {
			return fmt.Errorf("asking what %s %s has: %w", m.in.Distro.Name, s.Version, err)
		}
		have, err := version.Parse(v.Elixir)
		if err == nil && below(have, asks) && want.match(have) {
			m.choose(s.Reference(), fmt.Sprintf("%s whose Elixir (%s) %s", m.newest(), v.Elixir, asks.Why))
			return nil
		}
	}
	if m.officialBelow(ctx, asks, want) {
		return nil
	}
	if asks.Refuse != nil {
		return asks.Refuse("", "every "+m.in.Distro.Name+" that dram knows")
	}
	return m.byRequirement(ctx)
}

// toolchainElixir is the Elixir of the plan's toolchain, "" if it is not known.
func (m *maker) toolchainElixir(ctx context.Context) string {
	return cmp.Or(m.plan.Upstream.Elixir, m.versionsOf(ctx, m.plan.Toolchain).Elixir)
}

// tagForm is how hexpm/elixir names its images: a system by the name of its release
// and a date, or by a number.
var tagForm = regexp.MustCompile(`^([0-9][^-]*(?:-rc\.[0-9]+)?)-erlang-([0-9][0-9.]*(?:-rc[0-9]+)?)-([a-z]+)-(?:([a-z]+)-([0-9]{8})(?:\.[0-9]+)?|([0-9][0-9.]*))$`)

// tag is an image tag, read.
type tag struct {
	text, elixir, otp string
	distribution      string // its ID
	suite             string // its code name
	date              string // or its number
}

func (m *maker) byAskedVersions(ctx context.Context) error {
	asked := m.facts.Asked
	repository := cmp.Or(m.in.Config.Repository, config.DefaultRepository)
	file := cmp.Or(asked.Elixir.File, asked.Erlang.File)
	what := strings.TrimSpace("Elixir " + cmp.Or(asked.Elixir.Version, "(any)") + ", Erlang " + cmp.Or(asked.Erlang.Version, "(any)"))
	wants, err := m.requirements()
	if err != nil {
		return err
	}
	if by := wants.refuses(asked.Elixir.Version); by != nil {
		return conflict(file+" asks for", asked.Elixir.Version, by)
	}
	all, err := m.in.Tags(ctx, repository, m.facts.Asked.Elixir.Version)
	if err != nil {
		return m.withoutImage(ctx, fmt.Errorf("looking for %s (asked for by %s) among the images of %s: %w", what, file, repository, err), wants)
	}
	tags := m.tags(all)
	fit := fitting(tags, asked.Elixir.Version, asked.Erlang.Version)
	if len(fit) == 0 {
		tags = append(tags, m.besideTags(ctx, repository, asked.Elixir.Version)...)
		return m.withoutImage(ctx, problem.New(problem.Usage, nearby(tags, asked.Elixir.Version, asked.Erlang.Version)+
			"see that these versions exist together, or choose a toolchain with --toolchain",
			"%s has no %s image with %s, as %s asks", repository, m.in.Distro.Name, what, file), wants)
	}
	allowed := slices.DeleteFunc(slices.Clone(fit), func(t tag) bool { return wants.refuses(t.elixir) != nil })
	if len(allowed) == 0 {
		return conflict(file+" asks for", cmp.Or(asked.Elixir.Version, "of any version, with Erlang "+asked.Erlang.Version), wants.refuses(fit[0].elixir))
	}
	m.choose("image:"+repository+":"+m.bestTag(allowed).text, fmt.Sprintf("%s, as %s asks; the newest such image", what, file))
	return nil
}

// besideTags are the tags of the series before and after a version of Elixir, as far
// as the registry tells them: for a hint, of which no failure is one.
func (m *maker) besideTags(ctx context.Context, repository, elixir string) (tags []tag) {
	major, rest, _ := strings.Cut(elixir, ".")
	minor, _, _ := strings.Cut(rest, ".")
	n, err := strconv.Atoi(minor)
	if err != nil {
		return nil
	}
	for _, beside := range []int{n - 1, n + 1} {
		if all, err := m.in.Tags(ctx, repository, fmt.Sprintf("%s.%d.", major, beside)); err == nil {
			tags = append(tags, m.tags(all)...)
		}
	}
	return tags
}

// fitting are the tags with what is asked for. A version asked for in part ("1.18",
// "27") is satisfied by all that begin with it, unless one is exactly that: 27.2 is
// a release, and not 27.2.4.
func fitting(tags []tag, elixir, otp string) []tag {
	fit := slices.DeleteFunc(slices.Clone(tags), func(t tag) bool { return !within(t.elixir, elixir) || !within(t.otp, otp) })
	fit = exactly(fit, func(t tag) bool { return t.elixir == elixir })
	return exactly(fit, func(t tag) bool { return t.otp == otp })
}

// exactly is those of the tags that are so, or all where none is.
func exactly(tags []tag, so func(tag) bool) []tag {
	if only := slices.DeleteFunc(slices.Clone(tags), func(t tag) bool { return !so(t) }); len(only) > 0 {
		return only
	}
	return tags
}

// bestTag is the newest versions, then the newest suite, then the newest date.
func (m *maker) bestTag(tags []tag) tag {
	return slices.MaxFunc(tags, func(a, b tag) int {
		return cmp.Or(compareVersions(a.elixir, b.elixir), compareVersions(a.otp, b.otp),
			cmp.Compare(m.in.Distro.Age(a.suite), m.in.Distro.Age(b.suite)), compareVersions(a.date, b.date))
	})
}

// tags are those of the distribution's images that run where the release will.
func (m *maker) tags(all []string) []tag {
	return slices.DeleteFunc(tagsOf(all, m.in.Distro.ID), func(t tag) bool { return !m.runsThere(t) })
}

// tagsOf are those of a distribution's images.
func tagsOf(all []string, id string) []tag {
	of := "-" + id + "-"
	return readTags(slices.DeleteFunc(slices.Clone(all), func(text string) bool { return !strings.Contains(text, of) }))
}

func readTags(all []string) []tag {
	var tags []tag
	for _, text := range all {
		if parts := tagForm.FindStringSubmatch(text); parts != nil {
			tags = append(tags, tag{text, parts[1], parts[2], parts[3], parts[4], parts[5] + parts[6]})
		}
	}
	return tags
}

// nearby says which versions there are beside each of those asked for, where
// only the pair is missing.
func nearby(tags []tag, elixir, otp string) string {
	var others, pairs []string
	for _, t := range tags {
		switch {
		case within(t.elixir, elixir):
			others = append(others, t.otp)
		case otp != "" && within(t.otp, otp):
			pairs = append(pairs, t.elixir)
		}
	}
	var says strings.Builder
	for _, l := range []struct {
		asked, other string
		have         []string
	}{{"Elixir " + elixir, "Erlang", others}, {"Erlang " + otp, "Elixir", pairs}} {
		slices.SortFunc(l.have, func(a, b string) int { return compareVersions(b, a) })
		if l.have = slices.Compact(l.have); len(l.have) > 0 {
			_, _ = fmt.Fprintf(&says, "with %s there are %s %s\n", l.asked, l.other, strings.Join(l.have[:min(len(l.have), 8)], ", "))
		}
	}
	return says.String()
}

// within says whether version is the asked one, or a release of the asked
// series.
func within(have, asked string) bool {
	if asked == "" {
		return !strings.Contains(have, "-") // any, but no release candidate
	}
	return have == asked || (strings.HasPrefix(have, asked+".") && !strings.Contains(have, "-"))
}

// compareVersions orders versions with any number of parts, by number; what
// comes after a dash makes a version older.
func compareVersions(a, b string) int {
	an, apre, _ := strings.Cut(a, "-")
	bn, bpre, _ := strings.Cut(b, "-")
	as, bs := strings.Split(an, "."), strings.Split(bn, ".")
	for i := range max(len(as), len(bs)) {
		if c := compareNumbers(at(as, i), at(bs, i)); c != 0 {
			return c
		}
	}
	switch {
	case apre == bpre:
		return 0
	case apre == "":
		return 1
	case bpre == "":
		return -1
	}
	return strings.Compare(apre, bpre)
}

func at(parts []string, i int) string {
	if i < len(parts) {
		return parts[i]
	}
	return "0"
}

// compareNumbers orders strings of digits of any length.
func compareNumbers(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}
