package oracle

import (
	"cmp"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dram/internal/check"
	"dram/internal/sandbox"
)

// startCase is one change to a release, or to the system that it starts on, after
// which it starts or does not. What it does is never written down: the machine
// says it.
type startCase struct {
	name   string
	change string   // shell, in the release's folder, with $env for env.sh and $erts, $rel, $vsn for folders
	root   string   // shell, in the system's root
	env    []string // beside what each start has, or instead
	sample bool     // it is tried in each run

	rewrite string // Erlang, for the instructions L of start.boot
	shape   string // Erlang, for the bytes of the term T that it is; "" as they were
}

// The first case changes nothing: what is said of that is said of all.
func startCases() []startCase {
	return slices.Concat([]startCase{{name: "as it is made", sample: true}}, programCases(), callCases(), shellCases(), flagCases(), configCases(), libraryCases(), moduleCases(), attackCases(), inputCases(), machineCases())
}

func programCases() []startCase {
	return []startCase{
		{name: "no programs of ERTS", change: "rm $erts/bin/*", sample: true},
		{name: "no beam.smp", change: "rm $erts/bin/beam.smp"},
		{name: "no erlexec", change: "rm $erts/bin/erlexec"},
		{name: "no erl", change: "rm $erts/bin/erl"},
		{name: "no erl_child_setup", change: "rm $erts/bin/erl_child_setup", sample: true},
		{name: "no epmd", change: "rm $erts/bin/epmd"},
		{name: "no epmd, without distribution", change: `rm $erts/bin/epmd; echo 'export RELEASE_DISTRIBUTION=none' >> $env`, sample: true},
		{name: "no epmd, not started", change: `rm $erts/bin/epmd; printf '%s\n' '-start_epmd false' '-erl_epmd_port 0' >> $vsn/vm.args`},
		{name: "no heart", change: "rm $erts/bin/heart"},
		{name: "no heart, which is wanted", change: "rm $erts/bin/heart; echo -heart >> $vsn/vm.args", sample: true},
		{name: "no heart, which env.sh wants", change: `rm $erts/bin/heart; echo 'export ELIXIR_ERL_OPTIONS=-heart' >> $env`},
		{name: "no inet_gethost", change: "rm $erts/bin/inet_gethost"},
		{name: "no start script", change: "rm bin/oracle"},
		{name: "no elixir", change: "rm $vsn/elixir"},
		{name: "elixir without its bit", change: "chmod 644 $vsn/elixir", sample: true},
		{name: "erl without its bit", change: "chmod 644 $erts/bin/erl"},
		{name: "erlexec without its bit", change: "chmod 644 $erts/bin/erlexec"},
		{name: "beam.smp without its bit", change: "chmod 644 $erts/bin/beam.smp"},
		{name: "env.sh without its bit", change: "chmod 644 $env"},
		{name: "iex without its bit", change: "chmod 644 $vsn/iex"},
		{name: "no iex", change: "rm $vsn/iex"},
		{name: "no dialyzer", change: "rm -f $erts/bin/dialyzer $erts/bin/typer $erts/bin/ct_run"},
	}
}

// env is a line at the end of env.sh.
func env(line string) string { return "cat >> $env <<'END'\n" + line + "\nEND\n" }

