package acmetest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const caMaxBody = 1 << 20

// caProblem is what the authority refuses with.
type caProblem struct {
	Type   string `json:"type"`
	Detail string `json:"detail"`
	Status int    `json:"status"`
}

func (p *caProblem) Error() string { return p.Detail }

func caRefuse(status int, kind, format string, args ...any) *caProblem {
	return &caProblem{Type: "urn:ietf:params:acme:error:" + kind, Detail: fmt.Sprintf(format, args...), Status: status}
}

// WriteProblem answers with a problem document (RFC 7807) of a type of RFC 8555
// section 6.7 without its prefix, for [CAOptions].Intercept.
func WriteProblem(w http.ResponseWriter, status int, kind, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(caRefuse(status, kind, "%s", detail))
}

// caReply is an answer.
type caReply struct {
	status   int
	location string
	object   any    // sent as JSON unless nil
	text     []byte // sent as PEM if object is nil
	links    []string
	waits    bool // Retry-After goes with it
}

func caNumber(n int) string { return strconv.Itoa(n) }

// ServeHTTP is the authority's interface, for a server of the test's own.
func (ca *CA) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	resource, id, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	ca.mu.Lock()
	ca.requests[resource]++
	ca.mu.Unlock()
	if ca.o.Intercept != nil && ca.o.Intercept(w, r, resource) {
		return
	}
	if r.UserAgent() == "" {
		ca.send(w, nil, caRefuse(400, "malformed", "no User-Agent"))
		return
	}
	switch resource {
	case CADirectory:
		ca.send(w, &caReply{status: 200, object: ca.directory()}, nil)
	case CANewNonce:
		w.Header().Set("Replay-Nonce", ca.newNonce())
	case CARenewalInfo:
		ca.serveRenewalInfo(w, id)
	default:
		w.Header().Set("Replay-Nonce", ca.newNonce())
		reply, p := ca.signed(r, resource, id)
		ca.send(w, reply, p)
	}
}

func (ca *CA) directory() map[string]any {
	meta := map[string]any{"externalAccountRequired": ca.o.EAB != nil, "caaIdentities": []string{"ca.invalid"}}
	if ca.o.Profiles != nil {
		meta["profiles"] = ca.o.Profiles
	}
	if ca.o.TermsOfService != "" {
		meta["termsOfService"] = ca.o.TermsOfService
	}
	d := map[string]any{"meta": meta, "unknown-entry": "https://ca.invalid/why"}
	for _, name := range []string{CANewNonce, CANewAccount, CANewOrder, CARevoke, CAKeyChange} {
		d[name] = ca.base() + "/" + name
	}
	if !ca.o.NoRenewalInfo {
		d[CARenewalInfo] = ca.base() + "/" + CARenewalInfo
	}
	return d
}

// signed answers a POST.
func (ca *CA) signed(r *http.Request, resource, id string) (*caReply, *caProblem) {
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/jose+json" {
		return nil, caRefuse(405, "malformed", "%s of %q: POST application/jose+json", r.Method, resource)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, caMaxBody))
	if err != nil {
		return nil, caRefuse(400, "malformed", "%v", err)
	}
	ca.mu.Lock()
	defer ca.mu.Unlock()
	if ca.percent(ca.o.Faults) {
		return nil, caRefuse(503, "serverInternal", "out of order")
	}
	msg, p := ca.open(body, ca.base()+r.URL.Path)
	if p != nil {
		return nil, p
	}
	switch resource {
	case CANewAccount:
		return ca.newAccount(msg)
	case CARevoke:
		return ca.revoke(msg)
	}
	if msg.account == nil {
		return nil, caRefuse(403, "unauthorized", "the request is not signed for an account")
	}
	handle, ok := map[string]func(*caMessage, string) (*caReply, *caProblem){
		CAAccount: ca.account, CANewOrder: ca.newOrder, CAOrder: ca.order, CAFinalize: ca.finalize,
		CAAuthz: ca.authz, CAChallenge: ca.challenge, CACertificate: ca.certificate, CAKeyChange: ca.keyChange,
	}[resource]
	if !ok {
		return nil, caRefuse(404, "malformed", "no resource %q", resource)
	}
	return handle(msg, id)
}

func (ca *CA) send(w http.ResponseWriter, reply *caReply, p *caProblem) {
	if p != nil {
		WriteProblem(w, p.Status, strings.TrimPrefix(p.Type, "urn:ietf:params:acme:error:"), p.Detail)
		return
	}
	h := w.Header()
	if reply.location != "" {
		h.Set("Location", reply.location)
	}
	for _, l := range reply.links {
		h.Add("Link", l)
	}
	if reply.waits && ca.o.RetryAfter != "" {
		h.Set("Retry-After", ca.retryAfter())
	}
	if reply.object == nil {
		h.Set("Content-Type", "application/pem-certificate-chain")
		w.WriteHeader(reply.status)
		_, _ = w.Write(reply.text)
		return
	}
	h.Set("Content-Type", "application/json")
	w.WriteHeader(reply.status)
	_ = json.NewEncoder(w).Encode(reply.object)
}

// retryAfter alternates between seconds and a date, RFC 9110 section 10.2.3.
func (ca *CA) retryAfter() string {
	seconds, err := strconv.Atoi(ca.o.RetryAfter)
	ca.mu.Lock()
	defer ca.mu.Unlock()
	ca.number++
	if err != nil || ca.number%2 == 0 {
		return ca.o.RetryAfter
	}
	return time.Now().Add(time.Duration(seconds) * time.Second).UTC().Format(http.TimeFormat)
}
