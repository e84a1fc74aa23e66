package stack

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"strings"
)

// What a keyed mark is for; it is the first letter of the tag, so that one kind can never be taken for another.
const (
	markTag       = "t" // To tag of a transaction
	markStateless = "s" // To tag of an answer of which nothing is kept
	markBranch    = "b"
)

// mark is a keyed, deterministic token: 64 bits that nobody can make without the stack's secret.
func (s *Stack) mark(kind string, parts ...string) string {
	var room [512]byte
	text := append(room[:0], kind...)
	for _, p := range parts {
		text = append(append(text, 0), p...)
	}
	var sum [32]byte
	var out [1 + 16]byte
	return string(hex.AppendEncode(append(out[:0], kind...), s.marks.Append(sum[:0], text)[:8]))
}

// requestMark is the same for an INVITE, its retransmissions, its CANCEL and the ACK of its non-2xx final (RFC 3261 section 17.1.1.3).
func (s *Stack) requestMark(kind string, r *Request, v Via) string {
	return s.mark(kind, r.transaction(v), r.sentBy(v), r.CallID(), r.From().Tag())
}

// statelessAck recognises the ACK of a refusal of which nothing was kept.
func (s *Stack) statelessAck(r *Request, v Via) bool {
	t := r.To().Tag()
	return strings.HasPrefix(t, markStateless) && subtle.ConstantTimeCompare([]byte(t), []byte(s.requestMark(markStateless, r, v))) == 1
}

// newBranch is random, and recognisable as ours without a table: a response with any other is not for us.
func (s *Stack) newBranch() string {
	var b [10]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	r := hex.EncodeToString(b[:])
	return magicCookie + r + s.mark(markBranch, r)
}

func (s *Stack) ourBranch(branch string) bool {
	if len(branch) != len(magicCookie)+20+17 || !strings.HasPrefix(branch, magicCookie) {
		return false
	}
	r := branch[len(magicCookie):]
	return subtle.ConstantTimeCompare([]byte(r[20:]), []byte(s.mark(markBranch, r[:20]))) == 1
}

// NewTag is a random From or To tag, and NewCallID a random Call-ID (RFC 3261 sections 19.3 and 8.1.1.4).
func NewTag() string { return randomHex(8) }

// NewCallID is a random Call-ID without a host part: it tells nothing about us.
func NewCallID() string { return randomHex(16) }

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}
