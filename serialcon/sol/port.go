package sol

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/bougou/go-ipmi/pkg/client"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// poll is how often a BMC is asked for what its console said, should it not
// send by itself. It keeps the session alive, too.
const poll = 100 * time.Millisecond

// port is an active SOL payload. A goroutine runs the stream on the other end
// of a pipe, which has the deadlines.
type port struct {
	net.Conn
	cancel context.CancelFunc
	close  sync.Once
	done   chan struct{} // closed when the stream ended and the session with it
	failed error         // why; read after done
}

var _ serialcon.Port = (*port)(nil)

func start(bmc *client.Client, timeout time.Duration) *port {
	ours, streams := net.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	p := &port{Conn: ours, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		p.failed = stream(ctx, bmc, streams)
		_ = streams.Close()
		end(bmc, timeout)
	}()
	return p
}

func stream(ctx context.Context, bmc *client.Client, rw io.ReadWriter) (err error) {
	defer catch(&err)
	return bmc.SOLStream(ctx, rw, rw, &client.SOLStreamOptions{PollInterval: poll})
}

// end gives the console back. A BMC that is gone needs no goodbye.
func end(bmc *client.Client, timeout time.Duration) {
	var err error
	defer catch(&err)
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	_ = deactivate(ctx, bmc)
	_ = bmc.Close(ctx)
}

// Read returns what the console said. The error tells why a stream ended.
func (p *port) Read(b []byte) (int, error) {
	n, err := p.Conn.Read(b)
	if errors.Is(err, io.EOF) {
		<-p.done
		if p.failed != nil {
			err = fmt.Errorf("sol: the stream ended: %w", p.failed)
		}
	}
	return n, err
}

// Close gives the console back and waits for the BMC's word, or its timeout.
func (p *port) Close() error {
	p.close.Do(func() {
		_ = p.Conn.Close()
		p.cancel()
	})
	<-p.done
	return nil
}
