package poe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// SequenceOptions say how [Controller.Sequence] goes about it. The zero value
// switches on a port every five seconds, eight at a time at most, and no more
// than the switch has power for.
type SequenceOptions struct {
	Reason Reason // for the audit, of every port

	// Gap is the time from one order to the next: devices that start together
	// draw their inrush current together, and ask the same boot server at once.
	// 0 means 5 seconds, negative none.
	Gap time.Duration
	// InFlight is how many ports may be on their way at a time: from the order
	// until the port gives power and Ready has returned. 0 means 8, negative
	// any number.
	InFlight int

	// Budget bounds the milliwatts of each supply ([Switch].Budgets): what it
	// gives now, and what the classes of the devices that are starting may
	// draw. A port that does not fit waits for those before it, and is refused
	// with [ErrBudget] when there are none left to wait for. 0 means what the
	// supply has, negative that nobody counts. For a switch that tells nothing
	// of its supplies it bounds all ports together, and 0 does not count.
	Budget int64

	// Ready, if not nil, is called once the port gives power, and returns when
	// its device has started, as when a Pi has fetched its kernel. Its error
	// is that of the port, whose power stays on.
	Ready func(ctx context.Context, port string) error
	// ReadyTimeout bounds Ready for each port. 0 means 2 minutes.
	ReadyTimeout time.Duration

	// Done, if not nil, is called with each result as it comes, one at a time.
	Done func(Result)
}

func (so SequenceOptions) withDefaults() SequenceOptions {
	if so.Gap == 0 {
		so.Gap = 5 * time.Second
	}
	if so.InFlight == 0 {
		so.InFlight = 8
	}
	if so.ReadyTimeout == 0 {
		so.ReadyTimeout = 2 * time.Minute
	}
	return so
}

// Sequence switches ports on in the order given, with time between them. Ports
// that give power already are passed over without a gap. A port that fails does
// not stop those after it; the end of the context does, and ports not begun then
// have its error. There is a result for each port, in the order given, and the
// error joins theirs. One Sequence runs at a time on a switch; another gets
// [ErrBusy].
func (c *Controller) Sequence(ctx context.Context, ports []string, options SequenceOptions) ([]Result, error) {
	s, unlock, err := c.sequence(ctx, ports, options.withDefaults())
	if err != nil {
		return nil, fmt.Errorf("poe: sequence on switch %q: %w", c.Name, err)
	}
	defer func() { _ = unlock() }() // the store lets go of what is not held any more by itself
	for i, port := range ports {
		s.begin(s.held, i, port)
	}
	s.running.Wait()
	errs := make([]error, len(s.results))
	for i, res := range s.results {
		errs[i] = res.Err
	}
	return s.results, errors.Join(errs...)
}

func (c *Controller) sequence(ctx context.Context, ports []string, options SequenceOptions) (*sequence, func() error, error) {
	if c.Switch == nil {
		return nil, nil, errors.New("Controller.Switch is nil")
	}
	s := &sequence{
		c: c, options: options, changed: make(chan struct{}, 1),
		results: make([]Result, len(ports)), known: make(map[string]PortStatus), flying: make(map[int]flight),
	}
	for i, port := range ports {
		if slices.Contains(ports[:i], port) {
			return nil, nil, fmt.Errorf("port %q is in the list twice", port)
		}
	}
	held, unlock, err := c.lock(ctx, c.key("sequence", ""), c.Policy.withDefaults().LockWait)
	if err != nil {
		return nil, nil, err
	}
	all, err := c.Switch.Ports(held)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("read its ports: %w", err), unlock())
	}
	for _, st := range all {
		s.known[st.Name] = st
	}
	s.held = held
	return s, unlock, nil
}

// sequence is one call of Sequence.
type sequence struct {
	c       *Controller
	options SequenceOptions
	known   map[string]PortStatus // before the sequence began
	next    time.Time             // of the next order
	held    context.Context       // ends when the sequence must
	running sync.WaitGroup
	changed chan struct{} // gets one when a port's way has gone on

	telling sync.Mutex // guards results, and has Done called one at a time
	results []Result

	mu     sync.Mutex     // guards flying
	flying map[int]flight // by place in the list
}

// flight is a port on its way.
type flight struct {
	group int   // of its supply
	needs int64 // milliwatts that the supply does not count yet
}

// begin starts the port when it is its turn.
func (s *sequence) begin(ctx context.Context, i int, port string) {
	started := time.Now()
	st, err := s.status(ctx, port)
	switch {
	case err != nil:
	case st.Delivering():
		s.run(ctx, i, port, nil)
		return
	default:
		err = s.turn(ctx, i, st)
	}
	if err != nil {
		s.done(i, s.passed(ctx, port, st, started, err))
		return
	}
	s.running.Go(func() { s.run(ctx, i, port, s.options.Ready) })
}

// passed is the result of a port that was not begun. An end of all is none of
// the port's doing, and not in the audit.
func (s *sequence) passed(ctx context.Context, port string, st PortStatus, started time.Time, err error) Result {
	o := s.c.operation(ActionOn, port, s.options.Reason)
	o.res.Started, o.res.Before, o.res.After = started, st, st
	if ctx.Err() != nil {
		o.res.Err = o.explain(err)
		return o.res
	}
	res, _ := o.finish(ctx, err) // it is in res too
	return res
}

func (s *sequence) status(ctx context.Context, port string) (PortStatus, error) {
	if st, ok := s.known[port]; ok {
		return st, ctx.Err()
	}
	return s.c.Switch.Port(ctx, port)
}

// turn waits until the port may start: for its time, for a place, for power.
func (s *sequence) turn(ctx context.Context, i int, st PortStatus) error {
	for {
		fits, err := s.fits(ctx, i, st)
		if err != nil {
			return err
		}
		if fits {
			break
		}
		select {
		case <-s.changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if err := sleep(ctx, time.Until(s.next)); err != nil {
		return err
	}
	// The next is due from when this was, so that the lateness of timers does
	// not add up, unless it was late for another reason.
	if now := time.Now(); now.Sub(s.next) > s.options.Gap/100 {
		s.next = now
	}
	s.next = s.next.Add(s.options.Gap)
	return nil
}

// run switches the port on and waits until it is ready.
func (s *sequence) run(ctx context.Context, i int, port string, ready func(context.Context, string) error) {
	res, err := s.c.On(ctx, port, s.options.Reason)
	if err == nil && ready != nil {
		s.powered(i, res.After)
		waiting, cancel := context.WithTimeout(ctx, s.options.ReadyTimeout)
		err = ready(waiting, port)
		cancel()
		if err != nil {
			res.Err = fmt.Errorf("poe: port %q gives power, but its device is not ready: %w", port, err)
		}
		res.Took = time.Since(res.Started)
	}
	s.land(i)
	s.done(i, res)
}

func (s *sequence) done(i int, res Result) {
	s.telling.Lock()
	defer s.telling.Unlock()
	s.results[i] = res
	if s.options.Done != nil {
		s.options.Done(res)
	}
}

// land makes room for another.
func (s *sequence) land(i int) {
	s.mu.Lock()
	delete(s.flying, i)
	s.mu.Unlock()
	s.signal()
}

func (s *sequence) signal() {
	select {
	case s.changed <- struct{}{}:
	default: // there is one already
	}
}