func callCases() []startCase {
	own := func(mode, use string) string {
		return "printf '#!/bin/sh\\necho x\\n' > bin/x; chmod " + mode + " bin/x\n" + env(use)
	}
	return []startCase{
		{name: "env.sh calls what is not there", change: env("A=$(nowhere9 -x)"), sample: true},
		{name: "exported at once", change: env("export A=$(nowhere9 -x)")},
		{name: "or else", change: env("A=$(nowhere9 -x || echo y)"), sample: true},
		{name: "or true", change: env("nowhere9 || true")},
		{name: "in a pipe before", change: env("A=$(nowhere9 | cat)")},
		{name: "in a pipe behind", change: env("A=$(echo x | nowhere9)")},
		{name: "if it is there", change: env("if command -v nowhere9 > /dev/null; then A=$(nowhere9); fi"), sample: true},
		{name: "and it is there", change: env("command -v nowhere9 > /dev/null && nowhere9\ntrue")},
		{name: "as a condition", change: env("if nowhere9; then echo; fi")},
		{name: "negated", change: env("! nowhere9")},
		{name: "in a function", change: env("f() { nowhere9; }\nf")},
		{name: "in a function that nobody calls", change: env("f() { nowhere9; }")},
		{name: "in a comment", change: env("# nowhere9 and $(nowhere9)")},
		{name: "in another command", change: env("case $RELEASE_COMMAND in rpc) nowhere9;; esac"), sample: true},
		{name: "in this command", change: env("case $RELEASE_COMMAND in start*) nowhere9;; esac")},
		{name: "by its path", change: env("/usr/local/bin/nowhere9"), sample: true},
		{name: "by a path that is there", change: env("/usr/bin/id > /dev/null")},
		{name: "in the background", change: env("nowhere9 &")},
		{name: "for each of none", change: env("for f in $NONE; do nowhere9; done")},
		{name: "for each", change: env("for f in a b; do nowhere9; done")},
		{name: "where errors do not end", change: env("set +e\nnowhere9\nset -e")},
		{name: "by a variable", change: env("TOOL=nowhere9\n$TOOL x")},
		{name: "its own program", change: own("755", `A=$("$RELEASE_ROOT/bin/x")`)},
		{name: "its own program without its bit", change: own("644", `A=$("$RELEASE_ROOT/bin/x")`), sample: true},
		{name: "its own program is gone", change: env(`"$RELEASE_ROOT/bin/y"`)},
		{name: "its own program through sh", change: own("644", `A=$(sh "$RELEASE_ROOT/bin/x")`)},
		{name: "its own program with another interpreter", change: "printf '#!/usr/bin/nowhere9\\n' > bin/x; chmod 755 bin/x\n" + env(`"$RELEASE_ROOT/bin/x"`)},
		{name: "no readlink on the system", root: "rm usr/bin/readlink", sample: true},
		{name: "no cat on the system", root: "rm usr/bin/cat"},
		{name: "no grep on the system", root: "rm usr/bin/grep", sample: true},
		{name: "no sed on the system", root: "rm usr/bin/sed"},
		{name: "no cut on the system", root: "rm usr/bin/cut"},
		{name: "no dirname on the system", root: "rm usr/bin/dirname"},
		{name: "no awk on the system", root: "rm -f usr/bin/awk usr/bin/mawk usr/bin/od usr/bin/dd"},
		{name: "no sh on the system", root: "rm usr/bin/sh"},
		{name: "no basename on the system", root: "rm usr/bin/basename"},
	}
}

