package demo_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/demo"
	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

// patience is generous: everything here may share two cores with much else.
const patience = 2 * time.Minute

// run runs a house until the test ends.
func run(t *testing.T, o demo.Options) *demo.Demo {
	t.Helper()
	if o.Patience == 0 {
		o.Patience = 20 * time.Second
	}
	o.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	d, err := demo.New(o)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		err := d.Run(ctx)
		if err != nil {
			t.Errorf("the house ended: %v", err)
		}
		ended <- err
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			require.NoError(t, err)
		case <-time.After(patience):
			t.Error("the house does not end")
		}
	})
	return d
}

// await waits until ok holds.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, patience, 50*time.Millisecond, "waited in vain for %s", what)
}

func shelf(t *testing.T, d *demo.Demo) model.Shelf {
	t.Helper()
	shelves, err := d.Shelves(t.Context())
	require.NoError(t, err)
	require.Len(t, shelves, 1)
	return shelves[0]
}

func pi(t *testing.T, d *demo.Demo, name string) model.Pi {
	t.Helper()
	p, err := d.Pi(t.Context(), name)
	require.NoError(t, err)
	return p
}

// allUp waits until every Pi is up and draws power.
func allUp(t *testing.T, d *demo.Demo) {
	t.Helper()
	await(t, "all Pis to be up", func() bool {
		for _, p := range shelf(t, d).Pis {
			if p.Boot.Class != model.Up || p.Power != model.PowerOn || p.Watts == 0 {
				return false
			}
		}
		return true
	})
}

func TestShelf(t *testing.T) {
	d := run(t, demo.Options{Pis: 4, Speed: 50})
	allUp(t, d)
	s := shelf(t, d)
	require.Len(t, s.Pis, 4)
	require.Empty(t, s.Switch.Problem)
	p := s.Pis[1]
	require.Equal(t, "pi-02", p.Name)
	require.Equal(t, "bob", p.Owner)
	require.Equal(t, "10.80.0.6/30", p.Address.String())
	require.Equal(t, "10.80.0.5", p.FileServer.String())
	require.Equal(t, 101, p.VLAN)
	require.True(t, p.Console)
	require.False(t, p.Boot.Up.IsZero())
	require.Equal(t, p.Boot.Total, p.Boot.Loaded)
	await(t, "the switch's watts", func() bool { return shelf(t, d).Switch.Watts > 8 })
}

func domain(t *testing.T, d *demo.Demo, name string) model.Domain {
	t.Helper()
	dom, err := d.Domain(t.Context(), name)
	require.NoError(t, err)
	return dom
}

func TestDomains(t *testing.T) {
	d := run(t, demo.Options{Pis: 1, Speed: 50})
	await(t, "the signed domain to be secure", func() bool { return domain(t, d, "alice-shop.example").DNSSEC.Secure })
	signed := domain(t, d, "alice-shop.example")
	require.Len(t, signed.DNSSEC.DS, 1)
	await(t, "the certificates", func() bool {
		return domain(t, d, "alice-shop.example").Cert.Names != nil && domain(t, d, "bob-blog.example").Cert.Names != nil
	})
}

func site(t *testing.T, d *demo.Demo, name string) model.Site {
	t.Helper()
	s, err := d.Site(t.Context(), name)
	require.NoError(t, err)
	return s
}

func TestSites(t *testing.T) {
	d := run(t, demo.Options{Pis: 1, Speed: 50})
	const name = "www.alice-shop.example"
	all := func() bool {
		s := site(t, d, name)
		return len(s.Backends) == 2 && s.Backends[0].State == "up" && s.Backends[1].State == "up" && s.Words == "All servers are well."
	}
	await(t, "traffic", func() bool { return site(t, d, name).Routed > 3 && all() })

	v, err := d.Probe(t.Context(), name)
	require.NoError(t, err)
	require.True(t, v.Good, v.Words)
	require.Equal(t, v, site(t, d, name).Verdict)

	require.NoError(t, d.SetProxy(t.Context(), name, model.NoHeader, "alice"))
	await(t, "the checks to fail", func() bool {
		return site(t, d, name).Backends[0].State == "down" && site(t, d, name).Backends[1].State == "down"
	})
	v, err = d.Probe(t.Context(), name)
	require.NoError(t, err)
	require.False(t, v.Good)
	require.NotEqual(t, model.NoHeader, v.Want)
	require.Contains(t, v.Words, "PROXY")

	require.NoError(t, d.SetProxy(t.Context(), name, v.Want, "alice"))
	await(t, "the site to be well", all)
	require.ErrorIs(t, d.SetProxy(t.Context(), name, "v3", "alice"), model.ErrRefused)
}

