// Package serialcontest has what tests of serial consoles need.
//
//   - [UART] is a serial adapter in memory: errors, BREAKs, modem lines, flow
//     control, unplugging. It works in a testing/synctest bubble.
//   - [PTY] is a pseudo-terminal (Linux).
//   - [Host] is a machine that talks all the time, and a [Verifier] finds what
//     of that is missing, repeated or damaged.
//   - [Log] is a serialcon.Log in memory, whose disk fills up or hangs.
//   - [TestPort] is the conformance suite that every driver's ports pass, and
//     [UseDescriptors] makes the descriptors large under which it passes too.
package serialcontest
