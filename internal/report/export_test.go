package report

import "dram/internal/check"

// Summary is the line that every format has.
func Summary(r *check.Report) string { return summary(r, sayAll(r)) }
