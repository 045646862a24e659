package build

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// stageMark is in the names of the trees that are being built beside their
// destination: ".NAME.nfsroot-RANDOM".
const stageMark = ".nfsroot-"

// target is a place for a root, held by one build at a time.
type target struct {
	dst   string
	lock  *os.File
	stage string // beside dst, so that it can take dst's place; "" until made
}

// openTarget waits until no other build has dst, unless noWait, and clears away
// what killed builds left beside it.
func openTarget(ctx context.Context, dst string, noWait bool) (*target, error) {
	abs, err := filepath.Abs(dst)
	if err != nil {
		return nil, err
	}
	if info, err := os.Lstat(abs); err == nil && !info.IsDir() {
		return nil, &fs.PathError{Op: "build", Path: abs, Err: errors.New("is there and not a folder")}
	}
	t := &target{dst: abs}
	lock := filepath.Join(filepath.Dir(abs), "."+filepath.Base(abs)+".lock")
	if t.lock, err = acquire(ctx, lock, noWait); err != nil {
		return nil, err
	}
	if err := t.clearStale(); err != nil {
		t.lock.Close()
		return nil, err
	}
	return t, nil
}

// lockPoll is how often a lock is tried that another build has.
const lockPoll = 100 * time.Millisecond

// acquire locks a file, which stays: who removes a lock file races with who
// waits for it.
func acquire(ctx context.Context, name string, noWait bool) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	for {
		held, err := tryLock(f)
		switch {
		case err != nil:
			f.Close()
			return nil, &fs.PathError{Op: "lock", Path: name, Err: err}
		case held:
			return f, nil
		case noWait:
			f.Close()
			return nil, fmt.Errorf("%s: %w", name, ErrInUse)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		case <-tick.C:
		}
	}
}

func (t *target) stagePrefix() string {
	return "." + filepath.Base(t.dst) + stageMark
}

// clearStale removes the trees of builds that were killed: the lock is held, so
// that nobody builds here. A tree that something is mounted in stays.
func (t *target) clearStale() error {
	parent := filepath.Dir(t.dst)
	entries, err := os.ReadDir(parent)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), t.stagePrefix()) {
			continue
		}
		if err := removeTree(filepath.Join(parent, e.Name())); err != nil {
			return fmt.Errorf("left by a build that was killed: %w", err)
		}
	}
	return nil
}

// removeTree removes a tree in which nothing is mounted.
func removeTree(dir string) error {
	mounts, err := mountsBelow(dir)
	if err != nil {
		return err
	}
	if len(mounts) > 0 {
		return &fs.PathError{Op: "remove", Path: dir, Err: fmt.Errorf("%s is mounted in it", mounts[0])}
	}
	return os.RemoveAll(dir)
}

// mountsBelow lists the mount points at and below dir.
func mountsBelow(dir string) ([]string, error) {
	real, err := filepath.EvalSymlinks(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var found []string
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 5 {
			continue
		}
		at := unescape.Replace(f[4])
		if at == real || strings.HasPrefix(at, real+"/") {
			found = append(found, at)
		}
	}
	return found, nil
}

// unescape undoes what the kernel does to names in mountinfo.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

// makeStage makes the folder for a new tree.
func (t *target) makeStage() (string, error) {
	dir, err := os.MkdirTemp(filepath.Dir(t.dst), t.stagePrefix())
	if err != nil {
		return "", err
	}
	t.stage = dir
	return dir, os.Chmod(dir, 0o755)
}

// publish puts the stage in dst's place, on disk before it can be seen, and
// removes what was there.
func (t *target) publish() error {
	if err := syncTree(t.stage); err != nil {
		return err
	}
	old, err := swap(t.stage, t.dst)
	if err != nil {
		return err
	}
	t.stage = ""
	if err := syncDir(filepath.Dir(t.dst)); err != nil {
		return err
	}
	if old == "" {
		return nil
	}
	return removeTree(old)
}

// close gives dst to the next, and removes a stage that was not published.
func (t *target) close() error {
	var err error
	if t.stage != "" {
		err = removeTree(t.stage)
	}
	return errors.Join(err, t.lock.Close())
}

// syncDir makes a rename in a folder last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
