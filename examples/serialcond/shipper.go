package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"

	"golang.org/x/sync/errgroup"

	"github.com/mythic-beasts/hostkit/serialcon/ship"
)

// shipper sends lines and events to other logs, and waits for none of them.
type shipper struct {
	syslog  *ship.Syslog
	journal *ship.Journal
	queue   chan ship.Entry // of the journal, which may be busy
	log     *slog.Logger
}

// journalQueue is how many entries wait for a busy journal.
const journalQueue = 4096

// newShipper returns nil if nothing is to be sent anywhere.
func newShipper(c shipConfig, log *slog.Logger) (*shipper, error) {
	if c.Syslog == "" && !c.Journal {
		return nil, nil
	}
	s := &shipper{log: log}
	if c.Syslog != "" {
		t, err := c.tls()
		if err != nil {
			return nil, err
		}
		s.syslog = &ship.Syslog{Addr: c.Syslog, TLS: t, App: "serialcond", Logger: log}
	}
	if c.Journal {
		s.journal, s.queue = &ship.Journal{App: "serialcond"}, make(chan ship.Entry, journalQueue)
	}
	return s, nil
}

// tls is how to trust the syslog server. Nil is the system's way.
func (c *shipConfig) tls() (*tls.Config, error) {
	if c.CA+c.Cert+c.Key == "" {
		return nil, nil
	}
	host, _, err := net.SplitHostPort(c.Syslog)
	if err != nil {
		return nil, err
	}
	out := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if c.CA != "" {
		text, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, err
		}
		out.RootCAs = x509.NewCertPool()
		if !out.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("ca: no certificate in %s", c.CA)
		}
	}
	if c.Cert+c.Key != "" {
		pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
		if err != nil {
			return nil, fmt.Errorf("tls_cert, tls_key: %w", err)
		}
		out.Certificates = []tls.Certificate{pair}
	}
	return out, nil
}

func (s *shipper) send(e ship.Entry) {
	if s.syslog != nil {
		s.syslog.Send(e)
	}
	if s.journal != nil {
		select {
		case s.queue <- e:
		default: // the local log has it
		}
	}
}

// run sends what is queued until ctx ends.
func (s *shipper) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	if s.syslog != nil {
		g.Go(func() error {
			if err := s.syslog.Run(ctx); !errors.Is(err, context.Canceled) {
				return err
			}
			return nil
		})
	}
	if s.journal != nil {
		g.Go(func() error { s.feedJournal(ctx); return nil })
	}
	return g.Wait()
}

func (s *shipper) feedJournal(ctx context.Context) {
	defer s.journal.Close()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-s.queue:
			err := s.journal.Send(e)
			if err != nil && !failing {
				s.log.Warn("the journal does not take entries", "err", err)
			}
			failing = err != nil
		}
	}
}
