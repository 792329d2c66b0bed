package oracle

import (
	"testing"

	"dram/internal/sandbox"
)

// bootScriptCases have a boot script that was written anew: rewrite is Erlang for the
// list of instructions, where L is the one that was made.
func bootScriptCases() []startCase {
	first := func(instruction string) string { return "[" + instruction + " | L]" }
	last := func(instruction string) string {
		return "lists:flatmap(fun({progress,started}=I) -> [" + instruction + ",I]; (I) -> [I] end, L)"
	}
	replace := func(pattern, with string) string {
		return "lists:flatmap(fun(" + pattern + ") -> " + with + "; (I) -> [I] end, L)"
	}
	without := func(pattern string) string { return replace(pattern, "[]") }
	return []startCase{
		{name: "the boot script written anew", rewrite: "L", sample: true},
		{name: "the boot script calls what is not there", rewrite: last("{apply,{nowhere9,f,[]}}"), sample: true},
		{name: "the boot script calls a function that is not there", rewrite: last("{apply,{lists,nowhere9,[]}}")},
		{name: "the boot script calls a function that is there", rewrite: last("{apply,{lists,reverse,[[]]}}")},
		{name: "the boot script calls a function that fails", rewrite: last("{apply,{erlang,error,[x]}}")},
		{name: "the boot script ends it", rewrite: last("{apply,{erlang,halt,[3]}}")},
		{name: "the boot script stops it", rewrite: last("{apply,{init,stop,[]}}")},
		{name: "the boot script starts an application that is not loaded", rewrite: replace("{apply,{application,start_boot,[oracle|_]}}=I", "[I,{apply,{application,start_boot,[nowhere9,permanent]}}]"), sample: true},
		{name: "the boot script starts one for a time that is not loaded", rewrite: replace("{apply,{application,start_boot,[oracle|_]}}=I", "[I,{apply,{application,start_boot,[nowhere9,temporary]}}]")},
		{name: "the boot script starts one by a kind that is none", rewrite: replace("{apply,{application,start_boot,[sasl,_]}}", "[{apply,{application,start_boot,[sasl,often]}}]")},
		{name: "the boot script starts one before what it needs", rewrite: replace("{apply,{application,start_boot,[stdlib|_]}}=I", "[{apply,{application,start_boot,[oracle,permanent]}},I]")},
		{name: "the boot script starts one twice", rewrite: replace("{apply,{application,start_boot,[oracle|_]}}=I", "[I,I]")},
		{name: "the boot script does not start it", rewrite: without("{apply,{application,start_boot,[oracle|_]}}")},
		{name: "the boot script starts no sasl", rewrite: without("{apply,{application,start_boot,[sasl|_]}}")},
		{name: "the boot script starts no elixir", rewrite: without("{apply,{application,start_boot,[elixir|_]}}")},
		{name: "the boot script starts no stdlib", rewrite: without("{apply,{application,start_boot,[stdlib|_]}}")},
		{name: "the boot script loads no description", rewrite: without("{apply,{application,load,[{application,oracle,_}]}}")},
		{name: "the boot script loads no description of sasl", rewrite: without("{apply,{application,load,[{application,sasl,_}]}}")},
		{name: "an instruction that nobody knows", rewrite: first("{nowhere9,x}"), sample: true},
		{name: "an instruction that is a word", rewrite: last("often")},
		{name: "a path of nowhere", rewrite: replace("{path,_}=I", "[I,{path,[\"$ROOT/lib/nowhere9/ebin\"]}]")},
		{name: "a path at the end", rewrite: last("{path,[\"$ROOT/lib/stdlib-1/ebin\"]}")},
		{name: "loads what is not there", rewrite: replace("{primLoad,M}", "[{primLoad,M++[nowhere9]}]"), sample: true},
		{name: "loads nothing", rewrite: last("{primLoad,[]}")},
		{name: "a process of the kernel that is not there", rewrite: replace("{kernelProcess,application_controller,_}=I", "[I,{kernelProcess,nine9,{nowhere9,start,[]}}]")},
		{name: "a process of the kernel that is ignored", rewrite: replace("{kernelProcess,application_controller,_}=I", "[I,{kernelProcess,nine9,{erlang,hd,[[ignore]]}}]")},
		{name: "no controller of applications", rewrite: without("{kernelProcess,application_controller,_}")},
		{name: "no server of code", rewrite: without("{kernelProcess,heart,_}")},
		{name: "no sign of progress", rewrite: without("{progress,_}")},
		{name: "a sign of progress that is none", rewrite: last("{progress,often}")},
		{name: "preloaded modules that are none", rewrite: replace("{preLoaded,M}", "[{preLoaded,[nowhere9|M]}]")},
		{name: "no preloaded modules", rewrite: without("{preLoaded,_}")},
		{name: "an empty list of instructions", rewrite: "[]"},
		{name: "only signs of progress", rewrite: "[I || {progress,_}=I <- L]"},
		{name: "instructions turned around", rewrite: "lists:reverse(L)"},
		{name: "instructions that are no list", rewrite: "often"},
		{name: "the call of a setting", rewrite: last("{apply,{application,set_env,[oracle,a,1]}}")},
		{name: "the call of a start", rewrite: last("{apply,{application,start,[nowhere9]}}")},
		{name: "the call of a start that must be", rewrite: last("{apply,{application,ensure_all_started,[nowhere9]}}")},
		{name: "the call of a library that is not there", rewrite: last("{apply,{c_plain,load,[\"/nowhere9\"]}}")},
		{name: "a call that is no triple", rewrite: last("{apply,{lists,reverse}}")},
		{name: "a call whose arguments are no list", rewrite: last("{apply,{lists,reverse,x}}")},
	}
}

