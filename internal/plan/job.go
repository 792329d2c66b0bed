package plan

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"dram/internal/engine"
	"dram/internal/source"
	"dram/internal/store"
	"dram/internal/tool"
	"dram/internal/toolchain"
)

// Epoch is the time, in seconds since 1970, that the build and every file of
// its results bear (SOURCE_DATE_EPOCH): one second after 1970 began, since some
// tools take 0 for "unknown".
const Epoch = 1

// Key names the result: what has the same key is the same bytes.
func (p *Plan) Key(src store.Digest, tc store.Digest) string {
	raw, err := json.Marshal([]any{
		"recipe", Recipe, src, tc, p.Release, p.Platform, p.MixEnv, p.OwnApps, p.Fetch, p.Setup, p.Deploy, p.Cookie, p.Network, p.Tool, p.ReleaseEnv,
		p.BuildEnv, p.Image.Start, p.Image.Programs, p.Image.User, p.Image.Env, p.Image.Labels, p.Image.Expose,
		p.Image.Contents, p.Image.Starting, p.Image.Packing,
	})
	if err != nil {
		panic(err) // strings, numbers and booleans always encode
	}
	return store.DigestOf(append(append(append(raw, p.stepsLine()...), p.contextLine()...), p.acrossLine()+p.baseLine()...)).Hex()
}

// Job is the build as an engine runs it, in a toolchain with these facts.
// environ is dram's own environment. What is kept between runs is yet to be given
// its Lineage.
func (p *Plan) Job(tc *toolchain.Toolchain, root string, facts toolchain.Facts, src *source.Tree, environ []string) engine.Job {
	seen := src.From(p.Context.At)
	part := p.build.Job(tool.Circumstances{
		Toolchain: ForTool(facts),
		Source:    seen, Environ: environ, Network: p.Network, Inert: p.inert(seen),
	})
	part.Steps = p.withOwn(part, seen, environ)
	part = inContext(p.Context.At, part)
	job := engine.Job{
		Key:    store.DigestOf([]byte(p.Dir + "\n" + string(tc.ID) + "\n" + p.MixEnv)).Hex(),
		Name:   p.Release,
		Tool:   p.by.About().Title,
		Root:   root,
		Source: src, Platform: p.Compiles(),
		Toolchain: engine.Toolchain{
			ID: tc.ID, Name: tc.Ref.String(), Pull: tc.Pull(), Image: tc.Image,
		},
		CacheDirs: part.CacheDirs,
		Env:       slices.Concat(environment(tc, facts), part.Env, p.BuildEnv, part.Fixed),
		Export:    part.Export, Assembled: part.Assembled, Isolated: p.Isolated,
		Steps: part.Steps, Compile: part.Compile, Astray: part.Astray, Mirrors: part.Mirrors,
	}
	job.Emulated = emulated(facts, job.Env)
	return job
}

// ForTool is what a tool needs to know of a toolchain with these facts.
func ForTool(facts toolchain.Facts) tool.Toolchain {
	return tool.Toolchain{OTP: facts.OTP, Path: facts.Path, Hex: facts.Hex, Rebar3: facts.Rebar3, CACerts: facts.CACerts}
}

// emulated is what Erlang needs to run under qemu's user emulation, where a page
// of memory cannot be mapped twice, for writing and for running: so it is told to
// map it once (OTP 26), or to do what that comes with (24 and 25).
func emulated(facts toolchain.Facts, env []string) []string {
	major, _, _ := strings.Cut(facts.OTP, ".")
	otp, err := strconv.Atoi(major)
	flags := "+JMsingle true"
	switch {
	case err != nil || otp < 24: // no just-in-time compiler
		return nil
	case otp < 26:
		flags = "+JPperf true"
	}
	for _, kv := range env {
		if set, ok := strings.CutPrefix(kv, "ERL_FLAGS="); ok && set != "" {
			flags = set + " " + flags
		}
	}
	return []string{"ERL_FLAGS=" + flags}
}

func environment(tc *toolchain.Toolchain, facts toolchain.Facts) []string {
	var env []string
	for _, kv := range tc.Config.Env {
		if name, _, _ := strings.Cut(kv, "="); name != "PATH" && name != "LANG" && name != "LC_ALL" {
			env = append(env, kv)
		}
	}
	return append(env,
		"PATH="+facts.Path, "HOME=/root", "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "TZ=UTC",
		"SOURCE_DATE_EPOCH="+strconv.Itoa(Epoch),
		// Up to OTP 27, what PCRE makes of a regular expression with named groups
		// ends up in beams with whatever was in memory before, between the names.
		// The VM takes memory for it from malloc then, and malloc clears it: all of it,
		// since what glibc keeps for each thread would come as free left it.
		"ERL_ZFLAGS=+MDe false", "MALLOC_PERTURB_=255", "GLIBC_TUNABLES=glibc.malloc.tcache_count=0")
}
