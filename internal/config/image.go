package config

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"dram/internal/grammar"
	"dram/internal/problem"
)

// ImageTables are what dram.toml alone has of the image.
type ImageTables struct {
	ImageFiles  []ImageFile
	Directories []ImageDirectory
	Healthcheck *Healthcheck // nil: none
}

// ImageFile is one [[image.files]]: a file or a directory of the project that the
// image has.
type ImageFile struct {
	Source      string `json:"source"`      // relative to the project, with slashes
	Destination string `json:"destination"` // absolute; with a slash at its end, the directory that it goes into
	Mode        string `json:"mode,omitempty"`
	Owner       string `json:"owner,omitempty"`
}

// ImageDirectory is one [[image.directories]]: a place that the release writes to.
type ImageDirectory struct {
	Path   string `json:"path"` // absolute
	Mode   string `json:"mode,omitempty"`
	Owner  string `json:"owner,omitempty"`  // the image's user, if none is named
	Volume bool   `json:"volume,omitempty"` // container engines keep it beside the container
}

// Healthcheck is [image.healthcheck]: how a container engine sees that a release
// serves.
type Healthcheck struct {
	// Command is a program of the image by its path, or a command of the release.
	Command     []string `json:"command"`
	Interval    string   `json:"interval,omitempty"` // durations, such as "30s"
	Timeout     string   `json:"timeout,omitempty"`
	StartPeriod string   `json:"start_period,omitempty"`
	Retries     int      `json:"retries,omitempty"`
}

// maxImageRows bounds the files and the directories that an image is given.
const maxImageRows = 200

const imageHint = "see docs/howto/image-contents.md"

// imageTables reads them of a dram.toml.
func imageTables(v any) (t ImageTables, err error) {
	group, _ := v.(map[string]any) // of another type, it is an unknown setting
	if t.ImageFiles, err = rows(group["files"], "image.files", (*ImageFile).fields, (*ImageFile).check); err != nil {
		return t, err
	}
	if t.Directories, err = rows(group["directories"], "image.directories", (*ImageDirectory).fields, (*ImageDirectory).check); err != nil {
		return t, err
	}
	if group["healthcheck"] == nil {
		return t, nil
	}
	one, err := rows([]any{group["healthcheck"]}, "image.healthcheck", (*Healthcheck).fields, (*Healthcheck).check)
	if err == nil {
		t.Healthcheck = &one[0]
	}
	return t, err
}

// rows reads a list of tables, each a T with these fields by their keys.
func rows[T any](v any, key string, fields func(*T) map[string]any, check func(*T) (hint string, err error)) ([]T, error) {
	if v == nil {
		return nil, nil
	}
	list, ok := v.([]any)
	if !ok || len(list) > maxImageRows {
		return nil, problem.New(problem.Usage, imageHint, "%s: %s must be a list of at most %d tables: write [[%s]] above each", FileName, key, maxImageRows, key)
	}
	var out []T
	for i, e := range list {
		var row T
		hint, err := readRow(e, fields(&row))
		if err == nil {
			hint, err = check(&row)
		}
		if err != nil {
			where := key
			if len(list) > 1 {
				where = fmt.Sprintf("%s %d", key, i+1)
			}
			return nil, problem.New(problem.Usage, hint, "%s: %s: %w", FileName, where, err)
		}
		out = append(out, row)
	}
	return out, nil
}

// readRow sets fields, by their keys, to what a table has.
func readRow(v any, fields map[string]any) (hint string, err error) {
	table, ok := v.(map[string]any)
	if !ok {
		return imageHint, fmt.Errorf("it is not a table")
	}
	for _, key := range slices.Sorted(maps.Keys(table)) {
		to, known := fields[key]
		if !known {
			return fmt.Sprintf("did you mean %q?", nearestOf(key, slices.Sorted(maps.Keys(fields)))), fmt.Errorf("unknown key %s", grammar.Quote(key))
		}
		if err := take(to, table[key]); err != nil {
			return imageHint, fmt.Errorf("%s: %w", key, err)
		}
	}
	return "", nil
}

func (f *ImageFile) fields() map[string]any {
	return map[string]any{"source": &f.Source, "destination": &f.Destination, "mode": &f.Mode, "owner": &f.Owner}
}

func (d *ImageDirectory) fields() map[string]any {
	return map[string]any{"path": &d.Path, "mode": &d.Mode, "owner": &d.Owner, "volume": &d.Volume}
}

func (h *Healthcheck) fields() map[string]any {
	return map[string]any{
		"command": &h.Command, "interval": &h.Interval, "timeout": &h.Timeout, "start_period": &h.StartPeriod, "retries": &h.Retries,
	}
}

// To is where the file lies in the image: "etc/app/config.yml".
func (f ImageFile) To() string {
	to := f.Destination
	if strings.HasSuffix(to, "/") {
		to += path.Base(f.Source)
	}
	return strings.TrimPrefix(path.Clean(to), "/")
}

func (f *ImageFile) check() (hint string, err error) {
	switch {
	case f.Source == "" || f.Destination == "":
		return `source = "config/app.yml" and destination = "/etc/app.yml"`, fmt.Errorf("it has no source, or no destination")
	case !fs.ValidPath(f.Source) || f.Source == "." || !grammar.Printable(f.Source):
		return "the source is a path inside the project, with slashes: copy what lies outside into the project", fmt.Errorf("source %s leaves the project", grammar.Quote(f.Source))
	}
	if hint, err := checkPlace(f.Destination); err != nil {
		return hint, err
	}
	return checkRights(f.Mode, f.Owner)
}

