package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/mythic-beasts/hostkit/dnssec"
)

// readZone reads a zone file of a zone.
func (s *signer) readZone(z *zoneConfig, path string) (*dnssec.Zone, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	zone, err := dnssec.ParseZone(bufio.NewReader(f), z.Name, dnssec.Options{Warn: func(c dnssec.TTLChange) {
		s.log.Warn("records of one RRset have different TTLs; the lesser counts", "zone", z.Name, "name", c.Name.String(), "type", c.Type, "from", c.From, "to", c.To)
	}})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return zone, nil
}

// loadFile publishes what a zone's file has.
func (s *signer) loadFile(ctx context.Context, z *zoneConfig) error {
	zone, err := s.readZone(z, z.File)
	if err != nil {
		return err
	}
	return s.set(ctx, zone)
}

// set publishes contents of a zone. One that is to be taken over from another signer
// is not published before it was: it would be unsigned.
func (s *signer) set(ctx context.Context, contents *dnssec.Zone) error {
	z, ok := s.current().zone(contents.Origin().String())
	if ok && z.Adopt != "" {
		if _, err := s.Status(ctx, z.Name); errors.Is(err, fs.ErrNotExist) {
			if err := s.adopt(ctx, z); err != nil {
				return err
			}
		} else if err != nil {
			return err
		}
	}
	return s.SetZone(ctx, contents)
}

// adopt takes a zone over, as its file has it, with the keys in the folder.
func (s *signer) adopt(ctx context.Context, z *zoneConfig) error {
	signed, err := s.readZone(z, z.Adopt)
	if err != nil {
		return err
	}
	policy, err := s.current().Policies[z.Policy].policy("policy." + z.Policy)
	if err != nil {
		return err
	}
	return s.Adopt(ctx, signed, policy)
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
