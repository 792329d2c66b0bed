// Package distros is the table of distributions.
package distros

import (
	"dram/internal/distro"
	"dram/internal/distro/debian"
)

// All is the distributions that dram makes toolchains of, the default first. To
// add one is to add a row.
func All() distro.Table {
	return distro.Table{
		debian.Distribution{},
	}
}
