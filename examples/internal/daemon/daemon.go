package daemon

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/coreos/go-systemd/v22/activation"
	sd "github.com/coreos/go-systemd/v22/daemon"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Daemon is the running program as [Program.Run] sees it.
type Daemon[C any] struct {
	// Log writes to standard error at the level of the -log flag.
	Log *slog.Logger
	// Metrics is what /metrics serves. It has the Go runtime's and the
	// process's metrics already.
	Metrics *prometheus.Registry

	name    string
	config  atomic.Pointer[C]
	mux     *http.ServeMux
	sockets []*os.File // from systemd, not yet taken
	debug   *debugServer
	state   stateFlags
	reloads *prometheus.CounterVec

	mu       sync.Mutex // guards all below, and makes reloads follow each other
	onReload func(*C) error
	health   func(context.Context) error
	notes    []func() string
}

// stateFlags is how far the program is.
type stateFlags struct {
	ready, stopping atomic.Bool
}

func newDaemon[C any](name string, cfg *C, log *slog.Logger) *Daemon[C] {
	d := &Daemon[C]{
		Log:     log,
		Metrics: prometheus.NewRegistry(),
		name:    name,
		mux:     http.NewServeMux(),
		sockets: activation.Files(true),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hostkit_config_reloads_total",
			Help: "Reloads of the configuration by result: ok or error.",
		}, []string{"result"}),
	}
	d.config.Store(cfg)
	d.Metrics.MustRegister(d.reloads, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	d.reloads.WithLabelValues("ok")
	d.reloads.WithLabelValues("error")
	return d
}

// Config is the configuration in force, which nobody changes: a reload replaces
// it by another.
func (d *Daemon[C]) Config() *C { return d.config.Load() }

// OnReload sets what applies a new configuration that has been read and
// checked. When fn returns an error the old one stays in force, so fn must
// change all or nothing. Calls of fn follow each other. Without OnReload a
// reload changes what [Daemon.Config] returns, and nothing else.
func (d *Daemon[C]) OnReload(fn func(*C) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.onReload = fn
}

// Health sets what /healthz asks, and what must be nil for systemd's watchdog
// to be fed. Without it a running process counts as healthy.
func (d *Daemon[C]) Health(fn func(context.Context) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.health = fn
}

// Note adds a line to what /readyz says while the daemon is ready: how something is that
// it can do without, for a while. An empty one is left out. It does not change the
// status, since the others who do the same work are without it too.
func (d *Daemon[C]) Note(fn func() string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.notes = append(d.notes, fn)
}

// noted are the lines of all notes.
func (d *Daemon[C]) noted() string {
	d.mu.Lock()
	notes := d.notes
	d.mu.Unlock()
	var text strings.Builder
	for _, note := range notes {
		if line := note(); line != "" {
			text.WriteString(line + "\n")
		}
	}
	return text.String()
}

// Handle adds a page to the debug address.
func (d *Daemon[C]) Handle(pattern string, h http.Handler) { d.mux.Handle(pattern, h) }

// Ready says that the daemon does its work: /readyz turns to 200, and systemd
// starts what waits for it. Sockets from systemd that nobody took are closed:
// clients would wait there for ever.
func (d *Daemon[C]) Ready() {
	if d.state.stopping.Load() || d.state.ready.Swap(true) {
		return
	}
	d.closeSockets()
	d.notify(sd.SdNotifyReady)
	d.Log.Info(d.name+" is ready", "version", version())
}

// stopping turns /readyz to 503 and tells systemd, once.
func (d *Daemon[C]) stopping() {
	if d.state.stopping.Swap(true) {
		return
	}
	d.notify(sd.SdNotifyStopping)
	d.Log.Info(d.name + " is stopping")
}

func (d *Daemon[C]) healthy(ctx context.Context) error {
	d.mu.Lock()
	health := d.health
	d.mu.Unlock()
	if health == nil {
		return nil
	}
	return health(ctx)
}

// reload brings the configuration that load returns into force.
func (d *Daemon[C]) reload(load func() (*C, error)) {
	if d.state.ready.Load() {
		d.notify(sd.SdNotifyReloading + "\n" + sd.SdNotifyMonotonicUsec())
		defer d.notify(sd.SdNotifyReady)
	}
	if err := d.replace(load); err != nil {
		d.reloads.WithLabelValues("error").Inc()
		for _, line := range messages(err) {
			d.Log.Error("the new configuration is bad, the old one stays", "err", line)
		}
		return
	}
	d.reloads.WithLabelValues("ok").Inc()
	d.Log.Info("configuration reloaded")
}

func (d *Daemon[C]) replace(load func() (*C, error)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	cfg, err := load()
	if err != nil {
		return err
	}
	if d.onReload != nil {
		if err := d.onReload(cfg); err != nil {
			return err
		}
	}
	d.config.Store(cfg)
	return nil
}

func (d *Daemon[C]) notify(state string) {
	if _, err := sd.SdNotify(false, state); err != nil {
		d.Log.Warn("cannot tell systemd", "state", state, "err", err)
	}
}
