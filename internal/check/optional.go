package check

import (
	"path"
	"regexp"
	"strings"

	"dram/internal/beam"
	"dram/internal/release"
)

// helpers are the native files of Erlang/OTP that a release starts without,
// and what fails for want of each. Measured with OTP 23 and 27, each replaced
// by one that cannot be loaded: os_mon itself ends when memsup does, and asn1
// and crypto end the boot, so that those are not among them.
func helpers() []struct{ app, file, fails string } {
	return []struct{ app, file, fails string }{
		{"odbc", "odbcserver", "odbc:connect gives {error,connection_closed}"},
		{"os_mon", "cpu_sup", "cpu_sup:avg1() and cpu_sup:util() give {error,timeout}"},
		{"runtime_tools", "dyntrace.so", "dynamic tracing (dyntrace) does not work"},
		{"runtime_tools", "trace_file_drv.so", "dbg cannot trace to files"},
		{"runtime_tools", "trace_ip_drv.so", "dbg cannot trace to a socket"},
		{"wx", "wxe_driver.so", "wx:new() fails, and with it observer and debugger"},
		{"wx", "erl_gl.so", "drawing with gl fails"},
		{"megaco", "megaco_flex_scanner_drv.so", "megaco's flex scanner does not work"},
		{"megaco", "megaco_flex_scanner_drv_mt.so", "megaco's flex scanner does not work"},
		{"", "run_erl", "daemon and daemon_iex do not work"},
		{"", "to_erl", "attaching to a daemon does not work"},
	}
}

// bites is what fails for want of a native file if the release starts without
// it; "" if it does not start, or fails in a way of its own.
func (s *survey) bites(f release.File) string {
	base := path.Base(f.Path)
	for _, h := range helpers() {
		if base == h.file && (h.app == "" && f.Origin == release.ERTS || f.Origin == release.OTP && appName(f) == h.app) {
			return h.fails
		}
	}
	switch {
	case f.Origin == release.ERTS && base == "heart" && !s.heart():
		return "a start with -heart fails"
	case f.Origin == release.ERTS && base == "epmd" && s.alone():
		return "other nodes do not find this one"
	case f.Origin == release.OTP && base == "memsup" && !s.startsApp("os_mon"):
		return "os_mon does not start"
	}
	return ""
}

var (
	heartFlag = regexp.MustCompile(`(?m)^[^#\n]*-heart\b`)
	aloneFlag = regexp.MustCompile(`(?m)^\s*(export\s+)?RELEASE_DISTRIBUTION=["']?none|^[^#\n]*-start_epmd\s+false`)
)

func (s *survey) startFiles() string {
	dir := path.Join("releases", s.rel.Version)
	return s.text(path.Join(dir, "env.sh")) + "\n" + s.text(path.Join(dir, "vm.args"))
}

// heart says whether the release is started with the VM's watchdog.
func (s *survey) heart() bool { return heartFlag.MatchString(s.startFiles()) }

// alone says whether the release is started without distribution, or without
// epmd: the VM starts epmd otherwise, and ends if it cannot.
func (s *survey) alone() bool { return aloneFlag.MatchString(s.startFiles()) }

// startsApp says whether a start of the release starts an application: whether
// the .rel file names it with a type other than load and none.
func (s *survey) startsApp(name string) bool {
	rel := s.relFile()
	if rel.err != nil || rel.path == "" {
		return true // not known
	}
	kind, ok := rel.kinds[name]
	return ok && kind != "load" && kind != "none"
}

// relKind is how {App, Vsn, Type, …} is started: permanent where no type is
// said.
func relKind(app beam.Tuple) string {
	if len(app) > 2 {
		if a, ok := app[2].(beam.Atom); ok {
			return string(a)
		}
	}
	return "permanent"
}

// atWorst is a verdict about a native file, made milder where the release
// starts without the file.
func (n *native) atWorst(v Verdict) Verdict {
	if n.bites != "" {
		return min(v, Warn)
	}
	return v
}

// milder is what is seen of a file that the release starts without.
func (n *native) milder(message string) string {
	return "the release starts; " + strings.TrimSuffix(n.bites, ".") + ": " + message
}
