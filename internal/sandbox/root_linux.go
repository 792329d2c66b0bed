package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// What an overlay needs in Scratch.
const (
	scratchRoot  = "root" // where it is mounted
	scratchWork  = "work"
	scratchUpper = "upper" // if the spec names none
)

// sources are the parts of the host that the sandbox shows, each a detached
// mount: made while the host's files are in sight, put into place when only the
// new root's are, so that no link in the root can lead a mount astray.
type sources struct {
	mounts  []int          // of Spec.Mounts
	devices map[string]int // by name in /dev
	proc    int
	hosts   string // content of /etc/hosts
	resolv  string // content of /etc/resolv.conf, "" if there is none
}

// enter makes the sandbox's root this process's own.
func (s *Spec) enter() error {
	unix.Umask(0)
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return failed(stepOther, err, "making mounts private")
	}
	src, err := s.openSources()
	if err != nil {
		return err
	}
	root, err := s.mountRoot()
	if err != nil {
		return err
	}
	if err := changeRoot(root); err != nil {
		return failed(stepOther, err, "changing the root directory")
	}
	if err := s.populate(src); err != nil {
		return err
	}
	if s.Network != Host {
		if err := loopbackUp(); err != nil {
			return failed(stepOther, err, "bringing up the loopback interface")
		}
	}
	if err := closeNetworks(s.Limits.closed); err != nil {
		return failed(stepOther, err, "closing networks")
	}
	if err := unix.Sethostname([]byte(s.Hostname)); err != nil {
		return failed(stepOther, err, "setting hostname %q", s.Hostname)
	}
	if s.ReadOnly {
		return failed(stepOther, setReadOnly(unix.AT_FDCWD, "/", 0), "making the root read-only")
	}
	return nil
}

func (s *Spec) openSources() (src sources, err error) {
	for _, m := range s.Mounts {
		fd, err := cloneTree(m.Source)
		if err == nil && m.ReadOnly {
			err = setReadOnly(fd, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE)
		}
		if err != nil {
			return src, failed(stepSource, err, "opening %s to show it as %s", m.Source, m.Target)
		}
		src.mounts = append(src.mounts, fd)
	}
	src.devices = map[string]int{}
	for _, d := range deviceNames {
		fd, err := deviceTree("/dev/" + d.name)
		if d.name == "tty" && errors.Is(err, unix.ENOENT) {
			continue // some containers have none
		}
		if err != nil {
			return src, failed(stepOther, err, "opening /dev/%s", d.name)
		}
		src.devices[d.name] = fd
	}
	if err := guardStreams(); err != nil {
		return src, err
	}
	switch s.Network {
	case Host:
		src.resolv = hostFile("/etc/resolv.conf")
	case Isolated:
		src.resolv = resolver(hostFile("/etc/resolv.conf"))
	case Loopback:
	}
	src.hosts = s.hostsFile()
	if s.Network != Host && !s.Limits.NoCapabilities {
		openLowPorts()
	}
	src.proc, err = freshProc()
	return src, failed(stepProc, err, "mounting a fresh /proc")
}

// cloneTree is a detached copy of the mounts at and below path.
func cloneTree(path string) (int, error) {
	return unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
}

func attach(tree int, target string) error {
	return unix.MoveMount(tree, "", unix.AT_FDCWD, target, unix.MOVE_MOUNT_F_EMPTY_PATH)
}

