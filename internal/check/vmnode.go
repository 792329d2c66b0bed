package check

import (
	"regexp"
	"strings"
)

var (
	nodeUnsound = argUnknown.with(Cause{
		ID: "node", Summary: "it names the node #{value}, which is no name of one", Symptom: `"Invalid node name!", and the release does not start`,
		Remedy: "name it NAME or NAME@HOST, with letters, digits, - and _ before the @ (RELEASE_NODE)", Needs: "another name of the node",
	})
	nodeDots = nodeUnsound.with(Cause{
		ID: "node-short", Summary: "it names the node #{value} with -sname, which allows no dot in the host",
		Symptom: `"Can't set short node name!", and the release does not start`,
		Remedy:  "use long names (RELEASE_DISTRIBUTION=name), or a host without dots", Needs: "long names",
	})
	nodeDomain = nodeUnsound.with(Cause{
		ID: "node-long", Summary: "it names the node #{value} with -name and without a host: that takes a machine with a domain",
		Symptom: `"Can't set long node name!", and the release does not start`,
		Remedy:  "name it NAME@HOST (RELEASE_NODE)", Needs: "a name of the node with a host",
	})
)

// What net_kernel takes for names of nodes, before and behind the @.
var (
	nodeHead = regexp.MustCompile(`^[0-9A-Za-z_-]+$`)
	nodeHost = regexp.MustCompile(`^[!-?A-\x{ff}]+$`)
)

// nodeName judges the name that a VM is given as a node.
func nodeName(a, name vmArg, found foundArg) {
	head, host, at := strings.Cut(name.Text, "@")
	cause := (*Cause)(nil)
	verdict := Fail
	switch {
	case name.Text == "", name.Text == "undefined": // it stays without a name, or gets one when it connects
	case !nodeHead.MatchString(head), at && (!nodeHost.MatchString(host) || strings.Contains(host, "@")):
		cause = nodeUnsound
	case a.Text == "-sname" && strings.Contains(host, "."):
		cause = nodeDots
	case a.Text == "-name" && !at:
		cause, verdict = nodeDomain, Warn
	}
	if cause != nil {
		found(verdict, a.from, cause, Params{"flag": a.Text, "value": name.Text})
	}
}
