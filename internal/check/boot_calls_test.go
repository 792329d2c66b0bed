package check_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dram/internal/check"
	"dram/internal/target"
)

// said is what is said of a release on Debian 12.
func said(t *testing.T, rel tree) []string {
	t.Helper()
	got, err := check.Run(t.Context(), open(t, rel, bookworm()))
	if err != nil {
		t.Fatal(err)
	}
	return lines(got)
}

// What each of these instructions comes to was tried with OTP 27 (test/oracle).
func TestRunFollowsWhatBootScriptsCall(t *testing.T) {
	const at = "FAIL boot releases/0.1.0/start.boot: "
	for name, tt := range map[string]struct {
		lines string
		want  []string
	}{
		"nothing":                     {"", nil},
		"a module that is not there":  {"call nowhere9 f", []string{at + "it calls nowhere9:f, of a module that it has not loaded"}},
		"one that is preloaded":       {"call erlang garbage_collect", nil},
		"what ends it":                {"call init stop", []string{at + "it calls init:stop, over which the VM ends"}},
		"an instruction of none":      {"odd", []string{at + "it has an instruction that init does not know: {often,…}"}},
		"no controller":               {"load application\nstart kernel", []string{at + "it starts applications, and not the process of kernel that does so (application_controller)"}},
		"a need that nothing starts":  {"load application lists\ncontroller\napp kernel lists gone9\nstart kernel", []string{at + "kernel needs gone9 to run before it, which nothing starts"}},
		"a need that something loads": {"load application lists\ncontroller\napp gone9 lists\napp kernel lists gone9\nstart kernel", nil},
		"a module that starts it":     {"load application lists\ncontroller\napp kernel nowhere9\nstart kernel", []string{at + "kernel is started by nowhere9:start, a function that is not there"}},
		"an application that rests":   {"load application lists\ncontroller\napp kernel nowhere9 gone9\nstart stdlib", nil},
	} {
		t.Run(name, func(t *testing.T) {
			const ebin = "lib/kernel-10.2/ebin/"
			all := append([]string{"path $ROOT/lib/kernel-10.2/ebin", "load code"}, strings.Split(tt.lines, "\n")...)
			if tt.lines == "" {
				all = all[:2]
			}
			rel := started("").with("releases/0.1.0/start.boot", bootOf(all...)).with("releases/0.1.0/elixir", "#!/bin/sh\nexec \"${0%/*}/../../erts-15.2.7/bin/erl\" -noshell -mode embedded\n").
				with(ebin+"application.beam", made("application", 182)).with(ebin+"lists.beam", made("lists", 182))
			got := slices.DeleteFunc(said(t, rel), func(line string) bool { return strings.Contains(line, "does not start hello") })
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What kernel refuses of its own settings was tried with OTP 27 (test/oracle).
func TestRunReadsSettingsOfKernel(t *testing.T) {
	const file = "releases/0.1.0/sys.config"
	fail := func(text string) []string { return []string{"FAIL config " + file + ": " + text} }
	for settings, want := range map[string][]string{
		"{logger_level,debug}":                                          nil,
		"{logger_level,often}":                                          fail("kernel's logger_level is what kernel refuses: it is no level"),
		"{logger,often}":                                                fail("kernel's logger is what kernel refuses: it is no list"),
		"{logger,[]}":                                                   nil,
		"{logger,[often]}":                                              fail("kernel's logger is what kernel refuses: it has an entry that is none"),
		"{logger,[{handler,default,undefined}]}":                        nil,
		"{logger,[{handler,default,nowhere9,#{}}]}":                     fail("kernel's logger has a handler nowhere9, a module that is not there, or has no log/2"),
		"{logger,[{filters,log,[]},{module_level,debug,[a]}]}":          nil,
		"{inet_dist_use_interface,\"127.0.0.1\"}":                       fail("kernel's inet_dist_use_interface is what kernel refuses: it is no address"),
		"{inet_dist_listen_min,99999},{inet_dist_listen_max,99999}":     fail("kernel's inet_dist_listen_min is what kernel refuses: it is no port"),
		"{distributed,often}":                                           fail("kernel's distributed is what kernel refuses: it is no list"),
		"{global_groups,often}":                                         fail("kernel's global_groups is what kernel refuses: it is no list"),
		"{boot_server_slaves,often}":                                    fail("kernel's boot_server_slaves is what kernel refuses: it is no list"),
		"{error_logger,often}":                                          fail("kernel's error_logger is what kernel refuses: it is none of tty, false, silent and {file,Name}"),
		"{error_logger,{file,\"x\"}}":                                   nil,
		"{permissions,[{hello,false}]}":                                 fail("kernel's permissions is what kernel refuses: hello is not permitted to run, and does not start"),
		"{permissions,[{hello,true}]}":                                  nil,
		"{distributed,[{hello,[a@b]}]}":                                 {"UNKNOWN config " + file + ": kernel's distributed has applications run on some nodes alone, and whether this is one of them is not known"},
		"{logger,[{module_level,often,[a]}]}":                           fail("kernel's logger is what kernel refuses: a module's level is none"),
		"{logger,[{filters,log,[often]}]}":                              fail("kernel's logger is what kernel refuses: it has a filter that is none"),
		"{logger,[{handler,default,logger_std_h,#{level=>often}}]}":     fail("kernel's logger is what kernel refuses: a handler's level is none"),
		"{logger,[{handler,default,logger_std_h,#{formatter=>often}}]}": fail("kernel's logger is what kernel refuses: a handler's formatter is none"),
		"{sync_nodes_mandatory,[a@b]}":                                  nil,
		"{sync_nodes_mandatory,[a@b]},{sync_nodes_timeout,10}":          {"UNKNOWN config " + file + ": kernel's sync_nodes_mandatory has it wait for other nodes, and whether these run is not known"},
		"{inet_dist_listen_min,9},{inet_dist_listen_max,8}":             fail("kernel's inet_dist_listen_min 9 is more than inet_dist_listen_max 8"),
		"{inet_dist_listen_min,8},{inet_dist_listen_max,8}":             nil,
		"{inet_dist_use_interface,{127,0,0,1}}":                         nil,
		"{inet_dist_use_interface,{10,0,0,1}}":                          {"UNKNOWN config " + file + ": kernel's inet_dist_use_interface is 10.0.0.1, and whether the machine has that is not known"},
	} {
		t.Run(settings, func(t *testing.T) {
			rel := named("-mode embedded -sname x -start_epmd false -erl_epmd_port 0").with(file, "644 [{kernel,["+settings+"]}].\n")
			if diff := cmp.Diff(want, said(t, rel)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A runtime.exs that is no text for Elixir ends the boot.
func TestRunReadsTheBytesOfRuntimeExs(t *testing.T) {
	const file = "releases/0.1.0/runtime.exs"
	for text, bad := range map[string]bool{"import Config\r\n": false, "\xef\xbb\xbfimport Config": true, "# \xe9": true, "# é\n": false, "x\x00": true, "": false} {
		var want []string
		if bad {
			want = []string{"FAIL config " + file + ": the release reads it at its start, and it is no text for Elixir"}
		}
		if diff := cmp.Diff(want, said(t, mixed().with(file, "644 "+text))); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

// What is too large to be read is said to be so, and called nothing else.
func TestRunSaysWhatItDoesNotRead(t *testing.T) {
	large := strings.Repeat("# filled\n", 1<<17)
	const unread = ": it is larger than 1 MiB, and is not read"
	for name, tt := range map[string]struct {
		rel  tree
		want []string
	}{
		"relup":          {mixed().with("releases/0.1.0/relup", "644 "+large), []string{"UNKNOWN relup releases/0.1.0/relup" + unread}},
		"app":            {mixed().with("lib/kernel-10.2/ebin/kernel.app", "644 "+large), []string{"UNKNOWN consistency lib/kernel-10.2/ebin/kernel.app" + unread}},
		"a start script": {mixed().with("bin/hello", "#!/bin/sh\n"+large), []string{"UNKNOWN start bin/hello: what a start does from line 1 on is not known: it is larger than 1 MiB, and is not read"}},
		"env.sh":         {started("").with("releases/0.1.0/env.sh", "644 "+large), nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, said(t, tt.rel)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Something else in the place of the VM's own programs.
func TestRunLooksAtThePrograms(t *testing.T) {
	const child = erts + "erl_child_setup"
	for name, tt := range map[string]struct {
		rel  tree
		want []string
	}{
		"a script":       {named("").with(child, "#!/bin/sh\nexit 3\n"), []string{"UNKNOWN start " + child + ": something else is in its place, and what that does is not known"}},
		"an empty file":  {named("").with(child, ""), []string{"FAIL start " + child + ": it is no program, and the VM starts it"}},
		"a text":         {named("").with(child, "text"), []string{"FAIL start " + child + ": it is no program, and the VM starts it"}},
		"a shell's text": {named("").with(erts+"inet_gethost", "text"), []string{"UNKNOWN start " + erts + "inet_gethost: something else is in its place, and what that does is not known"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, said(t, tt.rel)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// runOn is what is said of a release on a system.
func runOn(t *testing.T, rel, place tree) ([]string, error) {
	t.Helper()
	got, err := check.Run(t.Context(), open(t, rel, place))
	if err != nil {
		return nil, err
	}
	return lines(got), nil
}

// runOnCapture is what is said of it where the system is known by a capture.
func runOnCapture(t *testing.T, rel, place tree) ([]string, error) {
	t.Helper()
	in := open(t, rel, place)
	var doc bytes.Buffer
	if err := in.Target.Capture(&doc); err != nil {
		return nil, err
	}
	captured, err := target.Load(&doc)
	if err != nil {
		return nil, err
	}
	in.Target = captured
	got, err := check.Run(t.Context(), in)
	if err != nil {
		return nil, err
	}
	return lines(got), nil
}

// longPaths is a sound NIF with a list of folders of so many bytes.
func longPaths(n int) lib {
	l := sqlite()
	l.RunPath = strings.Repeat("/nowhere9:", n/10) + "$ORIGIN"
	return l
}

// Libraries whose headers glibc refuses, and ELF files that the kernel does not start.
func TestRunReadsHeaders(t *testing.T) {
	const nif = "lib/exqlite-0.27.0/priv/sqlite3_nif.so"
	byteOf := func(text string, at int, with byte) string {
		b := []byte(text)
		b[at] = with
		return string(b)
	}
	sound := hello()[nif]
	vm := hello()[erts+"beam.smp"]
	const format, none = "FAIL format " + nif + ": its header is none of a library that the loader takes", "FAIL format " + erts + "beam.smp: it is an ELF file that is no program"
	for name, tt := range map[string]struct {
		rel   tree
		place tree
		want  []string
	}{
		"an ABI version":            {hello().with(nif, byteOf(sound, 8, 1)), bookworm(), []string{format}},
		"padding":                   {hello().with(nif, byteOf(sound, 12, 1)), bookworm(), []string{format}},
		"another version":           {hello().with(nif, byteOf(sound, 20, 2)), bookworm(), []string{format}},
		"another version, on musl":  {hello().with(nif, byteOf(sound, 20, 2)), alpine(), nil},
		"not linked":                {hello().with(nif, byteOf(sound, 16, 1)), bookworm(), []string{format}},
		"not linked, on musl":       {hello().with(nif, byteOf(sound, 16, 1)), alpine(), []string{format}},
		"cut short":                 {hello().with(nif, cutShort(sound)), bookworm(), []string{"FAIL format " + nif + ": it is cut short"}},
		"cut short, on musl":        {hello().with(nif, cutShort(sound)), alpine(), []string{"WARN format " + nif + ": it is cut short"}},
		"long paths":                {hello().with(nif, elf(longPaths(5000))), bookworm(), nil},
		"a folder":                  {hello().with("lib/hello-0.1.0/priv/x.so/data", "644 x"), bookworm(), []string{"WARN format lib/hello-0.1.0/priv/x.so: it is a folder that has a library's name"}},
		"a core":                    {hello().with(nif, byteOf(sound, 16, 4)), bookworm(), []string{format}},
		"the VM is not linked":      {hello().with(erts+"beam.smp", byteOf(vm, 16, 1)), bookworm(), []string{none}},
		"the VM is a core":          {hello().with(erts+"beam.smp", byteOf(vm, 16, 4)), bookworm(), []string{none}},
		"the VM has nothing to map": {hello().with(erts+"beam.smp", byteOf(vm, 56, 0)), bookworm(), []string{none}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := runOn(t, tt.rel, tt.place)
			if err != nil {
				t.Fatal(err)
			}
			var about []string
			for _, line := range got {
				if strings.Contains(line, " format ") {
					about = append(about, line)
				}
			}
			if diff := cmp.Diff(tt.want, about); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Variables that the VM, epmd, the loader or Elixir read, as env.sh sets them.
func TestRunReadsVariables(t *testing.T) {
	const env = "releases/0.1.0/env.sh"
	const refused = "FAIL vm-args " + env + ": it gives the VM the variable "
	for set, want := range map[string][]string{
		"ERL_EPMD_PORT=often":                                {refused + "ERL_EPMD_PORT with often"},
		"ERL_EPMD_PORT=99999":                                {refused + "ERL_EPMD_PORT with 99999"},
		"ERL_EPMD_PORT=4370":                                 nil,
		"ERL_EPMD_ADDRESS=300.1.1.1":                         {refused + "ERL_EPMD_ADDRESS with 300.1.1.1"},
		"ERL_EPMD_ADDRESS=10.9.9.9":                          {"UNKNOWN vm-args " + env + ": it gives the VM the variable ERL_EPMD_ADDRESS with 10.9.9.9"},
		"ERL_EPMD_ADDRESS=127.0.0.1":                         nil,
		"LD_TRACE_LOADED_OBJECTS=1":                          {refused + "LD_TRACE_LOADED_OBJECTS with 1"},
		"LD_SHOW_AUXV=1":                                     {refused + "LD_SHOW_AUXV with 1"},
		"LD_DEBUG=libs":                                      nil,
		"ERL_OTP27_FLAGS='+Yyy 1'":                           {"FAIL vm-args " + env + ": it gives the VM the flag +Yyy, which Erlang/OTP 27 does not know"},
		"ERL_OTP26_FLAGS='+Yyy 1'":                           nil,
		"ERL_ZFLAGS=word":                                    {"FAIL vm-args " + env + ": it gives the VM the word word, which belongs to no flag: Elixir takes it for a file to be run"},
		"ERL_ZFLAGS='-hello a 1'":                            nil,
		"ERL_FLAGS='-configfd often'":                        {"FAIL vm-args " + env + ": it gives the VM -configfd often, which is no value of that flag"},
		"ERL_FLAGS='-mode interactive x'":                    {"FAIL vm-args " + env + ": it gives the VM -mode interactive x, which is no value of that flag"},
		"ERL_FLAGS='-config /app/releases/0.1.0/sys /gone9'": {"FAIL vm-args " + env + ": it gives the VM -config /gone9, and there is no such file"},
		"ERL_FLAGS=-config":                                  {"FAIL vm-args " + env + ": it gives the VM -config without what belongs to it"},
		"RELEASE_SYS_CONFIG=/app/releases/0.1.0/sys.config":  {"FAIL config " + env + ": RELEASE_SYS_CONFIG is /app/releases/0.1.0/sys.config, and the release reads /app/releases/0.1.0/sys.config.config"},
		"RELEASE_SYS_CONFIG=/app/releases/0.1.0/sys":         nil,
	} {
		t.Run(set, func(t *testing.T) {
			rel := named("-s elixir start_cli -sname x").with(env, "644 #!/bin/sh\nexport "+set+"\n").
				with(erts+"epmd", elf(lib{Interp: glibc, Needed: []string{"libc.so.6"}})).with("lib/kernel-10.2/ebin/elixir.beam", made("elixir", 182))
			got, err := runOn(t, rel, bookworm())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Texts as Erlang/OTP 27 came to write them are not read, which is said; of an older
// one they are no configuration.
func TestRunLeavesLaterTextsOpen(t *testing.T) {
	const file = "releases/0.1.0/sys.config"
	for text, want := range map[string][]string{
		`[{a,[{b,~"x"}]}].`: {"UNKNOWN config " + file + ": it has texts as Erlang/OTP 27 came to write them (~ or three quotes), and is not read"},
		`[{a,[{b,'` + strings.Repeat("x", 256) + `'}]}].`: {"FAIL config " + file + ": it is no sound configuration"},
		`[{a,[{b,'` + strings.Repeat("x", 255) + `'}]}].`: nil,
	} {
		if diff := cmp.Diff(want, said(t, mixed().with(file, "644 "+text))); diff != "" {
			t.Errorf("%.40s (-want +got):\n%s", text, diff)
		}
	}
}
