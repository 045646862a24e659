package demo

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/netboottest"
	"github.com/mythic-beasts/hostkit/netboot/rpi"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
	"github.com/mythic-beasts/hostkit/vlan"
)

// kernelSize, and how long each Pi takes for a packet, make a boot that lasts about
// ten seconds at speed 1. At a speed at which packets themselves take too long, there
// are fewer of them.
func kernelSize(speed float64) int {
	const full, least = 2 << 20, 128 << 10
	return int(min(full, max(least, 4*full/speed)))
}

// patience is how long an emulated Pi waits for the next packet of a file. A real 3B
// waits for a second, but everything here shares one computer, which may be too busy
// for that.
const patience = 15 * time.Second

// kinds of Pi stand on the shelf in turns.
var kinds = [...]struct {
	label string
	pi    netboottest.Pi
}{
	{"Raspberry Pi 3 Model B", netboottest.Pi{Model: rpi.Model3B, RxBug: true, AckDelay: 1200 * time.Microsecond}},
	{"Raspberry Pi 4 Model B", netboottest.Pi{Model: rpi.Model4, AckDelay: 3400 * time.Microsecond}},
	{"Raspberry Pi 3 Model B", netboottest.Pi{Model: rpi.Model3B, RxBug: true, AckDelay: 900 * time.Microsecond}},
	{"Raspberry Pi 4 Model B", netboottest.Pi{Model: rpi.Model4, AckDelay: 2600 * time.Microsecond}},
}

// trees are the boot files by model, which all Pis of a model share.
type trees map[rpi.Model]fs.FS

func newTrees(kernel int) trees {
	t := make(trees)
	for _, k := range kinds {
		if t[k.pi.Model] == nil {
			t[k.pi.Model] = netboottest.BootTree(k.pi.Model, kernel)
		}
	}
	return t
}

// machine is an emulated Pi with its console. It runs while it has power.
type machine struct {
	plan   vlan.Pi
	label  string
	emul   netboottest.Pi
	speed  float64
	uart   *serialcontest.UART
	keys   chan []byte
	root   func() int // the generation of its root
	random *rand.Rand // of attend's goroutine

	dhcp, tftp netip.AddrPort // of the servers, set before it has power

	powered chan bool // the last state that the switch gave it

	mu    sync.Mutex // guards all below
	state lifeState
	loss  float64       // of its cable, during the next boot
	hung  chan struct{} // closed when it hangs; nil without power
	again chan struct{} // asked to start anew; nil without power
}

// lifeState is what a machine does, for the watts that it draws.
type lifeState uint8

const (
	dark lifeState = iota
	booting
	running
)

func newMachine(i int, plan vlan.Pi, o Options) *machine {
	kind := kinds[i%len(kinds)]
	m := &machine{
		plan: plan, label: kind.label, emul: kind.pi, speed: o.Speed,
		uart: &serialcontest.UART{Name: "console of " + plan.Name}, keys: make(chan []byte, 16),
		random:  rand.New(rand.NewPCG(o.Seed, uint64(i))), //nolint:gosec // chance that repeats itself
		powered: make(chan bool, 1),
	}
	m.emul.Serial = 0x5e1f0000 + uint32(i)
	m.emul.OS = true
	m.emul.GiveUp = patience
	m.emul.AckDelay = time.Duration(float64(m.emul.AckDelay) / o.Speed)
	return m
}

func (m *machine) serial() string { return fmt.Sprintf("%08x", m.emul.Serial) }

// power gives the machine power or takes it. The last call counts.
func (m *machine) power(on bool) {
	for {
		select {
		case m.powered <- on:
			return
		default:
		}
		select {
		case <-m.powered:
		default:
		}
	}
}

// milliwatts is what it draws.
func (m *machine) milliwatts() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	own := int64(m.emul.Serial%17) * 23
	switch m.state {
	case booting:
		return 3100 + own
	case running:
		return 2250 + own
	}
	return 0
}

func (m *machine) set(s lifeState) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state = s
}

// hang stops the machine until its power is cycled. It reports whether there was
// anything to stop.
func (m *machine) hang() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hung == nil {
		return false
	}
	select {
	case <-m.hung:
		return false
	default:
	}
	close(m.hung)
	return true
}

// restart has the machine boot again, by a cable that loses a share of frames. It
// reports whether it runs.
func (m *machine) restart(loss float64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.again == nil || m.state != running {
		return false
	}
	m.loss = loss
	select {
	case m.again <- struct{}{}:
	default:
	}
	return true
}

// attend runs the machine while it has power, until ctx ends. on and off are told of
// its power.
func (m *machine) attend(ctx context.Context, on, off func()) {
	unplug, lit := func() {}, false
	defer func() { unplug() }()
	for {
		select {
		case <-ctx.Done():
			return
		case want := <-m.powered:
			if want == lit {
				continue
			}
			lit = want
		}
		if lit {
			on()
			unplug = m.plug(ctx)
			continue
		}
		unplug()
		unplug = func() {}
		off()
	}
}

