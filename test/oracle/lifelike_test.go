package oracle

import (
	"slices"
	"testing"
)

// Changes as people make them to releases that run somewhere: entrypoints, wrappers, what
// guides for platforms say, scripts that were written for bash.
func lifelikeCases() []startCase {
	return slices.Concat(entryCases(), wrapperCases(), secretCases(), platformCases(), bashCases(), strictCases(), handCases(), limitCases(), templateCases(), linkedCases(), runtimeCases())
}

// entry has another script in the place of the one that starts the release, which is
// bin/app then.
func entry(script string) string {
	return "mv bin/oracle bin/app; cat > bin/oracle <<'END'\n" + script + "\nEND\nchmod 755 bin/oracle\n"
}

// shebang is the first line and what follows it.
const (
	ofSh   = "#!/bin/sh\nset -e\n"
	ofBash = "#!/bin/bash\nset -euo pipefail\n"
)

// entryCases are entrypoints as images have them.
func entryCases() []startCase {
	return []startCase{
		{name: "an entrypoint", change: entry(ofSh + `exec /app/bin/app "$@"`), sample: true},
		{name: "an entrypoint beside it", change: entry(ofSh + `exec "$(dirname "$0")/app" "$@"`)},
		{name: "an entrypoint beside it of another name", change: entry(ofSh + `exec "$(dirname "$0")/apps" "$@"`)},
		{name: "an entrypoint that goes there", change: entry(ofSh + `cd "$(dirname "$0")" && exec ./app "$@"`)},
		{name: "an entrypoint that knows where it is", change: entry(ofSh + "HERE=$(cd \"$(dirname \"$0\")\" && pwd)\nexec \"$HERE/app\" \"$@\"")},
		{name: "an entrypoint that knows where it is, by bash", change: entry(ofBash + "HERE=\"$( cd -- \"$( dirname -- \"${BASH_SOURCE[0]}\" )\" &> /dev/null && pwd )\"\nexec \"$HERE/app\" \"$@\"")},
		{name: "an entrypoint that knows where it is, by bash's way in sh", change: entry(ofSh + "HERE=$(dirname \"${BASH_SOURCE[0]}\")\nexec \"$HERE/app\" \"$@\"")},
		{name: "an entrypoint that knows where it is in the end", change: entry(ofSh + "HERE=$(dirname \"$(readlink -f \"$0\")\")\nexec \"$HERE/app\" \"$@\"")},
		{name: "an entrypoint of what it is given", change: entry(ofSh + `exec "$@"`)},
		{name: "an entrypoint that chooses", change: entry(ofSh + "case \"$1\" in\n  start|daemon) exec /app/bin/app \"$@\" ;;\n  *) exec \"$@\" ;;\nesac")},
		{name: "an entrypoint that does not know start", change: entry(ofSh + "case \"$1\" in\n  server) exec /app/bin/app start ;;\n  *) echo \"usage: $0 server\" >&2; exit 64 ;;\nesac")},
		{name: "an entrypoint that sets what it is given", change: entry(ofSh + "if [ \"$1\" = start ]; then\n  set -- /app/bin/app \"$@\"\nfi\nexec \"$@\"")},
		{name: "an entrypoint for what begins with a dash", change: entry(ofSh + "if [ \"${1#-}\" != \"$1\" ]; then\n  set -- start \"$@\"\nfi\nexec /app/bin/app \"$@\"")},
		{name: "an entrypoint with a default", change: entry(ofSh + ": \"${PORT:=4000}\"\nexport PORT\nexec /app/bin/app ${1:-start}")},
		{name: "an entrypoint that shifts too far", change: entry(ofSh + "cmd=$1\nshift\nopt=$1\nshift\nexec /app/bin/app $cmd")},
		{name: "an entrypoint without exec", change: entry(ofSh + "/app/bin/app \"$@\"\necho ended"), sample: true},
		{name: "an entrypoint that waits for it", change: entry("#!/bin/sh\ntrap 'kill -TERM $PID' TERM INT\n/app/bin/app \"$@\" &\nPID=$!\nwait $PID")},
		{name: "an entrypoint that does not wait for it", change: entry(ofSh + "/app/bin/app \"$@\" &\nexit 0")},
		{name: "an entrypoint that waits for it in vain", change: entry("#!/bin/sh\n/app/bin/nowhere9 \"$@\" &\nPID=$!\nwait $PID")},
		{name: "an entrypoint with a task before", change: entry(ofSh + "/app/bin/app eval 'IO.puts(1)'\nexec /app/bin/app \"$@\"")},
		{name: "an entrypoint with a task of no module", change: entry(ofSh + "/app/bin/app eval 'Nowhere9.Release.migrate()'\nexec /app/bin/app \"$@\""), sample: true},
		{name: "an entrypoint with a task of no module, or not", change: entry(ofSh + "/app/bin/app eval 'Nowhere9.Release.migrate()' || echo no migrations\nexec /app/bin/app \"$@\"")},
		{name: "an entrypoint with a task of no module in a chain", change: entry("#!/bin/sh\n/app/bin/app eval 'Nowhere9.Release.migrate()' && exec /app/bin/app \"$@\"")},
		{name: "an entrypoint with a task of no grammar", change: entry(ofSh + "/app/bin/app eval 'Oracle.('\nexec /app/bin/app \"$@\"")},
		{name: "an entrypoint with a command that is none", change: entry(ofSh + "/app/bin/app migrate\nexec /app/bin/app \"$@\"")},
		{name: "an entrypoint with a script that is not there", change: entry(ofSh + "/app/bin/migrate\nexec /app/bin/app \"$@\"")},
		{name: "an entrypoint with scripts of a folder", change: "mkdir init.d; echo 'export B9=1' > init.d/1.sh\n" + entry(ofSh+"for f in /app/init.d/*.sh; do . \"$f\"; done\n[ \"$B9\" = 1 ]\nexec /app/bin/app \"$@\"")},
		{name: "an entrypoint with a script of a folder that fails", change: "mkdir init.d; echo 'nowhere9 x' > init.d/1.sh\n" + entry(ofSh+"for f in /app/init.d/*.sh; do . \"$f\"; done\nexec /app/bin/app \"$@\"")},
		{name: "an entrypoint with options", change: entry("#!/bin/sh\nset -e\nCMD=start\nwhile getopts 'c:v' o; do\n  case $o in\n    c) CMD=$OPTARG ;;\n    v) set -x ;;\n    *) exit 2 ;;\n  esac\ndone\nshift $((OPTIND - 1))\nexec /app/bin/app $CMD")},
		{name: "an entrypoint with words for options", change: entry(ofSh + "CMD=start\nwhile [ $# -gt 0 ]; do\n  case $1 in\n    --cmd) CMD=$2; shift 2 ;;\n    *) shift ;;\n  esac\ndone\nexec /app/bin/app $CMD")},
		{name: "an entrypoint of functions", change: entry(ofSh + "log() { echo \"[$(date +%T)] $*\" >&2; }\ndie() { log \"$*\"; exit 1; }\nrun() { log start; exec /app/bin/app \"$@\"; }\nmain() {\n  [ -x /app/bin/app ] || die no app\n  run \"$@\"\n}\nmain \"$@\"")},
		{name: "an entrypoint of functions that dies", change: entry(ofSh + "die() { echo \"$*\" >&2; exit 1; }\n[ -x /app/bin/apps ] || die no app\nexec /app/bin/app \"$@\"")},
		{name: "an entrypoint that asks who it is", change: entry(ofSh + "if [ \"$(id -u)\" = 0 ]; then\n  exec /app/bin/app \"$@\"\nfi\nexec /app/bin/app \"$@\"")},
		{name: "an entrypoint that waits for a port", change: entry(ofSh + "for i in 1 2 3; do\n  if nc -z localhost 5432; then break; fi\n  sleep 0.1\ndone\nexec /app/bin/app \"$@\"")},
		{name: "an entrypoint that waits for a port by bash", change: entry("#!/bin/bash\nfor i in 1 2 3; do\n  (echo > /dev/tcp/127.0.0.1/5432) 2> /dev/null && break\n  sleep 0.1\ndone\nexec /app/bin/app \"$@\"")},
		{name: "an entrypoint that waits for a port and gives up", change: entry(ofSh + "n=0\nuntil nc -z localhost 5432 2>/dev/null; do\n  n=$((n + 1))\n  if [ $n -ge 3 ]; then echo 'no database' >&2; exit 1; fi\ndone\nexec /app/bin/app \"$@\"")},
	}
}

