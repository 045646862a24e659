package sniproxy

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/mythic-beasts/hostkit/sniproxy/httphead"
)

// An exchange is one request and its response, without the connections: what to do
// with bytes that came.
type exchange struct {
	rec      Record        // of the request
	body     httphead.Body // of the request: what is still to come
	head     []byte        // what the backend was sent at first, if it can be sent again
	parser   httphead.ResponseParser
	about    httphead.Exchange
	response httphead.Body
	upgrade  bool // the client waits for a tunnel
	final    bool // the head of the response has been relayed
	tunnel   bool // from here on bytes are relayed unread
	began    bool // the client got something of the response
	keep     struct{ client, backend bool }
}

// request fills the exchange from the head of a request.
func (x *exchange) request(f *flow, req *httphead.Request, size int, now time.Time) {
	parser := x.parser
	parser.Reset()
	*x = exchange{parser: parser, body: req.Body, about: req.Exchange(), upgrade: req.Upgrade}
	x.rec = Record{
		Proto: HTTP, Start: now, Client: f.client, Local: f.local, Front: f.front,
		Name: string(req.Host()), HelloSize: size, Method: method(req.Method), ProxyIn: f.proxyIn,
		Result: Aborted,
	}
	if req.Literal {
		x.rec.Name = ""
	}
}

// method is the name of a method without allocating for those that are common.
func method(b []byte) string {
	switch string(b) {
	case http.MethodGet:
		return http.MethodGet
	case http.MethodPost:
		return http.MethodPost
	case http.MethodHead:
		return http.MethodHead
	}
	return string(b)
}

// repeatable reports whether the request may be sent a second time when a connection
// that was used before turns out to have ended (RFC 9110, section 9.2.2).
func (x *exchange) repeatable() bool {
	switch x.rec.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return x.head != nil && !x.began
	}
	return false
}

// answer takes bytes of the backend, and appends to out what the client gets. What
// it did not use is to be presented again with more behind it; with done, the
// response has ended.
func (x *exchange) answer(out, b []byte, head *httphead.Response) (_ []byte, used int, done bool, err error) {
	for !x.final {
		n, err := x.parser.Parse(b[used:], x.about, head)
		if err != nil || n == 0 {
			return out, used, false, err
		}
		used += n
		out = head.AppendRelay(out)
		x.rec.Status = head.Status
		if head.Switched {
			x.tunnel = true
		} else if head.Interim {
			continue
		}
		x.final, x.response = true, head.Body
		x.keep.client, x.keep.backend = head.KeepClient, head.KeepBackend
	}
	if x.tunnel {
		return append(out, b[used:]...), len(b), true, nil
	}
	n, err := x.response.Next(b[used:])
	return append(out, b[used:used+n]...), used + n, x.response.Done(), err
}

var errHalfRequest = errors.New("sniproxy: the client ended within its request")

var errNoAnswer = errors.New("sniproxy: the backend ended without a response")

// backendEnd is the end of the backend's connection: nil if that is the end of the
// response.
func (x *exchange) backendEnd() error {
	if !x.final {
		return errNoAnswer
	}
	x.keep.client, x.keep.backend = false, false
	return x.response.End()
}

// finish gives the request's record to the observer.
func (x *exchange) finish(f *flow, now time.Time) {
	r := f.run
	r.counts.requests.Add(1)
	if f.site != nil && x.rec.Site != "" {
		f.site.requests.Add(1)
	}
	if x.rec.Result != Routed {
		r.counts.results[x.rec.Result].Add(1)
	}
	if o := r.Observer; o != nil && o.Request != nil {
		x.rec.ID, x.rec.Took = f.uniqueID(), now.Sub(x.rec.Start)
		o.Request(&x.rec)
	}
}

// refuse is the response to a request that is not relayed, and the end of its
// connection.
func (x *exchange) refuse(e *RefusedError) []byte {
	x.rec.Result, x.rec.Err = e.Result, e
	if x.began {
		return nil
	}
	x.rec.Status = e.Status
	if x.rec.Status == 0 {
		return nil
	}
	if x.about.Head {
		return httphead.AppendErrorHead(nil, e.Status, "")
	}
	return httphead.AppendError(nil, e.Status, "")
}

// headRefusal is what a head that could not be parsed means.
func headRefusal(err error) *RefusedError {
	var e *httphead.Error
	if !errors.As(err, &e) {
		return refuse(Malformed, err)
	}
	result := Malformed
	switch e.Why {
	case httphead.TooLarge, httphead.TooLong:
		result = TooLarge
	case httphead.Loop:
		result = Denied
	}
	return &RefusedError{Result: result, Status: e.Status, Err: err}
}

// answerRefusal is what it means that the backend gave no response.
func answerRefusal(err error) *RefusedError {
	if isTimeout(err) || errors.Is(err, errIdle) {
		return refuse(BackendTimeout, err)
	}
	return refuse(BackendRefused, err)
}

// forward is what is added to the request's head.
func (f *flow) forward() httphead.Forward {
	return httphead.Forward{
		Client: f.client, Local: f.local, Via: f.run.via,
		Trusted: len(f.run.Forwarders) != 0 && trusted(f.run.Forwarders, f.client.Addr()),
	}
}

// isEnd reports whether a read ended cleanly.
func isEnd(err error) bool { return errors.Is(err, io.EOF) }
