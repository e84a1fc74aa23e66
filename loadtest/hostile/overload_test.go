package hostile

import (
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"naisen/loadtest/peer"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// floodFor is how long the switch is offered twice what it can do.
const floodFor = 6 * time.Second

// crowd is a switch of its own on one processor, without the limits of rate that would hide its overload, and who floods it.
type crowd struct {
	*testing.T
	pbx     *peer.PBX
	to      netip.AddrPort
	flood   sync.WaitGroup
	replies atomic.Int64
	stop    chan struct{}
}

func newCrowd(t *testing.T) *crowd {
	t.Helper()
	dir := t.TempDir()
	p, err := peer.NewPBX(pbx.Bin, dir, peer.Options{SIP: "rate: 1000000\n  rate_per_source: 1000000", Prefix: []string{"env", "GOMAXPROCS=1"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	if err := p.SignIn(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &crowd{T: t, pbx: p, to: netip.MustParseAddrPort(p.UDP), stop: make(chan struct{})}
}

func (c *crowd) phone(number string) *siptest.Phone {
	h := bare(c.T, "") // for its address
	pc, err := net.ListenPacket("udp4", h.addr.Addr().String()+":0")
	if err != nil {
		c.Fatal(err)
	}
	p := siptest.NewPhone(c.T, number, pc, c.to)
	p.Domain, p.Auth = c.pbx.Domain, siptest.Digest(number, c.pbx.Passwords[number])
	return p
}

// callers are strangers' new calls on one socket: whole requests, of which only Call-ID and branch change.
func (c *crowd) callers() (send, end func()) {
	h := bare(c.T, "")
	text := strings.Split(h.request("INVITE", "sip:2002@"+c.pbx.Domain, "2001", "2002"), "\r\n")
	at := net.UDPAddrFromAddrPort(c.to)
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 2048)
		for {
			if _, _, err := h.conn.ReadFrom(buf); err != nil {
				return
			}
			c.replies.Add(1)
		}
	}()
	return func() {
			for i, line := range text {
				switch {
				case strings.HasPrefix(line, "Via:"):
					text[i] = "Via: SIP/2.0/UDP " + h.addr.String() + ";branch=z9hG4bK" + stack.NewTag() + ";rport"
				case strings.HasPrefix(line, "Call-ID:"):
					text[i] = "Call-ID: " + stack.NewCallID()
				}
			}
			_, _ = h.conn.WriteTo([]byte(strings.Join(text, "\r\n")), at) // a full buffer is part of a flood
		}, func() {
			_ = h.conn.Close()
			<-done
		}
}

// capacity is how many new calls a second the switch refuses with a challenge when it is asked as fast as it answers.
func (c *crowd) capacity() float64 {
	send, done := c.callers()
	defer done()
	const window = 32
	c.replies.Store(0)
	sent, began := int64(0), time.Now()
	seen, at := int64(0), began // what was lost on the way does not hold the window for ever
	tick := time.NewTicker(200 * time.Microsecond)
	defer tick.Stop()
	for time.Since(began) < 1500*time.Millisecond {
		for sent-c.replies.Load() < window {
			send()
			sent++
		}
		<-tick.C
		if now := c.replies.Load(); now != seen {
			seen, at = now, time.Now()
		} else if time.Since(at) > 50*time.Millisecond {
			sent, at = seen, time.Now()
		}
	}
	return float64(c.replies.Load()) / time.Since(began).Seconds()
}

// overwhelm offers so many new calls a second until the test says that it is enough.
func (c *crowd) overwhelm(rate float64) {
	c.flood.Go(func() {
		send, done := c.callers()
		defer done()
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		began, sent := time.Now(), 0
		for {
			select {
			case <-c.stop:
				return
			case <-tick.C:
				for due := int(rate * time.Since(began).Seconds()); sent < due; sent++ {
					send()
				}
			}
		}
	})
}

// insist sends a request as a transaction does, until its final response. Requests of the switch that come meanwhile are answered.
func (c *crowd) insist(p *siptest.Phone, r *stack.Request) *stack.Response {
	c.Helper()
	n, _ := r.CSeq()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		p.Send(r)
		for again := time.Now().Add(500 * time.Millisecond); time.Now().Before(again); {
			m, ok := p.Read(time.Until(again))
			if !ok {
				break
			}
			if m.Request != nil && m.Request.Method != "ACK" {
				p.Reply(m.Request, 200, nil)
			}
			if m.Response == nil || m.Response.Status < 200 || m.Response.CallID() != r.CallID() {
				continue
			}
			if got, method := m.Response.CSeq(); got == n && method == r.Method {
				if m.Response.Status == 503 {
					c.Errorf("%s was shed", r.Method)
				}
				return m.Response
			}
		}
	}
	c.Fatalf("%s: no final response", r.Method)
	return nil
}

// prove sends an INVITE, answers the challenge and gives the final response.
func (c *crowd) prove(p *siptest.Phone, r *stack.Request) (*stack.Request, *stack.Response) {
	c.Helper()
	resp := c.insist(p, r)
	if resp.Status != 401 {
		return r, resp
	}
	p.Ack(r, resp)
	r = p.Again(r)
	if err := p.Auth(r, resp); err != nil {
		c.Fatal(err)
	}
	return r, c.insist(p, r)
}

// carrier answers every call with busy and counts those for help.
func (c *crowd) carrier(calls *atomic.Int64) {
	h := bare(c.T, "")
	status, answer, err := c.pbx.Do(c.Context(), "PUT", "trunks/carrier", map[string]any{"host": h.addr.String(), "transport": "udp",
		"prefixes": []string{"0"}, "media": "srtp-forbidden", "sources": []string{h.addr.Addr().String() + "/32"}})
	if err != nil || status != 200 {
		c.Fatalf("%d %s %v", status, answer, err)
	}
	c.flood.Go(func() {
		buf := make([]byte, 65536)
		for {
			_ = h.conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
			n, from, err := h.conn.ReadFrom(buf)
			switch {
			case err == nil:
				if req, _, err := stack.Parse(append([]byte(nil), buf[:n]...)); err == nil && req != nil && req.Method != "ACK" {
					calls.Add(1)
					text, _ := stack.NewResponse(req, 486, "").Append(nil)
					_, _ = h.conn.WriteTo(text, from)
				}
			case !os.IsTimeout(err):
				return
			}
			select {
			case <-c.stop:
				return
			default:
			}
		}
	})
}

// TestTwiceTheCapacity: while strangers call twice as fast as the switch can even refuse them, a call that stands is served, can be ended,
// and a call for help reaches the carrier. How long that takes is the machine's business; that it is never shed is not.
func TestTwiceTheCapacity(t *testing.T) {
	c := newCrowd(t)
	alice, bob := c.phone("2001"), c.phone("2002")
	bob.Register(3600)
	sdp := []byte("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n")
	inv := alice.NewRequest("INVITE", "2002")
	inv.SetBody("application/sdp", sdp)
	alice.Send(inv)
	challenge := alice.ExpectStatus(401, "INVITE")
	alice.Ack(inv, challenge)
	inv = alice.Again(inv)
	if err := alice.Auth(inv, challenge); err != nil {
		t.Fatal(err)
	}
	alice.Send(inv)
	bob.Reply(bob.Expect("INVITE"), 200, func(r *stack.Response) { r.SetBody("application/sdp", sdp) })
	up := alice.ExpectStatus(200, "INVITE")
	alice.Ack(inv, up)
	bob.Expect("ACK")

	var help atomic.Int64
	c.carrier(&help)
	rate := c.capacity()
	defer c.flood.Wait()
	defer close(c.stop)
	for range 2 {
		c.overwhelm(rate)
	}
	served := 0
	for end := time.Now().Add(floodFor); time.Now().Before(end); served++ {
		if resp := c.insist(alice, alice.InDialog("OPTIONS", inv, up)); resp.Status >= 500 {
			t.Errorf("%d to OPTIONS within the call", resp.Status)
		}
		if served%10 == 0 {
			r, resp := c.prove(alice, func() *stack.Request {
				r := alice.NewRequest("INVITE", "119")
				r.SetBody("application/sdp", sdp)
				return r
			}())
			if alice.Ack(r, resp); resp.Status != 486 {
				t.Errorf("the call for help got %d", resp.Status)
			}
		}
	}
	if resp := c.insist(alice, alice.InDialog("BYE", inv, up)); resp.Status != 200 {
		t.Errorf("%d to BYE", resp.Status)
	}
	if help.Load() == 0 {
		t.Error("no call for help reached the carrier")
	}
	shed, _ := c.pbx.Metric(t.Context(), "naisen_shed_calls_total")
	t.Logf("%.0f new calls a second are its capacity; at twice that %d requests within the call and %d calls for help were served, %.0f new calls shed",
		rate, served, help.Load(), shed)
}
