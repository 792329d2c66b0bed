package config_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dram/internal/config"
)

// What is encoded says the same when it is read.
func TestEncodeIsRead(t *testing.T) {
	for name, text := range map[string]string{
		"whole":   whole,
		"nothing": "",
		"several": "release = [\"web\", \"api\"]\nplatform = \"linux/arm64\"\n[image]\nenv = { Q = 'a \"b\" \\ $c', N = \"1\" }\n",
		"builders": "[[builder]]\nname = \"a\"\naddress = \"tcp://a.example:1\"\nweight = 3\nplatforms = [\"linux/arm64\"]\nca = \"ca.pem\"\n" +
			"[[builder]]\nname = \"b\"\naddress = \"docker\"\n",
	} {
		t.Run(name, func(t *testing.T) {
			want, err := config.Parse([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			got, err := config.Parse(want.Encode())
			if err != nil {
				t.Fatalf("%v:\n%s", err, want.Encode())
			}
			if d := cmp.Diff(want, got, cmpopts.IgnoreUnexported(config.Config{})); d != "" {
				t.Error(d)
			}
		})
	}
}
