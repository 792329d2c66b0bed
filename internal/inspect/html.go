package inspect

import (
	_ "embed"
	"encoding/json"
	"io"
	"strings"
)

//go:embed page.html
var page string

// HTML writes the report as one page that needs nothing else: a map of sizes, a list of
// files that can be searched, and why each is there.
func (r *Report) HTML(w io.Writer) error {
	raw, err := json.Marshal(r) // in which <, > and & are escaped: no text ends the script
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, strings.Replace(page, "{{.}}", string(raw), 1))
	return err
}
