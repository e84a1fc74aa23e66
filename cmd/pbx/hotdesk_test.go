package main

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/directory"
	"naisen/sip/event"
)

// deskRig: at 2003 and 2004 people may sign in; 2001 has the PIN 4711.
func deskRig(t *testing.T) (selfService, *directory.Directory) {
	t.Helper()
	now := time.Now()
	p, d := pinRig(t, &now)
	err := p.store.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		for _, n := range []string{"2003", "2004"} {
			if _, err := w.Put(simDomain, provisioning.Extension{Number: n, HotDesk: &provisioning.HotDesking{Hours: 1}}, ""); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	dir, err := directory.New(t.Context(), p.store, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dir.Close() })
	d.store = liveStore{d.store, dir, slog.New(slog.DiscardHandler)}
	return d, dir
}

// TestSignInAtADesk: by the PIN, at desks only, once at a time; it lasts over a restart, ends by the clock, by code, and with whoever is gone.
func TestSignInAtADesk(t *testing.T) {
	d, dir := deskRig(t)
	in := func(desk, pin string) error { return d.SignIn(t.Context(), simDomain, desk, "2001", pin) }
	at := func(desk string, now time.Time) string {
		p, _ := dir.Snapshot().PersonAt(simDomain, desk, now)
		return p
	}
	if err := in("2003", "0815"); !errors.Is(err, errWrongPIN) || at("2003", time.Now()) != "" {
		t.Errorf("wrong PIN: %v", err)
	}
	if err := in("2002", "4711"); err == nil {
		t.Error("signed in where nobody may")
	}
	if err := in("2003", "4711"); err != nil || at("2003", time.Now()) != "2001" {
		t.Fatalf("%v, %q", err, at("2003", time.Now()))
	}
	if err := in("2004", "4711"); err != nil || at("2004", time.Now()) != "2001" || at("2003", time.Now()) != "" {
		t.Errorf("elsewhere: %v", err)
	}
	if got := at("2004", time.Now().Add(61*time.Minute)); got != "" {
		t.Errorf("after its hour %s is signed in", got)
	}
	again, err := directory.New(t.Context(), d.store, slog.New(slog.DiscardHandler)) // what the next start reads
	if err != nil {
		t.Fatal(err)
	}
	if got := again.Snapshot().DesksOf(simDomain, "2001", time.Now()); len(got) != 1 || got[0] != "2004" {
		t.Errorf("after a restart: %v", got)
	}
	_ = again.Close()
	change := func(f func(w provisioning.Writer) error) {
		t.Helper()
		if err := d.store.Update(t.Context(), provisioning.Subject{System: true}, f); err != nil {
			t.Fatal(err)
		}
	}
	change(func(w provisioning.Writer) error {
		_, err := w.Put(simDomain, provisioning.Extension{Number: "2001", Disabled: true}, "")
		return err
	})
	if got := at("2004", time.Now()); got != "" {
		t.Errorf("%s is disabled and signed in", got)
	}
	change(func(w provisioning.Writer) error {
		_, err := w.Put(simDomain, provisioning.Extension{Number: "2001"}, "")
		return err
	})
	for i, want := range []bool{true, false} {
		if err := d.Set(t.Context(), simDomain, "2001", provisioning.FeatureDeskOut, "2004"); (err == nil) != want || at("2004", time.Now()) != "" {
			t.Errorf("sign out %d: %v", i, err)
		}
	}
	var who []string
	if err := d.store.View(t.Context(), func(r provisioning.Reader) error {
		list, err := r.Audit(simDomain, provisioning.AuditQuery{Action: "hot-desk."})
		for _, e := range list {
			who = append(who, e.Action+" "+e.Object+" by "+e.Subject)
		}
		return err
	}); err != nil || len(who) != 4 || who[0] != "hot-desk.put 2003 by extension 2001@"+simDomain {
		t.Errorf("audit %q %v", who, err)
	}
}

