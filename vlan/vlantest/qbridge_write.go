package vlantest

import (
	"github.com/mythic-beasts/hostkit/internal/snmptest"
	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

// Values of RowStatus, RFC 2579.
const (
	qActive = iota + 1
	qNotInService
	qNotReady
	qCreateAndGo
	qCreateAndWait
	qDestroy
)

// hooks says what may be written. Values by themselves are checked for the whole
// message before any of it is done; how they go together is checked as they are
// done, one after the other, and undone together.
func (q *QBridge) hooks() {
	w := q.agent.Writable
	w(qRowStatus, snmptest.Hook{Check: snmptest.OneOf(qActive, qNotInService, qCreateAndGo, qCreateAndWait, qDestroy), Commit: q.setStatus, Create: true})
	if !q.NoNames {
		w(qName, snmptest.Hook{Check: checkName, Commit: q.inRow(q.store), Create: true})
	}
	w(qEgress, snmptest.Hook{Check: q.checkList, Commit: q.inRow(q.setEgress)})
	w(qForbidden, snmptest.Hook{Check: q.checkList, Commit: q.inRow(q.setForbidden)})
	w(qUntagged, snmptest.Hook{Check: q.checkList, Commit: q.inRow(q.setUntagged)})
	w(qPVID, snmptest.Hook{Commit: q.setPVID})
	kinds := []int64{1, 2, 3}
	if q.NoUntaggedFrames {
		kinds = kinds[:2]
	}
	w(qFrames, snmptest.Hook{Check: snmptest.OneOf(kinds...)})
	w(qIngress, snmptest.Hook{Check: snmptest.OneOf(1, 2)})
	w(qEdge, snmptest.Hook{Check: snmptest.OneOf(1, 2)})
}

type commit = func(snmpx.OID, snmpx.Value) snmpx.Status

func (q *QBridge) store(o snmpx.OID, v snmpx.Value) snmpx.Status {
	q.agent.Set(o, v)
	return snmpx.NoError
}

// inRow refuses what belongs to a VLAN that is not there.
func (q *QBridge) inRow(do commit) commit {
	return func(o snmpx.OID, v snmpx.Value) snmpx.Status {
		if !q.agent.Get(qRowStatus.Append(o[len(o)-1])).Present() {
			return snmpx.NoCreation
		}
		return do(o, v)
	}
}

func checkName(_ snmpx.OID, v snmpx.Value) snmpx.Status {
	if v.Type != snmpx.TypeOctetString {
		return snmpx.WrongType
	}
	if len(v.Bytes) > 32 {
		return snmpx.WrongLength
	}
	return snmpx.NoError
}

func (q *QBridge) checkList(o snmpx.OID, v snmpx.Value) snmpx.Status {
	if q.Text {
		return snmpx.NoError
	}
	return snmptest.Length(q.octets())(o, v)
}

// setStatus makes, activates and deletes VLANs.
func (q *QBridge) setStatus(o snmpx.OID, v snmpx.Value) snmpx.Status {
	vid := o[len(o)-1]
	there := q.agent.Get(o).Present()
	switch v.Int {
	case qCreateAndGo, qCreateAndWait:
		switch {
		case there, vid < 1, vid > 4094:
			return snmpx.InconsistentValue
		case v.Int == qCreateAndGo && q.NoCreateAndGo, v.Int == qCreateAndWait && q.NoCreateAndWait:
			return snmpx.WrongValue
		case v.Int == qCreateAndGo:
			q.row(vid, "", nil, qActive)
		default:
			q.row(vid, "", nil, qNotInService)
		}
		return snmpx.NoError
	case qDestroy:
		return q.destroy(vid)
	}
	if !there {
		return snmpx.InconsistentValue
	}
	return q.store(o, v)
}

func (q *QBridge) destroy(vid uint32) snmpx.Status {
	for _, p := range q.agent.Below(qPVID) {
		if uint32(p.Value.Int) == vid {
			return snmpx.InconsistentValue
		}
	}
	for _, column := range []snmpx.OID{qName, qEgress, qForbidden, qUntagged, qRowStatus} {
		q.agent.Delete(column.Append(vid))
	}
	return snmpx.NoError
}

func (q *QBridge) setEgress(o snmpx.OID, v snmpx.Value) snmpx.Status {
	vid := o[len(o)-1]
	egress, forbidden := q.decode(v), q.decode(q.agent.Get(qForbidden.Append(vid)))
	for n := range egress {
		if forbidden[n] || !q.agent.Get(qPVID.Append(uint32(n))).Present() {
			return snmpx.InconsistentValue
		}
	}
	for n := range q.decode(q.agent.Get(o)) {
		if q.KeepPVID && !egress[n] && uint32(q.agent.Get(qPVID.Append(uint32(n))).Int) == vid {
			return snmpx.InconsistentValue
		}
	}
	untagged := q.decode(q.agent.Get(qUntagged.Append(vid)))
	for n := range untagged {
		if !egress[n] {
			return snmpx.InconsistentValue
		}
	}
	return q.store(o, v)
}

func (q *QBridge) setForbidden(o snmpx.OID, v snmpx.Value) snmpx.Status {
	egress := q.decode(q.agent.Get(qEgress.Append(o[len(o)-1])))
	for n := range q.decode(v) {
		if egress[n] {
			return snmpx.InconsistentValue
		}
	}
	return q.store(o, v)
}

func (q *QBridge) setUntagged(o snmpx.OID, v snmpx.Value) snmpx.Status {
	vid := o[len(o)-1]
	egress, before := q.decode(q.agent.Get(qEgress.Append(vid))), q.decode(q.agent.Get(o))
	for n := range q.decode(v) {
		if !egress[n] {
			return snmpx.InconsistentValue
		}
		if q.Moves && !before[n] {
			q.move(n, vid)
		}
	}
	return q.store(o, v)
}

// move takes a port out of the other VLANs that it is untagged in.
func (q *QBridge) move(n int, vid uint32) {
	q.agent.Set(qPVID.Append(uint32(n)), q.pvid(vid))
	for _, list := range q.agent.Below(qUntagged) {
		other := list.OID[len(list.OID)-1]
		untagged := q.decode(list.Value)
		if other == vid || !untagged[n] {
			continue
		}
		egress := q.decode(q.agent.Get(qEgress.Append(other)))
		delete(untagged, n)
		delete(egress, n)
		q.agent.Set(list.OID, q.encode(untagged))
		q.agent.Set(qEgress.Append(other), q.encode(egress))
	}
}

func (q *QBridge) setPVID(o snmpx.OID, v snmpx.Value) snmpx.Status {
	if q.agent.Get(qRowStatus.Append(uint32(v.Int))).Int != qActive {
		return snmpx.InconsistentValue
	}
	return q.store(o, v)
}
