package etcdkv

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/internal/kv"
	clientv3 "go.etcd.io/etcd/client/v3"
)

var _ kv.Store = (*Store)(nil)

// Options say where the store is. Endpoints are needed.
type Options struct {
	// Endpoints are URLs of members: https://etcd1.example:2379. With several, the
	// store works as long as one that has a quorum can be reached.
	Endpoints []string
	// Prefix is put before each key, so that several programs share a cluster.
	Prefix string
	// TLS is for https endpoints: the cluster's CA, and the client's certificate if
	// members ask for one. Nil trusts the system's CAs.
	TLS *tls.Config
	// Username is that of etcd's own authentication, if it is on; PasswordFile has the
	// password, and a final newline that does not count. Only its owner may read it.
	Username, PasswordFile string
	// LockTTL is how long a lock outlives a holder who died; zero means 15 seconds, less
	// than a second and what etcd thinks too short is more.
	LockTTL time.Duration
	// Timeout is how long an answer may take; zero means 10 seconds.
	Timeout time.Duration
}

// Store keeps keys in etcd. It may be used by many goroutines.
type Store struct {
	client  *clientv3.Client
	prefix  string
	ttl     time.Duration
	timeout time.Duration
	done    context.Context // ends by Close, with fs.ErrClosed
	end     context.CancelCauseFunc

	mu    sync.Mutex // guards locks
	locks map[*lock]struct{}
}

// New makes a store. Unless it must log in it does not wait for etcd: calls do. The
// client that it starts runs until [Store.Close].
func New(o Options) (*Store, error) {
	password, err := o.check()
	if err != nil {
		return nil, fmt.Errorf("etcdkv: %w", err)
	}
	s := &Store{
		prefix:  o.Prefix,
		ttl:     max(o.LockTTL, time.Second),
		timeout: o.Timeout,
		locks:   make(map[*lock]struct{}),
	}
	if o.LockTTL == 0 {
		s.ttl = 15 * time.Second
	}
	if s.timeout == 0 {
		s.timeout = 10 * time.Second
	}
	s.done, s.end = context.WithCancelCause(context.Background())
	s.client, err = clientv3.New(clientv3.Config{
		Endpoints:            o.Endpoints,
		TLS:                  o.TLS,
		Username:             o.Username,
		Password:             password,
		DialTimeout:          s.timeout,
		DialKeepAliveTime:    10 * time.Second,
		DialKeepAliveTimeout: 5 * time.Second,
		Logger:               clientv3.NewCtxClient(context.Background()).GetLogger(), // discards
	})
	if err != nil {
		s.end(fs.ErrClosed)
		return nil, fmt.Errorf("etcdkv: connect to %q: %w", o.Endpoints, err)
	}
	return s, nil
}

// check returns the password.
func (o Options) check() (string, error) {
	switch {
	case len(o.Endpoints) == 0:
		return "", errors.New("no endpoints: name at least one member")
	case strings.Contains(o.Prefix, "\x00"):
		return "", fmt.Errorf("prefix %q: %w: it has a NUL byte", o.Prefix, kv.ErrInvalid)
	case (o.Username == "") != (o.PasswordFile == ""):
		return "", errors.New("a user name and a file of its password go together")
	case o.PasswordFile == "":
		return "", nil
	}
	info, err := os.Stat(o.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("password: %w", err)
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		return "", fmt.Errorf("password file %q has mode %v: chmod it to 0600", o.PasswordFile, perm)
	}
	data, err := os.ReadFile(o.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("password: %w", err)
	}
	return strings.TrimRight(string(data), "\r\n"), nil
}

// Close ends all use of the store and gives its locks back, as far as etcd answers.
func (s *Store) Close() error {
	s.mu.Lock()
	locks := s.locks
	s.locks = nil
	s.mu.Unlock()
	if locks == nil {
		return nil
	}
	s.end(fs.ErrClosed)
	var wg sync.WaitGroup
	for l := range locks {
		wg.Go(func() { _ = l.release(fs.ErrClosed) }) // else it runs out
	}
	wg.Wait()
	if err := s.client.Close(); err != nil {
		return fmt.Errorf("etcdkv: close: %w", err)
	}
	return nil
}

// until returns ctx, ended by Close too.
func (s *Store) until(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(s.done, func() { cancel(fs.ErrClosed) })
	return ctx, func() {
		stop()
		cancel(context.Canceled)
	}
}

// request is until, bounded by the timeout of an answer.
func (s *Store) request(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel1 := s.until(ctx)
	ctx, cancel2 := context.WithTimeoutCause(ctx, s.timeout, fmt.Errorf("etcd did not answer in %v: %w", s.timeout, context.DeadlineExceeded))
	return ctx, func() {
		cancel2()
		cancel1()
	}
}

// wrap says what was attempted. Errors of etcd's client are of many kinds; what counts is
// whether the caller or Close ended it.
func (s *Store) wrap(ctx context.Context, attempted, key string, err error) error {
	if err != nil && s.done.Err() != nil {
		err = fs.ErrClosed
	}
	return kv.Wrap(ctx, "etcdkv", attempted, key, err)
}

// because adds the cause of a context to an error that it made.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}
