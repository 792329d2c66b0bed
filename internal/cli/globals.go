package cli

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"dram/internal/config"
	"dram/internal/problem"
	"dram/internal/store"
	"dram/internal/ui"
)

// globals are the flags that every command has, and the streams.
type globals struct {
	std      Streams
	cacheDir string
	verbose  bool
	quiet    bool
	refresh  bool

	opened []*store.Store // to be closed at the end
	limit  int64          // of the cache, in bytes; 0 is none
}

func (g *globals) register(root *cobra.Command) {
	f := root.PersistentFlags()
	f.StringVar(&g.cacheDir, "cache-dir", "", "the cache's directory (DRAM_CACHE_DIR; default: dram in the user's cache folder)")
	f.BoolVarP(&g.verbose, "verbose", "v", false, "show everything that the build prints")
	f.BoolVarP(&g.quiet, "quiet", "q", false, "show warnings and errors alone")
}

func (g *globals) cacheDirectory() (string, error) {
	if dir := cmp.Or(g.cacheDir, os.Getenv("DRAM_CACHE_DIR")); dir != "" {
		return filepath.Abs(dir)
	}
	return store.DefaultDir()
}

// settings adds the flags of the settings table to a command.
func (g *globals) settings(cmd *cobra.Command) {
	f := cmd.Flags()
	for _, s := range config.Settings() {
		help := fmt.Sprintf("%s (%s)", s.Help, s.Env)
		if s.Default != "" {
			help = fmt.Sprintf("%s (%s; default: %s)", s.Help, s.Env, s.Default)
		}
		switch {
		case s.IsSwitch():
			f.Bool(s.Flag, false, help)
		case s.IsList():
			f.StringArray(s.Flag, nil, help+", repeatable")
		default:
			f.String(s.Flag, "", help)
		}
	}
	_ = cmd.RegisterFlagCompletionFunc("allow", completeRules) // it fails for flags that are not there
	f.BoolVar(&g.refresh, "refresh", false, "ask package archives and registries again, whatever is cached")
}

// config is the settings for the project in dir: flags over environment over
// dram.toml.
func (g *globals) config(cmd *cobra.Command, dir string) (config.Config, error) {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return config.Config{}, problem.New(problem.Usage, "name the directory of a project", "%q is not a directory", dir)
	}
	c, err := config.Load(dir, os.Environ())
	if err != nil {
		return c, err
	}
	known := map[string]bool{}
	for _, s := range config.Settings() {
		known[s.Flag] = true
	}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if err != nil || !known[f.Name] {
			return
		}
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		c, err = c.WithFlag(f.Name, values)
	})
	return c, err
}

// one refuses several releases or platforms, for a command that takes one.
func one(c config.Config) error {
	for _, l := range []struct {
		what, flag string
		asked      []string
	}{{"releases", "release", c.Releases}, {"platforms", "platform", c.Platforms}} {
		if len(l.asked) > 1 {
			return problem.New(problem.Usage, "choose one with --"+l.flag, "this command takes one of the %s %s", l.what, strings.Join(l.asked, ", "))
		}
	}
	return nil
}

// architecture is that of a platform, as Go names it; this machine's for "".
func architecture(platform string) string {
	_, arch, _ := strings.Cut(platform, "/")
	return cmp.Or(arch, runtime.GOARCH)
}

// dirArg is the first argument, or the working directory.
func dirArg(args []string) string {
	if len(args) == 0 || args[0] == "" {
		return "."
	}
	return args[0]
}

// printTimings is the last line of a build: where the time went.
func printTimings(u *ui.UI, start time.Time) {
	var parts []string
	for _, t := range u.Timings() {
		parts = append(parts, t.Stage+" "+ui.Seconds(t.Took))
	}
	u.Note("done in %s (%s)", ui.Seconds(time.Since(start)), strings.Join(parts, ", "))
}
