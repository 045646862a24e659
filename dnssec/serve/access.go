package serve

import "net/netip"

// Access is a rule that lets somebody do something. All that it names must be so.
type Access struct {
	// Prefix is where the request comes from; the zero Prefix is anywhere.
	Prefix netip.Prefix
	// Key is the name of the TSIG key that the request is signed with; "" is any, or
	// none.
	Key string
	// TLS wants the request to come by TLS.
	TLS bool
}

// Peer is a server that is told when a zone changes.
type Peer struct {
	// Addr is where it listens. Port zero means 53.
	Addr netip.AddrPort
	// Key is the name of the TSIG key that signs the message; "" is none.
	Key string
}

// Config is who may do what with a zone.
type Config struct {
	// Transfer lets those who match a rule transfer the zone. None means nobody.
	Transfer []Access
	// Query lets those who match a rule ask about the zone, by UDP too. None means
	// everybody; those who may transfer it always may.
	Query []Access
	// Notify are told of each change.
	Notify []Peer
}

// allows says whether a rule lets the request do what the rules are for.
func allows(rules []Access, r *request) bool {
	for _, a := range rules {
		if a.matches(r) {
			return true
		}
	}
	return false
}

func (a Access) matches(r *request) bool {
	if a.TLS && !r.tls || a.Prefix.IsValid() && !a.Prefix.Contains(r.from.Addr()) {
		return false
	}
	if a.Key == "" {
		return true
	}
	name, err := keyName(a.Key)
	return err == nil && name == r.keyName
}
