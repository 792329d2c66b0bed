package check_test

import (
	"bytes"
	stdelf "debug/elf"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	facts "dram/internal/binary"
	"dram/internal/check"
	"dram/internal/report"
)

// loading is a BEAM file of a module whose -on_load calls erlang:load_nif/2, and gives
// what that says, or looks at it.
func loading(name string, looks bool) string {
	word := func(n int) string { return string(binary.BigEndian.AppendUint32(nil, uint32(n))) } //nolint:gosec // small
	chunk := func(id, data string) string {
		return id + word(len(data)) + data + strings.Repeat("\x00", (4-len(data)%4)%4)
	}
	atom := func(s string) string { return string(rune(len(s))) + s }
	const label, funcInfo, onLoad, ret, codeEnd = "\x01", "\x02", "\x95", "\x13", "\x03"
	call := "\x4e\x20\x00" // call_ext_only 2, import 0
	if looks {
		call = "\x07\x20\x00" + ret
	}
	code := label + "\x10" + funcInfo + "\x12\x22\x00" + label + "\x20" + onLoad + call + codeEnd
	chunks := chunk("AtU8", word(4)+atom(name)+atom("init")+atom("erlang")+atom("load_nif")) +
		chunk("Code", word(16)+word(0)+word(170)+word(3)+word(1)+code) +
		chunk("StrT", "") + chunk("ImpT", word(1)+word(3)+word(4)+word(2)) + chunk("ExpT", word(0))
	return "644 FOR1" + word(len(chunks)+4) + "BEAM" + chunks
}

