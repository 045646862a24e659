package nfsd

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// conn is one connection: calls are read one after the other, made many at a
// time, and answered as they end.
type conn struct {
	e      *engine
	nc     net.Conn
	client *client
	port   uint16 // what portmap answers; 0: this is not portmap
	// trusted is that AUTH_SYS may be believed, as the port is a privileged one.
	trusted bool
	r       *bufio.Reader
	calls   uint64
	slots   chan struct{}
	work    sync.WaitGroup
	stop    <-chan struct{}

	write sync.Mutex // one reply at a time
}

func newConn(e *engine, nc net.Conn, cl *client, port uint16, trusted bool) *conn {
	return &conn{e: e, nc: nc, client: cl, port: port, trusted: trusted, r: bufio.NewReaderSize(nc, 16<<10), slots: make(chan struct{}, e.inFlight)}
}

// run reads calls until the client or ctx ends, and waits for those under way.
func (c *conn) run(ctx context.Context) error {
	c.stop = ctx.Done()
	defer c.work.Wait()
	defer context.AfterFunc(ctx, func() { _ = c.nc.SetReadDeadline(time.Unix(1, 0)) })()
	var deadline time.Time
	for {
		if now := time.Now(); ctx.Err() == nil && deadline.Sub(now) < c.e.idle-time.Second {
			deadline = now.Add(c.e.idle)
			_ = c.nc.SetReadDeadline(deadline)
		}
		if ctx.Err() != nil {
			return nil
		}
		if err := c.next(); err != nil {
			if errors.Is(err, io.EOF) || ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
}

var errStopped = errors.New("server stops")

// next reads one call and sees to its answer.
func (c *conn) next() error {
	k := &call{conn: c, e: c.e}
	reserve := func(size int) ([]byte, error) {
		if !c.client.reserve(size, c.e.memory, c.stop) {
			return nil, errStopped
		}
		k.reserved, k.buf = size, c.e.pools.get(size)
		return k.buf, nil
	}
	rec, err := readRecord(c.r, reserve)
	if err != nil {
		k.free()
		return err
	}
	k.in = decoder{b: rec}
	if k.header, err = parseHeader(&k.in); err != nil {
		k.free()
		return err
	}
	c.calls++
	if k.quick() && c.r.Buffered() == 0 {
		defer k.free()
		return c.answer(k)
	}
	select {
	case c.slots <- struct{}{}:
	case <-c.stop:
		k.free()
		return errStopped
	}
	c.work.Go(func() {
		defer func() { <-c.slots }()
		defer k.free()
		if err := c.answer(k); err != nil {
			c.nc.Close() // ends the reading, too
		}
	})
	return nil
}

// answer makes the call and sends the reply.
func (c *conn) answer(k *call) error {
	k.out.b = c.e.pools.get(smallBuffer)
	k.serve()
	return c.send(endReply(&k.out))
}

func (c *conn) send(b []byte) error {
	c.write.Lock()
	defer c.write.Unlock()
	_ = c.nc.SetWriteDeadline(time.Now().Add(c.e.idle))
	_, err := c.nc.Write(b)
	return err
}
