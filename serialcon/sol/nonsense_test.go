package sol_test

import (
	"encoding"
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mythic-beasts/hostkit/serialcon/sol"
)

// answers is a BMC's socket at which each question gets what answer makes of it.
func answers(t *testing.T, answer func(question []byte) []byte) sol.Config {
	t.Helper()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	t.Cleanup(func() {
		_ = udp.Close()
		<-done
	})
	go func() {
		defer close(done)
		buf := make([]byte, 2048)
		for {
			n, from, err := udp.ReadFrom(buf)
			if err != nil {
				return
			}
			if out := answer(buf[:n]); out != nil {
				_, _ = udp.WriteTo(out, from)
			}
		}
	}()
	return sol.Config{
		Host: "127.0.0.1", Port: udp.LocalAddr().(*net.UDPAddr).Port, User: "admin", Password: "hush", CipherSuite: 3, Timeout: 50 * time.Millisecond,
	}
}

// Whatever a BMC answers, Open fails with an error that says who, and not the
// password.
func TestABMCThatAnswersNonsense(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 2))
	for name, answer := range map[string]func([]byte) []byte{
		"nothing":      func([]byte) []byte { return nil },
		"no bytes":     func([]byte) []byte { return []byte{} },
		"an echo":      func(q []byte) []byte { return q },
		"half an echo": func(q []byte) []byte { return q[:len(q)/2] },
		"a cut header": func([]byte) []byte { return []byte{6, 0, 0xff, 7} },
		"noise in a session header": func(q []byte) []byte {
			out := append([]byte(nil), q...)
			for i := 4; i < len(out); i++ {
				out[i] = byte(dice.Uint32())
			}
			return out
		},
		"noise": func([]byte) []byte {
			out := make([]byte, dice.IntN(200))
			for i := range out {
				out[i] = byte(dice.Uint32())
			}
			return out
		},
		"a length that is not true": func(q []byte) []byte {
			out := append([]byte(nil), q...)
			out[len(out)-1], out[min(13, len(out)-1)] = 0xff, 0xff
			return out
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := answers(t, answer)
			_, err := c.Open(t.Context())
			require.ErrorContains(t, err, "sol: open "+c.String())
			require.NotContains(t, err.Error(), "hush")
		})
	}
}

func TestSecretsAreHidden(t *testing.T) {
	c := sol.Config{Host: "bmc-1", Password: "hush"}
	require.Equal(t, "sol bmc-1:623", c.String())
	require.NotContains(t, fmt.Sprintf("%s %v %+v %#v %q", c.Password, c, c, c, c.Password), "hush")
	text, err := encoding.TextMarshaler(c.Password).MarshalText()
	require.NoError(t, err)
	require.Equal(t, "(secret)", string(text))
}
