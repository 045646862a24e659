package nfsroottest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

func dataProbes() []probe {
	return []probe{
		{name: "sparse", ask: sparse},
		{name: "usage", ask: usage},
		{name: "beyond-4-gib", ask: beyond4GiB},
		{name: "truncate", ask: truncate},
		{name: "open-truncate", ask: openTruncate},
		{name: "append", ask: appends},
		{name: "large-io", ask: largeIO},
		{name: "fsync", ask: fsyncs},
		{name: "o-sync", ask: oSync},
		{name: "mmap-shared", ask: mmapShared},
		{name: "copy-file-range", ask: copyRange},
	}
}

func sparse(p place) error {
	f, err := os.Create(p.path("f"))
	if err != nil {
		return err
	}
	_, errWrite := f.WriteAt([]byte("end"), 64<<20)
	if err := errors.Join(errWrite, f.Sync(), f.Close()); err != nil {
		return err
	}
	st, err := stat(p.path("f"))
	if err == nil && st.Blocks*512 > 8<<20 {
		err = fmt.Errorf("a hole of 64 MiB takes %d bytes", st.Blocks*512)
	}
	return errors.Join(err, same("size", st.Size, 64<<20+3))
}

func usage(p place) error {
	f, err := os.Create(p.path("f"))
	if err != nil {
		return err
	}
	_, errWrite := f.Write(bytes.Repeat([]byte("x"), 1<<20))
	if err := errors.Join(errWrite, f.Sync(), f.Close()); err != nil {
		return err
	}
	st, err := stat(p.path("f"))
	if err == nil && st.Blocks*512 < 1<<20 {
		err = fmt.Errorf("a mebibyte takes %d bytes", st.Blocks*512)
	}
	return err
}

func beyond4GiB(p place) error {
	f, err := os.Create(p.path("f"))
	if err != nil {
		return err
	}
	defer f.Close()
	const far = 5<<30 + 17
	if _, err := f.WriteAt([]byte("far"), far); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	b := make([]byte, 3)
	_, errFar := f.ReadAt(b, far)
	low := make([]byte, 3)
	_, errLow := f.ReadAt(low, far-4<<30)
	st, err := stat(p.path("f"))
	return errors.Join(errFar, errLow, err, same("far bytes", string(b), "far"),
		same("bytes 4 GiB below", string(low), "\x00\x00\x00"), same("size", st.Size, far+3))
}

func truncate(p place) error {
	f := p.path("f")
	return steps(
		func() error { return write(f, "0123456789") },
		func() error { return os.Truncate(f, 4) },
		func() error { return contains(f, "0123") },
		func() error { return os.Truncate(f, 6) },
		func() error { return contains(f, "0123\x00\x00") },
		func() error { return os.Truncate(f, 0) },
		func() error { return contains(f, "") },
	)
}

func openTruncate(p place) error {
	f := p.path("f")
	return steps(
		func() error { return write(f, "0123456789") },
		func() error { return write(f, "x") },
		func() error { return contains(f, "x") },
	)
}

func appends(p place) error {
	const writers, lines = 4, 25
	name := p.path("log")
	errs := make([]error, writers)
	for i := range writers { // in turns, as each sees the other's end only after its write was sent
		f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		for n := range lines {
			_, err := fmt.Fprintf(f, "writer %d line %02d\n", i, n)
			errs[i] = errors.Join(errs[i], err)
		}
		errs[i] = errors.Join(errs[i], f.Close())
	}
	st, err := stat(name)
	return errors.Join(errors.Join(errs...), err, same("size", st.Size, int64(writers*lines*len("writer 0 line 00\n"))))
}

func pattern(n, seed int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i>>8 ^ i + seed)
	}
	return b
}

func largeIO(p place) error {
	const size, streams = 3<<20 + 5, 3
	errs := make([]error, streams)
	var wg sync.WaitGroup
	for i := range streams {
		wg.Go(func() {
			name := p.path(fmt.Sprint("f", i))
			data := pattern(size, i)
			if errs[i] = os.WriteFile(name, data, 0o600); errs[i] != nil {
				return
			}
			dropPages(name)
			got, err := os.ReadFile(name)
			if err == nil && !bytes.Equal(got, data) {
				err = errors.New("what was read is not what was written")
			}
			errs[i] = err
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// dropPages makes the next read come from the server, as far as the kernel goes along.
func dropPages(name string) {
	f, err := os.Open(name)
	if err != nil {
		return
	}
	defer f.Close()
	_ = f.Sync()
	_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
}

func fsyncs(p place) error {
	f, err := opened(p.path("f"))
	if err != nil {
		return err
	}
	defer f.Close()
	_, errWrite := f.WriteString("two")
	d, err := os.Open(string(p))
	if err != nil {
		return err
	}
	defer d.Close()
	return errors.Join(errWrite, f.Sync(), unix.Fdatasync(int(f.Fd())), d.Sync())
}

func oSync(p place) error {
	f, err := os.OpenFile(p.path("f"), os.O_CREATE|os.O_WRONLY|os.O_SYNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString("text")
	return errors.Join(err, f.Close(), contains(p.path("f"), "text"))
}

func mmapShared(p place) error {
	f, err := opened(p.path("f"))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(8192); err != nil {
		return err
	}
	m, err := unix.Mmap(int(f.Fd()), 0, 8192, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("mmap: %w", err)
	}
	before := string(m[:3])
	copy(m[5000:], "mapped")
	err = errors.Join(unix.Msync(m, unix.MS_SYNC), unix.Munmap(m))
	b := make([]byte, 6)
	_, errRead := f.ReadAt(b, 5000)
	return errors.Join(err, errRead, same("mapping", before, "one"), same("what was written by the mapping", string(b), "mapped"))
}

func copyRange(p place) error {
	data := pattern(300_000, 1)
	if err := os.WriteFile(p.path("a"), data, 0o600); err != nil {
		return err
	}
	a, err := os.Open(p.path("a"))
	if err != nil {
		return err
	}
	defer a.Close()
	b, err := os.Create(p.path("b"))
	if err != nil {
		return err
	}
	_, err = b.ReadFrom(a) // copy_file_range where there is one
	if err := errors.Join(err, b.Close()); err != nil {
		return err
	}
	got, err := os.ReadFile(p.path("b"))
	if err == nil && !bytes.Equal(got, data) {
		err = errors.New("the copy differs")
	}
	return err
}
