package cli

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"dram/internal/output"
	"dram/internal/problem"
	"dram/internal/signature"
)

// outputFlags are the flags that ask for outputs, as the table of outputs has them.
type outputFlags struct {
	pushing
	asked []output.Asked // once they are read
}

func (f *outputFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	for _, k := range output.Kinds() {
		switch {
		case flags.Lookup(k.Flag) != nil: // kinds may share one
		case k.Flag == output.FlagFile:
			flags.StringP(k.Flag, "o", "", k.Help)
		case k.Many:
			flags.StringArray(k.Flag, nil, k.Help+", repeatable")
		case k.Takes != "":
			flags.String(k.Flag, "", k.Help)
		default:
			flags.Bool(k.Flag, false, k.Help)
		}
	}
	f.pushing.register(cmd)
	flags.StringArrayVar(&f.attach, "attach", nil, "with --push, send this along as a referrer of the image: "+strings.Join(output.Attachable(), ", ")+", repeatable")
}

// read takes down what was asked for.
func (f *outputFlags) read(cmd *cobra.Command) error {
	known := map[string]bool{}
	for _, k := range output.Kinds() {
		known[k.Flag] = true
	}
	cmd.Flags().Visit(func(flag *pflag.Flag) {
		list, many := flag.Value.(pflag.SliceValue)
		if many && known[flag.Name] {
			for _, value := range list.GetSlice() {
				f.asked = append(f.asked, output.Asked{Flag: flag.Name, Value: value})
			}
			return
		}
		switch value := flag.Value.String(); {
		case !known[flag.Name] || value == "" || value == "false":
		case value == "true" && flag.Value.Type() == "bool":
			f.asked = append(f.asked, output.Asked{Flag: flag.Name})
		default:
			f.asked = append(f.asked, output.Asked{Flag: flag.Name, Value: value})
		}
	})
	if _, pushes := f.value("push"); !pushes && (len(f.tags) > 0 || len(f.mountFrom) > 0 || f.plainHTTP || len(f.attach) > 0 || f.sign != "") {
		return problem.New(problem.Usage, "name the place with --push HOST/NAME", "--tag, --mount-from, --attach, --sign and --plain-http are for --push")
	}
	return nil
}

// value is what a flag was given, if it was.
func (f *outputFlags) value(flag string) (string, bool) {
	if i := slices.IndexFunc(f.asked, func(a output.Asked) bool { return a.Flag == flag }); i >= 0 {
		return f.asked[i].Value, true
	}
	return "", false
}

// open finds before the build what would fail after it. The caller closes them.
func (f *outputFlags) open(ctx context.Context) (output.Outputs, error) {
	return output.Open(ctx, output.Kinds(), f.asked, f.options())
}

// ofProject is the outputs of a project's build: the tarball always, and the image
// where the plan says unless a place was named.
func ofProject(asked output.Outputs) output.Outputs {
	return append(output.Outputs{output.Tarball{}}, withFile(output.Tar{}, asked)...)
}

// ofRelease is the outputs of a release that was built elsewhere: the image beside
// it unless a place was named.
func ofRelease(path string, asked output.Outputs) output.Outputs {
	return withFile(output.Tar{Dir: filepath.Dir(filepath.Clean(path))}, asked)
}

func withFile(usual output.Output, asked output.Outputs) output.Outputs {
	if slices.ContainsFunc(asked, func(o output.Output) bool { return !o.Needs().Files && !o.Needs().Inventory }) {
		return asked
	}
	return append(output.Outputs{usual}, asked...)
}

// pushing is the flags that say how an image goes to a registry.
type pushing struct {
	tags, mountFrom []string
	plainHTTP       bool
	attach          []string
	sign            string
}

func (f *pushing) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&f.tags, "tag", nil, "a tag that the image gets in the registry, besides that of REF, repeatable")
	flags.StringArrayVar(&f.mountFrom, "mount-from", nil, "a repository of the same registry that may have layers already, repeatable")
	flags.StringVar(&f.sign, "sign", "", "sign the image there with this private key, a file or env:NAME, as cosign does ("+signature.PasswordVariable+" opens it)")
	flags.BoolVar(&f.plainHTTP, "plain-http", false, "speak to a registry that has no TLS; to this machine's own, dram does so anyway")
}

func (f *pushing) options() output.Options {
	return output.Options{Tags: f.tags, MountFrom: f.mountFrom, PlainHTTP: f.plainHTTP, Attach: f.attach, Sign: f.sign, Environ: os.Environ()}
}
