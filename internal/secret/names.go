package secret

import (
	"path"
	"slices"
	"strings"
)

// Store says what a file is that belongs to a tool's store of keys, by its
// name; "" for all else. All of such a store is nobody's business, whatever a
// file of it holds.
func Store(name string) string {
	dirs := strings.Split(path.Dir(name), "/")
	for _, d := range []struct{ dir, what string }{
		{".ssh", "it belongs to SSH's keys"},
		{".gnupg", "it belongs to the keys of GnuPG"},
		{".aws", "it belongs to the credentials of AWS"},
	} {
		if slices.Contains(dirs, d.dir) {
			return d.what
		}
	}
	return ""
}

// IsCode says whether a file is read by a compiler or a build tool, or by
// people: what holds a secret somewhere in it cannot be left out.
func IsCode(name string) bool {
	base := strings.ToLower(path.Base(name))
	if isSecretConfig(base) {
		return false
	}
	switch path.Ext(base) {
	case ".beam", ".ex", ".exs", ".eex", ".heex", ".leex", ".sface", ".neex", ".erl", ".hrl", ".xrl", ".yrl", ".app", ".src", ".lfe", ".gleam",
		".asn1", ".proto", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx", ".vue", ".svelte", ".map", ".css", ".scss", ".html",
		".c", ".h", ".cc", ".cpp", ".hpp", ".rs", ".zig", ".go", ".py", ".rb", ".sh", ".bash", ".pl", ".lua", ".nix", ".mk", ".cmake", ".sql",
		".md", ".markdown", ".livemd", ".rst", ".adoc", ".lock":
		return true
	}
	return slices.Contains([]string{
		"rebar.config", "sys.config", "vm.args", "makefile", "gnumakefile", "dockerfile", "justfile", "package.json", "package-lock.json", "cargo.toml", "dram.toml",
	}, base)
}
