package oracle

import "slices"

// Changes about what programs make of their input, what applications make of their
// configuration, and what boot scripts have applications do.
func inputCases() []startCase {
	return slices.Concat(readerCases(), fileCases(), cookieCases(), settingCases(), otherSettingCases(), textFileCases())
}

// readerCases are about programs that read and print.
func readerCases() []startCase {
	return []startCase{
		{name: "sed of no expression", change: env("A=$(echo x | sed 's/x')"), sample: true},
		{name: "sed of a command that is none", change: env("A=$(echo x | sed 'k')")},
		{name: "sed of an expression that is right", change: env("A=$(echo a-b | sed -e 's/-/_/g' -e '/^#/d' -n -e p)\nexport A")},
		{name: "sed of a flag that is none", change: env("A=$(echo x | sed 's/x/y/k')")},
		{name: "sed of a bracket without its end", change: env("A=$(echo x | sed 's/[x/y/')")},
		{name: "sed of a group without its end", change: env(`A=$(echo x | sed 's/\(x/y/')`)},
		{name: "sed of a group that is not there", change: env(`A=$(echo x | sed 's/x/\1/')`)},
		{name: "sed of y", change: env("A=$(echo x | sed y/abc/xyz/)")},
		{name: "sed of y of two lengths", change: env("A=$(echo x | sed y/abc/xy/)")},
		{name: "sed with another mark", change: env("A=$(echo x | sed 's|x|/|;s,/,y,2')\n[ \"$A\" = / ]")},
		{name: "sed of a line", change: env("A=$(sed -n '1p;$p;2,3{s/a/b/;p;}' $RELEASE_ROOT/releases/start_erl.data)")},
		{name: "sed without a bracket's end", change: env("A=$(echo x | sed -n '1{p')")},
		{name: "sed of a file that is not there", change: env("A=$(sed s/a/b/ /nowhere9)")},
		{name: "sed in place", change: env("sed -i s/a/b/ $RELEASE_ROOT/releases/start_erl.data")},
		{name: "sed of a group of the extended kind", change: env("A=$(echo ab | sed -E 's/(a)(b)/\\2\\1/')\n[ \"$A\" = ba ]")},
		{name: "sed of a group of the extended kind without its end", change: env("A=$(echo ab | sed -E 's/(a/b/')")},
		{name: "grep of nothing", change: env("grep nowhere9 $RELEASE_ROOT/releases/start_erl.data"), sample: true},
		{name: "grep of something", change: env("grep -q '0.1' $RELEASE_ROOT/releases/start_erl.data")},
		{name: "grep of nothing for a value", change: env("A=$(grep nowhere9 $RELEASE_ROOT/releases/start_erl.data)")},
		{name: "grep of nothing in a pipe", change: env("A=$(grep nowhere9 $RELEASE_ROOT/releases/start_erl.data | cut -d' ' -f1)")},
		{name: "grep of nothing as a condition", change: env("if grep -q nowhere9 $RELEASE_ROOT/releases/start_erl.data; then exit 3; fi")},
		{name: "grep of a beginning", change: env("grep -q '^[0-9]*\\.[0-9]' $RELEASE_ROOT/releases/start_erl.data || exit 3")},
		{name: "grep of a beginning that is not", change: env("grep '^[a-z]' $RELEASE_ROOT/releases/start_erl.data > /dev/null")},
		{name: "grep that is turned around", change: env("grep -v nowhere9 $RELEASE_ROOT/releases/start_erl.data > /dev/null")},
		{name: "grep of no expression", change: env("echo x | grep '[x' > /dev/null")},
		{name: "grep of no extended expression", change: env("echo x | grep -E '(x' > /dev/null")},
		{name: "grep of an option that is none", change: env("echo x | grep --nowhere9 x")},
		{name: "grep of what is said", change: env("echo abc | grep -q b")},
		{name: "grep of what is not said", change: env("echo abc | grep -q z"), sample: true},
		{name: "grep in a file of the system", change: env("grep -q '^ID=debian' /etc/os-release")},
		{name: "grep of nothing in a file of the system", change: env("A=$(grep -E '^NOWHERE9=' /etc/os-release)")},
		{name: "grep of either case", change: env("echo ABC | grep -qi abc")},
		{name: "grep of a count", change: env("A=$(echo abc | grep -c z)")},
		{name: "cut of no list", change: env("A=$(echo a,b | cut -d,)")},
		{name: "cut of field 0", change: env("A=$(echo a,b | cut -d, -f0)")},
		{name: "cut of a field", change: env("A=$(echo a,b | cut -d, -f2)\n[ \"$A\" = b ]")},
		{name: "cut of a field that is another", change: env("A=$(echo a,b | cut -d, -f2)\n[ \"$A\" = a ]")},
		{name: "cut of a long delimiter", change: env("A=$(echo a,b | cut -d,, -f2)")},
		{name: "tr of letters", change: env("A=$(echo abc | tr a-z A-Z)\n[ \"$A\" = ABC ]")},
		{name: "tr of nothing", change: env("A=$(echo abc | tr)")},
		{name: "tr of one", change: env("A=$(echo abc | tr a)")},
		{name: "tr that deletes", change: env("A=$(echo a-b | tr -d -)\n[ \"$A\" = ab ] || exit 3")},
		{name: "head of a word", change: env("A=$(echo x | head -n many)")},
		{name: "head of lines", change: env("A=$(printf 'a\\nb\\n' | head -n 1)\n[ \"$A\" = a ]")},
		{name: "tail of what is not there", change: env("tail -n 1 /nowhere9")},
		{name: "sort of what is not there", change: env("A=$(sort /nowhere9)")},
		{name: "wc of what is not there", change: env("A=$(wc -l /nowhere9)")},
		{name: "wc", change: env("A=$(echo x | wc -l)\n[ $A -eq 1 ]")},
		{name: "awk", change: env("A=$(echo a b | awk '{print $2}')\n[ \"$A\" = b ]")},
		{name: "awk of no program", change: env("A=$(echo a b | awk '{print $2')")},
		{name: "expr of nothing", change: env("expr 1 - 1")},
		{name: "expr of a sum", change: env("A=$(expr 1 + 2)\n[ $A -eq 3 ]")},
		{name: "expr of words", change: env("A=$(expr a + 2)")},
		{name: "date of nonsense", change: env("A=$(date -d nonsense9)")},
		{name: "date", change: env("A=$(date +%s)\n[ $A -gt 0 ]")},
		{name: "base64 of nonsense", change: env("A=$(echo '%%%' | base64 -d)")},
		{name: "printenv of what is not set", change: env("printenv NOT_SET9")},
		{name: "a diff of two", change: env("diff /etc/hosts /etc/os-release > /dev/null")},
		{name: "xargs of a failure", change: env("echo x | xargs false")},
		{name: "seq of a word", change: env("A=$(seq many)")},
		{name: "basename of nothing", change: env("A=$(basename)")},
		{name: "an own file that says a number", change: "echo 5 > releases/n\n" + env("[ $(cat $RELEASE_ROOT/releases/n) -eq 6 ]")},
	}
}

