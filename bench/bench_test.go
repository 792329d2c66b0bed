package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		samples []float64
		want    float64
	}{
		{nil, 0},
		{[]float64{3}, 3},
		{[]float64{9, 1, 2}, 2},
		{[]float64{4, 1, 3, 2}, 2.5},
	} {
		before := append([]float64(nil), c.samples...)
		if got := median(c.samples); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.samples, got, c.want)
		}
		if diff := cmp.Diff(before, c.samples); diff != "" {
			t.Errorf("median changed its argument:\n%s", diff)
		}
	}
}

func TestAlternateSwapsTheOrder(t *testing.T) {
	var order []string
	take := func(name string, base float64) measure {
		return func(n int) (float64, error) {
			order = append(order, name)
			return base + float64(n), nil
		}
	}
	a, b, err := alternate(3, take("a", 10), take("b", 20))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]float64{10, 11, 12}, a); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]float64{20, 21, 22}, b); diff != "" {
		t.Error(diff)
	}
	if got := strings.Join(order, ""); got != "abbaab" {
		t.Errorf("order %s", got)
	}
	broken := errors.New("broken")
	_, _, err = alternate(2, take("a", 0), func(int) (float64, error) { return 0, broken })
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestTable(t *testing.T) {
	tb := table{
		machine: machine{cpu: "A CPU", cores: 2, memory: "8 GB", kernel: "6.1", goVer: "go1.26"},
		date:    time.Date(2026, 11, 23, 1, 2, 3, 0, time.UTC),
		runs:    3,
		rows: []row{
			{what: "a | b", rival: "rival", ours: []float64{1, 3, 2}, theirs: []float64{4}, ratio: 0.5},
			{what: "slow", rival: "rival", ours: []float64{6}, theirs: []float64{4}, ratio: 1.3},
			{what: "bytes", unit: bytes, ours: []float64{150_000}, value: 150e3},
			{what: "big", unit: bytes, rival: "floor", ours: []float64{13.6e6}, theirs: []float64{12.7e6}, value: 13.5e6},
			{what: "absent", ratio: 0.5, skipped: "mmdebstrap is not installed"},
			{what: "broken", failed: true},
		},
	}
	want := `23 November 2026, A CPU, 2 cores, 8 GB, Linux 6.1, go1.26; median of at most 3 runs in alternating order, range in parentheses.

| what | dram | beside | ratio | target | met |
| --- | --- | --- | --- | --- | --- |
| a \| b | 2.00 s (1.00 s to 3.00 s) | rival: 4.00 s | 0.50 × | ≤ 0.50 × | yes |
| slow | 6.00 s | rival: 4.00 s | 1.50 × | ≤ 1.30 × | **no** |
| bytes | 150.0 KB | – | – | ≤ 150.0 KB | yes |
| big | 13.60 MB | floor: 12.70 MB | 1.07 × | ≤ 13.50 MB | **no** |
| absent | not measured: mmdebstrap is not installed | – | – | ≤ 0.50 × | – |
| broken | failed | – | – | – | – |
`
	if diff := cmp.Diff(want, tb.markdown()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"slow", "big"}, tb.missed()); diff != "" {
		t.Error(diff)
	}
}

func TestVerdict(t *testing.T) {
	page := filepath.Join(t.TempDir(), "benchmarks.md")
	good := row{what: "good", unit: bytes, ours: []float64{1}, value: 2}
	bad := row{what: "bad", unit: bytes, ours: []float64{3}, value: 2}
	if err := (table{rows: []row{good, {failed: true}}}).verdict(settings{page: page}); err == nil || exists(page) {
		t.Errorf("a failed benchmark gave %v and a page", err)
	}
	if err := (table{rows: []row{good, bad}}).verdict(settings{}); err != nil {
		t.Errorf("without -gate: %v", err)
	}
	err := (table{rows: []row{good, bad}}).verdict(settings{page: page, gate: true})
	if err == nil || !strings.Contains(err.Error(), "bad") || strings.Contains(err.Error(), "good") {
		t.Errorf("with -gate: %v", err)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range benchmarks() {
		if !strings.Contains(string(text), "- **"+b.name+"**: ") {
			t.Errorf("the page does not say what %s means", b.name)
		}
	}
}

func TestFlags(t *testing.T) {
	s, err := parse([]string{"-only", "edit,size", "-k", "2"})
	if err != nil || !s.wants("edit") || !s.wants("size") || s.wants("layers") {
		t.Errorf("got %+v, %v", s, err)
	}
	if s, err := parse(nil); err != nil || !s.wants("layers") {
		t.Errorf("got %+v, %v", s, err)
	}
	for _, args := range [][]string{{"-only", "edits"}, {"-k", "0"}, {"edit"}} {
		if _, err := parse(args); err == nil {
			t.Errorf("%q was accepted", args)
		}
	}
}

func TestDescribeMachine(t *testing.T) {
	root := fstest.MapFS{
		"proc/cpuinfo":              {Data: []byte("processor\t: 0\nmodel name\t: Some CPU: fast\nmodel name\t: Other\n")},
		"proc/meminfo":              {Data: []byte("MemFree: 1 kB\nMemTotal:       15625000 kB\n")},
		"proc/sys/kernel/osrelease": {Data: []byte("6.1.0\n")},
	}
	m := describeMachine(root)
	if m.cpu != "Some CPU: fast" || m.memory != "16 GB" || m.kernel != "6.1.0" || m.cores < 1 {
		t.Errorf("got %+v", m)
	}
	if text := describeMachine(fstest.MapFS{}).String(); strings.Contains(text, ", ,") || strings.Contains(text, "Linux") {
		t.Errorf("without /proc: %q", text)
	}
}

func TestPackages(t *testing.T) {
	set := packagesOf(`Package: erlang-dialyzer
Status: install ok installed
Pre-Depends: dpkg (>= 1.17)
Depends: erlang-base (= 1:27) | erlang-base-hipe (= 1:27), erlang-wx (= 1:27), libx11 | libwayland, perl:any
Description: text
 Depends: not a field

Package: dpkg
Depends: awk, erlang-wx (= 1:27)
Provides: dselect (= 2), awk

Package: git
Version: 2.47-1
Depends: perl, git-man (>> 2.47), git-man (<< 2.47-.)

Package: erlang-base
Depends: perl
`)
	if diff := cmp.Diff([]string{"dpkg", "erlang-base", "erlang-dialyzer", "git"}, set.names); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"erlang-wx (= 1:27)", "git-man (= 2.47-1)", "libx11", "perl"}, set.absent()); diff != "" {
		t.Error(diff)
	}
}

func TestChangedBytes(t *testing.T) {
	image := func(layers ...string) v1.Image {
		img := empty.Image
		for _, l := range layers {
			var err error
			if img, err = mutate.AppendLayers(img, static.NewLayer([]byte(l), types.OCIUncompressedLayer)); err != nil {
				t.Fatal(err)
			}
		}
		return img
	}
	got, err := changedBytes(image("system", "own"), image("system", "edited!"))
	if err != nil || got != float64(len("edited!")) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := changedBytes(image("a"), image("a")); err == nil {
		t.Error("an image without the edit was accepted")
	}
}

func TestReplaceOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, []byte("one two one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := replaceOnce(file, "one", "1"); err == nil {
		t.Error("two occurrences were accepted")
	}
	if err := replaceOnce(file, "two", "2"); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(file); string(text) != "one 2 one" {
		t.Errorf("got %q", text)
	}
}
