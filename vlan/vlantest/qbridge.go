package vlantest

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/mythic-beasts/hostkit/internal/snmptest"
	"github.com/mythic-beasts/hostkit/internal/snmpx"
	"github.com/mythic-beasts/hostkit/vlan"
)

// QBridge is a switch that is managed by SNMP: an SNMPv2c agent with BRIDGE-MIB,
// Q-BRIDGE-MIB (RFC 4363) and the part of IF-MIB that names ports. It comes as
// switches do: each port is untagged in VLAN 1 and filters nothing.
//
// The fields are what real switches do differently. Set them before the first
// call of a method. The communities are "public" and "private".
type QBridge struct {
	// Ports are the names. The port with index i of them has the
	// dot1dBasePort 1+i, or 1+i+Gap for i ≥ 2, and an ifIndex of 10000 more.
	Ports []string
	Gap   int
	// Octets is how long a bitmap is; 0 means as long as the ports need. A bitmap
	// of another length is refused by wrongLength.
	Octets int
	// Reversed has bitmaps with port 1 in the lowest bit, and Text has lists of
	// numbers in their place.
	Reversed, Text bool
	// IntegerPVID has dot1qPvid take INTEGER rather than Unsigned32.
	IntegerPVID bool
	// NoCreateAndGo refuses to make VLANs in one message, and NoCreateAndWait in
	// several.
	NoCreateAndGo, NoCreateAndWait bool
	// NoNames refuses to name VLANs.
	NoNames bool
	// NoUntaggedFrames refuses a kind of frames that RFC 4363 does not have.
	NoUntaggedFrames bool
	// NoEdge has no RSTP-MIB.
	NoEdge bool
	// KeepPVID refuses to remove a port from the VLAN of its PVID.
	KeepPVID bool
	// Moves takes a port that joins a VLAN untagged out of all others in which it
	// is untagged, and sets its PVID.
	Moves bool
	// ObjectID is sysObjectID; empty means one that is nobody's.
	ObjectID string

	agent *snmptest.Agent
}

// Agent is the agent itself, for faults to order and for objects to add.
func (q *QBridge) Agent() *snmptest.Agent {
	if q.agent == nil {
		q.agent = snmptest.NewAgent()
		q.fill()
		q.hooks()
	}
	return q.agent
}

// Serve answers on conn until ctx ends.
func (q *QBridge) Serve(ctx context.Context, conn net.PacketConn) error {
	return q.Agent().Serve(ctx, conn)
}

// The columns.
var (
	qSysObjectID = snmpx.OID{1, 3, 6, 1, 2, 1, 1, 2, 0}
	qIfName      = snmpx.OID{1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1}
	qIfIndex     = snmpx.OID{1, 3, 6, 1, 2, 1, 17, 1, 4, 1, 2}
	qEdge        = snmpx.OID{1, 3, 6, 1, 2, 1, 17, 2, 19, 1, 2}
	qVLAN        = snmpx.OID{1, 3, 6, 1, 2, 1, 17, 7, 1, 4, 3, 1}
	qName        = qVLAN.Append(1)
	qEgress      = qVLAN.Append(2)
	qForbidden   = qVLAN.Append(3)
	qUntagged    = qVLAN.Append(4)
	qRowStatus   = qVLAN.Append(5)
	qPVID        = snmpx.OID{1, 3, 6, 1, 2, 1, 17, 7, 1, 4, 5, 1, 1}
	qFrames      = snmpx.OID{1, 3, 6, 1, 2, 1, 17, 7, 1, 4, 5, 1, 2}
	qIngress     = snmpx.OID{1, 3, 6, 1, 2, 1, 17, 7, 1, 4, 5, 1, 3}
)

// bit is the dot1dBasePort of the port with an index.
func (q *QBridge) bit(i int) int {
	if i >= 2 {
		i += q.Gap
	}
	return i + 1
}

func (q *QBridge) fill() {
	id := snmpx.OID{1, 3, 6, 1, 4, 1, 32473, 1} // for documentation, RFC 5612
	if q.ObjectID != "" {
		id = snmpx.MustOID(q.ObjectID)
	}
	q.agent.Set(qSysObjectID, snmpx.ObjectID(id))
	all := map[int]bool{}
	for i, name := range q.Ports {
		n := uint32(q.bit(i))
		all[int(n)] = true
		q.agent.Set(qIfIndex.Append(n), snmpx.Integer(int32(10000+n)))
		q.agent.Set(qIfName.Append(10000+n), snmpx.Text(name))
		q.agent.Set(qPVID.Append(n), q.pvid(1))
		q.agent.Set(qFrames.Append(n), snmpx.Integer(1))
		q.agent.Set(qIngress.Append(n), snmpx.Integer(2))
		if !q.NoEdge {
			q.agent.Set(qEdge.Append(n), snmpx.Integer(2))
		}
	}
	q.row(1, "default", all, 1)
}

