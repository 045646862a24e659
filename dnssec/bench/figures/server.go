package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/miekg/dns"
)

// server is a name server that runs while it is measured.
type server struct {
	cmd  *exec.Cmd
	said *bytes.Buffer
	addr string
	done chan struct{}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func startServer(ctx context.Context, cmd *exec.Cmd, port int) (*server, error) {
	s := &server{
		cmd:  exec.CommandContext(ctx, cmd.Path, cmd.Args[1:]...),
		said: &bytes.Buffer{}, addr: fmt.Sprintf("127.0.0.1:%d", port), done: make(chan struct{}),
	}
	s.cmd.Stdout, s.cmd.Stderr = s.said, s.said
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(syscall.SIGTERM) }
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", cmd.Path, err)
	}
	go func() {
		_ = s.cmd.Wait()
		close(s.done)
	}()
	return s, nil
}

// ready waits until the server has the zone signed.
func (s *server) ready(ctx context.Context, origin string) error {
	m := new(dns.Msg).SetQuestion(origin, dns.TypeSOA).SetEdns0(1232, true)
	c := dns.Client{Net: "tcp"}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if answer, _, err := c.ExchangeContext(ctx, m, s.addr); err == nil && len(answer.Answer) > 1 {
			return nil
		}
		select {
		case <-s.done:
			return fmt.Errorf("%s ended: %.1000q", s.cmd.Path, s.said)
		case <-ctx.Done():
			s.stop()
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	<-s.done
}

// cpu is what the server and its children have used of processors.
func (s *server) cpu() time.Duration { return processCPU(s.cmd.Process.Pid) }

// memory is what the server has in memory, in MB.
func (s *server) memory() float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseFloat(fields[1], 64)
	return pages * float64(os.Getpagesize()) / 1e6
}

// processCPU is the sum of the times that the threads of a process and of its children
// have run.
func processCPU(pid int) time.Duration {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return 0
	}
	var sum time.Duration
	for _, t := range threads {
		folder := fmt.Sprintf("/proc/%d/task/%s/", pid, t.Name())
		b, _ := os.ReadFile(folder + "schedstat")
		if fields := strings.Fields(string(b)); len(fields) > 0 {
			ns, _ := strconv.ParseInt(fields[0], 10, 64)
			sum += time.Duration(ns)
		}
		b, _ = os.ReadFile(folder + "children")
		for child := range strings.FieldsSeq(string(b)) {
			if id, err := strconv.Atoi(child); err == nil {
				sum += processCPU(id)
			}
		}
	}
	return sum
}
