package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/examples/internal/etcdconf"
	"github.com/mythic-beasts/hostkit/sniproxy/etcdstore"
	"github.com/mythic-beasts/hostkit/sniproxy/routes"
)

// etcdConfig is [etcd].
type etcdConfig struct {
	etcdconf.Config
	Probe daemon.Duration `toml:"probe"`
	Last  string          `toml:"last"`
}

// sitesPrefix is of sites' keys, behind the prefix of all.
const sitesPrefix = "sites/"

// check finds what is wrong, and fills in defaults.
func (e *etcdConfig) check() error {
	errs := []error{e.Check("etcd.")}
	e.Prefix = cmp.Or(e.Prefix, "/sniproxyd/")
	if dir, _, _ := strings.Cut(os.Getenv("STATE_DIRECTORY"), ":"); dir != "" && e.Set() {
		e.Last = cmp.Or(e.Last, filepath.Join(dir, "routes.json"))
	}
	if e.Last != "" && !filepath.IsAbs(e.Last) {
		errs = append(errs, daemon.Field("etcd.last", errors.New("is not an absolute path")))
	}
	if e.Probe < 0 {
		errs = append(errs, daemon.Field("etcd.probe", errors.New("is less than nothing")))
	}
	return errors.Join(errs...)
}

func (e *etcdConfig) open() (*etcdstore.Store, error) {
	tls, err := e.TLS()
	if err != nil {
		return nil, err
	}
	return etcdstore.New(etcdstore.Options{
		Endpoints: e.Endpoints, Prefix: e.Prefix, TLS: tls, Username: e.User, PasswordFile: e.PasswordFile,
	})
}

// sites are all that etcd has, for commands.
func (e *etcdConfig) sites(ctx context.Context) (d routes.Document, err error) {
	store, err := e.open()
	if err != nil {
		return d, err
	}
	defer store.Close()
	err = store.List(ctx, sitesPrefix, func(key string, val []byte, _ int64) error {
		var s routes.Site
		if err := json.Unmarshal(val, &s); err != nil {
			return fmt.Errorf("etcd: site %q: %w", key, err)
		}
		s.Name = strings.TrimPrefix(key, sitesPrefix)
		d.Sites = append(d.Sites, s)
		return nil
	})
	return d, err
}

// syncWithin is how long etcd is waited for when there is a file of the last routes.
const syncWithin = 3 * time.Second

// saveEvery is how often the file of the last routes is written at most.
const saveEvery = time.Minute

// follow keeps the routes to those in etcd until ctx ends. It returns once there are
// some: of etcd, or the last that were known when etcd does not answer.
func (p *proxy) follow(ctx context.Context) (wait func() error, err error) {
	cfg := p.Config().Etcd
	store, err := cfg.open()
	if err != nil {
		return nil, err
	}
	synced, changed := make(chan struct{}), make(chan struct{}, 1)
	p.follower = &routes.Follower{
		Set: p.set, Store: store, Prefix: sitesPrefix, Probe: time.Duration(cfg.Probe), Logger: p.Log,
		Synced: func() { close(synced) },
		Applied: func(come, gone []string) {
			p.Log.Debug("routes", "changed", len(come), "gone", len(gone))
			p.changes.Add(float64(len(come) + len(gone)))
			select {
			case changed <- struct{}{}:
			default:
			}
		},
	}
	last := readLast(cfg.Last)
	if last.err == nil {
		last.err = p.set.Replace(last.Document)
	}
	ended := make(chan error, 2)
	go func() { ended <- p.follower.Run(ctx) }()
	go func() { ended <- p.save(ctx, cfg.Last, changed) }()
	wait = func() error { return errors.Join(<-ended, <-ended, store.Close()) }

	var enough <-chan time.Time
	if last.err == nil {
		timer := time.NewTimer(syncWithin)
		defer timer.Stop()
		enough = timer.C
	} else if !errors.Is(last.err, fs.ErrNotExist) {
		p.Log.Error("the last routes cannot be used", "file", cfg.Last, "err", last.err)
	}
	select {
	case <-synced:
	case <-enough:
		p.Log.Error("etcd does not answer: these are the last routes that were known", "sites", p.set.Len(), "of", last.of)
	case <-ctx.Done():
	}
	return wait, nil
}

// lastRoutes are those that were in force when a process ended.
type lastRoutes struct {
	routes.Document
	of  time.Time
	err error
}

func readLast(path string) (l lastRoutes) {
	if path == "" {
		l.err = fs.ErrNotExist
		return l
	}
	text, err := os.ReadFile(path)
	if err != nil {
		l.err = err
		return l
	}
	if info, err := os.Stat(path); err == nil {
		l.of = info.ModTime()
	}
	l.err = json.Unmarshal(text, &l.Document)
	return l
}

// save keeps the routes in a file, for a process that begins while etcd is away.
func (p *proxy) save(ctx context.Context, path string, changed <-chan struct{}) error {
	if path == "" {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			select {
			case <-changed:
				p.saveNow(path)
			default:
			}
			return nil
		case <-changed:
		}
		p.saveNow(path)
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

func (p *proxy) saveNow(path string) {
	if err := writeLast(path, p.set.Document()); err != nil {
		p.Log.Error("the last routes are not kept for a time without etcd", "err", err)
	}
}

// writeLast writes the file so that one is there always.
func writeLast(path string, d routes.Document) error {
	text, err := json.Marshal(d)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".routes-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // once it is renamed it is not there
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
