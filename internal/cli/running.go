package cli

import (
	"bytes"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"dram/internal/fsutil"
	"dram/internal/pipeline"
	"dram/internal/problem"
	"dram/internal/sandbox"
)

// maxEnvFile bounds a file of variables, in bytes.
const maxEnvFile = 1 << 20

// variables is the flags that say what a program's environment has.
type variables struct{ env, envFiles []string }

func (v *variables) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVarP(&v.env, "env", "e", nil, "K=V for the program's environment, or K to pass on this one's, repeatable")
	f.StringArrayVar(&v.envFiles, "env-file", nil, "a FILE with such lines, as docker run --env-file takes it, repeatable")
}

// running is the flags that say how an image is run.
type running struct {
	variables
	volumes []string
	name    string
}

func (r *running) register(cmd *cobra.Command) {
	r.variables.register(cmd)
	f := cmd.Flags()
	f.StringArrayVar(&r.volumes, "volume", nil, "SOURCE:TARGET or SOURCE:TARGET:ro, a directory or a file of this machine in the image, repeatable")
	f.StringVar(&r.name, "name", "", "what dram exec calls it; with --docker, the container's name")
}

// environment is the variables: those of files, then those of -e.
func (v *variables) environment() ([]string, error) {
	var lines []string
	for _, name := range v.envFiles {
		more, err := envFile(name)
		if err != nil {
			return nil, err
		}
		lines = append(lines, more...)
	}
	return passOn(append(lines, v.env...))
}

// environment is the variables, and the terminal's kind where one is handed over.
func (r *running) environment(terminal bool) ([]string, error) {
	env, err := r.variables.environment()
	if kind := os.Getenv("TERM"); terminal && kind != "" {
		env = append([]string{"TERM=" + kind}, env...)
	}
	return env, err
}

// envFile reads a file of variables: a line each, of which those that begin with # are
// comments. Docker takes what follows the = as it is, and so does this.
func envFile(name string) ([]string, error) {
	text, err := fsutil.Read(name, maxEnvFile)
	if err != nil {
		return nil, problem.New(problem.Usage, "name a file with a line K=V for each variable", "reading variables: %w", err)
	}
	var out []string
	for line := range strings.Lines(string(bytes.TrimPrefix(text, []byte("\ufeff")))) {
		line = strings.TrimLeft(strings.TrimRight(line, "\r\n"), " \t")
		if line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	return out, nil
}

func (r *running) mounts() ([]sandbox.Mount, error) {
	var out []sandbox.Mount
	for _, v := range r.volumes {
		m, err := pipeline.ParseVolume(v)
		if err == nil {
			_, err = os.Stat(m.Source)
		}
		if err != nil {
			return nil, problem.New(problem.Usage, "write SOURCE:TARGET or SOURCE:TARGET:ro, where SOURCE is there", "--volume: %w", err)
		}
		out = append(out, m)
	}
	return out, nil
}

// binds are volumes as daemons take them.
func binds(volumes []sandbox.Mount) []string {
	var out []string
	for _, m := range volumes {
		mode := ""
		if m.ReadOnly {
			mode = ":ro"
		}
		out = append(out, m.Source+":"+m.Target+mode)
	}
	return out
}

// passOn reads -e: K=V as it is, K with the value it has here.
func passOn(env []string) ([]string, error) {
	var out []string
	for _, kv := range env {
		k, _, ok := strings.Cut(kv, "=")
		switch {
		case k == "":
			return nil, problem.New(problem.Usage, "write -e K=V, or -e K to pass on this environment's", "%q is not an environment variable", kv)
		case ok:
			out = append(out, kv)
		default:
			if v, set := os.LookupEnv(k); set {
				out = append(out, k+"="+v)
			}
		}
	}
	return out, nil
}
