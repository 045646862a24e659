package etcdkv_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mythic-beasts/hostkit/internal/etcdkv"
	"github.com/mythic-beasts/hostkit/internal/etcdtest"
	"github.com/mythic-beasts/hostkit/internal/kv"
	"github.com/mythic-beasts/hostkit/internal/kvtest"
	"github.com/stretchr/testify/require"
)

// A watch that was cut off misses a deletion, and etcd forgets it: what is gone is
// found out from what is there.
func TestRealCompaction(t *testing.T) {
	c := etcdtest.Start(t, etcdtest.Options{Members: 3})
	far := newLink(t, c.Members[0].URL)
	near := open(t, etcdkv.Options{Endpoints: c.Endpoints(), Prefix: "/p/"})
	w := follow(t, open(t, etcdkv.Options{Endpoints: []string{far.url}, Prefix: "/p/"}), "k/")
	put(t, near, "k/goes", "1")
	put(t, near, "k/stays", "1")
	put(t, near, "k/changes", "1")
	w.becomes(t, map[string]string{"k/goes": "1", "k/stays": "1", "k/changes": "1"})

	far.Cut()
	put(t, near, "k/goes", "")
	put(t, near, "k/changes", "2")
	put(t, near, "k/comes", "1")
	c.Compact(t)
	far.Mend()
	w.becomes(t, map[string]string{"k/stays": "1", "k/changes": "2", "k/comes": "1"})
	require.True(t, w.state(func() bool { return w.gone == 1 }))
	put(t, near, "k/goes", "back")
	w.becomes(t, map[string]string{"k/stays": "1", "k/changes": "2", "k/comes": "1", "k/goes": "back"})
}

func TestRealLeaderKilled(t *testing.T) {
	c := etcdtest.Start(t, etcdtest.Options{Members: 3})
	s := open(t, etcdkv.Options{Endpoints: c.Endpoints(), LockTTL: 30 * time.Second})
	w := follow(t, s, "k/")
	held, unlock, err := s.Lock(t.Context(), "l")
	require.NoError(t, err)
	want := make(map[string]string)
	for round := range 2 {
		for i := range 5 {
			want[fmt.Sprintf("k/%d-%d", round, i)] = "v"
			put(t, s, fmt.Sprintf("k/%d-%d", round, i), "v")
		}
		leader := c.Leader(t)
		leader.Kill(t)
		key := fmt.Sprintf("k/%d-end", round)
		want[key] = "v"
		put(t, s, key, "v")
		w.becomes(t, want)
		leader.Restart(t)
		leader.Wait(t)
	}
	require.NoError(t, held.Err(), "a lock outlives the leader")
	_, err = s.Put(held, "under the lock", []byte("v"), 0)
	require.NoError(t, err)
	require.NoError(t, unlock())
}

// Without a majority calls end with an error, and go on once it is back.
func TestRealNoMajority(t *testing.T) {
	c := etcdtest.Start(t, etcdtest.Options{Members: 3})
	s := open(t, etcdkv.Options{Endpoints: c.Endpoints(), Timeout: 2 * time.Second})
	w := follow(t, s, "k/")
	put(t, s, "k/1", "v")
	c.Members[0].Pause(t)
	c.Members[1].Pause(t)
	_, err := s.Put(t.Context(), "k/2", []byte("v"), 0)
	require.Error(t, err)
	require.NotErrorIs(t, err, fs.ErrExist)
	_, _, err = s.Get(t.Context(), "k/1")
	require.Error(t, err, "a read that cannot be known to be current")
	_, _, err = s.Lock(t.Context(), "l")
	require.Error(t, err)
	c.Members[0].Resume(t)
	c.Members[1].Resume(t)
	put(t, s, "k/2", "late")
	w.becomes(t, map[string]string{"k/1": "v", "k/2": "late"})
}

// A holder that is cut off stops by itself, before another can have the lock.
func TestRealHolderCutOff(t *testing.T) {
	c := etcdtest.Start(t, etcdtest.Options{})
	far := newLink(t, c.Members[0].URL)
	a := open(t, etcdkv.Options{Endpoints: []string{far.url}, LockTTL: 3 * time.Second, Timeout: time.Second})
	b := open(t, etcdkv.Options{Endpoints: c.Endpoints(), LockTTL: 3 * time.Second})
	rev := put(t, b, "k", "before")
	held, unlock, err := a.Lock(t.Context(), "l")
	require.NoError(t, err)
	far.Cut()
	other, unlock2, err := b.Lock(t.Context(), "l")
	require.NoError(t, err)
	require.ErrorIs(t, context.Cause(held), kv.ErrLockLost, "held has ended before another has the lock")
	far.Mend()
	_, err = a.Put(held, "k", []byte("late"), rev)
	require.ErrorIs(t, err, kv.ErrLockLost)
	require.ErrorIs(t, unlock(), kv.ErrLockLost)
	_, err = b.Put(other, "k", []byte("after"), rev)
	require.NoError(t, err)
	require.NoError(t, unlock2())
}

