package ref

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// nearest is the first reference that the place takes and that s may have meant.
func (u Use) nearest(s string) (Ref, bool) {
	for _, r := range u.readings(s) {
		if u.Takes(r.Kind) {
			return r, true
		}
	}
	return Ref{}, false
}

// readings are what s may mean, the likeliest first: a name by another tool's
// grammar, a distribution or profile, a path, a machine, an image.
func (u Use) readings(s string) []Ref {
	if r, ok := foreign(s); ok {
		return []Ref{r}
	}
	value := s
	if known(s) {
		_, value, _ = strings.Cut(s, ":")
	}
	out := u.named(value)
	if _, rest, ok := strings.Cut(value, ":"); ok { // the kind may have been misspelt
		out = append(out, u.named(rest)...)
	}
	switch {
	case s == string(Host) || s == "localhost" || strings.HasPrefix(s, string(Host)+":"):
		out = append(out, Ref{Kind: Host})
	case isPath(value):
		out = append(out, ofPath(value)...)
	case known(s): // it names something else than a machine or an image
	case machine.MatchString(value):
		out = append(out, Ref{SSH, value})
	case imageName(value):
		out = append(out, Ref{Image, value})
	}
	return out
}

// named are the distribution and the profile of that name.
func (u Use) named(name string) []Ref {
	var out []Ref
	for _, k := range []Kind{Distro, Profile} {
		if u.Has != nil && u.Has(k, name) {
			out = append(out, Ref{k, name})
		}
	}
	return out
}

// foreign reads the transports of containers/image, as skopeo and Podman take
// them.
func foreign(s string) (Ref, bool) {
	for _, t := range []struct {
		prefix string
		kind   Kind
	}{
		{"docker://", Image}, {"docker-archive:", Tar}, {"oci-archive:", Tar}, {"oci-layout://", Layout}, {"oci-layout:", Layout},
	} {
		if value, ok := strings.CutPrefix(s, t.prefix); ok && value != "" {
			return Ref{t.kind, value}, true
		}
	}
	return Ref{}, false
}

// isPath says whether s is one by its form, or since something lies there.
func isPath(s string) bool {
	if s == "" {
		return false
	}
	for _, prefix := range []string{"./", "../", "/"} {
		if strings.HasPrefix(s, prefix) {
			return true
		}
	}
	_, err := os.Stat(s)
	return err == nil || archive.MatchString(s) || filepath.Ext(s) == ".json"
}

// archive is how files are called that hold an image.
var archive = regexp.MustCompile(`\.(tar|tgz|tar\.(gz|zst))$`)

// ofPath are the references that a path may stand for.
func ofPath(at string) []Ref {
	if r, ok := lying(at); ok {
		return []Ref{r}
	}
	info, err := os.Stat(at)
	switch {
	case archive.MatchString(at):
		return []Ref{{Tar, at}, {Path, at}}
	case filepath.Ext(at) == ".json":
		return []Ref{{File, at}}
	case err == nil && info.IsDir():
		return []Ref{{Dir, at}, {Path, at}}
	}
	return []Ref{{Path, at}}
}

// machine is USER@HOST, with a port or without.
var machine = regexp.MustCompile(`^[A-Za-z0-9_.][A-Za-z0-9_.+-]*@[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?$`)

// imageName says whether s is an image's name in a registry. One word alone could
// be anything.
func imageName(s string) bool {
	_, err := name.ParseReference(s)
	return err == nil && strings.ContainsAny(s, "/:@")
}

// otherwise says whether s was hardly meant as a path: it is an image's name with
// a tag, a digest or a registry's name, or of another tool's grammar.
func otherwise(s string) bool {
	if _, ok := foreign(s); ok {
		return true
	}
	first, _, several := strings.Cut(s, "/")
	return imageName(s) && !isPath(s) && (strings.ContainsAny(s, ":@") || several && strings.Contains(first, "."))
}
