package secret

import (
	"bytes"
	"crypto/dsa" //nolint:staticcheck // keys of this kind still lie around
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"golang.org/x/crypto/ssh"
)

// keys are real ones, made for this run.
type keys struct {
	rsa     *rsa.PrivateKey
	ec      *ecdsa.PrivateKey
	ed      ed25519.PrivateKey
	pkcs1   []byte
	pkcs8   []byte
	sec1    []byte
	small   []byte // PKCS #8 of Ed25519, the shortest there is
	cert    []byte
	request []byte
	public  []byte
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func newKeys() keys {
	k := keys{rsa: must(rsa.GenerateKey(rand.Reader, 2048)), ec: must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))}
	_, k.ed, _ = ed25519.GenerateKey(rand.Reader)
	k.pkcs1, k.pkcs8 = x509.MarshalPKCS1PrivateKey(k.rsa), must(x509.MarshalPKCS8PrivateKey(k.rsa))
	k.sec1, k.small = must(x509.MarshalECPrivateKey(k.ec)), must(x509.MarshalPKCS8PrivateKey(k.ed))
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, NotAfter: time.Now()}
	k.cert = must(x509.CreateCertificate(rand.Reader, template, template, &k.ec.PublicKey, k.ec))
	k.request = must(x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, k.ec))
	k.public = must(x509.MarshalPKIXPublicKey(&k.rsa.PublicKey))
	return k
}

func armour(label string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}))
}

func dsaKey() []byte {
	var k dsa.PrivateKey
	if err := dsa.GenerateParameters(&k.Parameters, rand.Reader, dsa.L1024N160); err != nil {
		panic(err)
	}
	if err := dsa.GenerateKey(&k, rand.Reader); err != nil {
		panic(err)
	}
	return must(asn1.Marshal([]*big.Int{big.NewInt(0), k.P, k.Q, k.G, k.Y, k.X}))
}

func indent(text, by string) string {
	return by + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+by) + "\n"
}

func quoted(v any) string { return string(must(json.Marshal(v))) }

func b64(v []byte) string { return base64.RawURLEncoding.EncodeToString(v) }

func wide(text string) string {
	out := []byte{0xff, 0xfe}
	for _, c := range utf16.Encode([]rune(text)) {
		out = append(out, byte(c), byte(c>>8))
	}
	return string(out)
}

