package oracle

import "slices"

// Changes that were made to find an OK of what does not start. Like all cases they
// say what is changed, and the machine says what comes of it.
func attackCases() []startCase {
	return slices.Concat(statementCases(), expansionCases(), builtinCases(), nodeCases(), textCases(), bootCases(), placeCases(), argumentCases(), emulatorCases())
}

// statementCases are about how shells go on, and when they stop.
func statementCases() []startCase {
	return []startCase{
		{name: "text of several lines", change: env("cat > /dev/null <<EOF\n$HOME $(nowhere9)\nEOF"), sample: true},
		{name: "text without its end", change: env("cat > /dev/null <<EOF\nx")},
		{name: "text with tabs before its end", change: env("cat > /dev/null <<-EOF\n\tx\n\tEOF")},
		{name: "text that is quoted", change: env("cat > /dev/null <<'EOF'\n$(nowhere9) `\nEOF")},
		{name: "a function that fails", change: env("f() { return 1; }\nf"), sample: true},
		{name: "a function that may fail", change: env("f() { return 1; }\nf || true")},
		{name: "a function whose failure is tested inside", change: env("f() { false; true; }\nif f; then :; fi")},
		{name: "a function that calls itself by name of a program", change: env("readlink() { echo /app; }")},
		{name: "a local variable", change: env("f() { local x=1; export X9=$x; }\nf")},
		{name: "local outside of a function", change: env("local X9=1")},
		{name: "local by a command that fails", change: env("f() { local x=$(false); }\nf")},
		{name: "exec of another program", change: env("exec true"), sample: true},
		{name: "exec of what is not there", change: env("exec nowhere9")},
		{name: "exec of files", change: env("exec 3>/dev/null")},
		{name: "exec of files in nowhere", change: env("exec 3>/nowhere9/x")},
		{name: "output to nowhere", change: env("echo x > /nowhere9/x"), sample: true},
		{name: "output to nowhere, or else", change: env("echo x > /nowhere9/x || true")},
		{name: "input that is there", change: env("read -r A < /etc/hosts")},
		{name: "input that is empty", change: env("read -r A < /dev/null"), sample: true},
		{name: "lines of nothing", change: env("while read -r l; do nowhere9; done < /dev/null")},
		{name: "a subshell that fails", change: env("(exit 3)")},
		{name: "a subshell that may fail", change: env("(exit 3) || true")},
		{name: "a subshell in nowhere", change: env("(cd /nowhere9 && pwd)")},
		{name: "a group that fails", change: env("{ true; false; }")},
		{name: "cd to nowhere, or end", change: env("cd /nowhere9 || exit 5")},
		{name: "cd to nowhere, or go on", change: env("cd /nowhere9 2> /dev/null || true")},
		{name: "cd away", change: env("cd /tmp")},
		{name: "a case of none", change: env(`case "$NOT_SET9" in a) ;; *) exit 4;; esac`)},
		{name: "a case of this machine", change: env(`case "$(uname -m)" in x86_64|aarch64) ;; *) exit 4;; esac`)},
		{name: "a case of another system", change: env(`case "$(uname -s)" in Darwin) exit 4;; esac`)},
		{name: "a case without its end", change: env("case x in x) :;;")},
		{name: "a trap of the end", change: env("trap 'nowhere9' EXIT")},
		{name: "a trap of errors", change: env("trap 'nowhere9' ERR"), sample: true},
		{name: "a trap by the whole name", change: env("trap ':' SIGTERM")},
		{name: "a trap of a signal", change: env("trap ':' TERM INT")},
		{name: "a chain of tests", change: env("command -v nowhere9 > /dev/null || { echo missing >&2; exit 1; }"), sample: true},
		{name: "a chain with another program", change: env("command -v nowhere9 || command -v sh > /dev/null")},
		{name: "which, or end", change: env("which nowhere9 > /dev/null || exit 1")},
		{name: "type, or end", change: env("type nowhere9 > /dev/null 2>&1 || exit 1")},
		{name: "hash of what is not there", change: env("hash nowhere9")},
		{name: "a loop that is left", change: env("while true; do break; done\nfor i in 1 2; do continue; done")},
		{name: "a loop that ends it", change: env("i=0\nwhile :; do i=$((i+1)); [ $i -gt 3 ] && exit 3; done")},
		{name: "a loop that waits for what does not come", change: env("i=0\nuntil nowhere9; do i=$((i+1)); if [ $i -gt 2 ]; then exit 3; fi; done")},
		{name: "last line a test that fails", change: env("[ -n \"$NOT_SET9\" ] && export A=1")},
		{name: "last line a test that fails, as if", change: env("if [ -n \"$NOT_SET9\" ]; then export A=1; fi")},
		{name: "return", change: env("return 0\nnowhere9")},
		{name: "return of a failure", change: env("return 3")},
		{name: "kills itself", change: env("kill -TERM $$")},
		{name: "asks whether it lives", change: env("kill -0 $$")},
		{name: "waits", change: env("sleep 0.01 &\nwait")},
		{name: "bash does it", change: "sed -i '1s|.*|#!/bin/bash|' bin/oracle\n" + env("A=(1 2)\nexport B=${A[1]}\n[[ $B == 2 ]] || exit 3\nsource /dev/null")},
	}
}

