package managers

import (
	"regexp"

	"dram/internal/distro"
)

// manager is a package manager. Its scripts are given the packages as arguments.
type manager struct {
	program string
	family  distro.Family
	ask     string         // lists what would be installed
	rows    *regexp.Regexp // the packages in that list, with versions
	absent  *regexp.Regexp // how a package that there is not is told
	// declines is how the manager says that it did no more than list, where it ends
	// with a failure then; nil where it does not.
	declines *regexp.Regexp
	idle     *regexp.Regexp // how the manager says that all of them are there
	add      string
	search   string // for hints
}

// dnfRows are packages in dnf's and yum's table. A name that is too long for its column
// has the rest on the next line.
var (
	dnfRows     = regexp.MustCompile(`(?m)^ (\S+)\s+(?:x86_64|aarch64|noarch|i686)\s+\S+\s+\S+\s+[\d.]+ ?[kKMGT]?i?B?\s*$`)
	dnfAbsent   = regexp.MustCompile(`(?m)^(?:No match for argument: (\S+)|No package (\S+) available\.?|error: No package matches '([^']+)')\s*$`)
	dnfIdle     = regexp.MustCompile(`(?m)^Nothing to do`)
	dnfDeclines = regexp.MustCompile(`(?m)^(?:Operation aborted|Exiting on user command|Nothing to do)`)
)

func dnf(program, options string) manager {
	return manager{
		program: program, family: distro.RPM, rows: dnfRows, absent: dnfAbsent, declines: dnfDeclines, idle: dnfIdle,
		ask:    program + ` --assumeno ` + options + ` install "$@"`,
		add:    program + ` -y ` + options + ` install "$@"`,
		search: program + " search",
	}
}

func table() []manager {
	const weak = "--setopt=install_weak_deps=False"
	// Pacman 7 fetches as another user, and there is one user in the sandbox.
	const pacman = `c=$(mktemp) && sed '/^[[:space:]]*\(DownloadUser\|CheckSpace\)/d' /etc/pacman.conf >"$c" && ` +
		`pacman --config "$c" --noconfirm -Sy && pacman --config "$c" --noconfirm -S --needed `
	microdnf := dnf("microdnf", weak)
	microdnf.rows = regexp.MustCompile(`(?m)^ (\S+-\S+\.(?:x86_64|aarch64|noarch|i686))\s+\S+\s+[\d.]+ ?[kKMGT]?i?B\s*$`)
	return []manager{
		dnf("dnf5", weak), dnf("dnf", weak), microdnf, dnf("yum", ""),
		{
			program: "zypper", family: distro.SUSE,
			// for people, zypper breaks its table at whatever width
			ask:    `zypper --non-interactive refresh && zypper --non-interactive --xmlout --no-refresh install --dry-run --no-recommends "$@"`,
			rows:   regexp.MustCompile(`(?m)^<solvable type="package" name="[^"]+" edition="[^"]+" arch="[^"]+"`),
			absent: regexp.MustCompile(`(?:No provider of|Package) &apos;([^&]+)&apos; (?:not )?found\.`),
			idle:   regexp.MustCompile(`Nothing to do\.`),
			add:    `zypper --non-interactive --no-refresh install --no-recommends "$@"`,
			search: "zypper search",
		},
		{
			program: "apk", family: distro.Apk,
			ask:    `apk add --no-cache --simulate "$@"`,
			rows:   regexp.MustCompile(`(?m)^\(\d+/\d+\) (?:Installing|Upgrading|Replacing) .*$`),
			absent: regexp.MustCompile(`(?m)^\s+(\S+) \(no such package\):`),
			idle:   regexp.MustCompile(`(?m)^OK: `),
			add:    `apk add --no-cache "$@"`,
			search: "apk search",
		},
		{
			program: "pacman", family: distro.Pacman,
			ask:    pacman + `--print --print-format '%n %v %s' "$@"`,
			rows:   regexp.MustCompile(`(?m)^[A-Za-z0-9@._+-]+ [^\s-]+-[\d.]+ \d+$`),
			absent: regexp.MustCompile(`(?m)^error: target not found: (\S+)$`),
			idle:   regexp.MustCompile(`(?m)^ there is nothing to do$`),
			add:    pacman + `"$@"`,
			search: "pacman -Ss",
		},
	}
}
