package event

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"naisen/sip"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// caller is a watcher on a TCP connection.
type caller struct {
	t    *testing.T
	conn net.Conn
	rest []byte
}

func (r *rig) dial(host string) *caller {
	r.t.Helper()
	r.Host(host, netip.MustParseAddr(host))
	conn, err := r.DialStream(r.t.Context(), netip.MustParseAddr(host), pbxAddr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = conn.Close() })
	return &caller{t: r.t, conn: conn}
}

func (c *caller) send(text string) {
	c.t.Helper()
	if _, err := c.conn.Write([]byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

// read waits for a message, false when none comes within d.
func (c *caller) read(d time.Duration) (*stack.Request, *stack.Response, bool) {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(d))
	for {
		if head, _, ok := bytes.Cut(c.rest, []byte("\r\n\r\n")); ok {
			_, v, _ := strings.Cut(string(head), "Content-Length: ")
			v, _, _ = strings.Cut(v, "\r\n")
			n, _ := strconv.Atoi(v)
			if all := len(head) + 4 + n; len(c.rest) >= all {
				req, resp, err := stack.Parse(append([]byte(nil), c.rest[:all]...))
				if err != nil {
					c.t.Fatal(err)
				}
				c.rest = c.rest[all:]
				return req, resp, true
			}
		}
		b := make([]byte, 4096)
		n, err := c.conn.Read(b)
		if err != nil {
			return nil, nil, false
		}
		c.rest = append(c.rest, b[:n]...)
	}
}

func (c *caller) subscribe(cseq int, toTag string) *stack.Response {
	c.t.Helper()
	c.send(fmt.Sprintf("SUBSCRIBE sip:bob@192.0.2.100 SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.7:5060;branch=z9hG4bK%d\r\nFrom: <sip:w@192.0.2.100>;tag=f\r\n"+
		"To: <sip:bob@192.0.2.100>%s\r\nCall-ID: tcp\r\nCSeq: %d SUBSCRIBE\r\nMax-Forwards: 70\r\nContact: <sip:w@10.0.0.9;transport=tcp>\r\n"+
		"Event: dialog\r\nExpires: 300\r\nContent-Length: 0\r\n\r\n", cseq, toTag, cseq))
	_, resp, ok := c.read(time.Second)
	if !ok || resp == nil || resp.Status != 200 {
		c.t.Fatalf("SUBSCRIBE: %v", resp)
	}
	return resp
}

// notified takes and answers a NOTIFY, and returns it in short.
func (c *caller) notified() string {
	c.t.Helper()
	req, _, ok := c.read(2 * time.Second)
	if !ok || req == nil {
		c.t.Fatal("no NOTIFY")
	}
	b, err := stack.NewResponse(req, 200, "").Append(nil)
	if err != nil {
		c.t.Fatal(err)
	}
	c.send(string(b))
	return short(c.t, req)
}

// NOTIFYs take the connection of the SUBSCRIBE and no other; when it ends, the watcher has a moment to come back.
func TestConnection(t *testing.T) {
	inBubble(t, Config{}, func(r *rig) {
		c := r.dial("192.0.2.7")
		resp := c.subscribe(1, "")
		if got := c.notified(); got != "0" {
			t.Errorf("told %q", got)
		}
		_ = c.conn.Close()
		pass(time.Second)
		r.set(ringing)
		pass(20 * time.Second)
		if r.n.Len() != 1 {
			t.Fatal("the subscription did not wait")
		}
		again := r.dial("192.0.2.7")
		again.subscribe(2, ";tag="+resp.To().Tag())
		if got := again.notified(); got != "1 l1:early" {
			t.Errorf("after the gap told %q", got)
		}
		r.set()
		if got := again.notified(); got != "2 l1:terminated" {
			t.Errorf("told %q", got)
		}
		again.notified()
		_ = again.conn.Close()
		pass(40 * time.Second)
		r.n.mu.Lock()
		defer r.n.mu.Unlock()
		if len(r.n.subs)+len(r.n.flows)+len(r.n.watching)+len(r.n.perAOR)+len(r.n.perDomain) != 0 {
			t.Errorf("left: %v %v %v %v %v", r.n.subs, r.n.flows, r.n.watching, r.n.perAOR, r.n.perDomain)
		}
	})
}

// A watcher whose connection ended is found on the one that it registered over.
func TestReroute(t *testing.T) {
	var to stack.Target
	inBubble(t, Config{Reroute: func(contact sip.URI, old *stack.Flow) (stack.Target, bool) {
		return to, to.Flow != nil && contact.Host == "10.0.0.9" && !old.Alive()
	}}, func(r *rig) {
		c := r.dial("192.0.2.7")
		c.subscribe(1, "")
		c.notified()
		_ = c.conn.Close()
		pass(time.Second)
		other := r.dial("192.0.2.7")
		other.send("SUBSCRIBE sip:bob@192.0.2.100 SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.7:5060;branch=z9hG4bKx\r\nFrom: <sip:w2@192.0.2.100>;tag=f\r\n" +
			"To: <sip:bob@192.0.2.100>\r\nCall-ID: other\r\nCSeq: 1 SUBSCRIBE\r\nMax-Forwards: 70\r\nContact: <sip:w@10.0.0.9;transport=tcp>\r\n" +
			"Event: dialog\r\nExpires: 0\r\nContent-Length: 0\r\n\r\n") // only to know its flow
		other.read(time.Second)
		other.notified()
		synctest.Wait()
		r.mu.Lock()
		to = stack.Target{Flow: r.from}
		r.mu.Unlock()
		r.set(ringing)
		if got := other.notified(); got != "1 l1:early" {
			t.Errorf("told %q", got)
		}
	})
}

// A watcher behind a NAT that got another port is told there once it has registered from it.
func TestMovedPort(t *testing.T) {
	var moved *stack.Flow
	inBubble(t, Config{Reroute: func(_ sip.URI, old *stack.Flow) (stack.Target, bool) {
		return stack.Target{Flow: moved}, moved != nil && old.Remote() == watchAddr
	}}, func(r *rig) {
		r.subscribe("dialog", nil)
		r.told("active", "0")
		now := netip.MustParseAddrPort("192.0.2.1:40001")
		again := r.Phone(r.t, "watcher", now, pbxAddr)
		moved = r.s.Flow("udp", pbxAddr, now)
		r.set(ringing)
		q := again.Expect("NOTIFY")
		again.Reply(q, 200, nil)
		if got := short(t, q); got != "1 l1:early" {
			t.Errorf("told %q", got)
		}
		r.watch.Silence(3 * time.Second)
	})
}

// F9: ten thousand changes to a watcher that never answers are one NOTIFY, on a connection as on UDP.
func TestSlowReader(t *testing.T) {
	inBubble(t, Config{}, func(r *rig) {
		c := r.dial("192.0.2.7")
		c.subscribe(1, "")
		for i := range 10_000 {
			d := ringing
			d.ID = fmt.Sprint(i)
			r.set(d)
			if i%100 == 0 {
				pass(100 * time.Millisecond)
			}
		}
		if s := r.n.Stats(); s.Sent != 1 {
			t.Errorf("%d NOTIFYs are waiting for it", s.Sent)
		}
		if s := r.s.Stats(); s.Queued > 1 {
			t.Errorf("%d marks are queued", s.Queued)
		}
		pass(40 * time.Second)
		if r.n.Len() != 0 {
			t.Error("still subscribed")
		}
	})
}

// Random histories of a busy line over a network that loses, doubles and overtakes: whatever happened, in the end every watcher that still
// believes in its subscription has seen the last state, and versions only grew.
func TestNeverAStuckLamp(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { stuck(t, seed) })
		})
	}
}

