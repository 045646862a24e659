package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/mythic-beasts/hostkit/poe"
)

// drain is how long the end of serve waits for what ports are in the middle of.
const drain = time.Minute

// recoverEvery is how often what was interrupted is tried again.
const recoverEvery = time.Minute

func serveCommand(ctx context.Context, a *app, args []string) error {
	if _, err := a.Flags(args, "", 0, 0, nil); err != nil {
		return err
	}
	c, err := loadConfig(a.Config)
	if err != nil {
		return err
	}
	if len(c.Serve.Clients) == 0 {
		return fmt.Errorf("%s: [[serve.client]] is missing: nobody could ask for anything", a.Config)
	}
	log := slog.New(slog.NewTextHandler(a.Stderr, nil))
	r, err := newRack(c, log)
	if err != nil {
		return err
	}
	defer r.close()
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Serve.Listen)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.Stdout, "listening on %v\n", ln.Addr())
	recovered := make(chan struct{})
	go func() {
		defer close(recovered)
		r.keepRecovering(ctx)
	}()
	err = serviceOf(r).serve(ctx, ln)
	<-recovered
	return err
}

// keepRecovering finishes what a crash or a switch that did not answer left.
func (r *rack) keepRecovering(ctx context.Context) {
	tick := time.NewTicker(recoverEvery)
	defer tick.Stop()
	for {
		err := r.recover(ctx, func(t target, res poe.Result) {
			r.log.Info("finished what was interrupted", "machine", t.String(), "now", sentence(res))
		})
		if err != nil && ctx.Err() == nil {
			r.log.Warn("what was interrupted is not finished", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// service answers HTTP.
type service struct {
	rack *rack
	auth *authenticator
}

func serviceOf(r *rack) *service {
	return &service{rack: r, auth: newAuthenticator(r.config.Serve)}
}

// handler routes: MAAS has three addresses for a machine, bmclib one for all.
func (s *service) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/machines/{name}", s.query)
	mux.HandleFunc("POST /v1/machines/{name}/{word}", s.order)
	mux.HandleFunc("POST /rpc", s.rpc)
	return http.MaxBytesHandler(mux, maxBody)
}

// maxBody is far above any request.
const maxBody = 64 << 10

func (s *service) serve(ctx context.Context, ln net.Listener) error {
	server := &http.Server{
		Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(s.rack.log.Handler(), slog.LevelDebug),
	}
	ended := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		shut, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer cancel()
		ended <- server.Shutdown(shut)
	})
	defer stop()
	var err error
	if c := s.rack.config.Serve; c.Cert != "" {
		err = server.ServeTLS(ln, c.Cert, c.Key)
	} else {
		err = server.Serve(ln)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return <-ended
	}
	return err
}

// act does something to a machine. It goes on when the client is gone: a port
// must not stay dark because somebody hung up.
func (s *service) act(r *http.Request, t target, word string, who *client) (poe.Result, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), drain)
	defer cancel()
	return do(ctx, s.rack.controller(t.sw), word, t.port, poe.Reason{Who: who.name, Why: "asked by " + r.RemoteAddr})
}

// state asks the switch about a machine.
func (s *service) state(ctx context.Context, t target) (poe.PortStatus, error) {
	return s.rack.switches[t.sw].Port(ctx, t.port)
}

// statusOf is the HTTP status of an error.
func statusOf(err error) int {
	switch {
	case err == nil:
		return http.StatusOK
	case errors.Is(err, errUnauthorised):
		return http.StatusUnauthorized
	case errors.Is(err, errNoMachine), errors.Is(err, poe.ErrUnknownPort):
		return http.StatusNotFound
	case errors.Is(err, poe.ErrProtected), errors.Is(err, poe.ErrReadOnly):
		return http.StatusForbidden
	case errors.Is(err, poe.ErrLockedOut):
		return http.StatusTooManyRequests
	case errors.Is(err, poe.ErrBusy), errors.Is(err, poe.ErrOff):
		return http.StatusConflict
	}
	return http.StatusBadGateway
}

func answer(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"error":"the answer cannot be written"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="poectl", Basic realm="poectl"`)
	}
	w.WriteHeader(status)
	w.Write(append(text, '\n')) //nolint:errcheck // the client has gone
}
