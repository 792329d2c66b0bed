package config

import (
	"bytes"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Encode is the settings that somebody set, the builders and the steps, as a dram.toml:
// Parse gives them back.
func (c Config) Encode() []byte {
	top := map[string]any{}
	for _, s := range Settings() {
		if c.Origin(s.Key) == "" {
			continue
		}
		into, name := top, s.Key
		if table, key, nested := strings.Cut(s.Key, "."); nested {
			if top[table] == nil {
				top[table] = map[string]any{}
			}
			into, name = top[table].(map[string]any), key //nolint:errcheck // made above: no key is both
		}
		into[name] = s.encoded(&c)
	}
	for key, value := range c.encoded() {
		if top["image"] == nil {
			top["image"] = map[string]any{}
		}
		top["image"].(map[string]any)[key] = value //nolint:errcheck // made above
	}
	var builders []map[string]any
	for _, b := range c.Builders {
		builders = append(builders, b.encoded())
	}
	if builders != nil {
		top["builder"] = builders
	}
	var own []map[string]any
	for _, s := range c.Steps {
		own = append(own, s.encoded())
	}
	if own != nil {
		top["step"] = own
	}
	var b bytes.Buffer
	e := toml.NewEncoder(&b)
	e.SetIndentTables(false)
	if err := e.Encode(top); err != nil {
		panic(err) // strings, numbers and lists of them always encode
	}
	return b.Bytes()
}

func (s Setting) encoded(c *Config) any {
	switch v := s.field(c).(type) {
	case *string:
		return *v
	case *[]int:
		return *v
	case *bool:
		return *v
	case *[]string:
		if s.names && len(*v) == 1 {
			return (*v)[0]
		}
		if !s.pairs {
			return *v
		}
		table := map[string]string{}
		for _, kv := range *v {
			k, value, _ := strings.Cut(kv, "=")
			table[k] = value
		}
		return table
	}
	return nil
}

func (b Builder) encoded() map[string]any {
	table := map[string]any{}
	for _, f := range builderFields() {
		switch v := f.to(&b).(type) {
		case *string:
			if *v != "" {
				table[f.key] = *v
			}
		case *[]string:
			if len(*v) > 0 {
				table[f.key] = *v
			}
		case *int:
			if *v != 0 {
				table[f.key] = *v
			}
		}
	}
	return table
}
