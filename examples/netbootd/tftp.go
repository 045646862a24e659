package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mythic-beasts/hostkit/netboot/tftp"
)

// startTFTP serves files by TFTP. When ctx ends, transfers have a while to
// finish.
func (s *server) startTFTP(ctx context.Context, g *errgroup.Group) error {
	c := s.settings.TFTP
	server := &tftp.Server{
		Handler: tftp.FSHandler(s.dhcp.FileInventory()), Observer: s.fileObserver(),
		MaxBlock: c.MaxBlock, MaxWindow: c.MaxWindow, MaxPerClient: c.MaxPerClient, MaxTransfers: c.MaxTransfers,
		RequestRate: c.RequestRate, GiveUp: time.Duration(c.GiveUp), NoConfirm: off(s.settings.Cures.Confirm),
	}
	for _, network := range []string{"udp4", "udp6"} {
		if network == "udp6" && !s.settings.IPv6 {
			continue
		}
		conn, err := s.ListenPacket(ctx, "tftp", network, c.Listen)
		if err != nil {
			return fmt.Errorf("tftp.listen: %w", err)
		}
		s.Log.Info("tftp listens", "addr", conn.LocalAddr().String())
		g.Go(func() error { return server.Serve(context.WithoutCancel(ctx), conn) })
	}
	s.Metrics.MustRegister(tftpCollector{server})
	g.Go(func() error {
		<-ctx.Done()
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(c.Drain))
		defer cancel()
		if err := server.Shutdown(drain); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		return nil
	})
	return nil
}
