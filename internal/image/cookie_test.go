package image

import (
	"bytes"
	"testing"

	"dram/internal/release"
	"dram/internal/tool/mix"
)

// mixCookie is the lines that scripts of `mix release` get.
var mixCookie = mix.Tool{}.Boot(&release.Release{}).Cookie.Script

func TestCookieLinesComeOnce(t *testing.T) {
	once := withCookie([]byte("#!/bin/sh\nexport A=b"), []byte("# dram: cookie\necho\n"))
	if twice := withCookie(once, []byte("# dram: cookie\necho\n")); !bytes.Equal(once, twice) {
		t.Errorf("got\n%s", twice)
	}
	if !bytes.HasPrefix(once, []byte("#!/bin/sh\nexport A=b\n\n# dram")) {
		t.Errorf("got\n%s", once)
	}
}
