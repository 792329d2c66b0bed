package release

import (
	"io/fs"
	"slices"
	"strings"
)

// otpApps is the applications that Erlang/OTP ships or has shipped since 17.
func otpApps() []string {
	return []string{
		"asn1", "common_test", "compiler", "cosEvent", "cosEventDomain", "cosFileTransfer", "cosNotification", "cosProperty",
		"cosTime", "cosTransactions", "crypto", "debugger", "dialyzer", "diameter", "edoc", "eldap", "erl_docgen", "erl_interface",
		"erts", "et", "eunit", "ftp", "gs", "hipe", "ic", "inets", "jinterface", "kernel", "megaco", "mnesia", "observer", "odbc",
		"orber", "os_mon", "ose", "otp_mibs", "parsetools", "percept", "public_key", "reltool", "runtime_tools", "sasl", "snmp",
		"ssh", "ssl", "stdlib", "syntax_tools", "test_server", "tftp", "tools", "typer", "webtool", "wx", "xmerl",
	}
}

// elixirApps is the applications that Elixir ships.
func elixirApps() []string {
	return []string{"eex", "elixir", "ex_unit", "iex", "logger", "mix"}
}

// classifier says where files come from.
type classifier struct {
	own     []string
	anyLink bool // links that lead out are no error
}

// app is the origin of an application. The project's word goes first: one that
// vendors an application of OTP's name owns it.
func (c classifier) app(name string) Origin {
	switch {
	case slices.Contains(c.own, name):
		return Own
	case slices.Contains(otpApps(), name):
		return OTP
	case slices.Contains(elixirApps(), name):
		return Elixir
	}
	return Dependency
}

// file is the origin of a file and the folder of its application.
func (c classifier) file(name string, mode fs.FileMode) (Origin, string) {
	top, rest, below := strings.Cut(name, "/")
	folder, _, inside := strings.Cut(rest, "/")
	switch {
	case strings.HasPrefix(top, "erts-"):
		return ERTS, ""
	case top == "lib" && below && (inside || mode.IsDir()):
		app, _ := splitApp(folder)
		return c.app(app), folder
	}
	return Metadata, ""
}

// splitApp splits "hello-0.1.0-rc.1" into name and version. Names hold no "-".
func splitApp(folder string) (name, version string) {
	name, version, _ = strings.Cut(folder, "-")
	return name, version
}

// apps is the applications that have files, in the order of their folders.
func (c classifier) apps(files []File) []App {
	var out []App
	var last string
	for _, f := range files {
		if f.App == "" || f.App == last {
			continue
		}
		last = f.App
		name, version := splitApp(f.App)
		out = append(out, App{Name: name, Version: version, Origin: f.Origin})
	}
	return out
}

func (o Origin) String() string {
	switch o {
	case ERTS:
		return "erts"
	case OTP:
		return "otp"
	case Elixir:
		return "elixir"
	case Dependency:
		return "dependency"
	case Own:
		return "own"
	case Metadata:
		return "metadata"
	}
	return "unknown"
}