// setReadOnly leaves a mount's other flags as they are: those of the host's
// mounts are locked in a user namespace.
func setReadOnly(fd int, path string, flags uint) error {
	return unix.MountSetattr(fd, path, flags, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
}

// freshProc is a detached /proc of this PID namespace. The kernel gives one
// only to who sees a whole /proc already. It is read-only: what is not about
// processes the kernel has once, and the mode of such a file, changed in one
// /proc, is changed in all. /proc/PID/net is among these.
func freshProc() (int, error) { return procWith(unix.MOUNT_ATTR_RDONLY) }

func procWith(attr int) (int, error) {
	fsfd, err := unix.Fsopen("proc", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, err
	}
	defer func() { _ = unix.Close(fsfd) }()
	if err := unix.FsconfigCreate(fsfd); err != nil {
		return -1, err
	}
	return unix.Fsmount(fsfd, unix.FSMOUNT_CLOEXEC,
		attr|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC)
}

// mountRoot mounts the root and tells where.
func (s *Spec) mountRoot() (string, error) {
	if s.Root != "" {
		err := unix.Mount(s.Root, s.Root, "", unix.MS_BIND|unix.MS_REC, "")
		return s.Root, failed(stepOther, err, "mounting root %s", s.Root)
	}
	return mountOverlay(s.Lower, s.Upper, s.Scratch)
}

func mountOverlay(lower []string, upper, scratch string) (string, error) {
	root, work := filepath.Join(scratch, scratchRoot), filepath.Join(scratch, scratchWork)
	dirs := []string{root, work}
	if upper == "" {
		upper = filepath.Join(scratch, scratchUpper)
		dirs = append(dirs, upper)
	}
	for _, dir := range dirs {
		if err := unix.Mkdir(dir, 0o755); err != nil && !errors.Is(err, unix.EEXIST) {
			return "", failed(stepOverlay, err, "making %s", dir)
		}
	}
	// Naming directories by descriptor needs no escaping and keeps the options
	// within the page that the kernel reads, however long the paths are.
	var names []string
	for _, dir := range append(append([]string(nil), lower...), upper, work) {
		fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			return "", failed(stepOverlay, err, "opening %s", dir)
		}
		defer func() { _ = unix.Close(fd) }()
		names = append(names, fmt.Sprintf("/proc/self/fd/%d", fd))
	}
	n := len(lower)
	// volatile: what a power cut leaves of a build is made again, not repaired,
	// and waiting for the disk at every fsync and at the end takes seconds.
	opts := "userxattr,volatile,lowerdir=" + strings.Join(names[:n], ":") +
		",upperdir=" + names[n] + ",workdir=" + names[n+1]
	if len(opts) >= os.Getpagesize() {
		return "", failed(stepOther, errors.New("too many layers"), "mounting %d layers", n)
	}
	err := unix.Mount("overlay", root, "overlay", 0, opts)
	if errors.Is(err, unix.EINVAL) {
		if inner := mountBelow(lower); inner != "" {
			err = fmt.Errorf("%s is mounted inside a layer", inner)
			return "", failed(stepInner, err, "mounting an overlay in %s", scratch)
		}
	}
	return root, failed(stepOverlay, err, "mounting an overlay in %s", scratch)
}

// mountBelow is a mount point below one of dirs, if there is any. The kernel
// hides nothing that an administrator mounted over, so no overlay can be made
// of such a directory.
func mountBelow(dirs []string) string {
	raw, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return ""
	}
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	for line := range strings.Lines(string(raw)) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		point := unescape.Replace(fields[4])
		for _, dir := range dirs {
			if strings.HasPrefix(point, strings.TrimSuffix(dir, "/")+"/") {
				return point
			}
		}
	}
	return ""
}

// changeRoot makes dir the root and lets go of the old one.
func changeRoot(dir string) error {
	old, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(old) }()
	if err := unix.Chdir(dir); err != nil {
		return err
	}
	// The old root ends up on top of the new one, where the working directory
	// still is: no directory in the new root is needed to hold it.
	if err := unix.PivotRoot(".", "."); err != nil {
		return err
	}
	// This program lies in there, and stays within reach: see ownProgram.
	if err := setReadOnly(old, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE); err != nil {
		return err
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return err
	}
	return unix.Chdir("/")
}

// makeDir makes a directory and those above it, inside.
func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // a root's directories are for all its users
		return failed(stepOther, err, "making %s for a mount", dir)
	}
	return nil
}

// makeFile makes an empty file to mount over and tells its path, which is not
// name if that is a link: its target need not exist.
func makeFile(name string) (string, error) {
	for range 40 {
		if err := makeDir(path.Dir(name)); err != nil {
			return "", err
		}
		target, err := os.Readlink(name)
		if errors.Is(err, unix.EINVAL) {
			return name, nil // there, and no link
		}
		if err != nil {
			f, err := os.OpenFile(name, os.O_CREATE|os.O_RDONLY, 0o644) //nolint:gosec // inside the new root
			if err != nil {
				return "", failed(stepOther, err, "making %s for a mount", name)
			}
			return name, f.Close()
		}
		if path.IsAbs(target) {
			name = path.Clean(target)
		} else {
			name = path.Join(path.Dir(name), target)
		}
	}
	return "", failed(stepOther, unix.ELOOP, "making %s for a mount", name)
}
