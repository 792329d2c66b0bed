package check_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/check"
)

// started is mixed with a line in the script that its start reads first.
func started(line string) tree {
	const env = "releases/0.1.0/env.sh"
	return mixed().with("bin/hello", "#!/bin/sh\nset -e\n. \"${0%/*}/../"+env+"\"\n# RELEASE_BOOT_SCRIPT\n"+execElixir).with(env, "644 #!/bin/sh\n"+line+"\n")
}

const execElixir = "exec \"${0%/*}/../releases/0.1.0/elixir\" \"$@\"\n"

// The oracle has each of these started on a machine.
func TestRunFollowsTheStart(t *testing.T) {
	const env = "releases/0.1.0/env.sh"
	for _, tt := range []struct {
		name string
		rel  tree
		want []string
	}{
		{"nothing", started(""), nil},
		{"a program that is not there", started("A=$(curl x)"), []string{"FAIL program " + env + ": it calls curl, which is not on the target"}},
		{"or else", started("A=$(curl x || echo y)"), []string{"WARN program " + env + ": it calls curl, which is not on the target"}},
		{"by its path", started("/opt/bin/agent"), []string{"FAIL program " + env + ": it calls /opt/bin/agent, which is not on the target"}},
		{"where nobody calls it", started("f() { curl; }"), nil},
		{"its own program", started(`"$PWD/app/bin/x"`).with("bin/x", "644 #!/bin/sh\n"), []string{
			"FAIL start " + env + ": line 2 starts bin/x, which may not be started",
		}},
		{"its own program is gone", started(`/app/bin/x`), []string{"FAIL start " + env + ": line 2 starts bin/x, which is not in the release"}},
		{"a file that is not there", started(". /missing"), []string{"FAIL start " + env + ": line 2 reads /missing, which is not there"}},
		{"what it reads is not there", started("A=$(cut -c1 /app/releases/gone)"), []string{"FAIL start " + env + ": line 2 reads releases/gone, which is not there"}},
		{"what it reads may have been made", started("A=$(cut -c1 /app/var/made)"), nil},
		{"what sh does not know", started("A=(1 2)"), []string{"FAIL start " + env + ": sh does not understand line 2: arrays"}},
		{"lines of Windows", started("A=b\r\n\r"), []string{
			"FAIL shebang " + env + ": its lines end in CR LF",
		}},
		{"it insists", started(": ${DATABASE_URL:?}"), []string{"WARN start " + env + ": line 2 ends the start unless DATABASE_URL is set"}},
		{"what the shell's own commands refuse", started("export A-B=1"), []string{
			"FAIL start " + env + ": sh refuses what line 2 has it do: export: A-B: bad variable name",
		}},
		{"a limit that may be refused", started("ulimit -n 2000000"), []string{
			"WARN start " + env + ": sh refuses what line 2 has it do: ulimit: 2000000: Operation not permitted",
		}},
		{"no folder to write to", started("echo x >/gone/log"), []string{"FAIL start " + env + ": line 2 writes /gone/log, and there is no such folder"}},
		{"it writes into the release", started("echo x >/app/releases/data"), []string{"WARN start " + env + ": line 2 writes releases/data in the release"}},
		{"a link for a start script", started("").with("bin/run", started("")["bin/hello"]).with("bin/hello", "-> run"), nil},
		{"a link to a device", started("").with("lib/hello-0.1.0/priv/null", "-> /dev/null"), nil},
		{"it ends by itself", started("exit 3"), []string{"FAIL start " + env + ": line 2 ends the start with status 3"}},
		{"it cannot be followed", started("exec $(sed x)"), []string{
			"UNKNOWN start " + env + ": what a start does from line 2 on is not known: which command it calls is not known",
		}},
		{"it starts no VM", mixed().with("bin/hello", "#!/bin/sh\n"), []string{
			"UNKNOWN start bin/hello: that it starts a VM is not known: its script ends without, as far as it can be followed",
		}},
		{"no start script", mixed().without("bin/hello"), []string{"FAIL start bin/hello: it is not there: nothing starts the release"}},
		{"no first line", started("").with("bin/hello", execElixir), []string{"FAIL start bin/hello: it has no first line #!"}},
		{"env and options", started("").with("bin/hello", "#!/usr/bin/env sh -e\n"+execElixir), []string{
			"FAIL shebang bin/hello: its first line has env look for one program called \"sh -e\", as Linux takes all after env for one word",
		}},
		{"a long first line", started("").with("bin/hello", "#!/"+strings.Repeat("x", 300)+"\n"+execElixir), []string{
			"FAIL shebang bin/hello: its first line is longer than the 255 bytes that Linux reads of it",
		}},
		{"a first line with a word too many", started("").with("bin/hello", "#!/bin/sh x\n"+execElixir), []string{
			"FAIL start bin/hello: its first line has x run, which is not there, or is no script",
		}},
		{"no cookie", started(`A=$(cat /app/releases/COOKIE)`).with(env, "644 RELEASE_COOKIE=\"${RELEASE_COOKIE:-\"$(cat /app/releases/COOKIE)\"}\"\n"), []string{
			"WARN start bin/hello: it reads releases/COOKIE, which is not there, unless RELEASE_COOKIE is set",
		}},
		{"no programs of its VM", started("").without(erts+"beam.smp", erts+"erl_child_setup", erts+"inet_gethost"), []string{
			"FAIL start " + erts + "beam.smp: it is not there, and the VM starts it",
			"FAIL start " + erts + "erl_child_setup: it is not there, and the VM starts it",
			"FAIL start " + erts + "inet_gethost: it is not there, and the VM starts it",
		}},
		{"no epmd, which a name wants", named("-sname x"), []string{"FAIL start " + erts + "epmd: it is not there, and the VM starts it"}},
		{"no epmd, which nobody wants", named("-sname x -start_epmd false -erl_epmd_port 0"), nil},
		{"no heart, which is wanted", named("-heart"), []string{"FAIL start " + erts + "heart: it is not there, and the VM starts it"}},
		{"another script", started("").with("bin/migrate", "#!/bin/sh\nset -e\npsql\n"), []string{"WARN program bin/migrate: it calls psql, which is not on the target"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := check.Run(t.Context(), open(t, tt.rel, bookworm()))
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(tt.want)
			if diff := cmp.Diff(tt.want, slices.Sorted(slices.Values(lines(got)))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			kept(t, got)
		})
	}
}

// Each flag was tried with OTP 23, 25, 27 and 29, whose VMs say so themselves.
func TestRunJudgesTheVMsArguments(t *testing.T) {
	const (
		elixir = "releases/0.1.0/elixir"
		bad    = "FAIL vm-args " + elixir + ": it gives the VM "
		unread = ", which is not read: it is larger than 1 MiB, or no file"
	)
	flag := func(f string) []string {
		return []string{bad + "the flag " + f + ", which Erlang/OTP 27 does not know"}
	}
	value := func(f, v string) []string { return []string{bad + f + " " + v + ", which is no value of that flag"} }
	gone := func(f, name string) []string { return []string{bad + f + " " + name + ", and there is no such file"} }
	for args, want := range map[string][]string{
		"+K true +A8 +P 262144 +S 2:2 +sbwt none +swt very_low +fnu +pc unicode +MBas aobf +hmax 0 +zdbbl 1024 +W w": nil,
		"+Zzzz 5": flag("+Zzzz"), "+szz 1": flag("+szz"), "+Mzz 1": flag("+Mzz"), "+D": flag("+D"), "+l": flag("+l"),
		"+JMsingle true": nil, "+JPperf true": nil, "+pad true": nil,
		"+P notanumber": value("+P", "notanumber"), "+P 1": value("+P", "1"), "+Q99999999999": value("+Q99999999999", ""),
		"+sbwt maybe": value("+sbwt", "maybe"), "+C often": value("+C", "often"), "+S x": value("+S", "x"),
		"-config /gone": gone("-config", "/gone"), "-args_file /gone": gone("-args_file", "/gone"), "-boot /gone": gone("-boot", "/gone"),
		"-config gone": {"UNKNOWN vm-args releases/0.1.0/elixir: it gives the VM -config gone, and there is no such file"}, "-config /app/releases/0.1.0/sys": nil, "-ssl_dist_optfile /gone": gone("-ssl_dist_optfile", "/gone"),
		"-config /etc/gone":               {"UNKNOWN vm-args " + elixir + ": it gives the VM -config /etc/gone, and there is no such file"},
		"-args_file /app/lib/self":        {"FAIL vm-args lib/self: it gives the VM -args_file /app/lib/self, and that file names itself, or one that does"},
		"-args_file /app/lib/large":       {"UNKNOWN vm-args " + elixir + ": it gives the VM -args_file /app/lib/large" + unread},
		"-args_file /app/bin":             gone("-args_file", "/app/bin"),
		"-args_file /app/lib/args":        {"FAIL vm-args lib/args: it gives the VM the flag +Zzzz, which Erlang/OTP 27 does not know"},
		"-s hello start -run erlang halt": {bad + "-run erlang halt, over which it ends"},
		"-mode embedded -s gone":          {bad + "-s gone, a module that the start has not loaded"},
		"-mode embedded -s other":         {bad + "-s other, a module that the start has not loaded"},
		"-mode interactive -s other":      nil,
		"-boot_var X":                     {bad + "-boot_var without a name and a value"}, "-boot_var X y": nil,
		"-extra +Zzzz": nil, "-my_app +1": flag("+1"),
		"-eval x": {"UNKNOWN vm-args " + elixir + ": it gives the VM -eval x, and what comes of that is known when it runs"},
		"-proto_dist inet_tls -sname x -start_epmd false": {bad + "-proto_dist inet_tls_dist, a module that the start has not loaded"},
	} {
		t.Run(args, func(t *testing.T) {
			rel := named(args).with("lib/args", "644 # a comment\n+Zzzz 'a b' # another\n").with("lib/hello-0.1.0/ebin/other.beam", made("other", 182)).
				with("lib/self", "644 -args_file /app/lib/self").with("lib/large", "644 "+strings.Repeat("#\n", 1<<19)+"+Zzzz")
			if strings.Contains(args, "proto_dist") || !strings.Contains(args, "-mode") {
				rel = rel.with(elixir, strings.Replace(rel[elixir], "-noshell", "-noshell -mode embedded", 1))
			}
			got, err := check.Run(t.Context(), open(t, rel, bookworm()))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, lines(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			kept(t, got)
		})
	}
}

// Which versions of the VM know a flag.
func TestRunJudgesFlagsByTheVM(t *testing.T) {
	for erts, want := range map[string][]string{
		"11.2": {"FAIL JPperf", "FAIL pad"}, "12.3": {"UNKNOWN JPperf", "FAIL pad"}, "13.2": {"FAIL pad"}, "14.2": {"UNKNOWN pad"}, "15.2": nil,
		"99.0": nil, "18.0": {"UNKNOWN Zz"},
	} {
		if want == nil {
			continue
		}
		rel := named("+JPperf true +pad true")
		if strings.HasPrefix(erts, "18") {
			rel = named("+Zz")
		}
		old := tree{}
		for name, body := range rel {
			old[strings.ReplaceAll(name, "15.2.7", erts)] = strings.ReplaceAll(body, "15.2.7", erts)
		}
		got, err := check.Run(t.Context(), open(t, old, bookworm()))
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		for _, f := range got.Findings {
			if f.Rule == "vm-args" {
				found = append(found, f.Verdict.String()+" "+strings.TrimPrefix(f.Params["flag"], "+"))
			}
		}
		slices.Sort(want)
		slices.Sort(found)
		if diff := cmp.Diff(want, found); diff != "" {
			t.Errorf("ERTS %s (-want +got):\n%s", erts, diff)
		}
	}
}

func TestRunReadsConfigurations(t *testing.T) {
	const sys = "releases/0.1.0/sys.config"
	bad := []string{"FAIL config " + sys + ": it is no sound configuration"}
	for text, want := range map[string][]string{
		"[].": nil, "[{kernel,[{a,1}]},{x,[]}].": nil, "%% coding: latin-1\n[{a,[{b,\"\xe9\"}]}].": nil,
		"[{kernel,[]},\"extra.config\"].":         {"FAIL config " + sys + ": it includes extra.config, which is not there"},
		"[\"/gone.config\"].":                     {"FAIL config " + sys + ": it includes /gone.config, which is not there"},
		"[\"/etc/my.config\"].":                   {"UNKNOWN config " + sys + ": it includes /etc/my.config, which is not there"},
		"[\"there\"].":                            {"FAIL config releases/0.1.0/there.config: it is no sound configuration"},
		"[\"/app/releases/0.1.0/there.config\"].": {"FAIL config releases/0.1.0/there.config: it is no sound configuration"},
		"[\"sys\"].":                              bad, // of itself: what is included may not include
		"[\"./sys\",\"sys\"].":                    {bad[0], bad[0]},
		strings.Repeat("%\n", 1<<19) + "[bad":     {"UNKNOWN config " + sys + ": it is larger than 1 MiB, and is not read"},
		"\xef\xbb\xbf[].":                         bad, "{}.": bad, "[]": bad, "[].[].": bad, "[a].": bad, "[{a}].": bad, "[{a,b}].": bad, "[{\"a\",[]}].": bad,
		"[{kernel,[a]}].": bad, "[{a,[{b,\"\xe9\"}]}].": bad,
	} {
		got, err := check.Run(t.Context(), open(t, mixed().with(sys, "644 "+text).with("releases/0.1.0/there.config", "644 nonsense"), bookworm()))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, lines(got)); diff != "" {
			t.Errorf("%.100q (-want +got):\n%s", text, diff)
		}
	}
}

// What a start sets for the loader and for the VM counts.
func TestRunHeedsWhatAStartSets(t *testing.T) {
	const own = "lib/exqlite-0.27.0/priv/lib/libown.so"
	needs := func(line string) tree {
		return started(line).with(nif, changed(func(l *lib) {
			l.Needed, l.Undefined = append(l.Needed, "libown.so"), append(l.Undefined, symbols("own")...)
		})).with(own, elf(lib{Soname: "libown.so", Defined: symbols("own")}))
	}
	preloaded := func(line string) tree {
		return started(line).with(nif, changed(func(l *lib) { l.Undefined = append(l.Undefined, symbols("own")...) })).
			with(own, elf(lib{Soname: "libown.so", Defined: symbols("own")}))
	}
	const (
		soname = "soname " + nif + ": it needs libown.so, which is not on the target"
		symbol = "symbol " + nif + ": it needs the symbol own, which nothing that is loaded with it offers"
		other  = " locale : the start has the locale en_US.UTF-8, which the target has not, so that the VM takes names as Latin-1"
	)
	english := started("export LANG=en_US.UTF-8")
	for _, tt := range []struct {
		name       string
		rel, place tree
		want       []string
	}{
		{"no path", needs(""), bookworm(), []string{"FAIL " + soname}},
		{"a path", needs("export LD_LIBRARY_PATH=/nowhere:/app/lib/exqlite-0.27.0/priv/lib"), bookworm(), nil},
		{"a path that is not exported", needs("LD_LIBRARY_PATH=/app/lib/exqlite-0.27.0/priv/lib"), bookworm(), []string{"FAIL " + soname}},
		{"a path that is not known", needs("export LD_LIBRARY_PATH=$(sed x)"), bookworm(), []string{"UNKNOWN " + soname}},
		{"no preload", preloaded(""), bookworm(), []string{"FAIL " + symbol}},
		{"a preload", preloaded("export LD_PRELOAD=/app/" + own), bookworm(), nil},
		{"a preload that is gone", preloaded("export LD_PRELOAD=/app/gone.so"), bookworm(), []string{"FAIL " + symbol}},
		{"a locale", english, bookworm(), []string{"WARN" + other}},
		{"a locale that is there", started("export LANG=en_US.UTF-8"), bookworm().with("usr/lib/locale/locale-archive", "644 \x00en_US.utf8\x00"), nil},
		{"a locale in a folder", started("export LANG=en_US.UTF-8"), bookworm().with("usr/lib/locale/en_US.utf8/LC_CTYPE", "644 x"), nil},
		{"a locale that the first says", started("export LC_ALL=C.UTF-8 LANG=en_US.UTF-8"), bookworm(), nil},
		{"a link to what the target has", started("").with("lib/hello-0.1.0/priv/hosts", "-> /etc/hosts"), bookworm(), nil},
		{"data with a library's name", started("").with("lib/hello-0.1.0/priv/lib.so.1", "644 data"), bookworm(), []string{
			"WARN format lib/hello-0.1.0/priv/lib.so.1: it is a data file, not an ELF file",
		}},
		{"for another system", started("").with("lib/hello-0.1.0/priv/darwin/n.so", "644 \xcf\xfa\xed\xfe\x0c\x00\x00\x01\x00\x00\x00\x00\x08\x00\x00\x00"), bookworm(), []string{
			"WARN format lib/hello-0.1.0/priv/darwin/n.so: it is Mach-O, built for macOS, not an ELF file for Linux",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := check.Run(t.Context(), open(t, tt.rel, tt.place))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, lines(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// named is a release whose VM gets arguments.
func named(args string) tree {
	return started("").with("releases/0.1.0/elixir", "#!/bin/sh\nexec \"${0%/*}/../../erts-15.2.7/bin/erl\" -noshell "+args+"\n")
}
