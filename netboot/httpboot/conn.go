package httpboot

import (
	"context"
	"net"
)

type contextKey struct{}

// ConnContext tells a [Handler] which interface a connection came in on: set it
// as an [http.Server]'s ConnContext. [Handler.Serve] does.
//
// On Linux it is the interface that the client's packets really arrive on.
// It is not the one that has the address they are sent to: a host answers on
// all its interfaces for all its addresses, and a neighbour would only have to
// ask for another machine's gateway to pass for that machine. Elsewhere it is
// known of link-local IPv6 addresses only.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	for {
		inner, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		c = inner.NetConn()
	}
	name := arrivedOn(c)
	if name == "" {
		return ctx
	}
	return WithInterface(ctx, name)
}

// WithInterface returns a context whose requests are taken to come in on the
// interface called name, for a server that knows better than [ConnContext].
func WithInterface(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, contextKey{}, name)
}

func interfaceOf(ctx context.Context) string {
	name, _ := ctx.Value(contextKey{}).(string)
	return name
}
