package main

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/sip"
	"naisen/sip/event"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// TestWhoWatches: nobody sees anything without a password (B1), and then only what is of its own domain, or of itself.
func TestWhoWatches(t *testing.T) {
	d := twoDomains(t)
	const pidf = `<presence xmlns="urn:ietf:params:xml:ns:pidf"><note>x</note></presence>`
	for _, c := range []struct {
		name, method, pkg  string
		from, user, domain string // where the phone is, who it proves to be
		to                 string
		status             int
	}{
		{"a colleague's lamp", "SUBSCRIBE", "dialog", "192.0.2.20", "2002", "a.example", "2001@a.example", 200},
		{"by the switch's address", "SUBSCRIBE", "dialog", "192.0.2.20", "2002", "a.example", "2001@192.0.2.10", 200},
		{"a colleague's presence", "SUBSCRIBE", "presence", "192.0.2.20", "2002", "a.example", "2001@a.example", 200},
		{"one's own mailbox", "SUBSCRIBE", "message-summary", "192.0.2.20", "2002", "a.example", "2002@a.example", 200},
		{"one's own phones", "SUBSCRIBE", "reg", "192.0.2.20", "2002", "a.example", "2002@a.example", 200},
		{"a colleague's mailbox", "SUBSCRIBE", "message-summary", "192.0.2.20", "2002", "a.example", "2001@a.example", 403},
		{"a colleague's phones", "SUBSCRIBE", "reg", "192.0.2.20", "2002", "a.example", "2001@a.example", 403},
		{"a lamp of another domain", "SUBSCRIBE", "dialog", "192.0.2.20", "2002", "a.example", "2001@b.example", 403},
		{"a lamp that another domain does not have", "SUBSCRIBE", "dialog", "192.0.2.20", "2002", "a.example", "2002@b.example", 403},
		{"a lamp of nobody", "SUBSCRIBE", "dialog", "192.0.2.20", "2002", "a.example", "2999@a.example", 404},
		{"elsewhere", "SUBSCRIBE", "dialog", "192.0.2.20", "2002", "a.example", "2001@elsewhere.example", 403},
		{"another package", "SUBSCRIBE", "conference", "192.0.2.20", "2002", "a.example", "2001@a.example", 489},
		{"no password", "SUBSCRIBE", "dialog", "192.0.2.20", "", "a.example", "2001@a.example", 401},
		{"no password, unknown package", "SUBSCRIBE", "conference", "192.0.2.20", "", "a.example", "2001@a.example", 401},
		{"the carrier", "SUBSCRIBE", "dialog", "192.0.2.50", "", "carrier.example", "2001@a.example", 403},
		{"of oneself", "PUBLISH", "presence", "192.0.2.20", "2002", "a.example", "2002@a.example", 200},
		{"of another", "PUBLISH", "presence", "192.0.2.20", "2002", "a.example", "2001@a.example", 403},
		{"without password", "PUBLISH", "presence", "192.0.2.20", "", "a.example", "2002@a.example", 401},
		{"of a stranger", "PUBLISH", "presence", "192.0.2.20", "", "elsewhere.example", "2002@a.example", 403},
	} {
		t.Run(c.method+" "+c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newDesk(t, d)
				ph := w.net.Phone(t, "phone", netip.AddrPortFrom(netip.MustParseAddr(c.from), 5060), w.at)
				ph.Domain, ph.Name = c.domain, "2002"
				if c.user != "" {
					ph.Auth = siptest.Digest(c.user, c.user+c.domain)
				}
				user, host, _ := strings.Cut(c.to, "@")
				r := ph.NewRequest(c.method, user)
				r.URI = sip.URI{Scheme: "sip", User: user, Host: host}
				r.Set("Event", c.pkg)
				if c.method == "PUBLISH" {
					r.SetBody("application/pidf+xml", []byte(pidf))
				}
				_, resp := ph.Do(r)
				if resp.Status != c.status {
					t.Errorf("status %d, want %d", resp.Status, c.status)
				}
				if n := w.s.events.notifier.Len() + w.s.events.published.Len(); n > 0 != (c.status == 200) {
					t.Errorf("%d subscriptions and publications after %d", n, c.status)
				}
			})
		})
	}
}

// TestKnownAndUnknownSubscribers: who does not prove anything learns nothing about who exists (B7).
func TestKnownAndUnknownSubscribers(t *testing.T) {
	d := twoDomains(t)
	synctest.Test(t, func(t *testing.T) {
		w := newDesk(t, d)
		ph := w.net.Phone(t, "phone", netip.MustParseAddrPort("192.0.2.20:5060"), w.at)
		ph.Domain = "a.example"
		answer := func(method, from, to string) []string {
			ph.Name = from
			r := ph.NewRequest(method, to)
			r.Set("Event", "dialog")
			ph.Send(r)
			m, ok := ph.Read(siptest.Patience)
			if !ok {
				t.Fatal("no answer")
			}
			out := []string{m.Response.Reason}
			m.Response.Each(func(h stack.Header) bool { out = append(out, h.Name); return true })
			return out
		}
		for _, method := range []string{"SUBSCRIBE", "PUBLISH"} {
			known := answer(method, "2001", "2002")
			for _, pair := range [][2]string{{"2999", "2002"}, {"2001", "2999"}, {"nobody", "nobody"}} {
				if got := answer(method, pair[0], pair[1]); !reflect.DeepEqual(got, known) {
					t.Errorf("%s of %v: %q, of known ones %q", method, pair, got, known)
				}
			}
		}
	})
}

