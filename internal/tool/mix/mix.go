// Package mix is `mix release`, which assembles releases since Elixir 1.9. See
// Elixir's documentation of Mix.Tasks.Release.
package mix

import "dram/internal/tool"

// Tool is `mix release`.
type Tool struct{}

// About says what it is.
func (Tool) About() tool.About {
	return tool.About{Name: "mix", Title: "`mix release`", Files: []string{"mix.exs"}, Declared: "mix.exs"}
}
