package check_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/check"
)

// Terms in the external format.
func atomTerm(s string) string   { return "w" + string(rune(len(s))) + s }
func stringTerm(s string) string { return "k" + word16(len(s)) + s }
func word16(n int) string        { return string(binary.BigEndian.AppendUint16(nil, uint16(n))) } //nolint:gosec // small
func tupleTerm(items ...string) string {
	return "h" + string(rune(len(items))) + strings.Join(items, "")
}

func listTerm(items ...string) string {
	return "l" + string(binary.BigEndian.AppendUint32(nil, uint32(len(items)))) + strings.Join(items, "") + "j" //nolint:gosec // small
}

// bootOf is a boot script of lines: "path DIR…", "load MODULE…", "kernel", "call MODULE FUNCTION",
// "controller", "start APP", "app NAME MODULE NEED…", "odd".
func bootOf(lines ...string) string {
	var steps []string
	for _, l := range lines {
		words := strings.Fields(l)
		var items []string
		for _, w := range words[1:] {
			if words[0] == "path" {
				items = append(items, stringTerm(w))
			} else {
				items = append(items, atomTerm(w))
			}
		}
		switch words[0] {
		case "path":
			steps = append(steps, tupleTerm(atomTerm("path"), listTerm(items...)))
		case "load":
			steps = append(steps, tupleTerm(atomTerm("primLoad"), listTerm(items...)))
		case "call":
			steps = append(steps, applyTerm(words[1], words[2], "j"))
		case "controller":
			steps = append(steps, tupleTerm(atomTerm("kernelProcess"), atomTerm("application_controller"), tupleTerm(atomTerm("lists"), atomTerm("seq"), "j")))
		case "start":
			steps = append(steps, applyTerm("application", "start_boot", listTerm(atomTerm(words[1]), atomTerm("permanent"))))
		case "app":
			needs := tupleTerm(atomTerm("applications"), listTerm(items[2:]...))
			mod := tupleTerm(atomTerm("mod"), tupleTerm(items[1], "j"))
			steps = append(steps, applyTerm("application", "load", listTerm(tupleTerm(atomTerm("application"), items[0], listTerm(mod, needs)))))
		case "odd":
			steps = append(steps, tupleTerm(atomTerm("often"), "j"))
		case "kernel":
			steps = append(steps, tupleTerm(atomTerm("kernel_load_completed")))
		}
	}
	return "644 \x83" + tupleTerm(atomTerm("script"), tupleTerm(stringTerm("hello"), stringTerm("0.1.0")), listTerm(steps...))
}

func applyTerm(module, function, args string) string {
	return tupleTerm(atomTerm("apply"), tupleTerm(atomTerm(module), atomTerm(function), args))
}

// mixed is hello as `mix release` makes it.
func mixed() tree {
	const dir = "releases/0.1.0/"
	clean := bootOf("path $ROOT/lib/kernel-10.2/ebin", "load code", "kernel")
	return hello().with("bin/hello", "#!/bin/sh\nsed -n $RELEASE_BOOT_SCRIPT < /dev/null | cut -c 1\nexec \"${0%/*}/../releases/0.1.0/elixir\" \"$@\"\n").
		with(dir+"start.boot", bootOf("path $ROOT/lib/kernel-10.2/ebin", "load code", "kernel",
			"path $RELEASE_LIB/exqlite-0.27.0/ebin", "load Elixir.Exqlite.NIF",
			"path $RELEASE_LIB/../releases/0.1.0/consolidated $RELEASE_LIB/hello-0.1.0/ebin", "load hello hello_sup")).
		with(dir+"start_clean.boot", clean).with(dir+"elixir", "#!/bin/sh\nexec \"${0%/*}/../../erts-15.2.7/bin/erl\" -noshell\n").
		with(dir+"vm.args", "644 +Q 1\n").with(dir+"runtime.exs", "644 import Config\n").
		with(dir+"sys.config", "644 %% coding: utf-8\n[{elixir,[{config_provider_init,#{providers => "+
			"[{'Elixir.Config.Reader',{{system,<<\"RELEASE_ROOT\">>,<<\"/releases/0.1.0/runtime.exs\">>},[{env,prod}]}}]}}]}].\n").
		with("lib/kernel-10.2/ebin/code.beam", made("code", 182)).
		with("lib/hello-0.1.0/ebin/hello.beam", made("hello", 182)).
		with("lib/hello-0.1.0/ebin/hello_sup.beam", made("hello_sup", 182))
}

