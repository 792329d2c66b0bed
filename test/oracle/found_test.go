package oracle

import "testing"

// foundCases are files as they come to be in a release (two that are answered wrongly still are not among them, see
// docs/check.md): downloads that went wrong, tools
// that were used on them, libraries that a distribution has under other names.
func foundCases() []nativeCase {
	return append(fetchedCases(), linkedWithCases()...)
}

func fetchedCases() []nativeCase {
	text := func(words string) string { return "printf '" + words + "' > $out/$name.so" }
	return []nativeCase{
		{name: "lfs_pointer", build: text(`version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n`), musl: true},
		{name: "not_found_page", build: text(`<!DOCTYPE html><html><body>404 Not Found</body></html>\n`), musl: true},
		{name: "gzipped", build: "nif; gzip -c $out/$name.so > x.gz; mv x.gz $out/$name.so", musl: true},
		{name: "half", build: "nif; truncate -s $(($(stat -c %s $out/$name.so) / 2)) $out/$name.so"},
		{name: "zeros", build: "head -c 20000 /dev/zero > $out/$name.so", musl: true},
		{name: "tail_of_garbage", build: "nif; head -c 5000 /dev/urandom >> $out/$name.so", musl: true},
		{name: "archive", build: "$CC -fPIC -c -o x.o $x.c; ar rc $out/$name.so x.o", source: "int extra(void) { return 42; }", musl: true},
		{name: "object", build: "$CC -fPIC -c -I/headers -DMODULE=c_$name -o $out/$name.so /src/nif.c", musl: true},
		{name: "linker_script", build: "nif; mv $out/$name.so $out/real.so; echo 'INPUT(real.so)' > $out/$name.so"},
		{name: "windows", build: "printf 'MZ' > $out/$name.so; head -c 4096 /dev/zero >> $out/$name.so", musl: true},
		{name: "web_assembly", build: `printf '\000asm\001\000\000\000' > $out/$name.so; head -c 4096 /dev/zero >> $out/$name.so`, musl: true},
		{name: "a_script", build: text(`#!/bin/sh\nexit 0\n`), musl: true},
		{name: "header_alone", build: "nif; truncate -s 64 $out/$name.so"},
		{name: "a_folder", build: "mkdir $out/$name.so", musl: true},
		{name: "link_to_nothing", build: "ln -s gone.so $out/$name.so", musl: true},
		{name: "link_to_itself", build: "ln -s $name.so $out/$name.so", musl: true},
		{name: "debug_file", build: "nif -g; objcopy --only-keep-debug $out/$name.so x.so; mv x.so $out/$name.so"},
		{name: "debug_apart", build: "nif -g; objcopy --only-keep-debug $out/$name.so $out/$name.debug; strip -g $out/$name.so", musl: true},
		{name: "strip_unneeded", build: "nif; strip --strip-unneeded $out/$name.so", musl: true},
		{name: "strip_sections", build: "nif; objcopy --strip-all -R .comment -R .note.gnu.build-id $out/$name.so", musl: true},
		{name: "no_hash", build: "nif; objcopy -R .gnu.hash -R .hash $out/$name.so || true"},
		{name: "mode_600", build: "nif; chmod 600 $out/$name.so", musl: true},
		{name: "mode_0", build: "nif; chmod 0 $out/$name.so", musl: true},
	}
}

