package check

import (
	"debug/elf"
	"fmt"
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
func staticTLS(s *survey) (out []Finding) {
	kind := s.target.Facts.Libc.Kind
	for _, n := range s.natives {
		if !n.loaded || n.role == executable || n.elf.Flags&elf.DF_STATIC_TLS == 0 || n.elf.TLS == 0 || kind == "" {
			continue
		}
		f := Finding{
			Verdict: n.verdict(), Subject: subject(n.File),
			Summary:  fmt.Sprintf("it wants %d bytes of thread-local storage at a fixed place, and for what is opened later there are at most %d", n.elf.TLS, tlsMost),
			Evidence: Evidence{Wants: []string{"DF_STATIC_TLS"}, Newest: s.target.Facts.Libc.String()},
			Symptom:  n.symptom(`"cannot allocate memory in static TLS block"`),
			Remedy:   "compile it without -ftls-model=initial-exec (jemalloc: --disable-initial-exec-tls; tikv-jemallocator: the feature disable_initial_exec_tls)",
			Needs:    "a build without initial-exec TLS",
		}
		switch {
		case kind == "musl":
			f.Summary = fmt.Sprintf("it wants %d bytes of thread-local storage at a fixed place, of which musl has none for what is opened later", n.elf.TLS)
			f.Symptom = n.symptom(`"initial-exec TLS resolves to dynamic definition"`)
		case n.elf.TLS <= tlsFits:
			continue
		case n.elf.TLS <= tlsMost:
			f = unknown(f, fmt.Sprintf("it wants %d bytes of thread-local storage at a fixed place, and how much of that is left is not known", n.elf.TLS))
		}
		out = append(out, f)
	}
	return out
}