// fileCases are about programs that make files, look for some, or change how they go
// on.
func fileCases() []startCase {
	return []startCase{
		{name: "cp of what is not there", change: env("cp /nowhere9 /tmp/x"), sample: true},
		{name: "cp to nowhere", change: env("cp /etc/hosts /nowhere9/x")},
		{name: "cp", change: env("cp /etc/hosts /tmp/x9")},
		{name: "cp of a folder", change: env("cp /etc /tmp/x9")},
		{name: "mv of what is not there", change: env("mv /nowhere9 /tmp/x")},
		{name: "rm of what is not there", change: env("rm /nowhere9")},
		{name: "rm of what is not there, or not", change: env("rm -f /nowhere9; rm -rf /nowhere9/x")},
		{name: "ln over what is there", change: env("ln -s /etc/hosts /etc/hosts")},
		{name: "ln in nowhere", change: env("ln -s /etc/hosts /nowhere9/x")},
		{name: "chmod of what is not there", change: env("chmod 755 /nowhere9")},
		{name: "chmod of a mode that is none", change: env("touch /tmp/m9; chmod often /tmp/m9")},
		{name: "chown of nobody", change: env("touch /tmp/m9; chown nowhere9 /tmp/m9")},
		{name: "touch in nowhere", change: env("touch /nowhere9/x")},
		{name: "touch", change: env("touch /tmp/t9")},
		{name: "ls of what is not there", change: env("ls /nowhere9")},
		{name: "ls of what is not there for a value", change: env("A=$(ls /nowhere9/*.pem)")},
		{name: "ls of what is not there, or not", change: env("A=$(ls /nowhere9 2>/dev/null || true)")},
		{name: "find in nowhere", change: env("find /nowhere9 -name x")},
		{name: "find", change: env("A=$(find $RELEASE_ROOT/releases -name sys.config | head -1)\n[ -f \"$A\" ]")},
		{name: "stat of what is not there", change: env("A=$(stat -c %U /nowhere9)")},
		{name: "tee to nowhere", change: env("echo x | tee /nowhere9/x")},
		{name: "mkdir in nowhere", change: env("mkdir /nowhere9/x")},
		{name: "mkdir of what is there", change: env("mkdir /etc")},
		{name: "mkdir of what is there, or not", change: env("mkdir -p /etc")},
		{name: "rmdir of what is not there", change: env("rmdir /nowhere9")},
		{name: "readlink of what is no link", change: env("A=$(readlink /etc/hosts)")},
		{name: "readlink to nowhere", change: env("A=$(readlink -f /nowhere9/x)")},
		{name: "readlink of what must be there", change: env("A=$(readlink -e /nowhere9)")},
		{name: "realpath to nowhere", change: env("A=$(realpath /nowhere9/x)")},
		{name: "realpath of what is not there", change: env("A=$(realpath /nowhere9)")},
		{name: "id of nobody", change: env("A=$(id -u nowhere9)")},
		{name: "id", change: env("[ $(id -u) -ge 0 ]")},
		{name: "sleep of a word", change: env("sleep often")},
		{name: "timeout", change: env("timeout 5 true")},
		{name: "timeout of a failure", change: env("timeout 5 false")},
		{name: "timeout of what is not there", change: env("timeout 5 nowhere9")},
		{name: "nice of what is not there", change: env("nice nowhere9")},
		{name: "env of what is not there", change: env("env A=1 nowhere9")},
		{name: "env without anything", change: env("env -i true")},
		{name: "setsid of a failure", change: env("setsid -w false")},
		{name: "sh of a failure", change: env("sh -c 'exit 3'")},
		{name: "sh of what is not there", change: env("sh /nowhere9")},
		{name: "sh of a command that is not there", change: env("sh -c 'nowhere9 x'")},
		{name: "sh of what is right", change: env("sh -c 'echo x' > /dev/null")},
		{name: "getent of a host that is none", change: env("getent hosts nowhere9.invalid")},
		{name: "uname of an option that is none", change: env("uname --nowhere9")},
		{name: "test by its path", change: env("/usr/bin/test -d /nowhere9")},
		{name: "false by its path", change: env("/bin/false")},
		{name: "a failure by its path, or not", change: env("/bin/false || :")},
		{name: "true by its path", change: env("/bin/true")},
		{name: "nproc", change: env("[ $(nproc) -ge 1 ]")},
		{name: "mktemp", change: env("D=$(mktemp -d)\n[ -d \"$D\" ]\nrm -r \"$D\"")},
		{name: "install to nowhere", change: env("install -d /tmp/i9/j9\n[ -d /tmp/i9/j9 ]")},
	}
}

