package oracle

import (
	"slices"
	"strings"
)

// nativeCase is one way of making a NIF library or a port program, right or
// wrong: a row is all that it takes. What it does on a system is never written
// down here: the machine says it.
type nativeCase struct {
	name   string
	port   bool   // a port program; else a NIF library
	source string // beside the one that all cases share: C with a function extra(), unless build says otherwise
	build  string // shell, after testdata/build.sh; $e compiles the source, $out is where the results go
	since  int    // the oldest Debian whose compiler can make it, 14 for forky
	musl   bool   // musl-gcc can make it too
	vm     bool   // what decides is the VM, not the loader
	header bool   // only the header says another machine, which musl does not look at
}

// cppStream uses what C++ libraries have had for long, cppFormat what is new.
const (
	cppStream = "#include <sstream>\nextern \"C\" int extra(void) { std::ostringstream s; s << 42 << std::string(\"x\", 0); return std::stoi(s.str()); }"
	cppFormat = "#include <format>\nextern \"C\" int extra(void) { volatile int a = 42; return std::stoi(std::format(\"{}\", a + 0)); }"
	newSSL    = "extern int EVP_MD_CTX_get_size_ex(void *); int extra(void) { volatile int no = 0; return no ? EVP_MD_CTX_get_size_ex(0) : 42; }"
	dep       = "extern int dep_does(void); int extra(void) { return dep_does(); }"
	missing   = "extern int missing(void); int extra(void) { return missing(); }"
	never     = "extern int missing(void); int extra(void) { volatile int no = 0; return no ? missing() : 42; }"
	strtol    = "#define _GNU_SOURCE\n#include <stdlib.h>\nint extra(void) { return strtol(\"42\", 0, 10); }"
	relr      = "static int v = 42; int *const table[] = {&v, &v, &v, &v, &v, &v, &v, &v}; int extra(void) { int *volatile const *p = (int *volatile const *)table; return *p[3]; }"
	tls       = "static __thread volatile char v[%d] __attribute__((tls_model(\"initial-exec\"))) = {42}; int extra(void) { return v[0]; }"
	opens     = "#include <dlfcn.h>\nint extra(void) { return dlopen(\"%s\", RTLD_NOW) ? 42 : 0; }"
)

// libraries are all, sampled those that each run of the tests tries.
func libraries() []nativeCase {
	return slices.Concat(sampled(), loaderCases(), elfCases(), foundCases())
}

