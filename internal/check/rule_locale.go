package check

import (
	"strings"

	"dram/internal/target"
)

var localeRule = Rule{
	ID: "locale", Title: "there is a UTF-8 locale", Worst: Unknown, Run: locale,
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
	unsetLocale   = noLocale.with(Cause{
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
		f.Verdict, f.Cause = Unknown, unknownLocale
	case !s.target.Facts.UTF8:
		f.Cause = &noLocale
	case s.image != nil && !s.utf8Set():
		f.Cause = unsetLocale
	default:
		return nil
	}
	return []Finding{f}
}

// utf8Set says whether the image, or the release, has the VM take names as
// UTF-8.
func (s *Survey) utf8Set() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} { // the first that is set counts (locale(7))
		if v := s.image.env(name); v != "" {
			v = strings.ToLower(strings.ReplaceAll(v, "-", ""))
			return strings.Contains(v, "utf8")
		}
	}
	flags := s.startFiles() + s.image.env("ELIXIR_ERL_OPTIONS") + s.image.env("ERL_AFLAGS") + s.image.env("ERL_FLAGS")
	return strings.Contains(flags, "+fnu") || strings.Contains(flags, "LANG=") || strings.Contains(flags, "LC_ALL=")
}
