package check_test

import (
	"io/fs"
	"strings"
	"testing"

	"dram/internal/check"
	"dram/internal/release"
	"dram/internal/report"
	"dram/internal/rootfs"
	"dram/internal/target"
)

// skeleton is a tree in memory.
func skeleton(tr tree) *rootfs.Skeleton {
	nodes := map[string]rootfs.Node{}
	for name, body := range tr {
		node := rootfs.Node{Mode: 0o755}
		if rest, ok := strings.CutPrefix(body, "644 "); ok {
			node.Mode, body = fs.FileMode(0o644), rest
		}
		if to, ok := strings.CutPrefix(body, "-> "); ok {
			node.Link = to
		} else {
			node.Text = body
		}
		nodes[name] = node
	}
	return rootfs.NewSkeleton(nodes)
}

// FuzzRun checks a release with one hostile file, native or a script, and a
// hostile .rel file: there are findings or none, but no panic, no error and no
// end that does not come.
func FuzzRun(f *testing.F) {
	rel := hello()["releases/0.1.0/hello.rel"]
	f.Add(elf(sqlite()), rel)
	f.Add(elf(large()), rel)
	f.Add(elf(lib{Interp: glibc, Needed: []string{"libc.so.6", "../x", "/etc"}, RunPath: "$ORIGIN:/:$LIB"}), rel)
	f.Add("#!/usr/bin/env -S FOO=1 bash\r\n", strings.Replace(rel, "10.2", "../../..", 1))
	f.Add("version https://git-lfs.github.com/spec/v1\n", "{release,{\"hello\",\"0.1.0\"},[")
	tg, err := target.New("dir:place", skeleton(bookworm()))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, native, relFile string) {
		files := hello().with(nif, native).with("bin/extra", native).with("lib/hello-0.1.0/priv/port", native)
		files["releases/0.1.0/start.rel"] = relFile
		files["releases/0.1.0/elixir"] = native
		r, err := release.Read(t.Context(), skeleton(files), release.Options{Survey: true})
		if err != nil {
			t.Skip(err)
		}
		got, err := check.Run(t.Context(), check.Input{Release: r, Target: tg})
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range got.Findings {
			if said := report.Say(got, found); said.Summary == "" || found.Rule == "" || strings.Contains(said.Summary+said.Symptom+said.Remedy+said.Needs, "#{") {
				t.Errorf("an empty finding: %+v", found)
			}
		}
	})
}
