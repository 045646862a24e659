package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"
)

//go:embed templates static
var assets embed.FS

// power switches machines.
type power interface {
	// cycle takes a machine's power away for a moment; false means that there
	// is no such machine.
	cycle(name string) bool
	// cycleAll does it to every machine.
	cycleAll()
}

// site is the page and what belongs to it.
type site struct {
	board   *board
	power   power
	page    *template.Template
	streams chan struct{} // holds a token for each open event stream
}

func newSite(b *board, p power) (*site, error) {
	page, err := template.ParseFS(assets, "templates/*.html")
	if err != nil {
		return nil, err
	}
	return &site{board: b, power: p, page: page, streams: make(chan struct{}, maxStreams)}, nil
}

func (s *site) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.index)
	mux.HandleFunc("GET /events", s.events)
	mux.HandleFunc("POST /power-cycle", s.cycleAll)
	mux.HandleFunc("POST /machines/{name}/power-cycle", s.cycle)
	mux.Handle("GET /static/", http.FileServerFS(assets))
	return guard(new(http.CrossOriginProtection).Handler(mux))
}

// serve answers on l until ctx ends, and returns when all requests have.
func (s *site) serve(ctx context.Context, l net.Listener) error {
	srv := &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      writeTimeout, // an event stream prolongs its own
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx }, // ends event streams
	}
	stopped := make(chan struct{})
	defer context.AfterFunc(ctx, func() {
		defer close(stopped)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if srv.Shutdown(grace) != nil {
			srv.Close()
		}
	})()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the page: %w", err)
	}
	<-stopped
	return nil
}

// guard sets the headers of every reply, and refuses requests that name a host
// other than localhost or an address: a page elsewhere can make its own name
// point here, and would then count as this site.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-cache")
		if !namesAddress(r.Host) {
			http.Error(w, "open this page by its address or as localhost", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// namesAddress reports whether a Host header is localhost or an IP address,
// with or without a port.
func namesAddress(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if n := len(host); n > 2 && host[0] == '[' && host[n-1] == ']' {
		host = host[1 : n-1]
	}
	_, err := netip.ParseAddr(host)
	return err == nil || host == "localhost"
}

func (s *site) index(w http.ResponseWriter, _ *http.Request) {
	n, _ := s.board.since(0)
	slices.Reverse(n.Lines) // the newest is on top
	var page bytes.Buffer
	if err := s.page.ExecuteTemplate(&page, "page.html", n); err != nil {
		http.Error(w, "the page cannot be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = page.WriteTo(w) // the reader has gone
}

func (s *site) cycle(w http.ResponseWriter, r *http.Request) {
	if !s.power.cycle(r.PathValue("name")) {
		http.NotFound(w, r)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (s *site) cycleAll(w http.ResponseWriter, r *http.Request) {
	s.power.cycleAll()
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