// loaderCases are about what the loader looks for, and where.
func loaderCases() []nativeCase {
	return []nativeCase{
		{name: "nodlopen", build: "nif -Wl,-z,nodlopen", musl: true},
		{name: "nodlopen_dep", source: dep, build: "library nd -Wl,-z,nodlopen; nif $e libnd.so -Wl,-rpath,'$ORIGIN'; cp libnd.so $out"},
		{name: "nodefaultlib", source: "extern const void *EVP_sha256(void); int extra(void) { return EVP_sha256() ? 42 : 0; }", build: "nif $e $lib/libcrypto.so.[13]* -Wl,-z,nodefaultlib"},
		{name: "nodefaultlib_own", source: dep, build: "library nl; nif $e libnl.so -Wl,-z,nodefaultlib,-rpath,'$ORIGIN'; cp libnl.so $out"},
		{name: "filter_gone", build: "nif -Wl,--filter=libgone9.so"},
		{name: "filter_there", source: dep, build: "library ft; echo 'int dep_does(void) { return 1; }' > fa.c; link fa -Wl,--filter=libft.so,-rpath,'$ORIGIN'; nif $e libfa.so -Wl,-rpath,'$ORIGIN',-rpath-link,.; cp libft.so libfa.so $out"},
		{name: "filter_dep_gone", source: dep, build: "library fd -Wl,--filter=libgone9.so; nif $e libfd.so -Wl,-rpath,'$ORIGIN',--unresolved-symbols=ignore-all; cp libfd.so $out"},
		{name: "auxiliary_gone", build: "nif -Wl,--auxiliary=libgone9.so"},
		{name: "osabi_freebsd", build: "nif; patch 7 011", header: true},
		{name: "osabi_gnu", build: "nif; patch 7 003", header: true},
		{name: "osabi_odd", build: "nif; patch 7 377", header: true},
		{name: "first_empty", source: dep, build: first("fe", ": > $out/a/libfe.so")},
		{name: "first_text", source: dep, build: first("fx", "echo 'INPUT(libfx.so)' > $out/a/libfx.so; head -c 100 /dev/zero >> $out/a/libfx.so")},
		{name: "first_arm64", source: dep, build: first("fr", "cp libfr.so $out/a; printf '\\267' | dd of=$out/a/libfr.so bs=1 seek=18 conv=notrunc"), header: true},
		{name: "first_i386", source: dep, build: first("fi", "cp libfi.so $out/a; printf '\\001' | dd of=$out/a/libfi.so bs=1 seek=4 conv=notrunc"), header: true},
		{name: "first_freebsd", source: dep, build: first("fb", "cp libfb.so $out/a; printf '\\011' | dd of=$out/a/libfb.so bs=1 seek=7 conv=notrunc")},
		{name: "first_folder", source: dep, build: first("ff", "mkdir $out/a/libff.so")},
		{name: "link_to_real", source: dep, build: "library lr; mkdir $out/real; nif $e liblr.so -Wl,-rpath,'$ORIGIN'; mv $out/$name.so $out/real; ln -s real/$name.so $out/$name.so; cp liblr.so $out/real"},
		{name: "link_beside", source: dep, build: "library lb; mkdir $out/real; nif $e liblb.so -Wl,-rpath,'$ORIGIN'; mv $out/$name.so $out/real; ln -s real/$name.so $out/$name.so; cp liblb.so $out"},
		{name: "link_here", source: dep, build: "library lh; nif $e liblh.so -Wl,-rpath,'$ORIGIN'; mv $out/$name.so $out/$name.1.so; ln -s $name.1.so $out/$name.so; cp liblh.so $out"},
		{name: "hwcaps_alone", source: dep, build: "library ha; nif $e libha.so -Wl,-rpath,'$ORIGIN'; mkdir -p $out/glibc-hwcaps/x86-64-v2; cp libha.so $out/glibc-hwcaps/x86-64-v2"},
		{name: "hwcaps_worse", source: dep, build: "library hw; nif $e libhw.so -Wl,-rpath,'$ORIGIN'; cp libhw.so $out; mkdir -p $out/glibc-hwcaps/x86-64-v2; echo 'int other;' > hw.c; link hw; cp libhw.so $out/glibc-hwcaps/x86-64-v2"},
		{name: "hwcaps_v5", source: dep, build: "library hv; nif $e libhv.so -Wl,-rpath,'$ORIGIN'; mkdir -p $out/glibc-hwcaps/x86-64-v5; cp libhv.so $out/glibc-hwcaps/x86-64-v5"},
		{name: "legacy_tls", source: dep, build: "library lt; nif $e liblt.so -Wl,-rpath,'$ORIGIN'; mkdir $out/tls; cp liblt.so $out/tls"},
		{name: "loader_version", source: "extern unsigned int __rseq_size; int extra(void) { return __rseq_size >= 0 ? 42 : 0; }", build: "nif $e $lib/ld-linux-x86-64.so.2", since: 12},
		{name: "gnu_version", source: "#include <gnu/libc-version.h>\nint extra(void) { return gnu_get_libc_version() ? 42 : 0; }", build: "nif $e"},
		{name: "fortified", source: "#include <string.h>\nvolatile int n = 4; int extra(void) { char a[8] = {0}, b[8] = {42}; memcpy(a, b, n); return a[0]; }", build: "nif $e -O2 -D_FORTIFY_SOURCE=2"},
		{name: "ifunc", source: ifunc, build: "nif $e", musl: true},
		{name: "ifunc_exported", source: strings.ReplaceAll(ifunc, "static int chosen", "int chosen"), build: "nif $e", musl: true},
		{name: "target_clones", source: "__attribute__((target_clones(\"avx2\", \"default\"))) int twice(int n) { return 2 * n; }\nint extra(void) { volatile int n = 21; return twice(n); }", build: "nif $e"},
		{name: "avx2", source: vector, build: "nif $e -O3 -mavx2 -ftree-vectorize"},
		{name: "avx2_march", source: vector, build: "nif $e -O3 -march=haswell"},
		{name: "avx2_dispatch", source: "__attribute__((target(\"avx2\"), optimize(\"O3\"))) static int fast(float *v, int n) { for (int i = 0; i < n; i++) v[i] = v[i] * 2 + 1; return v[0]; }\nint extra(void) { float v[64] = {20.5}; __builtin_cpu_init(); if (__builtin_cpu_supports(\"avx2\")) return fast(v, 64); return 42; }", build: "nif $e"},
		{name: "tls_dep", source: dep, build: "echo 'static __thread char v[4096] __attribute__((tls_model(\"initial-exec\"))) = {42}; int dep_does(void) { return v[0]; }' > td.c; link td; nif $e libtd.so -Wl,-rpath,'$ORIGIN'; cp libtd.so $out"},
		{name: "tsan", build: "nif -fsanitize=thread"},
		{name: "asan", build: "nif -fsanitize=address"},
	}
}

