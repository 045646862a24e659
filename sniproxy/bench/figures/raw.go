package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/sniproxytest"
)

// The raw server takes a ClientHello and then 9 bytes that say what it shall do,
// so that no cryptography blurs what is measured.
const (
	askByte  = 'b' // answer a byte and end
	askEcho  = 'e' // echo bytes
	askSend  = 's' // send so many
	askCount = 'c' // take so many and answer a byte
)

// hello is a ClientHello of usual size.
var hello = sniproxytest.Hello(site, sniproxytest.HelloOptions{})

func listenRaw() (net.Listener, error) {
	l, err := listen(rawServer)
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_ = serveRaw(c) // clients that go away are what is measured
			}()
		}
	}()
	return l, nil
}

// listen is without MPTCP, which proxies in C do not speak.
func listen(addr string) (net.Listener, error) {
	lc := net.ListenConfig{KeepAlive: -1}
	lc.SetMultipathTCP(false)
	return lc.Listen(context.Background(), "tcp", addr)
}

func serveRaw(c net.Conn) error {
	ask := make([]byte, len(hello)+9)
	if _, err := io.ReadFull(c, ask); err != nil {
		return err
	}
	n := int64(binary.BigEndian.Uint64(ask[len(hello)+1:]))
	switch ask[len(hello)] {
	case askByte:
		_, err := c.Write([]byte{'y'})
		return err
	case askEcho:
		_, err := io.Copy(struct{ io.Writer }{c}, struct{ io.Reader }{c})
		return err
	case askSend:
		return send(c, n)
	case askCount:
		if _, err := io.CopyN(io.Discard, c, n); err != nil {
			return err
		}
		_, err := c.Write([]byte{'y'})
		return err
	}
	return errors.New("what?")
}

// send writes n bytes.
func send(c net.Conn, n int64) error {
	block := make([]byte, 256<<10)
	for n > 0 {
		k, err := c.Write(block[:min(n, int64(len(block)))])
		if err != nil {
			return err
		}
		n -= int64(k)
	}
	return nil
}