// expansionCases are about words.
func expansionCases() []startCase {
	return []startCase{
		{name: "unset under set -u", change: env("set -u\necho $NOT_SET9"), sample: true},
		{name: "unset under set -u, with another", change: env("set -u\necho ${NOT_SET9:-x} ${NOT_SET9-} ${NOT_SET9+x}")},
		{name: "set -u from now on", change: env("set -u")},
		{name: "a part of a value", change: env("A=abc\nexport B=${A:0:2}"), sample: true},
		{name: "a variable by its name", change: env("A=HOME\nexport B=${!A}")},
		{name: "without an end", change: env("A=a.b.c\nexport B=${A%%.*} C=${A#*.} D=${#A}")},
		{name: "a sum", change: env("A=$((1 + 2 * 3))\n[ $A -eq 7 ] || exit 3")},
		{name: "a power", change: env("A=$((2**3))")},
		{name: "a division by zero", change: env("A=$((1/0))")},
		{name: "a sum with a word", change: env("A='1 x'\nB=$((A + 1))")},
		{name: "a sum with let", change: env("let A=1")},
		{name: "a sum in double brackets", change: env("A=1\nif ((A == 1)); then export B=1; fi")},
		{name: "braces", change: env("for i in {1..3}; do [ \"$i\" = 1 ] && exit 3; done\ntrue")},
		{name: "a quote of bash", change: env("A=$'x'\n[ \"$A\" = x ] || exit 3")},
		{name: "a value with blanks", change: env("A='a b'\n[ $A = a ]")},
		{name: "a test of a word that is none", change: env("[ $NOT_SET9 = a ] || true")},
		{name: "a test with two equals", change: env(`[ "$HOME" == /tmp ] || true`)},
		{name: "a test with two equals alone", change: env(`[ "$HOME" == "$HOME" ]`)},
		{name: "a test of what is no number", change: env(`if [ "x" -gt 3 ]; then exit 3; fi`)},
		{name: "eval of what is not there", change: env("eval 'nowhere9 x'"), sample: true},
		{name: "eval of a value", change: env("eval 'export A9=1'\n[ \"$A9\" = 1 ] || exit 3")},
		{name: "eval of nothing", change: env("eval \"$NOT_SET9\"")},
		{name: "a file that is not there for a value", change: env("A=$(cat /nowhere9)")},
		{name: "a file that is not there for a value that is exported", change: env("export A=$(cat /nowhere9)")},
		{name: "a file that is not there, with another", change: env("A=$(cat /nowhere9 2> /dev/null || echo x)")},
		{name: "backquotes", change: env("A=`nowhere9`")},
		{name: "a glob of nothing", change: env("for f in /nowhere9/*.sh; do . \"$f\"; done")},
		{name: "a glob of nothing, if it is there", change: env("for f in /nowhere9/*.sh; do [ -f \"$f\" ] && . \"$f\"; done\ntrue")},
		{name: "process substitution", change: env("while read -r l; do :; done < <(echo x)")},
		{name: "output and errors as bash has it", change: env("echo x &> /dev/null")},
		{name: "a pipe of errors", change: env("echo x |& cat")},
		{name: "a dollar alone", change: env("A='$'\nB=\"$\"")},
	}
}

