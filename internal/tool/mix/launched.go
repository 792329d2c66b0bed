package mix

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/shell"
)

// former is a launcher of images that an earlier dram made: its size, where its settings
// lie, and the digest of all else. Its settings have neither Elixir's version, which is 1.18,
// nor the mode's flag.
type former struct {
	size, at int
	digest   string
}

func formers() []former {
	return []former{
		{16480, 7936, "7b51deaee9f03775096d5f29d0e7d613"},
		{18512, 8906, "7c14cdc0d1af495ac52701915da0e4dc"},
		{16480, 7936, "5a66871d5aa5bda7f0b3924de14b51f6"},
		{18504, 8910, "cffc62093ef4d550e0b5b7fd9130ce5c"},
	}
}

// launcher is one in an image, with the command that it is given or always does.
type launcher struct {
	command
	name, version, erts string
	level               int // command.elixir
}

// launched is the launcher that a release starts by, if it starts by one of dram's: nothing
// but its settings differs.
func launched(rel *release.Release) (out launcher, is bool) {
	if rel == nil || rel.FS == nil || !rel.Has("bin/"+rel.Name) {
		return out, false
	}
	text, err := rootfs.ReadFile(rel.FS, "bin/"+rel.Name, maxScript)
	if err != nil || !bytes.HasPrefix(text, []byte("\x7fELF")) {
		return out, false
	}
	for _, arch := range []string{"amd64", "arm64"} {
		base, err := launchers.ReadFile("launcher/mix-" + arch)
		if at := bytes.Index(base, []byte(placeholder)); err == nil && like(text, base, at) {
			return settingsIn(text[at:at+room], false)
		}
	}
	for _, f := range formers() {
		if len(text) == f.size && withoutSettings(text, f.at) == f.digest {
			return settingsIn(text[f.at:f.at+room], true)
		}
	}
	return out, false
}

func like(text, base []byte, at int) bool {
	return len(text) == len(base) && bytes.Equal(base[:at], text[:at]) && bytes.Equal(base[at+room:], text[at+room:])
}

func withoutSettings(text []byte, at int) string {
	rest := bytes.Clone(text)
	clear(rest[at : at+room])
	sum := sha256.Sum256(rest)
	return hex.EncodeToString(sum[:16])
}

// settingsIn reads the settings of a launcher.
func settingsIn(text []byte, old bool) (out launcher, is bool) {
	words := strings.Split(string(text), "\x00")
	if old {
		words = slices.Insert(words, min(3, len(words)), "1800", "-mode")
	}
	if len(words) < 6 {
		return out, false
	}
	out.name, out.version, out.erts, out.elixir, out.mode, out.dir = words[0], words[1], words[2], words[3], words[4], words[5]
	lists := words[6:]
	for _, into := range []*[]string{&out.words, &out.env} {
		end := slices.Index(lists, "")
		if end < 0 {
			return out, false
		}
		*into, lists = lists[:end], lists[end+1:]
	}
	level, err := strconv.Atoi(out.elixir)
	out.level = level
	return out, err == nil
}

// execution is what a launcher executes when it is told to start, as mix.c has it.
type execution struct {
	launcher
	rel  *release.Release
	root string // where the release lies
	env  map[string]shell.Value
	argv []shell.Value
}

// run is how the VM is executed where a release lies at a place, with an environment.
func (l launcher) run(rel *release.Release, at string, env map[string]string) shell.Run {
	x := &execution{launcher: l, rel: rel, root: path.Join("/", at), env: map[string]shell.Value{}}
	for k, v := range env {
		x.env[k] = shell.Value{Text: v}
	}
	x.environment()
	x.arguments()
	bin := x.root + "/erts-" + l.erts + "/bin"
	top := x.text("ERL_ROOTDIR")
	if l.level < 1200 || top == "" {
		top = x.root
	}
	maps.Copy(x.env, map[string]shell.Value{"EMU": {Text: "beam"}, "ROOTDIR": {Text: top}, "BINDIR": {Text: bin}, "PROGNAME": {Text: "erl"}})
	return shell.Run{
		Position: shell.Position{File: strings.TrimPrefix(x.root+"/bin/"+l.name, "/"), Line: 1}, Path: strings.TrimPrefix(bin+"/erlexec", "/"),
		Argv: x.argv, Env: x.env, Sure: true, Main: true,
	}
}

func (x *execution) text(name string) string { return x.env[name].Text }

