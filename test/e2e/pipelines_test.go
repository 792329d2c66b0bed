package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// pipeline reads what dram init wrote for a service.
func pipeline(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

// pushed checks what a pipeline left: the image in the registry under its tags,
// the digest that the build here has, and the password nowhere.
func pushed(t *testing.T, reg *realRegistry, dir, log string, tags ...string) {
	t.Helper()
	if got := reg.tags(t, "team/hello"); !slices.Equal(got, tags) {
		t.Errorf("tags: %q, want %q", got, tags)
	}
	if strings.Contains(log, password) {
		t.Errorf("the log holds the password:\n%s", log)
	}
	_, digest := reg.pull(t, "team/hello:"+tags[0])
	if here := (dram{args: []string{"image", dir}}).ok(t).digest(t); here != digest {
		t.Errorf("pushed %s, made here %s", digest, here)
	}
}

// Each step of the pipeline for GitHub is run here as GitHub runs it, against a
// real registry; what stands in ${{ … }} is filled in. Only the sysctl is left out.
func TestPipelineForGitHub(t *testing.T) {
	real(t)
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(tool + " is not installed here")
		}
	}
	reg := startRegistry(t)
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, binary) }))
	defer files.Close()
	raw, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(raw)
	dir, home := project(t, "examples/hello"), t.TempDir()
	dram{args: []string{"init", "--ci", "github", "--no-load", "--toolchain", "distro:debian/13"}, dir: dir}.ok(t)
	var file struct {
		Jobs map[string]struct {
			Steps []struct {
				Name, Run string
				Env       map[string]string
			}
		}
	}
	pipeline(t, filepath.Join(dir, ".github/workflows/image.yml"), &file)
	filled := strings.NewReplacer(
		"${{ vars.DRAM_URL }}", files.URL, "${{ vars.DRAM_SHA256 }}", hex.EncodeToString(sum[:]), "${{ vars.IMAGE }}", reg.host+"/team/hello",
		"${{ secrets.REGISTRY_USER || github.actor }}", user, "${{ secrets.REGISTRY_PASSWORD || github.token }}", password, "${{ runner.temp }}", home)
	env := append(os.Environ(), "HOME="+home, "GITHUB_PATH="+filepath.Join(home, "path"), "GITHUB_SHA=0123abc", "GITHUB_REF_NAME=v1",
		"DRAM_CACHE_DIR="+cacheDir, "SSL_CERT_FILE="+reg.ca, "PATH="+home+"/.local/bin:"+os.Getenv("PATH"))
	var log strings.Builder
	ran := 0
	for _, s := range file.Jobs["image"].Steps {
		if s.Run == "" || strings.HasPrefix(s.Run, "sudo ") || strings.HasPrefix(s.Run, "dram cache prune") {
			continue // the cache is the tests' own
		}
		cmd := exec.CommandContext(t.Context(), "bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", s.Run)
		cmd.Dir, cmd.Env = dir, slices.Clone(env)
		for k, v := range s.Env {
			cmd.Env = append(cmd.Env, k+"="+filled.Replace(v))
		}
		out, err := cmd.CombinedOutput()
		log.Write(out)
		if ran++; err != nil {
			t.Fatalf("step %q: %v\n%s", s.Name, err, out)
		}
	}
	if ran < 5 || !strings.Contains(log.String(), "OK") {
		t.Errorf("%d steps ran:\n%s", ran, log.String())
	}
	if _, err := os.Stat(filepath.Join(home, "docker")); err == nil {
		t.Error("the login is still there")
	}
	pushed(t, reg, dir, log.String(), "0123abc", "v1")
}

// The jobs for GitLab and Woodpecker run in a container of the toolchain, which
// has what the jobs install first, without privileges: the engine is the host.
func TestPipelinesInContainers(t *testing.T) {
	withDocker(t)
	for _, service := range []string{"gitlab", "woodpecker"} {
		t.Run(service, func(t *testing.T) {
			reg := startRegistry(t)
			dir := project(t, "examples/hello")
			dram{args: []string{"init", "--ci", service}, dir: dir}.ok(t)
			log := ""
			for _, job := range jobsOf(t, dir, service) {
				args := []string{
					"run", "--rm", "--network=host", "-v", dir + ":/builds/hello", "-w", "/builds/hello", "-v", binary + ":/opt/dram:ro",
					"-v", reg.ca + ":/ca.pem:ro", "-e", "SSL_CERT_FILE=/ca.pem", "-e", "CI_PROJECT_DIR=/builds/hello", "-e", "CI_COMMIT_SHA=0123abc",
					"-e", "CI_COMMIT_REF_SLUG=v1", "-e", "CI_COMMIT_REF=refs/tags/v1", "-e", "CI_PIPELINE_SOURCE=push",
					"-e", "IMAGE=" + reg.host + "/team/hello", "-e", "REGISTRY_USER=" + user, "-e", "REGISTRY_PASSWORD=" + password,
					"-e", "DRAM_CACHE_DIR=/builds/hello/.dram-cache", "-e", "DOCKER_CONFIG=/tmp/login",
				}
				for k, v := range job.env {
					if strings.HasPrefix(k, "DRAM_E") || strings.HasPrefix(k, "DRAM_T") {
						args = append(args, "-e", k+"="+v)
					}
				}
				args = append(args, "dram-toolchain:debian-13", "sh", "-ec", job.script)
				log += docker(t, args...)
			}
			if !strings.Contains(log, "with this machine's network") { // as the plan says of the engine host
				t.Errorf("the plan says\n%s", log)
			}
			shell(t, dir, "docker run --rm -v $PWD:/d dram-toolchain:debian-13 chmod -R a+rwX /d")
			pushed(t, reg, dir, log, "0123abc", "v1")
		})
	}
}

type containerJob struct {
	env    map[string]string
	script string
}

// jobsOf are a pipeline's jobs, their installing of packages and of dram
// replaced by a dram that is there.
func jobsOf(t *testing.T, dir, service string) []containerJob {
	t.Helper()
	const install = "ln -s /opt/dram /usr/local/bin/dram\n"
	if service == "gitlab" {
		var file map[string]struct {
			Variables map[string]string
			Script    []string
		}
		pipeline(t, filepath.Join(dir, ".gitlab-ci.yml"), &file)
		return []containerJob{{file["image"].Variables, install + strings.Join(file["image"].Script, "\n")}}
	}
	var file struct {
		Steps []struct {
			Environment map[string]any
			Commands    []string
		}
	}
	pipeline(t, filepath.Join(dir, ".woodpecker/image.yaml"), &file)
	var jobs []containerJob
	for _, s := range file.Steps {
		env := map[string]string{}
		for k, v := range s.Environment {
			if text, ok := v.(string); ok {
				env[k] = text
			}
		}
		commands := slices.DeleteFunc(s.Commands, func(c string) bool {
			return strings.Contains(c, "apt-get") || strings.HasPrefix(c, "curl ") || strings.HasPrefix(c, "chmod ") || strings.Contains(c, "sha256sum")
		})
		jobs = append(jobs, containerJob{env, install + strings.Join(commands, "\n")})
	}
	return jobs
}