func sampled() []nativeCase {
	return []nativeCase{
		{name: "plain", build: "nif", musl: true},
		{name: "stripped", build: "nif -s -Wl,--hash-style=sysv", musl: true},

		// Symbol versions of the C library.
		{name: "strtol", source: strtol, build: "nif $e"},
		{name: "stat", source: "#include <sys/stat.h>\nint extra(void) { struct stat s; return stat(\"/\", &s) ? 0 : 42; }", build: "nif $e", musl: true},
		{name: "pthread", source: "#include <pthread.h>\nstatic void *f(void *a) { return a; }\nint extra(void) { pthread_t t; return pthread_create(&t, 0, f, 0) || pthread_join(t, 0) ? 0 : 42; }", build: "nif $e -pthread", musl: true},
		{name: "dlsym", source: "#define _GNU_SOURCE\n#include <dlfcn.h>\nint extra(void) { return dlsym(RTLD_DEFAULT, \"no such\") ? 0 : 42; }", build: "nif $e -ldl", musl: true},
		{name: "arc4random", source: "#include <stdlib.h>\nint extra(void) { arc4random(); return 42; }", build: "nif $e", since: 12},
		{name: "strlcpy", source: "#define _GNU_SOURCE\n#include <string.h>\nint extra(void) { char b[8]; return 40 + (int)strlcpy(b, \"ab\", 8); }", build: "nif $e", since: 13},
		{name: "exp", source: "#include <math.h>\nvolatile double zero; int extra(void) { return 41 + (int)exp(zero) + (int)fmod(zero, 3); }", build: "nif $e -fno-builtin -lm", musl: true},
		{name: "weak_version", source: "#include <stddef.h>\nextern size_t strlcpy(char *, const char *, size_t) __attribute__((weak)); int extra(void) { char b[8]; return strlcpy ? 40 + (int)strlcpy(b, \"ab\", 8) : 42; }", build: "nif $e", since: 13},

		// C++.
		{name: "cxx", source: cppStream, build: "nifcc"},
		{name: "cxx_format", source: cppFormat, build: "nifcc -std=c++20", since: 13},
		{name: "cxx_static", source: cppStream, build: "nifcc -static-libstdc++ -static-libgcc"},

		// OpenSSL, terminals, zlib: what NIFs are linked with most.
		{name: "crypto", source: "extern const void *EVP_sha256(void); int extra(void) { return EVP_sha256() ? 42 : 0; }", build: "nif $e $lib/libcrypto.so.[13]*"},
		{name: "crypto_new", source: newSSL, build: "nif $e $lib/libcrypto.so.3", since: 13},
		{name: "ssl", source: "extern const void *TLS_method(void); int extra(void) { return TLS_method() ? 42 : 0; }", build: "nif $e $lib/libssl.so.[13]*"},
		{name: "tinfo", source: "extern int tigetnum(const char *); int extra(void) { volatile int no = 0; return no ? tigetnum(\"x\") : 42; }", build: "nif $e $lib/libtinfo.so.6"},
		{name: "tinfo5", source: dep, build: "library tinfo -Wl,-soname,libtinfo.so.5; nif $e libtinfo.so"},
		{name: "ncurses", source: "extern void *initscr(void); int extra(void) { volatile int no = 0; return no && initscr() ? 0 : 42; }", build: "nif $e $lib/libncursesw.so.6"},
		{name: "zlib", source: "extern unsigned long crc32(unsigned long, const void *, unsigned); int extra(void) { return 42 + (int)crc32(0, 0, 0); }", build: "nif $e $lib/libz.so.1"},
		{name: "zlib_new", source: "extern unsigned long crc32_combine_gen(long); int extra(void) { crc32_combine_gen(1); return 42; }", build: "nif $e $lib/libz.so.1", since: 12},
		{name: "zlib_of_vm", source: "extern unsigned long crc32(unsigned long, const void *, unsigned); int extra(void) { return 42 + (int)crc32(0, 0, 0); }", build: "nif $e"},

		// Symbols.
		{name: "no_libc", build: "nif -nostdlib", musl: true},
		{name: "undefined", source: missing, build: "nif $e", musl: true},
		{name: "undefined_data", source: "extern int missing; int extra(void) { return missing; }", build: "nif $e", musl: true},
		{name: "undefined_not_called", source: never, build: "nif $e -Wl,-z,lazy", musl: true},
		{name: "undefined_weak", source: "__attribute__((weak)) int missing(void); int extra(void) { return missing ? missing() : 42; }", build: "nif $e", musl: true},
		{name: "of_vm", source: "#include <stddef.h>\nextern void *driver_alloc(size_t); int extra(void) { return driver_alloc(8) ? 42 : 0; }", build: "nif $e", musl: true},
		{name: "of_newer_vm", source: "extern int enif_term_size(int); int extra(void) { volatile int no = 0; return no ? enif_term_size(0) : 42; }", build: "nif $e", vm: true},
		{name: "hidden_init", build: "echo '{ local: *; };' > map; nif -Wl,--version-script=map", vm: true},

		// Linking.
		{name: "relr", source: relr, build: "nif $e -Wl,-z,pack-relative-relocs", since: 12},
		{name: "relr_no_libc", source: relr, build: "nif $e -nostdlib -Wl,-z,pack-relative-relocs", since: 12, musl: true},
		{name: "exec_stack", build: "nif -Wl,-z,execstack", musl: true},
		{name: "exec_stack_asm", source: ".globl extra\nextra: mov $42, %eax\nret\n", build: "cp $x.c x.s; nif -DEXTRA x.s"},
		{name: "stack_unsaid", build: "nif; unsay_stack", musl: true},
		{name: "text_relocations", source: "int v = 42; int extra(void) { return v; }", build: "$CC -O1 -c -mcmodel=large -fno-pic -o x.o $x.c; nif -DEXTRA x.o -Wl,-z,notext", musl: true},
		{name: "pie", source: "int main(void) { return 0; } int extra(void) { return 42; }", build: "$CC -O1 -fPIE -pie -rdynamic -I/headers -DEXTRA -DMODULE=c_pie -o $out/pie.so /src/nif.c $x.c -Wl,--unresolved-symbols=ignore-all"},
		{name: "isa_v4", build: "nif -Wl,-z,x86-64-v4", since: 12},
		{name: "tls", source: sprintf(tls, 64), build: "nif $e", musl: true},
		{name: "tls_some", source: sprintf(tls, 1500), build: "nif $e"},
		{name: "tls_much", source: sprintf(tls, 4096), build: "nif $e", musl: true},
		{name: "tls_dynamic", source: "static __thread volatile char v[1 << 20] = {42}; int extra(void) { return v[0]; }", build: "nif $e", musl: true},

		// Libraries of one's own.
		{name: "origin", source: dep, build: "library o; nif $e libo.so -Wl,-rpath,'$ORIGIN'; cp libo.so $out", musl: true},
		{name: "origin_gone", source: dep, build: "library og; nif $e libog.so -Wl,-rpath,'$ORIGIN'", musl: true},
		{name: "rpath", source: dep, build: "library r; nif $e libr.so -Wl,--disable-new-dtags,-rpath,'$ORIGIN/sub'; mkdir $out/sub; cp libr.so $out/sub", musl: true},
		{name: "beside", source: dep, build: "library b; nif $e libb.so; cp libb.so $out", musl: true},
		{name: "two_deep_runpath", source: dep, build: sprintf(twoDeep, "tn", "--enable-new-dtags"), musl: true},
		{name: "two_deep_rpath", source: dep, build: sprintf(twoDeep, "to", "--disable-new-dtags"), musl: true},
		{name: "deep_gone", source: dep, build: "library gone; library dg libgone.so -Wl,--no-as-needed,libgone.so; nif $e libdg.so -Wl,-rpath,'$ORIGIN',--unresolved-symbols=ignore-all; cp libdg.so $out", musl: true},
		{name: "deep_undefined", source: dep, build: "echo 'int missing(void); int dep_does(void) { return missing(); }' > du.c; link du; nif $e libdu.so -Wl,-rpath,'$ORIGIN',--unresolved-symbols=ignore-all; cp libdu.so $out", musl: true},
		{name: "by_path", source: dep, build: "library bp; $CC -shared -o nameless.so bp.c -fPIC; nif $e $PWD/nameless.so", musl: true},
		{name: "label_gone", source: dep, build: sprintf(labelled, "lg", "V2 { dep_does; };", "V1 { dep_does; };")},
		{name: "label_without_symbol", source: dep, build: sprintf(labelled, "ls", "V2 { dep_does; };", "V1 { dep_does; }; V2 { other; };")},
		{name: "no_labels", source: dep, build: sprintf(labelled, "ln", "V2 { dep_does; };", "")},
		{name: "no_labels_but_needs", source: dep, build: sprintf(labelled, "lm", "V2 { dep_does; };", "") + "; echo '#include <stdio.h>\nint dep_does(void) { puts(\"\"); return 42; }' > lm.c; link lm; cp liblm.so $out"},

		// What is no library for this machine.
		{name: "i386", build: "echo 'int nif_init(void) { return 0; }' > n.c; $CC -m32 -nostdlib -shared -fPIC -o $out/$name.so n.c"},
		{name: "arm64", build: "nif; patch 18 267", header: true},
		{name: "big_endian", build: "nif; patch 5 002", header: true},
		{name: "macho", build: `printf '\317\372\355\376\014\000\000\001\000\000\000\000\010\000\000\000' > $out/$name.so; head -c 4096 /dev/zero >> $out/$name.so`, musl: true},
		{name: "macho_fat", build: `printf '\312\376\272\276\000\000\000\002' > $out/$name.so; head -c 4096 /dev/zero >> $out/$name.so`},
		{name: "pe", build: `printf 'MZ\220\000' > $out/$name.so; head -c 4096 /dev/zero >> $out/$name.so`},
		{name: "lfs", build: "printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:0\\nsize 12345\\n' > $out/$name.so"},
		{name: "empty", build: ": > $out/$name.so", musl: true},
		{name: "text", build: "echo 'not found' > $out/$name.so"},
		{name: "cut", build: "nif; truncate -s 4096 $out/$name.so", musl: true},
		{name: "cut_in_header", build: "nif; truncate -s 40 $out/$name.so"},
		{name: "cut_behind", build: "nif; truncate -s -100 $out/$name.so"},

		// The VM's own conditions.
		{name: "own_headers", build: "headers=/usr/lib/erlang/usr/include; nif", vm: true},
		{name: "api_3", build: "as_api MAJOR 3; nif", vm: true},
		{name: "api_99", build: "as_api MINOR 99; nif", vm: true},
		{name: "entry_at_run_time", build: "nif -DAT_RUN_TIME", vm: true},
		{name: "entry_at_run_time_99", build: "as_api MINOR 99; nif -DAT_RUN_TIME", vm: true},
		{name: "function_gone", build: "nif -DABSENT", vm: true},
		{name: "other_module", build: "module=c_another; nif", vm: true},

		// What is opened only when the library runs.
		{name: "opens_there", source: sprintf(opens, "libm.so.6"), build: "nif $e -DLOAD -ldl"},
		{name: "opens_gone", source: sprintf(opens, "libnowhere.so.7"), build: "nif $e -DLOAD -ldl"},
	}
}

