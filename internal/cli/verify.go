package cli

import (
	"fmt"
	"os"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/spf13/cobra"

	"dram/internal/pipeline"
	"dram/internal/problem"
	"dram/internal/ref"
	"dram/internal/signature"
)

func newVerify(g *globals) *cobra.Command {
	var key string
	var plainHTTP bool
	cmd := &cobra.Command{
		Use:   "verify REF",
		Short: "verify an image's signature at a registry",
		Long: long(`
Says whether an image at a registry (REF is HOST/NAME:TAG or HOST/NAME@DIGEST)
is signed by a key, and prints its reference by digest: what was verified is
what that names, whatever becomes of the tag. Signatures are found where cosign
keeps them, and may have been made by dram or by cosign.

Of an index of images its own signature counts, which names each of them.
Nothing is said of certificates and transparency logs: cosign verify knows these.`),
		Example: `  dram verify registry.example/team/my_app:0.1.0 --key cosign.pub
  docker run "$(dram verify registry.example/team/my_app:0.1.0 --key cosign.pub)"`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if key == "" {
				return problem.New(problem.Usage, "name the public key: --key cosign.pub, or --key env:NAME", "dram verify needs a key")
			}
			at, err := inRegistry(args[0], plainHTTP)
			if err != nil {
				return err
			}
			v, err := signature.OpenVerifier(key, os.LookupEnv)
			if err != nil {
				return err
			}
			verified, err := pipeline.Verify(cmd.Context(), at, v)
			if err != nil {
				return err
			}
			g.progress().Note("%-10s %d by this key", "signatures", verified.Signed)
			_, err = fmt.Fprintln(cmd.OutOrStdout(), verified.Image)
			return err
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "the public key, a file or env:NAME")
	cmd.Flags().BoolVar(&plainHTTP, "plain-http", false, "speak to a registry that has no TLS; to this machine's own, dram does so anyway")
	return cmd
}

// inRegistry is a reference to an image at a registry.
func inRegistry(place string, plainHTTP bool) (name.Reference, error) {
	place, err := ref.InRegistry(place)
	if err != nil {
		return nil, err
	}
	var how []name.Option
	if plainHTTP {
		how = append(how, name.Insecure)
	}
	at, err := name.ParseReference(place, how...)
	if err != nil {
		return nil, problem.New(problem.Usage, "write HOST/NAME:TAG or HOST/NAME@DIGEST", "%q names no image at a registry: %w", place, err)
	}
	return at, nil
}
