package plan

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"dram/internal/config"
	"dram/internal/distro"
	"dram/internal/project"
	"dram/internal/tool"
	"dram/internal/toolchain"
	"dram/internal/upstream"
	"dram/internal/version"
)

// Where no suite has an Elixir that mix.exs allows, one of the series that it begins with
// is had of Elixir's own releases, over the newest suite whose Erlang/OTP goes with it, or
// else of an image: the first series is the one that the project was begun with.

// bySeries chooses such a toolchain, and says whether there was one.
func (m *maker) bySeries(ctx context.Context, wants requirements) bool {
	if m.in.Config.Repository == "" && m.in.Upstream != nil {
		for _, elixir := range allowed(wants) {
			s, v, err := m.suiteBelow(ctx, toolchain.Upstream{Elixir: elixir})
			if err != nil {
				continue
			}
			if m.overSuite(ctx, elixir, s, v, wants) {
				return true
			}
			break // nobody has it, or nobody answers: so it will be with the next
		}
	}
	return m.imageOf(ctx, cmp.Or(m.in.Config.Repository, config.DefaultRepository), wants)
}

// allowed are the newest releases of the series that mix.exs allows, the first series
// first.
func allowed(wants requirements) []string {
	return slices.DeleteFunc(upstream.Newest(), func(release string) bool {
		v, err := version.Parse(release)
		return err != nil || !wants.match(v)
	})
}

// overSuite lays a release of Elixir over a suite, where it can be had.
func (m *maker) overSuite(ctx context.Context, elixir string, s distro.Suite, v distro.Versions, wants requirements) bool {
	reason := fmt.Sprintf("%s whose OTP (%s) goes with Elixir %s; no %s stable has an Elixir that satisfies elixir: %s",
		m.newest(), v.Erlang, elixir, m.in.Distro.Name, wants)
	m.series = elixir
	if err := m.over(ctx, toolchain.Upstream{Elixir: elixir}, s.Reference(), reason); err != nil {
		m.plan.Toolchain, m.series = "", ""
		return false
	}
	return true
}

// imageOf chooses an image of the first series of which there is one that mix.exs allows.
func (m *maker) imageOf(ctx context.Context, repository string, wants requirements) bool {
	for _, release := range allowed(wants) {
		series := release[:strings.LastIndexByte(release, '.')+1]
		all, err := m.in.Tags(ctx, repository, series)
		if err != nil {
			return false
		}
		tags := slices.DeleteFunc(m.tags(all), func(t tag) bool {
			v, err := version.Parse(t.elixir)
			return err != nil || !strings.HasPrefix(t.elixir, series) || strings.Contains(t.elixir+t.otp, "rc") || !wants.match(v)
		})
		if len(tags) > 0 {
			m.choose("image:"+repository+":"+m.bestTag(tags).text,
				fmt.Sprintf("an image of the series whose Elixir satisfies elixir: %s; no %s stable has such a one", wants, m.in.Distro.Name))
			return true
		}
	}
	return false
}

// inOffered takes the very image that a file builds in, where its registry has that: for
// one of Alpine, which has another C library, its sibling.
func (m *maker) inOffered(ctx context.Context, o project.Offer) bool {
	repository, tag, ok := cutTag(o.Image)
	if !ok {
		return false
	}
	plain, _, other := strings.Cut(tag, "-alpine")
	if strings.Contains(repository, "alpine") || !m.published(ctx, repository, plain) {
		return false
	}
	why := o.File + " builds in it"
	if other {
		why = o.File + " builds in it as it is of Alpine, " + tag
	}
	m.choose("image:"+repository+":"+plain, why)
	return true
}

// cutTag takes an image's name apart.
func cutTag(image string) (repository, tag string, ok bool) {
	i := strings.LastIndexByte(image, ':')
	if i < 0 || strings.ContainsAny(image[i:], "/@") || strings.Contains(image, "@") {
		return "", "", false
	}
	return image[:i], image[i+1:], true
}

// published says whether a registry has a tag.
func (m *maker) published(ctx context.Context, repository, tag string) bool {
	tags, err := m.in.Tags(ctx, repository, tag)
	return err == nil && slices.Contains(tags, tag)
}

// official is the repository of Docker's own images of Elixir, which are of a
// distribution's base and have git and a compiler. They go back further than others.
const official = "elixir"

// officialBelow takes the newest of them that a tool works with.
func (m *maker) officialBelow(ctx context.Context, asks tool.Elixir, wants requirements) bool {
	if m.matching() {
		return false // what such an image would fit is not known
	}
	for _, release := range slices.Backward(allowed(wants)) {
		v, err := version.Parse(release)
		if err != nil || !below(v, asks) {
			continue
		}
		if !m.published(ctx, official, release) {
			return false
		}
		m.choose("image:"+official+":"+release, fmt.Sprintf("the newest Elixir (%s) %s, in Docker's own image; no %s stable has such a one", release, asks.Why, m.in.Distro.Name))
		return true
	}
	return false
}
