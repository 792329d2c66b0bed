package inspect

import (
	"maps"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// settings are the fields of an image's configuration that are set.
func settings(c v1.Config) (out []Setting) {
	add := func(name, value string) {
		if value != "" {
			out = append(out, Setting{name, value})
		}
	}
	add("entrypoint", strings.Join(c.Entrypoint, " "))
	add("command", strings.Join(c.Cmd, " "))
	add("user", c.User)
	add("working directory", c.WorkingDir)
	add("stop signal", c.StopSignal)
	for _, name := range slices.Sorted(maps.Keys(c.ExposedPorts)) {
		add("port", name)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Volumes)) {
		add("volume", name)
	}
	for _, kv := range c.Env {
		name, value, _ := strings.Cut(kv, "=")
		add("env "+name, value)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Labels)) {
		add("label "+name, c.Labels[name])
	}
	if c.Healthcheck != nil {
		add("health check", strings.Join(c.Healthcheck.Test, " "))
	}
	return out
}
