package watched_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/rpi"
	"github.com/mythic-beasts/hostkit/netboot/watched"
	"github.com/stretchr/testify/require"
)

// memory is a store that may be lost, or stand still.
type memory struct {
	mu    sync.Mutex // guards all below
	keys  map[string]string
	watch chan [2]string
	lost  chan struct{}
	down  bool
}

func newMemory(keys map[string]string) *memory {
	return &memory{keys: maps.Clone(keys), lost: make(chan struct{})}
}

// set with an empty value deletes.
func (m *memory) set(key, val string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keys[key] = val
	if val == "" {
		delete(m.keys, key)
	}
	if m.watch != nil {
		m.watch <- [2]string{key, val}
	}
}

func (m *memory) lose() {
	m.mu.Lock()
	defer m.mu.Unlock()
	close(m.lost)
	m.lost, m.watch = make(chan struct{}), nil
}

func (m *memory) stand(still bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = still
}

func (m *memory) Ping(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return errors.New("no majority")
	}
	return nil
}

func (m *memory) Watch(ctx context.Context, prefix string, fn func(string, []byte, int64)) error {
	m.mu.Lock()
	now, lost, changes := maps.Clone(m.keys), m.lost, make(chan [2]string, 100)
	m.watch = changes
	m.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(now)) {
		if strings.HasPrefix(key, prefix) {
			fn(key, []byte(now[key]), 1)
		}
	}
	fn("", nil, 0)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-lost:
			return errors.New("the connection is gone")
		case c := <-changes:
			var val []byte
			if c[1] != "" {
				val = []byte(c[1])
			}
			fn(c[0], val, 1)
		}
	}
}

// parse takes "INTERFACE ADDRESS" or "#SERIAL ADDRESS".
func parse(_ string, val []byte) (r netboot.Reservation, err error) {
	place, addr, _ := strings.Cut(string(val), " ")
	if r.Machine.Addr, err = netip.ParsePrefix(addr); err != nil {
		return r, err
	}
	if serial, ok := strings.CutPrefix(place, "#"); ok {
		_, err = fmt.Sscanf(serial, "%x", &r.Serial)
		return r, err
	}
	r.Interface = place
	return r, nil
}

// is says which machines there are.
func is(i *watched.Inventory) string {
	var all []string
	for _, m := range i.Machines() {
		all = append(all, m.Name+"="+m.Addr.String())
	}
	return strings.Join(all, " ")
}

// start runs the inventory in a bubble, and returns what passes time in it.
func start(t *testing.T, i *watched.Inventory) (pass func(time.Duration)) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- i.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	return func(d time.Duration) {
		<-time.After(d) // of fake time
		synctest.Wait()
	}
}

func TestInventory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(map[string]string{"m/a": "eth0.1 10.0.0.1/30", "m/b": "eth0.2 10.0.0.5/30", "other/x": "eth0.9 10.9.0.1/30"})
		i := &watched.Inventory{Store: m, Prefix: "m/", Parse: parse}
		_, err := i.Lookup(t.Context(), netboot.Client{Interface: "eth0.1"})
		require.ErrorIs(t, err, netboot.ErrUnknown, "nothing was read yet")
		require.Empty(t, is(i))
		require.Equal(t, "the store is being read", i.Status().String())
		changes := 0
		i.Changed = func() { changes++ }
		pass := start(t, i)
		pass(time.Second)
		require.Equal(t, "a=10.0.0.1/30 b=10.0.0.5/30", is(i))
		require.Equal(t, 1, changes)
		found, err := i.Lookup(t.Context(), netboot.Client{Interface: "eth0.2"})
		require.NoError(t, err)
		require.Equal(t, "b", found.Name)

		m.set("m/c", "eth0.3 10.0.0.9/30")
		m.set("m/a", "nonsense") // stays as it was
		m.set("m/d", "eth0.2 10.0.0.13/30")
		m.set("m/b", "")
		pass(time.Second)
		require.Equal(t, "a=10.0.0.1/30 c=10.0.0.9/30 d=10.0.0.13/30", is(i), "d got what b had")
		m.set("m/bb", "eth0.2 10.0.0.17/30") // before d by name
		pass(time.Second)
		require.Equal(t, "a=10.0.0.1/30 bb=10.0.0.17/30 c=10.0.0.9/30", is(i))
		require.Equal(t, "3 machines, 1 refused", i.Status().String())

		// The machines of the file are before all.
		i.Fix(netboot.Reservation{Interface: "eth0.3", Machine: netboot.Machine{Name: "z", Addr: netip.MustParsePrefix("10.1.0.1/30")}})
		require.Equal(t, "z=10.1.0.1/30 a=10.0.0.1/30 bb=10.0.0.17/30", is(i))

		// The store is lost and back, with changes; the nonsense stays as it was.
		m.lose()
		m.set("m/bb", "")
		pass(3 * time.Second)
		require.Equal(t, "z=10.1.0.1/30 a=10.0.0.1/30 d=10.0.0.13/30", is(i))
		require.NoError(t, i.Status().Err)
	})
}

// Ten minutes without the store.
func TestInventoryOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(map[string]string{"m/a": "eth0.1 10.0.0.1/30"})
		i := &watched.Inventory{Store: m, Prefix: "m/", Parse: parse}
		pass := start(t, i)
		pass(time.Second)
		m.stand(true)
		pass(10 * time.Minute)
		require.Contains(t, i.Status().String(), "1 machines, as they were 9m56s ago: the store does not answer: no majority")
		require.Equal(t, "a=10.0.0.1/30", is(i))
		m.stand(false)
		pass(6 * time.Second)
		require.Equal(t, "1 machines, 0 refused", i.Status().String())
	})
}

// A Pi that told its serial number once is known by its MAC address, also after another
// machine has changed.
func TestInventoryRemembersSerials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(map[string]string{"m/pi": "#5564247d 10.0.0.1/24"})
		i := &watched.Inventory{Store: m, Prefix: "m/", Parse: parse}
		pass := start(t, i)
		pass(time.Second)
		mac := []byte{0xdc, 0xa6, 0x32, 1, 2, 3}
		_, err := i.Lookup(t.Context(), netboot.Client{MAC: mac})
		require.ErrorIs(t, err, netboot.ErrUnknown)
		_, err = i.Lookup(t.Context(), netboot.Client{MAC: mac, Pi: &rpi.Identity{Serial: 0x5564247d}})
		require.NoError(t, err)
		m.set("m/other", "eth0.1 10.0.0.2/24")
		pass(time.Second)
		found, err := i.Lookup(t.Context(), netboot.Client{MAC: mac})
		require.NoError(t, err)
		require.Equal(t, "pi", found.Name)
		m.set("m/pi", "")
		pass(time.Second)
		_, err = i.Lookup(t.Context(), netboot.Client{MAC: mac})
		require.ErrorIs(t, err, netboot.ErrUnknown)
	})
}
