package nfsroottest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// manyEntries are more than one reply of any server holds.
const manyEntries = 1500

func directoryProbes() []probe {
	return []probe{
		{name: "readdir-complete", ask: readdirComplete},
		{name: "readdir-while-deleting", ask: readdirWhileDeleting},
		{name: "rewinddir", ask: rewindDir},
		{name: "link-count-of-directory", optional: true, ask: linkCountOfDirectory},
		{name: "dot-dot", ask: dotDot},
		{name: "create-at-once", ask: createAtOnce},
		{name: "excl-race", ask: exclRace},
	}
}

func fill(dir string, n int) error {
	for i := range n {
		if err := os.WriteFile(fmt.Sprintf("%s/entry-%06d", dir, i), nil, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func readdirComplete(p place) error {
	if err := fill(string(p), manyEntries); err != nil {
		return err
	}
	d, err := os.Open(string(p))
	if err != nil {
		return err
	}
	defer d.Close()
	seen := map[string]int{}
	for {
		names, err := d.Readdirnames(100)
		for _, n := range names {
			seen[n]++
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	for n, times := range seen {
		if times != 1 {
			return fmt.Errorf("%s is listed %d times", n, times)
		}
	}
	return same("entries", len(seen), manyEntries)
}

// readdirWhileDeleting is what rm -r does.
func readdirWhileDeleting(p place) error {
	const all = manyEntries / 3
	if err := fill(string(p), all); err != nil {
		return err
	}
	d, err := os.Open(string(p))
	if err != nil {
		return err
	}
	defer d.Close()
	removed := 0
	for {
		names, err := d.Readdirnames(64)
		for _, n := range names {
			if err := os.Remove(p.path(n)); err != nil {
				return fmt.Errorf("listed twice, or never there: %w", err)
			}
			removed++
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	return same("removed entries", removed, all)
}

func rewindDir(p place) error {
	d, err := os.Open(string(p))
	if err != nil {
		return err
	}
	defer d.Close()
	if _, err := d.Readdirnames(-1); err != nil {
		return err
	}
	if err := write(p.path("later"), "x"); err != nil {
		return err
	}
	if _, err := d.Seek(0, io.SeekStart); err != nil {
		return err
	}
	names, err := d.Readdirnames(-1)
	return errors.Join(err, same("entries after the rewind", len(names), 1))
}

func linkCountOfDirectory(p place) error {
	if err := errors.Join(os.Mkdir(p.path("a"), 0o755), os.Mkdir(p.path("b"), 0o755)); err != nil {
		return err
	}
	st, err := stat(string(p))
	return errors.Join(err, same("link count", st.Nlink, 4))
}

func dotDot(p place) error {
	if err := os.MkdirAll(p.path("a/b"), 0o755); err != nil {
		return err
	}
	var up, a unix.Stat_t
	fd, err := unix.Open(p.path("a/b"), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return errors.Join(unix.Fstatat(fd, "..", &up, 0), unix.Lstat(p.path("a"), &a), same("inode of ..", up.Ino, a.Ino))
}

func createAtOnce(p place) error {
	const makers, each = 8, 50
	errs := make([]error, makers)
	var wg sync.WaitGroup
	for i := range makers {
		wg.Go(func() {
			dir := p.path(fmt.Sprint("maker", i))
			if errs[i] = os.Mkdir(dir, 0o755); errs[i] == nil {
				errs[i] = errors.Join(fill(dir, each), os.Rename(dir, dir+"-done"))
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for i := range makers {
		list, err := os.ReadDir(p.path(fmt.Sprint("maker", i, "-done")))
		if err := errors.Join(err, same("files", len(list), each)); err != nil {
			return err
		}
	}
	return nil
}

func exclRace(p place) error {
	const racers, rounds = 8, 20
	for round := range rounds {
		won := make(chan bool, racers)
		errs := make([]error, racers)
		var wg sync.WaitGroup
		for i := range racers {
			wg.Go(func() {
				f, err := os.OpenFile(p.path(fmt.Sprint("lock", round)), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
				if err == nil {
					won <- true
					err = f.Close()
				} else if errors.Is(err, unix.EEXIST) {
					err = nil
				}
				errs[i] = err
			})
		}
		wg.Wait()
		if err := errors.Join(errors.Join(errs...), same("winners", len(won), 1)); err != nil {
			return err
		}
	}
	return nil
}
