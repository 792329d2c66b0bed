package check_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dram/internal/check"
)

// remembering checks with what earlier checks remember, and gives what this one does.
func remembering(t *testing.T, in check.Input, kept []byte) (*check.Report, []byte, bool) {
	t.Helper()
	in.Memory = check.NewMemory(kept)
	r, err := check.Run(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	now, changed := in.Memory.Bytes()
	return r, now, changed
}

func TestMemoryChangesNoFinding(t *testing.T) {
	const ebin = "lib/exqlite-0.27.0/ebin/"
	sound := func() tree { return hello().with(ebin+"a.beam", made("a", 183)).with(ebin+"b.beam", made("b", 180)) }
	_, kept, changed := remembering(t, open(t, sound(), bookworm()), nil)
	if len(kept) == 0 || !changed {
		t.Fatalf("%d bytes kept, changed %t", len(kept), changed)
	}
	if _, again, changed := remembering(t, open(t, sound(), bookworm()), kept); changed || !bytes.Equal(again, kept) {
		t.Errorf("the second check of the same changes what is kept: %t", changed)
	}
	key, _ := newPair(t)
	for name, rel := range map[string]tree{
		"nothing new":                  sound(),
		"too new":                      sound().with(ebin+"a.beam", made("a", 191)),
		"cut":                          sound().with(ebin+"a.beam", made("a", 183)[:60]),
		"another module's name":        sound().with(ebin+"c.beam", made("a", 183)),
		"the same in another place":    sound().with("lib/exqlite-0.27.0/priv/x.beam", made("a", 183)),
		"a key among its constants":    sound().with(ebin+"b.beam", withLiteral("b", armour("PRIVATE KEY", key))),
		"gone":                         sound().without(ebin + "a.beam"),
		"no BEAM file where one stood": sound().with(ebin+"b.beam", "644 <html>"),
	} {
		t.Run(name, func(t *testing.T) {
			in := open(t, rel, bookworm())
			want, err := check.Run(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			for _, memory := range [][]byte{nil, kept, kept[:len(kept)-1], bytes.Repeat([]byte{7}, 320)} {
				got, now, _ := remembering(t, in, memory)
				if diff := cmp.Diff(want.Findings, got.Findings, cmpopts.EquateComparable(), cmpopts.IgnoreUnexported(check.Cause{})); diff != "" {
					t.Errorf("with memory of %d bytes (-without +with):\n%s", len(memory), diff)
				}
				if got, _, changed := remembering(t, in, now); changed || len(got.Findings) != len(want.Findings) {
					t.Errorf("the next check: %d findings instead of %d, changed %t", len(got.Findings), len(want.Findings), changed)
				}
			}
		})
	}
}

// What an older VM does not load is found, whatever was remembered for a newer.
func TestMemoryIsOfOneVM(t *testing.T) {
	const ebin = "lib/exqlite-0.27.0/ebin/"
	rel := hello().with(ebin+"a.beam", made("a", 183))
	_, kept, _ := remembering(t, open(t, rel, bookworm()), nil)
	older := tree{}
	for name, body := range rel {
		older[strings.ReplaceAll(name, "15.2.7", "13.2.2")] = strings.ReplaceAll(body, "15.2.7", "13.2.2")
	}
	r, _, _ := remembering(t, open(t, older, bookworm()), kept)
	for _, f := range r.Findings {
		if f.Rule == "beam" && f.Subject.File == ebin+"a.beam" {
			return
		}
	}
	t.Errorf("a module of OTP 27 passes for OTP 25: %+v", r.Findings)
}
