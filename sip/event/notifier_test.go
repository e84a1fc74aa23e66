package event

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"naisen/sip"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

var ringing = Dialog{ID: "l1", CallID: "c1", LocalTag: "lt", RemoteTag: "rt", State: Early, Remote: Party{URI: "sip:carol@example.com"}}

func up(d Dialog) Dialog { d.State = Confirmed; return d }

// The life of a lamp, drawn.
func TestLamp(t *testing.T) {
	inBubble(t, Config{}, func(r *rig) {
		s := r.subscribe("dialog", nil)
		r.told("active;expires=600", "0")
		r.set(ringing)
		r.told("active", "1 l1:early")
		r.set(up(ringing))
		r.told("active", "2 l1:confirmed")
		r.set()
		r.told("active", "3 l1:terminated")
		r.told("active", "4") // full and empty
		r.watch.Silence(5 * time.Second)
		if resp := s.again(120, nil); resp.Status != 200 || resp.Get("Expires") != "120" {
			t.Errorf("refresh: %d, Expires %q", resp.Status, resp.Get("Expires"))
		}
		r.told("active;expires=120", "5") // each SUBSCRIBE gets the full state
		if resp := s.again(0, nil); resp.Status != 200 || resp.Get("Expires") != "0" {
			t.Errorf("unsubscribe: %d", resp.Status)
		}
		r.told("terminated;reason=timeout", "6")
		if resp := s.again(120, nil); resp.Status != 481 {
			t.Errorf("SUBSCRIBE in a dialog that is gone: %d", resp.Status)
		}
		siptest.Golden(t, "lamp.ladder", r.Ladder())
	})
}

func TestFetch(t *testing.T) {
	inBubble(t, Config{}, func(r *rig) {
		r.set(ringing)
		r.subscribe("dialog", func(q *stack.Request) { q.Set("Expires", "0") })
		r.told("terminated;reason=timeout", "0 l1:early")
		pass(time.Second)
		if n := r.n.Len(); n != 0 {
			t.Errorf("%d subscriptions left", n)
		}
		siptest.Golden(t, "fetch.ladder", r.Ladder())
	})
}

func TestExpiry(t *testing.T) {
	inBubble(t, Config{}, func(r *rig) {
		r.subscribe("dialog", func(q *stack.Request) { q.Set("Expires", "60") })
		r.told("active;expires=60", "0")
		pass(59 * time.Second)
		r.told("terminated;reason=timeout", "")
		pass(time.Second)
		if n := r.n.Len(); n != 0 {
			t.Errorf("%d subscriptions left", n)
		}
	})
}

// What is refused, and with what.
func TestRefused(t *testing.T) {
	set := func(name, value string) func(*stack.Request) { return func(q *stack.Request) { q.Set(name, value) } }
	for _, c := range []struct {
		name, event   string
		change        func(*stack.Request)
		status        int
		header, value string
	}{
		{"unknown package", "winfo", nil, 489, "Allow-Events", "dialog, message-summary, reg, presence"},
		{"no event", "", func(q *stack.Request) { q.Del("Event") }, 489, "Allow-Events", "dialog, message-summary, reg, presence"},
		{"two events", "dialog", func(q *stack.Request) { q.Add("Event", "reg") }, 400, "", ""},
		{"long event", "dialog;id=" + strings.Repeat("x", 300), nil, 489, "", ""},
		{"broken event", "dialog;id=\"", nil, 489, "", ""},
		{"too brief", "dialog", set("Expires", "59"), 423, "Min-Expires", "60"},
		{"no number", "dialog", set("Expires", "soon"), 400, "", ""},
		{"other document", "dialog", set("Accept", "application/pidf+xml, text/plain"), 406, "Accept", "application/dialog-info+xml"},
		{"nothing accepted", "dialog", set("Accept", ""), 406, "", ""},
		{"list", "presence", set("Require", "eventlist"), 420, "Unsupported", "eventlist"},
		{"packed body", "dialog", func(q *stack.Request) {
			q.Set("Content-Encoding", "gzip")
			q.SetBody("application/simple-filter+xml", []byte{0x1f, 0x8b})
		}, 415, "Accept-Encoding", "identity"},
		{"filter", "dialog", func(q *stack.Request) { q.SetBody("application/simple-filter+xml", []byte("<filter/>")) }, 415, "", ""},
		{"no contact", "dialog", func(q *stack.Request) { q.Del("Contact") }, 400, "", ""},
		{"star", "dialog", set("Contact", "*"), 400, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, Config{}, func(r *rig) {
				_, resp := r.watch.Do(r.request(c.event, c.change))
				if resp.Status != c.status || c.header != "" && resp.Get(c.header) != c.value {
					t.Errorf("%d, %s: %q; want %d, %q", resp.Status, c.header, resp.Get(c.header), c.status, c.value)
				}
				r.watch.Silence(time.Second)
				if r.n.Len() != 0 {
					t.Error("a subscription was made")
				}
			})
		})
	}
}

