package mix

import (
	"slices"
	"strings"
	"testing"

	"dram/internal/tool"
)

// Hex's keys go to tasks that ask Hex, and to none that runs what it brought.
func TestHandEnvironment(t *testing.T) {
	own := []string{"HEX_API_KEY=k", "HEX_REPOS_KEY=r", "HEX_MIRROR_URL=https://mirror.example", "HEX_MIRROR=https://me:pw@mirror.example", "HTTPS_PROXY=http://proxy", "AWS_SECRET=a", "HEX_HOME=/mine"}
	for task, keys := range map[string]bool{
		"deps.get": true, "deps.update": true, "hex.info": true, "hex.audit": true,
		"deps.compile": false, "compile": false, "test": false, "phx.server": false, "hexagon": false, "run": false, "": false,
	} {
		var args []string
		if task != "" {
			args = []string{task}
		}
		env := handEnvironment(tool.Toolchain{Rebar3: "/usr/bin/rebar3", CACerts: "/etc/ca.crt"}, own, args)
		for _, key := range []string{"HEX_API_KEY=k", "HEX_REPOS_KEY=r", "HEX_MIRROR=https://me:pw@mirror.example"} {
			if slices.Contains(env, key) != keys {
				t.Errorf("mix %s has %s: %v, want %v", task, key, !keys, keys)
			}
		}
		for _, kv := range []string{
			"HEX_MIRROR_URL=https://mirror.example", "HTTPS_PROXY=http://proxy", "HEX_HOME=/cache/hex", "MIX_HOME=/cache/mix",
			"MIX_REBAR3=/usr/bin/rebar3", "HEX_CACERTS_PATH=/etc/ca.crt",
		} {
			if !slices.Contains(env, kv) {
				t.Errorf("mix %s has no %s: %q", task, kv, env)
			}
		}
		if strings.Contains(strings.Join(env, " "), "AWS_SECRET") {
			t.Errorf("mix %s has a variable of dram's own environment that is none of Mix's", task)
		}
	}
}

// Of Hex's home, where `mix hex.user auth` writes keys, the packages alone are kept.
func TestHandKeepsNoKeys(t *testing.T) {
	h := Tool{}.Hand()
	if slices.Contains(h.Kept, hexHome) {
		t.Error("all of Hex's home is kept, and the keys in it")
	}
	if !slices.Contains(h.Kept, mixHome) || !slices.Contains(h.Kept, hexHome+"/packages") {
		t.Errorf("archives and packages are not kept: %q", h.Kept)
	}
}
