package snmptest

import (
	"strings"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

// headRoom is more than what a message has around its variable bindings, the
// community apart.
const headRoom = 64

// answer works out what to say; ok is false for messages that get no answer.
func (a *Agent) answer(r Request, f *Faults, mayWrite bool, scratch []byte) (m *message, ok bool) {
	m = &message{community: r.Community, kind: Response, id: r.ID, vars: scratch}
	switch {
	case r.Kind != Get && r.Kind != GetNext && r.Kind != GetBulk && r.Kind != Set:
		return nil, false
	case f.Status != snmpx.NoError:
		m.refuse(r, f.Status, min(1, len(r.Vars)))
	case r.Kind == Set:
		status, index := a.set(r.Vars, f, mayWrite)
		m.refuse(r, status, index)
	case r.Kind == GetBulk:
		a.bulk(m, r, f)
	default:
		a.read(m, r, f)
	}
	if len(m.vars)+headRoom+len(m.community) > a.maxMessage() {
		m.status, m.index, m.vars = snmpx.TooBig, 0, nil // RFC 3416 section 4.2.1
	}
	return m, true
}

// refuse answers with the variables of the request, as RFC 3416 wants it for a
// SET that went well too.
func (m *message) refuse(r Request, s snmpx.Status, index int) {
	m.status, m.index, m.vars = s, index, m.vars[:0]
	for _, v := range r.Vars {
		m.vars = appendVar(m.vars, v.OID.AppendBER(nil), v.Value)
	}
}

// read answers a GET or GETNEXT.
func (a *Agent) read(m *message, r Request, f *Faults) {
	if f.tooMany(len(r.Vars)) {
		m.status = snmpx.TooBig
		return
	}
	w := walker{all: a.tree.snapshot(), faults: f}
	for i, v := range r.Vars {
		if r.Kind == Get {
			m.vars = a.appendGet(m.vars, v.OID)
			continue
		}
		at := w.start(v.OID)
		var status snmpx.Status
		if m.vars, status = w.append(m.vars, &at); status != snmpx.NoError {
			m.refuse(r, status, i+1)
			return
		}
	}
}

func (a *Agent) appendGet(dst []byte, o snmpx.OID) []byte {
	if obj := a.tree.find(o); obj != nil {
		return obj.append(dst)
	}
	absent := snmpx.TypeNoSuchObject
	if len(o) > 1 && len(below(a.tree.snapshot(), o[:len(o)-1])) > 0 {
		absent = snmpx.TypeNoSuchInstance
	}
	return appendVar(dst, o.AppendBER(nil), snmpx.Value{Type: absent})
}

// bulk answers a GETBULK, RFC 3416 section 4.2.3.
func (a *Agent) bulk(m *message, r Request, f *Faults) {
	w := walker{all: a.tree.snapshot(), faults: f}
	places := make([]place, len(r.Vars))
	for i, v := range r.Vars {
		places[i] = w.start(v.OID)
	}
	once := min(r.NonRepeaters, len(places))
	if f.tooMany(once + r.MaxRepetitions*(len(places)-once)) {
		m.status = snmpx.TooBig
		return
	}
	room := a.maxMessage() - headRoom - len(m.community)
	for repetition := 0; repetition == 0 || repetition < r.MaxRepetitions && once < len(places); repetition++ {
		first, last, ended := 0, len(places), true
		if repetition > 0 {
			first = once
		} else if r.MaxRepetitions == 0 {
			last = once
		}
		for i := first; i < last; i++ {
			before := len(m.vars)
			var status snmpx.Status
			if m.vars, status = w.append(m.vars, &places[i]); status != snmpx.NoError {
				m.refuse(r, status, i+1)
				return
			}
			if len(m.vars) > room {
				m.vars = m.vars[:before]
				return
			}
			ended = ended && places[i].next >= len(w.all)
		}
		if ended {
			return
		}
	}
}

// walker reads the objects in order, as the faults leave them.
type walker struct {
	all    []*object
	faults *Faults
}

// place is where one column of a request has got to.
type place struct {
	asked snmpx.OID // or the last one answered
	next  int       // position in all
}

func (w *walker) start(o snmpx.OID) place { return place{o, after(w.all, o)} }

// append appends the object at the place and moves on.
func (w *walker) append(dst []byte, p *place) ([]byte, snmpx.Status) {
	if w.faults.NotIncreasing {
		return appendVar(dst, p.asked.AppendBER(nil), snmpx.Integer(0)), snmpx.NoError
	}
	for p.next < len(w.all) {
		o := w.all[p.next]
		end, status := w.faults.truncated(w.all, p.next)
		if status != snmpx.NoError {
			return dst, status
		}
		if end == p.next {
			p.next++
			p.asked = o.oid
			return o.append(dst), snmpx.NoError
		}
		p.next = end
	}
	return appendVar(dst, p.asked.AppendBER(nil), snmpx.Value{Type: snmpx.TypeEndOfMibView}), snmpx.NoError
}

// truncated returns where to go on in place of at, which is at itself unless
// the column of the object there is cut short before it.
func (f *Faults) truncated(all []*object, at int) (next int, status snmpx.Status) {
	for _, t := range f.Truncate {
		key := string(appendKey(nil, t.Column))
		if !strings.HasPrefix(all[at].key, key) {
			continue
		}
		first := after(all, t.Column)
		if at-first < t.Rows {
			continue
		}
		if t.Status != snmpx.NoError {
			return at, t.Status
		}
		return first + len(below(all, t.Column)), snmpx.NoError
	}
	return at, snmpx.NoError
}
