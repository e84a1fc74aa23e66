package main

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// stranger is somebody with a socket and no password, whose packets may bear another one's address.
type stranger struct {
	w     *world
	pc    net.PacketConn
	count int
	got   atomic.Int64 // packets
	bytes atomic.Int64
}

func newStranger(t *testing.T, w *world) *stranger {
	at := netip.MustParseAddrPort("192.0.2.77:5060")
	w.net.Host("stranger", at.Addr())
	pc, err := w.net.ListenPacket(at)
	if err != nil {
		t.Fatal(err)
	}
	s := &stranger{w: w, pc: pc}
	w.readers.Go(func() {
		for b := make([]byte, 65535); ; {
			n, _, err := pc.ReadFrom(b)
			if err != nil {
				return
			}
			s.got.Add(1)
			s.bytes.Add(int64(n))
		}
	})
	return s
}

// send sends a request made of what is given and the least that else belongs into it; it gives the size.
func (s *stranger) send(method, uri, more string) int {
	s.count++
	b := fmt.Appendf(nil, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.77:5060;branch=z9hG4bKs%d\r\nMax-Forwards: 70\r\n%sCall-ID: s%d\r\nCSeq: 1 %s\r\nContent-Length: 0\r\n\r\n",
		method, uri, s.count, more, s.count, method)
	_, _ = s.pc.WriteTo(b, net.UDPAddrFromAddrPort(s.w.proxy))
	return len(b)
}

const (
	strangerFrom = "From: <sip:2001@" + simDomain + ">;tag=a\r\n"
	strangerTo   = "To: <sip:2001@" + simDomain + ">\r\n"
	strangerUA   = "User-Agent: Yealink SIP-T46U 108.86.0.90\r\nContact: <sip:2001@192.0.2.77:5060>\r\n"
)

// An unauthenticated request gets one packet at most, of at most one and a half times its octets, whatever it asks for: nobody gains by
// writing a victim's address into it. A request of the size that phones send is answered.
func TestStrangersPacketsAreNotMultiplied(t *testing.T) {
	d := simDirectory(t)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, d, 0)
		w.net.Usual(w.weather())
		w.populate()
		s := newStranger(t, w)
		for _, method := range []string{"REGISTER", "INVITE", "SUBSCRIBE", "PUBLISH", "OPTIONS", "MESSAGE", "BYE", "CANCEL", "REFER", "INFO", "PRACK", "UPDATE", "NOTIFY", "X"} {
			for name, x := range map[string]struct {
				uri, more string
				answered  bool
			}{
				"as a phone":        {"sip:2002@" + simDomain, strangerFrom + strangerTo + strangerUA + "Event: presence\r\nExpires: 3600\r\nAllow: INVITE, ACK, BYE, CANCEL\r\n", true},
				"no such user":      {"sip:9@" + simDomain, strangerFrom + "To: <sip:9@" + simDomain + ">\r\n" + strangerUA + "Event: dialog\r\nExpires: 3600\r\nX-Filler: 0123456789012345\r\n", true},
				"short":             {"sip:2002@" + simDomain, strangerFrom + strangerTo, false},
				"another domain":    {"sip:1@elsewhere.example", "From: <sip:2@elsewhere.example>;tag=a\r\nTo: <sip:1@elsewhere.example>\r\n" + strangerUA, true},
				"foreign target":    {"sip:1@elsewhere.example", strangerFrom + strangerTo + strangerUA, true},
				"compact":           {"sip:1@a", "f:<sip:1@" + simDomain + ">;tag=a\r\nt:<sip:1@" + simDomain + ">\r\n", false},
				"in a dialog":       {"sip:2002@" + simDomain, strangerFrom + "To: <sip:2001@" + simDomain + ">;tag=b\r\n" + strangerUA, true},
				"unknown extension": {"sip:2002@" + simDomain, strangerFrom + strangerTo + strangerUA + "Require: nothing\r\n", true},
				"wrong credentials": {"sip:2002@" + simDomain, strangerFrom + strangerTo + strangerUA + `Authorization: Digest username="2001", realm="` + simDomain +
					`", nonce="x", uri="sip:2002@` + simDomain + `", response="0", algorithm=MD5, qop=auth, cnonce="a", nc=00000001` + "\r\n", true},
			} {
				packets, octets := s.got.Load(), s.bytes.Load()
				size := s.send(method, x.uri, x.more)
				<-time.After(40 * time.Second) // past every timer of a transaction
				packets, octets = s.got.Load()-packets, s.bytes.Load()-octets
				if packets > 1 || 2*int(octets) > 3*size || x.answered && packets == 0 {
					t.Errorf("%s, %s: %d octets in; %d packets, %d octets out", method, name, size, packets, octets)
				}
			}
		}
		_ = s.pc.Close()
		w.farewell()
		<-time.After(10 * time.Minute)
		w.close()
	})
}

// What an unauthenticated request leaves in memory: less than 2 KiB at its worst, and after five seconds no more than its marks in
// tables of a fixed size.
func TestStrangersLeaveLittle(t *testing.T) {
	const many, mark = 2000, 100
	d := simDirectory(t)
	for _, method := range []string{"REGISTER", "INVITE", "OPTIONS", "SUBSCRIBE", "BYE", "MESSAGE"} {
		t.Run(method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, d, 0)
				w.populate()
				s := newStranger(t, w)
				round := func() {
					for range many {
						s.send(method, "sip:2002@"+simDomain, strangerFrom+strangerTo+strangerUA+"X: "+strings.Repeat("x", 1000)+"\r\n")
						<-time.After(20 * time.Millisecond) // below the rate at which a source is silenced
					}
					<-time.After(20 * time.Millisecond)
					w.mu.Lock()
					w.net.Forget()
					clear(w.arrivals)
					clear(w.unacked)
					w.mu.Unlock()
				}
				round()
				before, answers := weigh(), s.got.Load()
				round()
				at := weigh()
				<-time.After(5 * time.Second)
				after := weigh()
				if got := s.got.Load() - answers; got < many*9/10 {
					t.Errorf("%d of %d were answered: this shows nothing", got, many)
				}
				if each := (at.heap - before.heap) / many; each > 2048 {
					t.Errorf("%d octets are held for each", each)
				}
				if each := (after.heap - before.heap) / many; each > mark || w.p.stack.Stats().Transactions > 4 {
					t.Errorf("%d octets are held for each after five seconds, %d transactions", each, w.p.stack.Stats().Transactions)
				}
				t.Logf("%d octets at once, %d after five seconds", (at.heap-before.heap)/many, (after.heap-before.heap)/many)
				_ = s.pc.Close()
				w.farewell()
				<-time.After(10 * time.Minute)
				w.close()
			})
		})
	}
}
