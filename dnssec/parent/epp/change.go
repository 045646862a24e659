package epp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/mythic-beasts/hostkit/dnssec/parent"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
)

// stored is what a registry has of a domain.
type stored struct {
	data
	maxSigLife int64
}

// records are the DS, those of keys by the digest that all take, SHA-256.
func (s stored) records(zone string) ([]rotate.DS, error) {
	var list []rotate.DS
	for _, d := range s.DS {
		list = append(list, d.ds())
	}
	for _, k := range s.Keys {
		ds := k.dnskey(zone).ToDS(dns.SHA256)
		if ds == nil {
			return nil, errors.New("the registry has a key that is none")
		}
		list = append(list, parent.FromRR(ds))
	}
	return list, nil
}

// change is what differs from what is wanted; nil is nothing.
func (c *Client) change(ctx context.Context, zone string, have stored, add, remove []rotate.DS) (*secDNS, error) {
	var out secDNS
	var err error
	if c.Form == KeyData {
		err = c.keyChange(ctx, &out, zone, have.Keys, add, remove)
	} else {
		err = c.dsChange(ctx, &out, zone, have.DS, add, remove)
	}
	if err != nil {
		return nil, err
	}
	if life := int64(c.MaxSigLife.Seconds()); life > 0 && life != have.maxSigLife {
		out.Chg = &chg{life}
	}
	if out.Rem == nil && out.Add == nil && out.Chg == nil {
		return nil, nil
	}
	if out.Rem != nil && out.Add == nil && c.RemoveAll && len(out.Rem.DS)+len(out.Rem.Keys) == len(have.DS)+len(have.Keys) {
		all := true
		out.Rem = &removal{All: &all}
	}
	out.Urgent = c.Urgent
	return &out, nil
}

func (c *Client) dsChange(ctx context.Context, out *secDNS, zone string, have []dsData, add, gone []rotate.DS) error {
	var keys []*dns.DNSKEY
	var err error
	var added []dsData
	for _, d := range add {
		if slices.ContainsFunc(have, func(h dsData) bool { return h.ds() == d }) {
			continue
		}
		element := dsData{Tag: d.Tag, Algorithm: d.Algorithm, DigestType: d.DigestType, Digest: strings.ToUpper(d.Digest)}
		if c.Form == DSDataWithKey {
			if keys == nil {
				if keys, err = c.keys(ctx, zone); err != nil {
					return err
				}
			}
			key, err := keyOf(d, zone, keys)
			if err != nil {
				return err
			}
			element.Key = &key
		}
		added = append(added, element)
	}
	var removed []dsData
	for _, h := range have {
		if slices.Contains(gone, h.ds()) && !slices.Contains(add, h.ds()) {
			removed = append(removed, h)
		}
	}
	if len(added) > 0 {
		out.Add = &data{DS: added}
	}
	if len(removed) > 0 {
		out.Rem = &removal{data: data{DS: removed}}
	}
	return nil
}

// keyChange is the same by keys: one that has a DS which is to stay, or to come,
// stays.
func (c *Client) keyChange(ctx context.Context, out *secDNS, zone string, have []keyData, add, gone []rotate.DS) error {
	var added, removed []keyData
	var keys []*dns.DNSKEY
	var err error
	for _, d := range add {
		if slices.ContainsFunc(slices.Concat(have, added), func(k keyData) bool { return k.has(d, zone) }) {
			continue
		}
		if keys == nil {
			if keys, err = c.keys(ctx, zone); err != nil {
				return err
			}
		}
		key, err := keyOf(d, zone, keys)
		if err != nil {
			return err
		}
		added = append(added, key)
	}
	for _, k := range have {
		has := func(d rotate.DS) bool { return k.has(d, zone) }
		if slices.ContainsFunc(gone, has) && !slices.ContainsFunc(add, has) {
			removed = append(removed, k)
		}
	}
	if len(added) > 0 {
		out.Add = &data{Keys: added}
	}
	if len(removed) > 0 {
		out.Rem = &removal{data: data{Keys: removed}}
	}
	return nil
}

// keys asks Keys.
func (c *Client) keys(ctx context.Context, zone string) ([]*dns.DNSKEY, error) {
	if c.Keys == nil {
		return nil, errors.New("the registry takes keys: set Client.Keys")
	}
	keys, err := c.Keys(ctx, zone)
	if err != nil {
		return nil, fmt.Errorf("keys of the zone: %w", err)
	}
	return keys, nil
}

// keyOf is the key that a DS is of.
func keyOf(d rotate.DS, zone string, keys []*dns.DNSKEY) (keyData, error) {
	for _, key := range keys {
		k := keyData{Flags: key.Flags, Protocol: key.Protocol, Algorithm: key.Algorithm, PublicKey: key.PublicKey}
		if k.has(d, zone) {
			return k, nil
		}
	}
	return keyData{}, fmt.Errorf("Client.Keys knows no key of the DS %s", d)
}

func (d dsData) ds() rotate.DS {
	digest := strings.ToLower(strings.Join(strings.Fields(d.Digest), ""))
	return rotate.DS{Tag: d.Tag, Algorithm: d.Algorithm, DigestType: d.DigestType, Digest: digest}
}

func (k keyData) dnskey(zone string) *dns.DNSKEY {
	return &dns.DNSKEY{
		Hdr:       dns.RR_Header{Name: dns.Fqdn(zone), Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET},
		Flags:     k.Flags,
		Protocol:  k.Protocol,
		Algorithm: k.Algorithm,
		PublicKey: strings.Join(strings.Fields(k.PublicKey), ""),
	}
}

func (k keyData) has(d rotate.DS, zone string) bool {
	ds := k.dnskey(zone).ToDS(d.DigestType)
	return ds != nil && parent.FromRR(ds) == d
}
