package mix

import (
	"slices"
	"strings"

	"dram/internal/environ"
	"dram/internal/tool"
)

// Hand is Mix by hand. Of Hex's home the packages are kept alone, for beside them
// lie the keys that `mix hex.user auth` makes.
func (Tool) Hand() tool.Hand {
	return tool.Hand{
		Program: "mix",
		Kept:    []string{mixHome, hexHome + "/packages"},
		Env:     handEnvironment,
	}
}

// handEnvironment gives Hex's settings, among them its keys, to tasks that run
// no code but the project's own; to all others, whatever names no key.
func handEnvironment(tc tool.Toolchain, own, args []string) []string {
	env, public, private := fetchEnvironment(tc, own)
	secrets := slices.Concat(public, private)
	if len(args) == 0 || !asksHex(args[0]) {
		secrets = slices.DeleteFunc(secrets, isKey)
	}
	homes := []string{"HEX_HOME=" + hexHome, "MIX_HOME=" + mixHome}
	if tc.Rebar3 != "" {
		homes = append(homes, "MIX_REBAR3="+tc.Rebar3)
	}
	return environ.Merge(homes, env, secrets)
}

// asksHex says whether a task is one that fetches from Hex and compiles nothing.
func asksHex(task string) bool {
	return strings.HasPrefix(task, "hex.") || slices.Contains([]string{"deps.get", "deps.update", "deps.tree", "deps.unlock"}, task)
}

// open are Hex's variables that strangers may see, unless they hold a URL with a
// password.
var open = []string{
	"HEX_BUILDS_URL", "HEX_CACERTS_PATH", "HEX_HTTP_CONCURRENCY", "HEX_HTTP_TIMEOUT", "HEX_MIRROR", "HEX_MIRROR_URL",
	"HEX_NO_VERIFY_REPO_ORIGIN", "HEX_UNSAFE_HTTPS", "HEX_UNSAFE_REGISTRY",
}

// isKey says whether a variable of Hex's is one that a stranger must not see.
func isKey(kv string) bool {
	name, value, _ := strings.Cut(kv, "=")
	return strings.HasPrefix(name, "HEX_") && (!slices.Contains(open, name) || strings.Contains(value, "@"))
}
