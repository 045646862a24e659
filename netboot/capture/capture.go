package capture

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/mythic-beasts/hostkit/netboot"
)

// Bounds on what one recording may make us keep.
const (
	maxClients  = 4096
	maxLines    = 2000 // of one client's timeline
	maxSnapshot = 1 << 20
)

// Boot is what a recording shows of one client.
type Boot struct {
	MAC       net.HardwareAddr
	Client    netboot.Client // as its last DISCOVER describes it
	Evidence  netboot.Evidence
	Diagnosis netboot.Diagnosis // without a code when nothing looks wrong
	Timeline  []Line
}

// Line is one step of a boot, for people. Its text holds untrusted names,
// quoted.
type Line struct {
	At   time.Time
	Text string
}

// Read reads a whole pcap or pcapng recording of Ethernet frames and returns
// its boot clients in the order they appear. A recording that is cut short is
// read as far as it goes, and the error then comes beside the boots.
func Read(r io.Reader) ([]Boot, error) {
	src, err := open(bufio.NewReader(r))
	if err != nil {
		return nil, err
	}
	w := newWitness()
	for n := 1; ; n++ {
		data, ci, err := src.ReadPacketData()
		if errors.Is(err, io.EOF) {
			return w.boots(), nil
		}
		if err != nil {
			return w.boots(), fmt.Errorf("capture: packet %d: %w", n, err)
		}
		w.frame(ci.Timestamp, data)
	}
}

type source interface {
	gopacket.PacketDataSource
	LinkType() layers.LinkType
}

var pcapngMagic = []byte{0x0a, 0x0d, 0x0d, 0x0a}

func open(r *bufio.Reader) (src source, err error) {
	magic, err := r.Peek(4)
	if err != nil {
		return nil, fmt.Errorf("capture: not a pcap or pcapng recording: %w", err)
	}
	if bytes.Equal(magic, pcapngMagic) {
		src, err = pcapgo.NewNgReader(r, pcapgo.NgReaderOptions{WantMixedLinkType: true})
	} else {
		if err := checkSnapshot(r); err != nil {
			return nil, err
		}
		src, err = pcapgo.NewReader(r)
	}
	if err != nil {
		return nil, fmt.Errorf("capture: not a pcap or pcapng recording: %w", err)
	}
	if t := src.LinkType(); t != layers.LinkTypeEthernet && t != layers.LinkTypeNull {
		return nil, fmt.Errorf("capture: link type %v: record Ethernet frames", t)
	}
	return src, nil
}

// checkSnapshot refuses a header whose snapshot length would let one packet
// claim any amount of memory. What is no pcap header is left to the reader.
func checkSnapshot(r *bufio.Reader) error {
	head, err := r.Peek(24)
	if err != nil {
		return fmt.Errorf("capture: not a pcap or pcapng recording: file header: %w", err)
	}
	var order binary.ByteOrder
	switch binary.LittleEndian.Uint32(head) {
	case 0xa1b2c3d4, 0xa1b23c4d: // microseconds, nanoseconds
		order = binary.LittleEndian
	case 0xd4c3b2a1, 0x4d3cb2a1:
		order = binary.BigEndian
	default:
		return nil
	}
	if snap := order.Uint32(head[16:]); snap > maxSnapshot {
		return fmt.Errorf("capture: snapshot length %d is above %d: record with a smaller one", snap, maxSnapshot)
	}
	return nil
}

// line appends to the timeline, up to a bound.
func (b *Boot) line(at time.Time, format string, args ...any) {
	if len(b.Timeline) < maxLines {
		b.Timeline = append(b.Timeline, Line{at, fmt.Sprintf(format, args...)})
	}
}

func sortBoots(boots []Boot) {
	slices.SortStableFunc(boots, func(a, b Boot) int { return first(a).Compare(first(b)) })
}

func first(b Boot) time.Time {
	if len(b.Timeline) == 0 {
		return time.Time{}
	}
	return b.Timeline[0].At
}
