package telnet_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon"
	"github.com/mythic-beasts/hostkit/serialcon/serialcontest"
	"github.com/mythic-beasts/hostkit/serialcon/telnet"
)

func TestAConsoleByTelnet(t *testing.T) {
	u := new(serialcontest.UART)
	log := new(serialcontest.Log)
	c := &serialcon.Console{Name: "pi-042", Port: u, Log: log}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- c.Run(ctx) }()
	defer func() {
		cancel()
		require.NoError(t, <-ran)
	}()
	require.NoError(t, u.WaitOpen(t.Context()))
	addr := serve(t, &telnet.Server{
		Poll: 5 * time.Millisecond, Open: telnet.Attach(c, serialcon.AttachOptions{Mode: serialcon.ReadWrite}),
	})
	r := dialRaw(t, addr)
	r.say(t, "\xff\xfd\x03\xff\xfb\x03\xff\xfd\x01\xff\xfd\x00\xff\xfb\x00\xff\xfb\x2c")
	require.Contains(t, []string{com(107, 0xbb), com(107, 0xb0)}, r.sub(t), "the port is open")
	u.Say([]byte("login: \x1b[c"))
	r.expect(t, "login: \x1b[c")
	r.say(t, "root\r\x05c.")
	eventually(t, func() bool { return string(u.Typed()) == "root\r\x05c." })
	require.Contains(t, c.Viewers()[0].Who, "telnet 127.0.0.1:")

	r.say(t, com(10, 0xff)+com(5, 5)+com(5, 6)+com(5, 9))
	r.expect(t, com(110, 0xff)+com(105, 5)+com(105, 6)+com(105, 9))
	eventually(t, func() bool { return len(u.Breaks()) == 1 })
	require.NoError(t, log.Wait(t.Context(), func(_ []byte, events []serialcon.Event) bool {
		for _, e := range events {
			if e.Kind == serialcon.EventBreakSent {
				return e.N == serialcon.MinBreak.Milliseconds()
			}
		}
		return false
	}))
	u.BreakIn()
	require.Equal(t, com(106, 0x10), r.sub(t))

	second := dialRaw(t, addr)
	second.say(t, "\xff\xfd\x00\xff\xfb\x00no\xff\xf3")
	u.Say([]byte("x\x1b[cy"))
	second.expect(t, "xy")
	r.expect(t, "x\x1b[cy")
	require.Equal(t, "root\r\x05c.", string(u.Typed()), "it waits for the writer's place")
	require.Len(t, u.Breaks(), 1)

	u.Unplug()
	require.Equal(t, com(107, 0x0b), r.sub(t), "the lines drop, the client stays")
	u.Plug()
	require.Equal(t, com(107, 0xbb), r.sub(t))
	require.NoError(t, r.Close())
	eventually(t, func() bool { return len(c.Viewers()) == 1 })
}
