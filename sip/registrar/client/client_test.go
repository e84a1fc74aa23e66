package client_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"naisen/sip/auth"
	"naisen/sip/registrar/client"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

var (
	pbxAddr     = netip.MustParseAddrPort("192.0.2.100:5060")
	carrierAddr = netip.MustParseAddrPort("198.51.100.1:5060")
	secondAddr  = netip.MustParseAddrPort("198.51.100.2:5060")
)

// nobody is a transaction user that takes no request.
type nobody struct{ c *client.Client }

func (nobody) Request(tx *stack.ServerTx)    { _ = tx.Respond(stack.NewResponse(tx.Request(), 501, "")) }
func (nobody) Ack(*stack.Request)            {}
func (nobody) Cancel(*stack.ServerTx)        {}
func (nobody) StrayResponse(*stack.Response) {}
func (n nobody) FlowClosed(f *stack.Flow)    { n.c.FlowClosed(f) }

type world struct {
	*siptest.Network
	t       *testing.T
	c       *client.Client
	carrier *siptest.Phone
	line    client.Line
	targets []netip.AddrPort
	log     *strings.Builder
}

func inBubble(t *testing.T, f func(*world)) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNetwork(1)
		n.Usual(siptest.Link{Delay: 10 * time.Millisecond})
		w := &world{Network: n, t: t, targets: []netip.AddrPort{carrierAddr}, log: &strings.Builder{}, line: client.Line{Key: "d/carrier", Host: "carrier.example.jp",
			Transport: "udp", User: "0312345678", Credential: auth.ClientCredential{User: "pbx", Secret: "s3cret", Realm: "carrier.example.jp"}}}
		n.Host("pbx", pbxAddr.Addr())
		w.carrier = n.Phone(t, "carrier", carrierAddr, pbxAddr)
		tu := nobody{}
		log := slog.New(slog.NewTextHandler(w.log, nil))
		s, err := stack.New(n.Config(stack.Listen{Transport: "udp", Addr: pbxAddr}), &tu, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		w.c = client.New(client.Config{Network: s, Log: log, Resolve: func(context.Context, client.Line) (out []stack.Target, _ error) {
			for _, a := range w.targets {
				out = append(out, stack.Target{Transport: "udp", Addr: a})
			}
			return out, nil
		}})
		tu.c = w.c
		ended := make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { ended <- s.Serve(ctx) }()
		defer func() {
			w.c.Close()
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}()
		f(w)
	})
}

func (w *world) begin() { w.c.Set(w.t.Context(), []client.Line{w.line}) }

func (w *world) state() client.State {
	wait(20 * time.Millisecond) // the answer is on its way
	synctest.Wait()
	s, _ := w.c.State(w.line.Key)
	return s
}

// takes answers the next REGISTER; from is who it waits at.
func takes(p *siptest.Phone, status int, headers ...string) *stack.Request {
	r := p.Expect("REGISTER")
	p.Reply(r, status, func(resp *stack.Response) {
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			resp.Add(name, value)
		}
		if status == 200 {
			resp.Add("Contact", r.Get("Contact")+";expires="+r.Get("Expires"))
		}
	})
	return r
}

const challenge = `WWW-Authenticate: Digest realm="carrier.example.jp", nonce="n1", algorithm=SHA-256, qop="auth"`

func wait(d time.Duration) { <-time.NewTimer(d).C }

func TestRegistersRefreshesAndSaysFarewell(t *testing.T) {
	inBubble(t, func(w *world) {
		w.line.Expires = 120
		w.begin()
		first := takes(w.carrier, 401, challenge)
		second := takes(w.carrier, 200)
		if a := second.Get("Authorization"); !strings.Contains(a, `username="pbx"`) || !strings.Contains(a, "algorithm=SHA-256") {
			t.Error(a)
		}
		if first.CallID() != second.CallID() || first.To().URI.String() != "sip:0312345678@carrier.example.jp" || first.URI.String() != "sip:carrier.example.jp" {
			t.Errorf("%s %s %s", first.CallID(), first.To().URI, first.URI)
		}
		if s := w.state(); s.Phase != client.Registered || s.Status != 200 || s.Contact.User == "" || time.Until(s.Expires).Round(time.Second) != 2*time.Minute {
			t.Errorf("%+v", s)
		}
		wait(59 * time.Second)
		if _, _, more := w.carrier.ReadRaw(0); more {
			t.Error("refreshed too early")
		}
		if r := takes(w.carrier, 200); r.Get("Contact") != first.Get("Contact") || r.CallID() != first.CallID() {
			t.Errorf("%s in %s", r.Get("Contact"), r.CallID())
		}
		w.state()
		done := make(chan struct{})
		go func() { w.c.Close(); close(done) }()
		if r := takes(w.carrier, 200); r.Get("Expires") != "0" {
			t.Error("farewell with", r.Get("Expires"))
		}
		<-done
		if strings.Contains(w.log.String(), "s3cret") {
			t.Error("the password is in the log")
		}
		siptest.Golden(t, "register.ladder", w.Ladder())
	})
}

func TestBulk(t *testing.T) {
	inBubble(t, func(w *world) {
		w.line.Bulk = true
		w.begin()
		r := takes(w.carrier, 200)
		if c := r.Get("Contact"); c != "<sip:192.0.2.100:5060;bnc>" || r.Get("Require") != "gin" || r.Get("Proxy-Require") != "gin" {
			t.Errorf("%s %s", c, r.Get("Require"))
		}
		if s := w.state(); s.Phase != client.Registered || time.Until(s.Expires).Round(time.Minute) != time.Hour {
			t.Errorf("%+v", s)
		}
		w.carrier.Close()
	})
}