// Each of these was run: see the cases of test/oracle of the same names.
func TestRunKnowsWhatTheLoaderRefuses(t *testing.T) {
	const (
		loader = in + "ld-linux-x86-64.so.2"
		dirs   = "\x00/lib/x86_64-linux-gnu/\x00/usr/lib/x86_64-linux-gnu/\x00/lib/\x00/usr/lib/\x00"
		hello2 = "lib/hello-0.1.0/ebin/hello.beam"
		missed = ": it needs libown.so.1, which is not on the target"
	)
	exact := func(more ...string) tree {
		place := bookworm()
		place[loader] += dirs + strings.Join(more, "\x00") + "\x00"
		return place
	}
	needs := func(change func(*lib)) tree {
		return hello().with(nif, changed(func(l *lib) {
			l.Needed = append(l.Needed, "libown.so.1")
			change(l)
		}))
	}
	own := elf(lib{Soname: "libown.so.1", Defined: symbols("own")})
	other := elf(lib{Soname: "libown.so.1"})
	wantsOwn := needs(func(l *lib) { l.Undefined = append(l.Undefined, symbols("own")...) })
	nothing := func(*lib) {}
	tls := func(n uint64) string { return changed(func(l *lib) { l.StaticTLS = n }) }
	const second = "lib/hello-0.1.0/priv/second.so"
	for _, tt := range []struct {
		name       string
		rel, place tree
		want       []string
	}{
		{"a folder that only ld.so.conf knows", needs(nothing), exact().with("etc/ld.so.conf", "644 /opt/lib\n").with("opt/lib/libown.so.1", own), []string{"FAIL soname " + nif + missed}},
		{"lib64, which Debian's loader does not know", needs(nothing), exact().with("usr/lib64/libown.so.1", own), []string{"FAIL soname " + nif + missed}},
		{"where the loader looks", needs(nothing), exact().with("usr/lib/libown.so.1", own), nil},
		{"an empty file first", needs(nothing), exact().with(in+"libown.so.1", "").with("usr/lib/libown.so.1", own), []string{
			"FAIL soname " + nif + ": it needs libown.so.1, and the file of that name that the loader comes to first is none: /lib/x86_64-linux-gnu/libown.so.1",
		}},
		{"another machine's first", needs(nothing), exact().with(in+"libown.so.1", elf(lib{Machine: stdelf.EM_AARCH64})).with("usr/lib/libown.so.1", own), nil},
		{"another system's first", needs(nothing), exact().with(in+"libown.so.1", elf(lib{OSABI: stdelf.ELFOSABI_FREEBSD})).with("usr/lib/libown.so.1", own), []string{
			"FAIL soname " + nif + ": it needs libown.so.1, and the file of that name that the loader comes to first is none: /lib/x86_64-linux-gnu/libown.so.1",
		}},
		{"for better processors alone", needs(nothing), exact("glibc-hwcaps").with(in+"glibc-hwcaps/x86-64-v3/libown.so.1", own), []string{"UNKNOWN soname " + nif + missed}},
		{"worse for better processors", wantsOwn, exact("glibc-hwcaps").with(in+"libown.so.1", own).with(in+"glibc-hwcaps/x86-64-v2/libown.so.1", other), []string{
			"UNKNOWN symbol " + nif + ": it needs the symbol own, which nothing that is loaded with it offers",
		}},
		{"a folder that glibc forgot", needs(nothing), exact("glibc-hwcaps", "stable release version 2.41").with(in+"tls/libown.so.1", own), []string{"FAIL soname " + nif + missed}},
		{"a folder that glibc knew", needs(nothing), exact("glibc-hwcaps", "stable release version 2.36").with(in+"tls/libown.so.1", own), nil},
		{"not to be opened", hello().with(nif, changed(func(l *lib) { l.NoOpen = true })), bookworm(), []string{
			"FAIL dlopen " + nif + ": sqlite3_nif.so is linked so that a running program may not open it (-z nodlopen)",
		}},
		{"it brings what is not to be opened", needs(nothing), exact().with("usr/lib/libown.so.1", elf(lib{NoOpen: true})), []string{
			"FAIL dlopen " + nif + ": it brings lib/libown.so.1, which a running program may not open (-z nodlopen)",
		}},
		{"for FreeBSD", hello().with(nif, changed(func(l *lib) { l.OSABI = stdelf.ELFOSABI_FREEBSD })), bookworm(), []string{
			"FAIL format " + nif + ": it says that it is for FREEBSD, not for Linux",
		}},
		{"thread-local storage of two", hello().with(nif, tls(900)).with(second, tls(900)), bookworm(), []string{
			"WARN static-tls " + nif + ": it wants 900 bytes of thread-local storage at a fixed place; with the other libraries that is 1800, and there are at most 1792",
			"WARN static-tls " + second + ": it wants 900 bytes of thread-local storage at a fixed place; with the other libraries that is 1800, and there are at most 1792",
		}},
		{"thread-local storage of a library of the target", needs(nothing), exact().with("usr/lib/libown.so.1", elf(lib{StaticTLS: 4096})), []string{
			"FAIL static-tls " + nif + ": it wants 4096 bytes of thread-local storage at a fixed place, and for what is opened later there are at most 1792",
		}},
		{"a folder by a link", hello().with("lib/exqlite-0.27.0/priv/native/real.so", changed(func(l *lib) {
			l.Needed, l.RunPath = append(l.Needed, "libown.so.1"), "$ORIGIN"
		})).with("lib/exqlite-0.27.0/priv/native/libown.so.1", own).with(nif, "-> native/real.so"), bookworm(), []string{
			"FAIL soname lib/exqlite-0.27.0/priv/native/real.so" + missed,
		}},
		{"for another processor, by its name", hello().with("lib/hello-0.1.0/priv/aarch64/tool", elf(lib{Machine: stdelf.EM_AARCH64, Interp: glibc})), bookworm(), []string{
			"WARN arch lib/hello-0.1.0/priv/aarch64/tool: it is built for linux/arm64, the target is linux/amd64",
		}},
		{"a NIF that was never built", mixed().with(hello2, loading("hello", false)), bookworm(), []string{
			"FAIL on-load " + hello2 + ": the module hello loads a NIF library when it is loaded, and the release has none for it",
		}},
		{"one for macOS in its place", mixed().with(hello2, loading("hello", false)).with("lib/hello-0.1.0/priv/h.dylib", "\xcf\xfa\xed\xfe\x0c\x00\x00\x01"), bookworm(), []string{
			"FAIL on-load " + hello2 + ": the module hello loads a NIF library when it is loaded, and the release has none for it",
			"WARN format lib/hello-0.1.0/priv/h.dylib: it is a Mach-O file, which Linux does not run",
		}},
		{"it may do without", mixed().with(hello2, loading("hello", true)), bookworm(), []string{
			"UNKNOWN on-load " + hello2 + ": the module hello loads a NIF library when it is loaded, and the release has none for it; what the module does then is not known",
		}},
		{"in a module that no start loads", mixed().with("lib/hello-0.1.0/ebin/extra.beam", loading("extra", false)), bookworm(), []string{
			"WARN on-load lib/hello-0.1.0/ebin/extra.beam: the module extra loads a NIF library when it is loaded, and the release has none for it",
		}},
		{"it is there", mixed().with(hello2, loading("hello", false)).with(second, changed(func(l *lib) { l.NIF.Module = "hello" })), bookworm(), nil},
		{"another module's library in its place", hello().with(nifModule, loading("Elixir.Exqlite.NIF", false)).with(nif, changed(func(l *lib) { l.NIF.Module = "other" })), bookworm(), []string{
			"FAIL nif-functions " + nif + ": it is for the module other, which the release does not have",
		}},
		{"a module too new that no start loads", mixed().with("lib/extra-1.0.0/ebin/e.beam", made("e", 191)), bookworm(), []string{
			"WARN beam lib/extra-1.0.0/ebin/e.beam: Erlang/OTP 27, which runs the release, does not load it: it uses opcodes up to get_record_field (191), OTP 27 knows those up to 183",
		}},
		{"a NIF in an application that no start knows", mixed().with("lib/extra-1.0.0/ebin/e.beam", made("e", 180)).with("lib/extra-1.0.0/priv/e.so", changed(func(l *lib) {
			l.NIF.Module, l.Needed = "e", append(l.Needed, "libgone.so.1")
		})), bookworm(), []string{"WARN soname lib/extra-1.0.0/priv/e.so: it needs libgone.so.1, which is not on the target"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := check.Run(t.Context(), open(t, tt.rel, tt.place))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, lines(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			kept(t, got)
		})
	}
}

// A processor that is known decides which of a library's builds is loaded.
func TestRunKnowsTheProcessor(t *testing.T) {
	place := bookworm()
	place[in+"ld-linux-x86-64.so.2"] += "\x00/lib/x86_64-linux-gnu/\x00/usr/lib/\x00glibc-hwcaps\x00"
	place[in+"glibc-hwcaps/x86-64-v3/libown.so.1"] = elf(lib{Soname: "libown.so.1"})
	for cpu, want := range map[string]string{"x86-64-v2": "FAIL", "x86-64-v3": "OK", "x86-64-v4": "OK", "": "UNKNOWN"} {
		input := open(t, hello().with(nif, changed(func(l *lib) { l.Needed = append(l.Needed, "libown.so.1") })), place)
		input.Target.Facts.CPU = cpu
		got, err := check.Run(t.Context(), input)
		if err != nil {
			t.Fatal(err)
		}
		if got.Worst().String() != want {
			t.Errorf("%q: %s, want %s: %q", cpu, got.Worst(), want, lines(got))
		}
	}
}

// What is one package away is said so.
func TestRunSaysWhatToInstall(t *testing.T) {
	input := open(t, hello().with(nif, changed(func(l *lib) {
		l.Needed = append(l.Needed, "libz.so.1", "libcrypto.so.3")
		l.Undefined = append(l.Undefined, symbols("crc32", "EVP_DigestInit@OPENSSL_3.0.0=libcrypto.so.3")...)
	})), bookworm())
	input.Target = profile(t, "fedora/39")
	got, err := check.Run(t.Context(), input)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := report.Text(&b, got); err != nil {
		t.Fatal(err)
	}
	const want = "OK once openssl-libs and zlib are installed (dnf install openssl-libs zlib): hello 0.1.0 runs on profile:fedora/39/amd64 (3 applications, 6 native files)\n"
	if !strings.HasSuffix(b.String(), want) {
		t.Errorf("the report ends otherwise:\n%s", b.String())
	}
}

func TestVectorCode(t *testing.T) {
	avx, sse, cpuid := []byte("\xc5\xfc\x10\x07"), []byte("\x0f\x28\xc1"), []byte("\x0f\xa2")
	for name, tt := range map[string]struct {
		code []byte
		want facts.ISA
	}{
		"compiled throughout":       {append(bytes.Repeat(avx, 40), cpuid...), facts.ISAV3},
		"a part that asks first":    {append(append(bytes.Repeat(avx, 40), bytes.Repeat(sse, 400)...), cpuid...), 0},
		"a part that does not ask":  {append(bytes.Repeat(avx, 40), bytes.Repeat(sse, 400)...), facts.ISAV3},
		"the baseline's":            {bytes.Repeat(sse, 400), 0},
		"nothing":                   {nil, 0},
		"512 bits, without a check": {bytes.Repeat([]byte("\x62\xf1\x7c\x48\x10\x07"), 40), facts.ISAV4},
	} {
		if got := vector(t, tt.code).Level(); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

// vector is what is counted in a file with some code.
func vector(t *testing.T, code []byte) facts.Vector {
	t.Helper()
	b := append([]byte(elf(lib{})), code...)
	b = append(b, make([]byte, 8)...)
	const firstSegment = 64
	binary.LittleEndian.PutUint32(b[firstSegment+4:], uint32(stdelf.PF_R|stdelf.PF_X))
	binary.LittleEndian.PutUint64(b[firstSegment+32:], uint64(len(b)))
	v, err := facts.ReadVector(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return v
}
