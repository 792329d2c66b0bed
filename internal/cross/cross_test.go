package cross_test

import (
	"slices"
	"strings"
	"testing"

	"dram/internal/cross"
)

// Build tools are told of the compiler in the words of each.
func TestEnv(t *testing.T) {
	for arch, want := range map[string][]string{
		"arm64": {
			"CC=aarch64-linux-gnu-gcc", "CXX=aarch64-linux-gnu-g++", "TARGET_ARCH=aarch64", "TARGET_OS=linux", "TARGET_ABI=gnu",
			"CMAKE_TOOLCHAIN_FILE=/usr/share/dram/aarch64-linux-gnu.cmake", "CARGO_BUILD_TARGET=aarch64-unknown-linux-gnu",
			"CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc",
		},
		"amd64": {"CC=x86_64-linux-gnu-gcc", "TARGET_ARCH=x86_64", "REBAR_TARGET_ARCH=x86_64-linux-gnu", "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER=x86_64-linux-gnu-gcc"},
	} {
		got := cross.Env(arch)
		for _, kv := range want {
			if !slices.Contains(got, kv) {
				t.Errorf("%s: no %s in %q", arch, kv, got)
			}
		}
		names := map[string]bool{}
		for _, kv := range got {
			name, value, ok := strings.Cut(kv, "=")
			if !ok || value == "" || names[name] {
				t.Errorf("%s: %q", arch, kv)
			}
			names[name] = true
		}
	}
}

// What an architecture is called is known of those alone whose compilers are.
func TestKnown(t *testing.T) {
	if !cross.Known("amd64") || !cross.Known("arm64") || cross.Known("riscv64") || cross.Known("") {
		t.Error("which architectures are known")
	}
	if got := cross.CMake("arm64"); !strings.Contains(got, "set(CMAKE_SYSTEM_PROCESSOR aarch64)\n") || !strings.Contains(got, "set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)\n") {
		t.Error(got)
	}
}