func shellCases() []startCase {
	first := func(line string) string { return "sed -i '1s|.*|" + line + "|' bin/oracle" }
	return []startCase{
		{name: "it reads what is not there", change: env(". /missing.sh"), sample: true},
		{name: "it reads what is not there, or not", change: env(". /missing.sh || true")},
		{name: "it reads it if it is there", change: env("if [ -f /missing.sh ]; then . /missing.sh; fi")},
		{name: "it reads its own", change: "echo 'export B=1' > bin/more.sh\n" + env(`. "$RELEASE_ROOT/bin/more.sh"`)},
		{name: "source", change: "echo 'export B=1' > bin/more.sh\n" + env(`source "$RELEASE_ROOT/bin/more.sh"`), sample: true},
		{name: "double brackets", change: env("if [[ -n $HOME ]]; then export A=1; fi")},
		{name: "double brackets alone", change: env("[[ -n $HOME ]] && export A=1")},
		{name: "an array", change: env("A=(1 2)\nexport A")},
		{name: "a here string", change: env("read A <<< x")},
		{name: "function", change: env("function f { echo; }")},
		{name: "declare", change: env("declare -x A=1")},
		{name: "replacement", change: env("A=x-y\nexport B=${A//-/_}")},
		{name: "upper case", change: env("A=x\nexport B=${A^^}")},
		{name: "pipefail", change: env("set -o pipefail")},
		{name: "an if without its end", change: env("if true; then\n  export A=1"), sample: true},
		{name: "a quote without its end", change: env("export A=\"x")},
		{name: "a bracket too many", change: env("export A=1)")},
		{name: "an end behind the start", change: "echo 'if true; then' >> bin/oracle"},
		{name: "lines of Windows", change: "sed -i 's/$/\\r/' $env", sample: true},
		{name: "lines of Windows, values alone", change: "printf '#!/bin/sh\\r\\nexport A=1\\r\\n' > $env"},
		{name: "lines of Windows in the start script", change: "sed -i 's/$/\\r/' bin/oracle"},
		{name: "lines of Windows in vm.args", change: "sed -i 's/$/\\r/' $vsn/vm.args"},
		{name: "env bash -e", change: first("#!/usr/bin/env bash -e"), sample: true},
		{name: "env -S bash -e", change: first("#!/usr/bin/env -S bash -e")},
		{name: "env bash", change: first("#!/usr/bin/env bash")},
		{name: "bash -e", change: first("#!/bin/bash -e")},
		{name: "a blank before the interpreter", change: first("#! /bin/sh")},
		{name: "an interpreter that is not there", change: first("#!/opt/bin/sh")},
		{name: "a first line that is long", change: "sed -i \"1s|.*|#!/$(printf '%0300d' 0)/sh|\" bin/oracle"},
		{name: "a long comment behind the interpreter", change: "sed -i \"1s|.*|#!/bin/sh  $(printf '%0300d' 0)|\" $vsn/elixir"},
		{name: "no first line", change: "sed -i 1d bin/oracle"},
		{name: "no first line further on", change: "sed -i 1d $vsn/elixir"},
		{name: "an empty elixir", change: ": > $vsn/elixir"},
		{name: "an interpreter without its bit", change: "cp $erts/bin/erlexec bin/run; chmod 644 bin/run; sed -i '1s|.*|#!/app/bin/run|' bin/oracle"},
		{name: "it insists on a variable", change: env(`: "${NEEDED_9:?}"`)},
		{name: "it ends by itself", change: env("exit 3")},
		{name: "it ends by itself if something is set", change: env(`if [ -n "$NOT_SET" ]; then exit 3; fi`)},
		{name: "false", change: env("false")},
		{name: "a test that fails", change: env("[ -d /nowhere9 ]")},
		{name: "cd to nowhere", change: env("cd /nowhere9")},
	}
}

