package distillery

import "dram/internal/tool"

// Tool is Distillery 1.5 to 2.1.
type Tool struct{}

// About says what it is.
func (Tool) About() tool.About {
	return tool.About{
		Name: "distillery", Title: "Distillery", Files: []string{File},
		Declared: File + " and its environment", NoLinks: "Distillery: dev_mode false",
	}
}
