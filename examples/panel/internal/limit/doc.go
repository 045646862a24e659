// Package limit says who asks too often: a token bucket for each key, in bounded memory.
//
//	b := limit.Buckets{Burst: 5, Every: time.Minute}
//	if wait := b.Take("192.0.2.7"); wait > 0 {
//		// come back later
//	}
package limit