func flagCases() []startCase {
	return []startCase{
		{name: "-config of nothing", change: arg("-config /nowhere9"), sample: true},
		{name: "-config of something", change: "echo '[].' > $vsn/more.config\n" + arg("-config /app/releases/0.1.0/more")},
		{name: "-args_file of nothing", change: arg("-args_file /nowhere9"), sample: true},
		{name: "no vm.args", change: "rm $vsn/vm.args"},
		{name: "another vm.args", change: env("export RELEASE_VM_ARGS=/nowhere9")},
		{name: "another boot script", change: env("export RELEASE_BOOT_SCRIPT=nowhere9")},
		{name: "-boot of nothing", change: arg("-boot /nowhere9")},
		{name: "-ssl_dist_optfile of nothing", change: arg("-ssl_dist_optfile /nowhere9\n-proto_dist inet_tls")},
		{name: "a flag that nobody knows", change: arg("+Zzzz 5"), sample: true},
		{name: "a flag that nobody knows, in env.sh", change: env("export ERL_AFLAGS='+Yyy 1'")},
		{name: "a flag that nobody knows, behind", change: env("export ERL_ZFLAGS='+Yyy 1'"), sample: true},
		{name: "a flag that Elixir's options have", change: env("export ELIXIR_ERL_OPTIONS='+Yyy 1'")},
		{name: "ERL_FLAGS that are right", change: env("export ERL_FLAGS='+K true +A 4'")},
		{name: "a number that is none", change: arg("+P notanumber"), sample: true},
		{name: "a number too small", change: arg("+P 1")},
		{name: "a number", change: arg("+P 262144\n+Q 65536\n+A 8\n+S 2:2\n+sbwt none\n+swt very_low")},
		{name: "schedulers that are none", change: arg("+S x")},
		{name: "busy waiting that is none", change: arg("+sbwt maybe")},
		{name: "JPperf", change: arg("+JPperf true")},
		{name: "JMsingle", change: arg("+JMsingle true")},
		{name: "-s of nothing", change: arg("-s nowhere9"), sample: true},
		{name: "-run of nothing", change: arg("-run nowhere9")},
		{name: "-s of something", change: arg("-s crypto_nowhere9 || true\n")},
		{name: "-s of lists", change: arg("-s lists module_info")},
		{name: "-eval", change: arg("-eval 'ok'")},
		{name: "-unknown to the VM", change: arg("-my_app key value")},
		{name: "+fnu", change: arg("+fnu")},
		{name: "+pc unicode", change: arg("+pc unicode")},
		{name: "+MBas", change: arg("+MBas aobf\n+MHas gf")},
		{name: "+Mzz", change: arg("+Mzz 1")},
		{name: "+c", change: arg("+c false")},
		{name: "+C", change: arg("+C multi_time_warp")},
		{name: "+C of nothing", change: arg("+C often")},
		{name: "-mode of nothing", change: env("export RELEASE_MODE=sometimes")},
		{name: "interactive", change: env("export RELEASE_MODE=interactive")},
		{name: "a distribution that is none", change: env("export RELEASE_DISTRIBUTION=often")},
		{name: "-boot_var of too little", change: arg("-boot_var X")},
	}
}

func configCases() []startCase {
	return []startCase{
		{name: "another file included", change: "sed -i 's/\\]\\.$/,\"extra.config\"]./' $vsn/sys.config; tail -c 200 $vsn/sys.config", sample: true},
		{name: "a file included that is there", change: "echo '[].' > $vsn/extra.config; printf '%%%% coding: utf-8\\n[{kernel,[]},\"extra.config\"].\\n' > $vsn/sys.config"},
		{name: "a file included that is gone", change: "printf '[{kernel,[]},\"extra.config\"].\\n' > $vsn/sys.config", sample: true},
		{name: "a file included by its path", change: "echo '[].' > bin/e.config; printf '[{kernel,[]},\"/app/bin/e.config\"].\\n' > $vsn/sys.config"},
		{name: "a file included that is no configuration", change: "echo 'nonsense' > $vsn/extra.config; printf '[\"extra.config\"].\\n' > $vsn/sys.config"},
		{name: "a byte order mark", change: "printf '\\357\\273\\277[].\\n' > $vsn/sys.config", sample: true},
		{name: "no list", change: "echo '{}.' > $vsn/sys.config"},
		{name: "no dot", change: "echo '[]' > $vsn/sys.config"},
		{name: "two terms", change: "printf '[].\\n[].\\n' > $vsn/sys.config"},
		{name: "an empty configuration", change: ": > $vsn/sys.config"},
		{name: "not utf-8", change: "printf '[{kernel,[{x,\"\\351\"}]}].\\n' > $vsn/sys.config"},
		{name: "an application that is none", change: "echo '[{nowhere9,[{a,1}]}].' > $vsn/sys.config"},
		{name: "keys that are none", change: "echo '[{kernel,[a]}].' > $vsn/sys.config"},
	}
}

