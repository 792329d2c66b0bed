package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io/fs"
	"runtime"
	"strconv"
	"strings"
)

// machine is what a reader needs to know of the machine that was measured on,
// and nothing that names it.
type machine struct {
	cpu    string // "AMD EPYC 7B13"
	cores  int
	memory string // "16 GB"
	kernel string // "6.1.0"
	goVer  string // "go1.26.8"
}

// describeMachine reads the facts below root, which is the host's /.
func describeMachine(root fs.FS) machine {
	kib, _ := strconv.ParseFloat(strings.TrimSuffix(procValue(root, "proc/meminfo", "MemTotal"), " kB"), 64)
	memory := ""
	if kib > 0 {
		memory = fmt.Sprintf("%.0f GB", kib*1024/1e9)
	}
	release, err := fs.ReadFile(root, "proc/sys/kernel/osrelease")
	if err != nil {
		release = nil // not Linux
	}
	return machine{
		cpu:    cmp.Or(procValue(root, "proc/cpuinfo", "model name"), runtime.GOARCH),
		cores:  runtime.NumCPU(),
		memory: memory,
		kernel: strings.TrimSpace(string(release)),
		goVer:  runtime.Version(),
	}
}

func (m machine) String() string {
	parts := []string{m.cpu, fmt.Sprintf("%d cores", m.cores)}
	if m.memory != "" {
		parts = append(parts, m.memory)
	}
	if m.kernel != "" {
		parts = append(parts, "Linux "+m.kernel)
	}
	return strings.Join(append(parts, m.goVer), ", ")
}

// procValue is the first value of "key : value" in a file, or "".
func procValue(root fs.FS, name, key string) string {
	f, err := root.Open(name)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }() // only read
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if k, v, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