func TestAccepted(t *testing.T) {
	for _, accept := range []string{"application/dialog-info+xml", "text/plain, application/*;q=0.5", "*/*", "Application/Dialog-Info+XML;v=1"} {
		inBubble(t, Config{}, func(r *rig) {
			r.subscribe("dialog;id=7a", func(q *stack.Request) { q.Set("Accept", accept) })
			if got := r.told("active", "0").Get("Event"); got != "dialog;id=7a" {
				t.Errorf("Event: %s", got)
			}
		})
	}
}

// A NOTIFY that nobody takes ends the subscription; one that is refused for a moment comes again.
func TestNotifyRefused(t *testing.T) {
	for _, c := range []struct {
		status, left int
	}{{481, 0}, {489, 0}, {404, 0}, {408, 0}, {603, 0}, {500, 1}, {503, 1}, {491, 1}} {
		t.Run(fmt.Sprint(c.status), func(t *testing.T) {
			inBubble(t, Config{}, func(r *rig) {
				r.subscribe("dialog", nil)
				r.notified(c.status)
				if c.left == 1 {
					r.told("active", "1")
				}
				r.watch.Silence(time.Minute)
				if n := r.n.Len(); n != c.left || int(r.n.Stats().Failed) != 1-c.left {
					t.Errorf("%d subscriptions left, %+v", n, r.n.Stats())
				}
			})
		})
	}
}

// Four 503 in a row are enough, and a Retry-After is heeded.
func TestNotifyRefusedForGood(t *testing.T) {
	inBubble(t, Config{}, func(r *rig) {
		r.subscribe("dialog", nil)
		for range 4 {
			q := r.watch.Expect("NOTIFY")
			r.watch.Reply(q, 503, func(resp *stack.Response) { resp.Set("Retry-After", "3 (busy)") })
			r.set(ringing) // no change goes before the time that was asked for
			r.watch.Silence(2900 * time.Millisecond)
		}
		r.watch.Silence(time.Minute)
		if r.n.Len() != 0 {
			t.Error("still subscribed")
		}
	})
}

func TestNotifyUnanswered(t *testing.T) {
	inBubble(t, Config{}, func(r *rig) {
		r.subscribe("dialog", nil)
		r.watch.Expect("NOTIFY")
		pass(40 * time.Second)
		if r.n.Len() != 0 || r.n.Stats().Failed != 1 {
			t.Errorf("%d left, %+v", r.n.Len(), r.n.Stats())
		}
	})
}

// A hundred changes in three seconds are three or four NOTIFYs, and the last one has the last state.
func TestRate(t *testing.T) {
	inBubble(t, Config{}, func(r *rig) {
		r.subscribe("dialog", nil)
		r.told("active", "0")
		go func() {
			for i := range 100 {
				d := ringing
				d.ID = fmt.Sprint("l", i)
				r.set(d)
				pass(30 * time.Millisecond)
			}
		}()
		last, count := "", 0
		for {
			m, ok := r.watch.Read(3 * time.Second)
			if !ok {
				break
			}
			if m.Request != nil {
				r.watch.Reply(m.Request, 200, nil)
				last = short(t, m.Request)
				count++
			}
		}
		if !strings.HasSuffix(last, " l99:early") || strings.Contains(last, "terminated") {
			t.Errorf("the last NOTIFY says %q", last)
		}
		if count > 6 {
			t.Errorf("%d NOTIFYs", count)
		}
		if s := r.n.Stats(); s.Coalesced < 90 || int(s.Sent) != count+1 {
			t.Errorf("%+v", s)
		}
	})
}

