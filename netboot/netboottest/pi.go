package netboottest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

// Pi is a Raspberry Pi that boots from the network, as far as the network can
// tell. Only Link is needed; the zero value of the other fields is a 3B without
// the flaws that have a field. It is copied on use: change a field between two
// runs, not during one.
type Pi struct {
	Link Link
	// Model is 3B, 3B+, 4 or 5. Zero means 3B.
	Model rpi.Model
	// Serial is the low half of its serial number, and the directory that it
	// asks for files in. Zero means 0x10203040.
	Serial uint32
	// MAC is its Ethernet address. Nil means the one that goes with Serial:
	// b8:27:eb and its low 24 bits, which is how the 3B's is made.
	MAC net.HardwareAddr
	// Revision is its board revision code. Zero means that of a usual board.
	Revision rpi.Revision

	// RxBug is the flaw of the 3B's mask ROM: an OFFER that came in is looked
	// at only when another frame comes more than a second after the DISCOVER,
	// and not at all once a second has passed without a frame.
	RxBug bool
	// ARP says when firmware answers ARP requests. Zero means as the model
	// does: the 3B not while it loads files, the others always.
	ARP ARPMode
	// OldParser is the EEPROM's before 2020-01-17: a pad option ends a reply.
	OldParser bool
	// NoRollover is the EEPROM's before 2025-09-23: the block number ends at
	// 65535, and so does the file.
	NoRollover bool
	// NoReACK is the EEPROM's before 2021: a DATA packet that came before is
	// not acknowledged again.
	NoReACK bool
	// OldGUID is the EEPROM's before March 2020 or with DHCP_OPTION97=0: the
	// identifier is the serial number four times.
	OldGUID bool

	// BlockSize is what the EEPROM asks for: 1024 before November 2022. Zero
	// means 1468.
	BlockSize int
	// BootText is the EEPROM's PXE_OPTION43, the text that it looks for in
	// option 43. Empty means "Raspberry Pi Boot".
	BootText string
	// Prefix is the EEPROM's TFTP_PREFIX_STR, such as "boot/". Empty means
	// the serial number.
	Prefix string

	// AckDelay is how long it takes to acknowledge a packet, as a slow machine
	// does. Zero means at once.
	AckDelay time.Duration
	// GiveUp is how long the firmware of the 3B and 3B+ waits for a packet
	// before it gives a file up. Zero means a second.
	GiveUp time.Duration
	// TimeScale multiplies all times that the machine waits, RxBug's and
	// GiveUp among them, so that a test of a failure need not sit through
	// them. Zero means 1. A server's own timers stay as they are: at a tenth,
	// wake-up frames come too late.
	TimeScale float64

	// OS boots an operating system after the kernel, which asks DHCP for an
	// address with a client identifier of its own.
	OS bool
	// OnStep is told of every step, from the goroutine of Run. Nil means
	// nobody.
	OnStep func(Step)
}

// ARPMode says when firmware answers ARP requests for its address.
type ARPMode uint8

// The ARP modes.
const (
	ARPDefault       ARPMode = iota // as the model does
	ARPAlways                       // always
	ARPUntilTransfer                // until it asks for its first file, in each stage
	ARPNever                        // never
)

// defaultSerial is made up.
const defaultSerial = 0x10203040

// romXID is the transaction ID of all Pi firmware without an EEPROM.
const romXID = rpi.ROMTransactionID

func (p Pi) withDefaults() (Pi, error) {
	p.Model = cmp.Or(p.Model, rpi.Model3B)
	p.Serial = cmp.Or(p.Serial, defaultSerial)
	p.GiveUp = cmp.Or(p.GiveUp, time.Second)
	p.BlockSize = cmp.Or(p.BlockSize, 1468)
	p.TimeScale = cmp.Or(p.TimeScale, 1)
	p.BootText = cmp.Or(p.BootText, "Raspberry Pi Boot")
	p.Prefix = cmp.Or(p.Prefix, fmt.Sprintf("%08x/", p.Serial))
	if p.MAC == nil {
		p.MAC = net.HardwareAddr{0xb8, 0x27, 0xeb, byte(p.Serial >> 16), byte(p.Serial >> 8), byte(p.Serial)}
	}
	if p.ARP == ARPDefault {
		p.ARP = ARPAlways
		if p.Model == rpi.Model3B {
			p.ARP = ARPUntilTransfer
		}
	}
	if _, ok := boards[p.Model]; !ok {
		return p, fmt.Errorf("netboottest: no emulation of a Pi %s", p.Model)
	}
	p.Revision = cmp.Or(p.Revision, boards[p.Model].revision)
	switch {
	case p.Link == nil:
		return p, errors.New("netboottest: Pi.Link is nil")
	case len(p.MAC) != 6:
		return p, fmt.Errorf("netboottest: Pi.MAC %s is no Ethernet address", p.MAC)
	}
	return p, nil
}

