package check_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/check"
	words "dram/internal/report"
)

// made is a BEAM file of a module without functions, whose compiler had opcodes
// up to highest.
func made(name string, highest uint32) string {
	word := func(n uint32) string { return string(binary.BigEndian.AppendUint32(nil, n)) }
	chunk := func(id, data string) string {
		return id + word(uint32(len(data))) + data + strings.Repeat("\x00", (4-len(data)%4)%4)
	}
	const codeEnd = "\x03"
	chunks := chunk("AtU8", word(1)+string(rune(len(name)))+name) +
		chunk("Code", word(16)+word(0)+word(highest)+word(1)+word(0)+codeEnd) +
		chunk("StrT", "") + chunk("ImpT", word(0)) + chunk("ExpT", word(0))
	return "644 FOR1" + word(uint32(len(chunks)+4)) + "BEAM" + chunks
}

// The release's own ERTS is that of OTP 27, whose highest opcode is 183.
func TestRunJudgesModules(t *testing.T) {
	const ebin = "lib/exqlite-0.27.0/ebin/"
	for _, tt := range []struct {
		name string
		rel  tree
		want []string
	}{
		{"compiled for OTP 27", hello().with(ebin+"a.beam", made("a", 183)), nil},
		{"compiled for OTP 25", hello().with(ebin+"a.beam", made("a", 180)), nil},
		{
			"too new, three of one application", hello().with(ebin+"a.beam", made("a", 191)).with(ebin+"b.beam", made("b", 190)).with(ebin+"c.beam", made("c", 184)),
			[]string{"FAIL beam " + ebin + "a.beam: Erlang/OTP 27, which runs the release, does not load it"},
		},
		{
			"too old", hello().with(ebin+"a.beam", made("a", 160)),
			[]string{"FAIL beam " + ebin + "a.beam: Erlang/OTP 27, which runs the release, does not load it"},
		},
		{
			"no BEAM file", hello().with(ebin+"a.beam", "644 <html>"),
			[]string{"FAIL beam " + ebin + "a.beam: it is no sound BEAM file"},
		},
		{
			"too new, where nothing looks", hello().with("lib/exqlite-0.27.0/priv/a.beam", made("a", 191)),
			[]string{"WARN beam lib/exqlite-0.27.0/priv/a.beam: Erlang/OTP 27, which runs the release, does not load it"},
		},
		{
			"cut", hello().with(ebin+"a.beam", made("a", 183)[:60]),
			[]string{"FAIL beam " + ebin + "a.beam: it is no sound BEAM file"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := open(t, tt.rel, bookworm())
			report, err := check.Run(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range report.Findings {
				said := words.Say(report, f)
				summary, _, _ := strings.Cut(said.Summary, ": ")
				got = append(got, strings.Join([]string{f.Verdict.String(), f.Rule, f.Subject.File + ": " + summary}, " "))
				if said.Remedy == "" || said.Symptom == "" || said.Needs == "" {
					t.Errorf("no remedy, symptom or need in %+v", said)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			kept(t, report)
		})
	}
}

func TestOneFindingNamesAllModulesOfACause(t *testing.T) {
	rel := hello()
	for _, m := range []string{"a", "b", "c"} {
		rel.with("lib/exqlite-0.27.0/ebin/"+m+".beam", made(m, 191))
	}
	report, err := check.Run(t.Context(), open(t, rel, bookworm()))
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Findings) != 1 {
		t.Fatalf("%d findings", len(report.Findings))
	}
	f := report.Findings[0]
	said := words.Say(report, f)
	if diff := cmp.Diff([]string{"a", "b", "c"}, f.Evidence.Wants); diff != "" || !strings.HasSuffix(said.Summary, "(and 2 more modules)") || said.Needs != "Erlang/OTP 29 or newer" {
		t.Errorf("%s; summary %q, needs %q", diff, said.Summary, said.Needs)
	}
}
