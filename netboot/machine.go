package netboot

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"time"
)

// DefaultLease is the lease time of a machine that names none.
const DefaultLease = time.Hour

// Machine is one computer that boots from us. The zero value of a field means
// what its comment says; Name and one of Addr and Pool are needed.
type Machine struct {
	// Name is how logs, events and people call the machine.
	Name string
	// Addr is its IPv4 address with the length of its network's prefix, such
	// as 10.80.0.66/30. Zero means an address from Pool.
	Addr netip.Prefix
	// Addr6 is its IPv6 address with the length of its network's prefix. Zero
	// means that DHCPv6 gives it none.
	Addr6 netip.Prefix
	// Pool is where a machine without an address of its own gets one.
	Pool Pool
	// Server is the address we serve this machine from. Zero means the
	// address of the interface its packet came in on.
	Server netip.Addr
	// Server6 is Server's counterpart for IPv6.
	Server6 netip.Addr
	// Gateway is the default router. Zero means none: option 3 is not sent.
	Gateway netip.Addr
	// DNS lists name servers. Empty means none.
	DNS []netip.Addr
	// Lease is how long an address is given for. Zero means [DefaultLease].
	Lease time.Duration
	// Boot says what to boot. Its zero value boots a Pi from Files, and gives
	// any other firmware its usual loader's name.
	Boot Boot
	// Files is the machine's own view of files, for TFTP and HTTP. Nil means
	// it has none. See [Overlay] and [DirFS].
	Files fs.FS
	// Prefixes lists directories that the machine's firmware may put before a
	// file's name and that its view does not have, beside its serial number
	// and MAC address, which are always understood.
	Prefixes []string
	// AllowUpdate serves files that a Pi flashes into itself; see
	// [rpi.IsUpdate]. False refuses them.
	AllowUpdate bool
}

// Pool is a range of IPv4 addresses to lease from, both ends included.
type Pool struct {
	First, Last netip.Addr
	Bits        int // prefix length of the network the range is in
}

// IsValid reports whether p names a range.
func (p Pool) IsValid() bool {
	return p.First.Is4() && p.Last.Is4() && p.First.Compare(p.Last) <= 0 && p.Bits > 0 && p.Bits <= 32
}

// Boot says what a machine boots.
type Boot struct {
	// Disabled gives the machine an address and no boot information.
	Disabled bool
	// Server is the TFTP server. Zero means the one that answers.
	Server netip.Addr
	// Text replaces the boot menu text of option 43 for a Pi whose EEPROM has
	// PXE_OPTION43 set. Empty means [rpi.BootText].
	Text string
	// Loaders maps firmware to the file or URL it is told to load first. A
	// missing entry means [DefaultLoader]. Pi firmware needs none.
	Loaders map[Loader]string
	// HTTP is the base URL of HTTP boot, such as http://10.80.0.65:8080/.
	// Empty means UEFI HTTP clients are not answered.
	HTTP string
	// HTTP6 is HTTP's counterpart for IPv6, such as
	// http://[fd00:80::41]:8080/.
	HTTP6 string
}

// Loader is the key of [Boot.Loaders]: a firmware, and its architecture where
// that matters (zero for a BIOS, and for iPXE, whose script serves all).
type Loader struct {
	Firmware Firmware
	Arch     Arch
}

// Validate returns an error naming the field of m that cannot be served, and
// nil when there is none.
func (m *Machine) Validate() error {
	switch {
	case m.Name == "":
		return errors.New("Name is empty")
	case m.Addr.IsValid() && m.Pool != Pool{}:
		return fmt.Errorf("both Addr %s and Pool are set: choose one", m.Addr)
	case m.Addr.IsValid() && !m.Addr.Addr().Is4():
		return fmt.Errorf("Addr %s is not an IPv4 address", m.Addr)
	case !m.Addr.IsValid() && !m.Pool.IsValid():
		return fmt.Errorf("neither Addr nor a valid Pool is set (Pool is %s-%s/%d)", m.Pool.First, m.Pool.Last, m.Pool.Bits)
	case m.Addr6.IsValid() && !m.Addr6.Addr().Is6():
		return fmt.Errorf("Addr6 %s is not an IPv6 address", m.Addr6)
	case m.Lease < 0 || m.Lease > 0 && m.Lease < time.Minute:
		return fmt.Errorf("Lease %s is shorter than a minute", m.Lease)
	}
	return nil
}
