package scaffold

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"path"
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
	"dram/internal/tool/tools"
)

//go:embed bottle.sh
var bottleScript string

// RunDockerfile is the bottle: the release, made once more in the image that
// the build's Dockerfile ends with, and the files that it needs, over nothing.
func RunDockerfile(pl *plan.Plan, job engine.Job) ([]byte, error) {
	made := tools.All().Named(pl.Tool)
	if made == nil {
		return nil, fmt.Errorf("writing %s: no tool has the name %q", RunFile, pl.Tool)
	}
	b := &bottle{pl: pl, job: job, boot: made.Boot(&release.Release{Name: pl.Release, Version: pl.Version})}
	b.head()
	b.assemble()
	b.cookie()
	b.closure()
	b.config()
	if b.err != nil {
		return nil, b.err
	}
	return []byte(b.b.String()), nil
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
	b.line("#   docker build --tag=%s -f %s .", dockerfile.Last, BuildFile)
	b.line("#   docker build --tag=%s -f %s .", b.pl.Release, RunFile)
	b.line("#   docker run --rm %s", b.pl.Release)
	b.line("# It is yours to change. `dram image` makes the like without Docker, and checks it.")
	b.line("ARG BUILD=%s", dockerfile.Last)
}

// assemble runs what the job runs without fetching, and leaves out what no
// release runs.
func (b *bottle) assemble() {
	b.line("")
	b.line("FROM ${BUILD} AS bottle")
	b.line(`SHELL ["/bin/sh", "-euc"]`)
	b.line("WORKDIR %s", engine.SourceDir)
	steps := b.job.Building()
	for i, s := range steps {
		words := make([]string, 0, len(s.Argv)+len(s.Env))
		for _, w := range append(environ.Merge(s.Env), s.Argv...) {
			words = append(words, dockerfile.Word(w))
		}
		lead := "    "
		if i == 0 {
			lead = "RUN "
		}
		b.line(`%senv %s; \`, lead, strings.Join(words, " "))
	}
	b.line(`    mkdir -p /image/app; \`)
	b.line("    cp -a %s/. /image/app/", dockerfile.Word(b.job.Export))
	b.line("WORKDIR /image/app")
	b.line("# Without what a release never runs or reads, and without secrets.")
	b.line(`RUN rm -rf -- \`)
	globs, finds := b.leftOut()
	for _, g := range globs {
		b.line(`    %s \`, g)
	}
	b.b.WriteString("    ; ")
	b.line(`find lib -path 'lib/*/priv/*' -type f \( %s \) -exec rm -f {} +`, strings.Join(finds, " -o "))
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

// cookie has the scripts find or make what stays out of the image.
func (b *bottle) cookie() {
	c := b.boot.Cookie
	if c.Holder != "" {
		b.line("RUN sed -i -e %s releases/*/%s", dockerfile.Word(c.Sed), c.Holder)
	}
	if c.Env == "" {
		return
	}
	b.line("# No cookie that everybody who has the image knows.")
	b.script(strings.Split(strings.TrimSuffix(string(c.Script), "\n"), "\n"))
	b.line(`    > /dram/cookie; for env in releases/*/%s; do cat /dram/cookie >> "$env"; done`, c.Env)
}

// closure gathers libraries, programs, certificates, the locale.
func (b *bottle) closure() {
	uid, gid, _ := strings.Cut(b.user(), ":")
	programs := append(image.Programs(), b.boot.Programs...)
	lines := strings.Split(strings.TrimSuffix(bottleScript, "\n"), "\n")
	lines = slices.Insert(lines, 1,
		"programs="+dockerfile.Word(strings.Join(programs, " ")),
		"asked="+dockerfile.Word(strings.Join(b.pl.Image.Programs, " ")),
		"user="+uid, "group="+cmp.Or(gid, uid))
	b.line("")
	b.script(lines)
	b.line("    > /dram/bottle; sh /dram/bottle")
}

// script writes lines that the shell is to write down: Docker's classic builder
// knows no other way to have a file in a Dockerfile.
func (b *bottle) script(lines []string) {
	b.line(`RUN printf '%%s\n' \`)
	for _, l := range lines {
		b.line(`    %s \`, dockerfile.Word(l))
	}
}

func (b *bottle) user() string { return cmp.Or(b.pl.Image.User, image.DefaultUser) }

// config is what `dram image` gives its images.
func (b *bottle) config() {
	set := b.pl.Image
	b.line("")
	b.line("FROM scratch")
	b.line("COPY --from=bottle /image/ /")
	b.pairs("ENV", environ.Merge(image.Environment(b.boot), set.Env))
	b.pairs("LABEL", set.Labels)
	for _, port := range set.Expose {
		b.line("EXPOSE %s", strconv.Itoa(port))
	}
	b.line("WORKDIR /app")
	b.line("USER %s", b.user())
	b.line("STOPSIGNAL SIGTERM")
	b.line("ENTRYPOINT [%s]", jsonWord(path.Join("/app/bin", b.pl.Release)))
	b.line("CMD [%s]", jsonWord(b.boot.Command))
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
