//go:build !linux

package serialcon

func hurries(Pollable) bool { return false }
