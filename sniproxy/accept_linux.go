package sniproxy

import (
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// An acceptor is a listening socket as one shard sees it.
type acceptor struct {
	fd      int32
	proto   Proto
	addr    net.Addr
	local   netip.AddrPort // of all its connections; invalid if that depends
	shared  bool           // with other shards
	noDelay bool           // connections have to be told, as they do not inherit it
	place   int
	pause   timer
}

// acceptMany is how many connections are accepted before others have their turn.
const acceptMany = 16

func (s *shard) listen(a *acceptor) unix.Errno {
	for i, l := range s.listeners {
		if l == nil {
			a.place = i
			s.listeners[i] = a
			return s.watch(a)
		}
	}
	a.place = len(s.listeners)
	s.listeners = append(s.listeners, a)
	return s.watch(a)
}

// watch is level-triggered: what one turn leaves comes up in the next.
func (s *shard) watch(a *acceptor) unix.Errno {
	events := uint32(evIn)
	if a.shared {
		events |= unix.EPOLLEXCLUSIVE
	}
	return sysEpollAdd(s.ep, a.fd, ownEvent(slotListen-int32(a.place), events))
}

// unlisten leaves the socket, which others may share, before it is closed.
func (s *shard) unlisten(a *acceptor) {
	s.wheel.stop(&a.pause)
	sysEpollDel(s.ep, a.fd)
	s.listeners[a.place] = nil
}

func (s *shard) accept(place int) {
	if place >= len(s.listeners) || s.listeners[place] == nil {
		return
	}
	a := s.listeners[place]
	for range acceptMany {
		fd, peer, e := sysAccept(a.fd)
		switch e {
		case 0:
			s.accepted(a, fd, peer)
		case unix.EAGAIN:
			return
		case unix.ECONNABORTED, unix.EINTR:
		case unix.EMFILE:
			s.run.noAccept(a.addr, e)
			if !s.turnAway(a) {
				s.rest(a)
				return
			}
		default:
			s.run.noAccept(a.addr, e)
			s.rest(a)
			return
		}
	}
}

// turnAway uses the spare descriptor to accept a connection and close it: a client
// that is told no at once can try another proxy.
func (s *shard) turnAway(a *acceptor) bool {
	if s.spare < 0 {
		s.takeSpare()
		return s.spare >= 0
	}
	sysClose(s.spare)
	s.spare = -1
	fd, _, e := sysAccept(a.fd)
	if e == 0 {
		sysClose(fd)
	}
	s.takeSpare()
	return e == 0 && s.spare >= 0
}

func (s *shard) takeSpare() {
	if fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC); err == nil {
		s.spare = int32(fd)
	}
}

// restTime is how long nothing is accepted when nothing can be.
const restTime = 100 * time.Millisecond

// rest stops accepting for a while instead of trying in vain all the time.
func (s *shard) rest(a *acceptor) {
	sysEpollDel(s.ep, a.fd)
	a.pause.acceptor = a
	s.wheel.set(&a.pause, s.elapsed+restTime)
}

// resume ends a rest.
func (s *shard) resume(a *acceptor) {
	if s.spare < 0 {
		s.takeSpare()
	}
	if e := s.watch(a); e != 0 {
		s.wheel.set(&a.pause, s.elapsed+restTime)
	}
}

// accepted begins a connection: what the client has sent already is read at once.
func (s *shard) accepted(a *acceptor, fd int32, peer netip.AddrPort) {
	local := a.local
	if !local.IsValid() {
		local = sysLocal(fd)
	}
	if a.noDelay {
		_ = sysSetInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	c := take(&s.unused.conns)
	*c = conn{}
	c.ends[client].fd, c.ends[server].fd = fd, -1
	c.timer.owner = c
	s.conns.add(c)
	if refused := c.begin(s.run, a.proto, peer, local, s.now); refused != nil {
		c.refused(refused)
		s.reset(c)
		return
	}
	s.after(c, s.run.timeouts.Hello)
	if a.proto == HTTP {
		s.startWeb(c)
	} else {
		c.open = take(&s.unused.awaiting)
		s.readHello(c)
	}
	if c.state != inNothing && !c.added {
		s.add(c, client)
	}
}
