package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"dram/internal/fsutil"
	"dram/internal/problem"
	"dram/internal/target"
	"dram/internal/ui"
)

const targetHelp = `
A target is a directory with a root filesystem (dir:PATH), an image (oci:DIR,
tar:FILE, image:REF), a distribution from its packages (distro:debian/12) or by
what is built in (profile:ubuntu/22.04, see dram target list), this machine
(host:), another one (ssh:HOST), or one that was captured (file:TARGET.json).`

func newTarget(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "target",
		Short: "see which targets there are and what one provides, or keep it in a file",
		Long:  long("Looks at places where releases will run.\n" + targetHelp),
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newTargetList(g), newTargetShow(g), newTargetCapture(g))
	return cmd
}

func newTargetList(*globals) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "list [--format text|json]",
		Short: "print the built-in profiles, and how targets are named",
		Long: long("Prints the profiles that are built in with what is known of each, and the kinds\n" +
			"of references. Each fact's source is shown by dram target show.\n" + targetHelp),
		Example: "  dram target list\n  dram target list --format json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			profiles, err := target.Profiles()
			if err != nil {
				return err
			}
			switch format {
			case "text":
				return listTargets(cmd.OutOrStdout(), profiles)
			case "json":
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetEscapeHTML(false)
				enc.SetIndent("", "  ")
				return enc.Encode(map[string]any{
					"schema": "dram.targets/1", "references": target.References(), "profiles": profiles, "sources": target.Sources(),
				})
			}
			return problem.New(problem.Usage, "use text or json", "unknown format %q", format)
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	return cmd
}

func listTargets(out io.Writer, profiles []target.Listed) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprint(w, "profile\tC library\tlibstdc++\tOpenSSL\ttinfo\tErlang/OTP\tprocessors\tknown by\n")
	for _, p := range profiles {
		row := []string{p.Name}
		for _, fact := range []string{"", "libstdc++", "OpenSSL", "tinfo", "Erlang/OTP"} {
			row = append(row, cell(p, fact))
		}
		by := "symbol versions"
		if p.Whole {
			by = "packages"
		}
		processors := strings.ReplaceAll(strings.Join(p.Platforms, ", "), "linux/", "")
		_, _ = fmt.Fprintln(w, strings.Join(append(row, processors, by), "\t"))
	}
	_, _ = fmt.Fprint(w, "\nother names\n")
	for _, p := range profiles {
		if len(p.Aliases) > 0 {
			_, _ = fmt.Fprintf(w, "%s\t%s\n", p.Name, strings.Join(p.Aliases, ", "))
		}
	}
	_, _ = fmt.Fprint(w, "\nreference\tmeaning\n")
	for _, r := range target.References() {
		_, _ = fmt.Fprintf(w, "%s\t%s\n", r.Form, r.Meaning)
	}
	return w.Flush()
}

// cell is a fact in a table: "" is that of the C library, "-" is unknown.
func cell(p target.Listed, fact string) string {
	for _, k := range p.Known {
		libc := k.Fact == "glibc" || k.Fact == "musl"
		if k.Fact != fact && (fact != "" || !libc) {
			continue
		}
		value := strings.NewReplacer(" at first, ", " to ", " in the latest", "", "GLIBCXX_", "").Replace(k.Value)
		if fact == "" {
			return strings.TrimSpace(k.Fact + " " + value)
		}
		if value != "" {
			return value
		}
	}
	return "-"
}

// completeTargets has the shell complete --target, and the first argument of
// the commands about one.
func completeTargets(cmd *cobra.Command) {
	complete := func(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if kind, _, ok := strings.Cut(typed, ":"); ok && kind != "profile" {
			return nil, cobra.ShellCompDirectiveDefault
		}
		var out []cobra.Completion
		for _, r := range target.References() {
			out = append(out, string(r.Kind)+":")
		}
		for _, name := range target.ProfileNames() {
			out = append(out, "profile:"+name)
		}
		out = slices.DeleteFunc(out, func(c cobra.Completion) bool { return !strings.HasPrefix(c, typed) })
		return out, cobra.ShellCompDirectiveNoSpace
	}
	if cmd.Flags().Lookup("target") != nil {
		_ = cmd.RegisterFlagCompletionFunc("target", complete) // it fails for flags that are not there
		return
	}
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return complete(cmd, args, typed)
	}
}

