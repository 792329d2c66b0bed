package mix

import "testing"

func TestOverSSH(t *testing.T) {
	for url, want := range map[string]string{
		"git@forge.example:a/b.git":               "forge.example:a/b.git",
		"forge.example:a/b.git":                   "forge.example:a/b.git",
		"ssh://git@forge.example:2222/a/b":        "ssh://forge.example:2222/a/b",
		"git+ssh://forge.example/a/b":             "git+ssh://forge.example/a/b",
		"https://user:secret@forge.example/a@b/c": "",
		"https://forge.example:8443/a":            "",
		"git://forge.example/a":                   "",
		"./vendor/a:b":                            "",
		"owner/name":                              "", // github:
		"":                                        "",
	} {
		if got := overSSH(url); got != (want != "") {
			t.Errorf("%q: %v", url, got)
		}
		if got := withoutUser(url); want != "" && got != want {
			t.Errorf("%q is shown as %q", url, got)
		}
	}
}