// A change that takes itself back within the second needs no NOTIFY.
func TestNothingNew(t *testing.T) {
	inBubble(t, Config{}, func(r *rig) {
		r.subscribe("dialog", nil)
		r.told("active", "0")
		r.set(ringing)
		r.set()
		r.watch.Silence(5 * time.Second)
	})
}

func TestWhoMay(t *testing.T) {
	inBubble(t, Config{}, func(r *rig) {
		r.denied[AOR{"watcher", domain}] = true
		if _, resp := r.watch.Do(r.request("dialog", nil)); resp.Status != 403 {
			t.Errorf("a stranger: %d", resp.Status)
		}
		r.denied[AOR{"watcher", domain}] = false
		r.subscribe("dialog", nil)
		r.told("active", "0")
		r.mu.Lock()
		r.denied[AOR{"watcher", domain}] = true // loses the right
		r.mu.Unlock()
		r.set(ringing)
		r.told("terminated;reason=rejected", "")
	})
	inBubble(t, Config{}, func(r *rig) { // not even by a last look
		s := r.subscribe("dialog", nil)
		r.told("active", "0")
		r.mu.Lock()
		r.denied[AOR{"watcher", domain}] = true
		r.mu.Unlock()
		if resp := s.again(0, nil); resp.Status != 403 {
			t.Errorf("unsubscribe: %d", resp.Status)
		}
		r.told("terminated;reason=rejected", "")
	})
	inBubble(t, Config{Judge: nil}, func(r *rig) {
		r.n.cfg = Config{}.withDefaults()
		if _, resp := r.watch.Do(r.request("dialog", nil)); resp.Status != 403 {
			t.Errorf("without a judge: %d", resp.Status)
		}
	})
}

func TestRevoke(t *testing.T) {
	inBubble(t, Config{}, func(r *rig) {
		r.subscribe("dialog", nil)
		r.told("active", "0")
		me := r.n.Watchers()[0]
		if n := r.n.Revoke(me, func(proof string) bool { return proof != "password" }); n != 0 {
			t.Errorf("%d subscriptions ended for another's proof", n)
		}
		if n := r.n.Revoke(me, func(proof string) bool { return proof == "password" }); n != 1 {
			t.Errorf("%d subscriptions ended", n)
		}
		r.told("terminated;reason=rejected", "")
	})
}

// What a token proved ends with the token, however often it is refreshed.
func TestUntil(t *testing.T) {
	inBubble(t, Config{}, func(r *rig) {
		r.until = time.Now().Add(100 * time.Second)
		s := r.subscribe("dialog", nil)
		r.told("active;expires=9", "0")
		if resp := r.publish("", note("x"), 600, nil); resp.Status != 200 || resp.Get("Expires") != "99" {
			t.Errorf("PUBLISH: %d for %s s", resp.Status, resp.Get("Expires"))
		}
		pass(50 * time.Second)
		if resp := s.again(600, nil); resp.Status != 200 || len(resp.Get("Expires")) != 2 {
			t.Errorf("refresh: %d for %s s", resp.Status, resp.Get("Expires"))
		}
		r.told("active;expires=4", "1")
		pass(48 * time.Second)
		r.told("terminated;reason=timeout", "")
		pass(2 * time.Second)
		if _, resp := r.watch.Do(r.request("dialog", nil)); resp.Status != 403 {
			t.Errorf("SUBSCRIBE by what is over: %d", resp.Status)
		}
		if resp := r.publish("", note("x"), 600, nil); resp.Status != 403 {
			t.Errorf("PUBLISH by what is over: %d", resp.Status)
		}
	})
}

