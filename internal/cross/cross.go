// Package cross says how code is compiled for a processor that is not the compiler's:
// GNU's name of the platform, the variables by which build tools are told, and CMake's
// toolchain file. Nothing of it is of a distribution; which packages have the
// compilers, package distro knows.
//
// The variables are those that make's implicit rules (GNU make manual, "Implicit
// Variables"), rebar3's port compiler, elixir_make, cc_precompiler and
// rustler_precompiled (TARGET_ARCH, TARGET_OS, TARGET_ABI, as Nerves sets them), CMake
// (CMAKE_TOOLCHAIN_FILE, since 3.21), pkg-config and Cargo read.
package cross

import (
	"fmt"
	"strings"
)

// Recipe is part of what names a toolchain and a result. Raise it whenever the
// variables or the toolchain file change.
const Recipe = 1

// processor is a row of what is known of processors.
type processor struct {
	name string // as GNU and CMake call it
	rust string // the prefix of its variables for Cargo
}

func processors() map[string]processor {
	return map[string]processor{
		"amd64": {"x86_64", "X86_64_UNKNOWN_LINUX_GNU"},
		"arm64": {"aarch64", "AARCH64_UNKNOWN_LINUX_GNU"},
	}
}

// Known says whether code can be compiled for an architecture, as Go names it.
func Known(arch string) bool {
	_, ok := processors()[arch]
	return ok
}

// Triple is GNU's name of Linux with glibc on an architecture: "aarch64-linux-gnu".
func Triple(arch string) string { return processors()[arch].name + "-linux-gnu" }

// File is where CMake's toolchain file lies in a toolchain that compiles for an
// architecture, without a leading slash.
func File(arch string) string { return "usr/share/dram/" + Triple(arch) + ".cmake" }

// CMake is that file.
func CMake(arch string) string {
	t := Triple(arch)
	return strings.Join([]string{
		"set(CMAKE_SYSTEM_NAME Linux)",
		"set(CMAKE_SYSTEM_PROCESSOR " + processors()[arch].name + ")",
		"set(CMAKE_C_COMPILER " + t + "-gcc)",
		"set(CMAKE_CXX_COMPILER " + t + "-g++)",
		"set(CMAKE_LIBRARY_ARCHITECTURE " + t + ")",
		"set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)",
		"",
	}, "\n")
}

// Env is the environment in which steps compile for an architecture.
func Env(arch string) []string {
	t, p := Triple(arch), processors()[arch]
	var env []string
	for _, tool := range []struct{ name, program string }{
		{"CC", "gcc"}, {"CXX", "g++"}, {"AR", "ar"}, {"RANLIB", "ranlib"}, {"STRIP", "strip"}, {"NM", "nm"}, {"OBJCOPY", "objcopy"},
	} {
		env = append(env, tool.name+"="+t+"-"+tool.program)
	}
	return append(env,
		"CROSSCOMPILE=/usr/bin/"+t,
		"TARGET_ARCH="+p.name, "TARGET_OS=linux", "TARGET_ABI=gnu",
		"REBAR_TARGET_ARCH="+t,
		"CMAKE_TOOLCHAIN_FILE=/"+File(arch),
		fmt.Sprintf("PKG_CONFIG_LIBDIR=/usr/lib/%s/pkgconfig:/usr/share/pkgconfig", t),
		"CARGO_BUILD_TARGET="+p.name+"-unknown-linux-gnu",
		"CARGO_TARGET_"+p.rust+"_LINKER="+t+"-gcc",
	)
}
