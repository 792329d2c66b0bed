//go:build !linux

package pipeline

func opaque(string) error { return nil } // there are no overlays
