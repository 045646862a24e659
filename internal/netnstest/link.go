package netnstest

import "testing"

// Veth joins two namespaces, or two places in one, by a virtual cable with an
// interface at each end, both up.
func Veth(t testing.TB, a *NS, aName string, b *NS, bName string) {
	t.Helper()
	a.IP("link", "add", aName, "type", "veth", "peer", "name", bName, "netns", b.name)
	a.IP("link", "set", aName, "up")
	b.IP("link", "set", bName, "up")
}

// Tap makes a persistent tap interface, up, that an emulator such as QEMU can
// open by its name.
func (ns *NS) Tap(name string) {
	ns.t.Helper()
	ns.IP("tuntap", "add", "dev", name, "mode", "tap")
	ns.IP("link", "set", name, "up")
}

// Bridge makes a bridge, up, with the given interfaces as its ports. Ports
// forward at once: there is no spanning tree.
func (ns *NS) Bridge(name string, ports ...string) {
	ns.t.Helper()
	ns.IP("link", "add", name, "type", "bridge", "stp_state", "0", "forward_delay", "0", "mcast_snooping", "0")
	for _, port := range ports {
		ns.IP("link", "set", port, "master", name)
	}
	ns.IP("link", "set", name, "up")
}
