package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/limit"
	"naisen/provisioning"
	"naisen/provisioning/directory"
	"naisen/provisioning/secret"
	"naisen/provisioning/store"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// denials takes what the audit log was told of refused calls.
func (o *stage) denials() (n int) {
	for len(o.p.auditor.queue) > 0 {
		if e := <-o.p.auditor.queue; e.Action == "call.denied" {
			n++
		}
	}
	return n
}

// alarmed tells whether an alarm stands for that extension.
func (o *stage) alarmed(name, extension string) bool {
	for _, a := range o.p.alarms.Alarms(simDomain) {
		if a.Name == name && a.Object == extension && a.Active {
			return true
		}
	}
	return false
}

// silence: nothing has reached the phone.
func (o *stage) silence(p *siptest.Phone) {
	o.t.Helper()
	if m, ok := p.Read(10 * time.Second); ok {
		o.t.Errorf("%s got %s", p.Name, m)
	}
}

// TestNothingForbiddenGoesOut: threats B10 and B12. 403 after an announcement, no ringing, a fact in the audit log, and not a packet to the trunk, however it is tried.
func TestNothingForbiddenGoesOut(t *testing.T) {
	trunk := provisioning.Trunk{Name: "carrier", Host: "192.0.2.50:5060", Transport: "udp", Prefixes: []string{"0", "+", "9", "*"}, Media: "srtp-forbidden"}
	onStage(t, "", func(o *stage) {
		alice, bob := o.phones["2001"], o.phones["2002"]
		for _, number := range []string{"00442071838750", "+442071838750", "%2B442071838750", "9011442071838750", "010442071838750", "9010442071838750", "0990512345",
			"1840990512345", "+81990512345", "01018765551234", "0033010442071838750", "*7000442071838", "0-0442071838750"} {
			out := o.invite(alice, number, nil)
			alice.ExpectStatus(183, "INVITE") // why is announced
			alice.Ack(out, alice.ExpectStatus(403, "INVITE"))
			o.wait(time.Second)
			if o.denials() != 1 {
				t.Errorf("%s: no fact in the audit log", number)
			}
		}
		a, b := o.talk(alice, bob, "2002")
		b.p.Send(b.referral("sip:0990512345@" + simDomain)) // judged as 2002, who asks
		b.p.ExpectStatus(403, "REFER")
		o.wait(time.Second)
		if o.denials() != 1 {
			t.Error("REFER to a premium number: no fact in the audit log")
		}
		a.bye(b)
		out := o.invite(alice, "2002", nil)
		bob.Reply(bob.Expect("INVITE"), 302, func(r *stack.Response) { r.Set("Contact", "<sip:0990512345@"+simDomain+">") })
		bob.Expect("ACK")
		alice.Ack(out, alice.ExpectStatus(480, "INVITE")) // a redirection is not followed
		o.silence(o.carrier)
		s, err := o.p.purse.LimitState(simDomain, "2001", provisioning.DialQuery{Number: "010442071838750"})
		if err != nil || len(s.Refused) != 5 || s.Refused[0].Why != "rights" || s.Dial == nil || s.Dial.Allowed || s.Dial.Class != "international" {
			t.Errorf("%+v %v", s, err)
		}
	}, trunk)
}

// TestThirdCallAndForeignCalls: threats B11.
func TestThirdCallAndForeignCalls(t *testing.T) {
	open := provisioning.Extension{Number: "2003", Display: "Open", AllowMD5: true, Limits: &provisioning.Limits{ForeignPerHour: 3},
		Rights: &provisioning.Rights{Classes: []string{"national", "international"}, Countries: []string{"44"}}}
	onStage(t, "", func(o *stage) {
		alice, carol := o.phones["2001"], o.phones["2003"]
		a1, c1 := o.talk(alice, o.carrier, "0311112222")
		a2, c2 := o.talk(alice, o.carrier, "0311112223")
		alice.Ack(o.invite(alice, "0311112224", nil), alice.ExpectStatus(486, "INVITE"))
		if !o.alarmed("limit-calls", "2001") || o.denials() != 1 {
			t.Error("the third call left no alarm or no fact")
		}
		if s, _ := o.p.purse.LimitState(simDomain, "2001", provisioning.DialQuery{Number: "0311112224"}); s.Own.Calls != (provisioning.LimitUse{Used: 2, Limit: 2}) || s.Dial.Allowed || s.Dial.Why != "limit calls of 2001" {
			t.Errorf("%+v %+v", s, s.Dial)
		}
		help := o.invite(alice, "119", nil) // nobody counts a call for help
		in := o.carrier.Expect("INVITE")
		o.carrier.Reply(in, 486, nil)
		o.carrier.Expect("ACK")
		alice.Ack(help, alice.ExpectStatus(486, "INVITE"))
		a1.bye(c1)
		o.wait(time.Second)
		a3, c3 := o.talk(alice, o.carrier, "0311112225")
		a2.bye(c2)
		a3.bye(c3)
		for range 3 { // an attempt counts, whatever comes of it
			r := o.invite(carol, "010442071838750", nil)
			o.carrier.Reply(o.carrier.Expect("INVITE"), 404, nil)
			o.carrier.Expect("ACK")
			carol.Ack(r, carol.ExpectStatus(404, "INVITE"))
			o.wait(time.Second)
		}
		carol.Ack(o.invite(carol, "010442071838750", nil), carol.ExpectStatus(403, "INVITE"))
		if !o.alarmed("limit-foreign_per_hour", "2003") {
			t.Error("no alarm for the call abroad that was one too many")
		}
		o.wait(time.Hour)
		carol.Ack(o.invite(carol, "010442071838750", nil), func() *stack.Response {
			o.carrier.Reply(o.carrier.Expect("INVITE"), 404, nil)
			o.carrier.Expect("ACK")
			return carol.ExpectStatus(404, "INVITE")
		}())
	}, open)
}