// TestSeats: watchers are told of the desk and of both people, and the rows of those whom the clock signed out go.
func TestSeats(t *testing.T) {
	d, dir := deskRig(t)
	told := make(chan event.AOR, 16)
	s := &seats{directory: dir, store: d.store, every: 10 * time.Millisecond, log: slog.New(slog.DiscardHandler), tell: func(a event.AOR) { told <- a }}
	s.start(t.Context())
	if err := d.SignIn(t.Context(), simDomain, "2003", "2001", "4711"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"2003", "2001"} {
		if got := <-told; got.User != want {
			t.Errorf("told of %s, want %s", got.User, want)
		}
	}
	err := d.store.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		_, err := w.Put(simDomain, provisioning.HotDesk{Desk: "2003", Person: "2001", Since: time.Unix(0, 0), Until: time.Unix(1, 0)}, "")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"2003", "2001"} {
		if got := <-told; got.User != want {
			t.Errorf("told of %s, want %s", got.User, want)
		}
	}
	for len(dir.Snapshot().Ended(time.Now())) > 0 { // the sweep is its own change
		if err := dir.WaitVersion(t.Context(), dir.Snapshot().Version()+1); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	m := seated{newMailboxes(func(event.AOR) {}), dir}
	m.Mailboxes.(*mailboxes).Set(event.AOR{User: "2001", Domain: simDomain}, event.Messages{New: 3})
	if err := d.SignIn(t.Context(), simDomain, "2003", "2001", "4711"); err != nil {
		t.Fatal(err)
	}
	if got := m.Messages(event.AOR{User: "2003", Domain: simDomain}); got.New != 3 {
		t.Errorf("the desk shows %+v", got)
	}
	if got := m.Messages(event.AOR{User: "2004", Domain: simDomain}); got.New != 0 {
		t.Errorf("another desk shows %+v", got)
	}
}

// The telephone at which 2004 is signed in rings for 2004 and calls as 2004; its own number is silent; help is called from where it stands.
func TestHotDesk(t *testing.T) {
	onStage(t, "hot-desk", func(o *stage) {
		bob, desk, dave := o.phones["2002"], o.phones["2001"], o.phones["2004"]
		out := o.invite(bob, "2004", nil)
		in, own := desk.Expect("INVITE"), dave.Expect("INVITE")
		dave.Reply(own, 180, nil)
		bob.ExpectStatus(180, "INVITE")
		a, b := o.pickUp(side{bob, out, nil, true}, side{desk, in, nil, false})
		dave.Reply(dave.Expect("CANCEL"), 200, nil)
		dave.Reply(own, 487, nil)
		dave.Expect("ACK")
		a.bye(b)
		bob.Ack(o.invite(bob, "2001", nil), bob.ExpectStatus(480, "INVITE"))
		out = o.invite(desk, "2002", nil)
		in = bob.Expect("INVITE")
		if got := in.From().URI.User; got != "2004" {
			t.Errorf("the desk calls as %s", got)
		}
		bob.Reply(in, 180, nil)
		desk.ExpectStatus(180, "INVITE")
		a, b = o.pickUp(side{desk, out, nil, true}, side{bob, in, nil, false})
		a.bye(b)
		out = o.invite(desk, "119", nil)
		in = o.carrier.Expect("INVITE")
		if got := in.From().URI.User; got != simAnswered {
			t.Errorf("help is called as %s", got)
		}
		b = side{o.carrier, in, o.carrier.Reply(in, 200, with(o.carrier, "0 101")), false}
		o.carrier.Expect("ACK")
		a = side{desk, out, desk.ExpectStatus(200, "INVITE"), true}
		desk.Ack(out, a.resp)
		o.wait(time.Second)
		a.bye(b)
		if e, ok := o.p.signalling.callbacks.find(simDomain, simAnswered); !ok || e != "2001" {
			t.Errorf("who calls back reaches %q", e)
		}
	}, provisioning.Extension{Number: "2001", Display: "Desk", AllowMD5: true, Media: "srtp-preferred", CallerID: simAnswered, HotDesk: &provisioning.HotDesking{OwnNumber: "silent"}},
		provisioning.Extension{Number: "2004", Display: "Ext 3", AllowMD5: true, Media: "srtp-preferred", CallerID: simPlain},
		provisioning.HotDesk{Desk: "2001", Person: "2004", Since: time.Unix(0, 0), Until: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)})
}

