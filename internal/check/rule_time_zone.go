package check

import (
	"path"
	"regexp"
	"slices"

	"dram/internal/release"
)

var timeZoneRule = Rule{
	ID: "time-zone", Title: "there are time zones for what reads the system's", Worst: Warn, Run: timeZone,
	Doc: Doc{
		Looks: "/usr/share/zoneinfo on the target, where the release has an application that reads it (zoneinfo) or sets TZ. Others bring their own time zones (tzdata, tz).",
		Seen:  `{:error, :time_zone_not_found}, or times in UTC`,
		Do:    "Install tzdata on the target.",
	},
}

var (
	noZones = Cause{
		ID: "none-for-tz", Summary: "it sets TZ, and the target has no time zones", Symptom: "times are in UTC, without a message",
		Remedy: "install tzdata on the target", Needs: "/usr/share/zoneinfo on the target",
	}
	noZonesForApp = noZones.with(Cause{
		ID: "none-for-application", Summary: "it reads the system's time zones, and the target has none", Symptom: "{:error, :time_zone_not_found} for every zone",
	})
)

// zoneApps are the applications that read the system's time zones; others
// bring their own (tzdata, tz) or know UTC alone.
func zoneApps() []string { return []string{"zoneinfo"} }

var zoneSet = regexp.MustCompile(`(?m)^\s*(export\s+)?TZ=["']?:?[A-Z]`)

// timeZone: only what reads the system's time zones misses them.
func timeZone(s *Survey) []Finding {
	if _, err := s.root.Stat("usr/share/zoneinfo/UTC"); err == nil || s.target.Profile() != nil || s.target.Facts.Platform == "" {
		return nil
	}
	f := Finding{Verdict: Warn, Evidence: Evidence{Wants: []string{"/usr/share/zoneinfo"}}}
	env := path.Join("releases", s.rel.Version, "env.sh")
	i := slices.IndexFunc(s.rel.Apps, func(a release.App) bool { return slices.Contains(zoneApps(), a.Name) })
	switch {
	case i >= 0:
		a := s.rel.Apps[i]
		f.Subject, f.Cause = Subject{App: a.Name + "-" + a.Version, Origin: a.Origin.String()}, noZonesForApp
	case zoneSet.MatchString(s.text(env)):
		f.Subject, f.Cause = s.subjectAt(env), &noZones
	default:
		return nil
	}
	return []Finding{f}
}
