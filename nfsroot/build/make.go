package build

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/mythic-beasts/hostkit/nfsroot"
)

// make bootstraps and finishes a tree in stage, and puts its archive into the
// cache. A root that does not fit into memory is made on the disk.
func (r *run) make(ctx context.Context, stage string) (*nfsroot.Manifest, error) {
	user := r.b.Run == nil && os.Geteuid() != 0
	if r.b.OnDisk && !user {
		return r.makeIn(ctx, stage, false)
	}
	memory := user || spareMemory() >= wantMemory
	m, err := r.makeIn(ctx, stage, memory)
	if _, tool := errors.AsType[*Error](err); !memory || user || !tool || !errors.Is(err, syscall.ENOSPC) {
		return m, err
	}
	r.log.Warn("the root does not fit into memory and is made on the disk")
	if err := errors.Join(removeTree(stage), os.Mkdir(stage, 0o755)); err != nil {
		return nil, err
	}
	return r.makeIn(ctx, stage, false)
}

// wantMemory is what must be spare for a root in memory.
const wantMemory = 2 << 30

// spareMemory is how many bytes programs can have without swapping; 0 when this
// is not known.
func spareMemory() int64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) == 3 && f[0] == "MemAvailable:" {
			kib, err := strconv.ParseInt(f[1], 10, 50)
			if err != nil {
				return 0
			}
			return kib << 10
		}
	}
	return 0
}

func (r *run) makeIn(ctx context.Context, stage string, memory bool) (*nfsroot.Manifest, error) {
	debs, err := openDebCache(r.cacheDir, r.sourceKey())
	if err != nil {
		return nil, err
	}
	work, err := newWork(r.cacheDir, debs)
	if err != nil {
		return nil, err
	}
	defer work.remove()
	t, err := openTree(stage, r.date)
	if err != nil {
		return nil, err
	}
	defer t.root.Close()
	j := job{
		spec: r.spec, date: r.date, root: stage, tar: memory,
		config: work.path("config"), archives: work.path("archives"), lists: work.path("lists"),
	}
	if err := r.bootstrap(ctx, j, t); err != nil {
		return nil, err
	}
	sums, err := debs.keep(j.archives, j.lists)
	if err != nil {
		return nil, fmt.Errorf("cache of packages: %w", err)
	}
	r.progress.enter(Finish)
	kernel, err := r.kernel(ctx, t, work.path("kernel"))
	if err != nil {
		return nil, err
	}
	if err := t.finish(ctx, r.spec, r.log); err != nil {
		return nil, err
	}
	m, err := r.manifest(t, sums)
	if err != nil {
		return nil, err
	}
	m.Kernel = kernel
	if err := debs.expire(m.Packages); err != nil {
		return nil, fmt.Errorf("cache of packages: %w", err)
	}
	r.progress.enter(Archive)
	synced := make(chan error, 1)
	go func() { synced <- syncTree(stage) }() // so that publishing waits for less
	return m, errors.Join(r.store(ctx, t, m), <-synced)
}

// choose finds the program, unless a fake runs it.
func (r *run) choose() (Backend, error) {
	if r.b.Run != nil {
		if r.b.Backend == Auto {
			return Mmdebstrap, nil
		}
		return r.b.Backend, nil
	}
	if err := checkKeyrings(r.spec); err != nil {
		return "", err
	}
	return r.b.Backend.choose()
}

// bootstrap runs the backend.
func (r *run) bootstrap(ctx context.Context, j job, t *tree) error {
	if err := j.writeBuildConfig(r.backend); err != nil {
		return err
	}
	c := j.command(r.backend)
	c.Log = r.progress
	r.log.Debug("bootstrap", "backend", string(r.backend), "root", j.root)
	var err error
	if j.tar {
		err = r.stream(ctx, c, t)
	} else {
		err = r.runner.Run(ctx, c)
	}
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	stage, tail := r.progress.state()
	return diagnose(err, stage, tail)
}

