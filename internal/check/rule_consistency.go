package check

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"dram/internal/beam"
	"dram/internal/shell"
)

var consistencyRule = Rule{
	ID: "consistency", Title: "the release has the applications that its .rel file names", Worst: Fail, Run: consistency,
	Doc: Doc{
		Looks: "What the release says of itself in several places: the .rel file, the .app files, releases/start_erl.data, the start script. A start reads few of these, so that most faults are warnings; one that calls an ERTS which is not there fails.",
		Seen:  `/app/releases/0.1.0/elixir: /app/erts-15.2.7/bin/erl: not found`,
		Do:    "Assemble the release anew, and do not change it by hand.",
	},
}

var (
	inconsistent = Cause{
		Symptom: "the release starts; tools that read the file are misled", Remedy: "assemble the release anew\ndo not change it by hand", Needs: "a release assembled anew",
	}
	unsoundRel     = inconsistent.with(Cause{ID: "unsound-rel", Summary: "it is no sound .rel file"})
	relERTS        = inconsistent.with(Cause{ID: "rel-erts", Summary: "it names erts #{erts}, releases/start_erl.data #{starts}"})
	startData      = inconsistent.with(Cause{ID: "start-erts", Summary: "it names erts #{erts}, and the release starts #{starts}"})
	ertsFolder     = inconsistent.with(Cause{ID: "erts-folder", Summary: "it names erts #{erts}, the release has #{folder}", Symptom: `"erl: not found", or another VM starts`})
	ertsCalled     = inconsistent.with(Cause{ID: "erts-called", Summary: "it starts #{folder}/bin/erl, and the release has no #{folder}", Symptom: `"erl: not found"`})
	appMisleading  = inconsistent.with(Cause{Symptom: "the release starts; Application.load(:#{application}), as in eval, and upgrades fail"})
	noApp          = appMisleading.with(Cause{ID: "no-app", Summary: "it names #{application} #{version}, and there is no #{app file}", Detail: "the release has #{has}"})
	unsoundApp     = appMisleading.with(Cause{ID: "unsound-app", Summary: "it is no sound .app file"})
	unreadMetadata = unread.with(Cause{Symptom: "the release starts; what Application.load and upgrades make of it", Remedy: "try these once on the target"})
	otherVersion   = inconsistent.with(Cause{
		ID: "app-version", Summary: "it says version #{version}, #{rel file} says #{named}", Symptom: "the release starts; Application.spec and upgrades take the wrong version",
	})
)

// consistency: no start reads .rel and .app files (a boot script holds what
// they said when it was made; measured with OTP 23 and 27), but Application.load,
// release upgrades and people do. What stops a start is in boot.
func consistency(s *Survey) (out []Finding) {
	rel := s.relFile()
	if rel.path == "" {
		return nil
	}
	found := func(v Verdict, file string, cause *Cause, facts Params) {
		out = append(out, Finding{Verdict: v, Subject: s.subjectAt(file), Cause: cause, Facts: facts})
	}
	const data = "releases/start_erl.data"
	erts := s.startERTS()
	switch {
	case rel.err != nil:
		found(Warn, rel.path, unsoundRel, nil)
		out[len(out)-1].Evidence.Detail = rel.err.Error()
	case rel.ERTS != erts:
		found(Warn, rel.path, relERTS, Params{"erts": rel.ERTS, "starts": erts})
	}
	if s.rel.ERTS != "" && s.rel.ERTS != erts {
		found(Warn, data, startData, Params{"erts": erts, "starts": s.rel.ERTS})
	}
	if s.rel.ERTS == "" {
		for _, f := range s.rel.Files {
			if f.Mode.IsDir() && strings.HasPrefix(f.Path, "erts-") && !strings.Contains(f.Path, "/") {
				found(Fail, data, ertsFolder, Params{"erts": erts, "folder": f.Path})
			}
		}
	}
	script := path.Join("releases", s.rel.Version, "elixir")
	if m := scriptERTS.FindString(s.text(script)); m != "" && s.files[m] == nil && !s.ending(script, shell.NotFound) { // see start
		found(Fail, script, ertsCalled, Params{"folder": m})
	}
	for _, app := range slices.Sorted(maps.Keys(rel.Apps)) {
		if f, bad := s.appFinding(rel, app); bad {
			out = append(out, f)
		}
	}
	return out
}

// appFinding says whether the .app file of an application is the one that the
// .rel file means.
func (s *Survey) appFinding(rel relFile, app string) (f Finding, bad bool) {
	wants := rel.Apps[app].Version
	folder := path.Join("lib", app+"-"+wants)
	at := path.Join(folder, "ebin", app+".app")
	f = Finding{Verdict: Warn, Subject: s.subjectAt(at), Params: Params{"application": app}}
	if s.files[at] == nil {
		f.Subject, f.Cause, f.Facts = s.subjectAt(rel.path), noApp, Params{"version": wants, "app file": at, "has": s.versionsOf(app)}
		return f, s.rel.ERTS != "" || s.files[folder] != nil // else the target's, see otp
	}
	if s.unreadFile(at) {
		f.Verdict, f.Cause = Unknown, unreadMetadata
		return f, true
	}
	spec, err := beam.ParseApp([]byte(s.text(at)), app)
	switch {
	case err != nil:
		f.Cause, f.Evidence.Detail = unsoundApp, err.Error()
	case spec.Version != wants:
		f.Cause, f.Facts = otherVersion, Params{"version": strconv.Quote(spec.Version), "rel file": rel.path, "named": wants}
	default:
		return f, false
	}
	return f, true
}

func (s *Survey) versionsOf(app string) string {
	for _, a := range s.rel.Apps {
		if a.Name == app {
			return app + " " + a.Version
		}
	}
	return "no " + app
}
