package image

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"dram/internal/entrypoint"
	"dram/internal/layer"
	"dram/internal/problem"
	"dram/internal/release"
	"dram/internal/tool"
	"dram/internal/tool/tools"
)

// DefaultUser is the user and group of images: 65532 is what others call
// "nonroot", far from ids that a host gives out.
const DefaultUser = "65532:65532"

func (o Options) withDefaults(rel *release.Release) Options {
	o.OS = cmp.Or(o.OS, "linux")
	o.Architecture = cmp.Or(o.Architecture, "amd64")
	o.User = cmp.Or(o.User, o.Base.user(), DefaultUser)
	if o.Epoch <= 0 {
		o.Epoch = layer.DefaultEpoch
	}
	if len(o.Entrypoint) == 0 {
		o.Entrypoint = []string{"/app/bin/" + rel.Name}
		if command := tools.Boot(rel).Command; len(o.Cmd) == 0 && command != "" {
			o.Cmd = []string{command}
		}
	}
	o.Entrypoint = entrypoint.Wrap(o.Entrypoint, "/"+appDir+"/bin", "/"+appDir)
	return o
}

// Environment is that of an image, "K=V", of a release that starts so; the user's
// own lines win.
func Environment(boot tool.Boot) []string {
	return append([]string{
		"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
		"LANG=C.UTF-8", // else the VM takes file names and the terminal for latin1
		// The only place that any user can write to, on a read-only root with a
		// tmpfs there; remote wants a home, a runtime configuration RELEASE_TMP.
		"HOME=/tmp",
		"RELEASE_TMP=/tmp",
		// A crash dump holds the heap, secrets and all, may take gigabytes of the
		// memory that a tmpfs is, delays the restart, and is gone with the
		// container. ERL_CRASH_DUMP_SECONDS=-1 has it written.
		"ERL_CRASH_DUMP=/tmp/erl_crash.dump",
		"ERL_CRASH_DUMP_SECONDS=0",
		// Container engines leave the limit of open files unbounded, and the VM
		// reserves gigabytes for as many ports. 65536 is its documented default;
		// flags of vm.args come later and win.
		"ERL_AFLAGS=+Q 65536",
	}, boot.Env...)
}

func userIDs(user string) (uid, gid int, err error) {
	u, g, ok := strings.Cut(user, ":")
	if !ok {
		g = u
	}
	uid, err1 := strconv.Atoi(u)
	gid, err2 := strconv.Atoi(g)
	if err1 != nil || err2 != nil || uid < 0 || gid < 0 {
		return 0, 0, problem.New(problem.Usage, "give numbers, UID or UID:GID: an image from scratch knows no other names",
			"image user %q is not a user id", user)
	}
	return uid, gid, nil
}

// blob is an archive as go-containerregistry's layer.
type blob struct{ a *layer.Archive }

func (b blob) Digest() (v1.Hash, error)             { return v1.NewHash(string(b.a.Digest)) }
func (b blob) DiffID() (v1.Hash, error)             { return v1.NewHash(string(b.a.DiffID)) }
func (b blob) Compressed() (io.ReadCloser, error)   { return b.a.Open() }
func (b blob) Uncompressed() (io.ReadCloser, error) { return b.a.OpenTar() }
func (b blob) Size() (int64, error)                 { return b.a.Size, nil }
func (b blob) MediaType() (types.MediaType, error)  { return mediaType(b.a), nil }

// mediaType is what manifests call a layer.
func mediaType(a *layer.Archive) types.MediaType {
	if a.Format == layer.Zstd {
		return types.OCILayerZStd
	}
	return types.OCILayer
}

func assemble(rel *release.Release, plans []layerPlan, archives []*layer.Archive, opts Options) (v1.Image, error) {
	created := v1.Time{Time: time.Unix(opts.Epoch, 0).UTC()}
	adds := opts.Base.addenda()
	for i, a := range archives {
		adds = append(adds, mutate.Addendum{
			Layer: blob{a}, MediaType: mediaType(a),
			History: v1.History{Created: created, CreatedBy: author, Comment: plans[i].name},
		})
	}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err := mutate.Append(base, adds...)
	if err != nil {
		return nil, err
	}
	file, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Variant, file.Created = opts.OS, opts.Architecture, opts.Variant, created
	if file.Config, err = config(rel, opts); err != nil {
		return nil, err
	}
	opts.Base.under(file)
	if img, err = mutate.ConfigFile(img, file); err != nil {
		return nil, err
	}
	about := annotations(rel, opts)
	maps.Copy(about, opts.Base.annotations())
	out, ok := mutate.Annotations(img, about).(v1.Image)
	if !ok {
		return nil, fmt.Errorf("annotating %T gave no image", img)
	}
	return out, nil
}

func annotations(rel *release.Release, opts Options) map[string]string {
	return map[string]string{
		"org.opencontainers.image.title":   rel.Name,
		"org.opencontainers.image.version": rel.Version,
		"org.opencontainers.image.created": time.Unix(opts.Epoch, 0).UTC().Format(time.RFC3339),
	}
}

func config(rel *release.Release, opts Options) (v1.Config, error) {
	labels := opts.Base.labels()
	maps.Copy(labels, annotations(rel, opts))
	maps.Copy(labels, opts.Labels)
	c := v1.Config{
		User: opts.User, Env: opts.Base.environment(Environment(tools.Boot(rel)), opts.Env), Entrypoint: opts.Entrypoint, Cmd: opts.Cmd,
		WorkingDir: "/" + appDir, StopSignal: "SIGTERM", Labels: labels,
	}
	for _, p := range opts.ExposedPorts {
		port, protocol, _ := strings.Cut(p, "/")
		n, err := strconv.Atoi(port)
		if err != nil || n < 1 || n > 65535 || !slices.Contains([]string{"", "tcp", "udp", "sctp"}, protocol) {
			return c, problem.New(problem.Usage, "give PORT or PORT/PROTOCOL, as in 4000/tcp", "%q is not a port", p)
		}
		if c.ExposedPorts == nil {
			c.ExposedPorts = map[string]struct{}{}
		}
		c.ExposedPorts[port+"/"+cmp.Or(protocol, "tcp")] = struct{}{}
	}
	for _, at := range opts.Volumes {
		if c.Volumes == nil {
			c.Volumes = map[string]struct{}{}
		}
		c.Volumes[at] = struct{}{}
	}
	c.Healthcheck = opts.Healthcheck.config(rel)
	opts.Base.inherited(&c)
	return c, nil
}
