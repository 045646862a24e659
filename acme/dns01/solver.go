package dns01

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/acme"
)

// Solver answers dns-01 challenges by a [Provider], which alone must be set. All its
// methods may be called by many goroutines. It must not be copied, nor its fields
// changed, after first use.
type Solver struct {
	// Provider changes the records.
	Provider Provider
	// Zones finds the zones of names. Nil means the Provider if it is a [ZoneFinder],
	// else DNS.
	Zones ZoneFinder
	// Verifier says when a record can be seen. Nil means [Authoritative] by DNS, or
	// [Recursive] if DNS is for recursive servers only.
	Verifier Verifier
	// DNS looks names up; nil means the zero value.
	DNS *DNS

	// Delegation says where records of names go, such as "example.com" to
	// "example.com.acme.example.net". The CNAME record that says the same to the
	// authority is not looked at. It goes before FollowCNAME.
	Delegation map[string]string
	// FollowCNAME are zones that a CNAME record at a name may lead to. None means
	// that CNAME records are not followed.
	FollowCNAME []string
	// Challenges are the types to answer, best first: [acme.DNS01] and
	// [acme.DNSAccount01]. None means dns-01.
	Challenges []string
	// TTL is that of the records; zero means what the provider prefers.
	TTL time.Duration

	// Coalesce puts records of one zone together.
	Coalesce Coalesce
	// RequestTimeout is that of one call of the Provider; zero means a minute.
	RequestTimeout time.Duration

	// Delay is how long to wait before a record is first looked for.
	Delay time.Duration
	// FirstPoll is the time between the first two looks at a zone, which doubles up
	// to MaxPoll; zero means 1 and 5 seconds.
	FirstPoll, MaxPoll time.Duration
	// Timeout is how long to wait for a record in all; zero means 5 minutes.
	Timeout time.Duration

	// Journal remembers records over a crash; nil means that none are. What it has
	// when the solver is first used is deleted.
	Journal Journal
	// Log gets what happens; nil discards it.
	Log *slog.Logger

	once     sync.Once
	setupErr error
	dns      *DNS
	zones    ZoneFinder
	verifier Verifier
	log      *slog.Logger
	targets  map[string]string
	adds     *queues
	deletes  *queues
	first    sync.Once // of Present

	mu    sync.Mutex // guards what is below
	live  map[key]*record
	waits map[string]*watch
}

var _ acme.TypedSolver = (*Solver)(nil)

// Coalesce says how records of one zone come together in one call of the provider.
// Those that come while a call is under way are always put together in the next.
type Coalesce struct {
	// Window is how long the first record waits for others; zero means not at all.
	Window time.Duration
	// Max is how many records a call has at most; zero means 250.
	Max int
}

// key is what tells records apart.
type key struct{ name, value string }

// record is one that is in the DNS, or on its way there or back. Two orders may
// share it: an authority may give both the same challenge.
type record struct {
	txt   TXT
	users int           // guarded by the solver's mutex; none means that it is being deleted
	added chan struct{} // closed when err is known
	err   error
	gone  chan struct{} // closed when the record is no more in live
}

// Types are the types of challenges that it answers.
func (s *Solver) Types() []string {
	if len(s.Challenges) == 0 {
		return []string{acme.DNS01}
	}
	return s.Challenges
}

func (s *Solver) setup() error {
	s.once.Do(func() {
		if s.dns = s.DNS; s.dns == nil {
			s.dns = new(DNS)
		}
		if s.zones = s.Zones; s.zones == nil {
			s.zones, _ = s.Provider.(ZoneFinder)
		}
		if s.zones == nil {
			s.zones = s.dns
		}
		s.verifier = verifierOr(s.Verifier, s.dns)
		if s.log = s.Log; s.log == nil {
			s.log = slog.New(slog.DiscardHandler)
		}
		s.live, s.waits = make(map[key]*record), make(map[string]*watch)
		timeout := cmp.Or(s.RequestTimeout, time.Minute)
		limit := cmp.Or(s.Coalesce.Max, 250)
		s.adds = &queues{window: s.Coalesce.Window, limit: limit, timeout: timeout, before: s.journalAdd, zones: make(map[string]*queue)}
		s.deletes = &queues{window: s.Coalesce.Window, limit: limit, timeout: timeout, after: s.journalRemove, zones: make(map[string]*queue)}
		if s.Provider == nil {
			s.setupErr = errors.New("dns01: the solver has no Provider")
			return
		}
		s.adds.call, s.deletes.call = s.Provider.AddTXT, s.Provider.DeleteTXT
		s.targets, s.setupErr = index(s.Delegation)
	})
	return s.setupErr
}

// verifierOr is the one given, or the one that fits.
func verifierOr(given Verifier, d *DNS) Verifier {
	switch {
	case given != nil:
		return given
	case d.RecursiveOnly:
		return &Recursive{DNS: d}
	}
	return &Authoritative{DNS: d}
}

// Present adds the record of a challenge. If it fails, or its context ends, the
// record is not left behind.
func (s *Solver) Present(ctx context.Context, ch acme.Challenge) (acme.Presented, error) {
	if err := s.setup(); err != nil {
		return nil, err
	}
	s.first.Do(func() {
		if err := s.Recover(ctx); err != nil {
			s.log.Warn("records of an earlier run are still there", "error", err)
		}
	})
	txt, err := s.record(ctx, ch)
	if err != nil {
		return nil, fmt.Errorf("dns01: answer the challenge for %q: %w", ch.Identifier, err)
	}
	r, err := s.hold(ctx, txt)
	if err != nil {
		return nil, fmt.Errorf("dns01: add %s TXT in zone %s: %w", txt.Name, txt.Zone, err)
	}
	return &presented{solver: s, record: r}, nil
}

// record is the one that answers a challenge.
func (s *Solver) record(ctx context.Context, ch acme.Challenge) (TXT, error) {
	name, err := RecordName(ch)
	if err != nil {
		return TXT{}, err
	}
	target, err := s.target(ctx, name)
	if err != nil {
		return TXT{}, err
	}
	found, err := s.zones.ZoneOf(ctx, target)
	if err != nil {
		return TXT{}, fmt.Errorf("find the zone of %s: %w", target, err)
	}
	zone, err := canonical(found)
	if err != nil || !dns.IsSubDomain(zone, target) {
		return TXT{}, fmt.Errorf("find the zone of %s: %q is none above it", target, found)
	}
	return TXT{Zone: zone, Name: target, Value: ch.TXT, TTL: s.TTL}, nil
}

// hold adds a record, or shares one that is there already.
func (s *Solver) hold(ctx context.Context, txt TXT) (*record, error) {
	for {
		r, mine, err := s.join(ctx, txt)
		if err != nil {
			return nil, err
		}
		if mine {
			return r, s.add(ctx, r)
		}
		select {
		case <-r.added:
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), s.drop(ctx, r))
		}
		ended := errors.Is(r.err, context.Canceled) || errors.Is(r.err, context.DeadlineExceeded)
		if r.err == nil || !ended || ctx.Err() != nil {
			return r, r.err
		}
		// The order that was adding it has ended, and this one has not.
	}
}
