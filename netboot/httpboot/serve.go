package httpboot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	headerTimeout = 10 * time.Second // for a request's line and header
	idleTimeout   = time.Minute      // between two requests of a connection
	drainTimeout  = 5 * time.Second  // for transfers under way when Serve is to end
	maxHeader     = 16 << 10
)

// Serve answers requests on l until ctx ends, which is no error. Transfers
// under way then have a few seconds to finish. It closes l, and returns when
// everything it started has ended. One address may hold 32 connections, and
// all together 4096; what is above is closed at once.
func (h *Handler) Serve(ctx context.Context, l net.Listener) error {
	var conns sync.WaitGroup
	srv := &http.Server{
		Handler:           h,
		ConnContext:       ConnContext,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(h.log().Handler(), slog.LevelDebug),
		ConnState: func(_ net.Conn, s http.ConnState) {
			switch s {
			case http.StateNew:
				conns.Add(1)
			case http.StateClosed:
				conns.Done()
			}
		},
	}
	drained := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(drained)
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		defer cancel()
		if srv.Shutdown(limit) != nil {
			srv.Close()
		}
	})
	err := srv.Serve(newLimited(l, maxPerAddr, maxConns))
	if stop() {
		srv.Close() // the listener failed
	} else {
		<-drained
	}
	conns.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("httpboot: serve on %s: %w", l.Addr(), err)
}