// libraryCases move a library that the VM cannot do without.
func libraryCases() []startCase {
	const at = "usr/lib/x86_64-linux-gnu/libz.so.1"
	move := func(to string) string { return "mkdir -p " + to + "; mv " + at + "* " + to + "\n" }
	return []startCase{
		{name: "no cache of the loader", root: "rm etc/ld.so.cache"},
		{name: "a damaged cache of the loader", root: "rm etc/ld.so.cache; echo x > etc/ld.so.cache"},
		{name: "a library where the loader looks", root: move("usr/lib/deep/..")},
		{name: "a library in lib64", root: move("usr/lib64"), sample: true},
		{name: "a library in a folder of the configuration", root: move("opt/l") + "echo /opt/l > etc/ld.so.conf.d/z.conf", sample: true},
		{name: "a library in a folder of the cache", root: move("opt/l") + "echo /opt/l > etc/ld.so.conf.d/z.conf; /sbin/ldconfig -r $PWD"},
		{name: "a library in a folder of the cache alone", root: move("opt/l") + "echo /opt/l > etc/ld.so.conf.d/z.conf; /sbin/ldconfig -r $PWD; rm etc/ld.so.conf.d/z.conf"},
		{name: "an empty file before a library", root: move("usr/lib/deep/..") + ": > " + at},
		{name: "a library for better processors alone", root: move("usr/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v2")},
	}
}

// moduleCases have a module in place of c_plain, which the boot script loads; $extra
// has those of testdata/modules.
func moduleCases() []startCase {
	const ebin, priv = "lib/oracle-0.1.0/ebin/", "lib/oracle-0.1.0/priv/"
	take := func(name string) string {
		return "rm " + ebin + "c_plain.beam; cp $extra/" + name + "/c_plain.beam " + ebin + "\n"
	}
	return []startCase{
		{name: "a NIF library that was never built", change: take("returned"), sample: true},
		{name: "one of macOS in its place", change: take("returned") + "mkdir -p " + priv + "; printf '\\317\\372\\355\\376\\014\\000\\000\\001' > " + priv + "gone.dylib"},
		{name: "one of Windows in its place", change: take("returned") + "mkdir -p " + priv + "; printf 'MZ\\220\\000' > " + priv + "gone.dll"},
		{name: "a NIF library that it can do without", change: take("looked")},
		{name: "a NIF library without which it raises", change: take("raised")},
		{name: "in a module that no start loads", change: "cp $extra/other/extra9.beam " + ebin, sample: true},
		{name: "a damaged module that no start loads", change: "mkdir -p lib/extra-1.0.0/ebin; echo x > lib/extra-1.0.0/ebin/e.beam"},
		{name: "a damaged module that a start loads", change: "rm " + ebin + "c_plain.beam; echo x > " + ebin + "c_plain.beam"},
		{name: "a program for another processor by its name", change: "mkdir -p " + priv + "aarch64; cp $erts/bin/erlexec " + priv + "aarch64/tool; printf '\\267' | dd of=" + priv + "aarch64/tool bs=1 seek=18 conv=notrunc"},
		{name: "libraries of other systems", change: "mkdir -p " + priv + "darwin; printf '\\317\\372\\355\\376\\014\\000\\000\\001' > " + priv + "darwin/n.so; cp " + priv + "darwin/n.so " + priv + "n.dylib"},
		{name: "data that is called a library", change: "mkdir -p " + priv + "; echo data > " + priv + "lib.so.1", sample: true},
		{name: "a link to what the system has", change: "mkdir -p " + priv + "; ln -s /etc/hosts " + priv + "hosts"},
	}
}

// modules compiles testdata/modules for a system.
func modules(t testing.TB, s system) string {
	t.Helper()
	out := newDir(t, "modules")
	r := box(t.Context(), t, s.root, []sandbox.Mount{{Source: absolute(t, "testdata/modules"), Target: "/src", ReadOnly: true}, {Source: out, Target: "/out"}}, nil,
		"sh", "-euc", "for d in /src/*; do mkdir /out/${d##*/}; erlc -o /out/${d##*/} $d/*.erl; done")
	if r.ended != nil {
		t.Fatalf("%v\n%s%s", r.ended, r.out, r.err)
	}
	return out
}

