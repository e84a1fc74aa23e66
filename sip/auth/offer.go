package auth

import (
	"hash/maphash"
	"strings"
	"sync"
	"time"

	"naisen/sip/stack"
)

// onlyMD5 are the User-Agent prefixes, in lower case, of clients that fail when any challenge is not MD5; see the table in doc.go.
var onlyMD5 = []string{"baresip v0.", "baresip v1.", "sipp", "jssip", "sip.js"}

func knowsOnlyMD5(userAgent string) bool {
	for _, prefix := range onlyMD5 {
		if len(userAgent) >= len(prefix) && strings.EqualFold(userAgent[:len(prefix)], prefix) {
			return true
		}
	}
	return false
}

// md5First guesses of whom the table cannot know: those without a User-Agent are small tools (sipp among them), which fail at a double
// challenge more often than not. It is a guess, which what they do with it turns.
func md5First(userAgent string) bool { return userAgent == "" }

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
	open   bool   // the last challenge has seen no credentials yet
	asked  uint64 // Call-ID and CSeq of the request that it went to
	at     int64  // when, Unix milliseconds
	strong bool   // has answered with SHA-256
	turned bool   // what it was offered first led to nothing: the other offer is made
}

// md5Only is the offer for a device that is offered MD5 alone, or not, at first.
func (d *device) md5Only(first bool) bool { return first != d.turned }

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
func (o *offers) unanswered(key uint64, first bool, req *stack.Request, now time.Time) (md5Only bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	d := o.devices.put(key)
	asked := mix(o.seed, req.CallID(), req.Get("CSeq"))
	if d.open && asked != d.asked {
		if now.UnixMilli()-d.at < answerTime.Milliseconds() {
			return d.md5Only(first)
		}
		if !d.strong {
			d.turned = !d.turned
		}
	}
	if !d.open || asked != d.asked {
		d.open, d.asked, d.at = true, asked, now.UnixMilli()
	}
	return d.md5Only(first)
}

// answered is called for a request with credentials. In vain: they are wrong, or were not looked at, and what an MD5 alone was answered
// with may have been right by an algorithm that the account has (one of SHA-256 only): the offer turns to both. Whether there is such an
// account makes no difference.
func (o *offers) answered(key uint64, first bool, alg Algorithm, vain bool) (md5Only bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	d := o.devices.put(key)
	d.open = false
	if alg == SHA256 {
		d.strong = true
	}
	if d.strong || vain {
		d.turned = first // both
	}
	return d.md5Only(first)
}
