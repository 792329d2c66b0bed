package pipeline

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"dram/internal/check"
	"dram/internal/fsutil"
	"dram/internal/image"
	"dram/internal/output"
	"dram/internal/plan"
	"dram/internal/portable"
	"dram/internal/problem"
	"dram/internal/release"
	"dram/internal/rootfs"
	"dram/internal/toolchain"
	"dram/internal/ui"
)

// IsRelease says whether a path is a release that was built already: a
// directory as mix release assembles it, or a tarball of one.
func IsRelease(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	if !info.IsDir() {
		return strings.HasSuffix(path, ".tar.gz") || strings.HasSuffix(path, ".tgz")
	}
	_, err = os.Stat(filepath.Join(path, "releases", "start_erl.data"))
	return err == nil
}

// Bottle makes the image of a release that was built elsewhere.
func (p *Pipeline) Bottle(ctx context.Context, pl *plan.Plan, path string, needs output.Needs) (*output.Result, error) {
	if err := possible(pl.Check); err != nil {
		return nil, err
	}
	r, err := p.doubting(ctx, pl.Toolchain, func() (*output.Result, error) { return p.bottleFrom(ctx, pl, path, needs) })
	return r, p.diskFull(err)
}

func (p *Pipeline) bottleFrom(ctx context.Context, pl *plan.Plan, path string, needs output.Needs) (*output.Result, error) {
	if pl.Image.GitLabels {
		p.UI.Warn("no labels of git: a release that was built elsewhere does not tell of which commit it is")
	}
	pl, err := p.based(ctx, pl)
	if err != nil {
		return nil, err
	}
	rel, done, err := p.openRelease(ctx, path)
	if err != nil {
		return nil, err
	}
	defer done()
	tc, err := p.OpenToolchain(ctx, pl.Toolchain, pl.Additions)
	if err != nil {
		return nil, err
	}
	if _, _, err := p.unpack(ctx, tc); err != nil {
		return nil, err
	}
	return p.bottle(ctx, &bottling{plan: pl, rel: rel, tc: tc, needs: output.Needs{Image: true, Inventory: needs.Inventory}})
}

// bottling is a release on its way into what outputs are written from.
type bottling struct {
	plan  *plan.Plan
	rel   *release.Release
	tc    *toolchain.Toolchain
	needs output.Needs
	own   bool // it was built here, with the toolchain's own Erlang

	root  toolchain.RootFS // the toolchain's, open
	extra func()           // closes what the image's own files are read from
	under func()           // and what it is made on top of
	draft *image.Draft     // nil where no image is needed
	// memory is what checks of the project remember.
	memory *check.Memory
	// portable is the release with all that it needs, nil where that is not needed.
	portable *image.Portable
}

// open decides what the image holds. The caller closes the root.
func (b *bottling) open(ctx context.Context, p *Pipeline) (err error) {
	if b.root, err = b.tc.Open(ctx); err != nil {
		return err
	}
	b.extra, b.under = func() {}, func() {}
	if b.needs.Image {
		err = b.drafted(ctx, p)
	}
	if b.needs.Portable != output.NotPortable && err == nil {
		b.portable, err = newPortable(b)
	}
	if err != nil {
		err = damaged(b.root, err)
		b.close()
	}
	return err
}

// drafted decides what the image holds.
func (b *bottling) drafted(ctx context.Context, p *Pipeline) error {
	extra, closing, err := p.extras(ctx, b.plan)
	if err != nil {
		return err
	}
	b.extra = closing
	opts := imageOptions(b.plan, b.root, b.tc)
	base, closing, err := p.openBase(ctx, b.plan)
	if err != nil {
		return err
	}
	if opts.Base, b.under = base, closing; base != nil {
		for _, said := range base.Said() {
			p.UI.WarnOnce("%s", said)
		}
	}
	opts.Extra, opts.Inventory = extra, b.needs.Inventory
	if b.draft, err = image.NewDraft(p.Store, b.rel, opts); err != nil {
		return err
	}
	if files, bytes := b.draft.Stripped(); files > 0 {
		p.UI.Note("debug information of %d files, %s, is left out of the image; the tarball has it (image.strip = false keeps it)", files, ui.Bytes(bytes))
	}
	if calls := b.draft.ShellCalls(); len(calls) > 0 {
		p.UI.Warn("the image has no shell, and these start one, in vain: %s", strings.Join(calls, ", "))
	}
	return nil
}

