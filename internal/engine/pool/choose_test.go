package pool

import (
	"testing"
)

func TestChoose(t *testing.T) {
	const amd, arm = "linux/amd64", "linux/arm64"
	// each builder: name, state, weight, running, own platforms, emulated ones
	type b struct {
		name            string
		state           state
		weight, running int
		own, other      []string
	}
	for _, tt := range []struct {
		name     string
		platform string
		workers  []b
		want     string // "" if none
		wait     bool
	}{
		{"the only one", amd, []b{{"a", ready, 1, 0, []string{amd}, nil}}, "a", true},
		{"busy", amd, []b{{"a", ready, 1, 1, []string{amd}, nil}}, "", true},
		{"another platform", arm, []b{{"a", ready, 1, 0, []string{amd}, nil}}, "", false},
		{"lost", amd, []b{{"a", lost, 1, 0, []string{amd}, nil}}, "", false},
		{"least loaded for its weight", amd, []b{{"a", ready, 2, 1, []string{amd}, nil}, {"b", ready, 4, 1, []string{amd}, nil}}, "b", true},
		{"equal load: the heavier", amd, []b{{"a", ready, 1, 0, []string{amd}, nil}, {"b", ready, 3, 0, []string{amd}, nil}}, "b", true},
		{"all equal: the first", amd, []b{{"a", ready, 2, 1, []string{amd}, nil}, {"b", ready, 2, 1, []string{amd}, nil}}, "a", true},
		{"native before emulation", arm, []b{{"a", ready, 9, 0, []string{amd}, []string{arm}}, {"b", ready, 1, 0, []string{arm}, nil}}, "b", true},
		{"waiting for a native one", arm, []b{{"a", ready, 9, 0, []string{amd}, []string{arm}}, {"b", ready, 1, 1, []string{arm}, nil}}, "", true},
		{"emulation where there is nothing else", arm, []b{{"a", ready, 1, 0, []string{amd}, []string{arm}}, {"b", lost, 1, 0, []string{arm}, nil}}, "a", true},
		{"emulating, busy", arm, []b{{"a", ready, 1, 1, []string{amd}, []string{arm}}}, "", true},
		{"an answer may come", arm, []b{{"a", ready, 1, 0, []string{amd}, []string{arm}}, {"b", asked, 1, 0, nil, nil}}, "", true},
		{"no platform: any", "", []b{{"a", ready, 1, 0, nil, nil}}, "a", true},
		{"none at all", amd, nil, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var workers []*worker
			for _, w := range tt.workers {
				workers = append(workers, &worker{
					Worker: Worker{Name: w.name, Weight: w.weight}, state: w.state, running: w.running, own: w.own, other: w.other,
				})
			}
			got, wait := choose(workers, tt.platform)
			name := ""
			if got != nil {
				name = got.Name
			}
			if name != tt.want || wait != tt.wait {
				t.Errorf("chose %q, wait %v; want %q, %v", name, wait, tt.want, tt.wait)
			}
		})
	}
}
