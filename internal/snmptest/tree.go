package snmptest

import (
	"cmp"
	"encoding/binary"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

// key orders as object identifiers do: four octets for each arc.
func appendKey(dst []byte, o snmpx.OID) []byte {
	for _, arc := range o {
		dst = binary.BigEndian.AppendUint32(dst, arc)
	}
	return dst
}

// object is one that can be read. Its name never changes.
type object struct {
	key  string
	oid  snmpx.OID
	name []byte // encoded
	cell atomic.Pointer[cell]
	get  func() snmpx.Value // computes the value each time, where it is not nil
}

// cell is a value and the whole variable binding, encoded.
type cell struct {
	value snmpx.Value
	ber   []byte
}

func (o *object) store(v snmpx.Value) {
	o.cell.Store(&cell{v, appendVar(nil, o.name, v)})
}

func (o *object) value() snmpx.Value {
	if o.get != nil {
		return o.get()
	}
	return o.cell.Load().value
}

// append appends the variable binding.
func (o *object) append(dst []byte) []byte {
	if o.get != nil {
		return appendVar(dst, o.name, o.get())
	}
	return append(dst, o.cell.Load().ber...)
}

// tree holds an agent's objects.
type tree struct {
	mu     sync.Mutex // guards what follows
	byKey  map[string]*object
	sorted []*object // of byKey, by key; nil when that has changed
}

func (t *tree) put(o snmpx.OID, v snmpx.Value, get func() snmpx.Value) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := string(appendKey(nil, o))
	if old := t.byKey[key]; old != nil && old.get == nil && get == nil {
		old.store(v)
		return
	}
	if t.byKey == nil {
		t.byKey = make(map[string]*object)
	}
	n := &object{key: key, oid: slices.Clone(o), name: o.AppendBER(nil), get: get}
	n.store(v)
	t.byKey[key], t.sorted = n, nil
}

func (t *tree) remove(o snmpx.OID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.byKey, string(appendKey(nil, o)))
	t.sorted = nil
}

// find returns the object of that name, or nil.
func (t *tree) find(o snmpx.OID) *object {
	t.mu.Lock()
	defer t.mu.Unlock()
	var room [4 * 32]byte
	return t.byKey[string(appendKey(room[:0], o))]
}

// snapshot returns all objects in order. Their values may change meanwhile.
func (t *tree) snapshot() []*object {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.sorted == nil {
		t.sorted = make([]*object, 0, len(t.byKey))
		for _, o := range t.byKey {
			t.sorted = append(t.sorted, o)
		}
		slices.SortFunc(t.sorted, func(a, b *object) int { return cmp.Compare(a.key, b.key) })
	}
	return t.sorted
}

// after is the position of the first object behind o.
func after(all []*object, o snmpx.OID) int {
	var room [4 * 32]byte
	key := appendKey(room[:0], o)
	return sort.Search(len(all), func(i int) bool { return all[i].key > string(key) })
}

// below is all objects under a prefix.
func below(all []*object, prefix snmpx.OID) []*object {
	key := string(appendKey(nil, prefix))
	from := sort.Search(len(all), func(i int) bool { return all[i].key >= key })
	to := from
	for to < len(all) && strings.HasPrefix(all[to].key, key) {
		to++
	}
	return all[from:to]
}
