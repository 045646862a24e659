package dhcp

import (
	"sync"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/mythic-beasts/hostkit/netboot"
)

// A DISCOVER and the REQUEST after it belong together for talkFor. More than
// maxTalks at once are a flood, and the memory of them is dropped.
const (
	talkFor  = 2 * time.Minute
	maxTalks = 4096
)

// talks remembers what firmware told of itself in its DISCOVER, because some
// leaves it out of its REQUEST: a Pi 4's has no vendor class.
type talks struct {
	mu   sync.Mutex
	seen map[macAddr]talk
}

type talk struct {
	id dhcpv4.TransactionID
	c  netboot.Client
	at time.Time
}

// remember keeps who sent a DISCOVER. Operating systems are what a REQUEST
// without any sign of firmware is taken for, and need no memory.
func (t *talks) remember(x *exchange) {
	if x.c.Firmware == netboot.FirmwareOS {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.seen == nil || len(t.seen) >= maxTalks {
		t.seen = make(map[macAddr]talk)
	}
	t.seen[macAddr(x.c.MAC)] = talk{x.Msg.TransactionID, x.c, x.At}
}

// identify returns c, or for a REQUEST that belongs to a DISCOVER what that
// one said.
func (t *talks) identify(p Packet, c netboot.Client) netboot.Client {
	if c.Firmware != netboot.FirmwareOS || p.Msg.MessageType() != dhcpv4.MessageTypeRequest {
		return c
	}
	mac := macAddr(c.MAC)
	t.mu.Lock()
	defer t.mu.Unlock()
	said, ok := t.seen[mac]
	switch {
	case !ok:
		return c
	case p.At.Sub(said.at) > talkFor:
		delete(t.seen, mac)
		return c
	case said.id != p.Msg.TransactionID || said.c.Interface != c.Interface:
		return c
	}
	said.c.Addr, said.c.Relay = c.Addr, c.Relay
	return said.c
}
