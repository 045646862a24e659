package main

import (
	"bufio"
	"context"
	"fmt"
	"os"

	"github.com/mythic-beasts/hostkit/dnssec"
)

// readZone reads a zone file.
func (s *signer) readZone(z *zoneConfig) (*dnssec.Zone, error) {
	f, err := os.Open(z.File)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	zone, err := dnssec.ParseZone(bufio.NewReader(f), z.Name, dnssec.Options{Warn: func(c dnssec.TTLChange) {
		s.log.Warn("records of one RRset have different TTLs; the lesser counts", "zone", z.Name, "name", c.Name.String(), "type", c.Type, "from", c.From, "to", c.To)
	}})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", z.File, err)
	}
	return zone, nil
}

// loadFile publishes what a zone's file has.
func (s *signer) loadFile(ctx context.Context, z *zoneConfig) error {
	zone, err := s.readZone(z)
	if err != nil {
		return err
	}
	return s.SetZone(ctx, zone)
}

// contents publishes what all files have, and fetches what other servers have. A
// zone with a fault is logged, and stays as it was published last.
func (s *signer) contents(ctx context.Context) {
	cfg := s.current()
	s.pulls.set(ctx, cfg)
	for i := range cfg.Zones {
		z := &cfg.Zones[i]
		if z.File == "" {
			continue
		}
		if err := s.loadFile(ctx, z); err != nil && ctx.Err() == nil {
			s.log.Error("a zone is not as its file has it", "zone", z.Name, "err", err)
		}
	}
}