// TestLamps: each extension of a call has its dialogs as its phone knows them, and none when the call is over.
func TestLamps(t *testing.T) {
	var told []string
	l := newLamps(func(a event.AOR) { told = append(told, a.User) })
	boss, clerk := event.AOR{User: "2001", Domain: "a.example"}, event.AOR{User: "2002", Domain: "a.example"}
	s := call.Snapshot{ID: "c1", Domain: "a.example", Parties: []call.PartySnapshot{
		{Leg: "c1-1", Extension: "2001", Phase: call.PartyNew, Dialog: call.Dialog{CallID: "x", LocalTag: "ours", RemoteTag: "phone's", Inbound: true},
			With: route.Shown{Number: "2002", Display: "Clerk"}},
		{Leg: "c1-2", Extension: "2002", Phase: call.PartyRinging, Dialog: call.Dialog{CallID: "y"}, With: route.Shown{Number: "2001", Withheld: true}},
		{Leg: "c1-3", Phase: call.PartyUp},                         // a carrier
		{Leg: "c1-4", Extension: "2002", Phase: call.PartyLeaving}, // another phone of the same extension
	}}
	steps := []struct {
		name        string
		change      func()
		told        string
		boss, clerk []event.Dialog
	}{
		{"rings", func() {}, "2001 2002",
			[]event.Dialog{{ID: "c1-1", CallID: "x", LocalTag: "phone's", RemoteTag: "ours", Initiator: true, State: event.Trying,
				Remote: event.Party{URI: "sip:2002@a.example", Display: "Clerk"}}},
			[]event.Dialog{{ID: "c1-2", CallID: "y", State: event.Early, Remote: event.Party{Withheld: true}}}},
		{"nothing new", func() {}, "", nil, nil},
		{"one leaves", func() { s.Parties = s.Parties[:1] }, "2002", nil, []event.Dialog{}},
		{"over", func() { s.Over = true }, "2001", []event.Dialog{}, nil},
	}
	for _, step := range steps {
		step.change()
		told = nil
		now := s
		l.Changed(&now)
		if got := strings.Join(told, " "); got != step.told && got != "2002 2001" {
			t.Errorf("%s: told of %q, want %q", step.name, got, step.told)
		}
		for a, want := range map[event.AOR][]event.Dialog{boss: step.boss, clerk: step.clerk} {
			if got := l.Dialogs(a); want != nil && !(len(got) == 0 && len(want) == 0) && !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %s has\n%+v, want\n%+v", step.name, a, got, want)
			}
		}
	}
	if l.lit() != 0 || len(l.calls) != 0 {
		t.Errorf("%d lamps and %d calls are left", l.lit(), len(l.calls))
	}
}

// TestMovingLeg: a leg on its way between two calls lights one lamp once, whichever call speaks first.
func TestMovingLeg(t *testing.T) {
	l := newLamps(func(event.AOR) {})
	party := []call.PartySnapshot{{Leg: "c1-2", Extension: "2001", Phase: call.PartyUp}}
	l.Changed(&call.Snapshot{ID: "c1", Domain: "d", Parties: party})
	l.Changed(&call.Snapshot{ID: "c2", Domain: "d", Parties: party})
	a := event.AOR{User: "2001", Domain: "d"}
	if n := len(l.Dialogs(a)); n != 1 {
		t.Errorf("%d dialogs in two calls", n)
	}
	l.Changed(&call.Snapshot{ID: "c1", Domain: "d", Over: true})
	if n := len(l.Dialogs(a)); n != 1 {
		t.Errorf("%d dialogs in the second call", n)
	}
	l.Changed(&call.Snapshot{ID: "c2", Domain: "d", Over: true})
	if n := l.lit(); n != 0 {
		t.Errorf("%d lamps are lit", n)
	}
}

