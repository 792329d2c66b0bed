package tool

import "dram/internal/distro"

// making are packages for Erlang that compile more than that, and what with. What they
// depend on is in a lock; that they use rebar3's port compiler (pc), or call make or
// cmake in hooks, is not.
var making = map[string]distro.Need{
	"bcrypt": distro.C, "cache_tab": distro.C, "crc32cer": distro.C, "crypt": distro.C, "eleveldb": distro.C,
	"eimp": distro.C, "enacl": distro.C, "epam": distro.C, "erlang_ale": distro.C, "erlcloud_nif": distro.C, "esqlite": distro.C,
	"exml": distro.C, "ezlib": distro.C, "fast_tls": distro.C, "fast_xml": distro.C, "fast_yaml": distro.C, "hamcrest_nif": distro.C,
	"iconv": distro.C, "jiffy": distro.C, "libdecaf": distro.C, "mqtree": distro.C,
	"p1_acme": distro.C, "re2": distro.C, "snappyer": distro.C, "sqlite3": distro.C, "stringprep": distro.C, "stun": distro.C,
	"syslog": distro.C, "xmpp": distro.C, "xxhash": distro.C,
	"erocksdb": distro.CMake, "ezstd": distro.CMake, "h3": distro.CMake, "quicer": distro.CMake,
	"rocksdb": distro.CMake,
}

// NeedMakers says of such packages what compiles them. They are known by their names
// alone, so that a build may do without.
func NeedMakers(p Planner, names []string) {
	for _, name := range names {
		what, ok := making[name]
		if !ok {
			continue
		}
		if what == distro.CMake {
			p.Need(Need{What: distro.C, Why: name, Perhaps: true})
		}
		p.Need(Need{What: what, Why: name, Perhaps: true})
	}
}
