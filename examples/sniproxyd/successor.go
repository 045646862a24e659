package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"
)

// readyVar is where the next process says that it serves.
const readyVar = "SNIPROXYD_READY"

// readyWithin is how long the next process may take to serve.
const readyWithin = time.Minute

// successor is closed once another process serves on our sockets, which SIGUSR2
// asks for. One that does not get so far changes nothing.
func (p *proxy) successor(ctx context.Context) <-chan struct{} {
	served := make(chan struct{})
	upgrade := make(chan os.Signal, 1)
	signal.Notify(upgrade, syscall.SIGUSR2)
	go func() {
		defer signal.Stop(upgrade)
		for {
			select {
			case <-ctx.Done():
				return
			case <-upgrade:
			}
			pid, err := p.startNext(ctx)
			if err != nil {
				p.Log.Error("this process goes on, because the next one does not serve", "err", err)
				continue
			}
			p.Log.Info("the next process serves", "pid", pid)
			if _, err := sd.SdNotify(false, "MAINPID="+strconv.Itoa(pid)); err != nil {
				p.Log.Warn("cannot tell systemd of the next process", "err", err)
			}
			p.LeaveDebug()
			close(served)
			return
		}
	}()
	return served
}

// startNext starts the program that is installed now, and waits until it serves.
func (p *proxy) startNext(ctx context.Context) (pid int, err error) {
	dir, err := os.MkdirTemp("", "sniproxyd-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "ready")
	ready, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return 0, err
	}
	defer ready.Close()
	next, err := p.fork(path)
	if err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() {
		state, err := next.Wait()
		if err == nil {
			err = errors.New(state.String())
		}
		ended <- err
	}()
	if err := awaitReady(ctx, ready, ended); err != nil {
		_ = next.Kill()
		return 0, err
	}
	return next.Pid, nil
}

// fork starts the program with our arguments and sockets, as sd_listen_fds(3) has
// them. It is not done by os/exec, which would put the sockets, that both
// processes have, into blocking mode.
func (p *proxy) fork(ready string) (*os.Process, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	name, debug, err := p.DebugSocket()
	if err != nil {
		return nil, fmt.Errorf("debug address: %w", err)
	}
	defer debug.Close() // of none too
	files, names := []*os.File{os.Stdin, os.Stdout, os.Stderr}, []string(nil)
	for _, s := range p.socks {
		files, names = append(files, s.file), append(names, handedName(s.name, s.addr))
	}
	if debug != nil {
		files, names = append(files, debug), append(names, name)
	}
	fds, err := descriptors(files)
	if err != nil {
		return nil, err
	}
	// The watchdog's process is then another.
	environ := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "WATCHDOG_PID=") })
	environ = append(environ, readyVar+"="+ready,
		"LISTEN_FDS="+strconv.Itoa(len(names)), "LISTEN_FDNAMES="+strings.Join(names, ":"))
	// LISTEN_PID is the process's own number, which nobody knows before.
	args := append([]string{"sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, program}, os.Args[1:]...)
	pid, err := syscall.ForkExec("/bin/sh", args, &syscall.ProcAttr{Env: environ, Files: fds})
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	return os.FindProcess(pid)
}

// descriptors are those of files, which stay open and as they are.
func descriptors(files []*os.File) (fds []uintptr, err error) {
	for _, f := range files {
		raw, err := f.SyscallConn()
		if err != nil {
			return nil, err
		}
		if err := raw.Control(func(fd uintptr) { fds = append(fds, fd) }); err != nil {
			return nil, err
		}
	}
	return fds, nil
}

// handedName is the name of a socket for the next process, of which the
// configuration may want others.
func handedName(name, addr string) string { return name + "-" + hex.EncodeToString([]byte(addr)) }

// awaitReady waits for the word of the next process, or for its end.
func awaitReady(ctx context.Context, ready *net.UnixConn, ended <-chan error) error {
	heard := make(chan error, 1)
	go func() {
		_, err := ready.Read(make([]byte, 16))
		heard <- err
	}()
	timeout := time.NewTimer(readyWithin)
	defer timeout.Stop()
	select {
	case err := <-heard:
		return err
	case err := <-ended:
		return fmt.Errorf("it ended: %w", err)
	case <-timeout.C:
		return fmt.Errorf("it said nothing within %v", readyWithin)
	case <-ctx.Done():
		return ctx.Err()
	}
}
