package mix

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"dram/internal/problem"
	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/tool"
	"dram/internal/version"
)

//go:embed launcher/mix-amd64 launcher/mix-arm64
var launchers embed.FS

const (
	placeholder = "dram mix settings" // of mix.c
	room        = 8192                // bytes
)

// known are the start scripts that the launcher does the same as: a line of digests for each
// Elixir that writes others than the one before it. No two of its versions are mixed.
//
//go:embed launcher/scripts.txt
var known string

// own is what of the scripts is a release's own.
var own = regexp.MustCompile(`(?m)^ELIXIR_VERSION=\S+$|erts-[0-9.]+|\$\{RELEASE_NAME:-"[^"\n]*"\}|--erl "-(?:mode|elixir -?config_provider_reboot_mode) `)

// modeFlag is how bin/NAME says the mode to the VM.
var modeFlag = regexp.MustCompile(`--erl "(-mode|-elixir -?config_provider_reboot_mode) \$RELEASE_MODE"`)

// keepShell is what to do about a release that has to have one.
const keepShell = "leave the shell in: image.shell = true"

// launch makes the programs that take the place of scripts. Scripts that are otherwise than
// Mix writes them, or that do at the start what cannot be known before, are refused.
func launch(rel *release.Release, arch string) (out tool.Launched, err error) {
	base, err := launchers.ReadFile("launcher/mix-" + arch)
	if err != nil {
		return out, fmt.Errorf("there is no launcher for the processor %q", arch)
	}
	as, err := scriptsOf(rel)
	if err != nil {
		return out, err
	}
	env, err := settingsOf(rel, rel.Below("env.sh"))
	if err != nil {
		return out, err
	}
	out.Programs = map[string][]byte{}
	for _, f := range rel.Files {
		script, is := scriptOf(rel, f)
		switch {
		case f.Path == rel.Below("env.sh") || f.Path == rel.Below("elixir") || f.Path == rel.Below("iex"),
			is && strings.HasPrefix(f.Path, "erts-"):
			out.Gone = append(out.Gone, f.Path)
		case is && path.Dir(f.Path) == "bin":
			does := command{}
			if f.Path != "bin/"+rel.Name {
				if does, err = commandOf(rel, f.Path, script); err != nil {
					return out, err
				}
			}
			does.env, does.scripts = append(does.env, env...), as
			if out.Programs[f.Path], err = does.program(rel, base); err != nil {
				return out, err
			}
		}
	}
	return out, nil
}

// scriptOf is a file's text, if its first line names what reads it.
func scriptOf(rel *release.Release, f release.File) (text string, is bool) {
	if !f.Mode.IsRegular() || f.Size > maxScript || strings.HasSuffix(f.Path, ".bat") {
		return "", false
	}
	raw, err := rootfs.ReadFile(rel.FS, f.Path, maxScript)
	return string(raw), err == nil && bytes.HasPrefix(raw, []byte("#!"))
}

// scripts are what the start scripts of some Elixir do otherwise than those of another.
type scripts struct {
	elixir string // the first that writes them, as the launcher's settings have it: 1702 is 1.17.2
	mode   string // the flag by which they say the mode
}

// scriptsOf is whose the start scripts of a release are. Those that are none of the known ones
// are refused.
func scriptsOf(rel *release.Release) (out scripts, err error) {
	start := "bin/" + rel.Name
	var digests []string
	for _, at := range []string{start, rel.Below("elixir"), rel.Below("iex")} {
		text, err := rootfs.ReadFile(rel.FS, at, maxScript)
		if err != nil {
			return out, fmt.Errorf("reading release %q: %w", rel.Name, err)
		}
		if found := modeFlag.FindSubmatch(text); at == start && found != nil {
			out.mode = string(found[1])
		}
		sum := sha256.Sum256(own.ReplaceAll(text, []byte("…")))
		digests = append(digests, hex.EncodeToString(sum[:16]))
	}
	for line := range strings.Lines(known) {
		first, want, _ := strings.Cut(strings.TrimSpace(line), " ")
		if v, err := version.Parse(first); err == nil && want == strings.Join(digests, " ") {
			out.elixir = fmt.Sprintf("%d%02d", v.Minor, v.Patch)
			return out, nil
		}
	}
	return out, problem.New(problem.Usage, keepShell+",\nor build with Elixir 1.10 or newer and without a template of your own for the script",
		"%s, %s and %s of release %q are not the scripts that Mix of a known Elixir writes: what they do without a shell is not known",
		start, path.Base(rel.Below("elixir")), path.Base(rel.Below("iex")), rel.Name)
}

// command is what a launcher does.
type command struct {
	scripts
	dir   string   // of the release, where it goes first
	words []string // none: what it is given
	env   []string // NAME=VALUE, as the launcher's settings have them
}

// program is a launcher with its settings.
func (c command) program(rel *release.Release, base []byte) ([]byte, error) {
	text := strings.Join(slices.Concat([]string{rel.Name, rel.Version, rel.ERTS, c.elixir, c.mode, c.dir}, c.words, []string{""}, c.env, []string{"", ""}), "\x00")
	if len(text) > room {
		return nil, problem.New(problem.Usage, keepShell, "env.sh of release %q sets too much for a launcher: %d bytes, of %d", rel.Name, len(text), room)
	}
	out := bytes.Clone(base)
	at := bytes.Index(out, []byte(placeholder))
	clear(out[at : at+room])
	copy(out[at:], text)
	return out, nil
}
