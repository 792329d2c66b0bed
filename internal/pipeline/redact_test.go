package pipeline

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/engine"
	"dram/internal/source"
)

// A password of .netrc is taken out whole, and no word of the file's grammar is.
func TestPasswordsAreSecret(t *testing.T) {
	job := engine.Job{Credentials: engine.Credentials{
		Netrc: []byte("machine forge.example login somebody password \"my long pass\"\n"), Passwords: []string{"my long pass", "short"},
	}}
	want := []string{"my%20long%20pass", "my long pass", "my+long+pass"}
	if diff := cmp.Diff(want, secretValues(job)); diff != "" {
		t.Error(diff)
	}
}

func TestSecretValues(t *testing.T) {
	job := engine.Job{Steps: []engine.Step{
		{Secrets: []string{
			"HEX_API_KEY=0123456789abcdef", "HEX_MIRROR_URL=https://mirror.example.org/hex", "HEX_CACERTS_PATH=/etc/ssl/ca.pem",
			"https_proxy=http://someone:s3cr%40tWord@proxy.example.org:3128", "NO_PROXY=localhost,example.org", "HEX_UNSAFE_HTTPS=1",
		}},
		{Secrets: []string{"HEX_API_KEY=0123456789abcdef"}},
	}}
	want := []string{"someone:s3cr%40tWord", "0123456789abcdef", "s3cr%40tWord", "s3cr@tWord"}
	if diff := cmp.Diff(want, secretValues(job)); diff != "" {
		t.Error(diff)
	}
}

// However the output of a step comes, no secret is in what is written, and
// nothing else is lost.
func TestRedactor(t *testing.T) {
	secrets := []string{"0123456789abcdef", "0123456789", "aaaaaaab"}
	for in, want := range map[string]string{
		"key 0123456789abcdef.\n": "key ***.\n", "0123456789 and 0123456789abcde": "*** and ***abcde",
		"01234567890123456789abcdef0123456789abcde": "******" + "***abcde", "012345678": "012345678", "": "", "aaaaaaaaaab": "aaa***", "plain\n": "plain\n",
	} {
		for size := 1; size <= len(in)+1; size++ {
			var out bytes.Buffer
			r := newRedactor(&out, secrets)
			for rest := in; rest != ""; {
				n := min(size, len(rest))
				if got, err := r.Write([]byte(rest[:n])); got != n || err != nil {
					t.Fatal(got, err)
				}
				rest = rest[n:]
			}
			r.Flush()
			if out.String() != want {
				t.Errorf("%q in pieces of %d: %q, not %q", in, size, out.String(), want)
			}
		}
	}
}

// A person sees a line at once: only what may begin a secret is held back.
func TestRedactorHoldsNothingElse(t *testing.T) {
	var out bytes.Buffer
	r := newRedactor(&out, []string{"0123456789abcdef"})
	_, _ = r.Write([]byte("compiling 45 files\ndone at 01"))
	if got := out.String(); got != "compiling 45 files\ndone at " {
		t.Errorf("%q", got)
	}
}

func FuzzRedactor(f *testing.F) {
	f.Add([]byte("a 0123456789abcdef b"), 3)
	f.Fuzz(func(t *testing.T, in []byte, size int) {
		secrets := []string{"0123456789abcdef", "aaaaaaab"}
		var out bytes.Buffer
		r := newRedactor(&out, secrets)
		size = max(1, size)
		for rest := in; len(rest) > 0; rest = rest[min(size, len(rest)):] {
			_, _ = r.Write(rest[:min(size, len(rest))])
		}
		r.Flush()
		want := bytes.ReplaceAll(bytes.ReplaceAll(in, []byte(secrets[0]), []byte("***")), []byte(secrets[1]), []byte("***"))
		if !bytes.Equal(out.Bytes(), want) {
			t.Errorf("%q, not %q", out.Bytes(), want)
		}
	})
}

func TestWithheldHint(t *testing.T) {
	withheld := []source.Withheld{{Path: ".npmrc", Why: "it holds a token"}, {Path: "config/prod.secret.exs", Why: "it holds a literal secret"}}
	got := withheldHint(withheld, []byte("** (File.Error) could not read file \"/app/config/prod.secret.exs\": no such file"))
	if got != "config/prod.secret.exs was left out of the build (it holds a literal secret); if it is needed: --include-secret config/prod.secret.exs\n" {
		t.Errorf("%q", got)
	}
	if got := withheldHint(withheld, []byte("** (CompileError)")); got != "" {
		t.Errorf("%q", got)
	}
}
