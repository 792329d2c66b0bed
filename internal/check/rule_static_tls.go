package check

import (
	"debug/elf"
	"maps"
	"strconv"

	"dram/internal/beam"
)

var staticTLSRule = Rule{
	ID: "static-tls", Title: "thread-local storage at a fixed place fits into what is left of it", Worst: Fail, Run: staticTLS,
	Doc: Doc{
		Looks: "Libraries that want thread-local storage at a fixed place (DF_STATIC_TLS), as jemalloc and ThreadSanitizer do, and what they bring of the target. " +
			"glibc keeps some 1,700 bytes free for all that are opened later, musl none.",
		Seen: `Failed to load NIF library: 'priv/native/store.so: cannot allocate memory in static TLS block'`,
		Do:   "Compile the library without -ftls-model=initial-exec (jemalloc: --disable-initial-exec-tls; tikv-jemallocator: the feature disable_initial_exec_tls).",
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
	tlsShared = tooMuchTLS.with(Cause{
		ID: "shared", Summary: "it wants #{bytes} bytes of thread-local storage at a fixed place; with the other libraries that is #{all}, and there are at most #{most}",
		Prints: `if it is opened after them, "cannot allocate memory in static TLS block"`,
	})
	tlsUnknown = tooMuchTLS.with(Cause{
		ID: "unknown", Summary: "it wants #{bytes} bytes of thread-local storage at a fixed place, and how much of that is left is not known",
	})
)

// What glibc keeps free, in bytes, for thread-local storage at a fixed place
// (DF_STATIC_TLS) of libraries that are opened later. All share it. Measured on
// 2.31, 2.36, 2.41 and 2.43: one library of 1664 bytes is opened, one of 1800 is
// not; the tunable glibc.rtld.optional_static_tls changes it since 2.32. That is
// 1664, and what is left of the last 64 that the program itself has.
const (
	tlsFits = 1664
	tlsMost = 1792
)

// staticTLS: libraries compiled with -ftls-model=initial-exec, as jemalloc is,
// must find room that was set aside when the process began. musl sets none
// aside.
func staticTLS(s *Survey) (out []Finding) {
	kind := s.target.Facts.Libc.Kind
	all, atBoot := s.sharedTLS()
	for _, n := range s.natives {
		wants := staticOf(n)
		if !n.loaded || wants == nil || kind == "" {
			continue
		}
		sum := total(wants)
		f := Finding{
			Verdict: n.verdict(), Subject: n.subject(), Cause: &tooMuchTLS,
			Facts:    Params{"bytes": strconv.FormatUint(sum, 10), "most": strconv.Itoa(tlsMost), "all": strconv.FormatUint(total(all), 10)},
			Evidence: Evidence{Wants: []string{"DF_STATIC_TLS"}, Newest: s.target.Facts.Libc.String()},
		}
		switch {
		case kind == "musl":
			f.Cause = tlsOnMusl
		case sum > tlsMost:
		case sum > tlsFits:
			f.Verdict, f.Cause = Unknown, tlsUnknown
		case total(all) <= tlsFits:
			continue
		default:
			f.Cause = tlsShared
			if total(atBoot) <= tlsMost {
				f.Verdict = min(f.Verdict, Warn)
			}
		}
		out = append(out, f)
	}
	return out
}

// staticOf is the bytes that a file and what it brings want at a fixed place, by
// real name; nil if they want none. Of a library that another file of the release
// brings, that one tells.
func staticOf(n *native) map[string]uint64 {
	if n.role == executable && !n.inVM || n.role == library && !n.orphan {
		return nil
	}
	var out map[string]uint64
	for _, o := range later(n.process) {
		if o.File.Flags&elf.DF_STATIC_TLS != 0 && o.File.TLS > 0 {
			if out == nil {
				out = map[string]uint64{}
			}
			out[o.Real] = o.File.TLS
		}
	}
	return out
}

func total(blocks map[string]uint64) (sum uint64) {
	for _, n := range blocks {
		sum += n
	}
	return sum
}

// sharedTLS is what all NIF libraries want together that would find room alone, and
// what of that a start loads for certain.
func (s *Survey) sharedTLS() (all, atBoot map[string]uint64) {
	all, atBoot = map[string]uint64{}, map[string]uint64{}
	var loads map[string]bool
	for _, n := range s.natives {
		wants := staticOf(n)
		if wants == nil || n.role != plugin || total(wants) > tlsMost {
			continue
		}
		if loads == nil {
			loads = s.onLoaders()
		}
		maps.Copy(all, wants)
		if n.nif != nil && loads[n.nif.Module] {
			maps.Copy(atBoot, wants)
		}
	}
	return all, atBoot
}

// onLoaders is the modules of the boot script that load a NIF library at once.
func (s *Survey) onLoaders() map[string]bool {
	out := map[string]bool{}
	loads, known := s.bootModules()
	for name, m := range s.readModules() {
		if module := moduleOf(name); known && loads[module] && m.nifLoad != beam.NoNIFLoad {
			out[module] = true
		}
	}
	return out
}
