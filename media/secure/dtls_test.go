package secure

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// bad is what a link does to a datagram: nothing when nil.
type bad func([]byte) [][]byte

// link joins two wires in memory; change is done to what a sends.
func link(change bad) (a, b *Wire) {
	at := &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 9}
	a = NewWire(func(p []byte) {
		all := [][]byte{p}
		if change != nil {
			all = change(p)
		}
		for _, p := range all {
			b.Deliver(p)
		}
	}, at)
	b = NewWire(func(p []byte) { a.Deliver(p) }, at)
	return a, b
}

func certificate(t testing.TB) *Certificate {
	t.Helper()
	c, err := NewCertificate()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// shake runs both sides; each expects the fingerprint given.
func shake(t *testing.T, client, server *Certificate, ofServer, ofClient Fingerprint, change bad, patience time.Duration) (c, s *Association, cerr, serr error) {
	t.Helper()
	a, b := link(change)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s, serr = server.Handshake(ctx, b, b.LocalAddr(), false, ofClient)
	}()
	c, cerr = client.Handshake(ctx, a, a.LocalAddr(), true, ofServer)
	<-done
	t.Cleanup(func() { _, _ = a.Close(), b.Close() })
	for _, x := range []*Association{c, s} {
		if x != nil {
			t.Cleanup(x.Close)
		}
	}
	return c, s, cerr, serr
}

// What one side protects with the exported keys the other opens, and the keys are those of a good suite.
func TestHandshake(t *testing.T) {
	client, server := certificate(t), certificate(t)
	c, s, cerr, serr := shake(t, client, server, server.Fingerprint(), client.Fingerprint(), nil, 20*time.Second)
	if cerr != nil || serr != nil {
		t.Fatal(cerr, serr)
	}
	if !c.Local.Equal(s.Remote) || !c.Remote.Equal(s.Local) || c.Local.Equal(c.Remote) || c.Local.Suite() != GCM128 {
		t.Errorf("keys do not face each other, suite %s", c.Local.Suite())
	}
	out, err1 := NewContext(c.Local)
	in, err2 := NewContext(s.Remote)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	pkt := append([]byte{0x80, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 7}, "voice"...)
	sealed, err := out.ProtectRTP(nil, pkt)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := in.UnprotectRTP(nil, sealed); err != nil || string(plain) != string(pkt) {
		t.Errorf("%q %v", plain, err)
	}
}

// F3: a certificate that is not the one announced ends the handshake on the side that sees it.
func TestHandshakeWithAnotherCertificate(t *testing.T) {
	client, server, other := certificate(t), certificate(t), certificate(t)
	_, _, _, serr := shake(t, client, server, server.Fingerprint(), other.Fingerprint(), nil, 20*time.Second)
	if !errors.Is(serr, ErrFingerprint) {
		t.Errorf("the server took it: %v", serr)
	}
	_, _, cerr, _ := shake(t, client, server, other.Fingerprint(), client.Fingerprint(), nil, 20*time.Second)
	if !errors.Is(cerr, ErrFingerprint) {
		t.Errorf("the client took it: %v", cerr)
	}
}

// A link that loses, doubles and turns round makes it slower, not wrong.
func TestHandshakeOverABadLink(t *testing.T) {
	client, server := certificate(t), certificate(t)
	n := 0
	_, s, cerr, serr := shake(t, client, server, server.Fingerprint(), client.Fingerprint(), func(b []byte) [][]byte {
		n++
		switch {
		case n%3 == 0 && n < 9:
			return nil
		case n%2 == 0:
			return [][]byte{b, b}
		}
		return [][]byte{b}
	}, 60*time.Second)
	if cerr != nil || serr != nil || s.Local.IsZero() {
		t.Fatal(cerr, serr)
	}
}

// F2: a thousand first hellos cost the answers alone, which are smaller; pieces of an endless message end with the handshake's time.
func TestHandshakeFlood(t *testing.T) {
	client, server := certificate(t), certificate(t)
	var hello []byte
	a, _ := link(func(p []byte) [][]byte {
		if hello == nil {
			hello = append([]byte(nil), p...)
		}
		return nil
	})
	first, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
	_, _ = client.Handshake(first, a, a.LocalAddr(), true, server.Fingerprint())
	stop()
	if len(hello) < 50 {
		t.Fatal("no ClientHello was made")
	}
	var answered, largest atomic.Int64
	b := NewWire(func(p []byte) {
		answered.Add(1)
		largest.Store(max(largest.Load(), int64(len(p))))
	}, a.LocalAddr())
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { _, err := server.Handshake(ctx, b, b.LocalAddr(), false, client.Fingerprint()); ended <- err }()
	piece := append([]byte(nil), hello...)
	if len(piece) > 25 {
		piece[14], piece[15], piece[16] = 0xff, 0xff, 0xff // a handshake message of 16 MiB
	}
	for i := range 1000 {
		p := hello
		if i%2 == 1 {
			p = piece
		}
		for !b.Deliver(p) {
			select {
			case err := <-ended: // it gave up, which is as good
				t.Logf("after %d: %v", i, err)
				cancel()
				return
			case <-time.After(100 * time.Microsecond):
			}
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, ErrHandshake) {
		t.Errorf("%v", err)
	}
	if n := int(largest.Load()); answered.Load() == 0 || n > len(hello) {
		t.Errorf("%d answers of at most %d octets to hellos of %d without a cookie", answered.Load(), n, len(hello))
	}
}

func TestFingerprint(t *testing.T) {
	c := certificate(t)
	f, err := ParseFingerprint(c.Fingerprint().String())
	if err != nil || f != c.Fingerprint() || f.IsZero() {
		t.Fatal(err)
	}
	if low, err := ParseFingerprint(strings.ToLower(c.Fingerprint().String())); err != nil || low != f {
		t.Errorf("in lower case: %v", err)
	}
	text := c.Fingerprint().String()
	for attr, want := range map[string]error{
		"sha-1 AA:BB": ErrSuite, "": ErrSuite, "sha-256": ErrCrypto, "sha-256 AA": ErrCrypto, text + ":00": ErrCrypto, text[:len(text)-2] + "GG": ErrCrypto,
		strings.ReplaceAll(text, ":", "-"): ErrCrypto,
	} {
		if _, err := ParseFingerprint(attr); !errors.Is(err, want) {
			t.Errorf("%q: %v", attr, err)
		}
	}
	if s := fmt.Sprintf("%v %#v", c, c); strings.Contains(s, "PrivateKey") {
		t.Error("a certificate prints its key")
	}
}

func FuzzFingerprint(f *testing.F) {
	f.Add("sha-256 " + strings.Repeat("AB:", 31) + "CD")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParseFingerprint(s)
		if err != nil {
			return
		}
		if back, err := ParseFingerprint(p.String()); err != nil || back != p {
			t.Errorf("%q: %v", p, err)
		}
	})
}
