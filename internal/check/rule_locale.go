package check

import (
	"bytes"
	"io"
	"strings"

	"dram/internal/rootfs"
	"dram/internal/target"
)

var localeRule = Rule{
	ID: "locale", Title: "there is a UTF-8 locale", Worst: Warn, Run: locale,
	Doc: Doc{
		Looks: "A UTF-8 locale on the target, and of an image that it sets one. Without it the VM takes file names and standard input as Latin-1.",
		Seen:  `warning: the VM is running with native name encoding of latin1 which may cause Elixir to malfunction as it expects utf8`,
		Do:    "Add C.UTF-8 to the target and set LANG=C.UTF-8, or start with ELIXIR_ERL_OPTIONS=+fnu.",
	},
}

var (
	noLocale = Cause{
		ID: "none", Summary: "the target has no UTF-8 locale", Symptom: `"warning: the VM is running with native name encoding of latin1"`,
		Remedy: "add C.UTF-8 to the target, or start with ELIXIR_ERL_OPTIONS=+fnu", Needs: "a UTF-8 locale on the target",
	}
	unknownLocale = noLocale.with(Cause{ID: "unknown", Summary: "whether the target has a UTF-8 locale is not known"})
	otherLocale   = noLocale.with(Cause{
		ID: "other", Summary: "the start has the locale #{locale}, which the target has not, so that the VM takes names as Latin-1",
		Remedy: "set LANG=C.UTF-8, or install #{locale} on the target", Needs: "LANG=C.UTF-8",
	})
	maybeLocale = otherLocale.with(Cause{ID: "other-unknown", Summary: "the start has the locale #{locale}, and whether the target has it is not known"})
	unsetLocale = noLocale.with(Cause{
		ID: "unset", Summary: "the image sets no UTF-8 locale", Remedy: "set LANG=C.UTF-8 in the image", Needs: "LANG=C.UTF-8 in the image",
	})
)

// locale: without one the VM takes file names and standard input as latin1.
func locale(s *Survey) []Finding {
	f := Finding{Verdict: Warn, Subject: Subject{Origin: "erts"}, Evidence: Evidence{Wants: []string{"C.UTF-8"}}}
	switch {
	case s.target.Facts.Libc.Kind == "":
		return nil
	case !s.target.Facts.UTF8 && s.target.Open(target.Locales):
		f.Cause = unknownLocale
	case !s.target.Facts.UTF8:
		f.Cause = &noLocale
	case s.otherLocale() != "":
		f.Cause, f.Params = otherLocale, Params{"locale": s.otherLocale()}
		if _, captured := s.target.Root().(rootfs.Described); captured {
			f.Cause = maybeLocale
		}
	case s.image != nil && !s.utf8Set():
		f.Cause = unsetLocale
	default:
		return nil
	}
	return []Finding{f}
}

// otherLocale is the UTF-8 locale that a start sets and the target has not, "" if
// there is none such.
func (s *Survey) otherLocale() string {
	name, ok := s.localeName()
	if !ok || s.hasLocale(name) || s.takesUTF8() || !strings.Contains(strings.ToLower(strings.ReplaceAll(name, "-", "")), "utf8") {
		return ""
	}
	return name
}

// utf8Set says whether the image, or the release, has the VM take names as
// UTF-8.
func (s *Survey) utf8Set() bool {
	name, ok := s.localeName()
	return ok && s.hasLocale(name) || s.takesUTF8()
}

func (s *Survey) takesUTF8() bool {
	if vm := s.starting().vm; vm != nil {
		return vm.has("+fnu") || vm.has("+fnuw") || vm.has("+fnui") || vm.has("+fnue")
	}
	return strings.Contains(s.startFiles(), "+fnu")
}

// localeName is the locale that a start has, where the image or the release sets
// one: the first variable that is set counts (locale(7)).
func (s *Survey) localeName() (string, bool) {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		v := s.image.env(name)
		if vm := s.starting().vm; vm != nil {
			if set := vm.Env[name]; set.Text != "" || set.Unknown {
				v = set.Text
			}
		}
		if v != "" {
			return v, true
		}
	}
	return "", false
}

// hasLocale says whether a locale takes names as UTF-8 on the target. musl has one
// for every name; that C.UTF-8 is not there is said by the rule itself, and glibc knows
// others where their files are.
func (s *Survey) hasLocale(name string) bool {
	plain := strings.ToLower(strings.ReplaceAll(name, "-", ""))
	if !strings.Contains(plain, "utf8") {
		return false
	}
	if s.target.Facts.Libc.Kind == "musl" || strings.HasPrefix(plain, "c.") {
		return true
	}
	language, _, _ := strings.Cut(name, ".")
	for _, at := range []string{name, language + ".utf8", language + ".UTF-8"} {
		if _, err := s.root.Stat("usr/lib/locale/" + at); err == nil {
			return true
		}
	}
	archive, err := s.head("usr/lib/locale/locale-archive", maxLocales)
	return err == nil && bytes.Contains(archive, []byte(language+".utf8"))
}

// maxLocales is in how many bytes of glibc's archive of locales their names are.
const maxLocales = 1 << 20

// head is how a file of the target begins.
func (s *Survey) head(name string, limit int64) ([]byte, error) {
	f, err := s.root.Open(s.real(name))
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	return io.ReadAll(io.LimitReader(f, limit))
}
