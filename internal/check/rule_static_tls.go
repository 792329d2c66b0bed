package check

import (
	"debug/elf"
	"strconv"
)

var staticTLSRule = Rule{
	ID: "static-tls", Title: "thread-local storage at a fixed place fits into what is left of it", Worst: Fail, Run: staticTLS,
	Doc: Doc{
		Looks: "Libraries that want thread-local storage at a fixed place (DF_STATIC_TLS), as jemalloc does. glibc keeps some 1,700 bytes free for all that are opened later, musl none.",
		Seen:  `Failed to load NIF library: 'priv/native/store.so: cannot allocate memory in static TLS block'`,
		Do:    "Compile the library without -ftls-model=initial-exec (jemalloc: --disable-initial-exec-tls; tikv-jemallocator: the feature disable_initial_exec_tls).",
	},
}

var (
	tooMuchTLS = Cause{
		ID: "too-much", Summary: "it wants #{bytes} bytes of thread-local storage at a fixed place, and for what is opened later there are at most #{most}",
		Prints: `"cannot allocate memory in static TLS block"`,
		Remedy: "compile it without -ftls-model=initial-exec (jemalloc: --disable-initial-exec-tls; tikv-jemallocator: the feature disable_initial_exec_tls)",
		Needs:  "a build without initial-exec TLS",
	}
	tlsOnMusl = tooMuchTLS.with(Cause{
		ID: "musl", Summary: "it wants #{bytes} bytes of thread-local storage at a fixed place, of which musl has none for what is opened later",
		Prints: `"initial-exec TLS resolves to dynamic definition"`,
	})
	tlsUnknown = tooMuchTLS.with(Cause{
		ID: "unknown", Summary: "it wants #{bytes} bytes of thread-local storage at a fixed place, and how much of that is left is not known",
	})
)

// What glibc keeps free, in bytes, for thread-local storage at a fixed place
// (DF_STATIC_TLS) of libraries that are opened later. All share it. Measured on
// 2.31, 2.36, 2.41 and 2.43: one library of 1664 bytes is opened, one of 1800 is
// not; the tunable glibc.rtld.optional_static_tls changes it since 2.32.
const (
	tlsFits = 1024
	tlsMost = 1792
)

// staticTLS: libraries compiled with -ftls-model=initial-exec, as jemalloc is,
// must find room that was set aside when the process began. musl sets none
// aside.
func staticTLS(s *Survey) (out []Finding) {
	kind := s.target.Facts.Libc.Kind
	for _, n := range s.natives {
		if !n.loaded || n.role == executable || n.elf.Flags&elf.DF_STATIC_TLS == 0 || n.elf.TLS == 0 || kind == "" {
			continue
		}
		f := Finding{
			Verdict: n.verdict(), Subject: n.subject(), Cause: &tooMuchTLS,
			Facts:    Params{"bytes": strconv.FormatUint(n.elf.TLS, 10), "most": strconv.Itoa(tlsMost)},
			Evidence: Evidence{Wants: []string{"DF_STATIC_TLS"}, Newest: s.target.Facts.Libc.String()},
		}
		switch {
		case kind == "musl":
			f.Cause = tlsOnMusl
		case n.elf.TLS <= tlsFits:
			continue
		case n.elf.TLS <= tlsMost:
			f.Verdict, f.Cause = Unknown, tlsUnknown
		}
		out = append(out, f)
	}
	return out
}
