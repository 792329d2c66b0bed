package output

import (
	"context"
	"errors"
	"strings"
)

// Kind is one row of the table: an output that can be asked for.
type Kind struct {
	Name   string
	Flag   string // of dram image, which asks for it
	Prefix string // of the flag's value, where several kinds share the flag
	Takes  string // what the flag's value is, for people; "" if it has none
	Help   string // of the flag
	Many   bool   // the flag may be repeated
	// Open makes the output of the value behind the prefix, and finds what cannot
	// be written there, before anything is read or built.
	Open func(ctx context.Context, value string, o Options) (Output, error)
}

// Options are what outputs take besides.
type Options struct {
	Tags      []string // in the registry
	MountFrom []string // repositories of the registry that may have layers already
	PlainHTTP bool     // the registry has no TLS
	Attach    []string // what goes to the registry with the image, by name
	Sign      string   // the key that the image is signed with there, "" for none
	Environ   []string // says where the daemon is
}

// FlagFile is the flag whose value is a path; one that no prefix fits is a tar.
const FlagFile = "output"

const fileHelp = "FILE.tar or oci:DIR (default releases/NAME/NAME-VSN-OS-ARCH.tar)"

// Kinds is the table of what can be asked for besides the tarball.
func Kinds() []Kind {
	return []Kind{
		{Name: "tar", Flag: FlagFile, Takes: "FILE.tar", Help: fileHelp, Open: openTar},
		{Name: "layout", Flag: FlagFile, Prefix: "oci:", Takes: "DIR", Help: fileHelp, Open: openLayout},
		{Name: "load", Flag: "load", Help: "put the image into Docker or Podman as NAME:VSN and NAME:latest", Open: openLoad},
		{Name: "sbom", Flag: "sbom", Takes: "FILE", Many: true, Help: "write what the image is made of: FILE.cdx.json (CycloneDX 1.6) or FILE.spdx.json (SPDX 2.3)", Open: openSBOM},
		{Name: "provenance", Flag: "provenance", Takes: "FILE", Help: "write how the image was made: SLSA provenance v1, as an in-toto statement", Open: openProvenance},
		{Name: "push", Flag: "push", Takes: "REF", Help: "send the image to a registry as REF (HOST/NAME:TAG), and print that by digest", Open: openPush},
	}
}

// Asked is a flag of the table and its value.
type Asked struct{ Flag, Value string }

// Open opens what was asked for, in the table's order.
func Open(ctx context.Context, kinds []Kind, asked []Asked, o Options) (Outputs, error) {
	var outs Outputs
	for _, k := range kinds {
		for _, a := range asked {
			if k.Flag != a.Flag || kindOf(kinds, a).Name != k.Name {
				continue
			}
			out, err := k.Open(ctx, strings.TrimPrefix(a.Value, k.Prefix), o)
			if err != nil {
				return nil, errors.Join(err, outs.Close())
			}
			outs = append(outs, out)
		}
	}
	return outs, nil
}

// kindOf is the row that a flag and its value mean: the one whose prefix fits best.
func kindOf(kinds []Kind, a Asked) (best Kind) {
	for _, k := range kinds {
		if k.Flag == a.Flag && strings.HasPrefix(a.Value, k.Prefix) && len(k.Prefix) >= len(best.Prefix) {
			best = k
		}
	}
	return best
}