// stream takes the tree from the command's standard output. It goes into the
// folder that the command, in its own namespace, has a file system of its own
// on.
func (r *run) stream(ctx context.Context, c Command, t *tree) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	in, out, err := os.Pipe()
	if err != nil {
		return err
	}
	defer in.Close()
	c.Stdout = out
	ran := make(chan error, 1)
	go func() {
		err := r.runner.Run(ctx, c)
		out.Close()
		ran <- err
	}()
	err = t.extract(ctx, in)
	if err == nil {
		_, err = io.Copy(io.Discard, in) // tar's padding
	}
	if err != nil {
		cancel()
		in.Close()
	}
	runErr := <-ran
	_, exited := errors.AsType[interface {
		error
		ExitCode() int
	}](runErr)
	cut := runErr != nil && errors.Is(err, io.ErrUnexpectedEOF) // the command failed first
	if err == nil || exited || cut {
		return runErr
	}
	return err
}

func (r *run) manifest(t *tree, sums map[string]string) (*nfsroot.Manifest, error) {
	packages, err := nfsroot.Installed(t.root.FS())
	if err != nil {
		return nil, err
	}
	for i, p := range packages {
		for _, name := range debNames(p) {
			if sum, ok := sums[name]; ok {
				packages[i].SHA256 = sum
			}
		}
	}
	return &nfsroot.Manifest{
		SpecHash: r.hash, Suite: r.spec.Suite, Arch: r.spec.Arch, Backend: string(r.backend),
		SourceDate: r.date, Built: time.Now().UTC().Truncate(time.Second), Packages: packages,
	}, nil
}

// store puts the tree's archive into the cache, and what it learns on the way
// into the manifest.
func (r *run) store(ctx context.Context, t *tree, m *nfsroot.Manifest) error {
	cache, err := openBaseCache(r.cacheDir)
	if err != nil {
		return err
	}
	e, err := cache.create()
	if err != nil {
		return err
	}
	defer e.discard()
	w := bufio.NewWriterSize(e, 1<<20)
	m.Size, m.Inodes, err = t.archive(ctx, w)
	if err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	m.Digest = e.digest()
	return e.commit(r.key(), m)
}

// work are a build's own folders below the cache, so that packages can be linked
// instead of copied. They are locked while in use.
type work struct {
	dir  string
	lock *os.File
}

func newWork(cacheDir string, debs debCache) (*work, error) {
	parent := filepath.Join(cacheDir, "builds")
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return nil, err
	}
	clearWork(parent)
	dir, err := os.MkdirTemp(parent, "build-")
	if err != nil {
		return nil, err
	}
	w := &work{dir: dir}
	w.lock, err = acquire(context.Background(), w.path("lock"), true)
	if err != nil {
		return nil, err
	}
	for _, sub := range []string{"config", "archives/partial", "lists/partial"} {
		if err := os.MkdirAll(w.path(sub), 0o755); err != nil {
			w.remove()
			return nil, err
		}
	}
	if err := debs.fill(w.path("archives"), w.path("lists")); err != nil {
		w.remove()
		return nil, fmt.Errorf("cache of packages: %w", err)
	}
	return w, nil
}

func (w *work) path(name string) string { return filepath.Join(w.dir, name) }

func (w *work) remove() {
	os.RemoveAll(w.dir)
	w.lock.Close()
}

// clearWork removes the folders of builds that were killed: nobody holds their
// locks. What cannot be removed is tried again by the next build.
func clearWork(parent string) {
	dirs, err := filepath.Glob(filepath.Join(parent, "build-*"))
	if err != nil {
		return
	}
	for _, dir := range dirs {
		lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR, 0)
		if err != nil {
			continue // just being made
		}
		if held, err := tryLock(lock); err == nil && held {
			_ = removeTree(dir)
		}
		lock.Close()
	}
}