// twoDeep is a library that needs another beside it, which only it names; the
// path to both is in the NIF alone.
const twoDeep = "library %[1]s_b; echo 'int dep_does(void); int up_does(void) { return dep_does(); }' > %[1]s_a.c; link %[1]s_a lib%[1]s_b.so; " +
	"sed s/dep_does/up_does/g $x.c > up.c; nif -DEXTRA up.c lib%[1]s_a.so -Wl,%[2]s,-rpath,'$ORIGIN',-rpath-link,.; cp lib%[1]s_?.so $out"

// first is a library that is found in the second folder, with something else of its
// name in the first.
func first(name, other string) string {
	return sprintf("library %[1]s; nif $e lib%[1]s.so -Wl,-rpath,'$ORIGIN/a:$ORIGIN/b'; mkdir $out/a $out/b; cp lib%[1]s.so $out/b; %[2]s", name, other)
}

// ifunc is a function that the loader has to choose, vector what compilers turn into
// instructions on many numbers at once.
const (
	ifunc  = "static int real(void) { return 42; }\nstatic void *choose(void) { return real; }\nstatic int chosen(void) __attribute__((ifunc(\"choose\")));\nint extra(void) { return chosen(); }"
	vector = "static void scale(float *v, float *w, double *x, int n) { for (int i = 0; i < n; i++) v[i] = v[i] * w[i] + w[i]; for (int i = 0; i < n; i++) x[i] = x[i] * 3 + v[i]; }\n" +
		"int extra(void) { static float v[4096], w[4096]; static double x[4096]; volatile int n = 4096; scale(v, w, x, n); return 42 + (int)x[0]; }"
)

