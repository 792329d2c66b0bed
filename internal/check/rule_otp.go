package check

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"

	"dram/internal/target"
)

var otpRule = Rule{
	ID: "otp", Title: "there is an Erlang/OTP, the one that the release was made for", Worst: Fail, Run: otp,
	Doc: Doc{
		Looks: "Of a release without ERTS of its own (include_erts: false): that the target has an Erlang/OTP, with the ERTS that releases/start_erl.data names and with the versions of applications that the boot script loads.",
		Seen:  `{"init terminating in do_boot",{load_failed,[...]}}, or erl: not found`,
		Do:    "Build the release with include_erts: true, or in a toolchain with exactly the target's Erlang/OTP.",
	},
}

var (
	noOTP = Cause{
		ID: "none", Summary: "the release has no ERTS of its own, and the target has no Erlang/OTP", Detail: "#{system} packages Erlang/OTP #{packaged}",
		Symptom: `"erl: not found"`, Remedy: "build the release with include_erts: true, or install Erlang/OTP with erts-#{erts} on the target",
		Needs: "Erlang/OTP with erts-#{erts}",
	}
	unknownOTP = noOTP.with(Cause{ID: "unknown", Summary: "the release has no ERTS of its own, and whether the target has Erlang/OTP is not known"})
	otherERTS  = Cause{
		ID: "other-erts", Summary: "the release has no ERTS of its own and wants #{erts}, the target's Erlang/OTP #{release} has #{has}",
		Symptom: `"Runtime terminating during boot ({load_failed,…})"`,
		Remedy:  "build the release with include_erts: true, or in a toolchain with the target's Erlang/OTP#{toolchain option}", Needs: noOTP.Needs,
	}
	otherApplications = otherERTS.with(Cause{
		ID: "other-applications", Summary: "the release has no ERTS of its own, and #{differ} of the target's applications have other versions",
	})
)

// otp: a release without ERTS runs on the target's, whose boot needs exactly
// the applications that the release was made with.
func otp(s *Survey) []Finding {
	if s.rel.ERTS != "" {
		return nil
	}
	f := Finding{
		Verdict: Fail, Subject: Subject{File: "releases/start_erl.data", Origin: "metadata"}, Params: Params{"erts": s.startERTS()}, Facts: Params{},
	}
	own := s.target.Facts.OTP
	if own == nil {
		f.Cause = &noOTP
		if packaged := s.target.Known("Erlang/OTP").Value; packaged != "" {
			f.Facts["packaged"] = packaged
		}
		if s.target.Open(target.Erlang) {
			f.Verdict, f.Cause = Unknown, unknownOTP
		}
		return []Finding{f}
	}
	differ := s.otherApplications(own)
	switch {
	case own.ERTS != f.Params["erts"]:
		f.Cause = &otherERTS
	case len(differ) > 0:
		f.Cause = otherApplications
	default:
		return nil
	}
	f.Facts = Params{"release": own.Release, "has": own.ERTS, "differ": strconv.Itoa(len(differ))}
	f.Evidence = Evidence{Wants: differ, Provider: own.Root, Newest: "erts-" + own.ERTS}
	return []Finding{f}
}

// otherApplications are those of the release that it does not bring and of
// which the target's Erlang/OTP has another version.
func (s *Survey) otherApplications(own *target.OTP) (differ []string) {
	wanted := s.applications()
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		has, ok := own.Apps[name]
		if s.files[path.Join("lib", name+"-"+wanted[name])] == nil && has != wanted[name] {
			if !ok {
				has = "none"
			}
			differ = append(differ, fmt.Sprintf("%s %s (the target has %s)", name, wanted[name], has))
		}
	}
	return differ
}
