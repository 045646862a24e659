package sol

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/bougou/go-ipmi/pkg/client"
	"github.com/bougou/go-ipmi/pkg/command/transport"
	"github.com/bougou/go-ipmi/pkg/types"

	"github.com/mythic-beasts/hostkit/serialcon"
)

// instance is the SOL payload's; BMCs have one.
const instance = 1

// Config opens a session with a BMC and activates its SOL payload.
type Config struct {
	// Host is the BMC's name or address. Needed.
	Host string
	// Port is UDP; zero means 623.
	Port int
	// User and Password to log in with. No message shows the password.
	User     string
	Password Secret
	// CipherSuite is 3 or 17 (IPMI 2.0 table 22-20). Zero tries what go-ipmi
	// thinks best.
	CipherSuite uint8
	// Steal ends whoever has the console now. A BMC has one SOL session, and
	// keeps that of a client that crashed for a minute or more.
	Steal bool
	// Timeout is how long the BMC may take for one answer. Zero means three
	// seconds. A BMC that does not answer makes the port fail.
	Timeout time.Duration
}

// Secret is text that prints as "(secret)".
type Secret string

// String hides it.
func (Secret) String() string { return "(secret)" }

// GoString hides it.
func (Secret) GoString() string { return "(secret)" }

// MarshalText hides it.
func (Secret) MarshalText() ([]byte, error) { return []byte("(secret)"), nil }

var _ serialcon.Opener = Config{}

// String is "sol" and the address.
func (c Config) String() string {
	port := c.Port
	if port == 0 {
		port = 623
	}
	return "sol " + net.JoinHostPort(c.Host, strconv.Itoa(port))
}

// Open logs in and activates the console. Nil errors mean that the BMC agreed;
// what its console says comes by Read.
func (c Config) Open(ctx context.Context) (serialcon.Port, error) {
	if c.Timeout == 0 {
		c.Timeout = 3 * time.Second
	}
	if c.Port == 0 {
		c.Port = 623
	}
	bmc, err := c.connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("sol: open %s: %w", c, err)
	}
	return start(bmc, c.Timeout), nil
}

func (c Config) connect(ctx context.Context) (bmc *client.Client, err error) {
	defer catch(&err)
	bmc, err = client.NewClient(c.Host, c.Port, c.User, string(c.Password))
	if err != nil {
		return nil, err
	}
	bmc.WithInterface(client.InterfaceLanplus).WithTimeout(c.Timeout)
	if c.CipherSuite != 0 {
		bmc.WithCipherSuiteID(types.CipherSuiteID(c.CipherSuite))
	}
	if err := bmc.Connect(ctx); err != nil {
		return nil, fmt.Errorf("log in as %q: %w", c.User, err)
	}
	if c.Steal {
		_ = deactivate(ctx, bmc) // that nobody has it is no failure
	}
	_, err = bmc.ActivatePayload(ctx, &transport.ActivatePayloadRequest{PayloadType: types.PayloadTypeSOL, PayloadInstance: instance})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("activate SOL; if another has the console, Steal takes it: %w", err), logOut(bmc, c.Timeout))
	}
	return bmc, nil
}

func deactivate(ctx context.Context, bmc *client.Client) error {
	_, err := bmc.DeactivatePayload(ctx, &transport.DeactivatePayloadRequest{PayloadType: types.PayloadTypeSOL, PayloadInstance: instance})
	return err
}

func logOut(bmc *client.Client, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return bmc.Close(ctx)
}

// catch makes an error of a panic in go-ipmi, which parses a stranger's packets.
func catch(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("sol: the BMC's answer upset go-ipmi: %v", p)
	}
}