// wrapperCases are programs that have others run.
func wrapperCases() []startCase {
	by := func(words string) string { return entry(ofSh + "exec " + words + ` /app/bin/app "$@"`) }
	stand := "printf '#!/bin/sh\\n%s\\n' '" + `while [ "${1#-}" != "$1" ]; do shift; done; exec "$@"` + "' > usr/bin/"
	const switching = "printf '#!/bin/sh\\nshift\\nexec \"$@\"\\n' > usr/bin/"
	return []startCase{
		{name: "by tini, which is not there", change: by("tini --")},
		{name: "by tini", change: by("tini -g --"), root: stand + "tini; chmod 755 usr/bin/tini", sample: true},
		{name: "by tini, of what is not there", change: entry(ofSh + "exec tini -- /app/bin/apps start"), root: stand + "tini; chmod 755 usr/bin/tini"},
		{name: "by dumb-init", change: by("dumb-init"), root: stand + "dumb-init; chmod 755 usr/bin/dumb-init"},
		{name: "by dumb-init, of what is not there", change: entry(ofSh + "exec dumb-init -- apps start"), root: stand + "dumb-init; chmod 755 usr/bin/dumb-init"},
		{name: "by gosu", change: by("gosu root"), root: switching + "gosu; chmod 755 usr/bin/gosu"},
		{name: "by gosu, which is not there", change: by("gosu root")},
		{name: "by gosu, of what is not there", change: entry(ofSh + "exec gosu root /app/bin/apps start"), root: switching + "gosu; chmod 755 usr/bin/gosu"},
		{name: "by su-exec, which is not there", change: by("su-exec root")},
		{name: "by a supervisor, which is not there", change: entry(ofSh + "exec supervisord -n -c /etc/supervisord.conf")},
		{name: "by nice", change: by("nice -n 5"), sample: true},
		{name: "by nice, of a word", change: by("nice -n often")},
		{name: "by nice, of what is not there", change: entry(ofSh + "exec nice -n 5 /app/bin/apps start")},
		{name: "by ionice", change: by("ionice -c 3")},
		{name: "by taskset", change: by("taskset -c 0")},
		{name: "by taskset, of a mask", change: by("taskset 0x1")},
		{name: "by taskset, of what is not there", change: entry(ofSh + "exec taskset -c 0 /app/bin/apps start")},
		{name: "by taskset, of a word", change: by("taskset -c often")},
		{name: "by chrt", change: by("chrt --other 0")},
		{name: "by prlimit", change: by("prlimit --nofile=512")},
		{name: "by prlimit, of what is not there", change: entry(ofSh + "exec prlimit --nofile=512 /app/bin/apps start")},
		{name: "by stdbuf", change: by("stdbuf -oL")},
		{name: "by timeout", change: by("timeout 60")},
		{name: "by timeout, of a word", change: by("timeout often")},
		{name: "by setsid", change: by("setsid -w")},
		{name: "by nohup", change: by("nohup")},
		{name: "by flock", change: by("flock /tmp/l9")},
		{name: "by flock, of what is not there", change: entry(ofSh + "exec flock /tmp/l9 /app/bin/apps start")},
		{name: "by setpriv", change: by("setpriv --no-new-privs")},
		{name: "by setpriv, of an option that is none", change: by("setpriv --nowhere9")},
		{name: "by runuser", change: by("runuser -u root --")},
		{name: "by runuser, of nobody", change: by("runuser -u nowhere9 --")},
		{name: "by su", change: entry(ofSh + `exec su -s /bin/sh -c "exec /app/bin/app start" root`)},
		{name: "by su, of nobody", change: entry(ofSh + `exec su -s /bin/sh -c "exec /app/bin/app start" nowhere9`)},
		{name: "by sudo, which is not there", change: by("sudo -E -u root")},
		{name: "by chroot", change: by("chroot /")},
		{name: "by env", change: by("env A9=1")},
		{name: "by env, without one", change: by("env -u A9 B9=1")},
		{name: "by env, of nothing else", change: by("env -i PATH=/usr/bin:/bin")},
		{name: "by env, of what is not there", change: entry(ofSh + "exec env A9=1 /app/bin/apps start")},
		{name: "by env, of a flag that nobody knows", change: by("env ERL_ZFLAGS='+Yyy 1'")},
		{name: "by sh -c", change: entry(ofSh + `exec sh -c "exec /app/bin/app start"`)},
		{name: "by sh -c, of what it is given", change: entry(ofSh + `exec sh -c 'exec "$0" "$@"' /app/bin/app "$@"`)},
		{name: "by sh -c, of what is not there", change: entry(ofSh + `exec sh -c "exec /app/bin/apps start"`)},
		{name: "by bash -c", change: entry(ofSh + `exec bash -c "set -o pipefail; exec /app/bin/app start"`)},
		{name: "by a shell of its own", change: entry(ofSh + `exec bash -lc "exec /app/bin/app start"`)},
		{name: "by sh, which reads it", change: entry(ofSh + `exec sh /app/bin/app "$@"`)},
		{name: "by several", change: by("nice -n 1 env A9=1 timeout 60 stdbuf -oL")},
		{name: "by numactl, which is not there", change: by("numactl --interleave=all")},
		{name: "by a pipe of its output", change: entry(ofSh + `/app/bin/app "$@" 2>&1 | cat`)},
		{name: "by a pipe to what is not there", change: entry(ofSh + `/app/bin/app "$@" 2>&1 | nowhere9`)},
		{name: "by a file of its output", change: entry(ofSh + `exec /app/bin/app "$@" > /tmp/log9 2>&1`)},
		{name: "by a file of its output in nowhere", change: entry(ofSh + `exec /app/bin/app "$@" > /nowhere9/log 2>&1`)},
		{name: "by tee", change: entry("#!/bin/bash\nexec > >(tee /tmp/log9) 2>&1\nexec /app/bin/app \"$@\"")},
	}
}