// TestMoneyEndsTheCall: when it is up, running calls end within a second, and the record says what they cost.
func TestMoneyEndsTheCall(t *testing.T) {
	town := simEntities()[0].(provisioning.Domain)
	town.Tariffs = []provisioning.Tariff{{Class: "mobile", YenPerMinute: 60}}
	payer := provisioning.Extension{Number: "2001", Display: "Ext 0", AllowMD5: true, Media: "srtp-preferred", Limits: &provisioning.Limits{YenPerDay: 61}}
	onStage(t, "", func(o *stage) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		o.p.purse.calls = o.p.calls
		o.p.purse.start(ctx)
		defer o.p.purse.Close()
		alice := o.phones["2001"]
		began := time.Now()
		_, _ = o.talk(alice, o.carrier, "09012345678")
		for ended := 0; ended < 2; { // session timers refresh it meanwhile
			for _, p := range []*siptest.Phone{o.carrier, alice} {
				m, ok := p.Read(100 * time.Millisecond)
				switch {
				case ok && m.Request != nil && m.Request.Method == "BYE":
					ended++
					p.Reply(m.Request, 200, nil)
				case ok && m.Request != nil && m.Request.Method != "ACK":
					p.Reply(m.Request, 200, func(r *stack.Response) {
						r.Add("Session-Expires", m.Request.Get("Session-Expires"))
						with(p, "0 8 101")(r)
					})
				}
			}
			if time.Since(began) > 3*time.Minute {
				t.Fatal("the call goes on without money")
			}
		}
		if lived := time.Since(began); lived < time.Minute || lived > 70*time.Second {
			t.Errorf("the call ended after %v", lived)
		}
		o.wait(time.Second)
		if !o.alarmed("limit-yen_per_day", "2001") {
			t.Error("no alarm")
		}
		o.mu.Lock()
		c := o.cdrs[0]
		o.mu.Unlock()
		if c.Charge.Extension != "2001" || c.Charge.Class != "mobile" || c.MilliYen < 61_000 || c.MilliYen > 63_000 || c.Cause.Text != "Limit reached" {
			t.Errorf("%+v", c)
		}
		alice.Ack(o.invite(alice, "09012345678", nil), alice.ExpectStatus(403, "INVITE"))
	}, town, payer)
}

// TestRestore: what was spent today is still spent after a restart.
func TestRestore(t *testing.T) {
	keys, err := secret.OpenKeyring(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	st, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "pbx.db"), Sealer: keys, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	now := time.Now()
	err = st.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		if _, err := w.Put(simDomain, provisioning.Domain{Name: simDomain}, "!"); err != nil {
			return err
		}
		for _, c := range []provisioning.CDR{
			{ID: "a", Payer: "2001", Class: "international", MilliYen: 5000, Started: now.Add(-time.Minute), Answered: now.Add(-time.Second), Ended: now},
			{ID: "b", Payer: "2001", Class: "mobile", MilliYen: 7000, Started: now.Add(-50 * time.Hour), Answered: now.Add(-50 * time.Hour), Ended: now.Add(-49 * time.Hour)},
			{ID: "c", Started: now, Answered: now, Ended: now}, // an internal call
		} {
			c.Domain = simDomain
			if err := w.AddCDR(c); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	d, err := directory.New(t.Context(), st, log)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	p := newPurse(d, auditQueue(1), newAlarms(log, time.Now), noLedger{}, func() time.Time { return now }, log)
	if err := p.restore(t.Context(), st, d.Snapshot().DomainNames()); err != nil {
		t.Fatal(err)
	}
	for _, payer := range []limit.Payer{{Domain: simDomain, Extension: "2001"}, {Domain: simDomain}} {
		if u, _ := p.book.State(payer); u.Cost != 5000 || u.Foreign != 1 || u.Calls != 0 {
			t.Errorf("%v: %+v", payer, u)
		}
	}
}

func TestMidnight(t *testing.T) {
	d := twoDomains(t)
	p := newPurse(d, auditQueue(1), nil, nil, time.Now, slog.New(slog.DiscardHandler))
	at := time.Date(2026, 4, 1, 15, 30, 0, 0, time.UTC) // half past midnight in Japan
	if got := p.midnight("a.example", at); !got.Equal(time.Date(2026, 4, 1, 15, 0, 0, 0, time.UTC)) {
		t.Error(got)
	}
	if got := p.midnight("a.example", at.Add(-time.Hour)); !got.Equal(time.Date(2026, 3, 31, 15, 0, 0, 0, time.UTC)) {
		t.Error(got)
	}
}
