package secret

import "bytes"

// token is a row of the tokens that services give a prefix, so that they are
// known when they leak.
type token struct {
	prefix string
	what   string
	is     func(byte) bool
	least  int // characters after the prefix
}

func tokens() []token {
	const (
		github = "a token for GitHub"
		gitlab = "a token for GitLab"
		slack  = "a token for Slack"
	)
	return []token{
		{"ghp_", github, isAlnum, 36},
		{"gho_", github, isAlnum, 36},
		{"ghu_", github, isAlnum, 36},
		{"ghs_", github, isAlnum, 36},
		{"ghr_", github, isAlnum, 36},
		{"github_pat_", github, isWord, 60},
		{"glpat-", gitlab, isWord, 20},
		{"gldt-", gitlab, isWord, 20},
		{"glrt-", gitlab, isWord, 20},
		{"glcbt-", gitlab, isWord, 20},
		{"glptt-", gitlab, isWord, 20},
		{"xoxb-", slack, isWord, 20},
		{"xoxp-", slack, isWord, 20},
		{"xoxa-", slack, isWord, 20},
		{"xoxr-", slack, isWord, 20},
		{"xoxs-", slack, isWord, 20},
		{"xapp-", slack, isWord, 20},
		{"hooks.slack.com/services/", "a webhook of Slack", func(c byte) bool { return isAlnum(c) || c == '/' }, 38},
		{"sk_live_", "a secret key for Stripe", isAlnum, 20},
		{"rk_live_", "a secret key for Stripe", isAlnum, 20},
		{"npm_", "a token for npm", isAlnum, 36},
		{"pypi-AgE", "a token for PyPI", isWord, 50},
		{"SG.", "a key for SendGrid", func(c byte) bool { return isWord(c) || c == '.' }, 66},
		{"dop_v1_", "a token for DigitalOcean", isHex, 64},
		{"sk-ant-", "a key for Anthropic", isWord, 40},
		{"sk-proj-", "a key for OpenAI", isWord, 40},
		{"hf_", "a token for Hugging Face", isAlnum, 34},
		{"dckr_pat_", "a token for Docker Hub", isWord, 20},
		{"hvs.", "a token for Vault", isWord, 24},
		{"fm2_", "a token for Fly.io", isBase64, 100},
		{"shpat_", "a token for Shopify", isHex, 32},
		{"AccountKey=", "a key for Azure Storage", isBase64, 86},
		{"SharedAccessKey=", "a key for Azure", isBase64, 43},
	}
}

func tokenSigns() []sign {
	var out []sign
	for _, t := range tokens() {
		out = append(out, sign{text: t.prefix, kind: Credential, holds: t.holds})
	}
	for _, prefix := range []string{"AKIA", "ASIA"} {
		out = append(out, sign{text: prefix, kind: Credential, holds: awsKey})
	}
	for _, name := range []string{"aws_secret_access_key", "AWS_SECRET_ACCESS_KEY", "SecretAccessKey"} {
		out = append(out, sign{text: name, kind: Credential, holds: awsSecret(len(name))})
	}
	return out
}

func (t token) holds(b []byte, at int) string {
	if at > 0 && isWord(b[at-1]) {
		return ""
	}
	v := b[at+len(t.prefix):]
	if v = v[:run(v, t.is)]; len(v) < t.least || !varied(v, 8) {
		return ""
	}
	return t.what
}

// awsKey is the name of an access key: 20 characters, by themselves.
func awsKey(b []byte, at int) string {
	v := b[at:]
	n := run(v, isUpper)
	if n != 20 || at > 0 && isBase64(b[at-1]) && b[at-1] != '=' || n < len(v) && isBase64(v[n]) || !varied(v[:n], 8) {
		return ""
	}
	return "an access key for AWS"
}

// awsSecret is the 40 characters that follow the name of a secret access key.
func awsSecret(name int) func([]byte, int) string {
	return func(b []byte, at int) string {
		v := bytes.TrimLeft(b[at+name:], " \t\"':=>")
		if len(v) == len(b)-at-name || run(v, isBase64) != 40 || !varied(v[:40], 10) {
			return ""
		}
		return "a secret access key for AWS"
	}
}
