package auth

import (
	"hash/maphash"
	"strings"
	"sync"
	"time"

	"naisen/sip/stack"
)

// onlyMD5 are the User-Agent prefixes, in lower case, of clients that fail when any challenge is not MD5; see the table in doc.go.
// The empty User-Agent stands for small tools (sipp among them) of which the same is true more often than not.
var onlyMD5 = []string{"baresip v0.", "baresip v1.", "sipp", "jssip", "sip.js"}

func knowsOnlyMD5(userAgent string) bool {
	if userAgent == "" {
		return true
	}
	for _, prefix := range onlyMD5 {
		if len(userAgent) >= len(prefix) && strings.EqualFold(userAgent[:len(prefix)], prefix) {
			return true
		}
	}
	return false
}

const (
	maxDevices = 8192            // LRU
	answerTime = 2 * time.Second // a challenge younger than that may still be answered: requests can be pipelined
)

// offers remembers by device whether it answers a double challenge. A device is a source address, a From and a User-Agent: one
// office behind one NAT has many phones of one model, and a false "unanswered" would take SHA-256 from all of them.
type offers struct {
	seed    maphash.Seed
	mu      sync.Mutex
	devices lru[uint64, device]
}

type device struct {
	open    bool   // the last challenge has seen no credentials yet
	asked   uint64 // Call-ID and CSeq of the request that it went to
	at      int64  // when, Unix milliseconds
	strong  bool   // has answered with SHA-256
	md5Only bool   // left a double challenge unanswered
}

func newOffers() *offers {
	return &offers{seed: maphash.MakeSeed(), devices: newLRU[uint64, device](maxDevices)}
}

func (o *offers) key(req *stack.Request, p Peer) uint64 {
	a := sourceKey(p.Remote.Addr()).As16()
	return mix(o.seed, string(a[:]), req.From().URI.AOR().String(), p.UserAgent)
}

// mix hashes the parts unambiguously.
func mix(seed maphash.Seed, parts ...string) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, p := range parts {
		n := len(p)
		_, _ = h.Write([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
		_, _ = h.WriteString(p)
	}
	return h.Sum64()
}

// unanswered is called for a request without credentials. It turns to the other offer if the last one led to nothing.
func (o *offers) unanswered(key uint64, req *stack.Request, now time.Time) (md5Only bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	d := o.devices.put(key)
	asked := mix(o.seed, req.CallID(), req.Get("CSeq"))
	if d.open && asked != d.asked {
		if now.UnixMilli()-d.at < answerTime.Milliseconds() {
			return d.md5Only
		}
		if !d.strong {
			d.md5Only = !d.md5Only
		}
	}
	if !d.open || asked != d.asked {
		d.open, d.asked, d.at = true, asked, now.UnixMilli()
	}
	return d.md5Only
}

// answered is called for a request with credentials, right or wrong.
func (o *offers) answered(key uint64, alg Algorithm) (md5Only bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	d := o.devices.put(key)
	d.open = false
	if alg == SHA256 {
		d.strong, d.md5Only = true, false
	}
	return d.md5Only
}
