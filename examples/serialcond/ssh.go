package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/conlog"
	"github.com/mythic-beasts/hostkit/serialcon/sshd"
)

// serveSSH lets people in until ctx ends.
func (s *server) serveSSH(ctx context.Context, l net.Listener) error {
	key, err := hostKey(s.settings.SSH.HostKey)
	if err != nil {
		return fmt.Errorf("ssh.host_key: %w", err)
	}
	escape, err := serialcon.ParseEscape(s.settings.SSH.Escape)
	if s.settings.SSH.Escape == "" {
		escape, err = serialcon.DefaultEscape(), nil
	}
	if err != nil {
		return fmt.Errorf("ssh.escape: %w", err)
	}
	d := &sshd.Server{
		HostKeys: []ssh.Signer{key}, Consoles: s.access,
		List: s.list, Log: s.search, Audit: s.audit.ssh,
		Escape: escape, NoEscape: escape == serialcon.Escape{}, Idle: durationOf(s.settings.SSH.Idle), Logger: s.log,
	}
	if s.power != nil {
		d.Power = s.powerBySSH
	}
	served := make(chan error, 1)
	go func() { served <- d.Serve(context.WithoutCancel(ctx), l) }()
	select {
	case err := <-served:
		return fmt.Errorf("ssh: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	_ = d.Shutdown(grace) // what is left was closed
	return closed(<-served)
}

// hostKey reads the key, and makes it if there is none.
func hostKey(path string) (ssh.Signer, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = newHostKey(path)
	}
	if err != nil {
		return nil, err
	}
	return ssh.ParsePrivateKey(text)
}

func newHostKey(path string) ([]byte, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(key, "serialcond")
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(block)
	f, err := os.CreateTemp(filepath.Dir(path), ".host_key-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(f.Name(), path); err != nil { // another process's is not replaced
		return nil, err
	}
	return text, nil
}

// access says what a key may do as a user of SSH: "ssh pi-042@consoles" lands on
// a console, "ssh alice+pi-042@" too, "ssh alice@" may list.
func (s *server) access(name string, key ssh.PublicKey) (sshd.Access, error) {
	for _, u := range s.users.byKey(key) {
		if name == u.name {
			return sshd.Access{Who: u.name, Mode: u.mode()}, nil
		}
		console := strings.TrimPrefix(name, u.name+"+")
		if c := s.rack.find(console); c != nil && u.may(console) {
			return sshd.Access{Who: u.name, Console: c.Console, Mode: u.mode()}, nil
		}
	}
	return sshd.Access{}, errNotYours
}

// list is behind "ssh alice@consoles list".
func (s *server) list(_ context.Context, caller sshd.Caller, w io.Writer) error {
	u := s.users.byName(caller.Who)
	if u == nil {
		return errNotYours
	}
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, c := range s.rack.all() {
		if !u.may(c.Name) {
			continue
		}
		st := c.Stats()
		state, writer, heard := "down", "", "never"
		if st.Open {
			state = "up"
		}
		if st.Writer != "" {
			writer = "writer " + st.Writer
		}
		if !st.LastIn.IsZero() {
			heard = st.LastIn.UTC().Format(time.RFC3339)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", c.Name, state, heard, writer)
	}
	return t.Flush()
}

// search is behind "log" and "grep".
func (s *server) search(ctx context.Context, caller sshd.Caller, q sshd.Query, w io.Writer) error {
	c := s.rack.find(caller.Console)
	if c == nil {
		return errNotYours
	}
	query := conlog.Query{Since: q.Since, Until: q.Until, Text: q.Text, Regexp: q.Regexp, Limit: q.Limit}
	show := func(l conlog.Line) error {
		_, err := fmt.Fprintf(w, "%s %s\n", l.At.Format(stamp), l.Text)
		return err
	}
	if q.Text == "" && q.Regexp == nil {
		return lastLines(ctx, c.log, query, show)
	}
	return c.log.Search(ctx, query, show)
}

// stamp is how times are shown: as in the log itself.
const stamp = "2006-01-02T15:04:05.000Z"

// powerBySSH is behind "power".
func (s *server) powerBySSH(ctx context.Context, caller sshd.Caller, action string, w io.Writer) error {
	u, c := s.users.byName(caller.Who), s.rack.find(caller.Console)
	if u == nil || c == nil {
		return errNotYours
	}
	out, err := s.powerOf(ctx, u, c, action)
	if _, werr := io.WriteString(w, out); err == nil {
		err = werr
	}
	return err
}