// bootDescriptionCases have another description of an application in it.
func bootDescriptionCases() []startCase {
	// app changes what application:load is given of an application
	app := func(name, change string) string {
		return "[case I of {apply,{application,load,[{application," + name + ",P}]}} -> {apply,{application,load,[{application," + name + "," + change + "}]}}; _ -> I end || I <- L]"
	}
	key := func(name, value string) string {
		return app("oracle", "lists:keystore("+name+",1,P,{"+name+","+value+"})")
	}
	return []startCase{
		{name: "needs an application that is not there", rewrite: key("applications", "[kernel,stdlib,nowhere9]"), sample: true},
		{name: "needs one that may be missing", rewrite: app("oracle", "lists:keystore(optional_applications,1,lists:keystore(applications,1,P,{applications,[kernel,stdlib,nowhere9]}),{optional_applications,[nowhere9]})")},
		{name: "needs what is no name", rewrite: key("applications", "[\"kernel\"]")},
		{name: "includes an application that is not there", rewrite: key("included_applications", "[nowhere9]")},
		{name: "includes one that is started", rewrite: key("included_applications", "[sasl]")},
		{name: "its module is not there", rewrite: key("mod", "{nowhere9,[]}"), sample: true},
		{name: "its module starts nothing", rewrite: key("mod", "{lists,[]}")},
		{name: "its module is no pair", rewrite: key("mod", "oracle")},
		{name: "phases that nobody knows", rewrite: key("start_phases", "[{init9,[]}]"), sample: true},
		{name: "phases that are none", rewrite: key("start_phases", "often")},
		{name: "no phases", rewrite: key("start_phases", "[]")},
		{name: "a version that is a number", rewrite: key("vsn", "1")},
		{name: "no version", rewrite: app("oracle", "lists:keydelete(vsn,1,P)")},
		{name: "modules of nothing", rewrite: key("modules", "[nowhere9]")},
		{name: "modules that are none", rewrite: key("modules", "often")},
		{name: "a registered name that is kernel's", rewrite: key("registered", "[kernel_sup]")},
		{name: "a registered name twice", rewrite: key("registered", "[a,a]")},
		{name: "a longest time", rewrite: key("maxT", "1000")},
		{name: "a longest time that is none", rewrite: key("maxT", "often")},
		{name: "settings that are none", rewrite: key("env", "often")},
		{name: "settings whose keys are texts", rewrite: key("env", "[{\"a\",1}]")},
		{name: "settings that are no pairs", rewrite: key("env", "[a]")},
		{name: "needs of versions past what is there", rewrite: key("runtime_dependencies", "[\"kernel-99.0\",\"nowhere9-1.0\"]")},
		{name: "a key that nobody knows", rewrite: key("nowhere9", "x")},
		{name: "a description that is no list", rewrite: app("oracle", "often")},
	}
}

// bootShapeCases are about the term that a boot script is.
func bootShapeCases() []startCase {
	return []startCase{
		{name: "a boot script that is compressed", rewrite: "L", shape: "term_to_binary(T, [compressed])", sample: true},
		{name: "a boot script of the older form", rewrite: "L", shape: "term_to_binary(T, [{minor_version,0}])"},
		{name: "a boot script of another name", rewrite: "L", shape: "term_to_binary({script,{\"other\",\"9\"},L})"},
		{name: "a boot script without a name", rewrite: "L", shape: "term_to_binary({script,L})"},
		{name: "a boot script by another word", rewrite: "L", shape: "term_to_binary({scripts,element(2,T),L})"},
		{name: "a boot script that is a list", rewrite: "L", shape: "term_to_binary([T])"},
		{name: "a boot script with more behind it", rewrite: "L", shape: "[term_to_binary(T),<<0,1,2>>]"},
		{name: "a boot script without its first byte", rewrite: "L", shape: "binary:part(term_to_binary(T),1,byte_size(term_to_binary(T))-1)"},
		{name: "a boot script of another byte first", rewrite: "L", shape: "[<<132>>,binary:part(term_to_binary(T),1,byte_size(term_to_binary(T))-1)]"},
		{name: "a boot script that is text", rewrite: "L", shape: "io_lib:format(\"~p.~n\",[T])"},
	}
}

// rewriteBoot has the system's Erlang write start.boot anew.
func (c startCase) rewriteBoot(t testing.TB, p place, rel string) {
	t.Helper()
	shape := c.shape
	if shape == "" {
		shape = "term_to_binary(T)"
	}
	r := box(t.Context(), t, p.root, []sandbox.Mount{{Source: rel, Target: "/app"}}, nil, "erl", "-boot", "start_clean", "-noinput", "-eval",
		"F = \"/app/releases/0.1.0/start.boot\", {ok,B} = file:read_file(F), {script,N,Old} = binary_to_term(B), L = (fun(L) -> "+c.rewrite+" end)(Old), T = {script,N,L}, ok = file:write_file(F, "+shape+"), halt(0).")
	if r.ended != nil {
		t.Fatalf("%s: %v\n%s%s", c.rewrite, r.ended, r.out, r.err)
	}
}
