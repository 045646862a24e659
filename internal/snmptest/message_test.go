package snmptest

import (
	"testing"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

// FuzzMessage reads anything as a request, and answers it.
func FuzzMessage(f *testing.F) {
	m := message{community: "public", kind: GetBulk, id: 7, index: 10, vars: appendVar(nil, snmpx.OID{1, 3}.AppendBER(nil), snmpx.Value{})}
	f.Add(m.append(nil))
	m.kind, m.vars = Set, appendVar(nil, snmpx.OID{1, 3, 6, 1}.AppendBER(nil), snmpx.Integer(2))
	f.Add(m.append(nil))
	a := NewAgent()
	a.MaxMessage = 1000
	for i := range uint32(50) {
		a.Set(snmpx.OID{1, 3, 6, 1, i}, snmpx.Integer(int32(i)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseMessage(b)
		if err != nil {
			return
		}
		answer, ok := a.answer(r, new(Faults), true, nil)
		if !ok {
			return
		}
		again, err := parseMessage(answer.append(nil))
		if err != nil {
			t.Fatalf("the answer to %x: %v", b, err)
		}
		if again.ID != r.ID || again.Kind != Response {
			t.Fatalf("%v answers %v", again, r)
		}
	})
}
