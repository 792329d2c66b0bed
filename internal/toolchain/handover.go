package toolchain

import (
	"archive/tar"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"

	"dram/internal/image"
	"dram/internal/ref"
	"dram/internal/store"
)

// packRecipe is part of what names a packed root: raise it whenever the bytes
// of the layer may change.
const packRecipe = "-1"

// Pull is where a registry has the toolchain, by its digest; "" if none does.
func (t *Toolchain) Pull() string {
	if t.Ref.Kind != ref.Image || t.added {
		return ""
	}
	parsed, err := name.ParseReference(t.Ref.Value)
	if err != nil {
		return ""
	}
	return parsed.Context().Name() + "@" + string(t.ID)
}

// Image is the toolchain as an image, for engines that run elsewhere; all its
// bytes are in the cache then. A distribution's root is packed into one layer,
// once, and so is one that packages were added to; an image's layers are fetched and
// verified.
func (t *Toolchain) Image(ctx context.Context) (v1.Image, error) {
	if t.Ref.Kind == ref.Distro || t.added {
		return t.packed(ctx)
	}
	if img, err := image.Open(t.store, t.ID); err == nil {
		return img, nil
	}
	img, err := t.find(ctx)
	if err != nil {
		return nil, err
	}
	return img, image.Keep(ctx, t.store, img)
}

// findAll fetches what is not in the cache of an image's layers.
func (p *call) findAll(ctx context.Context, r ref.Ref, as ref.Use, img v1.Image) (v1.Image, error) {
	if img == nil {
		var err error
		if img, err = p.find(ctx, r, as); err != nil {
			return nil, err
		}
	}
	layers, err := layersOf(img)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", r, err)
	}
	return img, p.fetchLayers(ctx, layers)
}

// packedLayer is what a root was packed into.
type packedLayer struct {
	Digest store.Digest `json:"digest"`
	Size   int64        `json:"size"` // bytes
	DiffID store.Digest `json:"diff_id"`
}

// packed is a root as an image of one layer.
func (t *Toolchain) packed(ctx context.Context) (v1.Image, error) {
	root, err := t.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }() // only read
	key := t.Content().Hex() + packRecipe
	unlock, err := t.store.Lock(ctx, "pack-"+key, nil)
	if err != nil {
		return nil, err
	}
	defer unlock()
	var l packedLayer
	if !t.store.Get("packed", key, &l) || !t.store.HasBlob(l.Digest, l.Size) || t.store.VerifyBlob(l.Digest) != nil {
		if l, err = pack(ctx, t.store, t.store.TreePath(treeKind, t.ID.Hex()), root); err != nil {
			return nil, fmt.Errorf("packing toolchain %s: %w", t.Ref, err)
		}
		if err := t.store.Put("packed", key, l); err != nil {
			return nil, err
		}
	}
	return t.imageOf(l)
}

// imageOf is the image with a packed layer and the toolchain's configuration.
func (t *Toolchain) imageOf(l packedLayer) (v1.Image, error) {
	img, err := mutate.Append(mutate.MediaType(empty.Image, types.DockerManifestSchema2), mutate.Addendum{
		Layer: storedLayer{t.store, l}, History: v1.History{CreatedBy: "dram: toolchain " + t.Ref.String()},
	})
	if err != nil {
		return nil, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", cmp.Or(t.arch, "amd64")
	config.Created = v1.Time{Time: time.Unix(1, 0).UTC()}
	config.Config.Cmd = []string{"/bin/sh"}
	return mutate.ConfigFile(img, config)
}

// storedLayer is a packed layer in the cache, in go-containerregistry's terms.
type storedLayer struct {
	st *store.Store
	l  packedLayer
}

func hash(d store.Digest) v1.Hash { return v1.Hash{Algorithm: "sha256", Hex: d.Hex()} }

func (s storedLayer) Digest() (v1.Hash, error)             { return hash(s.l.Digest), nil }
func (s storedLayer) DiffID() (v1.Hash, error)             { return hash(s.l.DiffID), nil }
func (s storedLayer) Size() (int64, error)                 { return s.l.Size, nil }
func (s storedLayer) MediaType() (types.MediaType, error)  { return types.DockerLayer, nil }
func (s storedLayer) Compressed() (io.ReadCloser, error)   { return s.st.OpenBlob(s.l.Digest) }
func (s storedLayer) Uncompressed() (io.ReadCloser, error) { return s.st.OpenGzip(s.l.Digest) }

// pack makes a layer of a root filesystem that one user unpacked: everything
// belongs to root, and all times are one, so that the same root is the same
// layer. It is compressed fast: it goes to a builder nearby.
//
// Files are opened by way of root, which is the same directory.
func pack(ctx context.Context, st *store.Store, dir string, root fs.FS) (l packedLayer, err error) {
	blob, err := st.NewBlob()
	if err != nil {
		return l, err
	}
	defer blob.Discard()
	z, err := gzip.NewWriterLevel(blob, gzip.BestSpeed)
	if err != nil {
		return l, err
	}
	sum := sha256.New()
	p := packer{ctx: ctx, dir: dir, root: root, w: tar.NewWriter(io.MultiWriter(z, sum)), seen: map[inode]string{}}
	if err := filepath.WalkDir(dir, p.add); err != nil {
		return l, err
	}
	if err := errors.Join(p.w.Close(), z.Close()); err != nil {
		return l, err
	}
	l.DiffID = store.SumDigest(sum)
	l.Digest, l.Size, err = blob.Commit()
	return l, err
}

// packer writes a directory into a tar archive.
type packer struct {
	ctx  context.Context //nolint:containedctx // lives for one pack
	dir  string
	root fs.FS
	w    *tar.Writer
	seen map[inode]string // files with several names: the first
}

func (p *packer) add(path string, d fs.DirEntry, err error) error {
	if err = errors.Join(err, p.ctx.Err()); err != nil || path == p.dir {
		return err
	}
	info, err := d.Info()
	if err != nil {
		return err
	}
	var link string
	if info.Mode()&fs.ModeSymlink != 0 {
		if link, err = os.Readlink(path); err != nil {
			return err
		}
	}
	h, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return fmt.Errorf("%q: %w", path, err)
	}
	rel := strings.TrimPrefix(filepath.ToSlash(path), filepath.ToSlash(p.dir)+"/")
	*h = tar.Header{
		Typeflag: h.Typeflag, Name: rel, Linkname: h.Linkname, Size: h.Size, Mode: h.Mode, ModTime: time.Unix(1, 0),
	}
	if d.IsDir() {
		h.Name += "/"
	}
	if id, several := inodeOf(info); several && info.Mode().IsRegular() {
		if first, ok := p.seen[id]; ok {
			h.Typeflag, h.Linkname, h.Size = tar.TypeLink, first, 0
		} else {
			p.seen[id] = rel
		}
	}
	if err := p.w.WriteHeader(h); err != nil {
		return fmt.Errorf("%q: %w", rel, err)
	}
	if h.Typeflag != tar.TypeReg {
		return nil
	}
	f, err := p.root.Open(rel)
	if err != nil {
		return err
	}
	_, err = io.Copy(p.w, f)
	return errors.Join(err, f.Close())
}