func linkedWithCases() []nativeCase {
	needs := func(soname string) string {
		return "echo 'int unused;' > w.c; $CC -shared -fPIC -o w9.so w.c -Wl,-soname," + soname + "; nif -Wl,--no-as-needed w9.so"
	}
	dir := func(short, flags string) string {
		return "library " + short + "; nif $e lib" + short + ".so " + flags + "; cp lib" + short + ".so $out"
	}
	return []nativeCase{
		{name: "needs_libc_so", build: needs("libc.so")},
		{name: "needs_pthread", build: needs("libpthread.so.0")},
		{name: "needs_dl", build: needs("libdl.so.2")},
		{name: "needs_rt", build: needs("librt.so.1")},
		{name: "needs_util", build: needs("libutil.so.1")},
		{name: "needs_nsl", build: needs("libnsl.so.1")},
		{name: "needs_crypt1", build: needs("libcrypt.so.1")},
		{name: "needs_crypt2", build: needs("libcrypt.so.2")},
		{name: "needs_gomp", build: needs("libgomp.so.1")},
		{name: "needs_atomic", build: needs("libatomic.so.1")},
		{name: "needs_ncurses_narrow", build: needs("libncurses.so.6")},
		{name: "needs_ncurses5", build: needs("libncurses.so.5")},
		{name: "needs_ssl1", build: needs("libssl.so.1.1")},
		{name: "needs_cuda", build: needs("libcuda.so.1")},
		{name: "needs_loader", build: needs("ld-linux-x86-64.so.2")},
		{name: "needs_musl", build: needs("libc.musl-x86_64.so.1")},
		{name: "needs_blank", build: needs("'lib x9.so'") + "; cp w9.so \"$out/lib x9.so\"; nif -Wl,--no-as-needed w9.so -Wl,-rpath,'$ORIGIN'"},
		{name: "needs_major", build: needs("libx9.so.1") + " -Wl,-rpath,'$ORIGIN'; cp w9.so $out/libx9.so.1.2.3; ln -s libx9.so.1.2.3 $out/libx9.so"},
		{name: "needs_major_linked", build: needs("libx9.so.1") + " -Wl,-rpath,'$ORIGIN'; cp w9.so $out/libx9.so.1.2.3; ln -s libx9.so.1.2.3 $out/libx9.so.1"},
		{name: "needs_itself", build: "nif -Wl,-soname,$name.so; cp $out/$name.so s9.so; nif -Wl,-soname,$name.so,--no-as-needed s9.so -Wl,-rpath,'$ORIGIN'", musl: true},
		{name: "needs_circle", source: dep, build: "library ci; echo 'int dep_does(void); int cb_does(void) { return dep_does(); }' > cb.c; link cb libci.so; echo 'int dep_does(void) { return 42; }' > ci.c; link ci -Wl,--no-as-needed libcb.so -Wl,-rpath,'$ORIGIN'; nif $e libci.so -Wl,-rpath,'$ORIGIN'; cp libci.so libcb.so $out", musl: true},
		{name: "rpath_slash", source: dep, build: dir("f1", "-Wl,-rpath,'$ORIGIN//.///'"), musl: true},
		{name: "rpath_of_macos", source: dep, build: dir("f2", "-Wl,-rpath,'@loader_path'"), musl: true},
		{name: "rpath_long", source: dep, build: dir("f3", "-Wl,-rpath,\"$(for i in $(seq 300); do printf /nowhere9/$i/abcdef:; done)\"'$ORIGIN'"), musl: true},
		{name: "rpath_home", source: dep, build: dir("f4", "-Wl,-rpath,'~'"), musl: true},
		{name: "open_mp", source: "int extra(void) { int s = 0;\n#pragma omp parallel for reduction(+:s)\nfor (int i = 0; i < 42; i++) s++;\nreturn s; }", build: "nif $e -fopenmp"},
		{name: "filesystem", source: "#include <filesystem>\nextern \"C\" int extra(void) { return std::filesystem::exists(\"/\") ? 42 : 0; }", build: "nifcc -std=c++17"},
		{name: "old_strings", source: "#include <string>\n#include <stdexcept>\nextern \"C\" int extra(void) { try { throw std::runtime_error(\"x\"); } catch (std::exception &e) { return 42; } return 0; }", build: "nifcc -D_GLIBCXX_USE_CXX11_ABI=0"},
		{name: "condition", source: "#include <condition_variable>\n#include <mutex>\nextern \"C\" int extra(void) { std::condition_variable c; c.notify_all(); return 42; }", build: "nifcc -std=c++17 -pthread"},
		{name: "no_plt", build: "nif -fno-plt", musl: true},
		{name: "bind_now", build: "nif -Wl,-z,relro,-z,now", musl: true},
		{name: "no_relro", build: "nif -Wl,-z,norelro", musl: true},
		{name: "fixed_base", build: "nif -Wl,-Ttext-segment=0x10000000"},
		{name: "default_symver", build: "nif -Wl,--default-symver"},
		{name: "init_gone", source: "int extra(void) { return 42; }", build: "nif $e -Wl,-init,gone9"},
		{name: "excluded", build: "nif -Wl,--exclude-libs,ALL", musl: true},
		{name: "build_id", build: "nif -Wl,--build-id=none", musl: true},
		{name: "page_64k", build: "nif -Wl,-z,max-page-size=0x10000", musl: true},
		{name: "find_object", source: "extern int _dl_find_object(void *, void *); int extra(void) { char b[256]; return _dl_find_object((void *)extra, b) + 42; }", build: "nif $e", since: 12},
		{name: "single_threaded", source: "extern char __libc_single_threaded; int extra(void) { return __libc_single_threaded >= 0 ? 42 : 0; }", build: "nif $e", since: 12},
		{name: "closefrom", source: "extern void closefrom(int); int extra(void) { volatile int no = 0; if (no) closefrom(9); return 42; }", build: "nif $e", since: 12},
		{name: "quad", source: "extern double log2(double); volatile double d = 4; int extra(void) { return 40 + (int)log2(d); }", build: "nif $e -fno-builtin -lm", musl: true},
		{name: "environ", source: "extern char **environ; int extra(void) { return environ ? 42 : 0; }", build: "nif $e", musl: true},
		{name: "large_file", source: "#define _GNU_SOURCE\n#include <fcntl.h>\nextern int open64(const char *, int, ...); int extra(void) { return open64(\"/\", 0) >= 0 ? 42 : 0; }", build: "nif $e"},
		{name: "stack_chk", source: "int extra(void) { volatile char b[64]; for (int i = 0; i < 64; i++) b[i] = 42; return b[3]; }", build: "nif $e -fstack-protector-all", musl: true},
		{name: "backtrace", source: "#include <execinfo.h>\nint extra(void) { void *b[4]; return backtrace(b, 4) >= 0 ? 42 : 0; }", build: "nif $e"},
		{name: "res_search", source: "extern int __res_search(const char *, int, int, void *, int); int extra(void) { volatile int no = 0; return no ? __res_search(0, 0, 0, 0, 0) : 42; }", build: "nif $e -lresolv"},
		{name: "obstack", source: "#include <obstack.h>\n#include <stdlib.h>\n#define obstack_chunk_alloc malloc\n#define obstack_chunk_free free\nint extra(void) { struct obstack o; obstack_init(&o); obstack_free(&o, 0); return 42; }", build: "nif $e"},
		{name: "malloc_hook", source: "extern void *__malloc_hook __attribute__((weak)); int extra(void) { return &__malloc_hook ? 42 : 42; }", build: "nif $e"},
		{name: "mallinfo2", source: "#include <malloc.h>\nint extra(void) { (void)mallinfo2(); return 42; }", build: "nif $e", since: 12},
	}
}

// TestFound has the libraries of these kinds opened by the VM of one system, and those that
// are for it by musl.
func TestFound(t *testing.T) {
	if !whole {
		t.Skip("a part of make oracle; left out: TestFound")
	}
	o := &oracle{systems: systems(t, started()), natives: map[string]string{}, made: map[string][]nativeCase{}, book: newBook()}
	o.headers = nifHeaders(o.systems[0])
	o.places = []place{{system: o.systems[0]}}
	o.natives[started()], o.made[started()] = natives(t, started(), o.headers, o.systems[0].root, "gcc", foundCases())
	o.precompiled(t)
	for _, line := range o.book.notes {
		t.Log(line)
	}
	if ran, refused := o.book.falseFails(); refused > 0 {
		t.Errorf("%d false FAILs among %d that ran", refused, ran)
	}
}
