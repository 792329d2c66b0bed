package check

import (
	"slices"

	"dram/internal/release"
	"dram/internal/target"
)

var caBundleRule = Rule{
	ID: "ca-bundle", Title: "there are certificates of authorities for TLS", Worst: Warn, Run: caBundle,
	Doc: Doc{
		Looks: "Certificates of authorities on the target, where the release has the application ssl and neither castore nor certifi, which bring their own.",
		Seen:  `** (ErlangError) no_cacerts_found, from :public_key.cacerts_get/0`,
		Do:    "Install ca-certificates on the target, or depend on castore.",
	},
}

var (
	noCertificates = Cause{
		ID: "none", Summary: "the release has the application ssl, and the target has no certificates of authorities",
		Symptom: "public_key:cacerts_get() fails, and so do verified TLS connections",
		Remedy:  "install ca-certificates on the target, or depend on castore", Needs: "ca-certificates on the target",
	}
	unknownCertificates = noCertificates.with(Cause{
		ID: "unknown", Summary: "the release has the application ssl, and a bare #{system} may have no certificates of authorities", Once: true,
	})
)

// caBundle: only TLS needs one, and some dependencies bring their own.
func caBundle(s *Survey) []Finding {
	has := func(name string) bool {
		return slices.ContainsFunc(s.rel.Apps, func(a release.App) bool { return a.Name == name })
	}
	if s.target.Facts.CABundle != "" || !has("ssl") || has("castore") || has("certifi") {
		return nil
	}
	i := slices.IndexFunc(s.rel.Apps, func(a release.App) bool { return a.Name == "ssl" })
	f := Finding{
		Verdict: Warn, Subject: Subject{App: "ssl-" + s.rel.Apps[i].Version, Origin: "otp"}, Cause: &noCertificates,
		Evidence: Evidence{Wants: []string{"/etc/ssl/certs/ca-certificates.crt"}},
	}
	if s.target.Open(target.Certificates) {
		f.Cause, f.Supplier = unknownCertificates, s.packaged("", "ca-certificates")
	}
	return []Finding{f}
}