func TestWhatWentWrong(t *testing.T) {
	for _, c := range []struct {
		name   string
		play   func(*world)
		phase  client.Phase
		status int
		reason string
		least  time.Duration // until the next attempt
		most   time.Duration
	}{
		{"wrong password", func(w *world) {
			takes(w.carrier, 401, challenge)
			takes(w.carrier, 401, challenge)
		}, client.Rejected, 401, "wrong user name or password", time.Minute, 2 * time.Minute},
		{"another realm gets no digest", func(w *world) {
			takes(w.carrier, 407, `Proxy-Authenticate: Digest realm="evil.example", nonce="n", qop="auth"`)
		}, client.Rejected, 407, "challenged for another realm than the trunk's", time.Minute, 2 * time.Minute},
		{"every nonce is stale", func(w *world) {
			for range 3 {
				takes(w.carrier, 401, challenge+", stale=true")
			}
		}, client.Rejected, 401, "wrong user name or password", time.Minute, 2 * time.Minute},
		{"forbidden", func(w *world) { takes(w.carrier, 403) }, client.Rejected, 403, "refused with 403", time.Minute, 2 * time.Minute},
		{"busy", func(w *world) { takes(w.carrier, 503, "Retry-After: 90 (soon);duration=60") }, client.Waiting, 503, "refused with 503", 90 * time.Second, 91 * time.Second},
		{"busy for ever", func(w *world) { takes(w.carrier, 503, "Retry-After: 2000000000") }, client.Waiting, 503, "refused with 503", time.Hour, time.Hour + time.Second},
		{"broken", func(w *world) { takes(w.carrier, 500) }, client.Waiting, 500, "refused with 500", firstHalf, 2 * firstHalf},
		{"silent", func(w *world) { w.carrier.Close(); wait(32 * time.Second) }, client.Waiting, 0, "no answer", firstHalf, 2 * firstHalf},
		{"too brief", func(w *world) {
			takes(w.carrier, 423, "Min-Expires: 7200")
			if r := takes(w.carrier, 200); r.Get("Expires") != "7200" {
				w.t.Error("asked for", r.Get("Expires"))
			}
		}, client.Registered, 200, "", 109 * time.Minute, 111 * time.Minute},
		{"too brief whatever we ask", func(w *world) { takes(w.carrier, 423, "Min-Expires: 99999999") }, client.Waiting, 423, "interval too brief", firstHalf, 2 * firstHalf},
		{"nobody there", func(w *world) {}, client.Waiting, 0, "registrar not found", firstHalf, 2 * firstHalf},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				if c.reason == "registrar not found" {
					w.targets = nil
				}
				w.begin()
				c.play(w)
				s := w.state()
				if s.Phase != c.phase || s.Status != c.status || s.Reason != c.reason {
					t.Errorf("%+v", s)
				}
				if left := time.Until(s.Next); left < c.least-time.Second || left > c.most {
					t.Errorf("next attempt in %s, want %s to %s", left, c.least, c.most)
				}
				w.targets = nil // the farewell finds nobody
			})
		})
	}
}

const firstHalf = 2500 * time.Millisecond

func TestBackoffGrows(t *testing.T) {
	inBubble(t, func(w *world) {
		w.targets = nil
		w.begin()
		var gaps []time.Duration
		for range 14 {
			s := w.state()
			gaps = append(gaps, time.Until(s.Next))
			wait(time.Until(s.Next) - 20*time.Millisecond)
		}
		for i, g := range gaps {
			bound := min(5*time.Second<<i, 10*time.Minute)
			if g < bound/2-40*time.Millisecond || g > bound {
				t.Errorf("wait %d is %s, bound %s", i, g, bound)
			}
		}
	})
}

func TestSecondAddress(t *testing.T) {
	inBubble(t, func(w *world) {
		second := w.Phone(w.t, "second", secondAddr, pbxAddr)
		w.targets = []netip.AddrPort{carrierAddr, secondAddr}
		w.begin()
		takes(w.carrier, 503)
		takes(second, 200)
		if s := w.state(); s.Phase != client.Registered {
			t.Errorf("%+v", s)
		}
	})
}

func TestSetFollowsTheDirectory(t *testing.T) {
	inBubble(t, func(w *world) {
		w.begin()
		first := takes(w.carrier, 200)
		w.state()
		w.begin() // nothing changed
		if s := w.state(); s.Attempts != 1 {
			t.Errorf("%+v", s)
		}
		w.line.Credential.Secret = "new"
		w.begin()
		if r := takes(w.carrier, 200); r.Get("Expires") != "0" || r.CallID() != first.CallID() {
			t.Errorf("the old line leaves first: %s in %s", r.Get("Expires"), r.CallID())
		}
		if r := takes(w.carrier, 200); r.CallID() == first.CallID() || r.Get("Expires") != "3600" {
			t.Errorf("%s in %s", r.Get("Expires"), r.CallID())
		}
		w.state()
		w.c.Set(w.t.Context(), nil)
		if r := takes(w.carrier, 200); r.Get("Expires") != "0" {
			t.Error(r.Get("Expires"))
		}
		if got := fmt.Sprint(w.c.States()); got != "[]" {
			t.Error(got)
		}
	})
}