// plug begins a life. The function that it returns ends it, and returns when nothing
// of it runs any more.
func (m *machine) plug(ctx context.Context) (unplug func()) {
	ctx, cancel := context.WithCancel(ctx)
	hung, again := make(chan struct{}), make(chan struct{}, 1)
	m.mu.Lock()
	m.hung, m.again = hung, again
	m.mu.Unlock()
	var living sync.WaitGroup
	living.Go(func() { m.live(ctx, hung, again) })
	return func() {
		cancel()
		living.Wait()
		m.mu.Lock()
		m.hung, m.again, m.state = nil, nil, dark
		m.mu.Unlock()
	}
}

// live boots and runs, again and again, until the power goes.
func (m *machine) live(ctx context.Context, hung, again <-chan struct{}) {
	for ctx.Err() == nil {
		m.set(booting)
		g := &guest{
			Host: m.plan.Name, Model: m.label, Serial: m.serial(), Root: m.root(),
			Addr: netip.PrefixFrom(m.plan.Addr, m.plan.Net.Bits()), Public: m.plan.Public.Addr(),
		}
		if !m.boot(ctx, g, hung) {
			<-ctx.Done() // its firmware tries no more
			return
		}
		m.set(running)
		g.Booted = time.Now()
		m.say(g.Greeting())
		if !m.use(ctx, g, hung, again) {
			<-ctx.Done()
			return
		}
	}
}

// boot gets the machine from power to its operating system. False is that it gave up.
func (m *machine) boot(ctx context.Context, g *guest, hung <-chan struct{}) bool {
	m.mu.Lock()
	loss := m.loss
	m.loss = 0
	m.mu.Unlock()
	cable := netboottest.NewLossyLink(
		netboottest.NewUDPLink(netboottest.UDPLinkConfig{DHCP: m.dhcp, TFTP: m.tftp}),
		netboottest.Loss{Send: loss, Recv: loss, Seed: m.random.Uint64()})
	defer func() { _ = cable.Close() }()
	ended := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		select {
		case <-hung:
			cable.SetUp(false)
		case <-ended:
		}
	})
	defer watching.Wait()
	defer close(ended)
	pi := m.emul
	pi.Link = cable
	pi.OnStep = func(s netboottest.Step) { m.step(ctx, g, s) }
	m.say(g.Firmware())
	_, err := pi.Run(ctx)
	if err != nil && ctx.Err() == nil {
		m.say("\r\nNet boot failed\r\n")
	}
	return err == nil
}

// step shows a step of the boot on the console.
func (m *machine) step(ctx context.Context, g *guest, s netboottest.Step) {
	switch s.Kind {
	case netboottest.StepOffer:
		m.say("NET_BOOT: " + s.Text + "\r\n")
	case netboottest.StepFileEnd:
		if s.File != nil && s.File.Outcome == netboottest.Got {
			m.say(fmt.Sprintf("TFTP: %s %d bytes\r\n", shownFile(s.File.Name), s.File.Bytes))
			g.Kernel = s.File.Name
		}
	case netboottest.StepBooted:
		for _, line := range g.BootLog() {
			m.say(line + "\r\n")
			if !wait(ctx, time.Duration(float64(60*time.Millisecond)/m.speed)) {
				return
			}
		}
	}
}

// use runs the shell until the machine is to boot again. False is that it hangs, or
// has no power any more.
func (m *machine) use(ctx context.Context, g *guest, hung, again <-chan struct{}) bool {
	for {
		select {
		case <-ctx.Done():
			return false
		case <-hung:
			m.say(g.Panic(time.Since(g.Booted)))
			return false
		case <-again:
			m.say("\r\nwatchdog: watchdog0: the machine starts anew\r\n")
			return true
		case keys := <-m.keys:
			shown, reboot := g.Keys(keys, time.Now())
			m.say(shown)
			if reboot {
				return true
			}
		}
	}
}

func (m *machine) say(text string) { m.uart.Say([]byte(text)) }

// listen takes what is typed at the console to whoever runs on the machine; what comes
// while nobody does is lost. It ends when the console's line is pulled out.
func (m *machine) listen() {
	far := m.uart.Far()
	buf := make([]byte, 256)
	for {
		n, err := far.Read(buf)
		if err != nil {
			return
		}
		m.mu.Lock()
		runs := m.state == running
		m.mu.Unlock()
		if !runs {
			continue
		}
		select {
		case m.keys <- append([]byte(nil), buf[:n]...):
		default:
		}
	}
}

// wait reports whether d went by before ctx ended.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// onLink is an inventory for file requests from one Pi's link, which would all seem to
// come from the loopback interface.
type onLink struct {
	netboot.Inventory
	link string
}

// Lookup finds the machine that is on the link.
func (l onLink) Lookup(ctx context.Context, c netboot.Client) (*netboot.Machine, error) {
	c.Interface = l.link
	return l.Inventory.Lookup(ctx, c)
}