func stuck(t *testing.T, seed uint64) {
	r := newRig(t, Config{}, seed)
	served := make(chan error, 1)
	go func() { served <- r.s.Serve(t.Context()) }()
	dice := rand.New(rand.NewPCG(seed, 1))
	r.Usual(siptest.Link{Delay: 5 * time.Millisecond, Jitter: time.Duration(dice.IntN(900)+1) * time.Millisecond, Loss: float64(seed%3) * 0.12, Duplicate: 0.1})
	r.watch.Send(r.request("dialog", nil))
	go func() {
		var live []Dialog
		for range 30 + dice.IntN(40) {
			switch n := dice.IntN(4); {
			case n == 0 || len(live) == 0:
				live = append(live, Dialog{ID: fmt.Sprint(dice.Uint64()), State: Early})
			case n == 1:
				live[dice.IntN(len(live))].State = Confirmed
			default:
				i := dice.IntN(len(live))
				live = append(live[:i:i], live[i+1:]...)
			}
			r.set(live...)
			pass(time.Duration(dice.IntN(1500)) * time.Millisecond)
		}
		r.set()
	}()
	versions, last, lastSeq := map[uint32]string{}, "", uint32(0)
	for {
		m, ok := r.watch.Read(3 * time.Minute)
		if !ok {
			break
		}
		if m.Request == nil || m.Request.Method != "NOTIFY" {
			continue
		}
		r.watch.Reply(m.Request, 200, nil)
		n, _ := m.Request.CSeq()
		says := short(t, m.Request)
		if before, again := versions[n]; again && before != says {
			t.Errorf("NOTIFY %d said %q and then %q", n, before, says)
		}
		if versions[n] = says; n > lastSeq && says != "" {
			version, _, _ := strings.Cut(says, " ")
			if version != fmt.Sprint(n-1) {
				t.Errorf("NOTIFY %d has version %s", n, version)
			}
			last, lastSeq = says, n
		}
	}
	if s := r.n.Stats(); s.Failed == 0 && s.Sent > 0 && strings.Contains(last, ":") {
		t.Errorf("the lamp stays on: %q", last)
	}
	if err := r.s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}