func (d *ImageDirectory) check() (hint string, err error) {
	if hint, err := checkPlace(d.Path); err != nil {
		return hint, err
	}
	at := strings.TrimPrefix(path.Clean(d.Path), "/")
	if ofRelease.MatchString(at) {
		return "choose a place outside the release, such as /var/lib/NAME, or /app/data",
			fmt.Errorf("directory %s is inside the release, which nobody but root may write to", grammar.Quote(d.Path))
	}
	return checkRights(d.Mode, d.Owner)
}

// ofRelease matches what the release itself has of /app.
var ofRelease = regexp.MustCompile(`^app(/(bin|lib|releases|erts-[^/]*)(/.*)?)?$`)

// kernels are the directories that the kernel fills when a container starts.
var kernels = regexp.MustCompile(`^/?(dev|proc|sys)(/|$)`)

// checkPlace refuses what is no place in an image.
func checkPlace(at string) (hint string, err error) {
	clean := strings.TrimPrefix(path.Clean(at), "/")
	switch {
	case !path.IsAbs(at) || !grammar.Printable(at) || clean == "" || slices.Contains(strings.Split(at, "/"), ".."):
		return "write an absolute path, without ..", fmt.Errorf("%s is no place in an image", grammar.Quote(at))
	case kernels.MatchString(clean):
		return "choose another place", fmt.Errorf("%s is the kernel's when a container runs", grammar.Quote(at))
	}
	return "", nil
}

var octal = regexp.MustCompile(`^0?[0-7]{3}$|^0?1[0-7]{3}$`)

// checkRights refuses a mode that is none, or that would have programs run as another
// user, and an owner that is no number.
func checkRights(mode, owner string) (hint string, err error) {
	if mode != "" && !octal.MatchString(mode) {
		return `write it in octal, as a string: mode = "0750"`, fmt.Errorf("mode %s is no set of permissions", grammar.Quote(mode))
	}
	if owner == "" {
		return "", nil
	}
	return `write owner = "UID:GID": an image from scratch knows no names`, checkUser(owner)
}

func (h *Healthcheck) check() (hint string, err error) {
	if len(h.Command) == 0 || h.Command[0] == "" {
		return `command = ["rpc", "MyApp.Health.check()"] for a command of the release, or a program of the image by its path`, fmt.Errorf("a health check without a command checks nothing")
	}
	if err := checkWords(h.Command); err != nil {
		return imageHint, err
	}
	for _, d := range []struct{ key, value string }{{"interval", h.Interval}, {"timeout", h.Timeout}, {"start_period", h.StartPeriod}} {
		if d.value == "" {
			continue
		}
		if n, err := time.ParseDuration(d.value); err != nil || n < time.Millisecond {
			return d.key + ` = "30s"`, fmt.Errorf("%s %s is no duration", d.key, grammar.Quote(d.value))
		}
	}
	if h.Retries < 0 || h.Retries > 1000 {
		return "retries = 3", fmt.Errorf("it cannot be tried %d times", h.Retries)
	}
	return "", nil
}

// checkWords refuses words that no program can be given.
func checkWords(words []string) error {
	for _, w := range words {
		if w == "" || strings.Contains(w, "\x00") {
			return fmt.Errorf("a word of the command is empty, or holds a NUL")
		}
	}
	return nil
}

// localeName is how glibc calls a locale whose text is in UTF-8.
var localeName = regexp.MustCompile(`^[a-z]{2,3}_[A-Z]{2}(\.(UTF-8|utf8))?(@[a-z]{1,16})?$`)

// checkLocale refuses what is no locale in UTF-8: the VM knows no other text.
func checkLocale(name string) error {
	if !localeName.MatchString(name) {
		return fmt.Errorf("%s is no locale in UTF-8, such as de_DE.UTF-8", grammar.Quote(name))
	}
	return nil
}

// Permissions are those that a mode of dram.toml means; ok is false where none is set.
func Permissions(mode string) (perm fs.FileMode, ok bool) {
	n, err := strconv.ParseUint(mode, 8, 32)
	if err != nil {
		return 0, false
	}
	perm = fs.FileMode(n & 0o777)
	if n&0o1000 != 0 {
		perm |= fs.ModeSticky
	}
	return perm, true
}

// encoded is the tables as dram.toml has them.
func (t ImageTables) encoded() map[string]any {
	out := map[string]any{}
	var files, dirs []map[string]any
	for _, f := range t.ImageFiles {
		files = append(files, filled(f.fields()))
	}
	for _, d := range t.Directories {
		dirs = append(dirs, filled(d.fields()))
	}
	if files != nil {
		out["files"] = files
	}
	if dirs != nil {
		out["directories"] = dirs
	}
	if t.Healthcheck != nil {
		out["healthcheck"] = filled(t.Healthcheck.fields())
	}
	return out
}

// filled are the fields that are set.
func filled(fields map[string]any) map[string]any {
	out := map[string]any{}
	for key, field := range fields {
		switch v := field.(type) {
		case *string:
			if *v != "" {
				out[key] = *v
			}
		case *[]string:
			out[key] = *v
		case *bool:
			if *v {
				out[key] = true
			}
		case *int:
			if *v != 0 {
				out[key] = *v
			}
		}
	}
	return out
}