// row makes a VLAN with ports that are all untagged.
func (q *QBridge) row(vid uint32, name string, ports map[int]bool, status int32) {
	q.agent.Set(qName.Append(vid), snmpx.Text(name))
	q.agent.Set(qEgress.Append(vid), q.encode(ports))
	q.agent.Set(qForbidden.Append(vid), q.encode(nil))
	q.agent.Set(qUntagged.Append(vid), q.encode(ports))
	q.agent.Set(qRowStatus.Append(vid), snmpx.Integer(status))
}

func (q *QBridge) pvid(vid uint32) snmpx.Value {
	if q.IntegerPVID {
		return snmpx.Integer(int32(vid))
	}
	return snmpx.Gauge32(vid)
}

// octets is how long a bitmap is.
func (q *QBridge) octets() int {
	need := 0
	if n := len(q.Ports); n > 0 {
		need = (q.bit(n-1) + 7) / 8
	}
	return max(q.Octets, need)
}

// encode and decode are written apart from the driver's, bit by bit, so that the
// errors of one do not cancel out those of the other.
func (q *QBridge) encode(ports map[int]bool) snmpx.Value {
	if q.Text {
		var texts []string
		for n := range 4096 {
			if ports[n] {
				texts = append(texts, strconv.Itoa(n))
			}
		}
		return snmpx.Text(strings.Join(texts, ","))
	}
	octets := make([]byte, q.octets())
	for n := range ports {
		if ports[n] {
			octets[(n-1)/8] |= q.mask(n)
		}
	}
	return snmpx.OctetString(octets)
}

func (q *QBridge) mask(n int) byte {
	if q.Reversed {
		return 1 << ((n - 1) % 8)
	}
	return 1 << (7 - (n-1)%8)
}

func (q *QBridge) decode(v snmpx.Value) map[int]bool {
	ports := map[int]bool{}
	octets, _ := v.Octets()
	if q.Text {
		for text := range strings.SplitSeq(string(octets), ",") {
			if n, err := strconv.Atoi(text); err == nil {
				ports[n] = true
			}
		}
		return ports
	}
	for n := 1; n <= 8*len(octets); n++ {
		if octets[(n-1)/8]&q.mask(n) != 0 {
			ports[n] = true
		}
	}
	return ports
}

// State is what the switch does, by its tables.
func (q *QBridge) State() vlan.State {
	a := q.Agent()
	st := vlan.State{VLANs: map[vlan.VID]string{}, Ports: map[string]vlan.PortState{}, Can: vlan.CanIngress | vlan.CanFrames}
	if !q.NoNames {
		st.Can |= vlan.CanName
	}
	if !q.NoEdge {
		st.Can |= vlan.CanEdge
	}
	for _, status := range a.Below(qRowStatus) {
		if status.Value.Int == 1 {
			vid := vlan.VID(status.OID[len(status.OID)-1])
			st.VLANs[vid], _ = a.Get(qName.Append(uint32(vid))).Text()
		}
	}
	for i, name := range q.Ports {
		st.Ports[name] = q.portState(q.bit(i), st.VLANs)
	}
	return st
}

func (q *QBridge) portState(n int, vlans map[vlan.VID]string) vlan.PortState {
	a, i := q.agent, uint32(n)
	ps := vlan.PortState{
		PVID: vlan.VID(a.Get(qPVID.Append(i)).Int), Ingress: a.Get(qIngress.Append(i)).Int == 1,
		Frames: vlan.Frames(a.Get(qFrames.Append(i)).Int - 1), Edge: a.Get(qEdge.Append(i)).Int == 1,
	}
	var untagged, tagged []vlan.VID
	for vid := range vlans {
		switch {
		case !q.decode(a.Get(qEgress.Append(uint32(vid))))[n]:
		case q.decode(a.Get(qUntagged.Append(uint32(vid))))[n]:
			untagged = append(untagged, vid)
		default:
			tagged = append(tagged, vid)
		}
	}
	slices.Sort(untagged)
	slices.Sort(tagged)
	ps.Untagged, ps.Tagged = vlan.NewVIDs(untagged...), vlan.NewVIDs(tagged...)
	return ps
}
