package rehearse

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// most processes that are looked at.
const maxTree = 20_000

// processes are those of a sandbox, by the number that its first has on the host, but
// for the companion, that one's first child, and what that runs.
func processes(pid int) []int {
	first := children(pid)
	if len(first) > 0 {
		first = first[1:]
	}
	out := []int{pid}
	for queue := first; len(queue) > 0 && len(out) < maxTree; queue = queue[1:] {
		out = append(out, queue[0])
		queue = append(queue, children(queue[0])...)
	}
	return out
}

// children are a process's, those of its first thread in the order of their birth.
func children(pid int) (out []int) {
	at := "/proc/" + strconv.Itoa(pid) + "/task/"
	threads, _ := filepath.Glob(at + "*/children")
	first := at + strconv.Itoa(pid) + "/children"
	for _, name := range append([]string{first}, threads...) {
		if name == first && len(out) > 0 {
			continue
		}
		raw, _ := os.ReadFile(name) // a thread that is gone
		for word := range strings.FieldsSeq(string(raw)) {
			if n, err := strconv.Atoi(word); err == nil {
				out = append(out, n)
			}
		}
	}
	return out
}

// memoryOf is the bytes that a sandbox's processes have and that cannot be taken from
// them: what a limit of the kernel counts, but for the kernel's own. 0 is unknown.
func memoryOf(pid int) (total int64) {
	for _, p := range processes(pid) {
		raw, _ := os.ReadFile("/proc/" + strconv.Itoa(p) + "/status") // one that is gone has none
		total += resident(raw)
	}
	return total
}

// resident is anonymous and shared memory, of /proc/PID/status.
func resident(status []byte) (total int64) {
	for _, name := range []string{"RssAnon", "RssShmem"} {
		_, rest, _ := bytes.Cut(status, []byte("\n"+name+":"))
		line, _, _ := bytes.Cut(rest, []byte("\n"))
		value, _ := strings.CutSuffix(strings.TrimSpace(string(line)), " kB")
		n, _ := strconv.ParseInt(value, 10, 64)
		total += n << 10
	}
	return total
}

// openFiles is how many files a process may have open, 0 if unknown.
func openFiles(pid int) uint64 {
	raw, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/limits")
	_, rest, _ := bytes.Cut(raw, []byte("\nMax open files"))
	fields := strings.Fields(string(rest))
	if len(fields) == 0 {
		return 0
	}
	n, _ := strconv.ParseUint(fields[0], 10, 64)
	return n
}

// machineMemory is the bytes that this machine has, 0 if unknown.
func machineMemory() int64 {
	raw, _ := os.ReadFile("/proc/meminfo")
	fields := strings.Fields(string(raw))
	if len(fields) < 2 || fields[0] != "MemTotal:" {
		return 0
	}
	n, _ := strconv.ParseInt(fields[1], 10, 64)
	return n << 10
}
