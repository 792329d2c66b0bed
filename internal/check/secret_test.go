package check_test

import (
	"bytes"
	"compress/zlib"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	bigint "math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dram/internal/check"
	"dram/internal/report"
)

// newPair is a private key and its certificate, in DER.
func newPair(t testing.TB) (key, cert []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: bigint.NewInt(1), NotAfter: time.Now()}
	if cert, err = x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k); err != nil {
		t.Fatal(err)
	}
	if key, err = x509.MarshalPKCS8PrivateKey(k); err != nil {
		t.Fatal(err)
	}
	return key, cert
}

func armour(label string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}))
}

// withLiteral is a module that has a text among its constants, as OTP up to 27
// writes them.
func withLiteral(name, text string) string {
	word := func(n int) string { return string(binary.BigEndian.AppendUint32(nil, uint32(n))) }
	term := "\x83m" + word(len(text)) + text
	table := word(1) + word(len(term)) + term
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	_, _ = z.Write([]byte(table))
	_ = z.Close()
	data := word(len(table)) + packed.String()
	chunk := "LitT" + word(len(data)) + data + strings.Repeat("\x00", (4-len(data)%4)%4)
	plain := strings.TrimPrefix(made(name, 170), "644 ")
	return "644 FOR1" + word(len(plain)-8+len(chunk)) + plain[8:] + chunk
}

// numbers is bytes as Erlang writes a binary that is no text.
func numbers(b []byte) string {
	parts := make([]string, len(b))
	for i, c := range b {
		parts[i] = fmt.Sprint(c)
	}
	return "<<" + strings.Join(parts, ",") + ">>"
}

// A private key fails the release wherever it lies, by its content; what else
// is a secret is told; what is public is not.
func TestRunFindsSecrets(t *testing.T) {
	der, cert := newPair(t)
	key := armour("PRIVATE KEY", der)
	escaped := strings.ReplaceAll(key, "\n", `\n`)
	const hello1, dep, meta = "lib/hello-0.1.0/priv/", "lib/exqlite-0.27.0/priv/", "releases/0.1.0/"
	for _, tt := range []struct{ name, file, body, want string }{
		{"Phoenix's own", hello1 + "cert/selfsigned_key.pem", "644 " + key, "FAIL %s: it holds a private key"},
		{"its certificate", hello1 + "cert/selfsigned.pem", "644 " + armour("CERTIFICATE", cert), ""},
		{"a certificate with a key's name", hello1 + "server.key", "644 " + armour("CERTIFICATE", cert), ""},
		{"by another name", hello1 + "static/logo.svg", "644 " + key, "FAIL %s: it holds a private key"},
		{"after the certificate", hello1 + "static/app.json", "644 " + armour("CERTIFICATE", cert) + key, "FAIL %s: it holds a private key"},
		{"executable", hello1 + "run", "#!/bin/sh\ncat <<X\n" + key + "X\n", "FAIL %s: it holds a private key"},
		{"DER", hello1 + "data.bin", "644 " + string(der), "FAIL %s: it holds a private key (PKCS #8, DER)"},
		{"a dependency's", dep + "demo.pem", "644 " + key, "FAIL %s: it holds a private key"},
		{"the configuration", meta + "sys.config", `644 [{hello,[{key,<<"` + escaped + `">>}]}].`, "FAIL %s: it holds a private key"},
		{"the configuration, in numbers", meta + "sys.config", `644 [{hello,[{key,#{der => ` + numbers(der) + `}}]}].`, "FAIL %s: it holds a private key (PKCS #8, DER)"},
		{"numbers in another file", meta + "other.config", `644 [{hello,[{key,#{der => ` + numbers(der) + `}}]}].`, ""},
		{"the arguments of the VM", meta + "vm.args", "644 -env KEY \"" + escaped + "\"\n", "FAIL %s: it holds a private key"},
		{"the environment", meta + "env.sh", "644 #!/bin/sh\nexport KEY='" + key + "'\n", "FAIL %s: it holds a private key"},
		{"at the top", "tls.conf", "644 " + key, "FAIL %s: it holds a private key"},
		{"a module's constant", "lib/hello-0.1.0/ebin/Elixir.Hello.Key.beam", withLiteral("Elixir.Hello.Key", key), "FAIL %s: it holds a private key"},
		{"a module about keys", "lib/hello-0.1.0/ebin/Elixir.Hello.Key.beam", withLiteral("Elixir.Hello.Key", "-----BEGIN PRIVATE KEY-----"), ""},
		{"Erlang's own", "lib/kernel-10.2/priv/x.pem", "644 " + key, "FAIL %s: it holds a private key"},
		{"a token", hello1 + "token", "644 glpat-" + "Zk3q9xB7mT2aQw8eR5yU", "WARN %s: it holds a token for GitLab"},
		{"a password", hello1 + ".netrc", "644 machine a.example.org login me password s3cretWord", "WARN %s: it holds a password for a.example.org"},
		{"a name", hello1 + ".env", "644 A=b", "WARN %s: it looks like a secret"},
		{"an example", hello1 + ".env.example", "644 SECRET_KEY_BASE=", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := open(t, hello().with(tt.file, tt.body), bookworm())
			got, err := check.Run(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			var found, want []string
			for _, f := range got.Findings {
				if f.Rule == "secret" {
					said := report.Say(got, f)
					found = append(found, fmt.Sprintf("%s %s: %s", f.Verdict, f.Subject.File, said.Summary))
					told := fmt.Sprint(f, said)
					if strings.Contains(told, strings.Split(key, "\n")[1]) || strings.Contains(told, "s3cretWord") || strings.Contains(told, "Zk3q9x") {
						t.Errorf("it is quoted: %s", told)
					}
				}
			}
			if tt.want != "" {
				want = []string{fmt.Sprintf(tt.want, tt.file)}
			}
			if diff := cmp.Diff(want, found, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
			in.Allow = []string{"secret"}
			if got, err = check.Run(t.Context(), in); err != nil || slices.Contains(got.Refused(), "secret") {
				t.Errorf("allowed, it is refused: %v %v", got.Refused(), err)
			}
		})
	}
}

// What the image says of itself is in everybody's hands too.
func TestRunFindsSecretsInSettings(t *testing.T) {
	der, _ := newPair(t)
	in := open(t, hello(), bookworm())
	in.Settings = []string{"TLS_KEY=" + armour("PRIVATE KEY", der), "TOKEN=glpat-Zk3q9xB7mT2aQw8eR5yU", "LANG=C.UTF-8"}
	got, err := check.Run(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"FAIL secret : TLS_KEY in the image's configuration holds a private key",
		"WARN secret : TOKEN in the image's configuration holds a token for GitLab",
	}
	if diff := cmp.Diff(want, lines(got)); diff != "" {
		t.Error(diff)
	}
	kept(t, got)
}
