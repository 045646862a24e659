package api

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/access"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/account"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/audit"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/gate"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/limit"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

// Options say what an API is for.
type Options struct {
	House    model.House
	Accounts *account.Store
	Audit    *audit.Log
	// Burst is how many requests a token may make at once, and Every is how long it takes
	// until it has another. Zero means 60, and 100 milliseconds.
	Burst int
	Every time.Duration
	// Log says what goes wrong. nil discards.
	Log *slog.Logger
}

// Prefix is where the API is.
const Prefix = "/api/v1"

const (
	mostBody = 64 << 10
	// actionTimeout is how long a change may take. It goes on if who asked has gone.
	actionTimeout = 2 * time.Minute
)

// server is the API.
type server struct {
	o        Options
	log      *slog.Logger
	requests limit.Buckets
	consoles consoles
	streams  streams
	document []byte
	mux      http.ServeMux
}

// New returns the handler of everything under [Prefix].
func New(o Options) http.Handler {
	s := &server{
		o: o, log: cmp.Or(o.Log, slog.New(slog.DiscardHandler)),
		requests: limit.Buckets{Burst: cmp.Or(o.Burst, 60), Every: cmp.Or(o.Every, 100*time.Millisecond)},
	}
	table := routes()
	s.document = document(table)
	for _, r := range table {
		s.mux.Handle(r.method+" "+Prefix+r.path, s.serve(r))
	}
	return s
}

// ServeHTTP implements [http.Handler].
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	handler, pattern := s.mux.Handler(r)
	if pattern == "" {
		s.unrouted(w, r, handler)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// unrouted says in a problem what the mux says in text: that there is no such path, or not
// by this method.
func (s *server) unrouted(w http.ResponseWriter, r *http.Request, handler http.Handler) {
	said := &silent{header: http.Header{}, status: http.StatusNotFound}
	handler.ServeHTTP(said, r)
	if allow := said.header.Get("Allow"); allow != "" {
		w.Header().Set("Allow", allow)
	}
	writeProblem(w, Problem{Status: said.status, Detail: "see " + Prefix + "/openapi.json"})
}

// silent keeps what a handler says of its status.
type silent struct {
	header http.Header
	status int
}

func (s *silent) Header() http.Header         { return s.header }
func (s *silent) WriteHeader(status int)      { s.status = status }
func (s *silent) Write(b []byte) (int, error) { return len(b), nil }

// call is one request.
type call struct {
	s     *server
	w     http.ResponseWriter
	r     *http.Request
	who   account.Identity
	house access.Guarded
}

// serve answers the requests of a route.
func (s *server) serve(route route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{s: s, w: w, r: r}
		answer, err := c.run(route)
		if err != nil {
			c.fail(err)
			return
		}
		if route.stream || route.raw {
			return // has been written
		}
		c.reply(route, answer)
	})
}

// run finds out who asks, whether they may, and what, and does it.
func (c *call) run(route route) (any, error) {
	ctx := c.r.Context()
	if !route.open {
		var err error
		if c.who, err = c.s.o.Accounts.Token(ctx, bearer(c.r), gate.Addr(c.r)); err != nil {
			return nil, err
		}
		if wait := c.s.requests.Take(c.who.ID); wait > 0 {
			return nil, &account.Wait{For: wait}
		}
		until, cancel := c.s.o.Accounts.Until(ctx, c.who)
		defer cancel()
		ctx = until
	}
	if route.write {
		if !c.who.Write {
			return nil, access.ErrReadOnly
		}
		done, cancel := context.WithTimeout(context.WithoutCancel(ctx), actionTimeout)
		defer cancel()
		ctx = done
	}
	c.r = c.r.WithContext(ctx)
	c.house = access.Guarded{
		House: c.s.o.House, Viewer: c.who.Viewer(), Actor: c.who.Actor(),
		ReadOnly: !c.who.Write, Audit: c.s.o.Audit,
	}
	return route.do(c)
}

// bearer is the request's token (RFC 6750).
func bearer(r *http.Request) daemon.Secret {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return daemon.Secret{}
	}
	return daemon.NewSecret(strings.TrimSpace(token))
}

// reply writes an answer, or that there is none.
func (c *call) reply(route route, answer any) {
	if v := reflect.ValueOf(answer); !v.IsValid() || v.Type() == reflect.TypeFor[nothing]() {
		c.w.WriteHeader(http.StatusNoContent)
		return
	}
	body, err := json.Marshal(complete(answer))
	if err != nil {
		c.fail(err)
		return
	}
	c.w.Header().Set("Content-Type", "application/json")
	c.w.WriteHeader(route.success())
	_, _ = c.w.Write(append(body, '\n')) // the reader has gone
}
