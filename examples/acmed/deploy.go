package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// deployment is what is remembered about a certificate's command.
type deployment struct {
	// Deployed is the certificate for which it succeeded last, as renew.State names it.
	Deployed string    `json:"deployed,omitempty"`
	At       time.Time `json:"at,omitzero"`
	// Failures counts those since.
	Failures int       `json:"failures,omitempty"`
	Tried    time.Time `json:"tried,omitzero"`
	Error    string    `json:"error,omitempty"`
}

// deployer runs the command of a certificate until it has succeeded for the one that is
// stored. It compares, so that it does not matter which change it has not heard of. It
// works at one command of a certificate at a time.
type deployer struct {
	dir    string // of what is remembered
	store  *store
	log    *slog.Logger
	config func() *config
	slots  *semaphore.Weighted

	all  sync.WaitGroup
	mu   sync.Mutex // guards all below
	jobs map[string]*job
	seen map[string]deployment
}

// job is work that is under way.
type job struct{ wake chan struct{} }

func newDeployer(dir string, s *store, parallel int, log *slog.Logger, config func() *config) *deployer {
	return &deployer{
		dir: dir, store: s, log: log, config: config, slots: semaphore.NewWeighted(int64(parallel)),
		jobs: map[string]*job{}, seen: map[string]deployment{},
	}
}

// check looks whether there is something to do, and does it beside. It gives up the wait
// after a failure.
func (d *deployer) check(ctx context.Context, name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if j := d.jobs[name]; j != nil {
		select {
		case j.wake <- struct{}{}:
		default:
		}
		return
	}
	j := &job{wake: make(chan struct{}, 1)}
	d.jobs[name] = j
	d.all.Go(func() { d.work(ctx, name, j) })
}

// due says whether the certificate of that identity is not deployed, as far as is known.
func (d *deployer) due(name, id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.jobs[name] == nil && d.seen[name].Deployed != id
}

// wait returns when all work has ended, after the end of its context.
func (d *deployer) wait() { d.all.Wait() }

func (d *deployer) work(ctx context.Context, name string, j *job) {
	hurry := true
	for {
		again, err := d.advance(ctx, name, hurry)
		if err != nil && ctx.Err() == nil {
			d.log.Error("a certificate is not deployed", "certificate", name, "next", time.Now().Add(again).Round(time.Second), "err", err)
		}
		if (again == 0 || ctx.Err() != nil) && d.end(ctx, name, j) {
			return
		}
		timer := time.NewTimer(again)
		hurry = false
		select {
		case <-timer.C:
		case <-j.wake:
			hurry = true
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// end ends a job, unless somebody has called since.
func (d *deployer) end(ctx context.Context, name string, j *job) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(j.wake) > 0 && ctx.Err() == nil {
		return false
	}
	delete(d.jobs, name)
	return true
}

// advance deploys what is stored, unless that is done. With an error it says when to try
// again; 0 is never. In a hurry it does not wait after a failure.
func (d *deployer) advance(ctx context.Context, name string, hurry bool) (again time.Duration, err error) {
	cfg := d.config()
	cert, ok := cfg.certificate(name)
	if !ok {
		return 0, nil
	}
	st, err := loadDeployment(d.dir, name)
	if err != nil {
		return time.Hour, err
	}
	_, id, err := leaf(ctx, d.store, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.note(name, st)
		return 0, nil
	case err == nil && id == st.Deployed:
		d.note(name, st)
		return 0, nil
	case err == nil:
		if wait := time.Until(st.Tried.Add(backoff(&cfg.Deploy, st.Failures))); wait > 0 && !hurry {
			return wait, nil
		}
		err = d.deploy(ctx, cfg, cert, id)
	}
	if err != nil && ctx.Err() != nil {
		return 0, err // it is not the command's fault
	}
	now := time.Now().Round(0).UTC().Truncate(time.Second)
	if err == nil {
		st = deployment{Deployed: id, At: now}
	} else {
		st.Failures, st.Tried, st.Error = st.Failures+1, now, err.Error()
		again = backoff(&cfg.Deploy, st.Failures)
	}
	d.note(name, st)
	return again, errors.Join(err, saveDeployment(d.dir, name, st))
}

func (d *deployer) note(name string, st deployment) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen[name] = st
}

// state is what is known of a certificate's command.
func (d *deployer) state(name string) deployment {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.seen[name]
}

// deploy does it: a copy in files first, if the store is elsewhere.
func (d *deployer) deploy(ctx context.Context, cfg *config, cert *certificateConfig, id string) error {
	if err := d.slots.Acquire(ctx, 1); err != nil {
		return err
	}
	defer d.slots.Release(1)
	return d.store.deploy(ctx, cfg, cert, id)
}

// deploy copies a certificate to where services read it, and runs its command.
func (s *store) deploy(ctx context.Context, cfg *config, cert *certificateConfig, id string) error {
	if s.shared {
		if err := s.copyOut(ctx, cert.Name); err != nil {
			return err
		}
	}
	have, now, err := leaf(ctx, s.files, cert.Name)
	switch {
	case err != nil:
		return err
	case now != id:
		return errors.New("the certificate has changed meanwhile")
	case len(cert.Deploy) == 0:
		return nil
	}
	dir := s.folder(cert.Name)
	p := &paths{
		Name: cert.Name, Names: have.DNSNames, NotAfter: have.NotAfter,
		Key: filepath.Join(dir, "privkey.pem"), Cert: filepath.Join(dir, "cert.pem"),
		Chain: filepath.Join(dir, "chain.pem"), FullChain: filepath.Join(dir, "fullchain.pem"),
	}
	timeout := time.Duration(cmp.Or(cert.DeployTimeout, cfg.Deploy.Timeout))
	if err := runCommand(ctx, cert.Deploy, p, timeout); err != nil {
		return fmt.Errorf("deploy %s: %w", cert.Name, err)
	}
	return nil
}

// backoff is how long to wait after so many failures.
func backoff(c *deployConfig, failures int) time.Duration {
	if failures == 0 {
		return 0
	}
	return time.Duration(c.Backoff[min(failures, len(c.Backoff))-1])
}

func deploymentFile(dir, name string) string { return filepath.Join(dir, name+".json") }

// loadDeployment is zero if nothing is remembered, or nothing that can be read.
func loadDeployment(dir, name string) (deployment, error) {
	var st deployment
	text, err := os.ReadFile(deploymentFile(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return st, nil
	}
	if err != nil {
		return st, err
	}
	if json.Unmarshal(text, &st) != nil || st.Failures < 0 {
		st = deployment{}
	}
	return st, nil
}

func saveDeployment(dir, name string, st deployment) error {
	text, err := json.Marshal(st)
	if err != nil {
		return err
	}
	return replaceFile(deploymentFile(dir, name), append(text, '\n'))
}
