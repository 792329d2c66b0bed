package attack

import (
	"os"
	"path/filepath"
	"testing"
)

// Without an attack the toy project builds: so the other attacks fail for what
// they do, not for what the toy lacks.
func TestHonest(t *testing.T) {
	try(t, []attack{
		{
			name: "an honest project is refused", files: hello(),
			each: []string{"plan $PROJECT --toolchain $TOY", "build $PROJECT --toolchain $TOY", "build $PROJECT --toolchain $TOY"},
			after: func(w *world, r result) {
				if _, err := os.Stat(filepath.Join(w.project, "releases/hello/releases/1.0.0/hello.tar.gz")); r.stdout != "" && len(r.stdout) < 300 && err != nil {
					w.t.Error(err)
				}
			},
		},
	})
}
