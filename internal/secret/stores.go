package secret

import (
	"bytes"
	"encoding/base64"
	"path"
	"regexp"
	"slices"
	"strings"
)

// storeSigns are those of the files in which tools keep passwords and tokens.
func storeSigns() []sign {
	return []sign{
		{text: "machine ", kind: Credential, holds: netrc, loose: true},
		{text: "_authToken=", kind: Credential, holds: npmrc(len("_authToken=")), loose: true},
		{text: "_password=", kind: Credential, holds: npmrc(len("_password=")), loose: true},
		{text: "_auth=", kind: Credential, holds: npmrc(len("_auth=")), loose: true},
		{text: "npmAuthToken:", kind: Credential, holds: yarnrc, loose: true},
		{text: `"auths"`, kind: Credential, holds: dockerConfig, loose: true},
		{text: "kind: Config", kind: Credential, holds: kubeconfig, loose: true},
		{text: "_key'", kind: Credential, holds: hexConfig, loose: true},
		{text: "auth_key", kind: Credential, holds: hexConfig, loose: true},
		{text: `"refresh_token"`, kind: Credential, holds: googleUser, loose: true},
	}
}

// Literal says whether a value is one that somebody would keep secret: not
// empty, no reference to where it comes from, and no example.
func literal(v []byte) bool {
	v = bytes.Trim(bytes.TrimSpace(v), `"'`)
	lower := bytes.ToLower(v)
	for _, word := range []string{
		"${", "{{", "<%", "#{", "$(", "getenv", "get_env", "fetch_env", "example", "change", "replace", "your_", "your-", "xxxx", "placeholder", "...", "****",
	} {
		if bytes.Contains(lower, []byte(word)) {
			return false
		}
	}
	return len(v) >= 4 && bytes.IndexByte([]byte("$<%"), v[0]) < 0 && varied(v, 3)
}

// line is the line of b that at lies in, from its first character that is no
// white space.
func line(b []byte, at int) []byte {
	before, after := near(b, at)
	begin := at - len(before) + bytes.LastIndexByte(before, '\n') + 1
	end := at + len(after)
	if i := bytes.IndexByte(after, '\n'); i >= 0 {
		end = at + i
	}
	return bytes.TrimSpace(b[begin:end])
}

// netrc: "machine HOST login NAME password WORD", on one line or several.
func netrc(b []byte, at int) string {
	if this := line(b, at); !bytes.HasPrefix(this, []byte("machine ")) {
		return ""
	}
	words := bytes.Fields(b[at:min(len(b), at+500)])
	for i := 2; i+1 < len(words) && i <= 6; i += 2 {
		switch string(words[i]) {
		case "password":
			if literal(words[i+1]) {
				return "a password for " + netrcHost(words[1])
			}
			return ""
		case "login", "account":
		default:
			return ""
		}
	}
	return ""
}

// netrcHost is a host as it may be printed.
func netrcHost(word []byte) string {
	if n := run(word, func(c byte) bool { return isWord(c) || c == '.' }); n == len(word) && n <= 80 {
		return string(word)
	}
	return "a machine (.netrc)"
}

// npmrc: "//registry.example/:_authToken=…", or without a registry.
func npmrc(n int) func(b []byte, at int) string {
	return func(b []byte, at int) string {
		this := line(b, at)
		name, value, _ := bytes.Cut(this, []byte("="))
		scoped := bytes.HasPrefix(name, []byte("//")) && bytes.Contains(name, []byte(":_"))
		if !scoped && !bytes.HasPrefix(name, []byte("_")) || len(name)+1 < n || !literal(value) {
			return ""
		}
		return "a token or password for a package registry"
	}
}

func yarnrc(b []byte, at int) string {
	this := line(b, at)
	if value, ok := bytes.CutPrefix(this, []byte("npmAuthToken:")); ok && literal(value) {
		return "a token for a package registry"
	}
	return ""
}

// dockerConfig: {"auths": {"HOST": {"auth": "base64 of NAME:WORD"}}}.
func dockerConfig(b []byte, at int) string {
	_, after := near(b, at)
	v := jsonValue(after, `"auth"`)
	plain, err := base64.StdEncoding.DecodeString(string(v))
	if err != nil || bytes.IndexByte(plain, ':') < 1 {
		return ""
	}
	return "a password for a registry"
}

var kubeSecret = regexp.MustCompile(`(?m)^\s*-?\s*(?:token|password): *(\S+)`)

// kubeconfig has a token or a password of a user; keys are found by themselves.
func kubeconfig(b []byte, at int) string {
	before, after := near(b, at)
	around := b[at-len(before) : at+len(after)]
	if string(line(b, at)) != "kind: Config" || !bytes.Contains(around, []byte("users:")) {
		return ""
	}
	for _, m := range kubeSecret.FindAllSubmatch(around, 100) {
		if literal(m[1]) {
			return "a token for Kubernetes"
		}
	}
	return ""
}

var hexKey = regexp.MustCompile(`^(?:'\$(?:write|read|encrypted)_key'|auth_key) *(?:,|=>) *<<"([^"]+)">>`)

