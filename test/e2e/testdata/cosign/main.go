// Program cosigned says what cosign's own code makes of an image's signatures:
// cosigned keys PREFIX writes a pair of keys, cosigned verify KEY REF verifies.
package main

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"os"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/sigstore/cosign/v3/pkg/cosign"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if args[0] == "keys" {
		password := func(bool) ([]byte, error) { return []byte(os.Getenv("COSIGN_PASSWORD")), nil }
		pair, err := cosign.GenerateKeyPair(password)
		if err != nil {
			return err
		}
		return errors.Join(os.WriteFile(args[1]+".key", pair.PrivateBytes, 0o600), os.WriteFile(args[1]+".pub", pair.PublicBytes, 0o600))
	}
	raw, err := os.ReadFile(args[1])
	if err != nil {
		return err
	}
	key, err := cryptoutils.UnmarshalPEMToPublicKey(raw)
	if err != nil {
		return err
	}
	verifier, err := signature.LoadVerifier(key, crypto.SHA256)
	if err != nil {
		return err
	}
	ref, err := name.ParseReference(args[2])
	if err != nil {
		return err
	}
	ctx := context.Background()
	bundles, _, err := cosign.VerifyImageAttestations(ctx, ref, &cosign.CheckOpts{
		SigVerifier: verifier, IgnoreTlog: true, NewBundleFormat: true, ClaimVerifier: cosign.IntotoSubjectClaimVerifier,
	})
	if err != nil {
		return fmt.Errorf("bundles: %w", err)
	}
	simple, _, err := cosign.VerifyImageSignatures(ctx, ref, &cosign.CheckOpts{
		SigVerifier: verifier, IgnoreTlog: true, ClaimVerifier: cosign.SimpleClaimVerifier,
	})
	if err != nil {
		return fmt.Errorf("simple signatures: %w", err)
	}
	fmt.Println(len(bundles), len(simple))
	return nil
}
