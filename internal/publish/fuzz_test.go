package publish

import (
	"encoding/json"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"dram/internal/oci"
)

func FuzzParseIndex(f *testing.F) {
	f.Add([]byte(`{"schemaVersion":2,"manifests":[{"digest":"sha256:` + strings.Repeat("0", 64) + `","annotations":{"a":"b"}}]}`))
	f.Add([]byte(`{"schemaVersion":2,"manifests":null}`))
	f.Add([]byte(`[[[[`))
	f.Fuzz(func(t *testing.T, data []byte) {
		index, err := oci.ParseIndex(data)
		if err != nil {
			return
		}
		out, err := json.Marshal(withEntry(index, v1.Descriptor{Size: 1, Digest: bytesBlob(data).digest}))
		if err != nil {
			t.Fatal(err)
		}
		if again, err := oci.ParseIndex(out); err != nil || len(again.Manifests) == 0 {
			t.Errorf("what was written cannot be read: %v", err)
		}
	})
}
