package demo

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/mythic-beasts/hostkit/examples/panel/internal/model"
)

// MaxPis is what one shelf holds.
const MaxPis = 96

// Options say what the house is like. The zero value is eight Pis that boot slowly
// enough to watch, and nothing breaks.
type Options struct {
	// Pis is how many there are, at most [MaxPis]. 0 means 8.
	Pis int
	// Speed is how fast they load, and how fast chaos comes; 0 means 1, which is slow
	// enough to watch.
	Speed float64
	// Chaos breaks things now and then.
	Chaos bool
	// Seed decides what breaks, and in which order.
	Seed uint64
	// ChaosEvery is how long it is between two things that break, on average. 0 means
	// 20 s. Speed shortens it.
	ChaosEvery time.Duration
	// Dir is where the house keeps what it writes. "" means a new folder for temporary
	// files, which is removed when Run ends.
	Dir string
	// Log gets what happens. Nil discards.
	Log *slog.Logger
}

func (o Options) withDefaults() (Options, error) {
	if o.Pis == 0 {
		o.Pis = 8
	}
	if o.Speed == 0 {
		o.Speed = 1
	}
	if o.ChaosEvery == 0 {
		o.ChaosEvery = 20 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	switch {
	case o.Pis < 1 || o.Pis > MaxPis:
		return o, fmt.Errorf("demo: %d Pis: it must be between 1 and %d", o.Pis, MaxPis)
	case !(o.Speed >= 0.1 && o.Speed <= 1000): // not a number either
		return o, fmt.Errorf("demo: speed %g: it must be between 0.1 and 1000", o.Speed)
	case o.ChaosEvery < 0:
		return o, fmt.Errorf("demo: something breaks every %v: it must be a positive time", o.ChaosEvery)
	}
	return o, nil
}

// Demo is a house. Make one by [New].
type Demo struct {
	options Options
}

var _ model.House = (*Demo)(nil)

// New returns a house in which nothing runs yet.
func New(o Options) (*Demo, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Demo{options: o}, nil
}

// Run runs the house until ctx ends, which is no error. When it returns, all that it
// started has ended and no temporary file is left. A Demo runs once.
func (d *Demo) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}