// cookieCases are about the cookie, which a start hands on as an argument.
func cookieCases() []startCase {
	cookie := func(value string) string { return env("export RELEASE_COOKIE=" + value) }
	return []startCase{
		{name: "an empty cookie", change: cookie("''"), sample: true},
		{name: "a cookie with a dash first", change: cookie("-abc"), sample: true},
		{name: "a cookie with a plus first", change: cookie("+abc")},
		{name: "a cookie that is a flag", change: cookie("-heart")},
		{name: "a cookie with a blank", change: cookie("'a b'")},
		{name: "a cookie with a line's end", change: cookie("'a\nb'")},
		{name: "a cookie with a quote", change: cookie(`'a"b'`)},
		{name: "a cookie with a backslash", change: cookie(`'a\b'`)},
		{name: "a cookie that is a comment", change: cookie("'#a'")},
		{name: "a cookie of 255", change: cookie("$(printf %0255d 0)")},
		{name: "a cookie of 256", change: cookie("$(printf %0256d 0)")},
		{name: "a cookie of other letters", change: cookie("'äöü'")},
		{name: "two dashes for a cookie", change: cookie("--")},
		{name: "one dash for a cookie", change: cookie("-")},
		{name: "a cookie of the dash's kind in vm.args", change: arg("-setcookie -abc")},
		{name: "a cookie of the plus kind in vm.args", change: arg("-setcookie +abc")},
		{name: "a cookie of 256 in vm.args", change: "{ printf '%s ' -setcookie; printf '%0256d\\n' 0; } >> $vsn/vm.args"},
	}
}

