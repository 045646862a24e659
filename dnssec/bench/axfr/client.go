package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/miekg/dns"
)

// result is a transfer.
type result struct {
	wall             time.Duration
	octets, messages int
}

// transfer fetches the zone and reads no more of it than how many records come, so
// that the time is the server's. There is one record more than the zone has.
func transfer(ctx context.Context, addr string, records int) (result, error) {
	m := new(dns.Msg).SetAxfr(dns.Fqdn(origin))
	m.SetTsig("xfr.example.", dns.HmacSHA256, 300, time.Now().Unix())
	raw, _, err := dns.TsigGenerate(m, keyData, "", false)
	if err != nil {
		return result{}, err
	}
	var r result
	started := time.Now()
	c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return r, err
	}
	defer c.Close()
	if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(raw))), raw...)); err != nil {
		return r, err
	}
	in, buf := bufio.NewReaderSize(c, 1<<18), make([]byte, 1<<16)
	for got := 0; got <= records; {
		if _, err := io.ReadFull(in, buf[:2]); err != nil {
			return r, err
		}
		msg := buf[:binary.BigEndian.Uint16(buf)]
		if _, err := io.ReadFull(in, msg); err != nil {
			return r, err
		}
		if len(msg) < 12 || msg[3]&15 != 0 {
			return r, fmt.Errorf("the server refuses: %x", msg[:min(len(msg), 12)])
		}
		got += int(binary.BigEndian.Uint16(msg[6:]))
		r.octets += 2 + len(msg)
		r.messages++
	}
	r.wall = time.Since(started)
	return r, nil
}
