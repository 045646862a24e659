package snmpx

import (
	"errors"
	"fmt"
)

// Credentials are either communities or a user. V2c counts while V3.User is
// empty.
type Credentials struct {
	V2c V2c
	V3  V3
}

// V2c are the communities of SNMPv2c, which cross the network in clear.
type V2c struct {
	Read  Secret // for reading; empty means Write
	Write Secret // for writing; empty means that nothing may be written
}

// V3 is a user of the User-based Security Model, RFC 3414.
type V3 struct {
	User     string
	Auth     AuthProtocol // zero means no authentication
	AuthPass Secret       // of 8 octets or more
	Priv     PrivProtocol // zero means no encryption; wants Auth
	PrivPass Secret       // of 8 octets or more
	// EngineID pins the agent's engine: another one is ErrEngineChanged and gets
	// no request. Empty takes the first one seen, and accepts a change only
	// after it proved to know the user's keys.
	EngineID []byte
	Context  string // the context's name, as "vlan-11" on Cisco's; empty is the default one
}

// AuthProtocol is how messages are authenticated.
type AuthProtocol uint8

// The protocols of RFC 3414 and RFC 7860.
const (
	NoAuth AuthProtocol = iota
	MD5                 // weak: for reading, unless Config.AllowWeak
	SHA1
	SHA224
	SHA256
	SHA384
	SHA512
)

// PrivProtocol is how messages are encrypted.
type PrivProtocol uint8

// The protocols of RFC 3414, RFC 3826 and, for the longer keys, of net-snmp and
// (with C) of Cisco, which differ only after a digest shorter than the key.
const (
	NoPriv PrivProtocol = iota
	DES                 // weak: for reading, unless Config.AllowWeak
	AES
	AES192
	AES256
	AES192C
	AES256C
)

// ErrReadOnly is the error of [Client.Set] with credentials that may only read,
// or that are too weak to write.
var ErrReadOnly = errors.New("these credentials are for reading")

// Validate says what is missing, without repeating a secret.
func (c Credentials) Validate() error {
	if c.V3.User == "" {
		if c.V2c.Read == "" && c.V2c.Write == "" {
			return errors.New("snmpx: credentials: there is neither a community nor a user")
		}
		return nil
	}
	if c.V2c != (V2c{}) {
		return errors.New("snmpx: credentials: there are both a community and a user: give one")
	}
	return c.V3.validate()
}

func (v V3) validate() error {
	const shortest = 8 // RFC 3414 section 11.2
	switch {
	case len(v.User) > 32:
		return fmt.Errorf("snmpx: user %q: a name has at most 32 octets", v.User)
	case v.Auth > SHA512 || v.Priv > AES256C:
		return fmt.Errorf("snmpx: user %q: unknown protocol", v.User)
	case v.Auth != NoAuth && len(v.AuthPass) < shortest:
		return fmt.Errorf("snmpx: user %q: the authentication passphrase has fewer than %d octets", v.User, shortest)
	case v.Priv != NoPriv && v.Auth == NoAuth:
		return fmt.Errorf("snmpx: user %q: encryption wants authentication as well", v.User)
	case v.Priv != NoPriv && len(v.PrivPass) < shortest:
		return fmt.Errorf("snmpx: user %q: the privacy passphrase has fewer than %d octets", v.User, shortest)
	case len(v.EngineID) != 0 && (len(v.EngineID) < 5 || len(v.EngineID) > 32):
		return fmt.Errorf("snmpx: user %q: an engine id has 5 to 32 octets", v.User)
	}
	return nil
}
