package sandbox

import "golang.org/x/sys/unix"

const (
	auditArch  = unix.AUDIT_ARCH_AARCH64
	foreignBit = 0
)

// archRules are none: arm64 has only the *at forms.
func archRules() []rule { return nil }
