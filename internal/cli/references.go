package cli

import (
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

// Places are all of them, for the documentation and for tests.
func Places() []Place {
	return []Place{
		{"--toolchain", toolchain.Use()},
		{"--target", target.Use(toolchain.HasDistro)},
		{"dram check", pipeline.ReleaseUse()},
		{"dram run", runUse()},
		{"dram run --docker", dockerUse()},
		{"dram push", pushUse()},
		{"dram image -o", output.FileUse()},
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
