package cli

import (
	"slices"

	"dram/internal/output"
	"dram/internal/pipeline"
	"dram/internal/ref"
	"dram/internal/target"
	"dram/internal/toolchain"
)

// Place is where references stand on the command line.
type Place struct {
	Where string // "dram push"
	Use   ref.Use
}

// The places that are arguments.
const (
	atCheck  = "dram check"
	atRun    = "dram run"
	atDocker = "dram run --docker"
	atPush   = "dram push"
	atRebase = "dram rebase"
)

// taken says which references are taken at a place of the table, so that commands
// take what the documentation, which is made of it, says.
func taken(where string) ref.Use {
	all := Places()
	return all[slices.IndexFunc(all, func(p Place) bool { return p.Where == where })].Use
}

// Places are all of them.
func Places() []Place {
	return []Place{
		{"--toolchain", toolchain.Use()},
		{"--target", target.Use(toolchain.HasDistro)},
		{atCheck, pipeline.ReleaseUse()},
		{atRun, runUse()},
		{atDocker, dockerUse()},
		{atPush, pushUse()},
		{atRebase, rebaseUse()},
		{"dram image -o", output.FileUse()},
		{"--base", pipeline.BaseUse()},
	}
}

// runUse says which references name what dram run runs: an image, or a project.
func runUse() ref.Use {
	return ref.Use{
		Noun:  "image",
		Kinds: []ref.Kind{ref.Path, ref.Tar, ref.Layout, ref.Image},
		Hint:  "name a project, a tar that dram image wrote, oci:DIR or image:REF",
	}
}

// rehearseUse says which references name what dram rehearse starts: what dram run
// takes.
func rehearseUse() ref.Use {
	use := runUse()
	use.Noun, use.Hint = "image or release", "name a project, a release's directory or tarball, or an image as tar:FILE, oci:DIR or image:REF"
	return use
}

// dockerUse says which references name what dram run --docker loads.
func dockerUse() ref.Use {
	return ref.Use{
		Noun:    "image",
		Kinds:   []ref.Kind{ref.Path, ref.Tar, ref.Layout},
		Hint:    "name a project, a tar that dram image wrote, or a layout: oci:DIR",
		Instead: map[ref.Kind]string{ref.Image: "docker run does that by itself"},
	}
}

// pushUse says which references name what dram push sends.
func pushUse() ref.Use {
	return ref.Use{
		Noun:  "image",
		Kinds: []ref.Kind{ref.Tar, ref.Layout},
		Hint:  "name a tar that dram image wrote, or a layout: oci:DIR; dram image --push REF builds a project and pushes it",
		Instead: map[ref.Kind]string{
			ref.Image: "crane copy and skopeo copy bring an image from one registry to another; dram push sends one that dram image wrote",
		},
	}
}

// rebaseUse says which references name what dram rebase takes.
func rebaseUse() ref.Use {
	return ref.Use{
		Noun:  "image",
		Kinds: []ref.Kind{ref.Tar, ref.Layout, ref.Image},
		Hint:  "name a tar that dram image wrote, oci:DIR or image:REF",
	}
}
