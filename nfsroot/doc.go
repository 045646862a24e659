// Package nfsroot makes minimal Debian roots for diskless machines.
package nfsroot
