package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
	"github.com/mythic-beasts/hostkit/examples/internal/etcdconf"
	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/etcdstore"
)

// etcdConfig is [etcd].
type etcdConfig struct {
	etcdconf.Config
	Probe daemon.Duration `toml:"probe"`
}

// machinesPrefix is of machines' keys, behind the prefix of all.
const machinesPrefix = "machines/"

// check finds what is wrong, and fills in defaults.
func (e *etcdConfig) check() error {
	e.Prefix = cmp.Or(e.Prefix, "/netbootd/")
	var p problems
	if e.Probe < 0 {
		p.add("etcd.probe", "must not be negative")
	}
	return errors.Join(e.Check("etcd."), p.err())
}

// parse reads a machine as etcd has it: the keys of [[machine]], in JSON. Pools are those
// of the file.
func (c *config) parse(name string, val []byte) (netboot.Reservation, error) {
	var m machineConfig
	d := json.NewDecoder(bytes.NewReader(val))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return netboot.Reservation{}, err
	}
	if m.Name != "" && m.Name != name {
		return netboot.Reservation{}, fmt.Errorf("its name is %q, and its key's is %q", m.Name, name)
	}
	m.Name = name
	pools, err := c.pools()
	if err != nil {
		return netboot.Reservation{}, err
	}
	p := &problems{prefix: "machine"}
	r := m.reservation(p, pools, c.HTTP.URL)
	return r, p.err()
}

// startEtcd follows the machines in etcd.
func (s *server) startEtcd(ctx context.Context, g *errgroup.Group) error {
	e := s.settings.Etcd
	if !e.Set() {
		return nil
	}
	tls, err := e.TLS()
	if err != nil {
		return err
	}
	store, err := etcdstore.New(etcdstore.Options{
		Endpoints: e.Endpoints, Prefix: e.Prefix, TLS: tls, Username: e.User, PasswordFile: e.PasswordFile,
	})
	if err != nil {
		return err
	}
	i := &s.machines.machines
	i.Store, i.Prefix, i.Probe, i.Logger = store, machinesPrefix, time.Duration(e.Probe), s.Log
	i.Parse = func(name string, val []byte) (netboot.Reservation, error) { return s.Config().parse(name, val) }
	i.Changed = s.forgetGone()
	g.Go(func() error {
		defer store.Close()
		return i.Run(ctx)
	})
	s.Note(func() string { return "machines: " + i.Status().String() })
	s.Metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "netbootd_etcd_up", Help: "1 while etcd answers, 0 while its machines are those of the time before.",
	}, func() float64 {
		if i.Status().Err != nil {
			return 0
		}
		return 1
	}))
	return nil
}

// forgetGone returns what forgets the boots of machines that are no more, when called.
func (s *server) forgetGone() func() {
	var mu sync.Mutex
	before := s.machines.names()
	return func() {
		mu.Lock()
		defer mu.Unlock()
		now := s.machines.names()
		for _, name := range before {
			if !slices.Contains(now, name) {
				s.tracker.Forget(name)
			}
		}
		before = now
	}
}
