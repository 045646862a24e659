package nfsd

import (
	"fmt"
	"net/netip"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestLocalCredential(t *testing.T) {
	const none = ^uint32(0)
	for _, tc := range []struct {
		name     string
		in, want credential
		squash   bool
		root     bool
	}{
		{name: "root", in: credential{}, want: credential{}, root: true},
		{name: "root of another group", in: credential{gid: 5}, want: credential{gid: 5}},
		{name: "user", in: credential{uid: 1, gid: 2, groups: []uint32{0, 3}}, want: credential{uid: 1, gid: 2, groups: []uint32{0, 3}}},
		{name: "minus one is nobody", in: credential{uid: none, gid: none, groups: []uint32{none, 1}}, want: credential{uid: nobody, gid: nobody, groups: []uint32{1}}},
		{name: "squashed root", in: credential{groups: []uint32{0, 4}}, squash: true, want: credential{uid: nobody, gid: nobody, groups: []uint32{4}}},
		{name: "squashed user", in: credential{uid: 7, gid: 0}, squash: true, want: credential{uid: 7, gid: nobody}},
	} {
		got := tc.in.local(tc.squash)
		require.Equal(t, tc.want.uid, got.uid, tc.name)
		require.Equal(t, tc.want.gid, got.gid, tc.name)
		require.ElementsMatch(t, tc.want.groups, got.groups, tc.name)
		require.Equal(t, tc.root, got.isRoot(), tc.name)
	}
}

func TestReplaysAreBounded(t *testing.T) {
	var r replays
	for i := range uint32(3 * keptReplies) {
		kept, known := r.begin(callKey{xid: i})
		require.False(t, known)
		kept.end(fmt.Append(nil, i))
		require.LessOrEqual(t, len(r.m), keptReplies)
	}
	_, known := r.begin(callKey{xid: 0})
	require.False(t, known, "the oldest are forgotten")
	kept, known := r.begin(callKey{xid: 3*keptReplies - 1})
	require.True(t, known)
	require.Equal(t, fmt.Sprint(3*keptReplies-1), string(kept.body))
}

func TestClientMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cs := clients{limit: 1, m: map[netip.Addr]*client{}}
		addr := netip.MustParseAddr("10.77.0.11")
		c := cs.enter(addr)
		require.Nil(t, cs.enter(addr), "one connection each")
		stop := make(chan struct{})
		require.True(t, c.reserve(70, 100, stop))
		got := make(chan bool)
		go func() { got <- c.reserve(40, 100, stop) }()
		synctest.Wait()
		select {
		case <-got:
			t.Fatal("was given more than there is")
		default:
		}
		c.release(70)
		require.True(t, <-got)
		go func() { got <- c.reserve(90, 100, stop) }()
		close(stop)
		require.False(t, <-got)

		cs.leave(c)
		cs.forget(time.Minute)
		require.Same(t, c, cs.enter(addr), "its replies are still known")
		cs.leave(c)
		<-time.After(2 * time.Minute) // of the bubble
		cs.forget(time.Minute)
		require.NotSame(t, c, cs.enter(addr))
	})
}

func TestCacheLetsGo(t *testing.T) {
	c := newCache(2)
	open := func(key string) *node {
		fd, err := unix.Open(os.DevNull, unix.O_PATH|unix.O_CLOEXEC, 0)
		require.NoError(t, err)
		return c.add(&node{key: key, fd: fd, reader: -1, writer: -1})
	}
	a, b := open("a"), open("b")
	c.put(a)
	c.put(b)
	got, _ := c.get([]byte("a"), nil) // b is now the oldest
	c.put(open("c"))
	require.Equal(t, 2, c.len())
	gone, _ := c.get([]byte("b"), nil)
	require.Nil(t, gone)
	_, wrong := c.get([]byte("a"), make([]byte, handleMAC-1))
	require.True(t, wrong)

	c.drop([]byte("a"))
	_, err := fstat(got.fd)
	require.NoError(t, err, "is still in use")
	fd := got.fd
	c.put(got)
	_, err = fstat(fd)
	require.ErrorIs(t, err, unix.EBADF)
	c.forget(0, nil)
	require.Zero(t, c.len())
}

func TestBelow(t *testing.T) {
	for _, tc := range []struct {
		path, base, rest string
		ok               bool
	}{
		{"/srv/pi1", "/srv/pi1", "", true},
		{"/srv/pi1/root", "/srv/pi1", "root", true},
		{"/srv/pi1/root/etc", "/srv/pi1", "root/etc", true},
		{"/srv/pi11", "/srv/pi1", "", false},
		{"/srv", "/srv/pi1", "", false},
		{"/srv", "", "", false},
	} {
		rest, ok := below(tc.path, tc.base)
		require.Equal(t, tc.ok, ok, tc.path)
		require.Equal(t, tc.rest, rest, tc.path)
	}
}

func TestStatusOf(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want status
	}{
		{nil, statusOK},
		{unix.ENOENT, statusNoEnt},
		{&os.PathError{Op: "open", Err: unix.ELOOP}, statusInval},
		{refusal(statusNotSync), statusNotSync},
		{unix.EMFILE, statusJukebox},
		{unix.EPROTO, statusIO},
		{os.ErrClosed, statusServerFault},
	} {
		require.Equal(t, tc.want, statusOf(tc.err), fmt.Sprint(tc.err))
	}
}

func TestRights(t *testing.T) {
	require.EqualValues(t, accessRead|accessLookup|accessModify|accessExtend|accessDelete, rights(true, true, true, true))
	require.EqualValues(t, accessRead, rights(true, true, true, false), "nothing can be changed in what cannot be entered")
	require.EqualValues(t, accessModify|accessExtend|accessExecute, rights(false, false, true, true))
}
