//go:build !unix

package poe_test

func child() int { return 2 }
