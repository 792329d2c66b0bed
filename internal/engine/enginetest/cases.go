package enginetest

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dram/internal/engine"
	"dram/internal/problem"
	"dram/internal/store"
)

func inOrder(_ *testing.T, b *bench) {
	first := sh("first", `echo "$A $ODD"; pwd; echo 1 > _build/one`)
	first.Env = []string{"A=step"}
	second := sh("second", made+`cat _build/one > _build/rel/one; echo "$A" > _build/rel/a; ln -s a _build/rel/link; printf '#!/bin/sh' > _build/rel/run; chmod 755 _build/rel/run`)
	got := b.must(first, second)
	b.same("result", map[string]string{"one": "1\n", "a": "job\n", "link": "-> a", "run": "#!/bin/sh"}, got)
	b.same("told", []string{"run first", "run second"}, b.told)
	if !b.s.Shared {
		b.same("printed", "step a \"b\" $c \\d 'e'\n/app\n", b.out.String())
	}
}

// The steps compile as Mix does: by time, and what is gone goes.
const compile = made + `mkdir -p _build/lib/own
for f in _build/lib/own/*.beam; do
	[ -f "lib/$(basename "$f" .beam).ex" ] || rm -f "$f"
done
for f in lib/*.ex; do
	beam=_build/lib/own/$(basename "$f" .ex).beam
	if [ ! -f _build/lib/manifest ] || [ "$f" -nt _build/lib/manifest ] || [ ! -f "$beam" ]; then
		echo "compiling $f"
		cp "$f" "$beam"
	fi
done
sleep 1.1; touch _build/lib/manifest # Mix compares seconds
rm -rf _build/rel; cp -r _build/lib/own _build/rel`

func incremental(_ *testing.T, b *bench) {
	b.write("lib/a.ex", "a 1")
	b.write("lib/b.ex", "b 1")
	b.must(sh("release", compile))
	for _, c := range []struct {
		name     string
		change   func()
		compiled string
	}{
		{"edited", func() { b.write("lib/a.ex", "a 2") }, "compiling lib/a.ex\n"},
		{"edited back", func() { b.write("lib/a.ex", "a 1") }, "compiling lib/a.ex\n"},
		{"edited again", func() { b.write("lib/b.ex", "b 2") }, "compiling lib/b.ex\n"},
		{"the time of the day alone", func() {
			later := time.Now().Add(time.Hour)
			_ = os.Chtimes(filepath.Join(b.dir, "lib/a.ex"), later, later)
		}, ""},
		{"added", func() { b.write("lib/c.ex", "c 1") }, "compiling lib/c.ex\n"},
		{"removed", func() { b.remove("lib/b.ex") }, ""},
	} {
		c.change()
		got := b.must(sh("release", compile+" # "+c.name))
		// Where a step was found whole in a cache, it compiled nothing.
		b.same(c.name+" compiled", c.compiled, b.out.String())
		b.same(c.name, b.sources(), got)
	}
}

// sources is what a compilation of lib has to come to.
func (b *bench) sources() map[string]string {
	all, err := files(filepath.Join(b.dir, "lib"))
	if err != nil {
		b.t.Fatal(err)
	}
	want := map[string]string{}
	for name, text := range all {
		want[strings.TrimSuffix(name, ".ex")+".beam"] = text
	}
	return want
}

func failing(_ *testing.T, b *bench) {
	_, err := b.run(b.t.Context(), sh("compile", "echo half > _build/half; echo no good >&2; exit 3"), sh("release", made))
	var failed *engine.StepError
	if !errors.As(err, &failed) || failed.Step.Name != "compile" || !strings.HasSuffix(err.Error(), "failed: exit status 3") {
		b.t.Fatalf("err = %v", err)
	}
	b.same("printed", "no good\n", b.out.String())
	b.same("told", []string{"run compile"}, b.told)
	// A compiler that fails cleans up after itself: what it kept, stays.
	b.must(sh("compile", "cat _build/half"), sh("release", made))
}

// failedCompile: what was edited before a build that failed is still told to be
// newer than what was compiled.
func failedCompile(_ *testing.T, b *bench) {
	b.write("lib/a.ex", "a 1")
	b.write("lib/b.ex", "b 1")
	b.must(sh("release", compile))
	b.write("lib/a.ex", "a 2")
	b.write("lib/b.ex", "b 2")
	if _, err := b.run(b.t.Context(), sh("release", "exit 1")); err == nil {
		b.t.Fatal("it did not fail")
	}
	b.write("lib/b.ex", "b 3")
	b.same("after a failure", map[string]string{"a.beam": "a 2", "b.beam": "b 3"}, b.must(sh("release", compile)))
}

func noResult(_ *testing.T, b *bench) {
	_, err := b.run(b.t.Context(), sh("release", "true"))
	p, ok := errors.AsType[*problem.Error](err)
	if !ok || p.Kind != problem.Build || p.Hint == "" || !strings.Contains(err.Error(), "/app/_build/rel") {
		b.t.Errorf("a build without a result: %v", err)
	}
}

