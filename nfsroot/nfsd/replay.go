package nfsd

import (
	"hash/maphash"
	"sync"
)

// A client that got no reply sends its call again, on a new connection too. If
// the call was made, making it again may fail or do harm: REMOVE would find
// nothing. So the last replies to such calls are kept for each client.
const keptReplies = 512

// call is told again by who sent it, its xid, and what it asks.
type callKey struct {
	xid, procedure uint32
	sum            uint64
}

type keptReply struct {
	done chan struct{} // closed once reply is there
	body []byte        // what follows the RPC header
}

// replays are the kept replies of one client.
type replays struct {
	mu   sync.Mutex // guards what follows
	m    map[callKey]*keptReply
	ring []callKey // in order of arrival
	next int
}

var replaySeed = maphash.MakeSeed()

func keyOf(h header, args []byte) callKey {
	return callKey{xid: h.xid, procedure: h.procedure, sum: maphash.Bytes(replaySeed, args)}
}

// begin is the reply to a call that came before, or a new one that the caller
// is to end.
func (r *replays) begin(k callKey) (kept *keptReply, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if kept, known = r.m[k]; known {
		return kept, true
	}
	kept = &keptReply{done: make(chan struct{})}
	if r.m == nil {
		r.m = map[callKey]*keptReply{}
		r.ring = make([]callKey, 0, keptReplies)
	}
	if len(r.ring) < keptReplies {
		r.ring = append(r.ring, k)
	} else {
		delete(r.m, r.ring[r.next])
		r.ring[r.next] = k
		r.next = (r.next + 1) % keptReplies
	}
	r.m[k] = kept
	return kept, false
}

// end keeps a copy of the reply.
func (k *keptReply) end(body []byte) {
	k.body = append([]byte(nil), body...)
	close(k.done)
}
