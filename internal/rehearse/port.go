package rehearse

import (
	"bufio"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// listening are the TCP ports that somebody listens on in the network of a process,
// and that can be reached by loopback.
func listening(pid int) (out []int) {
	for _, table := range []string{"tcp", "tcp6"} {
		f, err := os.Open("/proc/" + strconv.Itoa(pid) + "/net/" + table)
		if err != nil {
			continue // no such process, or no IPv6
		}
		for _, port := range listeners(io.LimitReader(f, 1<<20)) {
			if !slices.Contains(out, port) {
				out = append(out, port)
			}
		}
		_ = f.Close()
	}
	slices.Sort(out)
	return out
}

// listeners reads the ports in a table of the kernel's; see proc_net_tcp.txt.
func listeners(table io.Reader) (out []int) {
	const listen = "0A"
	lines := bufio.NewScanner(table)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 || fields[3] != listen {
			continue
		}
		_, hex, _ := strings.Cut(fields[1], ":")
		if port, err := strconv.ParseUint(hex, 16, 16); err == nil {
			out = append(out, int(port))
		}
	}
	return out
}

// namesRequest asks epmd which nodes it knows, as Erlang's distribution protocol has it.
var namesRequest = []byte{0, 1, 'n'}

var nodePort = regexp.MustCompile(`(?m)^name [^\n]* at port (\d+)$`)

// nodes are the ports of nodes in epmd's answer.
func nodes(answer []byte) (out []int) {
	const number = 4 // bytes before the text: epmd's own port
	for _, m := range nodePort.FindAllSubmatch(answer[min(number, len(answer)):], -1) {
		if port, err := strconv.Atoi(string(m[1])); err == nil {
			out = append(out, port)
		}
	}
	return out
}
