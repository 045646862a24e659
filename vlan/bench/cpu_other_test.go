//go:build !unix

package bench_test

import "testing"

func processor(b *testing.B, round func()) {
	for b.Loop() {
		round()
	}
}
