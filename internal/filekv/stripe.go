package filekv

import (
	"context"
	"errors"
	"hash/fnv"
	"io/fs"
	"os"
	"time"
)

// stripes is into how many parts keys are divided. Writers to one part take turns,
// those to several wait for the disk together.
const stripes = 16

// stripe is one part: who holds it may write its keys and its temporary file.
type stripe struct {
	s          *Store
	name, temp string
	turn       chan struct{} // has room for the one in this process who holds it
	file       *os.File      // what is locked; opened by the first who holds turn
}

func (s *Store) stripe(key string) *stripe {
	h := fnv.New32a()
	h.Write([]byte(key))
	return &s.stripes[h.Sum32()%stripes]
}

func (p *stripe) init(s *Store, name string) {
	p.s, p.name, p.temp, p.turn = s, private+"/writer-"+name, private+"/temp-"+name, make(chan struct{}, 1)
}

// lock takes the stripe. The first wait for another process is short, since writes are.
func (p *stripe) lock(ctx context.Context) error {
	if err := p.s.usable(ctx); err != nil {
		return err
	}
	select {
	case p.turn <- struct{}{}:
	case <-p.s.done:
		return fs.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	wait := time.Millisecond
	for {
		ok, err := p.tryFile()
		if ok {
			return nil
		}
		if err == nil {
			err = p.s.pause(ctx, wait)
		}
		if err != nil {
			<-p.turn
			return err
		}
		wait = min(2*wait, 20*time.Millisecond)
	}
}

func (p *stripe) tryFile() (bool, error) {
	if err := p.s.usable(context.Background()); err != nil {
		return false, err
	}
	if p.file == nil {
		f, err := p.s.root.OpenFile(p.name, os.O_RDWR|os.O_CREATE, fileMode)
		if err != nil {
			return false, err
		}
		p.file = f
	}
	return tryFlock(p.file)
}

func (p *stripe) unlock() error {
	err := unflock(p.file)
	<-p.turn
	return err
}

// sweep removes the temporary file of a writer that was killed. While a writer is at
// work it is left alone.
func (p *stripe) sweep() error {
	p.turn <- struct{}{}
	ok, err := p.tryFile()
	if err != nil || !ok {
		<-p.turn
		return err
	}
	err = p.s.root.Remove(p.temp)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, p.unlock())
}

func (p *stripe) close() error {
	p.turn <- struct{}{} // whoever writes comes to an end
	defer func() { <-p.turn }()
	if p.file == nil {
		return nil
	}
	err := p.file.Close()
	p.file = nil
	return err
}
