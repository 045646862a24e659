package conlog

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
)

// A job is a block that is read, and looked through, ahead of its turn.
type job struct {
	mem  scratch
	text []byte
	done chan struct{} // holds a token once the job was worked on

	f    *file
	b    block
	last bool // of its segment: the file is closed behind it
	skip bool // not of interest, unless a line goes on in it
	data []byte
	miss bool
	err  error
}

// scanner is one Search's walk: blocks are decompressed and looked through by
// as many goroutines as there are processors, a few blocks ahead of the one
// that joins lines.
type scanner struct {
	Reader
	s     *search
	free  chan *job // bounds the memory
	work  chan *job // to be read
	queue chan *job // in order
	left  *file     // of which not all blocks were queued
}

func (r Reader) scan(ctx context.Context, s *search) error {
	segments, _, err := list(r.Dir)
	if err != nil {
		return fmt.Errorf("conlog: search %s: %w", filepath.Base(r.Dir), err)
	}
	workers := runtime.GOMAXPROCS(0)
	n := 2*workers + 1
	c := &scanner{Reader: r, s: s, free: make(chan *job, n), work: make(chan *job, n), queue: make(chan *job, n)}
	for range n {
		c.free <- &job{done: make(chan struct{}, 1)}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { c.plan(ctx, segments) })
	for range workers {
		wg.Go(c.reads)
	}
	err = c.consume(ctx)
	cancel()
	c.drain()
	wg.Wait()
	if c.left != nil {
		c.left.close()
	}
	close(c.free)
	for j := range c.free {
		j.mem.close()
	}
	return err
}

// plan makes the jobs. It ends early with ctx.
func (c *scanner) plan(ctx context.Context, segments []segment) {
	defer close(c.work)
	defer close(c.queue)
	for _, s := range segments {
		f, err := c.openSegment(s)
		if err != nil {
			if !c.push(ctx, func(j *job) { j.err = err }) {
				return
			}
			continue
		}
		for i, b := range f.blocks {
			ok := c.push(ctx, func(j *job) {
				j.f, j.b, j.last = f, b, i == len(f.blocks)-1
				j.skip = !c.s.wants(b)
			})
			if !ok {
				c.left = f
				return
			}
		}
		if len(f.blocks) == 0 {
			f.close()
		}
	}
}

// push queues one job.
func (c *scanner) push(ctx context.Context, set func(*job)) bool {
	select {
	case j := <-c.free:
		*j = job{mem: j.mem, text: j.text, done: j.done}
		set(j)
		c.queue <- j
		c.work <- j
		return true
	case <-ctx.Done():
		return false
	}
}

// reads works on jobs until there are no more.
func (c *scanner) reads() {
	for j := range c.work {
		if j.f != nil && !j.skip {
			j.data, j.err = j.mem.read(j.f, j.b)
			j.miss = j.err == nil && c.s.miss(j.data, &j.text)
		}
		j.done <- struct{}{}
	}
}

// consume takes the jobs in order.
func (c *scanner) consume(ctx context.Context) error {
	var damage []error
	for j := range c.queue {
		<-j.done
		if j.skip && c.s.join.open {
			j.data, j.err = j.mem.read(j.f, j.b)
			j.skip = false
		}
		err := ctx.Err()
		switch {
		case err != nil:
		case j.err != nil:
			damage = append(damage, j.err)
			c.s.join.passOver(j.b)
		case j.skip:
			c.s.join.passOver(j.b)
		default:
			err = c.s.block(j.data, j.miss)
		}
		c.release(j)
		if err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return errors.Join(append(damage, c.s.join.end(c.s.line))...)
}

func (c *scanner) release(j *job) {
	if j.last {
		j.f.close()
	}
	c.free <- j
}

// drain lets go of what was not consumed.
func (c *scanner) drain() {
	for j := range c.queue {
		<-j.done
		c.release(j)
	}
}
