package grammar

import (
	"fmt"
	"strings"
	"testing"
)

func TestTOMLIsBounded(t *testing.T) {
	table := func(n int, row string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, row, i)
		}
		return b.String()
	}
	for name, tt := range map[string]struct {
		text string
		says string // "" where it is read
	}{
		"a file as people write it": {"[build]\nenv = { A = \"=[\" }\n", ""},
		"hundreds of tables":        {table(500, "[a%d]\nb = 1\n"), ""},
		"tables":                    {table(50_000, "[a%d]\n"), "50000 keys and tables, at most 20000"},
		"keys":                      {table(50_000, "a%d=1\n"), "50000 keys and tables"},
		"keys in one line":          {"a={" + table(50_000, "a%d=1,") + "b=1}", "50002 keys and tables"},
		"no TOML":                   {"a = ", "toml: "},
	} {
		var into map[string]any
		err := TOML([]byte(tt.text), &into)
		if tt.says == "" && (err != nil || len(into) == 0) || tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) {
			t.Errorf("%s: %v (%d names), want %q", name, err, len(into), tt.says)
		}
	}
}
