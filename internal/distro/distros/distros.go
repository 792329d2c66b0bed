// Package distros is the table of distributions.
package distros

import (
	"dram/internal/distro"
	"dram/internal/distro/debian"
	"dram/internal/distro/managers"
)

// All is the distributions that dram makes toolchains of, the default first. To
// add one is to add a row.
func All() distro.Table {
	return distro.Table{
		debian.Distribution{},
	}
}

// Adders is what adds packages to the systems of images. To add one is to add a row.
func Adders() distro.Adders {
	return append(distro.Adders{
		debian.Adder{},
	}, managers.All()...)
}
