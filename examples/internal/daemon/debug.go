package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// debugServer serves the debug address. Nil is one that was not asked for.
type debugServer struct {
	server *http.Server
	ln     net.Listener
	done   sync.WaitGroup
}

// debugSocket is the name under which a process may be passed the debug address,
// which is then not listened on anew.
const debugSocket = "debug"

// DebugSocket returns a copy of the socket of the debug address and the name to
// pass it to a successor by (see [Daemon.Listen]), or nil if there is none.
func (d *Daemon[C]) DebugSocket() (name string, file *os.File, err error) {
	if d.debug == nil {
		return "", nil, nil
	}
	filer, ok := d.debug.ln.(interface{ File() (*os.File, error) })
	if !ok {
		return "", nil, nil
	}
	file, err = filer.File()
	return debugSocket, file, err
}

// LeaveDebug leaves the debug address to a successor.
func (d *Daemon[C]) LeaveDebug() {
	if d.debug == nil {
		return
	}
	if unix, ok := d.debug.ln.(*net.UnixListener); ok {
		unix.SetUnlinkOnClose(false)
	}
	d.debug.close()
}

// serveDebug listens on addr, or returns nil when that is empty.
func (d *Daemon[C]) serveDebug(ctx context.Context, addr string) (*debugServer, error) {
	d.routeDebug()
	if addr == "" {
		return nil, nil
	}
	ln, err := d.listenDebug(ctx, addr)
	if err != nil {
		return nil, fmt.Errorf("%s: debug address: %w", d.name, err)
	}
	d.Log.Info("debug address", "addr", ln.Addr().String())
	s := &debugServer{ln: ln, server: &http.Server{
		Handler:           d.mux,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
	}}
	s.done.Go(func() {
		if err := s.server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			d.Log.Error("debug server ends", "err", err)
		}
	})
	d.debug = s
	return s, nil
}

func (s *debugServer) close() {
	if s == nil {
		return
	}
	s.server.Close() // profiles in progress are not worth waiting for
	s.done.Wait()
}

// listenDebug listens on what the -debug flag says. Profiles and metrics are
// nobody else's business, so an address without a host is loopback.
func (d *Daemon[C]) listenDebug(ctx context.Context, addr string) (net.Listener, error) {
	if file := d.takeSocket(debugSocket); file != nil {
		defer file.Close()
		return net.FileListener(file)
	}
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		return ListenUnix(ctx, path)
	}
	if strings.HasPrefix(addr, ":") {
		addr = "127.0.0.1" + addr
	}
	return new(net.ListenConfig).Listen(ctx, "tcp", addr)
}

func (d *Daemon[C]) routeDebug() {
	d.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		answer(w, d.healthy(r.Context()))
	})
	d.mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		switch {
		case d.state.stopping.Load():
			answer(w, errors.New("stopping"))
		case !d.state.ready.Load():
			answer(w, errors.New("starting"))
		default:
			answer(w, nil)
			_, _ = io.WriteString(w, d.noted()) // the client has gone
		}
	})
	d.mux.Handle("GET /metrics", promhttp.HandlerFor(d.Metrics, promhttp.HandlerOpts{Registry: d.Metrics}))
	d.mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	d.mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	d.mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	d.mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	d.mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
}

func answer(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}
