package backend

import (
	"encoding/binary"
	"hash/maphash"
	"net/netip"
	"time"
)

// flood limits how many uncached names a client may have looked up: a bucket of
// tokens for each client, in a table whose size does not depend on how many clients
// there are. Two clients may share a bucket; the seed is random, so that nobody can
// arrange for that.
type flood struct {
	seed    maphash.Seed
	buckets []bucket
}

type bucket struct {
	left float32
	at   uint32 // seconds since the first use
}

// floodBuckets is how many clients are told apart: 256 KiB in all.
const floodBuckets = 1 << 15

// take reports whether client may ask for another name, and counts it. rate is per
// second.
func (f *flood) take(client netip.Addr, since time.Duration, rate, burst float64) bool {
	if f.buckets == nil {
		f.seed = maphash.MakeSeed()
		f.buckets = make([]bucket, floodBuckets)
		for i := range f.buckets {
			f.buckets[i].left = float32(burst)
		}
	}
	b := &f.buckets[f.hash(client)%floodBuckets]
	now := uint32(since / time.Second)
	b.left = min(float32(burst), b.left+float32(now-b.at)*float32(rate))
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

// hash counts an IPv6 client by its /56, which is what one customer of an access
// provider has.
func (f *flood) hash(client netip.Addr) uint64 {
	client = client.Unmap()
	b := client.As16()
	if client.Is6() {
		clear(b[7:])
	}
	return maphash.Comparable(f.seed, [2]uint64{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])})
}
