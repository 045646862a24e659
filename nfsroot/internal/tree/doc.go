// Package tree reads, writes and walks a root filesystem that somebody else may
// write, as the root of a Pi.
//
// All goes through an [os.Root], so no link leads outside. What is opened is
// looked at first: a FIFO, a device or a socket in the place of a file is never
// opened, so nothing blocks and no device is touched. Files are read up to a
// bound, and written by a rename, which replaces a planted link instead of
// following it.
package tree
