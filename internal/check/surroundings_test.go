package check_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/check"
	"dram/internal/report"
)

// What surrounds a release: the target's files, the image's configuration, the
// modes of the release's own files, what came from another machine.
func TestRunLooksAtSurroundings(t *testing.T) {
	const script = "releases/0.1.0/"
	ours := &check.Image{User: "65532:65532", Env: []string{"LANG=C.UTF-8", "RELEASE_TMP=/tmp", "ERL_CRASH_DUMP=/tmp/x"}}
	bare := &check.Image{User: "1000", Env: []string{"PATH=/bin"}}
	linked := sqlite()
	linked.RunPath = "/home/ann/lib:$ORIGIN:/opt/x"
	for _, tt := range []struct {
		name       string
		rel, place tree
		image      *check.Image
		want       []string
	}{
		{"no /etc/hosts", hello(), bookworm().without("etc/hosts"), nil, []string{"WARN hosts : the target has no /etc/hosts"}},
		{"time zones that nobody reads", hello(), bookworm(), nil, nil},
		{"time zones that zoneinfo reads", hello().with("lib/zoneinfo-0.1.8/ebin/zoneinfo.app", "644 x"), bookworm(), nil, []string{
			"WARN time-zone : it reads the system's time zones, and the target has none",
		}},
		{
			"time zones that are there", hello().with("lib/zoneinfo-0.1.8/ebin/zoneinfo.app", "644 x"),
			bookworm().with("usr/share/zoneinfo/UTC", "644 TZif"), nil, nil,
		},
		{"a TZ that is set", hello().with(script+"env.sh", "644 #!/bin/sh\nexport TZ=Europe/Berlin\n"), bookworm(), nil, []string{
			"WARN time-zone " + script + "env.sh: it sets TZ, and the target has no time zones",
		}},
		{"files for their owner alone", hello().with("lib/hello-0.1.0/priv/data", "600 x").with("lib/hello-0.1.0/priv/port", "750 "+hello()["lib/hello-0.1.0/priv/port"]), bookworm(), nil, []string{
			"WARN access lib/hello-0.1.0/priv/data: only its owner and group may use it: its mode is 0600 (and 1 more)",
		}},
		{"the cookie for its owner alone", hello().with("releases/COOKIE", "600 x"), bookworm(), nil, []string{
			"WARN cookie releases/COOKIE: it holds the distribution cookie, the same in every copy of the release",
		}},
		{"an image like dram's", mixed().with(script+"sys.config", "644 %% RUNTIME_CONFIG=true\n[]."), bookworm(), ours, nil},
		{"an image that says nothing", mixed().with(script+"sys.config", "644 %% RUNTIME_CONFIG=true\n[]."), bookworm(), bare, []string{
			"WARN writable " + script + "sys.config: each start writes the configuration to tmp/ beside the release, which the image's user may not",
			"WARN writable : a crash dump goes to the working directory, which the image's user may not write to",
			"WARN locale : the image sets no UTF-8 locale",
		}},
		{"an image whose release says it", hello().with("bin/hello", "#!/bin/sh\n. \"${0%/*}/../releases/0.1.0/env.sh\"\n"+execErl).
			with(script+"env.sh", "644 #!/bin/sh\nexport LANG=C.UTF-8\nexport ERL_CRASH_DUMP=/tmp/x\n"), bookworm(), bare, nil},
		{"an image that runs as root", hello(), bookworm(), &check.Image{Env: []string{"LANG=C.utf8"}}, nil},
		{"left behind", hello().with("lib/hello-0.1.0/priv/._x", "644 x").with("lib/hello-0.1.0/priv/nif.o", "644 x").with("lib/hello-0.1.0/.git/HEAD", "644 x"), bookworm(), nil, []string{
			"WARN artefact lib/hello-0.1.0/.git: it is left behind by the machine that the release was built on",
			"WARN artefact lib/hello-0.1.0/priv/._x: it is left behind by macOS",
			"WARN artefact lib/hello-0.1.0/priv/nif.o: it is left behind by a compiler",
		}},
		{"a search path into a home", hello().with(nif, elf(linked)), bookworm(), nil, []string{
			"WARN artefact " + nif + ": it looks for libraries in /home/ann/lib, a folder of the machine that it was built on",
		}},
		{
			"helpers that fail when they are called",
			hello().with("lib/odbc-2.15/priv/bin/odbcserver", elf(lib{Interp: glibc, Needed: []string{"libodbc.so.2"}})).
				with("lib/os_mon-2.10/priv/bin/memsup", elf(lib{Interp: glibc, Needed: []string{"libodbc.so.2"}})).
				with(erts+"heart", "644 "+elf(lib{Interp: glibc})).
				with("releases/0.1.0/hello.rel", "644 {release,{\"hello\",\"0.1.0\"},{erts,\"15.2.7\"},[{kernel,\"10.2\"},{os_mon,\"2.10\",load},{hello,\"0.1.0\"}]}.\n").
				with("lib/os_mon-2.10/ebin/os_mon.app", "644 {application,os_mon,[{vsn,\"2.10\"}]}."),
			bookworm(), nil,
			[]string{
				"WARN soname lib/odbc-2.15/priv/bin/odbcserver: it needs libodbc.so.2, which is not on the target",
				"WARN soname lib/os_mon-2.10/priv/bin/memsup: it needs libodbc.so.2, which is not on the target",
			},
		},
		{
			"a helper that its application starts",
			hello().with("lib/os_mon-2.10/priv/bin/memsup", elf(lib{Interp: glibc, Needed: []string{"libodbc.so.2"}})).
				with("releases/0.1.0/hello.rel", "644 {release,{\"hello\",\"0.1.0\"},{erts,\"15.2.7\"},[{kernel,\"10.2\"},{os_mon,\"2.10\"},{hello,\"0.1.0\"}]}.\n").
				with("lib/os_mon-2.10/ebin/os_mon.app", "644 {application,os_mon,[{vsn,\"2.10\"}]}."),
			bookworm(), nil,
			[]string{"FAIL soname lib/os_mon-2.10/priv/bin/memsup: it needs libodbc.so.2, which is not on the target"},
		},
		{
			"an epmd that nobody starts",
			hello().with(erts+"epmd", elf(lib{Interp: glibc, Needed: []string{"libsystemd.so.0"}})).
				with(script+"env.sh", "644 #!/bin/sh\nexport RELEASE_DISTRIBUTION=none\n"),
			bookworm(), nil,
			[]string{"WARN soname " + erts + "epmd: it needs libsystemd.so.0, which is not on the target"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := open(t, tt.rel, tt.place)
			in.Image = tt.image
			got, err := check.Run(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, lines(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, f := range got.Findings {
				if said := report.Say(got, f); said.Remedy == "" || said.Symptom == "" || said.Needs == "" {
					t.Errorf("no remedy, symptom or need in %+v", said)
				}
			}
			captured(t, in, got)
			kept(t, got)
		})
	}
}
