package shell_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/shell"
)

// lifelike are lines as entrypoints of images have them; the oracle has each kind started.
func lifelike() map[string]startLines {
	runs := runsVM
	next := []string{"runs app/vm: /app/vm||z"}
	return map[string]startLines{
		// Wrappers.
		"by tini":                     {"exec tini -g -- /app/next z", next},
		"by tini, which is not there": {"exec dumb-init /app/next z", []string{"not-found dumb-init at app/run:3, ends"}},
		"of what is not there":        {"exec tini -- /app/gone z", []string{"not-found /app/gone at app/run:3, ends"}},
		"by nice":                     {"exec nice -n 5 /app/next z", next},
		"by nice of a word":           {"exec nice -n often /app/next z", []string{"misused nice: invalid adjustment often at app/run:3, ends"}},
		"by taskset":                  {"exec taskset -c 0-3 /app/next z", next},
		"by taskset of a word":        {"exec taskset -c often /app/next z", []string{"misused taskset: invalid argument often at app/run:3, ends"}},
		"by taskset of a mask":        {"exec taskset 0xff /app/next z", next},
		"by setpriv":                  {"exec setpriv --reuid 0 --clear-groups /app/next z", next},
		"by setpriv of no option":     {"exec setpriv --gone9 /app/next z", []string{"misused setpriv: it does not know --gone9 at app/run:3, ends"}},
		"by gosu":                     {"exec gosu app:app /app/next z", next},
		"by gosu of nobody":           {"exec gosu gone9 /app/next z", append([]string{"misused gosu: there is no user gone9 at app/run:3"}, next...)},
		"by su":                       {"exec su -s /bin/sh -c 'exec /app/next z' app", next},
		"by runuser":                  {"exec runuser -u app -- /app/next z", next},
		"by flock":                    {"exec flock /tmp/l /app/next z", next},
		"by chroot":                   {"exec chroot / /app/next z", next},
		"by sh -c":                    {"exec sh -c 'exec \"$0\" \"$@\"' /app/next z", next},
		"by env, without variables":   {"B=1; export B; exec env -u B A=w /app/next z", []string{"runs app/vm: /app/vm|w|z"}},
		"by env, of nothing":          {"A=w; export A; exec env -i PATH=/bin /app/next z", next},
		"by several":                  {"exec nice env A=w timeout 5 /app/next z", []string{"runs app/vm: /app/vm|w|z"}},
		"not in its place":            {"nice /app/next z; A=x", append([]string{"depends vm at app/run:3", "runs app/vm: /app/vm||z"}, runs("x")...)},
		// Jobs.
		"in the background, and waited for":     {"/app/next z & wait $!; A=x", append([]string{"depends vm at app/run:3", "runs app/vm: /app/vm||z"}, runs("x")...)},
		"in the background, by its number":      {"/app/next z & PID=$!; trap 'kill $PID' TERM; wait \"$PID\"; A=x", append([]string{"depends vm at app/run:3", "runs app/vm: /app/vm||z"}, runs("x")...)},
		"in the background, and not waited for": {"/app/next z & A=x", runs("x")},
		"in the background, which is not there": {"/app/gone & wait $!", []string{"not-found /app/gone at app/run:3", "exit 127 at app/run:3"}},
		"in the background, or else, not there": {"/app/gone & wait $! || A=x", append([]string{"not-found /app/gone at app/run:3"}, runs("x")...)},
		// Files that it makes.
		"what it wrote":             {"echo x > /tmp/n; A=$(cat /tmp/n)", runs("x")},
		"what it wrote behind":      {"echo x > /tmp/n; echo y >> /tmp/n; A=$(tail -n 1 /tmp/n | cat)", runs("?")},
		"what it wrote, read":       {"echo A=x > /tmp/n; . /tmp/n", runs("x")},
		"what it wrote that fails":  {"echo gone > /tmp/n; . /tmp/n", []string{"not-found gone at tmp/n:1, ends"}},
		"what it wrote at times":    {"if probe; then echo x > /tmp/n; fi; A=$(cat /tmp/n)", runs("?")},
		"what a program wrote over": {"echo x > /tmp/n; probe /tmp/n; A=$(cat /tmp/n)", append([]string{"depends probe at app/run:3"}, runs("?")...)},
		"what it copied":            {"cp /app/data /tmp/n; A=$(cut -d' ' -f2 /tmp/n)", runs("0.1.0")},
		"lines of what it wrote":    {"cat > /tmp/n <<X\na\nb\nX\nwhile read -r l; do A=$A$l; done < /tmp/n", runs("ab")},
		// Patterns of names.
		"files by a pattern":         {"for f in /app/init.d/*.sh; do A=$A${f##*/}; done", runs("1.sh2.sh")},
		"files by a pattern, quoted": {"for f in '/app/init.d/*.sh'; do A=${f##*/}; done", runs("*.sh")},
		"files where it runs":        {"cd /app; for f in init.d/*; do A=$A$f; done", runs("init.d/1.shinit.d/2.sh")},
		"files that are not there":   {"for f in /app/init.d/*.gone; do A=${f##*/}; done", runs("*.gone")},
		"files that come and go":     {"for f in /run/secrets/*; do A=x; done", runs("?")},
		"and are read":               {"for f in /run/secrets/*; do cat \"$f\"; done; A=x", append([]string{"no-input /run/secrets/* at app/run:3, ends, perhaps"}, runs("x")...)},
		"no patterns":                {"set -f; for f in /app/init.d/*.sh; do A=${f##*/}; done", runs("*.sh")},
		// Places that come and go.
		"a folder that may be there": {"echo x > /var/run/gone/pid; A=x", append([]string{"depends writing /var/run/gone/pid at app/run:3"}, runs("x")...)},
		"a file that may be there":   {". /run/gone.sh; A=x", append([]string{"depends reading /run/gone.sh at app/run:3"}, append(runs("x"), "stops at app/run:3: which file it reads is not known")...)},
		// What is known of a part.
		"a part of a word": {"B=\"-x y@$(probe)\"; set -- $B; A=$#$1", append([]string{"depends probe at app/run:3"}, runs("2-x")...)},
		"several unknown":  {"set -- $(probe) x; A=$#", runs("?")},
		"exported in part": {"export B=\"x $(probe)z\"; set -- $B; A=$#$1", runs("2x")},
		"from a function":  {"f() { echo \"--name a@$1\"; }; set -- $(f \"$(probe)\"); A=$#$1", runs("2--name")},
		// Names that hang on a variable.
		"mkdir of somebody's":    {"mkdir \"$DIR9/a/b\"; A=x", append([]string{"no-folder /a at app/run:3, on DIR9"}, runs("x")...)},
		"ln of somebody's":       {"ln -s /app \"$DIR9/a/b\"; A=x", append([]string{"no-output /a/b at app/run:3, on DIR9"}, runs("x")...)},
		"mktemp of somebody's":   {"A=$(mktemp \"$DIR9/a/XXX\")", append([]string{"no-folder /a at app/run:3, on DIR9"}, runs("?")...)},
		"a script of somebody's": {"sh \"$DIR9/a\"; A=x", append([]string{"no-source /a at app/run:3, on DIR9"}, runs("x")...)},
	}
}

