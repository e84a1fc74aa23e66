package registrar

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"

	"naisen/sip"
)

// A temporary GRUU (RFC 5627 section 3.1.2) is sip:tgruu.TOKEN@domain;gr, where TOKEN is the user and instance sealed with AES-256-GCM
// under a random nonce: two of them cannot be linked, none can be made up, and we keep no table. It works as long as the device is
// registered under the Call-ID that got it (section 5.4), and at most gruuLife.
const (
	gruuPrefix  = "tgruu."
	gruuLife    = 24 * time.Hour
	gruuSkew    = time.Minute
	gruuHeader  = 4 + 4 + 8 // Unix seconds, hash of the Call-ID, hash of the instance
	gruuPadding = 16        // the user part is filled up to a multiple: its length says little about whose it is
	gruuUser    = 64        // a longer one gets no temporary GRUU
)

// GRUU names one device of one AOR.
type GRUU struct {
	User     string
	Instance string // +sip.instance without angle brackets
}

// gruus makes and opens them. Immutable.
type gruus struct{ aead cipher.AEAD }

// newGRUUs takes 32 bytes; any other length makes GRUUs that end with the process.
func newGRUUs(key []byte) gruus {
	if len(key) != 32 {
		key = make([]byte, 32)
		_, _ = rand.Read(key) // never fails (crypto/rand, Go 1.24)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return gruus{}
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return gruus{}
	}
	return gruus{aead}
}

// public is stable: the AOR and the instance (RFC 5627 section 4.2). False for what cannot stand in a URI's gr parameter.
func public(user, domain, instance string) (sip.URI, bool) {
	id := bare(instance)
	if user == "" || !strings.HasPrefix(strings.ToLower(id), "urn:") {
		return sip.URI{}, false
	}
	return sip.URI{Scheme: "sip", User: user, Host: domain, Params: sip.Params{{Name: "gr", Value: id}}}, true
}

func hash(s string, n int) []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:n]
}

func (g gruus) temporary(user, domain, instance, callID string, now time.Time) (sip.URI, bool) {
	if g.aead == nil || user == "" || len(user) > gruuUser || strings.ContainsRune(user, 0) {
		return sip.URI{}, false
	}
	size := g.aead.NonceSize()
	token := make([]byte, size, size+gruuHeader+gruuUser+g.aead.Overhead())
	_, _ = rand.Read(token)
	plain := binary.BigEndian.AppendUint32(nil, uint32(now.Unix()))
	plain = append(append(plain, hash(callID, 4)...), hash(strings.ToLower(bare(instance)), 8)...)
	plain = append(plain, user...)
	for (len(plain)-gruuHeader)%gruuPadding != 0 {
		plain = append(plain, 0)
	}
	token = g.aead.Seal(token, token[:size], plain, []byte(domain))
	return sip.URI{Scheme: "sip", User: gruuPrefix + base64.RawURLEncoding.EncodeToString(token), Host: domain,
		Params: sip.Params{{Name: "gr", Flag: true}}}, true
}

// sealed is what stands in a temporary GRUU.
type sealed struct {
	user     string
	call     []byte
	instance []byte
}

func (g gruus) open(user, domain string, now time.Time) (sealed, bool) {
	text, ok := strings.CutPrefix(user, gruuPrefix)
	if !ok || g.aead == nil || len(text) > 256 {
		return sealed{}, false
	}
	token, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if size := g.aead.NonceSize(); err == nil && len(token) > size {
		token, err = g.aead.Open(nil, token[:size], token[size:], []byte(domain))
	}
	if err != nil || len(token) <= gruuHeader {
		return sealed{}, false
	}
	age := now.Sub(time.Unix(int64(binary.BigEndian.Uint32(token)), 0))
	if age < -gruuSkew || age > gruuLife {
		return sealed{}, false
	}
	return sealed{user: string(bytes.TrimRight(token[gruuHeader:], "\x00")), call: token[4:8], instance: token[8:16]}, true
}

// IsGRUU tells a URI that looks like a GRUU, whoever made it (RFC 5627 section 3.1).
func IsGRUU(u sip.URI) bool { return u.Params.Has("gr") }

// GRUU gives what a GRUU of a domain of ours names. A public one is taken as it stands: whether that device is registered is seen when
// it is called. False for a temporary one that we did not make, that is too old, or whose device is not registered under the same
// Call-ID any more.
func (r *Registrar) GRUU(u sip.URI, domain string) (GRUU, bool) {
	gr, ok := u.Params.Get("gr")
	switch {
	case !ok || u.User == "":
		return GRUU{}, false
	case gr != "":
		return GRUU{u.User, gr}, len(gr) <= maxInstanceBytes
	}
	s, ok := r.gruus.open(u.User, domain, r.cfg.Clock())
	if !ok {
		return GRUU{}, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range r.aors[s.user+"@"+domain] {
		if bytes.Equal(hash(h.CallID, 4), s.call) && bytes.Equal(hash(strings.ToLower(bare(h.Instance)), 8), s.instance) {
			return GRUU{s.user, bare(h.Instance)}, true
		}
	}
	return GRUU{}, false
}

// params are the pub-gruu and temp-gruu of a binding in a 200 (RFC 5627 section 5.3), with their leading semicolons.
func (g gruus) params(h *held, now time.Time) string {
	user, _, _ := strings.Cut(h.AOR, "@")
	p, ok := public(user, h.domain.Value(), h.Instance)
	if !ok {
		return ""
	}
	out := ";pub-gruu=" + sip.Quote(p.String())
	if t, ok := g.temporary(user, h.domain.Value(), h.Instance, h.CallID, now); ok {
		out += ";temp-gruu=" + sip.Quote(t.String())
	}
	return out
}