// hexConfig: Hex keeps its keys as Erlang terms.
func hexConfig(b []byte, at int) string {
	begin := max(0, at-len("'$encrypted"))
	for i := range 12 {
		if m := hexKey.FindSubmatch(b[min(begin+i, at):min(len(b), at+400)]); m != nil && literal(m[1]) {
			return "a key for Hex"
		}
	}
	return ""
}

// googleUser is what gcloud keeps for a user.
func googleUser(b []byte, at int) string {
	before, after := near(b, at)
	client := []byte(`"client_secret"`)
	if (bytes.Contains(before, client) || bytes.Contains(after, client)) && literal(jsonValue(after, `"refresh_token"`)) {
		return "a refresh token"
	}
	return ""
}

// whole looks at a file as a whole: what has no sign of its own.
func (s *Scanner) whole(b []byte) Finding {
	if what := binaryKey(b); what != "" {
		return Finding{Kind: Key, What: what}
	}
	base := path.Base(s.name)
	switch {
	case !s.text || len(bytes.TrimSpace(b)) == 0:
		return Finding{}
	case isSecretConfig(base):
		settings := append(literalSetting.FindAllSubmatch(b, 1000), literalURL.FindAllSubmatch(b, 1000)...)
		return credential(settings, "a literal secret in its configuration")
	case IsCode(s.name):
		return Finding{}
	case slices.Contains([]string{".pgpass", "pgpass.conf", ".pypirc", "pip.conf", ".my.cnf"}, base):
		return credential(passwordLine.FindAllSubmatch(b, 1000), "a password")
	case base == ".erlang.cookie":
		return Finding{Kind: Credential, What: "an Erlang cookie"}
	case allURLs(b):
		return Finding{Kind: Credential, What: "a password in a URL"}
	case !isExample(base) && dotenv(b):
		return Finding{Kind: Credential, What: "a secret in a variable"}
	}
	return Finding{}
}

// credential is a finding if one of the values is literal.
func credential(matches [][][]byte, what string) Finding {
	for _, m := range matches {
		if literal(m[len(m)-1]) {
			return Finding{Kind: Credential, What: what}
		}
	}
	return Finding{}
}

// passwordLine: HOST:PORT:DATABASE:USER:WORD, "password = WORD", and URLs with
// a password.
var passwordLine = regexp.MustCompile(`(?m)^(?:[^#\s:]*:[^:\s]*:[^:\s]*:[^:\s]*:|[ \t]*password[ \t]*[=:][ \t]*|.*://[^/\s:@]*:)([^\s@]+)`)

// isSecretConfig: the file that projects keep out of git to keep secrets in.
func isSecretConfig(base string) bool {
	stem, ok := strings.CutSuffix(base, ".exs")
	return ok && (strings.HasSuffix(stem, ".secret") || strings.HasSuffix(stem, ".secrets") || stem == "secret" || stem == "secrets")
}

var literalSetting = regexp.MustCompile(`(?im)^[^#\n]*?\b\w*(?:secret|passw(?:or)?d|token|api_?key|_key|salt|credentials)\w*["']?(?::| *=>| *,| *=) *"([^"\n]+)"`)

var literalURL = regexp.MustCompile(`(?m)^[^#\n]*"[a-z][a-z0-9+.-]*://[^/\s:@"]*:([^/\s@"]+)@`)

var gitCredential = regexp.MustCompile(`^[a-z][a-z0-9+.-]*://[^/\s:@]*:([^/\s@]+)@[^\s]+$`)

// allURLs says whether a file is a list of URLs with passwords, as git keeps.
func allURLs(b []byte) bool {
	n := 0
	for l := range bytes.Lines(b) {
		l = bytes.TrimSpace(l)
		if len(l) == 0 {
			continue
		}
		m := gitCredential.FindSubmatch(l)
		if m == nil || !literal(m[1]) {
			return false
		}
		n++
	}
	return n > 0
}

var (
	variable       = regexp.MustCompile(`^(?:export +)?([A-Za-z_][A-Za-z0-9_]*)=(.*)$`)
	secretVariable = regexp.MustCompile(`(?i)(^|_)(secret|secret_key|secret_key_base|password|passwd|pass|pwd|token|api_?key|private_?key|access_?key|encryption_?key|credentials?|cookie)$`)
	urlPassword    = regexp.MustCompile(`^["']?[a-z][a-z0-9+.-]*://[^/\s:@]*:([^/\s@]+)@`)
)

// dotenv says whether a file is a list of variables, and one of them a secret.
func dotenv(b []byte) bool {
	found := false
	for l := range bytes.Lines(b) {
		l = bytes.TrimSpace(bytes.TrimPrefix(l, []byte("\ufeff")))
		if len(l) == 0 || l[0] == '#' {
			continue
		}
		m := variable.FindSubmatch(l)
		if m == nil {
			return false
		}
		if url := urlPassword.FindSubmatch(m[2]); url != nil && literal(url[1]) {
			found = true
		}
		found = found || secretVariable.Match(m[1]) && literal(m[2])
	}
	return found
}

// isExample: files that are there to be copied and filled in.
func isExample(base string) bool {
	base = strings.ToLower(base)
	return slices.ContainsFunc([]string{"example", "sample", "template", ".dist", "default"}, func(word string) bool { return strings.Contains(base, word) })
}