func cancelled(_ *testing.T, b *bench) {
	ctx, cancel := context.WithCancel(b.t.Context())
	go func() {
		b.awaitPrinted("begun")
		cancel()
	}()
	begun := time.Now()
	_, err := b.run(ctx, sh("compile", "echo half > _build/half; echo begun; sleep 600"))
	var failed *engine.StepError
	if !errors.Is(err, context.Canceled) || errors.As(err, &failed) {
		b.t.Fatalf("err = %v, want it cancelled", err)
	}
	if took := time.Since(begun); took > time.Minute {
		b.t.Errorf("it took %v", took)
	}
	// Whatever a killed compiler may have written half is gone.
	b.must(sh("release", made+"[ ! -e _build/half ]"))
}

// awaitPrinted waits for steps to print a text; a build that failed never does.
func (b *bench) awaitPrinted(text string) {
	for limit := time.Now().Add(time.Minute); !strings.Contains(b.printed(), text) && time.Now().Before(limit); {
		time.Sleep(20 * time.Millisecond)
	}
}

func (b *bench) printed() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.out.String()
}

func atOnce(t *testing.T, b *bench) {
	waits := make(chan bool, 1)
	other := &bench{t: t, s: b.s, engine: b.engine, dir: b.dir, key: b.key, wait: func() { waits <- true }}
	var group sync.WaitGroup
	group.Go(func() {
		if _, err := b.run(t.Context(), sh("first", "echo begun; sleep 2; echo 1 >> _build/by"), sh("release", made)); err != nil {
			t.Errorf("the first: %v", err)
		}
	})
	b.awaitPrinted("begun")
	group.Go(func() {
		got, err := other.run(t.Context(), sh("second", made+"cp _build/by _build/rel/by"))
		if err != nil {
			t.Errorf("the second: %v\n%s", err, other.printed())
		}
		b.same("the second sees what the first made", map[string]string{"by": "1\n"}, got)
	})
	group.Wait()
	if len(waits) == 0 {
		t.Error("the second did not say that it waits")
	}
}

func fetchedOnce(_ *testing.T, b *bench) {
	b.write("lib/a.ex", "1")
	f := fetch("mkdir -p deps; echo \"dep of $(cat mix.exs)\" > deps/dep; echo pkg > /cache/hex/pkg")
	if b.s.Shared {
		f = fetch("mkdir -p deps; echo \"dep of $(cat mix.exs)\" > deps/dep")
	}
	release := sh("release", made+"cat deps/dep lib/a.ex > _build/rel/a")
	b.same("first", map[string]string{"a": "dep of project\n1"}, b.must(f, release))
	b.same("first", []string{"run fetch", "run release"}, b.told)
	b.write("lib/a.ex", "2")
	b.same("second", map[string]string{"a": "dep of project\n2"}, b.must(f, release))
	b.same("second", []string{"skip fetch", "run release"}, b.told)
	b.write("mix.exs", "another")
	f.InputDigest = "2"
	b.same("third", map[string]string{"a": "dep of another\n2"}, b.must(f, release))
	b.same("third", []string{"run fetch", "run release"}, b.told)
}

func unlocked(_ *testing.T, b *bench) {
	b.write("mix.lock", "old\n")
	f := fetch("echo new >> mix.lock")
	f.Needs = append(f.Needs, "mix.lock")
	got := b.must(f, sh("release", made+"cp mix.lock _build/rel/lock"))
	b.same("the lock that was fetched counts", map[string]string{"lock": "old\nnew\n"}, got)
	if !slices.Contains(b.told, "unlocked mix.lock") {
		b.t.Errorf("told %v", b.told)
	}
}

// Secret is what the suite's secret holds.
const Secret = "s3cr'et $HOME of the suite" //nolint:gosec // no secret at all

func secrets(_ *testing.T, b *bench) {
	f := fetch(`mkdir -p deps; printf %s "$HEX_API_KEY" | sha256sum | cut -c1-64 > deps/sum`)
	f.Secrets, f.Private = []string{"HEX_API_KEY=" + Secret}, true
	other := fetch(`printf %s "${HEX_API_KEY-none} $NPM_REGISTRY" > deps/other`)
	other.Name, other.Lock, other.Secrets = "other", "", []string{"NPM_REGISTRY=http://npm.invalid"}
	got := b.must(f, other, sh("release", made+`cp deps/sum deps/other _build/rel/; printf %s "${HEX_API_KEY-none}" > _build/rel/key`))
	b.same("secret", map[string]string{"sum": store.DigestOf([]byte(Secret)).Hex() + "\n", "other": "none http://npm.invalid", "key": "none"}, got)
}

