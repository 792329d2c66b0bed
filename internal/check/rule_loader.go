package check

var loaderRule = Rule{
	ID: "loader", Title: "what the loader does with a native file can be told", Worst: Unknown, Run: loader,
	Doc: Doc{
		Looks: "Native files whose libraries are too many, too deep or too odd to follow within the limits of the check, or that changed while they were read.",
		Seen:  "what the loader says of the file, if anything",
		Do:    "See what the file names as its libraries and search paths: readelf -d FILE. Link it again without what it does not need.",
	},
}

var untold = Cause{
	ID: "untold", Summary: "what the loader does with it could not be told",
	Remedy: "see what the file names as its libraries: readelf -d", Needs: "a #{base} that can be followed",
}

// loader: a search that passes its limits, or files that change meanwhile.
func loader(s *Survey) (out []Finding) {
	for _, n := range s.natives {
		if n.loadErr != nil {
			out = append(out, Finding{Verdict: Unknown, Subject: n.subject(), Cause: &untold, Evidence: Evidence{Detail: n.loadErr.Error()}})
		}
	}
	return out
}
