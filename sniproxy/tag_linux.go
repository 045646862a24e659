package sniproxy

import "golang.org/x/sys/unix"

// What an event is about is in its 64 bits of data: the connection's place, which of
// its sockets, and a generation, by which an event of a descriptor that was closed
// and opened anew within one batch is known as stale.
const (
	roleBits   = 4
	roleMask   = 1<<roleBits - 1
	genMask    = 1<<(32-roleBits) - 1
	roleClient = 0
	roleTry    = 1 // and up: the attempt's number is added
)

// Places below zero are the shard's own.
const (
	slotWake   = -1
	slotTimer  = -2
	slotListen = -3 // and down: the listener's number is subtracted
)

const (
	evIn     = unix.EPOLLIN
	evOut    = unix.EPOLLOUT
	evHup    = unix.EPOLLRDHUP | unix.EPOLLHUP
	evErr    = unix.EPOLLERR
	evSocket = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET&0xffffffff
)

func socketEvent(id connID, role uint8) unix.EpollEvent {
	return unix.EpollEvent{Events: evSocket, Fd: id.slot, Pad: int32(id.gen<<roleBits | uint32(role))}
}

func ownEvent(slot int32, events uint32) unix.EpollEvent {
	return unix.EpollEvent{Events: events, Fd: slot}
}

func eventOf(ev *unix.EpollEvent) (id connID, role uint8) {
	tag := uint32(ev.Pad)
	return connID{ev.Fd, tag >> roleBits}, uint8(tag & roleMask)
}