// builtinCases are about what is built in, and programs that every system has. What a
// program makes of its input (a grep that finds nothing) is not followed.
func builtinCases() []startCase {
	return []startCase{
		{name: "export of a name that is none", change: env("export A-B=1"), sample: true},
		{name: "export of a name with a digit first", change: env("export 1A=x")},
		{name: "export of a value with a dot", change: env("A.B=1")},
		{name: "readonly", change: env("readonly A9=1\nA9=2")},
		{name: "unset of PATH", change: env("unset PATH")},
		{name: "a PATH of nowhere", change: env("export PATH=/nowhere9"), sample: true},
		{name: "a PATH with more", change: env(`export PATH="$RELEASE_ROOT/bin:$PATH"`)},
		{name: "umask", change: env("umask 0027")},
		{name: "umask of a word", change: env("umask abc")},
		{name: "ulimit past what may be", change: env("ulimit -n 9999999999"), sample: true},
		{name: "ulimit that may be", change: env("ulimit -n 512")},
		{name: "ulimit that may be past, or not", change: env("ulimit -n 9999999999 || true")},
		{name: "ulimit of processes", change: env("ulimit -u 4096")},
		{name: "ulimit of an option that is none", change: env("ulimit -Z 1")},
		{name: "ulimit of cores", change: env("ulimit -c 0")},
		{name: "new arguments", change: env("set -- a b"), sample: true},
		{name: "no arguments", change: env("shift")},
		{name: "the same arguments", change: env(`set -- "$@"`)},
		{name: "errexit by its name", change: env("set -o errexit\nset -o nounset")},
		{name: "an option that is none", change: env("set -o posix")},
		{name: "errtrace", change: env("set -E")},
		{name: "shopt", change: env("shopt -s nullglob")},
		{name: "read with a question", change: env("read -p x A < /etc/hosts")},
		{name: "read of one byte", change: env("read -n 1 A < /etc/hosts")},
		{name: "printf into a variable", change: env("printf -v A x")},
		{name: "printf of a date", change: env("printf '%(%Y)T' -1")},
		{name: "echo with an option", change: env("[ \"$(echo -e x)\" = x ] || exit 3")},
		{name: "an alias", change: env("alias x9=nowhere9\nx9")},
		{name: "export of a function", change: env("f() { :; }\nexport -f f")},
		{name: "times", change: env("times > /dev/null")},
		{name: "getopts", change: env("while getopts a: o; do :; done")},
		{name: "pushd", change: env("pushd /tmp")},
		{name: "command of a builtin", change: env("command cd /nowhere9 || true")},
		{name: "builtin", change: env("builtin true")},
		{name: "test of a file by age", change: env("[ /etc/hosts -nt /nowhere9 ]")},
		{name: "test with and", change: env("[ -d /app -a -d /nowhere9 ] || true")},
		{name: "a path of a descriptor", change: env("[ -t 0 ] || true")},
		{name: "seq", change: env("for i in $(seq 1 2); do :; done")},
		{name: "hostname of addresses", change: env("A=$(hostname -i)")},
		{name: "getent", change: env("A=$(getent hosts localhost | cut -d' ' -f1)")},
		{name: "ip", change: env("A=$(ip -4 addr)")},
		{name: "awk", change: env("A=$(awk '{print $1; exit}' /etc/hosts)")},
		{name: "grep that finds", change: env("A=$(grep localhost /etc/hosts)")},
		{name: "grep by expressions of Perl", change: env("A=$(grep -oP '\\d+' /etc/hosts)")},
		{name: "mktemp", change: env("A=$(mktemp -d /nowhere9/XXXXXX)")},
		{name: "mkdir of nowhere", change: env("mkdir /nowhere9/a")},
		{name: "mkdir -p below a file", change: env("mkdir -p /etc/hosts/a")},
	}
}

