package check

var environmentRule = Rule{
	ID: "environment", Title: "what sets up a start needs no variable that it does not have", Worst: Warn, Run: environment,
	Doc: Doc{
		Looks: "The variables that config/runtime.exs insists on (System.fetch_env!, System.get_env(…) || raise, a number made of one), which neither the release nor the image sets. " +
			"Whoever starts the release sets them, and the check does not see that: let the rule pass where it is so.",
		Seen: "environment variable DATABASE_URL is missing",
		Do:   "Set the variable where the release is started.",
	},
}

var noVariable = Cause{
	ID: "unset", Summary: "it ends the start unless #{variable} is set", Symptom: "the release does not start without #{variable}",
	Remedy: "set #{variable} where the release is started", Needs: "#{variable}",
}

// environment is a rule of its own, and none of configuration: nearly each release of
// Phoenix has such variables, and who lets them pass lets nothing else pass.
func environment(s *Survey) (out []Finding) {
	s.eachRuntime(func(at, text, why string) {
		if why != "" {
			return // config says so
		}
		for _, name := range s.unset(codeOf(text)) {
			out = append(out, Finding{Verdict: Warn, Subject: s.subjectAt(at), Cause: &noVariable, Params: Params{"variable": name}})
		}
	})
	return out
}