func sample(t testing.TB, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// word is a value that looks like chance, of that many letters and digits; no
// service knows it.
func word(n int) string { return strings.Repeat("aZ3kQ9xB7mT2", n/12+1)[:n] }

func TestPrivateKeys(t *testing.T) {
	k := newKeys()
	rsaPEM, ecPEM := armour("RSA PRIVATE KEY", k.pkcs1), armour("EC PRIVATE KEY", k.sec1)
	open := must(ssh.MarshalPrivateKey(k.ed, "me"))
	shut := must(ssh.MarshalPrivateKeyWithPassphrase(k.ed, "me", []byte("word")))
	legacy := must(x509.EncryptPEMBlock(rand.Reader, "RSA PRIVATE KEY", k.pkcs1, []byte("word"), x509.PEMCipherAES128)) //nolint:staticcheck // as openssl wrote them for years
	encrypted := must(asn1.Marshal(struct {
		A struct{ OID asn1.ObjectIdentifier }
		B []byte
	}{struct{ OID asn1.ObjectIdentifier }{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}}, k.pkcs8}))
	for _, c := range []struct{ name, file, content, what string }{
		{"PKCS #1", "key.pem", rsaPEM, "an RSA private key"},
		{"PKCS #8", "key.pem", armour("PRIVATE KEY", k.pkcs8), "a private key"},
		{"the shortest", "key.pem", armour("PRIVATE KEY", k.small), "a private key"},
		{"SEC 1", "x", ecPEM, "an EC private key"},
		{"DSA", "x", armour("DSA PRIVATE KEY", dsaKey()), "a DSA private key"},
		{"encrypted PKCS #8", "x", armour("ENCRYPTED PRIVATE KEY", encrypted), "an encrypted private key"},
		{"with headers", "x", string(pem.EncodeToMemory(legacy)), "an RSA private key"},
		{"OpenSSH", "id", string(pem.EncodeToMemory(open)), "a private key of OpenSSH"},
		{"OpenSSH with a passphrase", "id", string(pem.EncodeToMemory(shut)), "a private key of OpenSSH"},
		{"PGP", "x.asc", "-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: GnuPG v2\nComment: of a test\n\n" + base64.StdEncoding.EncodeToString(k.pkcs8[:100]) + "\n=abcd\n-----END PGP PRIVATE KEY BLOCK-----\n", "a PGP private key"},
		{"SSH2", "x", "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nComment: \"of a test\"\n" + base64.StdEncoding.EncodeToString(k.pkcs8[:100]) + "\n---- END SSH2 ENCRYPTED PRIVATE KEY ----\n", "an encrypted private key"},
		{"by any other name", "logo.png", ecPEM, "an EC private key"},
		{"without a name's end", "LICENSE", ecPEM, "an EC private key"},
		{"lines end in CR LF", "key.pem", strings.ReplaceAll(rsaPEM, "\n", "\r\n"), "an RSA private key"},
		{"after a certificate", "bundle.pem", armour("CERTIFICATE", k.cert) + ecPEM, "an EC private key"},
		{"after parameters", "ec.pem", "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + ecPEM, "an EC private key"},
		{"after a bag's attributes", "x.pem", "Bag Attributes\n    localKeyID: 54 69\nKey Attributes: <No Attributes>\n" + ecPEM, "an EC private key"},
		{"after much else", "notes.txt", strings.Repeat("nothing to see here\n", 10_000) + ecPEM, "an EC private key"},
		{"beyond the first window", "dump.txt", strings.Repeat("nothing to see here\n", 150_000) + ecPEM + strings.Repeat("no\n", 1000), "an EC private key"},
		{"between two windows", "dump.txt", strings.Repeat("x", window-300) + "\n" + rsaPEM + strings.Repeat("x", window), "an RSA private key"},
		{"in a binary", "app.db", "SQLite format 3\x00\x00\x10" + ecPEM + "\x00\x00", "an EC private key"},
		{"two bytes a character", "key.pem", wide(ecPEM), "an EC private key"},
		{"with a byte order mark", "key.pem", "\ufeff" + ecPEM, "an EC private key"},
		{"in YAML", "values.yaml", "tls:\n  key: |\n" + indent(ecPEM, "    "), "an EC private key"},
		{"commented out", "x.conf", indent(ecPEM, "# "), "an EC private key"},
		{"in a heredoc", "config/prod.exs", "config :a, key: \"\"\"\n" + indent(ecPEM, "  ") + "\"\"\"\n", "an EC private key"},
		{"in a string", "sys.config", `[{a,[{key,<<"` + strings.ReplaceAll(ecPEM, "\n", `\n`) + `">>}]}].`, "an EC private key"},
		{"in strings", "x.erl", `-define(KEY, "` + strings.ReplaceAll(strings.TrimSpace(ecPEM), "\n", "\\n\"\n  \"") + `").`, "an EC private key"},
		{"in JSON of Google's", "sa.json", quoted(map[string]string{"type": "service_account", "private_key": armour("PRIVATE KEY", k.pkcs8)}), "a private key"},
		{"in JSON in JSON", "x.json", quoted(map[string]string{"sa": quoted(map[string]string{"private_key": armour("PRIVATE KEY", k.pkcs8)})}), "a private key"},
		{"on one line", ".env", "KEY=\"" + strings.ReplaceAll(strings.TrimSpace(ecPEM), "\n", " ") + "\"", "an EC private key"},
		{"in base64", "config", "users:\n- user:\n    client-key-data: " + base64.StdEncoding.EncodeToString([]byte(ecPEM)) + "\n", "an EC private key in base64"},
		{"cut off", "key.pem", rsaPEM[:200], "an RSA private key"},
		{"PKCS #1, DER", "key.der", string(k.pkcs1), "an RSA private key (DER)"},
		{"PKCS #8, DER", "cert.crt", string(k.pkcs8), "a private key (PKCS #8, DER)"},
		{"the shortest, DER", "x", string(k.small), "a private key (PKCS #8, DER)"},
		{"SEC 1, DER", "x", string(k.sec1), "an EC private key (DER)"},
		{"DSA, DER", "x", string(dsaKey()), "a DSA private key (DER)"},
		{"encrypted, DER", "x", string(encrypted), "an encrypted private key (PKCS #8, DER)"},
		{"PKCS #12", "x", sample(t, "key.p12"), "a private key (PKCS #12)"},
		{"PKCS #12 of Java", "x", sample(t, "key-java.p12"), "a private key (PKCS #12)"},
		{"PKCS #12 without a word", "x", sample(t, "plain.p12"), "a private key (PKCS #12)"},
		{"JKS", "x", sample(t, "key.jks"), "a private key (Java key store)"},
		{"GnuPG's ring", "x", sample(t, "secring.gpg"), "a PGP private key"},
		{"PuTTY", "x.ppk", "PuTTY-User-Key-File-3: ssh-ed25519\r\nEncryption: none\r\nComment: x\r\nPublic-Lines: 2\r\nAAAA\r\nPrivate-Lines: 1\r\nAAAAIB\r\n", "a private key of PuTTY"},
		{"age", "keys.txt", "# created: now\nAGE-SECRET-KEY-1" + strings.Repeat("QP2RY8ZX9GF7", 5)[:58] + "\n", "a private key of age"},
		{"JSON", "jwk.json", quoted(map[string]string{"kty": "EC", "crv": "P-256", "x": b64(k.sec1[:32]), "d": b64(k.sec1[7:39])}), "a private key as JSON"},
		{"a symmetric key as JSON", "jwks.json", quoted(map[string]any{"keys": []any{map[string]string{"kty": "oct", "k": b64(k.pkcs1[100:132])}}}), "a private key as JSON"},
		{"WireGuard", "wg0.conf", "[Interface]\nPrivateKey = " + base64.StdEncoding.EncodeToString(k.pkcs1[100:132]) + "\n", "a private key of WireGuard"},
		{"minisign", "x.key", "untrusted comment: minisign encrypted secret key\n" + base64.StdEncoding.EncodeToString(k.pkcs1[:158]) + "\n", "a private key of minisign or signify"},
	} {
		if got := Detect(c.file, []byte(c.content)); got.Kind != Key || got.What != c.what {
			t.Errorf("%s: %+v, not %q", c.name, got, c.what)
		}
	}
}

func TestCredentials(t *testing.T) {
	for _, c := range []struct{ name, file, content, what string }{
		{"netrc", ".netrc", "machine api.example.org login me password s3cretWord\n", "a password for api.example.org"},
		{"netrc, by another name, on several lines", "machines", "# mine\nmachine api.example.org\n  login me\n  password s3cretWord\n", "a password for api.example.org"},
		{"npm", ".npmrc", "save-exact=true\n//registry.example.org/:_authToken=" + word(36) + "\n", "a token or password for a package registry"},
		{"npm, the old way", "npmrc", "_auth=" + word(20) + "\n", "a token or password for a package registry"},
		{"npm, a password", ".npmrc", "//registry.example.org/:_password=\"" + word(20) + "\"\n", "a token or password for a package registry"},
		{"yarn", ".yarnrc.yml", "npmScopes:\n  a:\n    npmAuthToken: " + word(36) + "\n", "a token for a package registry"},
		{"Python", ".pypirc", "[pypi]\nusername = me\npassword = s3cretWord\n", "a password"},
		{"PostgreSQL", ".pgpass", "db.example.org:5432:*:me:s3cretWord\n", "a password"},
		{"git", ".git-credentials", "https://me:s3cretWord@git.example.org\n", "a password in a URL"},
		{"Docker", ".docker/config.json", `{"auths": {"registry.example.org": {"auth": "` + base64.StdEncoding.EncodeToString([]byte("me:s3cretWord")) + `"}}}`, "a password for a registry"},
		{"Kubernetes", "config", "apiVersion: v1\nkind: Config\nusers:\n- name: me\n  user:\n    token: " + word(40) + "\n", "a token for Kubernetes"},
		{"Hex", "hex.config", `{'$write_key',<<"` + word(32) + `">>}.` + "\n", "a key for Hex"},
		{"Hex's repository", "hex.config", `{'$repos',#{<<"hexpm:a">> => #{auth_key => <<"` + word(32) + `">>}}}.` + "\n", "a key for Hex"},
		{"gcloud", "application_default_credentials.json", `{"client_secret": "` + word(20) + `", "refresh_token": "` + word(60) + `", "type": "authorized_user"}`, "a refresh token"},
		{"AWS", "credentials", "[default]\naws_access_key_id = AKIA" + "QZ7XK4WB2M5RTY6N\n", "an access key for AWS"},
		{"AWS, a secret", "x.json", `{"aws_secret_access_key": "` + word(40) + `"}`, "a secret access key for AWS"},
		{"GitHub", "config.toml", "token = \"ghp_" + word(36) + "\"", "a token for GitHub"},
		{"GitHub, in code", "lib/a.ex", "@token \"ghp_" + word(36) + "\"", "a token for GitHub"},
		{"GitLab", "x", "glpat-" + word(20), "a token for GitLab"},
		{"Slack", "x", "xoxb-" + word(30), "a token for Slack"},
		{"Stripe", "config/runtime.exs", "config :stripity_stripe, api_key: \"sk_live_" + word(24) + "\"", "a secret key for Stripe"},
		{"Azure", "x", "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=" + word(86) + "==;", "a key for Azure Storage"},
		{"variables", ".env", "# ours\nPORT=4000\nexport SECRET_KEY_BASE=" + word(64) + "\n", "a secret in a variable"},
		{"variables, a URL", "production", "DATABASE_URL=ecto://me:s3cretWord@db/app\n", "a secret in a variable"},
		{"Phoenix", "config/prod.secret.exs", "import Config\n\nconfig :a, A.Endpoint,\n  secret_key_base: \"" + word(64) + "\"\n", "a literal secret in its configuration"},
		{"Phoenix, the database", "config/prod.secret.exs", "use Mix.Config\nconfig :a, A.Repo,\n  username: \"me\",\n  password: \"s3cret\"\n", "a literal secret in its configuration"},
		{"Phoenix, a URL", "config/prod.secret.exs", "import Config\nconfig :a, A.Repo, url: \"ecto://me:s3cret@db/a\"\n", "a literal secret in its configuration"},
		{"Erlang", "priv/.erlang.cookie", "ABCDEFGHIJKLMNOPQRST", "an Erlang cookie"},
	} {
		if got := Detect(c.file, []byte(c.content)); got.Kind != Credential || got.What != c.what {
			t.Errorf("%s: %+v, not %q", c.name, got, c.what)
		}
	}
}

func TestWhatIsNoSecret(t *testing.T) {
	k := newKeys()
	cert := armour("CERTIFICATE", k.cert)
	for _, c := range []struct{ name, file, content string }{
		{"nothing", "key.pem", ""},
		{"white space", ".env", "\n \n"},
		{"a certificate", "selfsigned.pem", cert},
		{"authorities", "cacerts.pem", strings.Repeat("Some CA\n=======\n"+cert, 100)},
		{"a certificate named for a key", "priv/server.key", cert},
		{"a certificate, DER", "x.der", string(k.cert)},
		{"a request", "x.csr", armour("CERTIFICATE REQUEST", k.request)},
		{"a request, DER", "x.csr", string(k.request)},
		{"a public key", "x.pem", armour("PUBLIC KEY", k.public)},
		{"a public key, DER", "x.der", string(k.public)},
		{"a public key, PKCS #1", "x.der", string(x509.MarshalPKCS1PublicKey(&k.rsa.PublicKey))},
		{"a public key of SSH", "id_ed25519.pub", string(ssh.MarshalAuthorizedKey(must(ssh.NewPublicKey(k.ed.Public()))))},
		{"parameters", "dh.pem", armour("DH PARAMETERS", k.public)},
		{"a public key as JSON", "jwk.json", quoted(map[string]string{"kty": "RSA", "n": b64(k.rsa.N.Bytes()), "e": "AQAB"})},
		{"trust of Java", "x", sample(t, "trust.jks")},
		{"trust as PKCS #12", "x", sample(t, "trust.p12")},
		{"trust of Java as PKCS #12", "x", sample(t, "trust-java.p12")},
		{"GnuPG's public ring", "x", sample(t, "pubring.gpg")},
		{"a certificate in base64", "config", "certificate-authority-data: " + base64.StdEncoding.EncodeToString([]byte(cert))},
		{"the words alone", "key.pem", "-----BEGIN PRIVATE KEY-----"},
		{"the words about nothing", "README", "-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----\n"},
		{"words in place of a body", "guide.txt", "-----BEGIN PRIVATE KEY-----\nput the key of your account here\n-----END PRIVATE KEY-----\n"},
		{"a body that is left out", "guide.txt", "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC...\n-----END PRIVATE KEY-----\n"},
		{"a body of one letter", "guide.txt", "-----BEGIN PRIVATE KEY-----\n" + strings.Repeat("A", 64) + "\n-----END PRIVATE KEY-----\n"},
		{"code that reads keys", "pem.erl", "pem_start('RSAPrivateKey') ->\n    <<\"-----BEGIN RSA PRIVATE KEY-----\">>;\npem_end(<<\"-----BEGIN RSA PRIVATE KEY-----\">>) -> <<\"-----END RSA PRIVATE KEY-----\">>;\n"},
		{"code that writes keys", "pem.ex", "\"-----BEGIN PRIVATE KEY-----\\n\" <> Base.encode64(der) <> \"\\n-----END PRIVATE KEY-----\\n\""},
		{"a sentence", "x.md", "A file that begins with -----BEGIN PRIVATE KEY----- holds the key and nothing else, and whoever reads it has it.\n"},
		{"npm without a token", ".npmrc", "save-exact=true\nregistry=https://registry.example.org/\n"},
		{"npm with a token of the environment", ".npmrc", "//registry.example.org/:_authToken=${NPM_TOKEN}\n"},
		{"netrc without a password", ".netrc", "machine api.example.org login me\n"},
		{"netrc, described", "guide.txt", "machine api.example.org login USER password <your password>\n"},
		{"a sentence about a machine", "x.txt", "machine learning needs a password policy of its own\n"},
		{"Phoenix, from the environment", "config/prod.secret.exs", "secret_key_base =\n  System.get_env(\"SECRET_KEY_BASE\") ||\n    raise \"\"\"\n    environment variable SECRET_KEY_BASE is missing.\n    You can generate one by calling: mix phx.gen.secret\n    \"\"\"\nconfig :a, A.Endpoint, secret_key_base: secret_key_base, url: [host: \"a.example\"]\n"},
		{"Phoenix, for developers", "config/dev.exs", "config :a, A.Endpoint, secret_key_base: \"" + word(64) + "\"\nconfig :a, A.Repo, password: \"postgres\"\n"},
		{"variables without values", ".env.example", "SECRET_KEY_BASE=\nDATABASE_URL=\n"},
		{"variables, an example's", ".env.sample", "SECRET_KEY_BASE=" + word(64) + "\n"},
		{"variables that refer", ".env", "SECRET_KEY_BASE=${SKB}\nTOKEN=$(pass show x)\nAPI_KEY=changeme-please\n"},
		{"variables that are none", "build.conf", "erlang_version=27.1\nelixir_version=1.18.1\n"},
		{"translations", "priv/i18n/de.yml", "de:\n  password: Passwort\n  token: Zeichen\n  secret: Geheimnis\n"},
		{"a lock", "mix.lock", "%{\n  \"jose\": {:hex, :jose, \"1.11.10\", \"a903f5227417bd2a08c8a00a0cbcc458118be84480955e8d251297a425723f83\", [:mix, :rebar3], [], \"hexpm\", \"0d6cd36ff8ba174db29148fc112b5842186b68a90ce9fc2b3ec3afe76593e614\"},\n}\n"},
		{"integrity", "package-lock.json", `{"integrity": "sha512-` + base64.StdEncoding.EncodeToString(k.pkcs1[:64]) + `"}`},
		{"AWS's own example", "x.md", "AKIAIOSFODNN7EXAMPLE wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n"},
		{"Docker with a helper", ".docker/config.json", `{"auths": {"registry.example.org": {}}, "credsStore": "desktop"}`},
		{"a native file", "nif.so", "\x7fELF\x02\x01\x01\x00-----BEGIN \x00 PRIVATE KEY\x00-----BEGIN PRIVATE KEY-----\x00-----END \x00"},
		{"DER of something else", "x", string(must(asn1.Marshal([]*big.Int{big.NewInt(0), big.NewInt(5)})))},
		{"an image", "x.png", "\x89PNG\r\n\x1a\n" + strings.Repeat("\x00\x95\xc5", 1000)},
	} {
		if got := Detect(c.file, []byte(c.content)); got.Kind != None {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

// What is found is the same however the file arrives.
func TestInPieces(t *testing.T) {
	k := newKeys()
	content := []byte(strings.Repeat("some text\n", 200_000) + armour("RSA PRIVATE KEY", k.pkcs1) + strings.Repeat("more\n", 300_000))
	want := Detect("x", content)
	for _, n := range []int{1, 7, 4096, 1 << 20, len(content)} {
		s := New("x")
		for part := range bytesChunks(content, n) {
			_, _ = s.Write(part)
		}
		if got := s.Finding(); got != want || want.At != int64(2_000_000+len("-----BEGIN RSA ")) {
			t.Errorf("%d bytes at a time: %+v, not %+v", n, got, want)
		}
	}
}

func bytesChunks(b []byte, n int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(b) > 0 {
			part := b[:min(n, len(b))]
			if !yield(part) {
				return
			}
			b = b[len(part):]
		}
	}
}

// Where a key stands tells whether a file is the key or has it in it.
func TestWhereItStands(t *testing.T) {
	k := newKeys()
	key := armour("EC PRIVATE KEY", k.sec1)
	for content, want := range map[string]int64{key: 0, "\r\n  " + key: 0, "\ufeff" + key: 0, "  # " + key: 0, "a\n" + key: 2 + int64(len("-----BEGIN EC "))} {
		if got := Detect("x", []byte(content)); got.At != want {
			t.Errorf("%q: %d, not %d", content[:12], got.At, want)
		}
	}
}

func TestStores(t *testing.T) {
	for name, want := range map[string]bool{
		".ssh/known_hosts": true, "a/.aws/config": true, ".gnupg/x/y": true, ".sshx/a": false, "ssh/a": false, ".ssh": false, "lib/a.ex": false,
	} {
		if got := Store(name) != ""; got != want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// FuzzDetect: whatever a file holds, looking ends, and says nothing of what it
// holds.
func FuzzDetect(f *testing.F) {
	k := newKeys()
	for _, seed := range []string{
		armour("RSA PRIVATE KEY", k.pkcs1), string(k.pkcs8), sample(f, "key.p12"), sample(f, "key.jks"), sample(f, "secring.gpg"),
		"machine a login b password c", `{"kty":"oct","k":"aaaa"}`, "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0t", "SECRET=" + word(20), "\xff\xfe-\x00",
	} {
		f.Add("x.pem", []byte(seed))
	}
	f.Fuzz(func(t *testing.T, name string, content []byte) {
		got := Detect(name, content)
		if (got.Kind == None) != (got.What == "") || got.At < 0 || got.At > int64(len(content)) || len(got.What) > 120 {
			t.Errorf("%+v", got)
		}
		IsCode(name)
		Store(name)
	})
}

// What is made to be looked at again and again is not.
func TestLookingEnds(t *testing.T) {
	for _, part := range []string{
		`{"kty":`, `"kty"`, "machine a login b\n", "-----BEGIN PRIVATE KEY-----\n" + strings.Repeat("A", 30) + "\n", "PRIVATE KEY", "LS0tLS1CRUdJTi", `"auths":{`,
		"kind: Config\nusers:\n", "'$write_key','$write_key'", "//a:_authToken=", "_auth=", "PuTTY-User-Key-File-\n", "A_SECRET=${X}\n", "password: \"\"\n", "AGE-SECRET-KEY-AAAA", "\\n",
	} {
		for _, name := range []string{"x", "a.secret.exs"} {
			begun := time.Now()
			Detect(name, bytes.Repeat([]byte(part), (1<<17)/len(part)))
			if took := time.Since(begun); took > time.Minute {
				t.Errorf("128 kB of %q as %s: %v", part, name, took)
			} else if took > time.Second {
				t.Logf("128 kB of %q as %s: %v", part, name, took)
			}
		}
	}
}

func BenchmarkDetect(b *testing.B) {
	content := bytes.Repeat([]byte("defmodule A do\n  @doc \"the key of a token, and its password\"\n  def f(x), do: x + 1\nend\n"), 10_000)
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		Detect("lib/a.ex", content)
	}
}
