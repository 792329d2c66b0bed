package oracle

import "testing"

// elfCases are of the kinds that nobody had tried when the others were there: what
// headers say of a library, where its folders are looked for, and how it asks for
// symbols.
func elfCases() []nativeCase {
	return append(headerCases(), folderCases()...)
}

func headerCases() []nativeCase {
	return []nativeCase{
		{name: "audit_gone", build: "nif -Wl,--audit=libgone9.so"},
		{name: "depaudit_gone", build: "nif -Wl,--depaudit=libgone9.so"},
		{name: "dep_audit_gone", source: dep, build: "library da -Wl,--audit=libgone9.so; nif $e libda.so -Wl,-rpath,'$ORIGIN'; cp libda.so $out"},
		{name: "symbolic", source: dep, build: "echo 'int dep_does(void) { return 1; }' > sy.c; link sy; echo 'int dep_does(void) { return 42; }' > own.c; nif $e own.c libsy.so -Wl,-Bsymbolic,-rpath,'$ORIGIN'; cp libsy.so $out", musl: true},
		{name: "branch_tracking", build: "nif -fcf-protection=full -Wl,-z,ibt,-z,shstk"},
		{name: "branch_tracking_forced", build: "nif -fcf-protection=full -Wl,-z,force-ibt"},
		{name: "no_separate_code", build: "nif -Wl,-z,noseparate-code", musl: true},
		{name: "page_2m", build: "nif -Wl,-z,max-page-size=0x200000", musl: true},
		{name: "z_global", build: "nif -Wl,-z,global", musl: true},
		{name: "z_initfirst", build: "nif -Wl,-z,initfirst", musl: true},
		{name: "z_nodelete", build: "nif -Wl,-z,nodelete", musl: true},
		{name: "z_interpose", build: "nif -Wl,-z,interpose", musl: true},
		{name: "z_nodump", build: "nif -Wl,-z,nodump", musl: true},
		{name: "z_origin", build: "nif -Wl,-z,origin", musl: true},
		{name: "gnu_hash_alone", build: "nif -Wl,--hash-style=gnu", musl: true},
		{name: "interp_odd", build: "nif -Wl,--dynamic-linker=/opt/nowhere/ld.so; echo 'const char where[] __attribute__((section(\".interp\"))) = \"/opt/nowhere/ld.so\";' > i.c; nif i.c"},
		{name: "type_exec", build: "nif; patch 16 002"},
		{name: "type_relocatable", build: "nif; patch 16 001"},
		{name: "type_core", build: "nif; patch 16 004"},
		{name: "version_odd", build: "nif; patch 20 002"},
		{name: "ident_version_odd", build: "nif; patch 6 002"},
		{name: "abi_version", build: "nif; patch 8 001"},
		{name: "pad_odd", build: "nif; patch 12 001"},
		{name: "class_32", build: "nif; patch 4 001", header: true},
		{name: "no_sections", build: "nif; for b in 40 41 42 43 44 45 46 47 58 59 60 61 62 63; do patch $b 000; done", musl: true},
		{name: "odd_sections", build: "nif; patch 42 377; patch 43 377", musl: true},
		{name: "no_program_headers", build: "nif; patch 56 000"},
		{name: "odd_program_header_size", build: "nif; patch 54 070; patch 55 001"},
		{name: "program_headers_far", build: "nif; patch 34 377"},
		{name: "no_dynamic", build: "nif; at=$(segment DYNAMIC); patch $at 000"},
		{name: "load_aligned_oddly", build: "nif; at=$(segment LOAD); patch $((at + 48)) 003; patch $((at + 49)) 020"},
		{name: "load_past_the_end", build: "nif; at=$(segment LOAD); patch $((at + 34)) 377"},
		{name: "load_larger_in_file", build: "nif; at=$(segment LOAD); patch $((at + 42)) 000; patch $((at + 41)) 000; patch $((at + 40)) 020"},
		{name: "stack_of_a_size", build: "nif -Wl,-z,stack-size=4194304", musl: true},
		{name: "compressed_debug", build: "nif -g -gz=zlib", musl: true},
		{name: "lto", build: "nif -flto"},
		{name: "no_start_files", build: "nif -nostartfiles", musl: true},
		{name: "descriptors", source: "static __thread volatile int v = 42; int extra(void) { return v; }", build: "nif $e -mtls-dialect=gnu2"},
		{name: "tls_of_dep", source: "extern __thread int shared; int extra(void) { return shared; }", build: "echo '__thread int shared = 42;' > ts.c; link ts; nif $e libts.so -Wl,-rpath,'$ORIGIN'; cp libts.so $out", musl: true},
		{name: "unique", source: "#include <cstddef>\ntemplate <class T> struct S { static int v; }; template <class T> int S<T>::v = 42; extern \"C\" int extra(void) { (void)sizeof(std::size_t); return S<int>::v; }", build: "nifcc"},
	}
}

