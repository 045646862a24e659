// Tftpserve serves one directory over TFTP, for measuring: with our own engine,
// or with pin/tftp as a user of it would set it up.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path"
	"strings"
	"syscall"

	pintftp "github.com/pin/tftp/v3"

	"github.com/mythic-beasts/hostkit/netboot/tftp"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:6969", "`address` to listen on")
	dir := flag.String("dir", ".", "`directory` to serve")
	engine := flag.String("engine", "own", "`engine`: own, frompin (our handler on pin/tftp) or pin (pin/tftp with its defaults)")
	verbose := flag.Bool("v", false, "log each transfer")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *addr, *dir, *engine, *verbose); err != nil {
		fmt.Fprintln(os.Stderr, "tftpserve:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, addr, dir, engine string, verbose bool) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	conn, err := net.ListenPacket("udp", addr)
	if err != nil {
		return err
	}
	h := tftp.HandlerFunc(func(_ context.Context, r *tftp.Request) (tftp.File, error) {
		return open(root, r.Name)
	})
	switch engine {
	case "own":
		// All clients have one address here: the limits per client are
		// out of the way.
		s := &tftp.Server{Handler: h, MaxPerClient: 1000, RequestRate: 1e6}
		if verbose {
			s.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
		}
		return s.Serve(ctx, conn)
	case "frompin":
		return serve(ctx, tftp.FromPin(h, ""), conn)
	case "pin":
		return serve(ctx, pintftp.NewServer(func(name string, rf io.ReaderFrom) error {
			f, err := open(root, name)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = rf.ReadFrom(f.(file).File)
			return err
		}, nil), conn)
	}
	return errors.New("unknown engine " + engine)
}

// serve returns when ctx ends and leaves the rest to the end of the process.
func serve(ctx context.Context, s *pintftp.Server, conn net.PacketConn) error {
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(conn) }()
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

// file is an open file whose size was taken once.
type file struct {
	*os.File
	size int64
}

func (f file) Size() int64 { return f.size }

func open(root *os.Root, name string) (tftp.File, error) {
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return file{f, st.Size()}, nil
}
