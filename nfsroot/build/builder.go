package build

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/mythic-beasts/hostkit/nfsroot"
)

// Builder makes roots. The zero value is ready to use; fields must not change
// while it builds, and any number of builds may run at once.
type Builder struct {
	// Backend is the bootstrapping program. Empty is [Auto].
	Backend Backend
	// CacheDir keeps packages, package lists and finished roots. Empty means
	// hostkit/nfsroot in the user's cache folder. It may be deleted at any time
	// when nothing is built.
	CacheDir string
	// TempDir is where [Builder.BuildTar] works. Empty means a folder of CacheDir.
	TempDir string
	// MaxAge is how old a root may be that is taken from the cache when its
	// mirrors are live. Zero means [DefaultMaxAge]; negative builds anew each
	// time. Roots of a snapshot do not age.
	MaxAge time.Duration
	// NoWait has a build return [ErrInUse] when another has the same
	// destination. Otherwise it waits.
	NoWait bool
	// OnDisk bootstraps in the folder of the destination, as always happens on a
	// machine that has less than 2 GiB of memory to spare. Otherwise it happens
	// in memory, in about 400 MB for a minimal root, so that dpkg's syncing of
	// every step costs nothing. A plain user's is always in memory.
	OnDisk bool
	// Log is told what happens, and at debug level what the tools say. Nil
	// discards.
	Log *slog.Logger
	// Progress, when set, is called for each step, from one goroutine at a time.
	Progress func(Event)
	// Run runs the tools. Nil means a [Sandbox].
	Run Runner
}

// Build makes dst the root of a spec, owned by whom it must be, which takes
// root. The folder that dst is in must exist. What is at dst before stays until
// the new root is complete and on disk; they change places in one step, then
// the old one is removed. An error leaves the old one, and nothing else.
//
// A dst that this spec built a while ago, within MaxAge, is left alone, when not
// one file, folder or link of it was added, removed, written or given another
// mode, owner, name or attribute since: that is known by inode numbers, sizes and
// the times of change that the kernel keeps, so that contents are not read. An
// extended attribute of the folder dst itself goes unseen. Anything else is
// replaced.
//
// Beside dst lies a lock file, ".NAME.lock", and during the build a folder
// ".NAME.nfsroot-…". What a killed build left of these the next one removes.
//
// An error of the tools is an [*Error].
func (b *Builder) Build(ctx context.Context, spec nfsroot.Spec, dst string) (*nfsroot.Manifest, error) {
	if b.Run == nil && os.Geteuid() != 0 {
		return nil, fmt.Errorf("build: a root of files that are root's needs root (BuildTar does not): %w", errors.ErrUnsupported)
	}
	r, err := b.start(spec)
	if err != nil {
		return nil, fmt.Errorf("build: %w", err)
	}
	m, err := r.build(ctx, dst)
	return m, r.end(ctx, err, "root", dst)
}

// BuildTar writes the root of a spec to w as a tar archive, which has the digest
// that the manifest says: in order, with numeric owners, and no time newer than
// the spec's date. It does not need root: a plain user needs ids in /etc/subuid
// and /etc/subgid, and newuidmap(1). The archive is the same either way.
func (b *Builder) BuildTar(ctx context.Context, spec nfsroot.Spec, w io.Writer) (*nfsroot.Manifest, error) {
	r, err := b.start(spec)
	if err != nil {
		return nil, fmt.Errorf("build: %w", err)
	}
	m, err := r.buildTar(ctx, w)
	return m, r.end(ctx, err, "root", "tar")
}

// run is one build.
type run struct {
	b        *Builder
	spec     nfsroot.Spec
	hash     string // of the spec
	backend  Backend
	date     time.Time
	began    time.Time
	cacheDir string
	log      *slog.Logger
	progress *progress
	runner   Runner
}

func (b *Builder) start(spec nfsroot.Spec) (*run, error) {
	hash, err := spec.Hash()
	if err != nil {
		return nil, err
	}
	cacheDir := b.CacheDir
	if cacheDir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("no place for a cache, set CacheDir: %w", err)
		}
		cacheDir = filepath.Join(base, "hostkit", "nfsroot")
	}
	if cacheDir, err = filepath.Abs(cacheDir); err != nil {
		return nil, err
	}
	now := time.Now()
	r := &run{
		b: b, spec: spec, hash: hash, date: spec.Date(now), began: now, cacheDir: cacheDir,
		log:    cmp.Or(b.Log, slog.New(slog.DiscardHandler)).With("suite", spec.Suite, "arch", string(spec.Arch)),
		runner: b.Run,
	}
	if r.runner == nil {
		r.runner = &Sandbox{}
	}
	if r.backend, err = r.choose(); err != nil {
		return nil, err
	}
	emit := b.Progress
	if emit == nil {
		emit = func(Event) {}
	}
	r.progress = newProgress(emit, func(line string) {
		r.log.Debug("bootstrapping tool", "line", line)
	})
	r.progress.enter(Prepare)
	return r, nil
}

