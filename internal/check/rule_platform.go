package check

var platformRule = Rule{
	ID: "platform", Title: "the target's platform and C library are known", Worst: Unknown, Run: platform,
	Doc: Doc{
		Looks: "The program loader of glibc or musl, for x86-64 or aarch64, in the target. Without one it cannot be told for which processor " +
			"and which C library native files must be, so that hardly any other rule can say something.",
		Seen: `sh: ./bin/my_app: not found`,
		Do:   "Name a root filesystem, an image or a distribution that has the C library which the release needs. An empty directory or an image from scratch is none.",
	},
}

var noLoader = Cause{
	ID: "no-loader", Summary: "the target has no program loader that dram knows: it may be no root filesystem at all",
	Detail: "looked for glibc's and musl's loaders for x86-64 and aarch64",
	Remedy: "name a root filesystem that has the C library which the release needs", Needs: "a target with a C library",
}

// platform: without it hardly any rule can say something.
func platform(s *Survey) []Finding {
	if s.target.Facts.Platform != "" || len(s.natives) == 0 {
		return nil
	}
	return []Finding{{Verdict: Unknown, Cause: &noLoader}}
}
