// Package vt is the terminal behind a serial console: it keeps what is on the
// screen and what has scrolled off it, and makes what a guest sends safe to show
// to other people.
//
//	s := vt.New(80, 24, 1000)
//	s.Write(burst)     // what the port said
//	s.Replay(viewer)   // who attaches now sees the screen as it is
//	s.Text()           // what was on it when the machine died
package vt