// configured has a sys.config of some terms in place of the release's.
func configured(terms string) string {
	return "rm $vsn/sys.config; cat > $vsn/sys.config <<'END'\n[" + terms + "].\nEND\n"
}

// settingCases are about settings that kernel reads when it starts.
func settingCases() []startCase {
	kernel := func(setting string) string { return configured("{kernel,[" + setting + "]}") }
	return []startCase{
		{name: "a level of the log that is none", change: kernel("{logger_level,often}"), sample: true},
		{name: "a level of the log", change: kernel("{logger_level,debug}")},
		{name: "a handler of the log that is not there", change: kernel("{logger,[{handler,default,nowhere9,#{}}]}")},
		{name: "a log in nowhere", change: kernel("{logger,[{handler,default,logger_std_h,#{config=>#{file=>\"/nowhere9/x\"}}}]}")},
		{name: "a log in a file", change: kernel("{logger,[{handler,default,logger_std_h,#{config=>#{file=>\"/tmp/x\"}}}]}")},
		{name: "no default handler", change: kernel("{logger,[{handler,default,undefined}]}")},
		{name: "a logger that is no list", change: kernel("{logger,often}")},
		{name: "a logger of what is none", change: kernel("{logger,[often]}")},
		{name: "a handler's level that is none", change: kernel("{logger,[{handler,default,logger_std_h,#{level=>often}}]}")},
		{name: "a handler's formatter that is none", change: kernel("{logger,[{handler,default,logger_std_h,#{formatter=>often}}]}")},
		{name: "a handler's formatter that is not there", change: kernel("{logger,[{handler,default,logger_std_h,#{formatter=>{nowhere9,#{}}}}]}")},
		{name: "filters of the log", change: kernel("{logger,[{filters,log,[{f,{fun logger_filters:progress/2,stop}}]}]}")},
		{name: "a filter that is none", change: kernel("{logger,[{filters,log,[often]}]}")},
		{name: "levels of modules", change: kernel("{logger,[{module_level,debug,[a]}]}")},
		{name: "a module's level that is none", change: kernel("{logger,[{module_level,often,[a]}]}")},
		{name: "an error log in nowhere", change: kernel("{error_logger,{file,\"/nowhere9/x\"}}")},
		{name: "an error log of what is none", change: kernel("{error_logger,often}")},
		{name: "an error log that is silent", change: kernel("{error_logger,silent}")},
		{name: "nodes that must be there", change: kernel("{sync_nodes_mandatory,['x@nowhere9']},{sync_nodes_timeout,200}")},
		{name: "nodes that may be there", change: kernel("{sync_nodes_optional,['x@nowhere9']},{sync_nodes_timeout,200}")},
		{name: "nodes that must be there, for ever", change: kernel("{sync_nodes_mandatory,[x]},{sync_nodes_timeout,often}")},
		{name: "an application that is not permitted", change: kernel("{permissions,[{oracle,false}]}")},
		{name: "applications that are spread", change: kernel("{distributed,[{oracle,['x@nowhere9']}]}")},
		{name: "spread applications that are none", change: kernel("{distributed,often}")},
		{name: "no distribution", change: kernel("{start_distribution,false}")},
		{name: "ticks of none", change: kernel("{net_ticktime,0}")},
		{name: "ticks of a word", change: kernel("{net_ticktime,often}")},
		{name: "ports of words", change: kernel("{inet_dist_listen_min,often},{inet_dist_listen_max,9000}")},
		{name: "ports turned around", change: kernel("{inet_dist_listen_min,9100},{inet_dist_listen_max,9000}")},
		{name: "a port that is the system's", change: kernel("{inet_dist_listen_min,99999},{inet_dist_listen_max,99999}")},
		{name: "an interface that is none", change: kernel("{inet_dist_use_interface,{10,9,9,9}}")},
		{name: "an interface that is a text", change: kernel("{inet_dist_use_interface,\"127.0.0.1\"}")},
		{name: "an interface", change: kernel("{inet_dist_use_interface,{127,0,0,1}}")},
		{name: "a shell's history", change: kernel("{shell_history,enabled}")},
		{name: "a log of the disk", change: kernel("{start_disk_log,true},{start_boot_server,true},{start_timer,true}")},
		{name: "a boot server of words", change: kernel("{start_boot_server,true},{boot_server_slaves,often}")},
		{name: "groups that are none", change: kernel("{global_groups,often}")},
		{name: "a dist_auto_connect that is none", change: kernel("{dist_auto_connect,often}")},
		{name: "a net_setuptime that is none", change: kernel("{net_setuptime,often}")},
	}
}

