package check

import (
	"maps"
	"path"
	"slices"

	"dram/internal/beam"
)

var relupRule = Rule{
	ID: "relup", Title: "an upgrade of the running release finds what it loads", Worst: Unknown, Run: relup,
	Doc: Doc{
		Looks: "releases/VERSION/relup, by which release_handler upgrades an older release while that runs: whether it is for this version, whether the applications and modules that it loads are there, and whether it restarts the VM after all, since Erlang itself differs. A start does not read it.",
		Seen:  `{error,{bad_relup_file,…}}, or {error,{no_such_file,"lib/web-1.1.0/ebin/web.beam"}} of release_handler:install_release/1`,
		Do:    "Make it anew with both releases at hand, built for the same Erlang/OTP.",
	},
}

var (
	noUpgrade = Cause{
		Symptom: "the release starts; release_handler does not upgrade an older one to it", Remedy: "make the relup anew, with both releases at hand", Needs: "a relup of this release",
	}
	unsoundRelup = noUpgrade.with(Cause{ID: "unsound-relup", Summary: "it is no sound relup"})
	unreadRelup  = unread.with(Cause{Symptom: "the release starts; what release_handler says of it, if it is no sound relup", Remedy: "try the upgrade once on the target"})
	relupVersion = noUpgrade.with(Cause{ID: "relup-version", Summary: "it upgrades to #{to}, and the release is #{version}"})
	relupLoads   = noUpgrade.with(Cause{ID: "relup-loads", Summary: "it loads #{loads}, which is not there"})
	relupRestart = noUpgrade.with(Cause{
		ID: "relup-restart", Summary: "between #{other} and this release it restarts the VM: Erlang differs", Symptom: "the upgrade stops the release and starts it again",
		Remedy: "build both releases for the same Erlang/OTP, and make the relup anew",
	})
)

// relup: see relup(4), {Version, [{From, Description, Instructions}], [{To, …}]}.
func relup(s *Survey) (out []Finding) {
	file := path.Join("releases", s.rel.Version, "relup")
	if s.files[file] == nil {
		return nil
	}
	found := func(cause *Cause, params Params) {
		if !slices.ContainsFunc(out, func(o Finding) bool { return o.Cause == cause && maps.Equal(o.Params, params) }) {
			out = append(out, Finding{Verdict: Warn, Subject: s.subjectAt(file), Cause: cause, Params: params})
		}
	}
	if s.unreadFile(file) {
		return []Finding{{Verdict: Unknown, Subject: s.subjectAt(file), Cause: unreadRelup}}
	}
	r, err := beam.ParseRelup([]byte(s.text(file)))
	if err != nil {
		found(unsoundRelup, nil)
		out[0].Evidence.Detail = err.Error()
		return out
	}
	if r.Version != s.rel.Version {
		found(relupVersion, Params{"to": r.Version, "version": s.rel.Version})
	}
	for _, u := range slices.Concat(r.Up, r.Down) {
		if u.Restarts {
			found(relupRestart, Params{"other": u.Other})
		}
	}
	for _, u := range r.Up {
		for _, l := range u.Loads {
			for _, module := range l.Modules {
				if at := path.Join("lib", l.App+"-"+l.Version, "ebin", module+".beam"); s.files[at] == nil {
					found(relupLoads, Params{"loads": at})
				}
			}
		}
	}
	return out
}
