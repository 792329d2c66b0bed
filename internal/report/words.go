package report

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"dram/internal/check"
)

// Words are what people read of a finding.
type Words struct {
	Summary  string // one line: what is wrong
	Symptom  string // what is seen at run time
	Remedy   string // what to do
	Needs    string // in a few words, what would make it pass
	Evidence check.Evidence
	item     string   // the summary after "it needs ", where such are counted together
	many     string   // the summary of several, without its numbers
	actions  []string // the parts of the remedy
}

// Say makes words of a finding of a report.
func Say(r *check.Report, f check.Finding) Words {
	s := speaker{report: r, finding: f}
	c := f.Cause
	out := Words{
		Summary: s.say(c.Summary), Symptom: s.symptom(), Needs: s.say(c.Needs), Evidence: f.Evidence, item: s.say(c.Item), many: c.Many,
		actions: strings.Split(s.say(c.Remedy), "\n"),
	}
	out.Remedy = strings.Join(out.actions, "; ")
	if detail, whole := s.fill(c.Detail); detail != "" && whole {
		out.Evidence.Detail = detail
	}
	if !c.Whole {
		out.Evidence.Wants = few(f.Evidence.Wants)
	}
	return out
}

const maxListed = 8 // of what a finding wants, in JSON too

// few shortens a list to what a person reads.
func few(list []string) []string {
	if len(list) <= maxListed {
		return list
	}
	return append(append([]string{}, list[:maxListed]...), fmt.Sprintf("and %d more", len(list)-maxListed))
}

// speaker fills the texts of one finding's cause.
type speaker struct {
	report  *check.Report
	finding check.Finding
}

// placeholder is #{name} in a text of a cause.
var placeholder = regexp.MustCompile(`#\{([^{}]+)\}`)

func (s speaker) say(text string) string {
	out, _ := s.fill(text)
	return out
}

// fill puts values in place of names; whole is false where one is not known,
// which stays.
func (s speaker) fill(text string) (out string, whole bool) {
	whole = true
	out = placeholder.ReplaceAllStringFunc(text, func(match string) string {
		value, ok := s.value(placeholder.FindStringSubmatch(match)[1])
		if !ok {
			whole = false
			return match
		}
		return value
	})
	return out, whole
}

// value is what a name stands for: a parameter or a fact of the finding, what
// is known of its subject and of the target, or a phrase.
func (s speaker) value(name string) (string, bool) {
	f, t := s.finding, s.report.Target
	for _, params := range []check.Params{f.Params, f.Facts} {
		if v, ok := params[name]; ok {
			return v, true
		}
	}
	switch name {
	case "file":
		return f.Subject.File, true
	case "base":
		return path.Base(f.Subject.File), true
	case "path":
		return "/" + path.Join(s.report.At, f.Subject.File), true
	case "newest":
		return f.Evidence.Newest, true
	case "wants":
		return strings.Join(f.Evidence.Wants, ", "), true
	case "platform":
		return t.Facts.Platform, true
	case "libc":
		return t.Facts.Libc.String(), true
	case "target":
		return t.Name, true
	case "system":
		return s.system(), true
	case "without":
		return check.Without(f.Subject.Helper), true
	}
	return s.phrase(name)
}

// phrase is what several causes say in the same words.
func (s speaker) phrase(name string) (string, bool) {
	switch name {
	case "build":
		return s.build(), true
	case "install":
		return s.install(), true
	case "undefined":
		return s.undefined(), true
	case "provide":
		return s.provide(), true
	case "toolchain option":
		if s.report.Toolchain == "" {
			return "", true
		}
		return ": --toolchain " + s.report.Toolchain, true
	}
	return "", false
}

