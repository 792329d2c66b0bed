package signature_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/signature"
)

// What lies in testdata was made with a key of cosign's own (its password is "let me
// in", and nothing is signed with it but this) and verified by cosign 3.1.3, as
// TestCosignVerifies of test/e2e does it. The same key still makes the same bytes.
func TestWhatCosignVerified(t *testing.T) {
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(text))
	}
	const image = "sha256:e8f80a8bd25d074f95a3f8c226d45c97d550a3966a50036272c2aabd8fdf6a2c"
	s, err := signature.OpenSigner("testdata/cosign.key", environ(signature.PasswordVariable, "let me in"))
	if err != nil {
		t.Fatal(err)
	}
	v, err := signature.OpenVerifier("testdata/cosign.pub", environ())
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := s.Bundle(image)
	if err != nil {
		t.Fatal(err)
	}
	payload, sig, err := s.Simple(image, "127.0.0.1:5901/team/hello")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{read("bundle.json"), read("payload.json"), read("payload.sig")}, []string{string(bundle), string(payload), sig}); d != "" {
		t.Error(d)
	}
	if v.CheckBundle(bundle, image) != signature.Signed || v.CheckSimple(payload, sig, image) != signature.Signed {
		t.Error("dram itself does not verify it")
	}
}
