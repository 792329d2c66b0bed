package output_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"dram/internal/oci"
	"dram/internal/output"
	"dram/internal/problem"
	"dram/internal/ref"
)

// places are what an output may meet where it is to be written.
func places(t *testing.T) func(name string) string {
	t.Helper()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	_, err := layout.Write(at("layout"), empty.Index)
	err = errors.Join(
		err, os.Mkdir(at("empty"), 0o755), os.Mkdir(at("full"), 0o755), os.WriteFile(at("full/readme"), nil, 0o600),
		os.WriteFile(at("file.tar"), nil, 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// What cannot be written is refused before anything is built, with what to do.
func TestOpen(t *testing.T) {
	at := places(t)
	for name, tt := range map[string]struct {
		asked output.Asked
		want  output.Output
		code  problem.Kind
		hint  string // in it
	}{
		"a tar":                        {output.Asked{"output", at("new.tar")}, output.Tar{Path: at("new.tar")}, 0, ""},
		"a tar that is there":          {output.Asked{"output", at("file.tar")}, output.Tar{Path: at("file.tar")}, 0, ""},
		"a tar, said so":               {output.Asked{"output", "tar:" + at("new.tar")}, output.Tar{Path: at("new.tar")}, 0, ""},
		"a tar in the place of a dir":  {output.Asked{"output", at("empty")}, nil, problem.Usage, "oci:DIR"},
		"a tar in no directory":        {output.Asked{"output", at("none/x.tar")}, nil, problem.Failure, "mkdir -p '" + at("none") + "'"},
		"a tar below a file":           {output.Asked{"output", at("file.tar/x.tar")}, nil, problem.Failure, "write elsewhere"},
		"a tar without a name":         {output.Asked{"output", ""}, nil, problem.Usage, "-o FILE.tar"},
		"an image":                     {output.Asked{"output", "image:a.example/b"}, nil, problem.Usage, "--push"},
		"a layout":                     {output.Asked{"output", "oci:" + at("new")}, output.Layout{Dir: at("new")}, 0, ""},
		"a layout that is there":       {output.Asked{"output", "oci:" + at("layout")}, output.Layout{Dir: at("layout")}, 0, ""},
		"a layout in an empty place":   {output.Asked{"output", "oci:" + at("empty")}, output.Layout{Dir: at("empty")}, 0, ""},
		"a layout among other things":  {output.Asked{"output", "oci:" + at("full")}, nil, problem.Usage, ""},
		"a layout in a file's place":   {output.Asked{"output", "oci:" + at("file.tar")}, nil, problem.Usage, "leave \"oci:\" away"},
		"a layout in no directory":     {output.Asked{"output", "oci:" + at("none/x")}, nil, problem.Failure, "mkdir"},
		"a layout without a name":      {output.Asked{"output", "oci:"}, nil, problem.Usage, "-o FILE.tar"},
		"a registry that is none":      {output.Asked{"push", "a b"}, nil, problem.Usage, ""},
		"what no row of the table has": {output.Asked{"flag", "x"}, nil, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			outs, err := output.Open(t.Context(), output.Kinds(), []output.Asked{tt.asked}, output.Options{})
			if problem.Code(err) != int(tt.code) || !strings.Contains(problem.Hint(err), tt.hint) {
				t.Fatalf("%v (%d), hint %q", err, problem.Code(err), problem.Hint(err))
			}
			var want output.Outputs
			if tt.want != nil {
				want = output.Outputs{tt.want}
			}
			if diff := cmp.Diff(want, outs); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Outputs come in the table's order, whatever the flags' is; the image at a registry
// is sent when what stays here is written.
func TestOpenInTheTablesOrder(t *testing.T) {
	at := places(t)
	outs, err := output.Open(t.Context(), output.Kinds(), []output.Asked{
		{"push", "registry.example/team/hello:1"}, {"output", "oci:" + at("new")}, {"output", at("a.tar")}, {"output", at("b.tar")},
	}, output.Options{Tags: []string{"latest"}, MountFrom: []string{"registry.example/base"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(outs) != 4 {
		t.Fatalf("%v", outs)
	}
	if diff := cmp.Diff(output.Outputs{output.Tar{Path: at("a.tar")}, output.Tar{Path: at("b.tar")}, output.Layout{Dir: at("new")}}, outs[:3]); diff != "" {
		t.Error(diff)
	}
	push, ok := outs[3].(output.Push)
	if !ok || push.To.Repository.String() != "registry.example/team/hello" || strings.Join(push.To.Tags, " ") != "1 latest" ||
		len(push.From) != 1 || push.From[0].String() != "registry.example/base" {
		t.Errorf("%+v", outs[3])
	}
	if n := outs[3].Needs(); !n.Image || !n.Files {
		t.Errorf("sending needs %+v", n)
	}
	if n := outs[0].Needs(); !n.Image || n.Files {
		t.Errorf("a tar needs %+v", n)
	}
}

func TestPushesThatAreWrong(t *testing.T) {
	for name, tt := range map[string]struct {
		place string
		opts  output.Options
	}{
		"a tag that is none":        {"registry.example/hello", output.Options{Tags: []string{"a b"}}},
		"a repository that is none": {"registry.example/hello", output.Options{MountFrom: []string{"Not One"}}},
		"a digest":                  {"registry.example/hello@sha256:" + strings.Repeat("0", 64), output.Options{}},
		"a file":                    {"tar:hello.tar", output.Options{}},
		"nothing":                   {"", output.Options{}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := output.ParsePush(tt.place, tt.opts); problem.Code(err) != int(problem.Usage) || problem.Hint(err) == "" {
				t.Errorf("%v (%d), hint %q", err, problem.Code(err), problem.Hint(err))
			}
		})
	}
	secure, err := output.ParsePush("registry.example/hello:1", output.Options{})
	plain, err2 := output.ParsePush("registry.example/hello:1", output.Options{PlainHTTP: true})
	if err != nil || err2 != nil || secure.To.Repository.Scheme() != "https" || plain.To.Repository.Scheme() != "http" {
		t.Errorf("%v, %v", err, err2)
	}
}

// An image that was written bears the names of its release, where it says which.
func TestOpenWritten(t *testing.T) {
	for name, tt := range map[string]struct {
		notes map[string]string
		want  []string // nil: its digest
	}{
		"of a release": {
			map[string]string{"org.opencontainers.image.title": "hello", "org.opencontainers.image.version": "1.0.0"},
			[]string{"hello:1.0.0", "hello:latest"},
		},
		"a version that no tag takes": {
			map[string]string{"org.opencontainers.image.title": "hello", "org.opencontainers.image.version": "1.0.0+build"},
			[]string{"hello:1.0.0_build", "hello:latest"},
		},
		"without a version":             {map[string]string{"org.opencontainers.image.title": "hello"}, nil},
		"without anything":              {nil, nil},
		"a title that names a registry": {map[string]string{"org.opencontainers.image.title": "registry.example/x", "org.opencontainers.image.version": "1"}, nil},
		"a title that is a path":        {map[string]string{"org.opencontainers.image.title": "../x", "org.opencontainers.image.version": "1"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "layout")
			annotated, ok := mutate.Annotations(mutate.MediaType(empty.Image, "application/vnd.oci.image.manifest.v1+json"), tt.notes).(v1.Image)
			if !ok {
				t.Fatal("no image")
			}
			at, err := layout.Write(dir, empty.Index)
			if err == nil {
				err = at.AppendImage(annotated)
			}
			if err != nil {
				t.Fatal(err)
			}
			img, names, err := output.OpenWritten(ref.Ref{Kind: ref.Layout, Value: dir}, oci.Options{Arch: "amd64"})
			if err != nil {
				t.Fatal(err)
			}
			digest, err := img.Digest()
			if tt.want == nil {
				tt.want = []string{"dram-run:" + digest.Hex[:12]}
			}
			if diff := cmp.Diff(tt.want, names); diff != "" || err != nil {
				t.Errorf("%s, %v", diff, err)
			}
		})
	}
	_, _, err := output.OpenWritten(ref.Ref{Kind: ref.Layout, Value: t.TempDir()}, oci.Options{Arch: "amd64"})
	if problem.Code(err) != int(problem.Usage) || !strings.Contains(problem.Hint(err), "oci:DIR") {
		t.Errorf("nothing: %v, hint %q", err, problem.Hint(err))
	}
}