// TestWatchingRegistrations: presence and reg follow the registrar: a phone comes, a phone goes.
func TestWatchingRegistrations(t *testing.T) {
	d := twoDomains(t)
	synctest.Test(t, func(t *testing.T) {
		w := newDesk(t, d)
		if err := w.s.registrar.Start(t.Context(), w.s.stack); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = w.s.registrar.Close(t.Context()) }()
		phone := func(name, at string) *siptest.Phone {
			ph := w.net.Phone(t, name, netip.MustParseAddrPort(at), w.at)
			ph.Domain, ph.Auth = "a.example", siptest.Digest(name, name+"a.example")
			return ph
		}
		clerk, boss, again := phone("2002", "192.0.2.20:5060"), phone("2001", "192.0.2.21:5060"), phone("2001", "192.0.2.22:5060")
		watch := func(ph *siptest.Phone, pkg, want string) {
			t.Helper()
			r := ph.NewRequest("SUBSCRIBE", "2001")
			r.Set("Event", pkg)
			if _, resp := ph.Do(r); resp.Status != 200 {
				t.Fatalf("SUBSCRIBE: %d", resp.Status)
			}
			told(t, ph, want)
		}
		watch(clerk, "presence", "<basic>closed</basic>")
		watch(again, "reg", `state="init"`)
		boss.Register(300)
		told(t, clerk, "<basic>open</basic>")
		told(t, again, `state="active" event="registered"`)
		boss.Register(0)
		told(t, clerk, "<basic>closed</basic>")
		told(t, again, `state="terminated" event="unregistered"`)
		told(t, again, `state="init"`)
		boss.Register(60)
		told(t, clerk, "<basic>open</basic>")
		told(t, again, `state="active" event="registered"`)
		clerk.Silence(30 * time.Second)
		again.Silence(29 * time.Second)
		told(t, again, `state="terminated" event="expired"`)
	})
}

// told takes the next NOTIFY, whose document must hold something.
func told(t *testing.T, ph *siptest.Phone, want string) {
	t.Helper()
	r := ph.Expect("NOTIFY")
	ph.Reply(r, 200, nil)
	if !strings.Contains(string(r.Body), want) {
		t.Errorf("%s is told\n%s\nwithout %s", ph.Name, r.Body, want)
	}
}

// TestMessagesWaiting: a phone that subscribed is told of its messages, and one that never does is told if its extension says so.
func TestMessagesWaiting(t *testing.T) {
	d := twoDomains(t)
	synctest.Test(t, func(t *testing.T) {
		w := newDesk(t, d)
		clerk := w.net.Phone(t, "2002", netip.MustParseAddrPort("192.0.2.20:5060"), w.at)
		clerk.Domain, clerk.Auth = "a.example", siptest.Digest("2002", "2002a.example")
		other := w.net.Phone(t, "2001", netip.MustParseAddrPort("192.0.2.21:5060"), w.at)
		other.Domain, other.Auth = "b.example", siptest.Digest("2001", "2001b.example")
		other.Register(300)
		told(t, other, "Messages-Waiting: no\r\nMessage-Account: sip:2001@b.example") // it may have lit its lamp before it started again
		clerk.Register(300)
		r := clerk.NewRequest("SUBSCRIBE", "2002")
		r.Set("Event", "message-summary")
		if _, resp := clerk.Do(r); resp.Status != 200 {
			t.Fatalf("SUBSCRIBE: %d", resp.Status)
		}
		told(t, clerk, "Voice-Message: 0/0 (0/0)")
		boxes := w.s.events.mailboxes
		boxes.Set(event.AOR{User: "2002", Domain: "a.example"}, event.Messages{New: 2, Old: 8, UrgentOld: 1})
		boxes.Set(event.AOR{User: "2001", Domain: "b.example"}, event.Messages{New: 1})
		boxes.Set(event.AOR{User: "2001", Domain: "a.example"}, event.Messages{New: 7}) // neither subscribed nor to be told
		told(t, other, "Voice-Message: 1/0 (0/0)")
		told(t, clerk, "Messages-Waiting: yes\r\nMessage-Account: sip:2002@a.example\r\nVoice-Message: 2/8 (0/1)\r\n")
		boxes.Set(event.AOR{User: "2002", Domain: "a.example"}, event.Messages{})
		told(t, clerk, "Messages-Waiting: no")
		clerk.Silence(time.Second)
		other.Silence(time.Second)
		if len(boxes.of) != 2 {
			t.Errorf("%d mailboxes are kept", len(boxes.of))
		}
	})
}

// TestShutdownTellsWatchers: who watches is told to come back, and one that does not answer holds nothing up.
func TestShutdownTellsWatchers(t *testing.T) {
	d := twoDomains(t)
	synctest.Test(t, func(t *testing.T) {
		w := newDesk(t, d)
		var phones []*siptest.Phone
		for i, name := range []string{"2001", "2002"} {
			ph := w.net.Phone(t, name, netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(20 + i)}), 5060), w.at)
			ph.Domain, ph.Auth = "a.example", siptest.Digest(name, name+"a.example")
			r := ph.NewRequest("SUBSCRIBE", "2001")
			r.Set("Event", "presence")
			if _, resp := ph.Do(r); resp.Status != 200 {
				t.Fatalf("SUBSCRIBE: %d", resp.Status)
			}
			told(t, ph, "closed")
			phones = append(phones, ph)
		}
		time.Sleep(time.Second)
		began, closed := time.Now(), make(chan error, 1)
		go func() { closed <- w.s.events.Close(t.Context()) }()
		for i, ph := range phones {
			r := ph.Expect("NOTIFY")
			if got := r.Get("Subscription-State"); got != "terminated;reason=deactivated;retry-after=10" {
				t.Errorf("%s is told %q", ph.Name, got)
			}
			if i == 0 {
				ph.Reply(r, 200, nil)
			}
		}
		if err := <-closed; err == nil || time.Since(began) != lastWords {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}
