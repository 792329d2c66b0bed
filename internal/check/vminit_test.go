package check_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dram/internal/check"
)

// What each of these does was tried with OTP 23, 25, 27 and 29.
func TestRunJudgesWhatTheVMTakes(t *testing.T) {
	const elixir, says = "releases/0.1.0/elixir", "FAIL vm-args releases/0.1.0/elixir: it gives the VM "
	value := func(f, v string) string { return says + f + " " + v + ", which is no value of that flag" }
	doubt := func(flag string) string {
		return "UNKNOWN vm-args " + elixir + ": it gives the VM " + flag + ", with which not every VM runs: it depends on processors, or on memory that processes need"
	}
	for args, want := range map[string]string{
		// Numbers have bounds.
		"+A 1024 +a 16 +SDio 1024 +zdbbl 2097151 +T 9 +sss 20 +IOt 2 +S 4:2 +SDcpu 2:2 +S :1 +R 27 +sws legacy +rg 0 +B +Bi": "",
		"+A 1025": value("+A", "1025"), "+a 15": value("+a", "15"), "+t 1": value("+t", "1"), "+SDio 0": value("+SDio", "0"), "+zdbbl 0": value("+zdbbl", "0"), "+T 10": value("+T", "10"),
		"+sss 8193": value("+sss", "8193"), "+IOt 1025": value("+IOt", "1025"), "+S 1:2": value("+S", "1:2"), "+S 1025": value("+S", "1025"), "+SDcpu 1:2": value("+SDcpu", "1:2"),
		"+R 24": value("+R", "24"), "+R 28": value("+R", "28"), "+sws proposal": value("+sws", "proposal"), "+hms 0": value("+hms", "0"), "+zhft 0": value("+zhft", "0"),
		// Words are among some.
		"+sbt u +stbt db": "", "+stbt often": value("+stbt", "often"), "+sbt often": value("+sbt", "often"), "+dcg 2": value("+dcg", "2"), "+i x": value("+i", "x"),
		"+sbt db": "UNKNOWN vm-args " + elixir + ": it gives the VM +sbt db, which it refuses where it sees no topology of processors",
		"+Bx":     says + "the flag +Bx, which Erlang/OTP 27 does not know", "+": says + "the flag +, which Erlang/OTP 27 does not know", "+V": says + "+V , over which it ends",
		// Allocators.
		"+Muacul de +MBas aobf +Mulmbcs 5120 +Mea min +MHe true +MMscs 100 +Mlpm no": "", "+MBas often": value("+MBas", "often"), "+MBe often": value("+MBe", "often"),
		"+Mea often": value("+Mea", "often"), "+Mis true": says + "the flag +Mis, which Erlang/OTP 27 does not know", "+MXe true": says + "the flag +MXe, which Erlang/OTP 27 does not know",
		// Names of nodes.
		"-sname hello -start_epmd false -erl_epmd_port 0": "", "-name hello@a.b -start_epmd false -erl_epmd_port 0": "", "-name hello@localhost -start_epmd false -erl_epmd_port 0": "", "-sname undefined -start_epmd false -erl_epmd_port 0": "",
		"-sname a@b.c -start_epmd false -erl_epmd_port 0": says[:len(says)-len("gives the VM ")] + "names the node a@b.c with -sname, which allows no dot in the host",
		"-sname a.b -start_epmd false -erl_epmd_port 0":   says[:len(says)-len("gives the VM ")] + "names the node a.b, which is no name of one",
		"-name a@b@c -start_epmd false -erl_epmd_port 0":  says[:len(says)-len("gives the VM ")] + "names the node a@b@c, which is no name of one",
		"-name a -start_epmd false -erl_epmd_port 0":      "WARN vm-args " + elixir + ": it names the node a with -name and without a host: that takes a machine with a domain",
		// What init and applications read.
		"-hello key [1,2] other <<\"x\">>": "", "-hello key <<x>>": says + "-hello <<x>>, which is no term of Erlang", "-hello key ${HOME}": says + "-hello ${HOME}, which is no term of Erlang", "-hello key": "", "-nobody key [": "",
		"-kernel logger_level often": value("-kernel logger_level", "often"), "-kernel logger_level debug": "", "-start_epmd maybe": value("-start_epmd", "maybe"), "-smp disable": value("-smp", "disable"),
		"-loader nowhere": value("-loader", "nowhere"), "-emu_type debug": says + "-emu_type debug, and there is no beam.debug.smp", "-emu_type opt": "", "-s init stop": says + "-s init stop, over which it ends",
		"+IOt 2 +IOp 2 +IOPt 50 +hmqd off_heap +P legacy +Q legacy +sct L0-1C0-1 +secio false +MIscs 1024 +S 1:1:1 +c": "",
		"+IOt 2 +IOp 4": says + "+IOp 4, which is more than +IOt 2", "+IOp 2": says + "+IOp 2, which is more than +IOt 1", "+hmqd mixed": value("+hmqd", "mixed"), "+hmaxib often": value("+hmaxib", "often"),
		"+MBacul 101": value("+MBacul", "101"), "+MMscs 99999999999": value("+MMscs", "99999999999"), "+e 999999999999": value("+e", "999999999999"),
		"+S -100:-100": doubt("+S -100:-100"), "+SP 50:100": doubt("+SP 50:100"), "+hmax 1": doubt("+hmax 1"),
		"-root /x": says + "-root /x, over which it ends", "-man lists": says + "-man lists, over which it ends", "-s erlang exit x": says + "-s erlang exit, over which it ends",
		"-user nowhere9":                 says + "-user nowhere9, a module that the start has not loaded",
		"-sname x -epmd_module nowhere9": says + "-epmd_module nowhere9, a module that the start has not loaded", "-sname x -no_epmd": says + "-no_epmd without -proto_dist",
		"-sname x -start_epmd false": "UNKNOWN vm-args " + elixir + ": it gives the VM -start_epmd false, and whether an epmd runs on the machine is not known",
		"-hello key \xe9":            "UNKNOWN vm-args " + elixir + ": it gives the VM an argument that is not UTF-8", "-mode": "",
		"-version": says + "-version , over which it ends",
	} {
		t.Run(args, func(t *testing.T) {
			rel := named("-args_file /app/lib/args").with("lib/args", "644 "+strings.ReplaceAll(args, `"`, `\"`)+"\n")
			got, err := check.Run(t.Context(), open(t, rel, bookworm()))
			if err != nil {
				t.Fatal(err)
			}
			said := strings.ReplaceAll(strings.Join(lines(got), "\n"), "lib/args:", elixir+":")
			if diff := cmp.Diff(want, said); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A file of arguments is split as erlexec splits it.
func TestRunReadsArgumentsAsTheVMDoes(t *testing.T) {
	const bad = "FAIL vm-args lib/args: it gives the VM the flag +Zzzz, which Erlang/OTP 27 does not know"
	for text, want := range map[string]string{
		"# +Zzzz\n+A 1# +Zzzz\n": "", "-x 'a\n+Zzzz b'\n": "", "-x \"# a\" +Zzzz\n": bad, "+A\n1\n+Zzzz": bad, "+A 1\x00+Zzzz": "", `-x a\ +Zzzz`: "",
		"-args_file /app/lib/args": "FAIL vm-args lib/args: it gives the VM -args_file /app/lib/args, and that file names itself, or one that does",
	} {
		got, err := check.Run(t.Context(), open(t, named("-args_file /app/lib/args").with("lib/args", "644 "+text), bookworm()))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, strings.Join(lines(got), "\n")); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}