func (b *bottling) close() {
	b.extra()
	b.under()
	_ = b.root.Close() // only read
}

// bottle makes what is needed of a release, and checks that, all at the same time:
// what fails leaves nothing but blobs in the cache.
func (p *Pipeline) bottle(ctx context.Context, b *bottling) (*output.Result, error) {
	stage := p.UI.Start("bottle", b.rel.Name+" "+b.rel.Version)
	if err := b.open(ctx, p); err != nil {
		return nil, err
	}
	defer b.close()
	r := &output.Result{Release: b.rel.Name, Version: b.rel.Version, Materials: output.Materials{Toolchain: string(b.tc.Content())}}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		r.Failed, err = p.checkBottling(ctx, b)
		return err
	})
	if b.needs.Tarball {
		group.Go(func() error { return p.tarball(ctx, b, r) })
	}
	if b.needs.Image {
		group.Go(func() error { return p.image(ctx, b, r) })
	}
	if b.portable != nil {
		group.Go(func() error { return p.portable(ctx, b, r) })
	}
	if b.own {
		group.Go(func() error { return b.tc.SawRuntime(ctx, b.root, b.rel.Files) })
	}
	if err := damaged(b.root, group.Wait()); err != nil {
		return nil, err
	}
	stage.Done("%s", summary(b.needs, r))
	return r, nil
}

func summary(needs output.Needs, r *output.Result) string {
	var parts []string
	if needs.Tarball {
		parts = append(parts, "tarball "+ui.Bytes(r.Tarball.Size))
	}
	if needs.Portable != output.NotPortable {
		parts = []string{"portable " + ui.Bytes(r.Portable.Size)}
	}
	if needs.Image {
		reused := 0
		for _, l := range r.Layers {
			if l.Reused {
				reused++
			}
		}
		parts = append(parts, fmt.Sprintf("image %s in %d layers, %d of them as before", ui.Bytes(r.ImageSize()), len(r.Layers), reused))
	}
	return strings.Join(parts, ", ")
}

func (p *Pipeline) tarball(ctx context.Context, b *bottling, r *output.Result) error {
	a, err := image.Tarball(ctx, p.Store, b.rel, tarballOptions(b.plan))
	if err == nil {
		r.Tarball = output.Blob{Digest: a.Digest, Size: a.Size}
	}
	return err
}

func newPortable(b *bottling) (*image.Portable, error) {
	made, err := image.NewPortable(b.rel, image.PortableOptions{TarballOptions: tarballOptions(b.plan), Root: b.root, Architecture: b.plan.Arch()})
	if err == nil && len(made.Missing) > 0 && !slices.Contains(b.plan.Check.Allow, "soname") {
		err = missing(made.Missing, b.tc)
	}
	return made, err
}

func (p *Pipeline) portable(ctx context.Context, b *bottling, r *output.Result) error {
	a, err := b.portable.Build(ctx, p.Store)
	if err == nil && b.needs.Portable == output.RunForm {
		a, err = b.portable.Executable(p.Store, a)
	}
	if err == nil {
		r.Portable = output.Blob{Digest: a.Digest, Size: a.Size}
	}
	return err
}

