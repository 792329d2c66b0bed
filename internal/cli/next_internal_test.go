package cli

import (
	"bytes"
	"strings"
	"testing"

	"dram/internal/output"
	"dram/internal/ui"
)

// What people do with what was written, as they would paste it.
func TestNext(t *testing.T) {
	t.Chdir(t.TempDir())
	var out bytes.Buffer
	next(ui.New(&out, ui.Options{}), []output.Written{
		{Name: "tarball", Place: "shop.tar.gz"},
		{Name: "image", Place: "out/my shop.tar", Next: "docker load < %s"},
		{Place: "registry.example/shop", Ref: "registry.example/shop@sha256:12", Next: "docker pull %s"},
		{Place: "shop:1", Next: "docker run --rm %s"},
		{Place: "nul\x00", Next: "docker run --rm %s"},
	})
	got := strings.Fields(strings.ReplaceAll(out.String(), "\n", " ; "))
	want := strings.Fields("next docker load < 'out/my shop.tar' ; next docker pull registry.example/shop@sha256:12 ; next docker run --rm shop:1 ;")
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