// symptom is what is seen at run time. What the loader or the VM prints is
// seen where the file is used.
func (s speaker) symptom() string {
	c, sub := s.finding.Cause, s.finding.Subject
	if c.Prints == "" {
		return s.say(c.Symptom)
	}
	message := s.say(c.Prints)
	if sub.Helper != "" {
		return "the release starts; " + check.Without(sub.Helper) + ": " + message
	}
	switch sub.Use {
	case check.UseStart:
		return "the release does not start: " + message
	case check.UseRuntime:
		return path.Base(sub.File) + " does not start: " + message
	case check.UsePort:
		return "the port ends as soon as it is opened; " + path.Base(sub.File) + " prints: " + message
	case check.UsePlugin:
		return "loading the NIF or driver fails: " + message
	case check.UseLibrary:
	}
	return "what loads it fails: " + message
}

// system is the target's name for people: "Debian GNU/Linux 12 (bookworm)".
func (s speaker) system() string {
	if name := s.report.Target.Facts.OS.Name; name != "" {
		return name
	}
	return "the target"
}

// build is where to build instead, as the remedy of what is too new.
func (s speaker) build() string {
	toolchain := "in a toolchain with the target's libraries, or older ones"
	if s.report.Toolchain != "" {
		toolchain = "with --toolchain " + s.report.Toolchain
	}
	sub := s.finding.Subject
	if sub.Origin != "dependency" {
		return "build the release " + toolchain
	}
	app, _, _ := strings.Cut(sub.App, "-")
	return fmt.Sprintf("build the release %s\nif %s ships this file compiled, have it compiled in your build: %s", toolchain, app, forceBuild(sub.File, app))
}

// forceBuild is how the tools that fetch precompiled files are told not to.
func forceBuild(file, app string) string {
	if strings.Contains(file, "/priv/native/") || strings.Contains(file, "-nif-") {
		return fmt.Sprintf("`config :rustler_precompiled, :force_build, %s: true`, or RUSTLER_PRECOMPILED_FORCE_BUILD_ALL=1", app)
	}
	return fmt.Sprintf("`config :elixir_make, :force_build, %s: true`", app)
}

// install is how a library comes to the target.
func (s speaker) install() string {
	from := s.finding.Supplier
	switch {
	case from == nil:
		return "install what has it on the target"
	case from.Package != "":
		return fmt.Sprintf("install %s on the target, or %s", from.Package, s.build())
	case from.None:
		return fmt.Sprintf("%s\n%s has no package of %s", s.build(), s.system(), from.Library)
	case from.Command != "":
		return "install it on the target, if it has a package: " + from.Command
	}
	return fmt.Sprintf("install the package that has %s on the target, or put the file beside the one that needs it and link with -Wl,-rpath,'$ORIGIN'", from.Library)
}

// symbol is the symbol that the finding is about, and whether the loader that
// looks for it is musl's.
func (s speaker) symbol() (name string, musl bool) {
	name, _ = s.value("symbol")
	return name, s.finding.Facts["loader"] == "musl"
}

// undefined is what the loader prints of a symbol that is nowhere.
func (s speaker) undefined() string {
	symbol, musl := s.symbol()
	name, version, ok := strings.Cut(symbol, "@")
	switch {
	case musl:
		return s.say(`"Error relocating #{path}: `) + name + `: symbol not found"`
	case ok:
		return fmt.Sprintf(`"undefined symbol: %s, version %s"`, name, version)
	}
	return fmt.Sprintf(`"undefined symbol: %s"`, name)
}

// provide is how a file comes by a symbol.
func (s speaker) provide() string {
	symbol, musl := s.symbol()
	switch {
	case check.IsVMFunction(symbol):
		return "the VM lacks it: compile the file with the headers of the Erlang/OTP that runs the release, or run a newer one"
	case musl && strings.Contains(symbol, "@GLIBC_"):
		return "it is glibc's own: build the release on a system with musl"
	case strings.Contains(symbol, "@"):
		return "the target's library was built without it: build on the target's own system\n" + s.build()
	}
	return "link it with the library that has the symbol (-l), so that the loader knows where to look"
}