func TestPower(t *testing.T) {
	d := run(t, demo.Options{Pis: 2, Speed: 50})
	allUp(t, d)
	first := pi(t, d, "pi-01").Boot.Began

	require.NoError(t, d.Power(t.Context(), "pi-01", model.SwitchOff, "tests", "alice"))
	off := pi(t, d, "pi-01")
	require.Equal(t, model.PowerOff, off.Power)
	require.Equal(t, model.Off, off.Boot.Class)
	require.ErrorIs(t, d.Power(t.Context(), "pi-01", model.Cycle, "tests", "alice"), model.ErrRefused)
	await(t, "no watts", func() bool { return pi(t, d, "pi-01").Watts == 0 })

	require.NoError(t, d.Power(t.Context(), "pi-01", model.SwitchOn, "tests", "alice"))
	allUp(t, d)
	require.NoError(t, d.Power(t.Context(), "pi-01", model.Cycle, "tests", "alice"))
	await(t, "a third boot", func() bool {
		boots, err := d.Boots(t.Context(), "pi-01", 10)
		return err == nil && len(boots) == 3 && boots[0].Class == model.Up
	})
	boots, err := d.Boots(t.Context(), "pi-01", 10)
	require.NoError(t, err)
	require.Equal(t, first, boots[2].Began)
	require.False(t, boots[2].Ended.IsZero())
	require.False(t, boots[2].Up.IsZero())
	require.True(t, boots[1].Ended.After(boots[1].Began))
	two, err := d.Boots(t.Context(), "pi-01", 2)
	require.NoError(t, err)
	require.Equal(t, boots[:2], two)
	require.ErrorIs(t, d.Power(t.Context(), "pi-01", "explode", "tests", "alice"), model.ErrRefused)
	require.ErrorIs(t, d.Power(t.Context(), "pi-99", model.Cycle, "tests", "alice"), model.ErrUnknown)
}

func TestRebuild(t *testing.T) {
	d := run(t, demo.Options{Pis: 1, Speed: 50})
	allUp(t, d)
	before := pi(t, d, "pi-01")
	require.Equal(t, 1, before.Root)
	require.NoError(t, d.Rebuild(t.Context(), "pi-01", "alice"))
	allUp(t, d)
	after := pi(t, d, "pi-01")
	require.Equal(t, 2, after.Root)
	require.True(t, after.RootMade.After(before.RootMade))
	await(t, "the kernel to have mounted the fresh root", func() bool {
		lines, err := d.SearchLog(t.Context(), "pi-01", "GENERATION 2", 5)
		return err == nil && len(lines) == 1
	})
}

