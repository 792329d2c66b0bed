package shell_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/shell"
)

// readers are lines about programs that read and print, of which every system has the
// same kind: what comes of each, the machine's shells and programs say.
func readers() []string {
	return []string{
		// sed
		"B=$(echo x | sed 's/x') || A=x", "B=$(echo x | sed k) || A=x", "B=$(echo x | sed s/x/y/g) && A=x", "B=$(echo x | sed -n -e '1p;$p;2,3{s/a/b/;p;}') && A=x", "B=$(echo x | sed 's/x/y/k') || A=x",
		"B=$(echo x | sed 's/[x/y/') || A=x", `B=$(echo x | sed 's/\(x/y/') || A=x`, `B=$(echo x | sed 's/x/\1/') || A=x`, `B=$(echo x | sed 's/\(x\)/\1/') && A=x`, "B=$(echo x | sed y/ab/cd/) && A=x",
		"B=$(echo x | sed y/ab/c/) || A=x", "B=$(echo x | sed 's|x|/|;s,/,y,') && A=x", "B=$(echo x | sed '1{p') || A=x", "B=$(echo x | sed '1p}') || A=x", "B=$(echo x | sed -E 's/(x)|y/\\1/') && A=x",
		"B=$(echo x | sed -E 's/(x/y/') || A=x", "B=$(echo x | sed '/x/!d;/y/d;1,/z/d') && A=x", "B=$(echo x | sed '/x') || A=x", "B=$(echo x | sed 'p p') || A=x", "B=$(echo x | sed s/a/b/ /gone9) || A=x",
		"B=$(echo x | sed '# all\ns/x/y/ # one') && A=x", "B=$(echo x | sed ':a;s/x/y/;ta') && A=x", "B=$(echo x | sed 's/[]x]/y/;s/[^]/]/z/') && A=x", `B=$(echo x | sed 's/[/]/y/') && A=x`,
		// grep
		"echo abc | grep -q b && A=x", "echo abc | grep -q z || A=x", "A=$(echo abc | grep b)", "A=$(printf 'ab\\ncb\\nd\\n' | grep b)", "A=$(echo abc | grep -c z) || A=y$A", "echo ABC | grep -qi abc && A=x", "echo abc | grep -qv abc || A=x",
		"echo abc | grep -E '(x' >/dev/null 2>&1 || A=x", "echo abc | grep '[x' >/dev/null 2>&1 || A=x", "echo 'a+b' | grep -q 'a+b' && A=x", "echo 'a+b' | grep -Eq 'a+b' || A=x", "echo 'aab' | grep -Eq '^a+b$' && A=x",
		`echo 'aab' | grep -q '^a\+b$' && A=x`, `echo 'aab' | grep -q '^a\{2\}b' && A=x`, "echo '*a' | grep -q '*a' && A=x", "echo 'a.b' | grep -Fq . && A=x", "echo 'ab' | grep -Fq . || A=x", "echo ab | grep -xq a || A=x",
		"echo 'a b' | grep -wq a && A=x", "echo ab | grep -wq a || A=x", "echo 3.1 | grep -q '^[0-9]*\\.[0-9]' && A=x", "echo ab | grep -q '[[:digit:]]' || A=x", "echo 'a^b$c' | grep -q 'a^b$c' && A=x", `echo 'a]b' | grep -q '[]x]' && A=x`,
		`printf '%s' 'a\b' | grep -q '[\]' && A=x`, "echo ab | grep -q -e z -e a && A=x", "grep -q x /gone9 2>/dev/null || A=x", "echo ab | grep -q 'a\\|z' && A=x", "echo '(a)' | grep -q '(a)' && A=x", "echo 'a{b' | grep -q 'a{b' && A=x",
		// cut, tr, head, wc
		"A=$(echo a,b | cut -d, -f2)", "A=$(printf 'a b\\nc d\\n' | cut -d' ' -f1)", "A=$(echo ab | cut -d, -f2)", "B=$(echo a | cut -d,) || A=x", "B=$(echo a | cut -d, -f0) || A=x", "B=$(echo a | cut -d,, -f1) || A=x", "A=$(echo abc | cut -c2-)",
		"A=$(echo abc | tr a-z A-Z)", "A=$(echo a-b_c | tr -d -)", "A=$(echo a.b | tr . _)", "B=$(echo a | tr) || A=x", "B=$(echo a | tr a) || A=x", "A=$(echo abc | tr abc x)", "A=$(echo aB | tr '[:upper:]' '[:lower:]')",
		"A=$(printf 'a\\nb\\n' | head -n 1)", "A=$(printf 'a\\nb\\n' | head -1)", "B=$(echo x | head -n many) || A=x", "[ $(printf 'a\\nb\\n' | wc -l) -eq 2 ] && A=x",
		// expr and the like
		"A=$(expr 1 + 2)", "A=$(expr 1 - 1) || A=y$A", "B=$(expr a + 2) || A=x", "sleep many || A=x", "sleep 0 && A=x", "basename 2>/dev/null || A=x", "uname --nowhere9 >/dev/null || A=x", "A=$(uname -s)", "seq many >/dev/null || A=x",
		// files
		"cp /gone9 /tmp/x9 || A=x", "cp /etc/passwd /gone9/x || A=x", "cp /etc /tmp/x9 2>/dev/null || A=x", "mv /gone9 /tmp/x9 || A=x", "rm /gone9 || A=x", "rm -f /gone9 && A=x", "rm -rf /gone9/x && A=x", "chmod 755 /gone9 || A=x", "touch /gone9/x || A=x",
		"ls /gone9 || A=x", "ls /gone9/*.pem || A=x", "ls /etc/passw* >/dev/null && A=x", "find /gone9 -name x || A=x", "wc -l /gone9 || A=x", "sort /gone9 || A=x", "tail -n 1 /gone9 || A=x", "head /gone9 || A=x", "mkdir /etc || A=x", "mkdir -p /etc && A=x",
		"rmdir /gone9 || A=x", "echo x | tee /gone9/x >/dev/null || A=x", "ln -s /etc/passwd /etc/passwd || A=x", "ln -s x /gone9/x || A=x", "B=$(readlink -f /gone9/x) || A=x", "A=$(readlink -f /gone9)", "B=$(readlink /etc/passwd) || A=x",
		// others
		"timeout 5 false || A=x", "timeout 5 true && A=x", "timeout 5 gone9 || A=x", "nice gone9 || A=x", "nice -n 1 true && A=x", "echo x | xargs false || A=x", "sh -c 'exit 3' || A=$?", "sh -c 'gone9' || A=x", "A=$(sh -c 'echo x')", "sh /gone9 || A=x",
		`A=$(sh -c 'echo "$1"' a b)`, "env false || A=x", "env B=1 true && A=x", "setsid -w false || A=x", "env gone9 || A=x",
	}
}

