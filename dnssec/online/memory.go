package online

import (
	"container/list"
	"crypto/sha256"

	"github.com/miekg/dns"
)

// memory remembers signatures, and forgets the one that nobody asked for the longest.
type memory struct {
	size  int
	byID  map[[sha256.Size]byte]*list.Element
	order list.List // of entries, the latest first
}

type entry struct {
	id  [sha256.Size]byte
	sig *dns.RRSIG
}

func newMemory(size int) *memory {
	return &memory{size: size, byID: map[[sha256.Size]byte]*list.Element{}}
}

func (m *memory) get(id [sha256.Size]byte) *dns.RRSIG {
	at := m.byID[id]
	if at == nil {
		return nil
	}
	m.order.MoveToFront(at)
	e, ok := at.Value.(*entry)
	if !ok {
		return nil
	}
	return e.sig
}

func (m *memory) put(id [sha256.Size]byte, sig *dns.RRSIG) {
	if at := m.byID[id]; at != nil {
		at.Value = &entry{id, sig}
		m.order.MoveToFront(at)
		return
	}
	if len(m.byID) >= m.size {
		last := m.order.Back()
		if e, ok := m.order.Remove(last).(*entry); ok {
			delete(m.byID, e.id)
		}
	}
	m.byID[id] = m.order.PushFront(&entry{id, sig})
}

func (m *memory) len() int { return len(m.byID) }
