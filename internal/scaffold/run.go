package scaffold

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"dram/internal/engine"
	"dram/internal/engine/dockerfile"
	"dram/internal/environ"
	"dram/internal/image"
	"dram/internal/plan"
	"dram/internal/problem"
	"dram/internal/release"
	"dram/internal/tool"
)

//go:embed bottle.sh
var bottleScript string

// bottled are the files that make the image in Docker: the release, made once
// more in the image that the build's Dockerfile ends with, and the files that it
// needs, over nothing.
func bottled(pl *plan.Plan, job engine.Job) (dockerfile, script []byte, err error) {
	b := &bottle{pl: pl, job: job, boot: pl.Boot()}
	b.head()
	b.assemble()
	b.config()
	if b.err != nil {
		return nil, nil, b.err
	}
	script, err = b.script()
	return []byte(b.b.String()), script, err
}

type bottle struct {
	pl   *plan.Plan
	job  engine.Job
	boot tool.Boot
	b    strings.Builder
	err  error
}

func (b *bottle) line(format string, args ...any) { fmt.Fprintf(&b.b, format+"\n", args...) }

func (b *bottle) head() {
	b.line("# The image of %s: the release, and the files outside of it that it needs.", b.pl.Release)
	b.line("#   docker build --tag=%s -f %s .", dockerfile.LastStage, BuildFile)
	b.line("#   docker build --tag=%s -f %s .", b.pl.Release, RunFile)
	b.line("#   docker run --rm %s", b.pl.Release)
	b.line("# It is yours to change. `dram image` makes the like without Docker, and checks it.")
	b.line("ARG BUILD=%s", dockerfile.LastStage)
}

// assemble makes the release, all else of which that image has, and leaves out what no
// release runs.
func (b *bottle) assemble() {
	b.line("")
	b.line("FROM ${BUILD} AS bottle")
	b.line(`SHELL ["/bin/sh", "-euc"]`)
	b.line("WORKDIR %s", engine.SourceDir)
	b.line("# What no release runs or reads, and secrets, go; what it needs of this system comes.")
	b.line("COPY %s /dram/bottle", RunScript)
	lead := "RUN "
	for _, s := range dockerfile.Assembling(b.job) {
		words := make([]string, 0, len(s.Argv)+len(s.Env))
		for _, w := range append(environ.Merge(s.Env), s.Argv...) {
			words = append(words, dockerfile.Word(w))
		}
		b.line(`%senv %s; \`, lead, strings.Join(words, " "))
		lead = "    "
	}
	b.line(`    mkdir /image; mv %s /image/app; \`, dockerfile.Word(b.job.Export))
	b.line("    sh /dram/bottle")
}

// leftOut are the table's patterns for the shell, and names to look for below
// priv.
func (b *bottle) leftOut() (globs, finds []string) {
	for _, e := range slices.Concat(release.ImageExclusions(), b.boot.Exclude) {
		dir, name, deep := strings.Cut(e.Pattern, "/**/")
		switch {
		case deep && dir == "lib/*/priv":
			finds = append(finds, "-name '"+name+"'")
		case !strings.Contains(e.Pattern, "/**/"):
			globs = append(globs, strings.TrimSuffix(e.Pattern, "/**"))
		}
	}
	return globs, finds
}

// script is bottle.sh, told of this release.
func (b *bottle) script() ([]byte, error) {
	lists, files, err := image.Outside(b.user())
	if err != nil {
		return nil, err
	}
	lists["programs"] = append(lists["programs"], b.boot.Programs...)
	lists["asked"] = b.pl.Image.Asked()
	head, body, _ := strings.Cut(bottleScript, "\n\n")
	var s strings.Builder
	s.WriteString(head + "\n")
	for _, name := range slices.Sorted(maps.Keys(lists)) {
		fmt.Fprintf(&s, "%s=%s\n", name, dockerfile.Word(strings.Join(lists[name], " ")))
	}
	b.leaveOut(&s)
	b.cookie(&s)
	s.WriteString("\n" + body + "\n# What every image has below /etc.\n")
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(&s, "cat > \"$out/etc/%s\" <<'END'\n%sEND\n", name, files[name])
	}
	b.data(&s)
	return []byte(s.String()), nil
}

// leaveOut removes what no release runs or reads, and secrets.
func (b *bottle) leaveOut(s *strings.Builder) {
	globs, finds := b.leftOut()
	s.WriteString("\n# Without what a release never runs or reads, and without secrets.\ncd \"$out/app\"\nrm -rf --")
	for _, g := range globs {
		s.WriteString(" \\\n    " + g)
	}
	fmt.Fprintf(s, "\nfind lib -path 'lib/*/priv/*' -type f \\( %s \\) -exec rm -f {} +\n", strings.Join(finds, " -o "))
}

// cookie has the scripts find or make what stays out of the image.
func (b *bottle) cookie(s *strings.Builder) {
	c := b.boot.Cookie
	for _, name := range c.Holders {
		if len(c.Holders) > 1 {
			fmt.Fprintf(s, "[ ! -f releases/*/%s ] || ", name)
		}
		fmt.Fprintf(s, "sed -i -e %s releases/*/%s\n", dockerfile.Word(c.Sed), name)
	}
	if c.Env != "" {
		into := `cat >> "$env"`
		if c.After != "" {
			into = "sed -i -e " + dockerfile.Word("/^"+regexp.QuoteMeta(c.After)+"/r /dev/stdin") + ` "$env"`
		}
		fmt.Fprintf(s, "\n# No cookie that everybody who has the image knows.\nfor env in %s; do\n    %s <<'END'\n%sEND\ndone\n",
			c.Env, into, strings.TrimSuffix(string(c.Script), "\n")+"\n")
	}
	s.WriteString("cd /\n")
}

func (b *bottle) user() string { return cmp.Or(b.pl.Image.User, image.DefaultUser) }

// config is what `dram image` gives its images.
func (b *bottle) config() {
	set := b.pl.Image
	b.line("")
	b.line("FROM scratch")
	b.pairs("ENV", environ.Merge(image.Environment(b.boot), set.Env))
	b.pairs("LABEL", set.Labels)
	for _, port := range set.Expose {
		b.line("EXPOSE %s", strconv.Itoa(port))
	}
	b.contents()
	b.line("WORKDIR /app")
	b.line("USER %s", b.user())
	b.line("STOPSIGNAL SIGTERM")
	b.starts()
	b.line("# Last, so that a builder of layers has all of the above in its cache.")
	b.line("COPY --from=bottle /image/ /")
	b.files()
}

// pairs is an instruction with NAME="value" a line, in which $ and \ mean
// something: one step, where the classic builder takes time for each.
func (b *bottle) pairs(instruction string, pairs []string) {
	for i, kv := range pairs {
		k, v, _ := strings.Cut(kv, "=")
		if strings.ContainsAny(kv, "\r\n\x00") || strings.ContainsAny(k, " \t\"'\\$=") {
			b.err = problem.New(problem.Usage, "leave it out of the settings for the image", "%q cannot stand in a Dockerfile", kv)
			return
		}
		lead, end := "   ", ""
		if i == 0 {
			lead = instruction
		}
		if i < len(pairs)-1 {
			end = ` \`
		}
		b.line(`%s %s="%s"%s`, lead, k, strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`).Replace(v), end)
	}
}

func jsonWord(s string) string {
	raw, _ := json.Marshal(s) // a string always encodes
	return string(raw)
}