func TestConsole(t *testing.T) {
	d := run(t, demo.Options{Pis: 1, Speed: 50})
	allUp(t, d)
	alice, err := d.Console(t.Context(), "pi-01", model.ConsoleOptions{Keyboard: true, By: "alice"})
	require.NoError(t, err)
	watcher, err := d.Console(t.Context(), "pi-01", model.ConsoleOptions{By: "noc"})
	require.NoError(t, err)
	shows(t, alice, "pi-01 login:")
	require.NoError(t, alice.Type(t.Context(), []byte("root\r")))
	shows(t, alice, "root@pi-01:~$")
	require.NoError(t, alice.Type(t.Context(), []byte("hostname\runame -a\rip addr\r")))
	shows(t, alice, "inet 10.80.0.2/30")
	s := shows(t, watcher, "inet 10.80.0.2/30")
	require.False(t, s.Keyboard)
	require.Equal(t, "alice", s.Holder)
	require.Contains(t, s.HTML, `<pre class="vt">`)
	err = watcher.Type(t.Context(), []byte("x"))
	require.ErrorIs(t, err, model.ErrRefused)
	require.ErrorContains(t, err, `"alice" has the keyboard`)

	bob, err := d.Console(t.Context(), "pi-01", model.ConsoleOptions{Keyboard: true, Take: true, By: "bob"})
	require.NoError(t, err)
	await(t, "the keyboard to change hands", func() bool {
		s, err := bob.Screen(t.Context(), 0)
		return err == nil && s.Keyboard
	})
	require.ErrorIs(t, alice.Type(t.Context(), []byte("x")), model.ErrRefused)
	require.NoError(t, bob.Type(t.Context(), []byte("reboot\r")))
	await(t, "a second boot", func() bool {
		boots, err := d.Boots(t.Context(), "pi-01", 5)
		return err == nil && len(boots) == 2 && boots[0].Class == model.Up
	})
	for _, c := range []model.Console{alice, watcher, bob} {
		require.NoError(t, c.Close())
	}
	lines, err := d.SearchLog(t.Context(), "pi-01", "machine model", 10)
	require.NoError(t, err)
	require.NotEmpty(t, lines)
	require.Contains(t, lines[0].Text, "Raspberry Pi 3 Model B")
	require.False(t, lines[0].At.Before(lines[len(lines)-1].At), "the latest comes first")
	all, err := d.SearchLog(t.Context(), "pi-01", "", 3)
	require.NoError(t, err)
	require.Len(t, all, 3)
}

// shows waits until a screen has a text.
func shows(t *testing.T, c model.Console, text string) model.Screen {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var s model.Screen
	for !strings.Contains(s.Text, text) {
		var err error
		s, err = c.Screen(ctx, s.Number)
		require.NoError(t, err, "waited in vain for %q", text)
	}
	return s
}

func TestButtonsOfDomains(t *testing.T) {
	d := run(t, demo.Options{Pis: 1, Speed: 50})
	const name = "bob-blog.example"
	await(t, "the certificate", func() bool { return domain(t, d, name).Cert.Names != nil })
	require.False(t, domain(t, d, name).DNSSEC.On)
	require.ErrorIs(t, d.RollKey(t.Context(), name, "bob"), model.ErrRefused)

	require.NoError(t, d.SetDNSSEC(t.Context(), name, true, "bob"))
	require.True(t, domain(t, d, name).DNSSEC.On)
	await(t, "the zone to be secure", func() bool { return domain(t, d, name).DNSSEC.Secure })
	signed := domain(t, d, name).DNSSEC
	require.Len(t, signed.DS, 1)
	require.Contains(t, signed.DS[0], name+". IN DS ")
	require.Contains(t, signed.Timeline, "<svg")
	require.NotContains(t, signed.Timeline, "<script")
	require.Empty(t, signed.Problem)

	require.NoError(t, d.RollKey(t.Context(), name, "bob"))
	await(t, "new keys", func() bool {
		v := domain(t, d, name).DNSSEC
		return len(v.DS) == 1 && v.DS[0] != signed.DS[0] && len(v.Keys) == 2 && v.Words == "Signed."
	})

	before := domain(t, d, name).Cert.NotBefore
	require.NoError(t, d.Certify(t.Context(), name, "bob"))
	await(t, "another certificate", func() bool {
		c := domain(t, d, name).Cert
		return c.NotBefore.After(before) && !c.Busy && c.Problem == ""
	})
	require.Equal(t, "acmetest intermediate", domain(t, d, name).Cert.Issuer)
	require.NoError(t, d.SetDNSSEC(t.Context(), name, false, "bob"))
	await(t, "the zone to be unsigned", func() bool {
		v := domain(t, d, name).DNSSEC
		return !v.On && !v.Secure && len(v.DS) == 0 && len(v.Keys) == 0
	})
}
