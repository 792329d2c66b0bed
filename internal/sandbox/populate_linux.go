package sandbox

import (
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// populate mounts all that is not the root itself.
func (s *Spec) populate(src sources) error {
	if err := makeDir("/proc"); err != nil {
		return err
	}
	if err := attach(src.proc, "/proc"); err != nil {
		return failed(stepProc, err, "mounting /proc")
	}
	if err := makeDev(src.devices); err != nil {
		return err
	}
	if err := guardProc(); err != nil {
		return err
	}
	temporary := map[string]string{"/tmp": "mode=1777,size=50%", "/run": "mode=0755,size=25%"}
	for _, dir := range append([]string{"/tmp", "/run"}, s.Tmpfs...) {
		opts, ok := temporary[path.Clean(dir)]
		if !ok {
			opts = "mode=0755,size=50%"
		}
		if err := mountTmpfs(dir, opts, 0); err != nil {
			return err
		}
	}
	if err := nameServices(src); err != nil {
		return err
	}
	for i, m := range s.Mounts {
		if err := place(src.mounts[i], m.Target); err != nil {
			return err
		}
	}
	for _, target := range slices.Sorted(maps.Keys(s.Files)) {
		if err := showCopy(string(s.Files[target]), target); err != nil {
			return err
		}
	}
	return nil
}

// place puts a mount at target, a directory or a file like what is mounted.
func place(tree int, target string) error {
	target = path.Clean(target)
	var st unix.Stat_t
	if err := unix.Fstat(tree, &st); err != nil {
		return failed(stepOther, err, "mounting %s", target)
	}
	var err error
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		err = makeDir(target)
	} else {
		target, err = makeFile(target)
	}
	if err != nil {
		return err
	}
	return failed(stepOther, attach(tree, target), "mounting %s", target)
}

func mountTmpfs(dir, opts string, flags uintptr) error {
	if err := makeDir(dir); err != nil {
		return err
	}
	err := unix.Mount("tmpfs", dir, "tmpfs", flags|unix.MS_NOSUID|unix.MS_NODEV, opts)
	return failed(stepOther, err, "mounting tmpfs on %s", dir)
}

// makeDev makes a /dev of the devices that programs take for granted.
func makeDev(devices map[string]int) error {
	if err := mountTmpfs("/dev", "mode=0755,size=1m", unix.MS_NOEXEC); err != nil {
		return err
	}
	for name, fd := range devices {
		if err := place(fd, "/dev/"+name); err != nil {
			return err
		}
	}
	if err := mountTmpfs("/dev/shm", "mode=1777,size=25%", unix.MS_NOEXEC); err != nil {
		return err
	}
	if err := makeDir("/dev/pts"); err != nil {
		return err
	}
	err := unix.Mount("devpts", "/dev/pts", "devpts", unix.MS_NOSUID|unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620")
	if err != nil {
		return failed(stepOther, err, "mounting /dev/pts")
	}
	links := [][2]string{
		{"/proc/self/fd", "/dev/fd"},
		{"/proc/self/fd/0", "/dev/stdin"},
		{"/proc/self/fd/1", "/dev/stdout"},
		{"/proc/self/fd/2", "/dev/stderr"},
		{"pts/ptmx", "/dev/ptmx"},
	}
	for _, l := range links {
		if err := os.Symlink(l[0], l[1]); err != nil {
			return failed(stepOther, err, "making %s", l[1])
		}
	}
	return nil
}

// guardProc empties what tells of the whole machine: root's files there belong
// to the caller if that is root.
func guardProc() error {
	for _, name := range []string{
		"acpi", "asound", "interrupts", "kcore", "keys", "kmsg", "kpagecgroup", "kpagecount", "kpageflags",
		"latency_stats", "sched_debug", "scsi", "timer_list", "timer_stats", "vmallocinfo", "vmcore",
	} {
		p := "/proc/" + name
		info, err := os.Stat(p)
		if err != nil {
			continue // this kernel has none
		}
		if info.IsDir() {
			err = unix.Mount("tmpfs", p, "tmpfs", unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "size=0,nr_inodes=2")
		} else {
			err = unix.Mount("/dev/null", p, "", unix.MS_BIND, "")
		}
		if err != nil {
			return failed(stepOther, err, "hiding %s", p)
		}
	}
	return nil
}

// nameServices mounts /etc/hosts, and resolv.conf if there is a network: copies,
// since who opens a file of the host for reading may already lock it.
func nameServices(src sources) error {
	if err := showCopy(src.hosts, "/etc/hosts"); err != nil || src.resolv == "" {
		return err
	}
	return showCopy(src.resolv, "/etc/resolv.conf")
}

// showCopy mounts a read-only file with this content.
func showCopy(content, target string) error {
	const draft = "/dev/.draft"
	if err := os.WriteFile(draft, []byte(content), 0o644); err != nil { //nolint:gosec // for all users inside
		return failed(stepOther, err, "writing %s", target)
	}
	fd, err := cloneTree(draft)
	if err == nil {
		err = setReadOnly(fd, "", unix.AT_EMPTY_PATH)
	}
	if err != nil {
		return failed(stepOther, err, "writing %s", target)
	}
	if err := place(fd, target); err != nil {
		return err
	}
	return failed(stepOther, os.Remove(draft), "writing %s", target)
}

// hostFile is the content of a small file of the host's, "" without one.
func hostFile(name string) string {
	const most = 1 << 20
	f, err := os.Open(name)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	raw, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return ""
	}
	return string(raw)
}

// hostsFile is /etc/hosts as the sandbox sees it: the host's own if it has
// a network, and in any case with the sandbox's hostname, by which nodes of
// one sandbox find each other.
func (s *Spec) hostsFile() string {
	hosts := "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
	if s.Network != Loopback {
		if raw := hostFile("/etc/hosts"); raw != "" {
			hosts = strings.TrimRight(raw, "\n") + "\n"
		}
	}
	names := s.Hostname
	if short, _, dotted := strings.Cut(s.Hostname, "."); dotted {
		names += " " + short // as container engines have it
	}
	return hosts + "127.0.0.1\t" + names + "\n"
}

// openLowPorts lets every user of this network open ports below 1024, as Docker does
// in its containers. Where the kernel refuses, a port needs the capability, as it
// did.
func openLowPorts() {
	proc, err := procWith(0)
	if err != nil {
		return
	}
	defer func() { _ = unix.Close(proc) }()
	fd, err := unix.Openat(proc, "sys/net/ipv4/ip_unprivileged_port_start", unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	_, _ = unix.Write(fd, []byte("0"))
	_ = unix.Close(fd)
}

func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, req); err != nil {
		return err
	}
	req.SetUint16(req.Uint16() | unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req)
}