// ask connects and asks.
func ask(ctx context.Context, p *proxy, what byte, n int64) (net.Conn, error) {
	d := net.Dialer{KeepAlive: -1}
	d.SetMultipathTCP(false)
	c, err := d.DialContext(ctx, "tcp", p.target(rawServer))
	if err != nil {
		return nil, err
	}
	b := binary.BigEndian.AppendUint64(append(slices.Clone(hello), what), uint64(n))
	if _, err := c.Write(b); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// one asks for a byte and takes it.
func one(ctx context.Context, p *proxy) error {
	c, err := ask(ctx, p, askByte, 0)
	if err != nil {
		return err
	}
	defer c.Close()
	all, err := io.ReadAll(c)
	if err == nil && len(all) != 1 {
		err = fmt.Errorf("%d bytes came instead of one", len(all))
	}
	return err
}

// perOp is the proxy's time for each of n.
func perOp(p *proxy, before time.Duration, n int) float64 {
	if p == nil {
		return 0
	}
	return float64((cpu(p.pid()) - before).Microseconds()) / float64(n)
}

func (o *options) raw(ctx context.Context, _ *lab, p *proxy) (float64, error) {
	for range 200 { // warm
		if err := one(ctx, p); err != nil {
			return 0, err
		}
	}
	before := cpu(p.pid())
	const clients = 16
	var wg sync.WaitGroup
	errs := make([]error, clients)
	for i := range clients {
		wg.Go(func() {
			for range o.conns / clients {
				if errs[i] = one(ctx, p); errs[i] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	return perOp(p, before, o.conns/clients*clients), errors.Join(errs...)
}

func (o *options) first(ctx context.Context, _ *lab, p *proxy) (float64, error) {
	var all []float64
	for range 600 {
		began := time.Now()
		c, err := ask(ctx, p, askByte, 0)
		if err != nil {
			return 0, err
		}
		_, err = c.Read(make([]byte, 1))
		took := time.Since(began)
		c.Close()
		if err != nil {
			return 0, err
		}
		all = append(all, float64(took.Nanoseconds())/1000)
	}
	return median(all), nil
}

// ping is what the proxy adds to a round trip, so that of none is measured too.
func (o *options) ping(ctx context.Context, _ *lab, p *proxy) (float64, error) {
	direct, err := roundTrip(ctx, nil)
	if err != nil || p == nil {
		return direct, err
	}
	through, err := roundTrip(ctx, p)
	return through - direct, err
}

func roundTrip(ctx context.Context, p *proxy) (float64, error) {
	c, err := ask(ctx, p, askEcho, 0)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	b, all := make([]byte, 32), make([]float64, 0, 4000)
	for range cap(all) {
		began := time.Now()
		if _, err := c.Write(b); err != nil {
			return 0, err
		}
		if _, err := io.ReadFull(c, b); err != nil {
			return 0, err
		}
		all = append(all, float64(time.Since(began).Nanoseconds())/1000)
	}
	return median(all), nil
}

const gib = 1 << 30

func (o *options) download(ctx context.Context, _ *lab, p *proxy) (float64, error) {
	before := cpu(p.pid())
	c, err := ask(ctx, p, askSend, gib)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	buf, n := make([]byte, 256<<10), 0
	for n < gib {
		k, err := c.Read(buf)
		n += k
		if err != nil && n < gib {
			return 0, err
		}
	}
	return perOp(p, before, 1) / 1e6, nil
}

func (o *options) upload(ctx context.Context, _ *lab, p *proxy) (float64, error) {
	before := cpu(p.pid())
	c, err := ask(ctx, p, askCount, gib)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	if err := send(c, gib); err != nil {
		return 0, err
	}
	if _, err := c.Read(make([]byte, 1)); err != nil {
		return 0, err
	}
	return perOp(p, before, 1) / 1e6, nil
}

// quiet opens idle connections that have echoed once, and returns what n of them
// add to the figure.
func (o *options) quiet(ctx context.Context, p *proxy, figure func(pid int) float64) (float64, error) {
	if p == nil {
		return 0, nil
	}
	open := func(n int) (conns []net.Conn, err error) {
		for refused := 0; len(conns) < n; {
			c, err := echoed(ctx, p)
			if err == nil {
				conns = append(conns, c)
				continue
			}
			// HAProxy resets one in some thousands, whose hello it did not wait for.
			if refused++; refused > 5 {
				return conns, err
			}
		}
		return conns, nil
	}
	closeAll := func(conns []net.Conn) {
		for _, c := range conns {
			c.Close()
		}
	}
	warm, err := open(200)
	closeAll(warm)
	if err != nil {
		return 0, err
	}
	settle(p.pid())
	before := figure(p.pid())
	conns, err := open(o.idle)
	defer closeAll(conns)
	if err != nil {
		return 0, err
	}
	return (figure(p.pid()) - before) / float64(o.idle), nil
}

// echoed is a connection over which a byte went both ways.
func echoed(ctx context.Context, p *proxy) (net.Conn, error) {
	c, err := ask(ctx, p, askEcho, 0)
	if err != nil {
		return nil, err
	}
	if _, err = c.Write([]byte{1}); err == nil {
		_, err = c.Read(make([]byte, 1))
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// settle waits until a proxy has closed what clients have left.
func settle(pid int) {
	for last := -1; ; {
		now := descriptors(pid)
		if now == last {
			return
		}
		last = now
		time.Sleep(300 * time.Millisecond)
	}
}

func (o *options) idleMemory(ctx context.Context, _ *lab, p *proxy) (float64, error) {
	return o.quiet(ctx, p, memory)
}

func (o *options) idleDescriptors(ctx context.Context, _ *lab, p *proxy) (float64, error) {
	return o.quiet(ctx, p, func(pid int) float64 { return float64(descriptors(pid)) })
}

// halfHello is the memory of clients that begin and do not go on.
func (o *options) halfHello(ctx context.Context, _ *lab, p *proxy) (float64, error) {
	if p == nil {
		return 0, nil
	}
	d := net.Dialer{KeepAlive: -1}
	d.SetMultipathTCP(false)
	if err := one(ctx, p); err != nil {
		return 0, err
	}
	settle(p.pid())
	before := memory(p.pid())
	const n = 5000 // within the time that hellos have
	for range n {
		c, err := d.DialContext(ctx, "tcp", front)
		if err != nil {
			return 0, err
		}
		defer c.Close()
		if _, err := c.Write(hello[:len(hello)/2]); err != nil {
			return 0, err
		}
	}
	time.Sleep(500 * time.Millisecond) // they are read
	return (memory(p.pid()) - before) / n, nil
}

// left is what many connections leave behind, of which there should be nothing
// but pipes for later.
func (o *options) left(ctx context.Context, _ *lab, p *proxy) (float64, error) {
	if p == nil {
		return 0, nil
	}
	if err := one(ctx, p); err != nil {
		return 0, err
	}
	settle(p.pid())
	before := descriptors(p.pid())
	many := *o
	many.conns = 50_000
	if _, err := many.raw(ctx, nil, p); err != nil {
		return 0, err
	}
	settle(p.pid())
	return float64(descriptors(p.pid()) - before), nil
}
