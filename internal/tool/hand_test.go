package tool_test

import (
	"testing"

	"dram/internal/tool"
	"dram/internal/tool/tools"
)

type handy struct {
	tool.Tool
	program string
}

func (h handy) Hand() tool.Hand { return tool.Hand{Program: h.program} }

// A program that several tools have is one command.
func TestHands(t *testing.T) {
	table := tool.Table{toy{}, handy{program: "a"}, handy{program: "b"}, handy{program: "a"}}
	var got []string
	for _, h := range table.Hands() {
		got = append(got, h.Program)
	}
	if len(got) != 2 || got[0] != "a" || got[1] != "b" {
		t.Errorf("the programs are %q, want a and b", got)
	}
	if len(tools.All().Hands()) == 0 {
		t.Error("no tool of the table has a program")
	}
}
