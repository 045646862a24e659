package ra

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/mdlayher/ndp"
	"golang.org/x/net/ipv6"
)

// prefixLifetime is how long an address made of an advertised prefix is good
// for: nobody advertises again, so it is for a boot and not for a running
// system.
const prefixLifetime = time.Hour

// Config is what is advertised on an interface. Its zero value says that
// somebody is there and offers nothing.
type Config struct {
	// Managed is the M flag: addresses come by DHCPv6.
	Managed bool
	// Other is the O flag: other information, such as what to boot, does.
	Other bool
	// Prefixes are on the link, and hosts may make addresses of those that
	// are 64 bits long. Empty means none.
	Prefixes []netip.Prefix
	// Router is how long hosts may use us as their default router. Zero means
	// that we are none.
	Router time.Duration
	// MTU is the link's, in bytes. Zero means that it is not advertised.
	MTU uint32
}

// Validate returns an error naming the field that cannot be advertised, and nil
// when there is none.
func (c Config) Validate() error {
	for _, p := range c.Prefixes {
		if !p.IsValid() || !p.Addr().Is6() || p.Addr().Is4In6() || p.Addr().IsLinkLocalUnicast() || p.Addr().IsMulticast() {
			return fmt.Errorf("ra: Prefixes: %q is not an IPv6 prefix that hosts can have addresses in", p)
		}
	}
	switch {
	case c.Router < 0 || c.Router > 9000*time.Second:
		return fmt.Errorf("ra: Router: %s is not from 0 to 9000s", c.Router)
	case c.MTU != 0 && c.MTU < 1280:
		return fmt.Errorf("ra: MTU: %d is less than the 1280 that IPv6 needs", c.MTU)
	}
	return nil
}

// Solicitation is a router solicitation, and how it came.
type Solicitation struct {
	Message  []byte     // ICMPv6, whose checksum the kernel has verified
	From     netip.Addr // may be unspecified
	HopLimit int        // of the packet: 255 unless it came from another link
}

// Answer returns the advertisement of cfg that answers s on an interface with
// the hardware address mac, which may be nil. It returns an error for what RFC
// 4861 section 6.1.1 says to discard.
func Answer(s Solicitation, mac net.HardwareAddr, cfg Config) (*ndp.RouterAdvertisement, error) {
	if err := check(s); err != nil {
		return nil, fmt.Errorf("ra: solicitation: %w", err)
	}
	a := &ndp.RouterAdvertisement{
		ManagedConfiguration: cfg.Managed,
		OtherConfiguration:   cfg.Other,
		RouterLifetime:       cfg.Router,
	}
	if len(mac) == 6 {
		a.Options = append(a.Options, &ndp.LinkLayerAddress{Direction: ndp.Source, Addr: mac})
	}
	if cfg.MTU != 0 {
		a.Options = append(a.Options, ndp.NewMTU(cfg.MTU))
	}
	for _, p := range cfg.Prefixes {
		p = p.Masked()
		a.Options = append(a.Options, &ndp.PrefixInformation{
			Prefix:                         p.Addr(),
			PrefixLength:                   uint8(p.Bits()),
			OnLink:                         true,
			AutonomousAddressConfiguration: p.Bits() == 64,
			ValidLifetime:                  prefixLifetime,
			PreferredLifetime:              prefixLifetime,
		})
	}
	return a, nil
}

func check(s Solicitation) error {
	if len(s.Message) < 8 {
		return fmt.Errorf("%d bytes are too short", len(s.Message))
	}
	if s.Message[0] != byte(ipv6.ICMPTypeRouterSolicitation) || s.Message[1] != 0 {
		return fmt.Errorf("ICMPv6 type %d code %d is none", s.Message[0], s.Message[1])
	}
	if s.HopLimit != ndp.HopLimit {
		return fmt.Errorf("hop limit %d: it comes from another link", s.HopLimit)
	}
	m, err := ndp.ParseMessage(s.Message)
	if err != nil {
		return err
	}
	switch from := s.From; {
	case !from.Is6() || from.Is4In6() || from.IsMulticast() || from.IsLoopback():
		return fmt.Errorf("source address %s", from)
	case !from.IsUnspecified():
		return nil
	}
	for _, o := range m.(*ndp.RouterSolicitation).Options {
		if l, ok := o.(*ndp.LinkLayerAddress); ok && l.Direction == ndp.Source {
			return errors.New("link-layer address of an unspecified source")
		}
	}
	return nil
}
