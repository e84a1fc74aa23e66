package main

import (
	"hash/maphash"
	"strconv"
	"sync/atomic"
	"time"

	"naisen/cmd/pbx/internal/limit"
	"naisen/sip/number"
	"naisen/sip/stack"
)

// overload sheds what would make something new while messages wait too long for their shard. What belongs to a call or a subscription that
// stands never comes here, and calls for help are never shed.
type overload struct {
	shedder *limit.Shedder
	delay   func() time.Duration // the queueing delay now
	seed    maphash.Seed
	away    *limit.Recent // calls that were sent away: their repetitions are too

	calls, registrations, others atomic.Uint64 // shed
}

func newOverload(delay func() time.Duration, clock func() time.Time) *overload {
	return &overload{shedder: limit.NewShedder(clock), delay: delay, seed: maphash.MakeSeed(), away: limit.NewRecent(txLife, awayMost, clock)}
}

const (
	txLife   = 32 * time.Second // 64*T1: no INVITE is repeated for longer (RFC 3261 section 17.1.1.2)
	awayMost = 50_000           // a minute of 800 calls/s that were sent away
)

// asks tells whether a request is to be served. The repetition of an INVITE gets what the INVITE got: nothing is kept of one that was sent
// away, and when the answer crosses the repetition the phone of the called would ring for a caller who has given up.
func (o *overload) asks(p limit.Priority, req *stack.Request) (retry time.Duration, ok bool) {
	if req.Method != "INVITE" {
		return o.shedder.Ask(p, o.delay())
	}
	key := maphash.String(o.seed, req.Get("Via")+"\n"+req.CallID()+"\n"+req.Get("CSeq"))
	if o.away.Has(key) {
		return limit.Spread(5, 10), false
	}
	if retry, ok = o.shedder.Ask(p, o.delay()); !ok {
		o.away.Add(key)
	}
	return retry, ok
}

// urgent: somebody dials for help. Who it is is proven later; asking costs a stranger's flood of such calls no more than a challenge.
func urgent(req *stack.Request) bool {
	if req.Method != "INVITE" {
		return false
	}
	_, ok := number.Japan.Urgent(dialled(req.URI))
	return ok
}

// sheds answers a new request with 503 and a time to come back, or lets it pass. Nothing is kept of one that is shed (RFC 3261 section 21.5.4:
// Retry-After).
func (s *signalling) sheds(tx *stack.ServerTx) bool {
	o, req := s.overload, tx.Request()
	if o == nil || req.Method == "ACK" || req.Method == "OPTIONS" || urgent(req) {
		return false
	}
	p := limit.New
	if req.Has("Authorization") || req.Has("Proxy-Authorization") || req.Has("Replaces") || o.shedder.Shedding() && s.registered(req) {
		p = limit.Standing
	}
	retry, ok := o.asks(p, req)
	if ok {
		return false
	}
	switch req.Method {
	case "INVITE":
		o.calls.Add(1)
	case "REGISTER":
		o.registrations.Add(1)
	default:
		o.others.Add(1)
	}
	r := stack.NewResponse(req, 503, "")
	r.Add("Retry-After", strconv.Itoa(int(retry/time.Second)))
	if err := tx.Challenge(r); err != nil {
		s.log.Debug("signalling: response not sent", "status", 503, "err", err)
	}
	return true
}

// registered: the request refreshes what is there already.
func (s *signalling) registered(req *stack.Request) bool {
	if req.Method != "REGISTER" {
		return false
	}
	aor := req.To().URI
	domain, ok := s.domainOf(aor.Host)
	return ok && len(s.registrar.Lookup(aor.User+"@"+domain)) > 0
}