func newTargetShow(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "show TARGET",
		Short:   "print what a target provides",
		Long:    long("Prints what dram knows of a target. What it could not find is \"unknown\" or \"none\".\n" + targetHelp),
		Example: "  dram target show distro:debian/12\n  dram target show profile:ubuntu/22.04",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.withTarget(cmd, args[0], func(t *target.Target) error { return showTarget(cmd.OutOrStdout(), t) })
		},
	}
	completeTargets(cmd)
	g.settings(cmd)
	return cmd
}

func newTargetCapture(g *globals) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "capture TARGET [-o FILE]",
		Short: "keep what a target provides in a file",
		Long: long(`
Writes what a target provides as JSON: its libraries with their versions and
symbols, its programs and facts, and no file's content. A check against
file:FILE gives what a check against the target gives, wherever it is done.
` + targetHelp),
		Example: "  dram target capture host: -o prod.json\n  dram target capture ssh:deploy@prod -o prod.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.withTarget(cmd, args[0], func(t *target.Target) error {
				if out == "" {
					return t.Capture(cmd.OutOrStdout())
				}
				return captureTo(out, t)
			})
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "FILE (default: stdout)")
	completeTargets(cmd)
	g.settings(cmd)
	return cmd
}

func (g *globals) withTarget(cmd *cobra.Command, ref string, use func(*target.Target) error) error {
	a, err := g.open(cmd, ".")
	if err != nil {
		return err
	}
	t, err := a.OpenTarget(cmd.Context(), ref)
	if err != nil {
		return err
	}
	defer func() { _ = t.Close() }() // only read
	return use(t)
}

// captureTo writes the whole file or none.
func captureTo(name string, t *target.Target) error {
	var unread error
	err := fsutil.ReplaceAt(name, 0o644, fsutil.Kept, func(w io.Writer) error { // a document for others to read
		unread = t.Capture(w)
		return unread
	})
	switch {
	case unread != nil:
		return fmt.Errorf("writing %q: %w", name, err)
	case err != nil:
		return problem.New(problem.Failure, "name a file in a directory that exists and may be written to", "writing %q: %w", name, err)
	}
	return nil
}

func showTarget(out io.Writer, t *target.Target) error {
	f := t.Facts
	or := func(s, none string, kind target.Kind) string {
		switch {
		case s != "":
			return s
		case t.Open(kind):
			return "unknown"
		}
		return none
	}
	otp := ""
	if f.OTP != nil {
		otp = fmt.Sprintf("%s (erts %s, %d applications in /%s)", f.OTP.Release, f.OTP.ERTS, len(f.OTP.Apps), f.OTP.Root)
	}
	utf8 := ""
	if f.UTF8 {
		utf8 = "C.UTF-8"
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range [][2]string{
		{"target", t.Name},
		{"system", or(f.OS.Name, "unknown", "")},
		{"platform", or(f.Platform, "unknown", "")},
		{"C library", or(f.Libc.String(), "unknown", "")},
		{"loader", or(f.Libc.Loader, "none", "")},
		{"shell", or(f.Shell, "none", target.Programs)},
		{"Erlang/OTP", or(otp, "none", target.Erlang)},
		{"certificates", or(f.CABundle, "none", target.Certificates)},
		{"UTF-8 locale", or(utf8, "none", target.Locales)},
	} {
		_, _ = fmt.Fprintf(w, "%s\t%s\n", row[0], ui.Line(row[1]))
	}
	showProfile(w, t.Profile())
	return w.Flush()
}

// showProfile prints where a profile's facts are from, and what it leaves open.
func showProfile(w io.Writer, p *target.Profile) {
	if p == nil {
		return
	}
	_, _ = fmt.Fprint(w, "\nfact\tvalue\tsource\tdate\n")
	for _, k := range p.Known {
		value, source := k.Value, target.Sources()[k.Source]
		if value == "" {
			value = "unknown"
		}
		_, _ = fmt.Fprintln(w, strings.TrimRight(strings.Join([]string{k.Fact, value, source, k.Date}, "\t"), "\t"))
	}
	var open []string
	for _, k := range p.Open {
		open = append(open, string(k))
	}
	_, _ = fmt.Fprintf(w, "\nnot all known\t%s\n", strings.Join(open, ", "))
	if len(p.Absent) > 0 {
		_, _ = fmt.Fprintf(w, "no package has\t%s\n", strings.Join(p.Absent, ", "))
	}
}
