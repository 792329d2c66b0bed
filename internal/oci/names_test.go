package oci_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"dram/internal/oci"
)

// Layers that are empty have a history and no name to give.
func TestLayerNames(t *testing.T) {
	got := oci.LayerNames(&v1.ConfigFile{History: []v1.History{
		{CreatedBy: "ADD rootfs"}, {CreatedBy: "ENV A=b", EmptyLayer: true}, {Comment: "system", CreatedBy: "dram"}, {},
	}})
	if diff := cmp.Diff([]string{"ADD rootfs", "system", ""}, got); diff != "" {
		t.Error(diff)
	}
}
