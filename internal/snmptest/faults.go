package snmptest

import (
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/internal/snmpx"
)

// Faults is how an agent and the network before it misbehave. The zero value is
// well behaved. Numbers between 0 and 1 are how often it happens.
type Faults struct {
	// Only says which requests meet the faults; nil is all.
	Only func(Request) bool
	// Seed makes chance repeat itself.
	Seed uint64

	LoseRequest   float64       // it is never seen
	LoseReply     float64       // it was done, and nobody hears of it
	Duplicate     float64       // the answer comes twice
	Reorder       float64       // the answer comes after the next one
	Delay, Jitter time.Duration // of answers: Delay, and up to Jitter more
	RepeatRequest float64       // the network delivers the request again,
	RepeatDelay   time.Duration // so much later

	// MaxVarbinds makes the answer tooBig where it had more than that many; 0 is
	// no limit.
	MaxVarbinds int
	// Truncate cuts columns short for GETNEXT and GETBULK.
	Truncate []Truncation
	// NotIncreasing answers GETNEXT and GETBULK with the object asked for.
	NotIncreasing bool
	// Status is the error-status of every answer.
	Status snmpx.Status

	PartialSet bool // a SET that is refused has changed what stands before the fault
	IgnoreSet  bool // a SET is accepted and changes nothing

	// The next are answers that are not to be believed. All their values are
	// INTEGER -1.
	WrongRequestID bool // another request's id
	ZeroRequestID  bool // id 0
	WrongCommunity bool // another community
	OtherAddress   bool // another socket of the same address
	Garbled        bool // half of it
	// Decoy sends the right answer too, after the wrong one.
	Decoy bool

	dice *dice
}

// Truncation is a column that is cut short: by the next column after Rows
// objects, or by an error where Status has one.
type Truncation struct {
	Column snmpx.OID
	Rows   int
	Status snmpx.Status
}

// SetFaults changes the faults, for the requests that come from now on.
func (a *Agent) SetFaults(f Faults) {
	f.dice = &dice{r: rand.New(rand.NewPCG(f.Seed, 0))} //nolint:gosec // chance that repeats itself is the point
	a.mu.Lock()
	defer a.mu.Unlock()
	a.faults = f
}

// currentFaults returns those which this request meets.
func (a *Agent) currentFaults(r Request) *Faults {
	a.mu.Lock()
	f := a.faults
	a.mu.Unlock()
	if f.Only != nil && !f.Only(r) {
		return new(Faults)
	}
	return &f
}

// dice is a source of chance for several goroutines.
type dice struct {
	mu sync.Mutex // guards r
	r  *rand.Rand
}

// chance reports true with probability p.
func (f *Faults) chance(p float64) bool {
	if p <= 0 || f.dice == nil {
		return false
	}
	f.dice.mu.Lock()
	defer f.dice.mu.Unlock()
	return f.dice.r.Float64() < p
}

func (f *Faults) delay() time.Duration {
	if f.Jitter <= 0 || f.dice == nil {
		return f.Delay
	}
	f.dice.mu.Lock()
	defer f.dice.mu.Unlock()
	return f.Delay + time.Duration(f.dice.r.Int64N(int64(f.Jitter)))
}

func (f *Faults) tooMany(varbinds int) bool { return f.MaxVarbinds > 0 && varbinds > f.MaxVarbinds }

// wrong reports whether answers are not to be believed.
func (f *Faults) wrong() bool {
	return f.WrongRequestID || f.ZeroRequestID || f.WrongCommunity || f.OtherAddress || f.Garbled
}

// spoil makes the wrong answer.
func (f *Faults) spoil(r Request, m message) message {
	m.vars, m.status, m.index = nil, snmpx.NoError, 0
	for _, v := range r.Vars {
		m.vars = appendVar(m.vars, v.OID.AppendBER(nil), snmpx.Integer(-1))
	}
	if f.WrongRequestID {
		m.id ^= 0x5a5a
	}
	if f.ZeroRequestID {
		m.id = 0
	}
	if f.WrongCommunity {
		m.community += "x"
	}
	return m
}

// outgoing is a message on its way to a client.
type outgoing struct {
	to    net.Addr
	bytes []byte
	other bool // from the other address
}