// folderCases are about folders that a library names, and versions that it asks for.
func folderCases() []nativeCase {
	beside := func(short, flags, to string) string {
		return "library " + short + "; nif $e lib" + short + ".so " + flags + "; mkdir -p $out/" + to + "; cp lib" + short + ".so $out/" + to
	}
	return []nativeCase{
		{name: "origin_lib", source: dep, build: beside("ol", "-Wl,-rpath,'$ORIGIN/$LIB'", "lib/x86_64-linux-gnu")},
		{name: "origin_lib64", source: dep, build: beside("om", "-Wl,-rpath,'$ORIGIN/$LIB'", "lib64")},
		{name: "origin_platform", source: dep, build: beside("op", "-Wl,-rpath,'$ORIGIN/$PLATFORM'", "x86_64")},
		{name: "origin_platform_haswell", source: dep, build: beside("oh", "-Wl,-rpath,'$ORIGIN/$PLATFORM'", "haswell")},
		{name: "origin_braces", source: dep, build: beside("ob", "-Wl,-rpath,'${ORIGIN}/in'", "in"), musl: true},
		{name: "origin_behind", source: dep, build: beside("oe", "-Wl,-rpath,'/app/$ORIGIN'", "in")},
		{name: "origin_up", source: dep, build: beside("ou", "-Wl,-rpath,'$ORIGIN/in/../in/./'", "in"), musl: true},
		{name: "origin_up_nowhere", source: dep, build: beside("ow", "-Wl,-rpath,'$ORIGIN/none/../in'", "in"), musl: true},
		{name: "origin_word", source: dep, build: beside("ox", "-Wl,-rpath,'$ORIGINAL/in'", "in"), musl: true},
		{name: "rpath_empty_part", source: dep, build: beside("re", "-Wl,-rpath,':$ORIGIN'", "."), musl: true},
		{name: "rpath_relative", source: dep, build: beside("rr", "-Wl,-rpath,lib/oracle-0.1.0/priv/$name", "."), musl: true},
		{name: "rpath_whole", source: dep, build: beside("rw", "-Wl,-rpath,/app/lib/oracle-0.1.0/priv/$name", "."), musl: true},
		{name: "rpath_and_runpath", source: dep, build: "library ra; library rb libra.so -Wl,--enable-new-dtags,-rpath,/nowhere; echo 'int dep_does(void); int up_does(void) { return dep_does(); }' > rb.c; link rb libra.so -Wl,--enable-new-dtags,-rpath,/nowhere; sed s/dep_does/up_does/g $x.c > up.c; nif -DEXTRA up.c librb.so -Wl,--disable-new-dtags,-rpath,'$ORIGIN',-rpath-link,.; cp libra.so librb.so $out", musl: true},
		{name: "needs_path", source: dep, build: "library np; $CC -shared -fPIC -o np9.so np.c -Wl,-soname,/app/lib/oracle-0.1.0/priv/$name/np9.so; nif $e np9.so; cp np9.so $out", musl: true},
		{name: "needs_path_gone", source: dep, build: "library ng; $CC -shared -fPIC -o ng9.so ng.c -Wl,-soname,/nowhere9/ng9.so; nif $e ng9.so", musl: true},
		{name: "needs_origin", source: dep, build: "library no; $CC -shared -fPIC -o no9.so no.c -Wl,-soname,'$ORIGIN/no9.so'; nif $e no9.so; cp no9.so $out"},
		{name: "needs_folder_path", source: dep, build: "library nf; $CC -shared -fPIC -o nf9.so nf.c -Wl,-soname,'in/nf9.so'; nif $e nf9.so -Wl,-rpath,'$ORIGIN'; mkdir $out/in; cp nf9.so $out/in", musl: true},
		{name: "same_soname_loaded", source: "extern unsigned long crc32(unsigned long, const void *, unsigned); int extra(void) { return 42 + (int)crc32(0, 0, 0); }", build: "echo 'int other;' > z.c; $CC -shared -fPIC -o libz.so.1 z.c -Wl,-soname,libz.so.1; nif $e -Wl,--no-as-needed $PWD/libz.so.1 -Wl,-rpath,'$ORIGIN',--unresolved-symbols=ignore-all; cp libz.so.1 $out"},
		{name: "same_soname_newer", source: "extern int newer_thing(void); int extra(void) { return newer_thing(); }", build: "echo 'int newer_thing(void) { return 42; }' > z.c; $CC -shared -fPIC -o libz.so.1 z.c -Wl,-soname,libz.so.1; nif $e libz.so.1 -Wl,-rpath,'$ORIGIN'; cp libz.so.1 $out"},
		{name: "symver_old", source: "__asm__(\".symver memcpy, memcpy@GLIBC_2.2.5\"); extern void *memcpy(void *, const void *, unsigned long); volatile unsigned long n = 1; int extra(void) { char a = 0, b = 42; memcpy(&a, &b, n); return a; }", build: "nif $e -fno-builtin"},
		{name: "symver_none", source: dep, build: sprintf(labelled, "sn", "V1 { dep_does; };", "V2 { dep_does; };")},
		{name: "symver_two", source: dep, build: sprintf(labelled, "sw", "V1 { dep_does; };", "V1 { other; }; V2 { dep_does; } V1;")},
		{name: "symver_hidden", source: dep, build: "echo 'int dep_does(void) { return 42; }' > sh.c; echo 'V1 { dep_does; };' > map; link sh -Wl,--version-script=map; nif $e libsh.so -Wl,-rpath,'$ORIGIN'; printf '__asm__(\".symver real, dep_does@V1\"); int real(void) { return 42; }\\n' > sh.c; echo 'V1 { };' > map; link sh -Wl,--version-script=map; cp libsh.so $out"},
		{name: "unlabelled_hidden", source: dep, build: "library uh; nif $e libuh.so -Wl,-rpath,'$ORIGIN'; printf '__asm__(\".symver real, dep_does@V1\"); int real(void) { return 42; }\\n' > uh.c; echo 'V1 { };' > map; link uh -Wl,--version-script=map; cp libuh.so $out"},
		{name: "weak_data", source: "__attribute__((weak)) extern int missing; int extra(void) { return &missing ? missing : 42; }", build: "nif $e", musl: true},
		{name: "weak_in_dep", source: dep, build: "echo '__attribute__((weak)) int missing(void); int dep_does(void) { return missing ? 1 : 42; }' > wd.c; link wd; nif $e libwd.so -Wl,-rpath,'$ORIGIN'; cp libwd.so $out", musl: true},
		{name: "protected_symbol", source: "__attribute__((visibility(\"protected\"))) int mine(void) { return 42; } int extra(void) { return mine(); }", build: "nif $e", musl: true},
		{name: "lazy_in_dep", source: dep, build: "echo 'int missing(void); volatile int no; int dep_does(void) { return no ? missing() : 42; }' > ld.c; link ld -Wl,-z,lazy; nif $e libld.so -Wl,-z,lazy,-rpath,'$ORIGIN',--unresolved-symbols=ignore-all; cp libld.so $out", musl: true},
		{name: "dep_is_program", source: dep, build: "library dp; nif $e libdp.so -Wl,-rpath,'$ORIGIN'; echo 'int dep_does(void) { return 42; } int main(void) { return 0; }' > dp.c; $CC -fPIE -pie -rdynamic -o libdp.so dp.c; cp libdp.so $out"},
		{name: "dep_cut", source: dep, build: "library dc; nif $e libdc.so -Wl,-rpath,'$ORIGIN'; cp libdc.so $out; truncate -s 1000 $out/libdc.so"},
		{name: "dep_cut_behind", source: dep, build: "library db; nif $e libdb.so -Wl,-rpath,'$ORIGIN'; cp libdb.so $out; truncate -s -200 $out/libdb.so"},
		{name: "dep_unreadable_link", source: dep, build: "library du9; nif $e libdu9.so -Wl,-rpath,'$ORIGIN'; ln -s libdu9.so $out/libdu9.so"},
		{name: "dep_link_chain", source: dep, build: "library dl; nif $e libdl.so -Wl,-rpath,'$ORIGIN'; cp libdl.so $out/libdl.so.1.2; ln -s libdl.so.1.2 $out/libdl.so.1; ln -s libdl.so.1 $out/libdl.so", musl: true},
		{name: "dep_exec_stack", source: dep, build: "library de -Wl,-z,execstack; nif $e libde.so -Wl,-rpath,'$ORIGIN'; cp libde.so $out"},
		{name: "dep_i386", source: dep, build: "library d3; nif $e libd3.so -Wl,-rpath,'$ORIGIN'; echo 'int dep_does(void) { return 42; }' > n.c; $CC -m32 -nostdlib -shared -fPIC -o $out/libd3.so n.c"},
		{name: "priv_in_linked_folder", build: "mkdir $out/.real; nif; mv $out/$name.so $out/.real/x.so; ln -s .real/x.so $out/$name.so", musl: true},
	}
}

// TestELF has the libraries of these kinds opened by the VM of one system.
func TestELF(t *testing.T) {
	o := &oracle{systems: systems(t, "13"), natives: map[string]string{}, made: map[string][]nativeCase{}, book: newBook()}
	o.headers = nifHeaders(o.systems[0])
	o.places = []place{{system: o.systems[0]}}
	o.natives["13"], o.made["13"] = natives(t, "13", o.headers, o.systems[0].root, "gcc", elfCases())
	o.precompiled(t)
	for _, line := range o.book.notes {
		t.Log(line)
	}
	if ran, refused := o.book.falseFails(); refused > 0 {
		t.Errorf("%d false FAILs among %d that ran", refused, ran)
	}
}
