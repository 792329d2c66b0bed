package tool

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/source"
	"dram/internal/store"
)

func TestWithoutUser(t *testing.T) {
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
		if got := withoutUser(url); want != "" && got != want {
			t.Errorf("%q is shown as %q", url, got)
		}
	}
}

// What names a fetch changes with what it needs and with the command, and with
// nothing else.
func TestFetchKeyOfNeeds(t *testing.T) {
	tree := func(digests ...string) *source.Tree {
		out := &source.Tree{}
		for i, name := range []string{"a", "b"} {
			out.Files = append(out.Files, source.File{Path: name, Digest: store.Digest("sha256:" + digests[i])})
		}
		return out
	}
	needs, argv := []string{"a"}, []string{"get"}
	key := FetchKey(tree("1", "1"), needs, argv)
	if FetchKey(tree("1", "2"), needs, argv) != key {
		t.Error("a file that is not needed changes it")
	}
	if FetchKey(tree("2", "1"), needs, argv) == key || FetchKey(tree("1", "1"), needs, []string{"get", "x"}) == key || FetchKey(tree("1", "1"), nil, argv) == key {
		t.Error("what is needed, or the command, does not change it")
	}
}

func TestProxies(t *testing.T) {
	got := Proxies([]string{"HTTPS_PROXY=a", "TOKEN=b", "no_proxy=c=d", "HTTPS_PROXYX=e"})
	if diff := cmp.Diff([]string{"HTTPS_PROXY=a", "no_proxy=c=d"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestSome(t *testing.T) {
	for n, want := range map[int]string{1: "a", 3: "a, b, c", 4: "a, b and 2 more"} {
		if got := Some([]string{"a", "b", "c", "d"}[:n], 2); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
}