// TestStarts has releases started after one change each.
func TestStarts(t *testing.T) {
	tryStarts(t, systems(t, started())[0], startCases())
}

// started is the system on which releases are started.
func started() string { return cmp.Or(os.Getenv("DRAM_ORACLE_STARTS"), "13") }

// tryStarts compares what is said of starts with what comes of them. What is said of
// the first case, which changes nothing, is said of all.
func tryStarts(t *testing.T, s system, cases []startCase) {
	base := small(t, s)
	rel, extra := releaseOf(t, s, "oracle"), modules(t, s)
	usual := map[string]bool{}
	warned := 0
	for i, c := range cases {
		if !whole && !c.sample {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			r, p := c.make(t, rel, extra, base)
			report := predict(t, r, p)
			worst, said := check.OK, []string{}
			for _, f := range report.Findings {
				if i == 0 {
					usual[f.Rule+f.Cause.ID] = true
				}
				if !usual[f.Rule+f.Cause.ID] || f.Verdict == check.Fail {
					worst = max(worst, f.Verdict)
					said = append(said, f.Verdict.String()+" "+f.Rule+"/"+f.Cause.ID+" "+f.Subject.File)
				}
			}
			started, words := c.start(t, p, r)
			line := sprintf("%s %v; the machine: %v %.600s", worst, said, started, words)
			switch {
			case worst == check.OK && !started:
				t.Errorf("false OK: %s", line)
			case worst == check.Fail && started:
				t.Errorf("false FAIL: %s", line)
			case worst == check.Warn && !started, worst == check.Unknown:
				t.Logf("open: %s", line)
				warned++
			default:
				t.Log(line)
			}
		})
	}
	t.Logf("%d of %d were warned about or left open, and did not start", warned, len(cases))
}

// make is the release and the system of a case.
func (c startCase) make(t testing.TB, release, extra string, base place) (string, place) {
	t.Helper()
	rel := newDir(t, "start")
	run(t, rel, `cp -al "$1"/lib . && rm -rf lib/oracle-0.1.0 && cp -a "$1"/lib/oracle-0.1.0 lib && cp -a "$1"/bin "$1"/releases "$1"/erts-* .`, release)
	run(t, rel, "extra="+extra+" erts=$(echo erts-*) vsn=releases/0.1.0 env=releases/0.1.0/env.sh; set -e\n"+c.change)
	if c.rewrite != "" {
		c.rewriteBoot(t, base, rel)
	}
	if c.root == "" {
		return rel, base
	}
	root := newDir(t, "root")
	run(t, root, `cp -al "$1"/. .`, base.root)
	run(t, root, c.root)
	base.root = root
	return rel, base
}

func run(t testing.TB, dir, script string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", append([]string{"-c", script, "sh"}, args...)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

// small is a system without what no release looks at.
func small(t testing.TB, s system) place {
	t.Helper()
	return incomplete(t, s, "nothing")
}

// start starts the release, and says whether its application ran.
func (c startCase) start(t testing.TB, p place, rel string) (started bool, words string) {
	t.Helper()
	out := newDir(t, "out")
	env := append([]string{"ORACLE_CASES=", "RELEASE_COOKIE=c", "ERL_CRASH_DUMP_SECONDS=0", "RELEASE_TMP=/tmp"}, c.env...)
	ctx, cancel := context.WithTimeout(t.Context(), patience/2)
	defer cancel()
	r := box(ctx, t, p.root, []sandbox.Mount{{Source: rel, Target: "/app", ReadOnly: true}, {Source: out, Target: "/out"}}, env, "/app/bin/oracle", "start")
	b, _ := os.ReadFile(filepath.Join(out, "log"))
	return strings.HasPrefix(string(b), "started"), r.out + r.err
}