// otherSettingCases are about settings that others read, and what all of them are.
func otherSettingCases() []startCase {
	return []startCase{
		{name: "sasl's log in nowhere", change: configured("{sasl,[{sasl_error_logger,{file,\"/nowhere9/x\"}}]}")},
		{name: "sasl's log of what is none", change: configured("{sasl,[{sasl_error_logger,often}]}")},
		{name: "sasl's kind of errors that is none", change: configured("{sasl,[{errlog_type,often}]}")},
		{name: "sasl's folder of reports in nowhere", change: configured("{sasl,[{error_logger_mf_dir,\"/nowhere9/x\"},{error_logger_mf_maxbytes,1000},{error_logger_mf_maxfiles,2}]}")},
		{name: "sasl's folder of releases", change: configured("{sasl,[{releases_dir,\"/nowhere9\"}]}")},
		{name: "sasl's start of programs", change: configured("{sasl,[{start_prg,\"/nowhere9\"}]}")},
		{name: "stdlib's settings", change: configured("{stdlib,[{shell_prompt_func,often}]}")},
		{name: "elixir's settings", change: configured("{elixir,[{ansi_enabled,often}]}")},
		{name: "an application twice", change: configured("{oracle,[{a,1}]},{oracle,[{b,2}]}")},
		{name: "a map of settings", change: configured("{oracle,#{a=>1}}")},
		{name: "a setting with a function", change: configured("{oracle,[{a,fun lists:map/2}]}")},
		{name: "a setting with a function of one's own", change: configured("{oracle,[{a,fun(X) -> X end}]}")},
		{name: "a setting with a variable", change: configured("{oracle,[{a,Port}]}")},
		{name: "a setting with a sum", change: configured("{oracle,[{a,1+1}]}")},
		{name: "a setting with a binary of letters", change: configured("{oracle,[{a,<<\"ä\"/utf8>>}]}")},
		{name: "a setting with a pid", change: configured("{oracle,[{a,<0.1.0>}]}")},
		{name: "a setting with a key that is no atom", change: configured("{oracle,[{\"a\",1}]}")},
		{name: "a setting with a call", change: configured("{oracle,[{a,os:getenv(\"HOME\")}]}")},
		{name: "a setting with a text of three quotes", change: configured("{oracle,[{a,\"\"\"\n x\n \"\"\"}]}")},
		{name: "a setting with a sigil", change: configured("{oracle,[{a,~\"x\"}]}")},
		{name: "a setting with an atom that is long", change: configured("{oracle,[{a,'$(printf %0300d 0)'}]}") + "sed -i \"s/..printf %0300d 0./$(printf %0300d 0)/\" $vsn/sys.config"},
		{name: "a setting with a number of parts", change: configured("{oracle,[{a,1_000},{b,16#ff},{c,$a},{d,1.0e3}]}")},
		{name: "a setting with a comment", change: configured("%% all\n{oracle,[{a,1} % one\n]}")},
		{name: "a setting that has a lot of depth", change: configured("{oracle,[{a,$(deep)}]}") + `sed -i "s/\$(deep)/$(printf '[%.0s' $(seq 400))$(printf ']%.0s' $(seq 400))/" $vsn/sys.config`},
	}
}

