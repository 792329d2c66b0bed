package gleam

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/problem"
	"dram/internal/source"
	"dram/internal/tool"
	"dram/internal/tool/tooltest"
)

// script is what of entrypoint.sh counts.
const script = "-- entrypoint.sh --\n#!/bin/sh\nset -eu\nPACKAGE=shop\nrun() {\n  exec erl -eval \"$PACKAGE@@main:run($PACKAGE)\"\n}\n"

const shopApp = "-- shop/ebin/shop.app --\n{application, shop, [{vsn, \"1.2.0\"}, {applications, [gleam_stdlib]}]}.\n"

func exported(t *testing.T, tree, release string) (*tooltest.Plan, tool.Build, error) {
	t.Helper()
	var flags []string
	if release != "" {
		flags = append(flags, "release="+release)
	}
	n, p, err := tooltest.Read(t, Exported{}, tree, flags...)
	n.From = "asked"
	if err != nil || p == nil {
		return n, nil, err
	}
	b, err := p.Plan(n)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Release(); err != nil {
		return n, nil, err
	}
	_, err = b.Work("")
	return n, b, err
}

// A shipment that is there already is known by its script, and becomes a release with
// nothing fetched or compiled.
func TestExported(t *testing.T) {
	n, b, err := exported(t, script+shopApp, "")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"project: a shipment of Gleam: entrypoint.sh found",
		"note: a shipment does not say which Erlang compiled it: where that is newer than the toolchain's, or its NIFs are another system's, the check says so; --toolchain names the right one",
		"release: shop: the package that entrypoint.sh starts", "version: 1.2.0: shop/ebin/shop.app",
	}
	if diff := cmp.Diff(want, n.Lines); diff != "" {
		t.Error(diff)
	}
	job := b.Job(tool.Circumstances{Source: &source.Tree{}})
	if len(job.Steps) != 1 || job.Steps[0].Network || job.Export != "/app/build/dram/shop" {
		t.Fatalf("%+v", job)
	}
	argv := job.Steps[0].Argv
	if diff := cmp.Diff([]string{"shipment", "/app", "shop", "1.2.0", "/app/build/dram/shop"}, argv[len(argv)-5:]); diff != "" {
		t.Error(diff)
	}
	for _, tree := range []string{
		shopApp, script + shopApp + "-- gleam.toml --\nname = \"shop\"\n", "-- entrypoint.sh --\nPACKAGE=shop\nexec bin/shop\n" + shopApp,
		"-- entrypoint.sh --\nPACKAGE=../x\nexec erl -eval a@@main:run(a)\n",
	} {
		if _, b, err := exported(t, tree, ""); b != nil || err != nil {
			t.Errorf("%q is taken for a shipment: %v", tree, err)
		}
	}
}

func TestExportedRefused(t *testing.T) {
	for _, c := range []struct{ tree, release, says, hint string }{
		{script, "", "the shipment has no shop/ebin/shop.app, and entrypoint.sh starts shop", "export it anew"},
		{script + "-- shop/ebin/shop.app --\n{application\n", "", "reading shop/ebin/shop.app: ", "export it anew"},
		{script + "-- shop/ebin/shop.app --\n{application, shop, [{vsn, \"../1\"}]}.\n", "", "the package's version: ", tool.NameHint},
		{script + shopApp, "till", `the project has no release "till"`, "it is shop"},
	} {
		_, _, err := exported(t, c.tree, c.release)
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(problem.Hint(err), c.hint) || problem.Code(err) != 2 {
			t.Errorf("%q: code %d: %v\nhint: %s", c.tree, problem.Code(err), err, problem.Hint(err))
		}
	}
}