// labelled links with a library whose symbols have some versions and ships one
// whose symbols have others.
const labelled = "echo 'int dep_does(void) { return 42; } int other(void) { return 1; }' > %[1]s.c; echo '%[2]s' > map; " +
	"link %[1]s -Wl,--version-script=map; nif $e lib%[1]s.so -Wl,-rpath,'$ORIGIN'; echo '%[3]s' > map; " +
	"link %[1]s $(test -s map && grep -q V map && echo -Wl,--version-script=map); cp lib%[1]s.so $out"

// lost links with a library that has missing() and ships one that has not.
const lost = "echo 'int missing(void) { return 42; }' > lost.c; link lost; port $e liblost.so -Wl,-rpath,'$ORIGIN',-z,%s; library lost; cp liblost.so $out"

func ports() []nativeCase {
	return []nativeCase{
		{name: "p_plain", build: "port", musl: true},
		{name: "p_static", build: "port -static", musl: true},
		{name: "p_static_pie", build: "port -static-pie"},
		{name: "p_strtol", source: strtol, build: "port $e"},
		{name: "p_cxx", source: cppFormat, build: "$CC -c -DEXTRA -o p.o /src/port.c; g++ -std=c++20 -o $out/$name p.o $x.cc", since: 13},
		{name: "p_ncurses", source: "extern void *initscr(void); int extra(void) { volatile int no = 0; return no && initscr() ? 0 : 42; }", build: "port $e $lib/libncursesw.so.6"},
		{name: "p_library_gone", source: dep, build: "library pg; port $e libpg.so"},
		{name: "p_origin", source: dep, build: "library po; port $e libpo.so -Wl,-rpath,'$ORIGIN'; cp libpo.so $out"},
		{name: "p_undefined_now", source: never, build: sprintf(lost, "now")},
		{name: "p_undefined_lazy", source: never, build: sprintf(lost, "lazy")},
		{name: "p_undefined_called", source: missing, build: sprintf(lost, "lazy")},
		{name: "p_relr", source: relr, build: "port $e -Wl,-z,pack-relative-relocs", since: 12},
		{name: "p_exec_stack", build: "port -Wl,-z,execstack"},
		{name: "p_musl_loader", build: "port -Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1"},
		{name: "p_odd_loader", build: "port -Wl,--dynamic-linker=/opt/nowhere/ld.so"},
		{name: "p_no_bit", build: "port; chmod 644 $out/$name"},
		{name: "p_arm64", build: "port; patch 18 267"},
		{name: "p_i386", build: "echo 'void _start(void) { for (;;) ; }' > s.c; $CC -m32 -nostdlib -Wl,--dynamic-linker=/lib/ld-linux.so.2 -pie -fPIE -o $out/$name s.c"},
		{name: "p_macho", build: `printf '\317\372\355\376\014\000\000\001' > $out/$name; head -c 4096 /dev/zero >> $out/$name; chmod 755 $out/$name`},
		{name: "p_empty", build: ": > $out/$name; chmod 755 $out/$name"},
		{name: "p_cut", build: "port; truncate -s 2000 $out/$name"},
		{name: "p_script", build: script(`#!/bin/sh\necho port ok\n`)},
		{name: "p_script_env", build: script(`#!/usr/bin/env -S sh -u\necho port ok\n`)},
		{name: "p_script_no_bit", build: script(`#!/bin/sh\necho port ok\n`) + "; chmod 644 $out/$name"},
		{name: "p_script_crlf", build: script(`#!/bin/sh\r\necho port ok\r\n`)},
		{name: "p_script_gone", build: script(`#!/opt/nowhere/bin/python9\nprint(1)\n`)},
		{name: "p_script_env_gone", build: script(`#!/usr/bin/env python9\nprint(1)\n`)},
		{name: "p_script_plain", build: script(`echo port ok\n`)},
	}
}

func script(text string) string {
	return sprintf("printf '%s' > $out/$name; chmod 755 $out/$name", text)
}

// tried are the libraries of this run.
func tried() []nativeCase {
	if whole {
		return libraries()
	}
	return sampled()
}

func allCases() (out []nativeCase) {
	out = tried()
	for _, p := range ports() {
		p.port = true
		out = append(out, p)
	}
	return out
}
