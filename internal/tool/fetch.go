package tool

import (
	"slices"
	"strconv"
	"strings"

	"dram/internal/credential"
	"dram/internal/distro"
	"dram/internal/source"
	"dram/internal/store"
)

// What tools' steps that fetch have in common.

// Proxies is what of dram's own environment steps with the network need.
func Proxies(environ []string) []string {
	return Chosen(environ, "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
}

// Chosen are the variables of these names.
func Chosen(environ []string, names ...string) (env []string) {
	for _, kv := range environ {
		if name, _, _ := strings.Cut(kv, "="); slices.Contains(names, name) {
			env = append(env, kv)
		}
	}
	return env
}

// FetchKey names what a fetching step depends on: what it needs of the source,
// sorted, and the command.
func FetchKey(src *source.Tree, needs, argv []string) string {
	parts := slices.Clone(argv)
	for _, f := range src.Files {
		if _, ok := slices.BinarySearch(needs, f.Path); ok {
			parts = append(parts, f.Path, string(f.Digest))
		}
	}
	return store.DigestOf([]byte(strings.Join(parts, "\n"))).Hex()
}

// Some names the first of a list that may be long.
func Some(names []string, shown int) string {
	if len(names) <= shown+1 {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:shown], ", ") + " and " + strconv.Itoa(len(names)-shown) + " more"
}

// Without is names without some of them.
func Without(names []string, those []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(those, n) })
}

// NeedGit says what fetches a dependency out of its repository.
func NeedGit(p Planner, name, url string) {
	why := "the git dependency " + name
	p.Need(Need{What: distro.Git, Why: why})
	if credential.OverSSH(url) {
		p.Need(Need{What: distro.SSH, Why: why + " (" + withoutUser(url) + ")"})
	}
}

// withoutUser is a URL to be shown: what stands before the host may be a secret.
func withoutUser(url string) string {
	at := strings.LastIndexByte(url, '@')
	scheme, _, ok := strings.Cut(url, "://")
	switch {
	case at < 0:
		return url
	case ok:
		return scheme + "://" + url[at+1:]
	}
	return url[at+1:]
}
