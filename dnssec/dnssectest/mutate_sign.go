package dnssectest

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/dnssec"
)

// signingKey signs single RRsets, by other code than the signer under test.
type signingKey struct {
	record *dns.DNSKEY
	signer crypto.Signer
	keys   bool // it signs DNSKEY, CDS and CDNSKEY
	zone   bool // it signs all else
}

func newSigningKey(u dnssec.KeyUse) (signingKey, error) {
	k := signingKey{record: u.Key.DNSKEY(3600), keys: u.SignKeys, zone: u.SignZone}
	private, err := u.Key.MarshalPrivate()
	if err != nil {
		return k, err
	}
	// An RSA or ECDSA file is as the library reads it, for any DNSKEY.
	parsed, err := k.record.ReadPrivateKey(bytes.NewReader(private), "")
	if err != nil {
		return k, errors.New("dnssectest: the private key cannot be read back")
	}
	signer, ok := parsed.(crypto.Signer)
	if !ok {
		return k, fmt.Errorf("dnssectest: a private key of type %T does not sign", parsed)
	}
	k.signer = signer
	return k, nil
}

// sign makes a signature of records with the fields that sig has.
func (k signingKey) sign(sig *dns.RRSIG, rrs []dns.RR) error {
	sig.Signature = ""
	data, err := rdata(sig)
	if err != nil {
		return err
	}
	var sorted [][]byte
	for _, rr := range rrs {
		b, err := rdata(rr)
		if err != nil {
			return err
		}
		sorted = append(sorted, b)
	}
	slices.SortFunc(sorted, bytes.Compare)
	for _, b := range slices.CompactFunc(sorted, bytes.Equal) {
		owner := make([]byte, 256)
		n, err := dns.PackDomainName(rrs[0].Header().Name, owner, 0, nil, false)
		if err != nil {
			return err
		}
		data = append(data, owner[:n]...)
		data = append(data, byte(sig.TypeCovered>>8), byte(sig.TypeCovered), 0, 1,
			byte(sig.OrigTtl>>24), byte(sig.OrigTtl>>16), byte(sig.OrigTtl>>8), byte(sig.OrigTtl), byte(len(b)>>8), byte(len(b)))
		data = append(data, b...)
	}
	raw, err := k.raw(data)
	if err != nil {
		return err
	}
	sig.Signature = base64.StdEncoding.EncodeToString(raw)
	return nil
}

// raw signs octets, in the form that RRSIG records have.
func (k signingKey) raw(data []byte) ([]byte, error) {
	size := 0 // of a number of ECDSA
	digest, hash := data, crypto.Hash(0)
	switch k.record.Algorithm {
	case dns.RSASHA256, dns.ECDSAP256SHA256:
		sum := sha256.Sum256(data)
		digest, hash, size = sum[:], crypto.SHA256, 32
	case dns.ECDSAP384SHA384:
		sum := sha512.Sum384(data)
		digest, hash, size = sum[:], crypto.SHA384, 48
	}
	raw, err := k.signer.Sign(rand.Reader, digest, hash)
	if err != nil || size == 0 || k.record.Algorithm == dns.RSASHA256 {
		return raw, err
	}
	var numbers struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(raw, &numbers); err != nil {
		return nil, err
	}
	return append(numbers.R.FillBytes(make([]byte, size)), numbers.S.FillBytes(make([]byte, size))...), nil
}

// rdata is the data of a record on the wire.
func rdata(rr dns.RR) ([]byte, error) {
	buf := make([]byte, 1<<16+300)
	end, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		return nil, err
	}
	_, at, err := dns.UnpackDomainName(buf[:end], 0)
	if err != nil {
		return nil, err
	}
	return buf[at+10 : end], nil
}

// signedLabels is the label count of a signature.
func signedLabels(owner string) uint8 {
	n := dns.CountLabel(owner)
	if strings.HasPrefix(owner, "*.") {
		n--
	}
	return uint8(n)
}
