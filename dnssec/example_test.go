package dnssec_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/miekg/dns"
	"github.com/mythic-beasts/hostkit/dnssec"
)

// A zone, the next one, and what a secondary must be told.
func ExampleZone_Update() {
	zone, err := dnssec.ParseZone(strings.NewReader(`
@    3600 SOA ns.other.test. hostmaster 1 7200 3600 1209600 900
@    3600 NS  ns.other.test.
www  3600 A   192.0.2.1
`), "example.org", dnssec.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	next, err := zone.Update(func(tx *dnssec.Tx) error {
		rr, err := dns.NewRR(`_acme-challenge.www.example.org. 60 TXT "token"`)
		if err != nil {
			return err
		}
		return tx.Add(rr)
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	removed, added := dnssec.Diff(zone, next)
	fmt.Println(len(removed), added)
	// Output: 0 [_acme-challenge.www.example.org.	60	IN	TXT	"token"]
}

// A zone is signed, and later one record more.
func ExampleSigner_Sign() {
	zone, err := dnssec.ParseZone(strings.NewReader(`
@    3600 SOA ns.other.test. hostmaster 1 7200 3600 1209600 900
@    3600 NS  ns.other.test.
www  3600 A   192.0.2.1
`), "example.org", dnssec.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	key, err := dnssec.GenerateKey("example.org", dnssec.KeyOptions{SEP: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	keys := []dnssec.KeyUse{dnssec.CSK(key)}
	var signer dnssec.Signer
	signed, report, err := signer.Sign(context.Background(), zone, nil, keys, time.Now())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("serial", signed.Serial(), "signed", report.Signed, "reused", report.Reused)

	zone, err = zone.Update(func(tx *dnssec.Tx) error {
		rr, err := dns.NewRR("mail.example.org. 3600 A 192.0.2.2")
		if err != nil {
			return err
		}
		return tx.Add(rr)
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	signed, report, err = signer.Sign(context.Background(), zone, signed, keys, time.Now())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("serial", signed.Serial(), "signed", report.Signed, "reused", report.Reused)
	// Output:
	// serial 1 signed 6 reused 0
	// serial 2 signed 4 reused 4
}
