package dhcp

import (
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/mythic-beasts/hostkit/netboot"
	"github.com/mythic-beasts/hostkit/netboot/rpi"
)

// pxeBootNow is option 43 with discovery control (6) set to "load the boot
// file of this reply, ask nobody else" (PXE 2.1 table 2-1).
var pxeBootNow = []byte{6, 1, 8, 255}

// noProxyDHCP is iPXE's option 175 with no-pxedhcp (176) set, which saves the
// wait for a proxy.
var noProxyDHCP = []byte{176, 1, 1}

// bootInfo adds what the client's firmware needs to go on.
func (x *exchange) bootInfo(r *dhcpv4.DHCPv4) {
	if x.machine.Boot.Disabled {
		return
	}
	switch f := x.c.Firmware; {
	case f.IsPi():
		x.bootPi(r)
	case f == netboot.FirmwareBIOSPXE || f == netboot.FirmwareUEFIPXE:
		x.bootFile(r)
		r.Options[60] = []byte("PXEClient")
		r.Options[43] = pxeBootNow
		x.echoGUID(r)
	case f == netboot.FirmwareUEFIHTTP:
		x.bootFile(r)
		r.Options[60] = []byte("HTTPClient")
		x.echoGUID(r)
	case f == netboot.FirmwareIPXE:
		x.bootFile(r)
		r.Options[175] = noProxyDHCP
	case f == netboot.FirmwareUBoot:
		x.bootFile(r)
	}
}

// bootPi: which of these a Pi looks at depends on its age; the mask ROM wants
// the menu text and reads from the OFFER's source address.
func (x *exchange) bootPi(r *dhcpv4.DHCPv4) {
	server := x.fileServer()
	r.ServerIPAddr = ipOf(server)
	r.Options[60] = []byte("PXEClient")
	r.Options[43] = rpi.VendorOptions(x.machine.Boot.Text)
	r.Options[66] = []byte(server.String())
	x.echoGUID(r)
}

// bootFile names the server and the file. A name that the file field would cut
// goes into option 67.
func (x *exchange) bootFile(r *dhcpv4.DHCPv4) {
	file := x.machine.Boot.Loader(x.c)
	if file == "" {
		return
	}
	server := x.fileServer()
	r.ServerIPAddr = ipOf(server)
	if x.asked(66) {
		r.Options[66] = []byte(server.String())
	}
	if len(file) <= maxFile {
		r.BootFileName = file
	}
	if len(file) > maxFile || x.asked(67) {
		r.Options[67] = []byte(file)
	}
}

// echoGUID returns the client's machine identifier, without which some PXE
// firmware drops the reply (RFC 4578 section 2.3).
func (x *exchange) echoGUID(r *dhcpv4.DHCPv4) {
	if g := x.Msg.Options[97]; len(g) > 0 {
		r.Options[97] = g
	}
}

func (x *exchange) fileServer() netip.Addr {
	if x.machine.Boot.Server.Is4() {
		return x.machine.Boot.Server
	}
	return x.server
}