// Run powers the machine on, and returns when it has its kernel (and with
// Pi.OS, when the operating system has its address), when its firmware gives
// up, or when ctx ends, which is the power going off. The Boot is never nil and
// tells how far it came; the error says why it came no further.
//
// The link stays open, and its read deadline is changed.
func (p Pi) Run(ctx context.Context) (*Boot, error) {
	boot := &Boot{}
	p, err := p.withDefaults()
	if err != nil {
		return boot, err
	}
	stop := context.AfterFunc(ctx, func() { _ = p.Link.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	r := &machine{Pi: p, boot: boot, net: newStack(ctx, p.Link, toHW(p.MAC)), began: time.Now(), port: firstPort}
	r.load = r.loadSystem
	err = r.run()
	r.endStage()
	boot.Took = time.Since(r.began)
	boot.Fragments, boot.BadChecksums, boot.UnansweredARP = r.net.fragments, r.net.badChecksums, r.net.unanswered
	if err != nil {
		err = fmt.Errorf("netboottest: Pi %s: %w", p.Model, err)
		r.step(StepFailed, err.Error())
	}
	return boot, err
}

// firstPort is the source port of a Pi's first read request.
const firstPort = 49152

// machine is one run of a Pi.
type machine struct {
	Pi    // with the zeros replaced
	boot  *Boot
	net   *stack
	began time.Time

	stage  *Stage // of boot.Stages, nil before the first
	manner manner
	server peer
	port   uint16       // the next source port for a file
	why    string       // what was wrong in the last attempt
	load   func() error // what an EEPROM does once it knows its server
}

func (m *machine) run() error {
	if m.Model == rpi.Model4 || m.Model == rpi.Model5 {
		if err := m.eeprom(); err != nil {
			return err
		}
	} else {
		if err := m.rom(); err != nil {
			return err
		}
		if err := m.bootcode(); err != nil {
			return err
		}
	}
	m.step(StepBooted, m.boot.Kernel)
	if m.OS {
		return m.system()
	}
	return nil
}

func (m *machine) scale(d time.Duration) time.Duration {
	return time.Duration(float64(d) * m.TimeScale)
}

func (m *machine) enter(name StageName) {
	m.endStage()
	m.boot.Stages = append(m.boot.Stages, Stage{Name: name, Start: time.Now()})
	m.stage = &m.boot.Stages[len(m.boot.Stages)-1]
	m.net.reset()
	m.why = ""
	m.net.deaf = m.ARP == ARPNever && name != StageOS
	m.step(StepStage, string(name))
}

func (m *machine) endStage() {
	if m.stage != nil {
		m.stage.Took = time.Since(m.stage.Start)
	}
}

func (m *machine) step(kind StepKind, text string) {
	if kind == StepIgnored {
		m.why = text
	}
	m.fileStep(kind, text, nil)
}

// gaveUp is the error of a stage whose tries are used up.
func (m *machine) gaveUp() error {
	if m.why == "" {
		m.why = "nothing usable came"
	}
	return fmt.Errorf("%s: %w (%s)", m.stage.Name, ErrGaveUp, m.why)
}

func (m *machine) fileStep(kind StepKind, text string, f *File) {
	if m.OnStep == nil {
		return
	}
	s := Step{At: time.Now(), Kind: kind, Text: text}
	if m.stage != nil {
		s.Stage = m.stage.Name
	}
	if f != nil {
		c := *f
		s.File = &c
	}
	m.OnStep(s)
}

// sendDHCP broadcasts a DHCP message.
func (m *machine) sendDHCP(b []byte) error {
	return m.net.send(broadcastMAC, dhcpClientPort, broadcastServer, b, m.stage.Name != StageROM && m.stage.Name != StageBootcode)
}

func (m *machine) sendDiscover(b []byte) error {
	m.stage.Discovers++
	if m.stage.Name != StageOS {
		m.boot.Discovers++
	}
	m.step(StepDiscover, fmt.Sprintf("number %d", m.stage.Discovers))
	return m.sendDHCP(b)
}

func newXID() uint32 { return rand.Uint32() }
