package mix

import "testing"

// `github: "owner/name"` is a repository like another.
func TestAtGitHub(t *testing.T) {
	for url, want := range map[string]string{
		"owner/name": "https://github.com/owner/name", "owner/name.git": "https://github.com/owner/name.git",
		"./vendor": "./vendor", "../x": "../x", "/srv/git": "/srv/git", "a/b/c": "a/b/c", "": "", "name": "name",
		"git@forge.example:a/b": "git@forge.example:a/b", "https://forge.example/a": "https://forge.example/a",
	} {
		if got := atGitHub(url); got != want {
			t.Errorf("%q is %q, want %q", url, got, want)
		}
	}
}
