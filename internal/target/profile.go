package target

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"path"
	"runtime"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"dram/internal/problem"
)

//go:generate go run ./genprofiles -o profiles

// profileFiles are documents as Capture writes them, one a line and one line a
// platform, read from the packages of Debian and of musl. They are decoded
// when they are asked for.
//
//go:embed profiles/*.zst
var profileFiles embed.FS

// Listed is a profile for those who choose one.
type Listed struct {
	Name      string   `json:"name"`    // "debian/12"
	Aliases   []string `json:"aliases"` // other names of the same
	Points    []string `json:"points"`  // "first" and "latest", where they differ
	Platforms []string `json:"platforms"`
	Whole     bool     `json:"whole"` // symbols and packages are known, not only symbol versions
	Known     []Known  `json:"known"`
}

func platforms() []string { return []string{"linux/amd64", "linux/arm64"} }

// Profiles lists what is built in, by distribution and version. Of those with
// several platforms, the facts are the same on each.
func Profiles() ([]Listed, error) {
	var out []Listed
	for _, r := range profileRows() {
		l := Listed{Name: r.name, Aliases: append([]string{}, r.aliases...), Points: []string{}, Platforms: r.platforms(), Whole: r.file != "", Known: r.known("")}
		if r.drifts() {
			l.Points = []string{"first", "latest"}
		}
		if r.file != "" {
			doc, err := readProfile(r.file, platforms()[0])
			if err != nil {
				return nil, err
			}
			l.Known = doc.Profile.Known
		}
		out = append(out, l)
	}
	return out, nil
}

// ProfileNames is the names of all profiles, aliases too.
func ProfileNames() (out []string) {
	for _, r := range profileRows() {
		out = append(append(out, r.name), r.aliases...)
	}
	return out
}

// hasProfile says whether openProfile would find the name.
func hasProfile(value string) bool {
	name, _, _ := splitProfile(value)
	return slices.Contains(ProfileNames(), name)
}

// openProfile opens a built-in target: NAME[@first|@latest][/amd64|/arm64].
// Without a processor it is this machine's.
func openProfile(ref, value string) (*Target, error) {
	r, point, err := profileOf(ref, value)
	if err != nil {
		return nil, err
	}
	_, _, arch := splitProfile(value)
	doc, err := r.document("linux/"+arch, point)
	if err != nil {
		return nil, fmt.Errorf("opening target %q: %w", ref, err)
	}
	t, err := doc.target()
	if err != nil {
		return nil, fmt.Errorf("opening target %q: %w", ref, err)
	}
	t.Name = ref
	return t, nil
}

// profileOf finds the row of a built-in target, and the point release asked for.
func profileOf(ref, value string) (row profileRow, point string, err error) {
	name, point, arch := splitProfile(value)
	i := slices.IndexFunc(profileRows(), func(r profileRow) bool { return r.name == name || slices.Contains(r.aliases, name) })
	if i < 0 {
		return row, "", problem.New(problem.Usage, "see `dram target list`"+similar(name), "target %q: there is no profile %q", ref, name)
	}
	r := profileRows()[i]
	if point != "" && point != "first" && point != "latest" {
		return row, "", problem.New(problem.Usage, "write @first or @latest, or neither", "target %q: there is no point release %q", ref, point)
	}
	if !slices.Contains(r.platforms(), "linux/"+arch) {
		return row, "", problem.New(problem.Usage, fmt.Sprintf("for x86-64 write profile:%s/amd64; for others capture a machine: dram target capture", r.name),
			"target %q: nothing is known of %s on linux/%s", ref, r.name, arch)
	}
	return r, point, nil
}

func splitProfile(value string) (name, point, arch string) {
	name, arch = value, runtime.GOARCH
	for _, p := range platforms() {
		a := strings.TrimPrefix(p, "linux/")
		if rest, ok := strings.CutSuffix(name, "/"+a); ok {
			name, arch = rest, a
		}
	}
	if !slices.Contains(platforms(), "linux/"+arch) {
		arch = "amd64"
	}
	name, point, _ = strings.Cut(name, "@")
	return name, point, arch
}

// similar is the other versions of a distribution, as the end of a hint.
func similar(name string) string {
	var names []string
	distro, _, _ := strings.Cut(name, "/")
	for _, r := range profileRows() {
		for _, n := range append([]string{r.name}, r.aliases...) {
			if d, _, _ := strings.Cut(n, "/"); d == distro {
				names = append(names, n)
			}
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "; of " + distro + ": " + strings.Join(names, ", ")
}

// readProfile reads one line of an embedded file: a platform's, and where the
// documents have other names than the file, that name's.
func readProfile(file, platform string) (*document, error) {
	return findProfile(file, platform, "")
}

func findProfile(file, platform, name string) (*document, error) {
	b, err := profileFiles.ReadFile(path.Join("profiles", file+".zst"))
	if err != nil {
		return nil, err
	}
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxCapture))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	text, err := z.DecodeAll(b, nil)
	if err != nil {
		return nil, fmt.Errorf("reading profile %q: %w", file, err)
	}
	for line := range bytes.Lines(text) {
		head := line[:min(len(line), 400)] // where the encoder puts name and facts
		if !bytes.Contains(head, []byte(`"platform":"`+platform+`"`)) || name != "" && !bytes.Contains(head, []byte(`"name":"`+name+`"`)) {
			continue
		}
		var doc document
		if err := json.Unmarshal(line, &doc); err != nil {
			return nil, fmt.Errorf("reading profile %q: %w", file, err)
		}
		return &doc, nil
	}
	return nil, fmt.Errorf("profile %q has no %s of %q", file, platform, name)
}
