package image

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/release"
	"dram/internal/tool"
	"dram/internal/tool/mix"
)

// mixCookie is the lines that scripts of `mix release` get.
var mixCookie = mix.Tool{}.Boot(&release.Release{}).Cookie.Script

func TestCookieLinesComeOnce(t *testing.T) {
	const lines = "# dram: cookie\necho\n"
	for _, c := range []struct{ name, script, after, want string }{
		{"at the end", "#!/bin/sh\nexport A=b", "", "#!/bin/sh\nexport A=b\n\n" + lines},
		{"behind a line", "#!/bin/sh\nexport A=b\nexport A=c\nexec\n", "export A=", "#!/bin/sh\nexport A=b\n" + lines + "export A=c\nexec\n"},
		{"that is missing", "#!/bin/sh\n export A=b\n", "export A=", "#!/bin/sh\n export A=b\n"},
		{"that does not end", "#!/bin/sh\nexport A=b", "export A=", "#!/bin/sh\nexport A=b"},
	} {
		cookie := tool.Cookie{Script: []byte(lines), After: c.after}
		once := withCookie([]byte(c.script), cookie)
		if diff := cmp.Diff(c.want, string(once)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		if twice := withCookie(once, cookie); !bytes.Equal(once, twice) {
			t.Errorf("%s, twice: %s", c.name, twice)
		}
	}
}
