package e2e

import (
	"cmp"
	"encoding/json"
	"html"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dram/internal/ui"
)

var (
	tableRow   = regexp.MustCompile(`(?s)<tr[^>]*>(.*?)</tr>`)
	tableCell  = regexp.MustCompile(`(?s)<td[^>]*>(.*?)</td>`)
	pageTable  = regexp.MustCompile(`(?s)<table id="files">(.*?)</table>`)
	htmlMarkup = regexp.MustCompile(`<[^>]*>`)
)

// inspected is a file in the JSON of dram inspect.
type inspected struct {
	Path string
	Size int64
	Why  []string
}

// The page of dram inspect in a real browser: what it shows of each file is what the
// JSON says, and it says why the files are there that people ask about.
func TestInspectInABrowser(t *testing.T) {
	real(t)
	inSample(t, false)
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no Chromium here")
	}
	dir := project(t, "examples/hello")
	dram{args: []string{"image", dir}}.ok(t)
	image := only(t, filepath.Join(dir, "releases/hello/*.tar"))
	page := filepath.Join(t.TempDir(), "page.html")
	dram{args: []string{"inspect", image, "--html", page}}.ok(t)
	var doc struct{ Files []inspected }
	if err := json.Unmarshal([]byte(dram{args: []string{"inspect", image, "--format", "json"}}.ok(t).stdout), &doc); err != nil {
		t.Fatal(err)
	}
	shown := rowsIn(t, browser, page)
	largest := slices.Clone(doc.Files)
	slices.SortStableFunc(largest, func(a, b inspected) int { return cmp.Compare(b.Size, a.Size) })
	for _, f := range largest[:50] {
		cells := shown[f.Path]
		if len(cells) != 5 || cells[1] != ui.Bytes(f.Size) || cells[4] != strings.Join(f.Why, " ← ") {
			t.Errorf("%s, %d bytes, %q: the page shows %q", f.Path, f.Size, f.Why, cells)
		}
	}
	for name, why := range map[string]string{
		"app/erts-*/bin/beam.smp": "the Erlang VM", "usr/bin/grep": "called by app/bin/hello", "etc/ssl/certs/ca-certificates.crt": "certificates",
		"usr/lib/*/libcrypto.so.3": "in application crypto", "usr/lib/*/libtinfo.so.6*": "beam.smp ← the Erlang VM",
	} {
		found := false
		for path, cells := range shown {
			is, err := filepath.Match(name, path)
			found = found || err == nil && is && strings.Contains(cells[4], why)
		}
		if !found {
			t.Errorf("the page does not say %q of %s", why, name)
		}
	}
}

// rowsIn are the rows of the table of files, by path, as a browser has made them.
func rowsIn(t *testing.T, browser, page string) map[string][]string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), browser, "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir="+t.TempDir(),
		"--virtual-time-budget=10000", "--dump-dom", "file://"+page).Output()
	if err != nil {
		t.Fatal(err)
	}
	table := pageTable.FindSubmatch(out)
	if table == nil {
		t.Fatalf("no table of files in %.2000s", out)
	}
	rows := map[string][]string{}
	for _, row := range tableRow.FindAllSubmatch(table[1], -1) {
		var cells []string
		for _, cell := range tableCell.FindAllSubmatch(row[1], -1) {
			cells = append(cells, html.UnescapeString(htmlMarkup.ReplaceAllString(string(cell[1]), "")))
		}
		if len(cells) > 0 {
			rows[cells[0]] = cells
		}
	}
	return rows
}
