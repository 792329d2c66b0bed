package check_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// What programs that env.sh calls make of what they are given: the oracle has each of
// these started on a machine.
func TestRunFollowsPrograms(t *testing.T) {
	const at = "start releases/0.1.0/env.sh: line 2 "
	place := bookworm()
	for p := range strings.FieldsSeq("cp mv rm ls chmod touch tee ln mkdir find head tail sort wc expr sleep timeout nice xargs true false uname hostname curl id date") {
		place["usr/bin/"+p] = elf(lib{Interp: glibc, Needed: []string{"libc.so.6"}})
	}
	place["etc/passwd"] = "644 root:x:0:0::/root:/bin/sh\n"
	for line, want := range map[string][]string{
		// What is not there.
		"cp /nowhere9 /tmp/x":         {"FAIL " + at + "reads /nowhere9, which is not there"},
		"cp /nowhere9 /tmp/x || true": {"WARN " + at + "reads /nowhere9, which is not there"},
		"cp /etc/passwd /nowhere9/x":  {"FAIL " + at + "writes /nowhere9/x, and there is no such folder"},
		"rm /nowhere9":                {"FAIL " + at + "reads /nowhere9, which is not there"},
		"rm -f /nowhere9":             nil,
		"ls /nowhere9/*.pem":          {"FAIL " + at + "reads /nowhere9/*.pem, which is not there"},
		"ls /etc/pass*":               nil,
		"touch /nowhere9/x":           {"FAIL " + at + "writes /nowhere9/x, and there is no such folder"},
		"touch /tmp/x":                nil,
		"find /nowhere9 -name x":      {"FAIL " + at + "reads /nowhere9, which is not there"},
		"wc -l /nowhere9":             {"FAIL " + at + "reads /nowhere9, which is not there"},
		"sh /nowhere9":                {"FAIL " + at + "reads /nowhere9, which is not there"},
		"timeout 5 nowhere9":          {"FAIL program releases/0.1.0/env.sh: it calls nowhere9, which is not on the target"},
		"sh -c 'nowhere9'":            {"FAIL program releases/0.1.0/env.sh: it calls nowhere9, which is not on the target"},
		// What is refused.
		"A=$(echo x | sed 's/x')":       {"FAIL " + at + "has a program do what it refuses: sed: unterminated `s' command"},
		"A=$(echo x | grep '[x')":       {"FAIL " + at + "has a program do what it refuses: grep: it has brackets without an end"},
		"A=$(echo x | cut -d, -f0)":     {"FAIL " + at + "has a program do what it refuses: cut: invalid list 0"},
		"A=$(echo x | tr a)":            {"FAIL " + at + "has a program do what it refuses: tr: missing operand"},
		"A=$(echo x | head -n many)":    {"FAIL " + at + "has a program do what it refuses: head: invalid number: many"},
		"mkdir /etc":                    {"FAIL " + at + "has a program do what it refuses: mkdir: /etc is there already"},
		"ln -s x /etc/passwd":           {"FAIL " + at + "has a program do what it refuses: ln: /etc/passwd is there already"},
		"sleep often":                   {"FAIL " + at + "has a program do what it refuses: sleep: invalid time interval often"},
		"A=$(expr a + 1)":               {"FAIL " + at + "has a program do what it refuses: expr: it is given what is no number"},
		"chmod often /etc/passwd":       {"FAIL " + at + "has a program do what it refuses: chmod: invalid mode: often"},
		"uname --nowhere9":              {"FAIL " + at + "has a program do what it refuses: uname: it is given what it does not know"},
		"A=$(echo x | sed 's/x/y/;p')":  nil,
		"A=$(echo x | grep -E 'x|(y)')": nil,
		// What fails.
		"echo abc | grep -q z":                  {"FAIL " + at + "ends the start with status 1"},
		"echo abc | grep -q b":                  nil,
		"grep -q '^root:' /etc/passwd":          {"WARN " + at + "ends the start if grep fails"},
		"/usr/bin/false":                        {"FAIL " + at + "ends the start with status 1"},
		"timeout 5 false":                       {"FAIL " + at + "ends the start with status 1"},
		"expr 1 - 1":                            {"FAIL " + at + "ends the start with status 1"},
		"sh -c 'exit 3'":                        {"FAIL " + at + "ends the start with status 3"},
		"[ \"$(echo a,b | cut -d, -f2)\" = a ]": {"FAIL " + at + "ends the start with status 1"},
		// What is not known.
		"A=$(/app/erts-15.2.7/bin/erlexec -noshell)": nil,
		"A=$(curl x)":       {"WARN " + at + "ends the start if curl fails"},
		"A=$(curl x) || A=": nil,
		"A=$(id -u hello)":  {"WARN " + at + "ends the start if id fails"},
		"A=$(hostname -i)":  {"WARN " + at + "ends the start if hostname fails"},
		"A=$(date +%s)":     nil,
		"A=$(date -d x)":    {"WARN " + at + "ends the start if date fails"},
		// What comes and goes, and what a test says of it.
		"cat /tmp/key": {"WARN " + at + "ends the start if cat fails"},
		"if [ -f /tmp/key ]; then cat /tmp/key; fi":                nil,
		"[ ! -r /tmp/key ] || cat /tmp/key":                        nil,
		"[ -e /tmp/key ] && cat /tmp/key; true":                    nil,
		"if [ ! -f /tmp/key ]; then :; else cat /tmp/key; fi":      nil,
		"if [ ! -f /tmp/key ]; then exit 0; fi; A=$(cat /tmp/key)": nil,
		"if [ -f /tmp/key ]; then :; fi; cat /tmp/key":             {"WARN " + at + "ends the start if cat fails"},
		"if [ -f /tmp/other ]; then cat /tmp/key; fi":              {"WARN " + at + "ends the start if cat fails"},
		"if [ -f /tmp/key ]; then :; else cat /tmp/key; fi":        {"WARN " + at + "ends the start if cat fails"},
		// What is written into the release.
		"sed -i s/a/b/ /app/releases/start_erl.data": {"WARN " + at + "writes releases/start_erl.data in the release"},
		"cp /etc/passwd /app/releases/x":             {"WARN " + at + "writes releases/x in the release"},
		"echo x | tee /app/releases/x":               {"WARN " + at + "writes releases/x in the release"},
	} {
		t.Run(line, func(t *testing.T) {
			got, err := runOn(t, started(line), place)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Of a target of which not all files are listed, what is not listed may be there.
func TestRunKnowsWhatACaptureLeavesOut(t *testing.T) {
	for line, want := range map[string][]string{
		"A=$(cat /opt/hello/version)":  {"WARN start releases/0.1.0/env.sh: line 2 ends the start if cat fails"},
		"A=$(cat /app/releases/gone9)": {"FAIL start releases/0.1.0/env.sh: line 2 reads releases/gone9, which is not there"},
		"A=$(nowhere9)":                {"FAIL program releases/0.1.0/env.sh: it calls nowhere9, which is not on the target"},
	} {
		t.Run(line, func(t *testing.T) {
			got, err := runOnCapture(t, started(line), bookworm())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What depends on a variable that nobody sets here, whoever starts the release may set:
// the name of a node at ${POD_IP} is the usual case.
func TestRunLeavesOpenWhatVariablesDecide(t *testing.T) {
	const warn = "WARN vm-args releases/0.1.0/elixir: "
	const sname = "#!/bin/sh\nexec \"${0%/*}/../../erts-15.2.7/bin/erl\" -noshell -name \"$RELEASE_NODE\" -start_epmd false -erl_epmd_port 0 $MORE\n"
	for line, want := range map[string][]string{
		"export RELEASE_NODE=hello@$POD_IP":                    {warn + "it names the node hello@, which is no name of one, unless POD_IP is set"},
		"export RELEASE_NODE=hello@${POD_IP}":                  {warn + "it names the node hello@, which is no name of one, unless POD_IP is set"},
		"IP=$POD_IP; export RELEASE_NODE=\"hello@$IP\"":        {warn + "it names the node hello@, which is no name of one, unless POD_IP is set"},
		"export RELEASE_NODE=hello@${POD_IP:-127.0.0.1}":       nil,
		"POD_IP=; export RELEASE_NODE=hello@$POD_IP":           {"FAIL" + warn[4:] + "it names the node hello@, which is no name of one"},
		"POD_IP=10.0.0.1; export RELEASE_NODE=hello@$POD_IP":   nil,
		". \"$APP_HOME/env\"":                                  {"WARN start releases/0.1.0/env.sh: line 2 reads /env, which is not there, unless APP_HOME is set"},
		"cat $APP_HOME/env":                                    {"WARN start releases/0.1.0/env.sh: line 2 reads /env, which is not there, unless APP_HOME is set"},
		"export RELEASE_NODE=hello@a MORE=\"+A ${THREADS}00\"": nil,
	} {
		t.Run(line, func(t *testing.T) {
			got, err := runOn(t, started(line).with("releases/0.1.0/elixir", sname), bookworm())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