const holderEnv = "ETCDKV_HOLDER"

// TestHolder is not a test: it is the process that TestRealHolderStopped stops.
func TestHolder(t *testing.T) {
	endpoint := os.Getenv(holderEnv)
	if endpoint == "" {
		return
	}
	s := open(t, etcdkv.Options{Endpoints: []string{endpoint}, LockTTL: 2 * time.Second})
	_, rev, err := s.Get(t.Context(), "k")
	require.NoError(t, err)
	held, _, err := s.Lock(t.Context(), "l")
	require.NoError(t, err)
	fmt.Println("HOLDS")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	// It writes on, whatever held says.
	_, err1 := s.Put(context.WithoutCancel(held), "k", []byte("late"), -1)
	_, err2 := s.Put(t.Context(), "k", []byte("late"), rev)
	fmt.Println("LOST", errors.Is(err1, kv.ErrLockLost), errors.Is(err2, fs.ErrExist))
}

// A holder is stopped for longer than its lease, and goes on when another has the lock.
func TestRealHolderStopped(t *testing.T) {
	c := etcdtest.Start(t, etcdtest.Options{Members: 3})
	s := open(t, etcdkv.Options{Endpoints: c.Endpoints()})
	rev := put(t, s, "k", "before")

	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHolder$", "-test.v")
	cmd.Env = append(os.Environ(), holderEnv+"="+c.Members[0].URL)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	require.Contains(t, next(t, lines, "HOLDS"), "HOLDS")

	require.NoError(t, cmd.Process.Signal(syscall.SIGSTOP))
	held, unlock, err := s.Lock(t.Context(), "l")
	require.NoError(t, err)
	_, err = s.Put(held, "k", []byte("after"), rev)
	require.NoError(t, err)
	_, err = in.Write([]byte("\n"))
	require.NoError(t, err)
	require.NoError(t, cmd.Process.Signal(syscall.SIGCONT))
	require.Contains(t, next(t, lines, "LOST"), "LOST true true")
	require.NoError(t, cmd.Wait())
	val, _, err := s.Get(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, "after", string(val))
	require.NoError(t, unlock())
}

// next is the next line with the word.
func next(t *testing.T, lines *bufio.Scanner, word string) string {
	t.Helper()
	for lines.Scan() {
		if strings.Contains(lines.Text(), word) {
			return lines.Text()
		}
	}
	t.Fatalf("the holder says no %q: %v", word, lines.Err())
	return ""
}

// A cluster in which everything goes wrong in turn, while all of it is used: what was
// acknowledged is there in the end, once.
func TestRealEndure(t *testing.T) {
	c := etcdtest.Start(t, etcdtest.Options{Members: 3})
	o := etcdkv.Options{Endpoints: c.Endpoints(), Prefix: "/e/", LockTTL: 2 * time.Second, Timeout: 3 * time.Second}
	open := func() (kvtest.Store, error) { return etcdkv.New(o) }
	kvtest.Endure(t, open, func(progress func() error) error {
		for _, fault := range []func(){
			func() { c.Compact(t) },
			func() { // the leader dies and comes back
				leader := c.Leader(t)
				leader.Kill(t)
				require.NoError(t, progress())
				c.Compact(t)
				leader.Restart(t)
				leader.Wait(t)
			},
			func() { // the leader stands still, and goes on believing that it leads
				leader := c.Leader(t)
				leader.Pause(t)
				require.NoError(t, progress())
				leader.Resume(t)
			},
			func() { // no majority for a while
				a, b := c.Members[0], c.Members[1]
				a.Kill(t)
				b.Pause(t)
				a.Restart(t)
				b.Resume(t)
				a.Wait(t)
			},
			func() { // all of them die
				for _, m := range c.Members {
					m.Kill(t)
				}
				for _, m := range c.Members {
					m.Restart(t)
				}
			},
		} {
			fault()
			if err := progress(); err != nil {
				return err
			}
		}
		return nil
	})
}
