package acmetest

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"time"
)

// caChain is a root and the intermediate that it signed. The intermediates of
// all chains have one key, so that one certificate fits them all.
type caChain struct {
	root, intermediate *x509.Certificate
	key                *ecdsa.PrivateKey // of the intermediate
}

type caCert struct {
	id       string
	account  *caAccount
	leaf     *x509.Certificate
	revoked  bool
	reason   int
	replaced bool
}

func (ca *CA) newChains() []*caChain {
	ca.t.Helper()
	issuers := ca.o.Issuers
	if len(issuers) == 0 {
		issuers = []string{"acmetest root"}
	}
	key := ca.newKey()
	var chains []*caChain
	for i, name := range issuers {
		rootKey := ca.newKey()
		root := &x509.Certificate{
			SerialNumber: big.NewInt(int64(i + 1)), Subject: pkix.Name{CommonName: name},
			NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().AddDate(20, 0, 0),
			IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		}
		root = ca.sign(root, root, &rootKey.PublicKey, rootKey)
		intermediate := &x509.Certificate{
			SerialNumber: big.NewInt(int64(i + 1000)), Subject: pkix.Name{CommonName: "acmetest intermediate"},
			NotBefore: root.NotBefore, NotAfter: root.NotAfter,
			IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		}
		chains = append(chains, &caChain{root: root, intermediate: ca.sign(intermediate, root, &key.PublicKey, rootKey), key: key})
	}
	return chains
}

func (ca *CA) newKey() *ecdsa.PrivateKey {
	ca.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		ca.t.Fatalf("acmetest: make a key: %v", err)
	}
	return key
}

func (ca *CA) sign(cert, parent *x509.Certificate, pub *ecdsa.PublicKey, key *ecdsa.PrivateKey) *x509.Certificate {
	ca.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, pub, key)
	if err != nil {
		ca.t.Fatalf("acmetest: make a certificate: %v", err)
	}
	signed, err := x509.ParseCertificate(der)
	if err != nil {
		ca.t.Fatalf("acmetest: parse a certificate: %v", err)
	}
	return signed
}

// issue makes the certificate of an order.
func (ca *CA) issue(o *caOrder, der []byte) (*caCert, error) {
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, err
	}
	if err := csr.CheckSignature(); err != nil {
		return nil, err
	}
	if k, ok := o.account.key.(interface{ Equal(x crypto.PublicKey) bool }); ok && k.Equal(csr.PublicKey) {
		return nil, errors.New("the certificate's key is the account's")
	}
	names := slices.Sorted(slices.Values(csr.DNSNames))
	if !slices.Equal(names, slices.Sorted(slices.Values(o.names))) {
		return nil, fmt.Errorf("the request is for %q, the order for %q", names, o.names)
	}
	// Ten octets that begin with a one: DER puts a zero before them.
	serial := make([]byte, 10)
	if _, err := rand.Read(serial); err != nil {
		return nil, err
	}
	serial[0] |= 0x80
	start := time.Now().Add(-cmp.Or(ca.o.Backdate, time.Hour))
	issuer := ca.chains[0]
	der, err = x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial), DNSNames: names,
		NotBefore: start, NotAfter: start.Add(cmp.Or(ca.o.Lifetime, 90*24*time.Hour)),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, issuer.intermediate, csr.PublicKey, issuer.key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	ca.number++
	c := &caCert{id: caNumber(ca.number), account: o.account, leaf: leaf}
	ca.certs[c.id] = c
	if old := ca.certOf(o.replaces); old != nil {
		old.replaced = true
	}
	return c, nil
}