// key is the root's name in the cache.
func (r *run) key() string { return r.hash + "-" + string(r.backend) }

// end logs how a build went, and gives its error the stage that it had reached.
func (r *run) end(ctx context.Context, err error, key, where string) error {
	took := time.Since(r.began).Round(time.Millisecond)
	if err == nil {
		r.log.Info("root built", key, where, "took", took)
		return nil
	}
	if _, ok := errors.AsType[*Error](err); !ok {
		stage, _ := r.progress.state()
		err = fmt.Errorf("build: %s: %w", stage, err)
	}
	if ctx.Err() == nil {
		r.log.Error("root not built", key, where, "took", took, "err", err)
	}
	return err
}

// build publishes a root at dst.
func (r *run) build(ctx context.Context, dst string) (_ *nfsroot.Manifest, err error) {
	t, err := openTarget(ctx, dst, r.b.NoWait)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	if m := r.unchanged(ctx, t); m != nil {
		r.progress.enter(Cached)
		r.progress.enter(Publish)
		return m, ctx.Err()
	}
	stage, err := t.makeStage()
	if err != nil {
		return nil, err
	}
	m, err := r.cached(ctx, func(archive io.Reader) error { return r.unpack(ctx, archive, stage) })
	if errors.Is(err, ErrHash) {
		r.log.Warn("a root in the cache was damaged and is built anew", "key", r.key())
		err = errors.Join(removeTree(stage), os.Mkdir(stage, 0o755))
	}
	if m == nil && err == nil {
		m, err = r.make(ctx, stage)
	}
	if err != nil {
		return nil, err
	}
	r.progress.enter(Publish)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := t.setMark(ctx, r.key(), m); err != nil {
		return nil, err
	}
	return m, t.publish()
}

// unpack fills stage from an archive.
func (r *run) unpack(ctx context.Context, archive io.Reader, stage string) error {
	t, err := openTree(stage, r.date)
	if err != nil {
		return err
	}
	defer t.root.Close()
	return t.extract(ctx, archive)
}

// buildTar writes a root to w, by way of the cache.
func (r *run) buildTar(ctx context.Context, w io.Writer) (_ *nfsroot.Manifest, err error) {
	copyTo := func(archive io.Reader) error {
		_, err := io.Copy(w, archive)
		return err
	}
	if m, err := r.cached(ctx, copyTo); m != nil || err != nil {
		return m, err
	}
	temp := cmp.Or(r.b.TempDir, filepath.Join(r.cacheDir, "trees"))
	if err := os.MkdirAll(temp, 0o700); err != nil {
		return nil, err
	}
	t, err := openTarget(ctx, filepath.Join(temp, r.key()), r.b.NoWait)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	stage, err := t.makeStage()
	if err != nil {
		return nil, err
	}
	m, err := r.make(ctx, stage)
	if err != nil {
		return nil, err
	}
	cache, err := openBaseCache(r.cacheDir)
	if err != nil {
		return nil, err
	}
	r.progress.enter(Publish)
	f, err := os.Open(cache.tar(r.key()))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return m, copyChecked(ctx, f, m.Digest, copyTo)
}

// find opens the root in the cache, unless it is too old for the spec.
func (r *run) find() (*os.File, *nfsroot.Manifest, error) {
	maxAge := cmp.Or(r.b.MaxAge, DefaultMaxAge)
	if maxAge < 0 {
		return nil, nil, fs.ErrNotExist
	}
	if !r.spec.Snapshot.IsZero() {
		maxAge = 0
	}
	return baseCacheAt(r.cacheDir).find(r.key(), maxAge)
}

// cached has use take the root from the cache. The manifest is nil when it is
// not there, or, with an error, when it was damaged.
func (r *run) cached(ctx context.Context, use func(io.Reader) error) (*nfsroot.Manifest, error) {
	f, m, err := r.find()
	if err != nil {
		return nil, nil // what cannot be read is built
	}
	defer f.Close()
	r.progress.enter(Cached)
	err = copyChecked(ctx, f, m.Digest, use)
	if errors.Is(err, ErrHash) {
		return nil, errors.Join(err, baseCacheAt(r.cacheDir).drop(r.key()))
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}