// textFileCases are about files of text as other systems and editors write them.
func textFileCases() []startCase {
	utf16 := func(file string) string {
		return "{ printf '\\377\\376'; sed 's/./&\\x00/g; s/$/\\x00/' " + file + "; } > x; rm " + file + "; mv x " + file
	}
	before := func(file, bytes string) string {
		return "{ printf '" + bytes + "'; cat " + file + "; } > x; m=$(stat -c %a " + file + "); rm " + file + "; mv x " + file + "; chmod $m " + file
	}
	const bom = `\357\273\277`
	runtime := "$vsn/runtime.exs"
	return []startCase{
		{name: "a byte order mark in env.sh", change: before("$env", bom), sample: true},
		{name: "a byte order mark in vm.args", change: before("$vsn/vm.args", bom), sample: true},
		{name: "a byte order mark in vm.args, before a flag", change: "rm $vsn/vm.args; printf '" + bom + "-oracle a b\\n' > $vsn/vm.args"},
		{name: "a byte order mark in the start script", change: before("bin/oracle", bom)},
		{name: "a byte order mark in elixir", change: before("$vsn/elixir", bom)},
		{name: "a byte order mark in runtime.exs", change: before(runtime, bom), sample: true},
		{name: "lines of Windows in sys.config", change: "sed -i 's/$/\\r/' $vsn/sys.config"},
		{name: "lines of Windows in runtime.exs", change: "sed -i 's/$/\\r/' " + runtime},
		{name: "lines of Windows in start_erl.data", change: "sed -i 's/$/\\r/' releases/start_erl.data"},
		{name: "lines of old machines in env.sh", change: env("export A=1\nexport B=2") + "tr '\\n' '\\r' < $env > x; mv x $env"},
		{name: "lines of old machines in vm.args", change: arg("+Yyy 1") + "tr '\\n' '\\r' < $vsn/vm.args > x; mv x $vsn/vm.args"},
		{name: "UTF-16 in sys.config", change: utf16("$vsn/sys.config")},
		{name: "UTF-16 in vm.args", change: utf16("$vsn/vm.args")},
		{name: "UTF-16 in env.sh", change: utf16("$env")},
		{name: "UTF-16 in runtime.exs", change: utf16(runtime)},
		{name: "Latin-1 in runtime.exs", change: "printf '# \\351t\\351\\n' >> " + runtime},
		{name: "Latin-1 in vm.args", change: "printf '# \\351t\\351\\n-oracle a \\351\\n' >> $vsn/vm.args"},
		{name: "Latin-1 in env.sh", change: "printf 'export A=\\351\\n' >> $env"},
		{name: "a zero in vm.args", change: "printf '+A 3\\n\\0+Yyy 1\\n' >> $vsn/vm.args"},
		{name: "a zero in sys.config", change: "rm $vsn/sys.config; printf '[].\\0\\n' > $vsn/sys.config"},
		{name: "a zero in env.sh", change: "printf 'export A=1\\0\\n' >> $env"},
		{name: "a zero in runtime.exs", change: "printf '\\0' >> " + runtime},
		{name: "a blank that is none in sys.config", change: "rm $vsn/sys.config; printf '[\\302\\240{kernel,[]}].\\n' > $vsn/sys.config"},
		{name: "a blank that is none in vm.args", change: "printf '+A\\302\\2403\\n' >> $vsn/vm.args"},
		{name: "a blank that is none in env.sh", change: "printf 'export\\302\\240A=1\\n' >> $env"},
		{name: "quotes of books in sys.config", change: "rm $vsn/sys.config; printf '[{kernel,[{a,\\342\\200\\234x\\342\\200\\235}]}].\\n' > $vsn/sys.config"},
		{name: "quotes of books in vm.args", change: "printf '%s\\n' '-oracle a “x”' >> $vsn/vm.args"},
		{name: "a dash of books in vm.args", change: "printf '%s\\n' '–heart9 x' >> $vsn/vm.args"},
		{name: "no end of the last line in vm.args", change: "printf '+A 3' >> $vsn/vm.args"},
		{name: "no end of the last line in env.sh", change: "printf 'export A=1' >> $env"},
		{name: "an empty runtime.exs", change: "rm " + runtime + "; : > " + runtime},
		{name: "no runtime.exs", change: "rm " + runtime},
		{name: "a runtime.exs that is a folder", change: "rm " + runtime + "; mkdir " + runtime},
		{name: "a runtime.exs of settings", change: "printf 'config :oracle, a: System.get_env(\"NOT_SET9\", \"x\")\\n' >> " + runtime},
	}
}