// certificate offers a chain, and links to the others.
func (ca *CA) certificate(m *caMessage, id string) (*caReply, *caProblem) {
	id, which, _ := strings.Cut(id, "/")
	c := ca.certs[id]
	if c == nil || c.account != m.account {
		return nil, caRefuse(404, "malformed", "no certificate %q", id)
	}
	reply := &caReply{status: 200}
	for i, chain := range ca.chains {
		name := caNumber(i)
		if i == 0 {
			name = ""
		}
		if name == which {
			reply.text = append(caPEM(c.leaf), caPEM(chain.intermediate)...)
			continue
		}
		reply.links = append(reply.links, fmt.Sprintf("<%s/%s/%s/%s>;rel=\"alternate\"", ca.base(), CACertificate, id, name))
	}
	return reply, nil
}

func caPEM(cert *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
}

// revoke takes the account's signature or that of the certificate's key.
func (ca *CA) revoke(m *caMessage) (*caReply, *caProblem) {
	var req struct {
		Certificate string
		Reason      int
	}
	if err := json.Unmarshal(m.payload, &req); err != nil {
		return nil, caRefuse(400, "malformed", "%v", err)
	}
	der, err := base64.RawURLEncoding.DecodeString(req.Certificate)
	if err != nil {
		return nil, caRefuse(400, "malformed", "%v", err)
	}
	for _, c := range ca.certs {
		if string(c.leaf.Raw) != string(der) {
			continue
		}
		if m.account != c.account {
			own, ok := m.key.(*ecdsa.PublicKey)
			if m.account != nil || !ok || !own.Equal(c.leaf.PublicKey) {
				return nil, caRefuse(403, "unauthorized", "another's certificate")
			}
		}
		if c.revoked {
			return nil, caRefuse(400, "alreadyRevoked", "it is revoked")
		}
		c.revoked, c.reason = true, req.Reason
		return &caReply{status: 200}, nil
	}
	return nil, caRefuse(404, "malformed", "no such certificate")
}

// caCertID is the name of RFC 9773 section 4.1.
func caCertID(cert *x509.Certificate) string {
	serial := cert.SerialNumber.Bytes()
	if len(serial) > 0 && serial[0]&0x80 != 0 {
		serial = append([]byte{0}, serial...)
	}
	return base64.RawURLEncoding.EncodeToString(cert.AuthorityKeyId) + "." + base64.RawURLEncoding.EncodeToString(serial)
}

func (ca *CA) certOf(id string) *caCert {
	for _, c := range ca.certs {
		if caCertID(c.leaf) == id {
			return c
		}
	}
	return nil
}

func (ca *CA) checkReplaces(id string, account *caAccount) *caProblem {
	if id == "" {
		return nil
	}
	switch c := ca.certOf(id); {
	case c == nil || c.account != account:
		return caRefuse(404, "malformed", "no certificate %q to replace", id)
	case c.replaced:
		return caRefuse(409, "alreadyReplaced", "%q is replaced", id)
	}
	return nil
}

// serveRenewalInfo suggests two days around two thirds of the life, or now for
// what is revoked. Nobody signs.
func (ca *CA) serveRenewalInfo(w http.ResponseWriter, id string) {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	if text := ca.ari[id]; text != "" {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(text))
		return
	}
	c := ca.certOf(id)
	if c == nil {
		WriteProblem(w, 404, "malformed", "no certificate of the name")
		return
	}
	life := c.leaf.NotAfter.Sub(c.leaf.NotBefore)
	middle, spread := c.leaf.NotBefore.Add(life*2/3), min(24*time.Hour, life/20)
	if c.revoked {
		middle, spread = time.Now().Add(-30*time.Minute), 30*time.Minute
	}
	w.Header().Set("Retry-After", "21600")
	_, _ = w.Write([]byte(RenewalWindow(middle.Add(-spread), middle.Add(spread))))
}

// RenewalWindow is the text of an answer with the window, for
// [CA.SetRenewalInfo].
func RenewalWindow(start, end time.Time) string {
	window := map[string]string{"start": start.UTC().Format(time.RFC3339), "end": end.UTC().Format(time.RFC3339)}
	text, err := json.Marshal(map[string]any{"suggestedWindow": window, "explanationURL": "https://ca.invalid/why"})
	if err != nil {
		return ""
	}
	return string(text)
}