func network(t *testing.T, b *bench) {
	if b.s.Networked {
		t.Skip("this engine's steps have the network")
	}
	got := b.must(sh("release", made+`
sed -n 's/^ *\([a-z0-9]*\):.*/\1/p' /proc/net/dev | grep -vE '^(sit|tunl|gre|gretap|erspan|ip6tnl|ip6gre|ip_vti|ip6_vti|teql)[0-9]*$' > _build/rel/devices
erl -noshell -eval '{ok, L} = gen_tcp:listen(0, [{ip, {127,0,0,1}}]), {ok, P} = inet:port(L), {ok, _} = gen_tcp:connect({127,0,0,1}, P, []), io:format("loopback~n"), halt().' > _build/rel/loopback`))
	b.same("network", map[string]string{"devices": "lo\n", "loopback": "loopback\n"}, got)
}

// networkBeside: a builder may be unable to switch the network off beside a step
// that has it, but not without a word.
func networkBeside(t *testing.T, b *bench) {
	if b.s.Networked {
		t.Skip("this engine's steps have the network")
	}
	got := b.must(fetch("mkdir -p deps"), sh("release", made+`grep -qE '^ *(eth|en|wl)' /proc/net/dev && echo on > _build/rel/network || echo off > _build/rel/network`))
	if on := got["network"] == "on\n"; on != (b.open != "") {
		t.Errorf("the network is %q, and told: %q", got["network"], b.open)
	}
}

// generated: see package local for the rules.
func generated(_ *testing.T, b *bench) {
	b.write("lib/a.ex", "1")
	b.write("c_src/nif.c", "nif 1")
	nif := `mkdir -p _build/lib/own priv
if [ ! -f _build/lib/own/nif.beam ]; then cp c_src/nif.c _build/lib/own/nif.beam; cp c_src/nif.c priv/nif.so; fi
`
	assets := sh("assets", "[ ! -e priv/static ] && mkdir -p priv/static && echo asset > priv/static/app")
	assets.Volatile = true
	release := sh("release", "rm -rf _build/rel; "+made+"cp -r priv lib _build/rel/")
	want := map[string]string{"lib/a.ex": "1", "priv/nif.so": "nif 1", "priv/static/app": "asset\n"}
	b.same("first", want, b.must(sh("compile", nif), assets, release))
	b.write("lib/a.ex", "2")
	want["lib/a.ex"] = "2"
	b.same("code was edited", want, b.must(sh("compile", nif), assets, release))
	b.write("c_src/nif.c", "nif 2")
	want["priv/nif.so"] = "nif 2"
	b.same("other than code was edited", want, b.must(sh("compile", nif), assets, release))
}

func names(_ *testing.T, b *bench) {
	want := map[string]string{}
	for _, name := range []string{"with space.ex", "ünï.ex", "do$HOME.ex", "st*r.ex", "[a-z]?.ex", "quote'\".ex", "-dash.ex", "back\\slash.ex"} {
		b.write("lib/"+name, name)
		b.write("config/"+name, name)
		want["lib/"+name], want["config/"+name] = name, name
	}
	needs := []string{"mix.exs"}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if strings.HasPrefix(name, "config/") {
			needs = append(needs, name)
		}
	}
	f := fetch("mkdir -p deps; cp -r config deps/")
	f.Needs = needs
	got := b.must(f, sh("release", made+"cp -r lib deps/config _build/rel/"))
	b.same("names", want, got)
}

// lineages: what ran for another source leaves nothing, wherever it wrote.
func lineages(_ *testing.T, b *bench) {
	f := fetch("mkdir -p deps; echo dep > deps/dep")
	release := sh("release", made+"cat deps/dep > _build/rel/dep; ls _build lib > _build/rel/there")
	b.write("lib/a.ex", "a")
	want := b.must(f, release)
	b.write("priv/step", "evil")
	b.must(f, sh("release", made+"echo evil | tee deps/dep lib/left.ex _build/left _build/lib > _build/rel/x; for d in _build/.dram; do [ ! -d $d ] || cp -r $d _build/copy; done"))
	b.remove("priv/step")
	b.same("after the other one", want, b.must(f, release))
}

// optional: a step that may fail does, and leaves nothing half done.
func optional(_ *testing.T, b *bench) {
	may := fetch("mkdir -p _build deps; echo half > _build/half; echo dep > deps/dep; exit 3")
	may.Name, may.Lock, may.Network, may.Optional = "may", "", false, true
	release := sh("release", made+"[ ! -e _build/half ] && cp deps/dep _build/rel/dep")
	b.same("result", map[string]string{"dep": "dep\n"}, b.must(may, release))
	b.same("told", []string{"run may", "failed may", "run release"}, b.told)
	b.write("lib/a.ex", "2")
	b.same("again", map[string]string{"dep": "dep\n"}, b.must(may, release))
	b.same("told again", []string{"skip may", "run release"}, b.told)
}