// TestHelpBySendingFindsTheDesk: who was called at another desk and sends the call to 119 is looked for at that desk, by the address that it has.
func TestHelpBySendingFindsTheDesk(t *testing.T) {
	onStage(t, "", func(o *stage) {
		bob, desk, dave := o.phones["2002"], o.phones["2001"], o.phones["2004"]
		out := o.invite(bob, "2004", nil)
		in, own := desk.Expect("INVITE"), dave.Expect("INVITE")
		dave.Reply(own, 180, nil)
		bob.ExpectStatus(180, "INVITE")
		a, b := o.pickUp(side{bob, out, nil, true}, side{desk, in, nil, false})
		dave.Reply(dave.Expect("CANCEL"), 200, nil)
		dave.Reply(own, 487, nil)
		dave.Expect("ACK")
		b.refer("sip:119@" + simDomain)
		help := o.carrier.Expect("INVITE")
		if got := help.From().URI.User; got != "+81312340000" {
			t.Errorf("help is called as %s", got)
		}
		c := side{o.carrier, help, o.carrier.Reply(help, 200, with(o.carrier, "0 101")), false}
		o.carrier.Expect("ACK")
		b.notified("200 OK")
		b.hungUp()
		o.wait(time.Second)
		a.bye(c)
		if e, ok := o.p.signalling.callbacks.find(simDomain, "+81312340000"); !ok || e != "2001" {
			t.Errorf("who calls back reaches %q", e)
		}
	}, provisioning.Extension{Number: "2001", Display: "Desk", AllowMD5: true, Media: "srtp-preferred", CallerID: simAnswered, HotDesk: &provisioning.HotDesking{OwnNumber: "silent"}},
		provisioning.Extension{Number: "2004", Display: "Ext 3", AllowMD5: true, Media: "srtp-preferred", CallerID: simPlain},
		provisioning.Site{Name: "annex", EmergencyNumber: "+81312340000", Networks: []string{"192.0.2.21/32"}, CallbackMinutes: 30},
		provisioning.HotDesk{Desk: "2001", Person: "2004", Since: time.Unix(0, 0), Until: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)})
}

// TestSignInByCode: *31 and the number, or *31 alone, ask for the PIN at a desk's telephone; a wrong one is asked for again. *32 signs out.
func TestSignInByCode(t *testing.T) {
	onStage(t, "hot-desk-sign-in", func(o *stage) {
		a := o.script(o.phones["2003"], "*312001")
		for _, k := range "0815#4711#" {
			a.inform(string(k))
		}
		a.hungUp()
		b := o.script(o.phones["2003"], "*31")
		for _, k := range "2001#4711#" {
			b.inform(string(k))
		}
		b.hungUp()
		o.ends(o.script(o.phones["2003"], "*32"), 1)
		if got, want := o.library.heard(), "voicemail/enter-pin voicemail/wrong-pin voicemail/enter-pin feature/hotdesk-login "+
			"voicemail/enter-mailbox voicemail/enter-pin feature/hotdesk-login feature/hotdesk-logout"; got != want {
			t.Errorf("heard %q", got)
		}
		if got := strings.Join(o.desk.set, "; "); got != "2003 hot-desk-out 2003" {
			t.Errorf("set %q", got)
		}
		o.records("2003 > *31 feature:hot-desk-in 200 Normal call clearing by switch", "2003 > *31 feature:hot-desk-in 200 Normal call clearing by switch",
			"2003 > *32 feature:hot-desk-out 200 Normal call clearing by switch")
	}, provisioning.Extension{Number: "2003", Display: "Desk", AllowMD5: true, Media: "srtp-preferred", HotDesk: &provisioning.HotDesking{}})
}