func TestFollowLifelikeEntrypoints(t *testing.T) {
	t.Parallel()
	for name, tt := range lifelike() {
		t.Run(name, func(t *testing.T) {
			m := script(tt.lines).with("app/data", "644 15.2 0.1.0\n").with("app/next", "#!/bin/sh\nexec /app/vm \"$A\" \"$@\"\n").
				with("app/init.d/1.sh", "").with("app/init.d/2.sh", "").with("etc/passwd", "644 root:x:0:0::/root:/bin/sh\napp:x:1:1::/:/bin/sh\n").with("tmp/x", "").with("run/x", "")
			for p := range strings.FieldsSeq("tini nice taskset setpriv gosu su runuser flock chroot timeout cp mkdir ln mktemp tail") {
				m["bin/"+p] = "\x7fELF"
			}
			if diff := cmp.Diff(tt.want, told(shell.Follow(m.world(), "app/run"))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Limits are known to who asks what they come to.
func TestFollowTellsLimits(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][]shell.Limit{
		"ulimit -n 64": {{Position: shell.Position{File: "app/run", Line: 3}, Of: 'n', Most: 64}}, "ulimit -v 1000": {{Position: shell.Position{File: "app/run", Line: 3}, Of: 'v', Most: 1000}},
		"ulimit 7": {{Position: shell.Position{File: "app/run", Line: 3}, Of: 'f', Most: 7}}, "ulimit -c unlimited": nil, "ulimit -n": nil, "(ulimit -n 64)": nil, "if probe; then ulimit -n 64; fi": nil,
	} {
		if diff := cmp.Diff(want, shell.Follow(script(line).world(), "app/run").Limits); diff != "" {
			t.Errorf("%s (-want +got):\n%s", line, diff)
		}
	}
}