// Programs that scripts call end as the machine's do.
func TestFollowProgramsAsTheyDo(t *testing.T) {
	t.Parallel()
	for _, sh := range shells(t) {
		agrees(t, sh, readers(), 12)
	}
}

// A start that ends if a program fails is told so, once for each program that nothing
// is known of.
func TestFollowSaysWhatAStartDependsOn(t *testing.T) {
	t.Parallel()
	m := func(lines string) machine { return script(lines).with("bin/curl", "\x7fELF").with("etc/motd", "x") }
	for lines, want := range map[string][]string{
		"B=$(curl x)":                          {"depends curl at app/run:3"},
		"curl x":                               {"depends curl at app/run:3"},
		"curl x || true":                       {},
		"if curl x; then :; fi":                {},
		"export B=$(curl x)":                   {},
		"B=$(curl x | cat)":                    {},
		"B=$(cat /etc/motd | curl -d @-)":      {"depends curl at app/run:3"},
		"f() { curl x; }\nf":                   {"depends curl at app/run:3"},
		"set +e\ncurl x\nset -e":               {},
		"[ \"$(curl x || true)\" = y ]":        {"depends [ at app/run:3"},
		"curl x &":                             {},
		"curl x && B=1":                        {},
		"{ curl x; } > /dev/null":              {"depends curl at app/run:3"},
		"for i in a b; do curl $i; done":       {"depends curl at app/run:3"},
		"cat /gone":                            {"no-input /gone at app/run:3, ends"},
		"case $(curl x) in a) B=1;; esac":      {},
		"sed s/x /etc/motd":                    {"misused sed: unterminated `s' command at app/run:3, ends"},
		"B=$(date -d tomorrow)\nB=$(date +%s)": {"depends date at app/run:3"},
	} {
		tr := shell.Follow(m(lines).world(), "app/run")
		tr.Runs = nil
		if d := cmp.Diff(want, append([]string{}, told(tr)...)); d != "" {
			t.Errorf("%q (-want +got):\n%s", lines, d)
		}
	}
}