// What stops a start and what does not is as measured with the releases of
// OTP 23 and 27: see the e2e test of the same changes.
func TestRunReadsBootScripts(t *testing.T) {
	const (
		dir  = "releases/0.1.0/"
		ebin = "lib/hello-0.1.0/ebin/"
	)
	interactive := "644 #!/bin/sh\nexport RELEASE_MODE=interactive\n"
	for _, tt := range []struct {
		name string
		rel  tree
		want []string
	}{
		{"as it is made", mixed(), nil},
		{"a module gone", mixed().without(ebin + "hello_sup.beam"), []string{
			"FAIL boot " + dir + "start.boot: the boot script loads the module hello_sup, which is not where it looks",
		}},
		{"all modules of an application gone", mixed().without(ebin+"hello.beam", ebin+"hello_sup.beam"), []string{
			"FAIL boot " + dir + "start.boot: the boot script loads the module hello, which is not where it looks (and 1 more)",
		}},
		{"a module elsewhere", mixed().without(ebin+"hello.beam").with("lib/kernel-10.2/ebin/hello.beam", made("hello", 182)), []string{
			"FAIL boot " + dir + "start.boot: the boot script loads the module hello, which is not where it looks",
		}},
		{"a module in another folder of the path", mixed().without(ebin+"hello.beam").with(dir+"consolidated/hello.beam", made("hello", 182)), nil},
		{"a module gone, loaded when it is called", mixed().without(ebin+"hello.beam").with(dir+"env.sh", interactive), []string{
			"WARN boot " + dir + "start.boot: the boot script loads the module hello, which is not where it looks",
		}},
		{"a kernel module gone, others loaded when called", mixed().without("lib/kernel-10.2/ebin/code.beam").with(dir+"env.sh", interactive), []string{
			"FAIL boot " + dir + "start.boot: the boot script loads the module code, which is not where it looks",
			"WARN boot " + dir + "start_clean.boot: the boot script loads the module code, which is not where it looks",
		}},
		{"another module under the name", mixed().with(ebin+"hello.beam", made("other", 182)), []string{
			"FAIL beam " + ebin + "hello.beam: it holds another module than its name says: other, not hello",
		}},
		{"another variable", mixed().with(dir+"start.boot", bootOf("path $MY_LIB/x/ebin", "load a b")), []string{
			"UNKNOWN boot " + dir + "start.boot: it names folders by $MY_LIB, and what that is on the target is not known (and 1 more)",
		}},
		{"no boot script", mixed().without(dir+"start.boot", dir+"start_clean.boot"), []string{
			"FAIL boot " + dir + "start.boot: it is not there: the release does not start",
			"WARN boot " + dir + "start_clean.boot: it is not there: eval, rpc and remote do not work",
		}},
		{"damaged boot script", mixed().with(dir+"start.boot", "644 xxxxxx"), []string{"FAIL boot " + dir + "start.boot: it is no sound boot script"}},
		{"damaged .rel and .app", mixed().with("lib/kernel-10.2/ebin/kernel.app", "644 {application,kernel").without(ebin + "hello.app"), []string{
			"WARN consistency " + dir + "hello.rel: it names hello 0.1.0, and there is no " + ebin + "hello.app",
			"WARN consistency lib/kernel-10.2/ebin/kernel.app: it is no sound .app file",
		}},
		{"another ERTS in start_erl.data", mixed().with("releases/start_erl.data", "644 15.9.9 0.1.0"), []string{
			"WARN consistency " + dir + "hello.rel: it names erts 15.2.7, releases/start_erl.data 15.9.9",
			"WARN consistency releases/start_erl.data: it names erts 15.9.9, and the release starts 15.2.7",
		}},
		{"no configuration", mixed().without(dir+"sys.config", dir+"vm.args", dir+"elixir"), []string{
			"FAIL config " + dir + "elixir: it is not there, and a start reads it",
			"FAIL config " + dir + "vm.args: it is not there, and a start reads it",
			"FAIL config " + dir + "sys.config: it is not there, and a start reads it",
		}},
		{"damaged configuration", mixed().with(dir+"sys.config", "644 [{"), []string{"FAIL config " + dir + "sys.config: it is no sound configuration"}},
		{"no runtime.exs", mixed().without(dir + "runtime.exs"), []string{
			"FAIL config " + dir + "sys.config: it has the release read releases/0.1.0/runtime.exs at its start, which is not there",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := open(t, tt.rel, bookworm())
			got, err := check.Run(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, lines(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			captured(t, in, got)
			kept(t, got)
		})
	}
}

// Without ERTS, $ROOT is the target's Erlang/OTP.
func TestRunFollowsBootScriptsIntoTheTarget(t *testing.T) {
	rel := mixed().without(erts+"beam.smp", erts+"erlexec", erts+"erl_child_setup", erts+"inet_gethost", erts+"erl", "lib/kernel-10.2/ebin/kernel.app", "lib/kernel-10.2/ebin/code.beam").
		with("releases/0.1.0/elixir", "#!/bin/sh\nexec erl\n")
	place := func() tree {
		return bookworm().with("usr/lib/erlang/releases/start_erl.data", "15.2.7 27").with("usr/lib/erlang/erts-15.2.7/bin/beam.smp", beam(glibc, "libc.so.6")).
			with("usr/bin/erl", "#!/bin/sh\nexec /usr/lib/erlang/erts-15.2.7/bin/beam.smp\n")
	}
	for _, tt := range []struct {
		place tree
		want  []string
	}{
		{place().with("usr/lib/erlang/lib/kernel-10.2/ebin/code.beam", "x"), nil},
		{place().with("usr/lib/erlang/lib/kernel-10.2/ebin/other.beam", "x"), []string{
			"FAIL boot releases/0.1.0/start.boot: the boot script loads the module code, which is not where it looks",
			"WARN boot releases/0.1.0/start_clean.boot: the boot script loads the module code, which is not where it looks",
		}},
	} {
		got, err := check.Run(t.Context(), open(t, rel, tt.place))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, lines(got)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