// or gives a variable a value where it has none.
func (x *execution) or(name, value string) {
	if v := x.env[name]; v.Text == "" && !v.Unknown {
		x.env[name] = shell.Value{Text: value}
	}
}

func (x *execution) environment() {
	x.env["RELEASE_ROOT"], x.env["RELEASE_COMMAND"] = shell.Value{Text: x.root}, shell.Value{Text: "start"}
	x.or("RELEASE_NAME", x.name)
	x.or("RELEASE_VSN", x.version)
	if x.level >= 1200 {
		x.or("RELEASE_PROG", x.name)
	}
	if x.level < 1400 {
		x.or("RELEASE_MODE", "embedded")
	}
	place := x.root + "/releases/" + x.text("RELEASE_VSN")
	for _, setting := range x.command.env {
		name, value, _ := strings.Cut(setting, "=")
		x.env[name] = x.filled(value)
	}
	if v := x.env["RELEASE_COOKIE"]; v.Text == "" {
		x.env["RELEASE_COOKIE"] = shell.Value{Unknown: true} // it is found, or made
	}
	x.or("RELEASE_MODE", "embedded")
	x.or("RELEASE_NODE", x.text("RELEASE_NAME"))
	x.or("RELEASE_TMP", x.root+"/tmp")
	x.or("RELEASE_VM_ARGS", place+"/vm.args")
	if x.level >= 1200 {
		x.or("RELEASE_REMOTE_VM_ARGS", place+"/remote.vm.args")
	}
	x.or("RELEASE_DISTRIBUTION", "sname")
	x.or("RELEASE_BOOT_SCRIPT", "start")
	x.or("RELEASE_BOOT_SCRIPT_CLEAN", "start_clean")
	if x.level < 1100 {
		x.env["RELEASE_SYS_CONFIG"] = shell.Value{}
	}
	x.or("RELEASE_SYS_CONFIG", place+"/sys")
	config := strings.TrimPrefix(x.text("RELEASE_SYS_CONFIG"), x.root+"/") + ".config"
	if raw, err := rootfs.ReadFile(x.rel.FS, config, maxScript); err == nil && bytes.Contains(raw, []byte("RUNTIME_CONFIG=true")) {
		x.env["RELEASE_SYS_CONFIG"] = shell.Value{Unknown: true} // a copy whose name has the time in it
	}
}

// filled is a value of the settings with its variables.
func (x *execution) filled(value string) (out shell.Value) {
	for value != "" {
		before, rest, is := strings.Cut(value, "\x01")
		out.Text += before
		if !is {
			break
		}
		var name, fallback string
		name, rest, _ = strings.Cut(rest, "\x02")
		fallback, value, _ = strings.Cut(rest, "\x03")
		v := x.env[name]
		if v.Text == "" && !v.Unknown {
			v.Text = fallback
		}
		out.Text, out.Unknown = out.Text+v.Text, out.Unknown || v.Unknown
	}
	if out.Unknown {
		out.Text = ""
	}
	return out
}

func (x *execution) arguments() {
	words := func(texts ...string) {
		for _, t := range texts {
			for w := range strings.FieldsSeq(t) {
				x.argv = append(x.argv, shell.Value{Text: w})
			}
		}
	}
	one := func(values ...shell.Value) { x.argv = append(x.argv, values...) }
	flag := func(name string, values ...shell.Value) { one(append([]shell.Value{{Text: name}}, values...)...) }
	erlang := x.text("ELIXIR_ERL_OPTIONS")
	words("erlexec")
	if x.level < 1500 {
		words(erlang, "-noshell -s elixir start_cli")
	} else {
		words("-noshell", erlang, "-s elixir start_cli")
	}
	words(x.mode)
	one(x.env["RELEASE_MODE"])
	flag("-setcookie", x.env["RELEASE_COOKIE"])
	if how := x.text("RELEASE_DISTRIBUTION"); how == "name" || how == "sname" {
		flag("-"+how, x.env["RELEASE_NODE"])
	}
	flag("-config", x.env["RELEASE_SYS_CONFIG"])
	place := x.root + "/releases/" + x.text("RELEASE_VSN") + "/"
	flag("-boot", shell.Value{Text: place + x.text("RELEASE_BOOT_SCRIPT")})
	flag("-boot_var", shell.Value{Text: "RELEASE_LIB"}, shell.Value{Text: x.root + "/lib"})
	flag("-args_file", x.env["RELEASE_VM_ARGS"])
	words("-extra --no-halt")
}