func (p *Pipeline) image(ctx context.Context, b *bottling, r *output.Result) error {
	img, err := b.draft.Build(ctx)
	if err != nil {
		return err
	}
	if len(img.Missing) > 0 && !slices.Contains(b.plan.Check.Allow, "soname") {
		return missing(img.Missing, b.tc)
	}
	r.Image, r.Layers, r.Inventory = img.Digest, img.Layers, img.Inventory
	if r.Inventory != nil && b.own {
		facts, err := b.tc.Facts(ctx)
		if err != nil {
			return err
		}
		r.Inventory.OTP = facts.OTP
	}
	return image.Keep(ctx, p.Store, img.OCI)
}

func imageOptions(pl *plan.Plan, root rootfs.FS, tc *toolchain.Toolchain) image.Options {
	set := pl.Image
	system, arch, _ := strings.Cut(pl.Platform, "/")
	o := image.Options{
		Root: root, RootKey: string(tc.Content()), OS: system, Architecture: arch,
		Programs: pl.Image.Asked(), User: set.User, Env: set.Env, Labels: map[string]string{}, Epoch: plan.Epoch,
	}
	o.Contents = image.Contents{Packages: set.Packages, Offered: set.Offered, TimeZones: set.TimeZones, Locales: set.Locales, PackageList: set.PackageList, KeepDebug: set.KeepDebug}
	o.Compression = set.How()
	o.Entrypoint, o.Cmd = set.Starts()
	if set.NoShell {
		o.Shell = image.NoShell
	}
	o.Healthcheck = healthcheck(set.Healthcheck)
	for _, d := range set.Directories {
		if d.Volume {
			o.Volumes = append(o.Volumes, filepath.Clean(d.Path))
		}
	}
	for _, kv := range set.Labels {
		k, v, _ := strings.Cut(kv, "=")
		o.Labels[k] = v
	}
	for _, port := range set.Expose {
		o.ExposedPorts = append(o.ExposedPorts, strconv.Itoa(port)+"/tcp")
	}
	return o
}

func tarballOptions(pl *plan.Plan) image.TarballOptions {
	return image.TarballOptions{KeepCookie: pl.Cookie, Epoch: plan.Epoch}
}

// missing says which libraries a release needs and its toolchain lacks: it
// would not start.
func missing(list []rootfs.Missing, tc *toolchain.Toolchain) error {
	lines := make([]string, 0, len(list))
	for _, m := range list {
		lines = append(lines, fmt.Sprintf("%s needs %s", m.File, m.Soname))
	}
	return problem.New(problem.Check,
		"build it in this toolchain instead of bringing it along, or add the package that has the library: --package NAME",
		"libraries are missing in toolchain %s:\n  %s", tc.Ref, strings.Join(lines, "\n  "))
}

func (p *Pipeline) openRelease(ctx context.Context, path string) (*release.Release, func(), error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, fmt.Errorf("opening release: %w", err)
	}
	if !info.IsDir() {
		return p.openTarball(ctx, path, release.Options{})
	}
	return openDirectory(ctx, path, release.Options{})
}

func (p *Pipeline) openTarball(ctx context.Context, path string, opts release.Options) (*release.Release, func(), error) {
	tmp, done, err := p.Store.TempDir("release")
	if err != nil {
		return nil, nil, err
	}
	f, err := fsutil.Open(path) // a pipe would be waited for
	if err != nil {
		done()
		return nil, nil, fmt.Errorf("opening release: %w", err)
	}
	rel, err := release.ReadTarball(ctx, unwrapped(f), tmp, opts)
	_ = f.Close()
	if err != nil {
		done()
		return nil, nil, fmt.Errorf("opening release %q: %w", path, err)
	}
	return rel, func() {
		closeFS(rel)
		done()
	}, nil
}

// unwrapped is the tarball in a portable release that is one executable, or else the
// file.
func unwrapped(f *os.File) io.Reader {
	if info, err := f.Stat(); err == nil {
		if tarball, ok := portable.Tarball(f, info.Size()); ok {
			return tarball
		}
	}
	return f
}
