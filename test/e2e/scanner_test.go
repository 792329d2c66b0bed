package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	scanner       = "syft-v1.57.1"
	scannerModule = "github.com/anchore/syft/cmd/syft@v1.57.1"
)

// installScanner builds syft from its Go module, once; it stays in bin/ beside the linters.
func installScanner(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", "..", "bin", scanner))
	if err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(dir, "syft")
	if _, err := os.Stat(at); err == nil {
		return at
	}
	cmd := exec.CommandContext(t.Context(), "go", "install", scannerModule)
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go install %s: %v\n%s", scannerModule, err, out)
	}
	return at
}

// scanned is what syft finds in an image, "NAME VERSION" by its kind of package.
func scanned(t *testing.T, image string, flags ...string) map[string][]string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), installScanner(t), append([]string{"scan", "docker-archive:" + image, "-q", "-o", "syft-json"}, flags...)...)
	cmd.Env = append(os.Environ(), "SYFT_CHECK_FOR_APP_UPDATE=false")
	raw, err := cmd.Output()
	if err != nil {
		t.Fatalf("syft: %v", err)
	}
	var said struct {
		Artifacts []struct{ Type, Name, Version string }
		Distro    struct{ ID, VersionID string }
	}
	if err := json.Unmarshal(raw, &said); err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{"distribution": {said.Distro.ID + " " + said.Distro.VersionID}}
	for _, a := range said.Artifacts {
		out[a.Type] = append(out[a.Type], a.Name+" "+a.Version)
	}
	for _, list := range out {
		slices.Sort(list)
	}
	return out
}

// A scanner finds in an image with its list of packages each Debian package that something
// of it is of, each application of OTP and Elixir and each dependency, and no other. The
// lists were written by hand, for a release of three packages of Hex and one that lies beside it.
func TestScannerFindsWhatIsThere(t *testing.T) {
	real(t)
	inSample(t, false) // compiling the scanner takes minutes
	m := hexMirror(t)
	dir := shop(t, "")
	m.lock(t, dir)
	write(t, dir, "dram.toml", "[image]\npackage_list = true\n")
	dram{args: []string{"image", dir, "--toolchain", toolchainRef}, env: m.env()}.ok(t)
	found := scanned(t, imageOf(dir, "shop", "1.0.0"), "--select-catalogers", "+erlang-otp-application-cataloger")

	debian := "base-files ca-certificates coreutils dash grep libacl1 libc-bin libc6 libcap2 libgcc-s1 libpcre2-8-0 libselinux1 " +
		"libstdc++6 libsystemd0 libtinfo6 mawk ncurses-base sed zlib1g"
	applications := "compiler elixir hx_base hx_erl hx_top iex kernel logger sasl shelf shop stdlib"
	for kind, want := range map[string]string{"deb": debian, "erlang-otp": applications} {
		var got []string
		for _, one := range found[kind] {
			name, version, _ := strings.Cut(one, " ")
			if got = append(got, name); version == "" {
				t.Errorf("%s %s has no version", kind, name)
			}
		}
		if diff := cmp.Diff(strings.Fields(want), got); diff != "" {
			t.Errorf("%s (-there +found):\n%s", kind, diff)
		}
	}
	if got := strings.Join(found["distribution"], ""); !strings.HasPrefix(got, "debian 13") {
		t.Errorf("the distribution is %q", got)
	}
	for _, one := range []string{"hx_base 1.0.0", "hx_erl 1.0.0", "hx_top 1.0.0", "shop 1.0.0"} {
		if !slices.Contains(found["erlang-otp"], one) {
			t.Errorf("there is no %s among %q", one, found["erlang-otp"])
		}
	}
	// Without that flag it looks for what package managers installed, and for programs.
	if plain := scanned(t, imageOf(dir, "shop", "1.0.0")); len(plain["deb"]) != len(strings.Fields(debian)) || !slices.ContainsFunc(plain["binary"], func(s string) bool {
		return strings.HasPrefix(s, "erlang ")
	}) {
		t.Errorf("without a flag it finds %q", plain)
	}
}
