package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mythic-beasts/hostkit/dnssec"
	"github.com/mythic-beasts/hostkit/dnssec/manager"
	"github.com/mythic-beasts/hostkit/dnssec/rotate"
	"github.com/mythic-beasts/hostkit/examples/internal/daemon"
)

// policyConfig is [policy.NAME].
type policyConfig struct {
	Scheme      string          `toml:"scheme"`
	Algorithm   string          `toml:"algorithm"`
	KSKMethod   string          `toml:"ksk_method"`
	KSKLifetime daemon.Duration `toml:"ksk_lifetime"`
	ZSKLifetime daemon.Duration `toml:"zsk_lifetime"`
	StandbyKSK  int             `toml:"standby_ksk"`
	Manual      bool            `toml:"manual"`
	Digests     []string        `toml:"digests"`

	Denial            string          `toml:"denial"`
	Serial            string          `toml:"serial"`
	ZONEMD            []string        `toml:"zonemd"`
	SignatureLifetime daemon.Duration `toml:"signature_lifetime"`
	SignatureRefresh  daemon.Duration `toml:"signature_refresh"`
	SignatureSkew     daemon.Duration `toml:"signature_skew"`
	SignatureJitter   daemon.Duration `toml:"signature_jitter"`

	DNSKEYTTL         daemon.Duration `toml:"dnskey_ttl"`
	NegativeTTL       daemon.Duration `toml:"negative_ttl"`
	MaxZoneTTL        daemon.Duration `toml:"max_zone_ttl"`
	DSTTL             daemon.Duration `toml:"ds_ttl"`
	ZonePropagation   daemon.Duration `toml:"zone_propagation"`
	ParentPropagation daemon.Duration `toml:"parent_propagation"`
	PublishSafety     daemon.Duration `toml:"publish_safety"`
	RetireSafety      daemon.Duration `toml:"retire_safety"`
}

// choice is a value by its word.
func choice[T any](key, word string, words map[string]T) (T, error) {
	v, ok := words[word]
	if !ok {
		known := slices.DeleteFunc(slices.Sorted(maps.Keys(words)), func(w string) bool { return w == "" })
		return v, daemon.Field(key, fmt.Errorf("%q is not one of %s", word, strings.Join(known, ", ")))
	}
	return v, nil
}

var (
	schemes    = map[string]rotate.Scheme{"": rotate.SingleKey, "csk": rotate.SingleKey, "ksk-zsk": rotate.KSKZSK}
	kskMethods = map[string]rotate.KSKMethod{"": rotate.DoubleKSK, "double-ksk": rotate.DoubleKSK, "double-ds": rotate.DoubleDS}
	algorithms = map[string]dnssec.Algorithm{
		"":                              dnssec.ECDSAP256SHA256,
		dnssec.RSASHA256.String():       dnssec.RSASHA256,
		dnssec.ECDSAP256SHA256.String(): dnssec.ECDSAP256SHA256,
		dnssec.ECDSAP384SHA384.String(): dnssec.ECDSAP384SHA384,
		dnssec.Ed25519.String():         dnssec.Ed25519,
	}
	digests = map[string]dnssec.Digest{"sha-256": dnssec.SHA256, "sha-384": dnssec.SHA384}
	denials = map[string]dnssec.Denial{"": dnssec.NSEC, "nsec": dnssec.NSEC, "nsec3": dnssec.NSEC3, "nsec3-opt-out": dnssec.NSEC3OptOut}
	serials = map[string]dnssec.SerialPolicy{
		"": dnssec.SerialIncrement, "increment": dnssec.SerialIncrement, "keep": dnssec.SerialKeep,
		"unixtime": dnssec.SerialUnixTime, "date": dnssec.SerialDate,
	}
	zonemdHashes = map[string]dnssec.ZONEMDHash{"sha-384": dnssec.ZONEMDSHA384, "sha-512": dnssec.ZONEMDSHA512}
)

// policy is the manager's; key is where it is in the configuration.
func (p policyConfig) policy(key string) (manager.Policy, error) {
	var errs []error
	note := func(err error) { errs = append(errs, err) }
	scheme, err := choice(key+".scheme", p.Scheme, schemes)
	note(err)
	method, err := choice(key+".ksk_method", p.KSKMethod, kskMethods)
	note(err)
	algorithm, err := choice(key+".algorithm", strings.ToUpper(p.Algorithm), algorithms)
	note(err)
	denial, err := choice(key+".denial", p.Denial, denials)
	note(err)
	serial, err := choice(key+".serial", p.Serial, serials)
	note(err)
	ds, err := choices(key+".digests", p.Digests, digests)
	note(err)
	hashes, err := choices(key+".zonemd", p.ZONEMD, zonemdHashes)
	note(err)
	out := manager.Policy{
		Policy: rotate.Policy{
			Scheme: scheme, Algorithm: uint8(algorithm), KSKMethod: method, Manual: p.Manual, StandbyKSK: p.StandbyKSK,
			KSKLifetime: time.Duration(p.KSKLifetime), ZSKLifetime: time.Duration(p.ZSKLifetime),
			DNSKEYTTL: time.Duration(p.DNSKEYTTL), DSTTL: time.Duration(p.DSTTL),
			NegativeTTL: time.Duration(p.NegativeTTL), MaxZoneTTL: time.Duration(p.MaxZoneTTL),
			ZonePropagation: time.Duration(p.ZonePropagation), ParentPropagation: time.Duration(p.ParentPropagation),
			PublishSafety: time.Duration(p.PublishSafety), RetireSafety: time.Duration(p.RetireSafety),
		},
		Denial: denial,
		Validity: dnssec.Validity{
			Lifetime: time.Duration(p.SignatureLifetime), Refresh: time.Duration(p.SignatureRefresh),
			Skew: time.Duration(p.SignatureSkew), Jitter: time.Duration(p.SignatureJitter),
		},
		Serial: serial, Digests: ds, ZONEMD: hashes,
	}
	if err := errors.Join(errs...); err != nil {
		return out, err
	}
	return out, daemon.Field(key, out.Check())
}

func (p policyConfig) check(key string) error {
	_, err := p.policy(key)
	return err
}

func choices[T any](key string, list []string, words map[string]T) ([]T, error) {
	var out []T
	for i, word := range list {
		v, err := choice(fmt.Sprintf("%s[%d]", key, i), strings.ToLower(word), words)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}