// secretCases are about what scripts read to set variables.
func secretCases() []startCase {
	dotenv := func(text, use string) string { return "cat > environment <<'E9'\n" + text + "\nE9\n" + env(use) }
	const fileEnv = `file_env() {
  local var="$1"
  local fileVar="${var}_FILE"
  local def="${2:-}"
  eval "val=\${$var:-}"
  eval "file=\${$fileVar:-}"
  if [ -n "$val" ] && [ -n "$file" ]; then echo both >&2; exit 1; fi
  if [ -z "$val" ] && [ -n "$file" ]; then val=$(cat "$file"); fi
  export "$var"="${val:-$def}"
}
`
	return []startCase{
		{name: "variables of a file", change: dotenv("A9=1\nB9='x y'", "set -a\n. \"$RELEASE_ROOT/environment\"\nset +a\n[ \"$B9\" = 'x y' ]"), sample: true},
		{name: "variables of a file, with a blank", change: dotenv("A9=x nowhere9", "set -a\n. \"$RELEASE_ROOT/environment\"\nset +a")},
		{name: "variables of a file, with an ampersand", change: dotenv("URL9=postgres://u:p@h/d?a=1&b=2", "set -a\n. \"$RELEASE_ROOT/environment\"\nset +a")},
		{name: "variables of a file, with a dollar", change: dotenv("KEY9=a$b(c", ". \"$RELEASE_ROOT/environment\"")},
		{name: "variables of a file, with a blank around", change: dotenv("A9 = 1", ". \"$RELEASE_ROOT/environment\"")},
		{name: "variables of a file, with a dash", change: dotenv("MY-VAR=1", ". \"$RELEASE_ROOT/environment\"")},
		{name: "variables of a file that is not there", change: env("set -a\n. \"$RELEASE_ROOT/environment\"\nset +a")},
		{name: "variables of a file where it runs", change: dotenv("A9=1", ". ./environment")},
		{name: "variables of a file, by its name alone", change: dotenv("A9=1", ". environment")},
		{name: "variables of a file, if it is there", change: env("[ -f \"$RELEASE_ROOT/environment\" ] && . \"$RELEASE_ROOT/environment\"")},
		{name: "variables by export of words", change: dotenv("A9=1\nB9=2", "export $(cat \"$RELEASE_ROOT/environment\" | xargs)\n[ \"$B9\" = 2 ]")},
		{name: "variables by export of words without comments", change: dotenv("# all\nA9=1\nB9=2", "export $(grep -v '^#' \"$RELEASE_ROOT/environment\" | xargs)\n[ \"$B9\" = 2 ]")},
		{name: "variables by export of words with comments", change: dotenv("# all\nA9=1", "export $(cat \"$RELEASE_ROOT/environment\" | xargs)"), sample: true},
		{name: "variables by export of words with a blank", change: dotenv("A9='x y-z'", "export $(grep -v '^#' \"$RELEASE_ROOT/environment\")")},
		{name: "variables by lines", change: dotenv("A9=1\nB9=2", "while IFS='=' read -r k v; do\n  export \"$k=$v\"\ndone < \"$RELEASE_ROOT/environment\"\n[ \"$B9\" = 2 ]")},
		{name: "variables by lines with an empty one", change: dotenv("A9=1\n\nB9=2", "while IFS='=' read -r k v; do\n  export \"$k=$v\"\ndone < \"$RELEASE_ROOT/environment\"")},
		{name: "variables by lines with an empty one left out", change: dotenv("A9=1\n\n# x\nB9=2", "while IFS='=' read -r k v; do\n  case $k in ''|'#'*) continue;; esac\n  export \"$k=$v\"\ndone < \"$RELEASE_ROOT/environment\"")},
		{name: "secrets of a folder that is not there", change: env("for f in /run/secrets/*; do\n  export \"$(basename \"$f\")=$(cat \"$f\")\"\ndone"), sample: true},
		{name: "secrets of a folder, if they are there", change: env("for f in /run/secrets/*; do\n  [ -f \"$f\" ] || continue\n  export \"$(basename \"$f\")=$(cat \"$f\")\"\ndone")},
		{name: "secrets of a folder, if it is there", change: env("if [ -d /run/secrets ]; then\n  for f in /run/secrets/*; do export \"$(basename \"$f\")=$(cat \"$f\")\"; done\nfi")},
		{name: "a secret of a file, or else", change: env(fileEnv + "file_env SECRET9 x\n[ \"$SECRET9\" = x ]")},
		{name: "a secret of a file that is not there", change: env(fileEnv + "SECRET9_FILE=/app/none\nfile_env SECRET9 x")},
		{name: "a secret of both", change: env(fileEnv + "SECRET9=1\nSECRET9_FILE=/app/none\nfile_env SECRET9 x")},
		{name: "a secret of random bytes", change: env("export KEY9=$(head -c 32 /dev/urandom | base64 | tr -d '\\n')\n[ -n \"$KEY9\" ]")},
		{name: "a secret of random letters", change: env("export KEY9=$(tr -dc A-Za-z0-9 < /dev/urandom | head -c 16)\n[ ${#KEY9} -eq 16 ]")},
		{name: "a secret of openssl, which may be there", change: env("export KEY9=$(openssl rand -hex 16)")},
		{name: "an id of the kernel", change: env("export ID9=$(cat /proc/sys/kernel/random/uuid)")},
		{name: "a cookie of a file that is not there", change: env("export RELEASE_COOKIE=$(cat /etc/nowhere9/cookie)")},
		{name: "a cookie of random bytes", change: env("export RELEASE_COOKIE=$(head -c 12 /dev/urandom | od -An -tx1 | tr -d ' \\n')")},
	}
}

// TestLifelike has releases started as people start them.
func TestLifelike(t *testing.T) {
	tryStarts(t, systems(t, started())[0], append([]startCase{{name: "as it is made", sample: true}}, lifelikeCases()...))
}
