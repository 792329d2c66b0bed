package check

import (
	"slices"

	"dram/internal/ref"
)

var hostsRule = Rule{
	ID: "hosts", Title: "the target has /etc/hosts", Worst: Warn, Run: hosts,
	Doc: Doc{
		Looks: "/etc/hosts on a machine or in a directory. Without it localhost is no name, and neither is the node's own host. Container engines mount one over that of an image; of images it is not asked.",
		Seen:  `{error,nxdomain} for localhost`,
		Do:    `Write "127.0.0.1 localhost" to /etc/hosts on the target.`,
	},
}

var noHosts = Cause{
	ID: "none", Summary: "the target has no /etc/hosts", Symptom: "localhost is not found (nxdomain), unless a container engine mounts the file",
	Remedy: `write "127.0.0.1 localhost" to /etc/hosts on the target`, Needs: "/etc/hosts on the target",
}

// hosts: without the file, localhost is no name, and neither is the node's own
// host. Container engines mount one over that of an image; installers of
// distributions write it, none of their packages has it.
func hosts(s *Survey) []Finding {
	named, err := ref.Parse(s.target.Name)
	if err != nil || !slices.Contains([]ref.Kind{ref.Dir, ref.Host, ref.SSH}, named.Kind) || s.target.Facts.Platform == "" {
		return nil
	}
	if _, err := s.root.Lstat("etc/hosts"); err == nil {
		return nil
	}
	return []Finding{{Verdict: Warn, Subject: Subject{Origin: "erts"}, Cause: &noHosts, Evidence: Evidence{Wants: []string{"/etc/hosts"}}}}
}
