package filekv_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/internal/filekv"
	"github.com/stretchr/testify/require"
)

// damages are what becomes of files by broken disks and by hand.
var damages = map[string]func([]byte) []byte{
	"empty":          func([]byte) []byte { return nil },
	"no value":       func(b []byte) []byte { return b[:bytes.IndexByte(b, '\n')+1] },
	"cut":            func(b []byte) []byte { return b[:len(b)-1] },
	"longer":         func(b []byte) []byte { return append(b, 'x') },
	"another bit":    func(b []byte) []byte { b[len(b)-1] ^= 1; return b },
	"zeros":          func(b []byte) []byte { return make([]byte, len(b)) },
	"another format": func(b []byte) []byte { return bytes.Replace(b, []byte("kv 1"), []byte("kv 2"), 1) },
	"revision 0":     func(b []byte) []byte { return bytes.Replace(b, []byte("rev 1"), []byte("rev 0"), 1) },
}

// A damaged file is an error wherever it is met, never a missing key or another value.
func TestDamaged(t *testing.T) {
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "store")
			prepare(t, dir)
			file := filepath.Join(dir, "dir", "k.kv")
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(file, damage(data), 0o600))
			s, err := filekv.New(dir)
			require.NoError(t, err)
			defer s.Close()
			_, _, err = s.Get(t.Context(), "dir/k")
			require.ErrorIs(t, err, filekv.ErrDamaged)
			require.ErrorContains(t, err, "dir/k")
			require.ErrorIs(t, s.List(t.Context(), "", func(string, []byte, int64) error { return nil }), filekv.ErrDamaged)
			require.ErrorIs(t, s.Watch(t.Context(), "", func(string, []byte, int64) {}), filekv.ErrDamaged)
			_, _, err = s.Get(t.Context(), "other")
			require.ErrorIs(t, err, fs.ErrNotExist)
		})
	}
}

func TestDamagedFloor(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	prepare(t, dir)
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".store", "floor"), nil, 0o600))
	_, err := filekv.New(dir)
	require.ErrorIs(t, err, filekv.ErrDamaged)
	require.ErrorContains(t, err, "floor")
}

func FuzzParseRecord(f *testing.F) {
	f.Add([]byte("hostkit-kv 1 rev 1 length 2 crc32c 297bd0aa\n{}"))
	f.Add([]byte("hostkit-kv 1 rev 1 length 0 crc32c 00000000\n"))
	f.Add([]byte("hostkit-kv 1 rev +1 length 0 crc32c 0\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		val, rev, err := filekv.ParseRecord(data)
		if err != nil {
			require.ErrorIs(t, err, filekv.ErrDamaged)
			return
		}
		require.Positive(t, rev)
		require.True(t, bytes.HasSuffix(data, val))
	})
}

// What others put into the folder is left alone.
func TestForeignFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	prepare(t, dir)
	for _, name := range []string{"README", "dir/k.kv~", "dir/.k.kv.swp", "dir/K.kv", "dir/%6b.kv"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600))
	}
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(dir, "passwd.kv")))
	s, err := filekv.New(dir)
	require.NoError(t, err)
	defer s.Close()
	var keys []string
	require.NoError(t, s.List(t.Context(), "", func(key string, _ []byte, _ int64) error {
		keys = append(keys, key)
		return nil
	}))
	require.Equal(t, []string{"dir/k"}, keys)
	_, _, err = s.Get(t.Context(), "passwd")
	require.Error(t, err, "a link out of the folder")
}

const (
	counterEnv   = "FILEKV_COUNTER"
	counterTimes = 30
)

// TestCounter is not a test: it is the process that TestProcesses starts.
func TestCounter(t *testing.T) {
	dir := os.Getenv(counterEnv)
	if dir == "" {
		return
	}
	s, err := filekv.New(dir)
	require.NoError(t, err)
	defer s.Close()
	for range counterTimes {
		held, unlock, err := s.Lock(t.Context(), "l")
		require.NoError(t, err)
		val, _, err := s.Get(held, "locked")
		require.True(t, err == nil || errors.Is(err, fs.ErrNotExist))
		n, _ := strconv.Atoi(string(val))
		_, err = s.Put(held, "locked", []byte(strconv.Itoa(n+1)), -1)
		require.NoError(t, err)
		require.NoError(t, unlock())
		require.NoError(t, count(t.Context(), s))
	}
}

func count(ctx context.Context, s *filekv.Store) error {
	for {
		val, rev, err := s.Get(ctx, "swapped")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		n, _ := strconv.Atoi(string(val)) // 0 at first
		if _, err := s.Put(ctx, "swapped", []byte(strconv.Itoa(n+1)), rev); !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
}

// TestProcesses has several processes count in one folder, by locks and by compare and
// swap, and this one watch them.
func TestProcesses(t *testing.T) {
	const processes = 3
	dir := filepath.Join(t.TempDir(), "store")
	s, err := filekv.New(dir)
	require.NoError(t, err)
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := make(map[string]string)
	var mu sync.Mutex
	go func() {
		_ = s.Watch(ctx, "", func(key string, val []byte, _ int64) {
			mu.Lock()
			defer mu.Unlock()
			seen[key] = string(val)
		})
	}()
	var wg sync.WaitGroup
	for range processes {
		wg.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCounter$")
			cmd.Env = append(os.Environ(), counterEnv+"="+dir)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	wg.Wait()
	total := strconv.Itoa(processes * counterTimes)
	for _, key := range []string{"locked", "swapped"} {
		val, rev, err := s.Get(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, total, string(val))
		require.EqualValues(t, total, strconv.FormatInt(rev, 10))
	}
	require.Eventually(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return seen["locked"] == total && seen["swapped"] == total
	}, time.Minute, 10*time.Millisecond)
}

// As many keys as a hosting company has zones.
func TestManyKeys(t *testing.T) {
	const keys, links = 100_000, 1000 // one file has several names, to be quicker
	dir := filepath.Join(t.TempDir(), "store")
	prepare(t, dir)
	data, err := os.ReadFile(filepath.Join(dir, "dir", "k.kv"))
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "zone"), 0o700))
	for i := range keys {
		file := filepath.Join(dir, "zone", fmt.Sprintf("%06d.example.kv", i))
		if i%links == 0 {
			require.NoError(t, os.WriteFile(file, data, 0o600))
			continue
		}
		require.NoError(t, os.Link(filepath.Join(dir, "zone", fmt.Sprintf("%06d.example.kv", i-i%links)), file))
	}
	s, err := filekv.New(dir)
	require.NoError(t, err)
	defer s.Close()
	began, n, last := time.Now(), 0, ""
	require.NoError(t, s.List(t.Context(), "zone/", func(key string, _ []byte, _ int64) error {
		require.Less(t, last, key)
		last = key
		n++
		return nil
	}))
	require.Equal(t, keys, n)
	t.Logf("listed %d keys in %v", n, time.Since(began))

	began, n = time.Now(), 0
	ctx, cancel := context.WithCancel(t.Context())
	err = s.Watch(ctx, "zone/", func(key string, _ []byte, _ int64) {
		if key == "" {
			cancel()
			return
		}
		n++
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, keys, n)
	t.Logf("watch in sync after %v", time.Since(began))
	require.True(t, strings.HasPrefix(last, "zone/099999"))
}
