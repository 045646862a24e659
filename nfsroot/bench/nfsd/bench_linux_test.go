package nfsdbench_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/internal/ganeshatest"
	"github.com/mythic-beasts/hostkit/internal/netnstest"
	"github.com/mythic-beasts/hostkit/internal/peer"
	"github.com/mythic-beasts/hostkit/nfsroot/export"
	"github.com/mythic-beasts/hostkit/nfsroot/internal/nfsclient"
	"github.com/mythic-beasts/hostkit/nfsroot/nfsd"
)

const (
	oursAddr   = "10.77.0.1"
	theirsAddr = "10.77.0.2"
	dirEnv     = "BENCH_NFSD_DIR"
	round      = 400 * time.Millisecond
	manyFiles  = 14_000 // inodes of one root
)

// TestMain is our server, too: a process of its own, as ganesha is.
func TestMain(m *testing.M) {
	if dir := os.Getenv(dirEnv); dir != "" {
		if err := serve(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func exports(dir string) []export.Export {
	return []export.Export{{ID: 1, Path: dir, Client: netip.MustParsePrefix(oursAddr + "/32"), FSID: export.FSID("bench")}}
}

func serve(dir string) error {
	l, err := net.Listen("tcp", oursAddr+":2050")
	if err != nil {
		return err
	}
	// Ganesha answers before a new name is on the disk; so must this one to compare.
	s := &nfsd.Server{Exports: exports(dir), InsecurePorts: true, Async: true}
	return s.Serve(context.Background(), l)
}

// server is one that is measured.
type server struct {
	c    *nfsclient.Conn
	root nfsclient.Handle
}

// both starts the two servers on one directory.
func both(b *testing.B) (ours, theirs server) {
	b.Helper()
	peer.NeedRoot(b)
	ns := netnstest.New(b)
	ns.AddAddr("lo", netip.MustParsePrefix(oursAddr+"/32"))
	ns.AddAddr("lo", netip.MustParsePrefix(theirsAddr+"/32"))
	dir := b.TempDir()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := ns.Command(self)
	cmd.Env = append(os.Environ(), dirEnv+"="+dir)
	peer.Start(b, cmd, peer.Options{Ready: func(context.Context) error {
		return ns.Do(func() error {
			c, err := net.Dial("tcp", oursAddr+":2050")
			if err == nil {
				c.Close()
			}
			return err
		})
	}})
	var config strings.Builder
	if err := export.WriteGanesha(&config, export.Ganesha{Bind: netip.MustParseAddr(theirsAddr)}, exports(dir)); err != nil {
		b.Fatal(err)
	}
	ganeshatest.Start(b, ns, netip.MustParseAddr(theirsAddr), config.String())
	return dial(b, ns, oursAddr+":2050", oursAddr+":2050", dir), dial(b, ns, theirsAddr+":2049", theirsAddr+":20048", dir)
}

func dial(b *testing.B, ns *netnstest.NS, nfs, mount, dir string) server {
	b.Helper()
	connect := func(addr string) (c *nfsclient.Conn) {
		err := ns.Do(func() (err error) {
			c, err = nfsclient.Dial(b.Context(), addr, nfsclient.Options{From: net.ParseIP(oursAddr), Reserved: true})
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		return c
	}
	m := connect(mount)
	defer m.Close()
	root, err := m.Mount(b.Context(), dir)
	if err != nil {
		b.Fatal(err)
	}
	return server{c: connect(nfs), root: root}
}

// compare measures both in turns, and reports the medians and their ratio. One
// benchmark iteration is one round.
func compare(b *testing.B, unit string, ours, theirs server, measure func(server) (float64, error)) {
	b.Helper()
	var got [2][]float64
	for b.Loop() {
		for i, s := range []server{ours, theirs} {
			v, err := measure(s)
			if err != nil {
				b.Fatal(err)
			}
			got[i] = append(got[i], v)
		}
	}
	for i := range got {
		slices.Sort(got[i])
	}
	our, their := got[0][len(got[0])/2], got[1][len(got[1])/2]
	b.ReportMetric(our, "nfsd-"+unit)
	b.ReportMetric(their, "ganesha-"+unit)
	b.ReportMetric(our/their, "ratio")
	b.ReportMetric(0, "ns/op")
}

// rate calls fn from some goroutines for a round and returns calls per second.
func rate(streams int, fn func(stream, n int) error) (float64, error) {
	var wg sync.WaitGroup
	counts, errs := make([]int, streams), make([]error, streams)
	began := time.Now()
	for i := range streams {
		wg.Go(func() {
			for time.Since(began) < round && errs[i] == nil {
				errs[i] = fn(i, counts[i])
				counts[i]++
			}
		})
	}
	wg.Wait()
	total := 0
	for i := range streams {
		total += counts[i]
		if errs[i] != nil {
			return 0, errs[i]
		}
	}
	return float64(total) / time.Since(began).Seconds(), nil
}

func BenchmarkGetAttr(b *testing.B) {
	ours, theirs := both(b)
	for _, streams := range []int{1, 8} {
		b.Run(fmt.Sprint("streams=", streams), func(b *testing.B) {
			compare(b, "ops/s", ours, theirs, func(s server) (float64, error) {
				return rate(streams, func(int, int) error {
					_, err := s.c.GetAttr(b.Context(), s.root)
					return err
				})
			})
		})
	}
}

// BenchmarkGetAttrOfMany asks for the attributes of a whole root's files in turn.
func BenchmarkGetAttrOfMany(b *testing.B) {
	ours, theirs := both(b)
	handles := map[*nfsclient.Conn][]nfsclient.Handle{}
	for i := range manyFiles {
		name := fmt.Sprint("f", i)
		if _, _, err := ours.c.Create(b.Context(), ours.root, name, nfsclient.Unchecked, nfsclient.Set{}, 0); err != nil {
			b.Fatal(err)
		}
		for _, s := range []server{ours, theirs} {
			h, _, err := s.c.Lookup(b.Context(), s.root, name)
			if err != nil {
				b.Fatal(err)
			}
			handles[s.c] = append(handles[s.c], h)
		}
	}
	compare(b, "ops/s", ours, theirs, func(s server) (float64, error) {
		return rate(1, func(_, n int) error {
			_, err := s.c.GetAttr(b.Context(), handles[s.c][n*7919%manyFiles])
			return err
		})
	})
}

func BenchmarkRead(b *testing.B) {
	ours, theirs := both(b)
	const size, block = 64 << 20, 1 << 20
	data := make([]byte, block)
	f, _, err := ours.c.Create(b.Context(), ours.root, "large", nfsclient.Unchecked, nfsclient.Set{}, 0)
	if err != nil {
		b.Fatal(err)
	}
	for off := uint64(0); off < size; off += block {
		if _, _, err := ours.c.Write(b.Context(), f, off, data, 0); err != nil {
			b.Fatal(err)
		}
	}
	handles := map[*nfsclient.Conn]nfsclient.Handle{}
	for _, s := range []server{ours, theirs} {
		if handles[s.c], _, err = s.c.Lookup(b.Context(), s.root, "large"); err != nil {
			b.Fatal(err)
		}
	}
	for _, streams := range []int{1, 4} {
		for _, count := range []uint32{64 << 10, block} {
			b.Run(fmt.Sprintf("streams=%d/KiB=%d", streams, count>>10), func(b *testing.B) {
				compare(b, "MB/s", ours, theirs, func(s server) (float64, error) {
					ops, err := rate(streams, func(stream, n int) error {
						off := uint64(stream*size/4+n*int(count)) % size
						_, _, err := s.c.Read(b.Context(), handles[s.c], off, count)
						return err
					})
					return ops * float64(count) / 1e6, err
				})
			})
		}
	}
}

// BenchmarkCreateWrite makes small files and commits them.
func BenchmarkCreateWrite(b *testing.B) {
	ours, theirs := both(b)
	data := make([]byte, 4096)
	rounds := 0
	for _, streams := range []int{1, 4} {
		b.Run(fmt.Sprint("streams=", streams), func(b *testing.B) {
			compare(b, "files/s", ours, theirs, func(s server) (float64, error) {
				rounds++
				return rate(streams, func(stream, n int) error {
					name := filepath.Base(fmt.Sprintf("c%d-%d-%d", rounds, stream, n))
					f, _, err := s.c.Create(b.Context(), s.root, name, nfsclient.Guarded, nfsclient.Set{}, 0)
					if err == nil {
						_, _, err = s.c.Write(b.Context(), f, 0, data, 2)
					}
					return err
				})
			})
		})
	}
}
