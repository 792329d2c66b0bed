package dockerfile

import "dram/internal/engine"

// groups are steps as they stand in one RUN each.
func groups(steps []engine.Step) (out [][]engine.Step) {
	for len(steps) > 0 {
		end := 1
		for end < len(steps) && alike(steps[end], steps[0]) {
			end++
		}
		out = append(out, steps[:end:end])
		steps = steps[end:]
	}
	return out
}

// alike says whether two steps have the same network and may see the same secrets
// and credentials.
func alike(a, b engine.Step) bool {
	return a.Network == b.Network && a.Private == b.Private && (len(a.Remotes) > 0) == (len(b.Remotes) > 0)
}
