package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"strings"

	"dram/internal/problem"
)

// machines are ELF's numbers of architectures (e_machine), as they stand in a
// file's bytes 18 and 19, in hexadecimal.
var machines = map[string]string{"amd64": "3e00", "arm64": "b700"}

// emulators are what qemu calls architectures.
var emulators = map[string]string{"amd64": "x86_64", "arm64": "aarch64"}

// emulates says whether binfmt, the directory of Linux's binfmt_misc, has an
// interpreter for programs of an architecture that a sandbox can use: one that
// was opened when it was registered (flag F), since a sandbox does not have it.
func emulates(binfmt fs.FS, arch string) error {
	machine, known := machines[arch]
	if !known {
		return problem.New(problem.Usage, "choose linux/amd64 or linux/arm64", "%q is not an architecture that dram knows", arch)
	}
	why := "none is registered"
	entries, err := fs.ReadDir(binfmt, ".")
	if errors.Is(err, fs.ErrNotExist) || len(entries) == 0 {
		why = "binfmt_misc is not mounted"
	}
	for _, e := range entries {
		text, err := readEntry(binfmt, e.Name())
		f := fields(text)
		// ELF's magic number, then what the file says of its machine.
		if magic := f["magic"]; err != nil || len(magic) < 40 || magic[:8] != "7f454c46" || magic[36:40] != machine {
			continue
		}
		switch {
		case !strings.HasPrefix(text, "enabled\n"):
			why = fmt.Sprintf("%s is disabled", e.Name())
		case !strings.Contains(f["flags:"], "F"):
			why = fmt.Sprintf("%s is registered without the flag F, so that sandboxes cannot use it", e.Name())
		default:
			return nil
		}
	}
	return problem.New(problem.Environment,
		fmt.Sprintf("install qemu-user-static and binfmt-support (or register qemu-%s with the flag F), choose an image as the toolchain "+
			"and a builder of that platform, or run dram on a machine of it", emulators[arch]),
		"this machine (%s) has no interpreter for programs of linux/%s: %s", runtime.GOARCH, arch, why)
}

// readEntry reads a registration; register and status, which are none, say other
// things.
func readEntry(binfmt fs.FS, name string) (string, error) {
	f, err := binfmt.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	raw, err := io.ReadAll(io.LimitReader(f, 4096))
	return string(bytes.ToValidUTF8(raw, nil)), err
}

// fields are the lines "name value" of a registration.
func fields(text string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		out[name] = value
	}
	return out
}
