package httpboot_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/httpboot"
)

// serve runs h on a loopback address until the test ends.
func serve(t *testing.T, h *httpboot.Handler) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	return l.Addr().String()
}

func TestServe(t *testing.T) {
	seen := new(recorder)
	addr := serve(t, &httpboot.Handler{Inventory: inventory(t, netboot.TextFS(files)), Observer: seen, Interface: "eth0.17"})
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	r, err := client.Get("http://" + addr + "/5564247d/boot.img")
	require.NoError(t, err)
	defer r.Body.Close()
	require.Equal(t, "image", body(t, r))
	require.Equal(t, "127.0.0.1", seen.wait(t, netboot.KernelServed).Addr.String())
}

// TestStall serves a file larger than the socket buffers to a client that
// stops reading: it is let go after the stall time, and one that reads slowly
// but goes on reading is not.
func TestStall(t *testing.T) {
	dir := t.TempDir()
	const size = 24 << 20
	require.NoError(t, os.WriteFile(filepath.Join(dir, "vmlinuz"), make([]byte, size), 0o600))
	view, err := netboot.DirFS(dir)
	require.NoError(t, err)
	for _, reads := range []bool{true, false} {
		t.Run(map[bool]string{true: "slow", false: "stopped"}[reads], func(t *testing.T) {
			seen := new(recorder)
			const stall = time.Second
			h := &httpboot.Handler{Inventory: anyone{&netboot.Machine{Name: "pi17", Files: view}}, Observer: seen, Stall: stall}
			c, err := net.Dial("tcp", serve(t, h))
			require.NoError(t, err)
			defer c.Close()
			require.NoError(t, c.(*net.TCPConn).SetReadBuffer(64<<10))
			_, err = io.WriteString(c, "GET /vmlinuz HTTP/1.1\r\nHost: x\r\n\r\n")
			require.NoError(t, err)
			if !reads {
				e := seen.wait(t, netboot.FileFailed)
				require.ErrorContains(t, e.Err, "client went away")
				require.ErrorIs(t, e.Err, os.ErrDeadlineExceeded)
				require.GreaterOrEqual(t, e.Took, stall)
				require.Less(t, e.Bytes, int64(size))
				return
			}
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			require.NoError(t, err)
			start := time.Now()
			tick := time.NewTicker(stall / 4)
			defer tick.Stop()
			var n int64
			for n < size { // a sip at each tick, for longer than the stall time in all
				if time.Since(start) < 2*stall {
					<-tick.C
				}
				m, err := io.CopyN(io.Discard, resp.Body, 2<<20)
				n += m
				require.True(t, err == nil || errors.Is(err, io.EOF), err)
			}
			e := seen.wait(t, netboot.FileServed)
			require.Equal(t, int64(size), e.Bytes)
			require.Greater(t, e.Took, stall)
			require.Contains(t, strings.Join(seen.kinds(), ","), "file progress")
		})
	}
}

// anyone is an inventory of one machine, which everybody is.
type anyone struct{ m *netboot.Machine }

func (a anyone) Lookup(context.Context, netboot.Client) (*netboot.Machine, error) { return a.m, nil }

func TestServeLimitsConnections(t *testing.T) {
	addr := serve(t, &httpboot.Handler{Inventory: anyone{&netboot.Machine{Name: "pi17", Files: netboot.TextFS(files)}}})
	get := func(c net.Conn) error {
		require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Second)))
		if _, err := io.WriteString(c, "GET /vmlinuz HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			return err
		}
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err == nil {
			require.Equal(t, kernelText, body(t, r))
		}
		return err
	}
	var conns []net.Conn
	for range 33 {
		c, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		defer c.Close()
		conns = append(conns, c)
	}
	for _, c := range conns[:32] {
		require.NoError(t, get(c))
	}
	require.Error(t, get(conns[32]), "the 33rd connection of an address is closed")
	conns[0].Close()
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		defer c.Close()
		return get(c) == nil
	}, 10*time.Second, 10*time.Millisecond)
}

func TestServeEndsWithItsConnections(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	h := &httpboot.Handler{Inventory: anyone{&netboot.Machine{Name: "pi17", Files: netboot.TextFS(files)}}}
	go func() { done <- h.Serve(ctx, l) }()
	c, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	_, err = io.WriteString(c, "GET /vmlinuz HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	buf := bufio.NewReader(c)
	r, err := http.ReadResponse(buf, nil)
	require.NoError(t, err)
	require.Equal(t, kernelText, body(t, r))
	cancel()
	require.NoError(t, <-done)
	_, err = buf.ReadByte()
	require.Equal(t, io.EOF, err)

	l, err = net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	require.ErrorIs(t, h.Serve(t.Context(), l), net.ErrClosed)
}