// nodeCases are about what makes a VM a node.
func nodeCases() []startCase {
	return []startCase{
		{name: "a long name without a host", change: env("export RELEASE_DISTRIBUTION=name"), sample: true},
		{name: "a long name", change: env("export RELEASE_DISTRIBUTION=name RELEASE_NODE=oracle@127.0.0.1")},
		{name: "a short name with dots", change: env("export RELEASE_NODE=oracle@127.0.0.1"), sample: true},
		{name: "a short name of a domain", change: env("export RELEASE_DISTRIBUTION=sname RELEASE_NODE=oracle@a.b.c")},
		{name: "a long name of a short host", change: env("export RELEASE_DISTRIBUTION=name RELEASE_NODE=oracle@localhost")},
		{name: "a name with two hosts", change: env("export RELEASE_NODE=a@b@c")},
		{name: "a name with a blank", change: env("export RELEASE_NODE='my app'")},
		{name: "a name with a dash", change: env("export RELEASE_NODE=my-app")},
		{name: "a name that is empty before its host", change: env("export RELEASE_NODE=@localhost")},
		{name: "a host that cannot be told", change: env("export RELEASE_DISTRIBUTION=name RELEASE_NODE=oracle@$NOT_SET9")},
		{name: "a long name that vm.args has", change: "echo '-name x' >> $vsn/vm.args\n" + env("export RELEASE_DISTRIBUTION=none")},
		{name: "another name in vm.args", change: "echo '-sname other' >> $vsn/vm.args"},
		{name: "no cookie", change: "rm -f releases/COOKIE", env: []string{"RELEASE_COOKIE="}},
		{name: "an empty cookie", change: "rm -f releases/COOKIE; : > releases/COOKIE", env: []string{"RELEASE_COOKIE="}},
		{name: "an empty cookie in env.sh", change: env("export RELEASE_COOKIE=''")},
		{name: "a cookie in lines", change: "rm -f releases/COOKIE; printf 'a\\nb\\n' > releases/COOKIE", env: []string{"RELEASE_COOKIE="}},
		{name: "a cookie that is a folder", change: "rm -f releases/COOKIE; mkdir releases/COOKIE", env: []string{"RELEASE_COOKIE="}},
		{name: "no cookie, without distribution", change: "rm -f releases/COOKIE\n" + env("export RELEASE_DISTRIBUTION=none"), env: []string{"RELEASE_COOKIE="}},
		{name: "distribution by IPv6", change: env("export ERL_AFLAGS='-proto_dist inet6_tcp'")},
		{name: "distribution by TLS without its options", change: env("export ERL_AFLAGS='-proto_dist inet_tls'")},
	}
}

// textCases are about bytes, where scripts and lists want text.
func textCases() []startCase {
	front := func(file string) string {
		return "cp " + file + " x; chmod u+w x; { printf '\\357\\273\\277'; cat " + file + "; } > x; rm " + file + "; mv x " + file + "; chmod 755 " + file
	}
	return []startCase{
		{name: "a byte order mark in env.sh", change: front("$env"), sample: true},
		{name: "a byte order mark in the start script", change: front("bin/oracle")},
		{name: "a byte order mark in vm.args", change: front("$vsn/vm.args")},
		{name: "a byte order mark in elixir", change: front("$vsn/elixir")},
		{name: "a byte order mark in start_erl.data", change: front("releases/start_erl.data")},
		{name: "a blank that is none", change: env("\u00a0export A=1"), sample: true},
		{name: "quotes of a word processor", change: env("export A=“x y”")},
		{name: "a dash of a word processor", change: env("[ –d /app ] || exit 3")},
		{name: "a comment that is not utf-8", change: "printf '# caf\\351\\n' >> $env"},
		{name: "a value that is not utf-8", change: "printf 'export A9=caf\\351\\n' >> $env"},
		{name: "a zero byte in env.sh", change: "printf 'export A=1\\000\\n' >> $env"},
		{name: "a zero byte in vm.args", change: "printf '+A 1\\000\\n' >> $vsn/vm.args"},
		{name: "text in UTF-16 for env.sh", change: "printf '\\377\\376e\\000x\\000i\\000t\\000\\n\\000' > $env"},
		{name: "env.sh without its last line's end", change: "printf 'export A=1' >> $env"},
		{name: "a line that goes on behind a blank", change: env("export A=1 \\ \n  B=2")},
		{name: "a line that goes on at the end", change: "printf 'export A=1 \\\\' >> $env"},
		{name: "lines of Windows in start_erl.data", change: "sed -i 's/$/\\r/' releases/start_erl.data", sample: true},
		{name: "lines of Windows in COOKIE", change: "rm -f releases/COOKIE; printf 'abc\\r\\n' > releases/COOKIE", env: []string{"RELEASE_COOKIE="}},
		{name: "lines of Windows in sys.config", change: "sed -i 's/$/\\r/' $vsn/sys.config"},
		{name: "lines of Windows in elixir", change: "sed -i 's/$/\\r/' $vsn/elixir"},
		{name: "lines of Windows in erl", change: "sed -i 's/$/\\r/' $erts/bin/erl"},
		{name: "marks of a merge in env.sh", change: "printf '<<<<<<< HEAD\\nexport A=1\\n=======\\nexport A=2\\n>>>>>>> x\\n' >> $env", sample: true},
		{name: "marks of a merge in vm.args", change: "printf '<<<<<<< HEAD\\n+A 1\\n=======\\n+A 2\\n>>>>>>> x\\n' >> $vsn/vm.args"},
		{name: "a template that nobody filled in", change: env("export A=<%= @release.name %>")},
		{name: "a template that nobody filled in, in vm.args", change: "echo '<%= @x %>' >> $vsn/vm.args"},
	}
}
