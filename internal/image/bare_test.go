package image

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/layer"
	"dram/internal/problem"
	"dram/internal/release"
)

// Where nobody knows what would take the place of the scripts, there is no image without
// a shell.
func TestNoShellIsRefused(t *testing.T) {
	distillery := readRelease(t, dirFS(t, distilleryFiles()))
	mix := readRelease(t, dirFS(t, releaseFiles()))
	if _, err := Build(t.Context(), openStore(t), distillery, Options{Root: dirFS(t, rootFiles()), Shell: NoShell}); !refused(err, "starts by scripts that only a shell runs") {
		t.Errorf("Distillery: %v", err)
	}
	if _, err := Build(t.Context(), openStore(t), mix, Options{Root: dirFS(t, rootFiles()), Shell: NoShell}); !refused(err, "are not the scripts that Mix of a known Elixir writes", "reading release") {
		t.Errorf("Mix: %v", err)
	}
}

// refused says whether an error is one of the texts, with what to do.
func refused(err error, texts ...string) bool {
	for _, text := range texts {
		if err != nil && strings.Contains(err.Error(), text) {
			return problem.Hint(err) != "" || text == "reading release"
		}
	}
	return false
}

func TestSystemShell(t *testing.T) {
	for name, want := range map[string]string{
		"usr/bin/dash": "/usr/bin/dash", "bin/sh": "/bin/sh", "usr/lib/sh": "", "usr/bin/sed": "", "usr/share/bash": "", "bin/busybox": "/bin/busybox",
	} {
		s := &system{Files: []systemFile{{Path: "etc/passwd"}, {Path: name}}}
		if got := s.shell(); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// calling is a BEAM file of a module that names a function of another.
func calling(module, function string) string {
	word := func(n int) string { return string(binary.BigEndian.AppendUint32(nil, uint32(n))) } //nolint:gosec // small
	chunk := func(id, data string) string {
		return id + word(len(data)) + data + strings.Repeat("\x00", (4-len(data)%4)%4)
	}
	atom := func(s string) string { return string(rune(len(s))) + s }
	chunks := chunk("AtU8", word(3)+atom("mine")+atom(module)+atom(function)) + chunk("Code", word(16)+word(0)+word(170)+word(1)+word(0)+"\x03") +
		chunk("StrT", "") + chunk("ImpT", word(1)+word(2)+word(3)+word(1)) + chunk("ExpT", word(0))
	return "FOR1" + word(len(chunks)+4) + "BEAM" + chunks
}

// Applications whose code names what starts a shell are told of an image without one, each
// with the functions; those of OTP and Elixir name them for others, but for os_mon, which
// calls them itself.
func TestShellCalls(t *testing.T) {
	file := func(origin release.Origin, app, name, text string) File {
		entry := layer.Entry{Path: "lib/" + app + "/ebin/" + name, Size: int64(len(text)), Mode: 0o644, Open: bytesOpener([]byte(text))}
		return File{Entry: entry, Origin: origin, App: app}
	}
	shell, system := calling("os", "cmd"), calling("Elixir.System", "shell")
	d := &Draft{bare: &Draft{}, files: []File{
		file(release.Own, "shop-1.0", "a.beam", shell), file(release.Own, "shop-1.0", "b.beam", system), file(release.Own, "shop-1.0", "c.beam", shell),
		file(release.Own, "quiet-1.0", "a.beam", calling("os", "getenv")), file(release.Own, "quiet-1.0", "b.beam", calling("Elixir.System", "cmd")),
		file(release.Own, "quiet-1.0", "a.txt", shell), file(release.Own, "broken-1.0", "a.beam", "FOR1 and no more"),
		file(release.Dependency, "dep-2.0", "a.beam", shell), file(release.OTP, "stdlib-6.2", "c.beam", shell), file(release.OTP, "os_mon-2.10", "disksup.beam", shell),
	}}
	want := []string{"dep (os:cmd)", "os_mon (os:cmd)", "shop (System:shell)", "shop (os:cmd)"}
	if diff := cmp.Diff(want, d.ShellCalls()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if d.bare = nil; len(d.ShellCalls()) > 0 {
		t.Error("where there is a shell, they do no harm")
	}
}