// Each limit refuses the next one, and is counted; a phone that starts again pushes out what it has forgotten.
func TestLimits(t *testing.T) {
	inBubble(t, Config{PerWatcher: 2, PerDomain: 3, Total: 4}, func(r *rig) {
		try := func(user, from, contact string) int {
			req := r.request("message-summary", nil)
			req.URI.User = user
			a := req.From()
			a.URI.User = from
			req.SetFrom(a)
			c := r.watch.Contact()
			c.User = contact
			req.SetContact(sip.Address{URI: c})
			_, resp := r.watch.Do(req)
			if resp.Status == 200 {
				r.notified(200)
			}
			return resp.Status
		}
		for _, c := range []struct {
			user, from, contact string
			want                int
		}{
			{"a", "w", "1", 200}, {"b", "w", "1", 200}, {"c", "w", "1", 403}, // two of one watcher
			{"b", "w", "1", 200},                       // the same phone to the same thing again
			{"b", "w", "2", 403},                       // another phone of his
			{"a", "x", "1", 200}, {"a", "y", "1", 503}, // three of one domain
		} {
			if got := try(c.user, c.from, c.contact); got != c.want {
				t.Errorf("%s to %s: %d, want %d", c.from, c.user, got, c.want)
			}
		}
		if s := r.n.Stats(); s.Refused != 3 || s.Subscriptions["message-summary"] != 3 {
			t.Errorf("%+v", s)
		}
	})
}

func TestInDialogRefused(t *testing.T) {
	inBubble(t, Config{}, func(r *rig) {
		s := r.subscribe("dialog;id=1", nil)
		r.told("active", "0")
		for name, c := range map[string]struct {
			change func(*stack.Request)
			status int
		}{
			"other event":   {func(q *stack.Request) { q.Set("Event", "presence;id=1") }, 481},
			"other id":      {func(q *stack.Request) { q.Set("Event", "dialog;id=2") }, 481},
			"guessed tag":   {func(q *stack.Request) { q.SetTo(q.To().WithTag("guess")) }, 481},
			"other watcher": {func(q *stack.Request) { q.SetFrom(q.From().WithTag("guess")) }, 481},
			"too brief":     {func(q *stack.Request) { q.Set("Expires", "3") }, 423},
			"old":           {func(q *stack.Request) { q.Set("CSeq", "1 SUBSCRIBE") }, 500},
		} {
			if resp := s.again(300, c.change); resp.Status != c.status {
				t.Errorf("%s: %d, want %d", name, resp.Status, c.status)
			}
		}
		r.watch.Silence(3 * time.Second)
		if resp := s.again(300, nil); resp.Status != 200 {
			t.Errorf("refresh: %d", resp.Status)
		}
		r.told("active", "1")
	})
}

// The route set is turned to the subscriber, and Record-Route comes back in each 2xx.
func TestRoutes(t *testing.T) {
	inBubble(t, Config{}, func(r *rig) {
		r.subscribe("dialog", func(q *stack.Request) {
			q.Add("Record-Route", "<sip:192.0.2.1:5060;lr>")
			q.Add("Record-Route", "<sip:192.0.2.77;lr>")
		})
		q := r.told("active", "0")
		if got := strings.Join(q.Lines("Route"), ","); got != "<sip:192.0.2.1:5060;lr>,<sip:192.0.2.77;lr>" || q.URI.User != "watcher" {
			t.Errorf("Route: %s, URI %s", got, q.URI)
		}
	})
}

// When the switch goes down everybody is told, and Close returns when all have answered.
func TestClose(t *testing.T) {
	inBubble(t, Config{}, func(r *rig) {
		r.subscribe("dialog", nil)
		r.told("active", "0")
		closed := make(chan error, 1)
		go func() { closed <- r.n.Close(context.Background()) }()
		r.told("terminated;reason=deactivated;retry-after=10", "")
		if err := <-closed; err != nil {
			t.Error(err)
		}
		if _, resp := r.watch.Do(r.request("dialog", nil)); resp.Status != 503 {
			t.Errorf("SUBSCRIBE to a switch that goes down: %d", resp.Status)
		}
	})
}

func TestCloseGivesUp(t *testing.T) {
	inBubble(t, Config{}, func(r *rig) {
		r.subscribe("dialog", nil)
		r.watch.Expect("NOTIFY")
		ctx, cancel := context.WithTimeout(r.t.Context(), time.Second)
		defer cancel()
		if err := r.n.Close(ctx); err == nil {
			t.Error("nobody answered, and Close is content")
		}
		pass(40 * time.Second)
		if err := r.n.Close(r.t.Context()); err != nil {
			t.Error(err)
		}
	})
}
