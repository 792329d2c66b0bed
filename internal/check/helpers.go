package check

import (
	"path"
	"regexp"

	"dram/internal/release"
)

// Without is what fails for want of a native file that a release starts
// without, by the file's name (Subject.Helper).
func Without(helper string) string {
	for _, h := range append(helpers(), sometimes()...) {
		if h.file == helper {
			return h.fails
		}
	}
	return ""
}

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

// sometimes are those that some releases start without.
func sometimes() []struct{ app, file, fails string } {
	return []struct{ app, file, fails string }{
		{"", "heart", "a start with -heart fails"},
		{"", "epmd", "other nodes do not find this one"},
		{"os_mon", "memsup", "os_mon does not start"},
	}
}

// helper is the name of a native file that the release starts without; "" of
// one without which it does not start, or fails in a way of its own.
func (s *Survey) helper(f release.File) string {
	base := path.Base(f.Path)
	for _, h := range helpers() {
		if base == h.file && (h.app == "" && f.Origin == release.ERTS || f.Origin == release.OTP && appName(f) == h.app) {
			return base
		}
	}
	switch {
	case f.Origin == release.ERTS && base == "heart" && !s.heart(),
		f.Origin == release.ERTS && base == "epmd" && s.alone(),
		f.Origin == release.OTP && base == "memsup" && !s.startsApp("os_mon"):
		return base
	}
	return ""
}

var (
	heartFlag = regexp.MustCompile(`(?m)^[^#\n]*-heart\b`)
	aloneFlag = regexp.MustCompile(`(?m)^\s*(export\s+)?RELEASE_DISTRIBUTION=["']?none|^[^#\n]*-start_epmd\s+false`)
)

func (s *Survey) startFiles() string {
	dir := path.Join("releases", s.rel.Version)
	return s.text(path.Join(dir, "env.sh")) + "\n" + s.text(path.Join(dir, "vm.args"))
}

// heart says whether the release is started with the VM's watchdog.
func (s *Survey) heart() bool {
	if vm := s.starting().vm; vm != nil {
		return vm.has("-heart")
	}
	return heartFlag.MatchString(s.startFiles())
}

// alone says whether the release is started without distribution, or without
// epmd: the VM starts epmd otherwise, and ends if it cannot.
func (s *Survey) alone() bool {
	if vm := s.starting().vm; vm != nil {
		return !s.distributed(vm)
	}
	return aloneFlag.MatchString(s.startFiles())
}

// startsApp says whether a start of the release starts an application: whether
// the .rel file names it with a type other than load and none.
func (s *Survey) startsApp(name string) bool {
	rel := s.relFile()
	if rel.err != nil || rel.path == "" {
		return true // not known
	}
	app, ok := rel.Apps[name]
	return ok && app.Type != "load" && app.Type != "none"
}
