package manager_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/manager"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/mythic-beasts/hostkit/internal/memkv"
)

// A zone is signed, its DS is seen at the parent by a person, and caches follow.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "keys")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	m := &manager.Manager{
		Keys: dnssec.KeyFiles{Path: dir}, Store: &memkv.Store{},
		Now: func() time.Time { return now },
	}
	zone, err := dnssec.ParseZone(strings.NewReader("@ SOA ns hostmaster 1 7200 3600 1209600 3600\n@ NS ns\nns A 192.0.2.1\n"), "example.org", dnssec.Options{})
	if err != nil {
		panic(err)
	}
	if err := m.SetZone(ctx, zone); err != nil {
		panic(err)
	}
	if err := m.Enable(ctx, "example.org", manager.Policy{Policy: rotate.Policy{Scheme: rotate.SingleKey}}); err != nil {
		panic(err)
	}
	for {
		st, err := m.Status(ctx, "example.org")
		if err != nil {
			panic(err)
		}
		fmt.Printf("%s: %s, serial %d, %d DS to add\n", now.Format("Jan 2 15:04"), st.Phase, st.Serial, len(st.Changes))
		switch {
		case st.Phase == "signed":
			return
		case len(st.Changes) > 0:
			if err := m.ConfirmDS(ctx, "example.org", st.Changes[0].DS.Tag, true); err != nil {
				panic(err)
			}
		default:
			now = st.NextTick
			if _, err := m.TickDue(ctx); err != nil {
				panic(err)
			}
		}
	}
	// Output:
	// Jan 1 00:00: signing for the first time, serial 2, 0 DS to add
	// Jan 1 02:05: signing for the first time, serial 3, 1 DS to add
	// Jan 1 02:05: signing for the first time, serial 3, 0 DS to add
	// Jan 2 04:05: signed, serial 3, 0 DS to add
}
