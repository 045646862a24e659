// Package httphead reads and rewrites HTTP/1 for a proxy that routes requests by
// their Host. It does no I/O and allocates nothing per request, so that it serves
// an event loop as well as goroutines.
//
//	n, err := parser.Parse(buf, &req) // n == 0: read more; err: AppendError and close
//	out, err = req.AppendForward(out[:0], &httphead.Forward{Client: client, Via: "proxy1"})
//	body, x := req.Body, req.Exchange() // all that is needed once buf is gone
//	n, err = body.Next(buf[n:])         // how many of these bytes are the request's
//	...
//	n, err = answers.Parse(buf, x, &resp)
//	out = resp.AppendRelay(out[:0])
//
// Its nouns:
//
//   - [RequestParser] and [ResponseParser] take all bytes of a head that have
//     arrived so far and say one of three things: read more, a head, or an
//     [*Error] with the status to answer.
//   - [Request.AppendForward] and [Response.AppendRelay] write the head anew. What
//     a peer sees is never the bytes of a stranger but what was understood of them.
//   - [Body] says which of the bytes that follow belong to the message, and when
//     it has ended, without changing them.
//   - [Exchange] is what a response's reader must know of its request.
//   - [AppendError] and [Request.AppendRedirect] are the proxy's own answers.
//
// # What it refuses
//
// Whatever two implementations have been known to read in two ways is an error
// here, so that a backend cannot find another request, another host or another
// response in the bytes than this package did: both Content-Length and
// Transfer-Encoding, two of either, codings but chunked, line feeds and carriage
// returns that stand alone, folded lines, control bytes, space before a colon,
// two Hosts, names of fields that are no tokens (RFC 9112, sections 2.2, 3.2, 5
// and 6). See README.md for the table.
package httphead
