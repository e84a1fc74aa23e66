package registrar

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"naisen/sip/push"
)

// services is a push.Service that takes "acme" and "calls", which wakes for calls only, and notes what it is asked to send.
type services struct {
	mu   sync.Mutex
	sent []push.Message
	fail error // what it answers
}

func (*services) Features() []string { return []string{`+sip.pns="acme"`, `+sip.pns="calls"`} }

func (*services) Takes(d push.Device) (string, error) {
	switch {
	case d.Provider != "acme" && d.Provider != "calls":
		return "", push.ErrUnsupported
	case d.Param != "app":
		return "", push.ErrDevice
	}
	return `+sip.pns="` + d.Provider + `"`, d.Check()
}

func (*services) Wakes(d push.Device, o push.Occasion) bool {
	return o == push.ForCall || d.Provider == "acme"
}

func (s *services) Push(m push.Message, done func(error)) {
	s.mu.Lock()
	s.sent = append(s.sent, m)
	err := s.fail
	s.mu.Unlock()
	done(err)
}

func (s *services) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sent)
}

// xor seals so that a test can see that it is sealed, and for what place.
type xor struct{}

func (xor) Seal(domain, kind, key string, plain []byte) ([]byte, error) {
	out := []byte(domain + "|" + kind + "|" + key + "|")
	for _, b := range plain {
		out = append(out, b^0x55)
	}
	return out, nil
}

func (xor) Open(domain, kind, key string, sealed []byte) ([]byte, error) {
	rest, ok := strings.CutPrefix(string(sealed), domain+"|"+kind+"|"+key+"|")
	if !ok {
		return nil, errors.New("another place")
	}
	var out []byte
	for _, b := range []byte(rest) {
		out = append(out, b^0x55)
	}
	return out, nil
}

const pn = ";pn-provider=acme;pn-param=app;pn-prid=s3cret"

func newPushBench(t *testing.T) (*bench, *services) {
	s := &services{}
	return newBench(t, Config{Push: Push{Service: s, Sealer: xor{}}}), s
}

// TestPushAnswers: what a REGISTER with the parameters of RFC 8599 is told.
func TestPushAnswers(t *testing.T) {
	for _, c := range []struct {
		contact string
		status  int
		caps    string
	}{
		{"<sip:a@192.0.2.1" + pn + ">", 200, `*;+sip.pns="acme"`},
		{"<sip:a@192.0.2.1" + pn + ">;+sip.pnsreg", 200, `*;+sip.pns="acme";+sip.pnsreg="130"`},
		{"<sip:a@192.0.2.1;pn-provider>", 200, `*;+sip.pns="acme";+sip.pns="calls"`},
		{"<sip:a@192.0.2.1>", 200, ""},
		{"<sip:a@192.0.2.1;pn-provider=acme;pn-param=app>", 200, ""}, // no token: nobody can be woken
		{"<sip:a@192.0.2.1;pn-provider=other;pn-param=app;pn-prid=x>", 555, `*;+sip.pns="acme";+sip.pns="calls"`},
		{"<sip:a@192.0.2.1;pn-provider=other;pn-param=app;pn-prid=x>;expires=0", 200, ""}, // who leaves is let go
		{"<sip:a@192.0.2.1;pn-provider=acme;pn-param=other;pn-prid=x>", 400, ""},
		{"<sip:a@192.0.2.1;pn-provider=acme;pn-param=app;pn-prid=x;pn-prid=y>", 400, ""},
		{"<sip:a@192.0.2.1;pn-provider=acme;pn-param=app;pn-prid=" + strings.Repeat("x", 800) + ">", 400, ""},
	} {
		b, _ := newPushBench(t)
		resp := b.register(udp, "Contact: "+c.contact)
		if resp.Status != c.status || resp.Get("Feature-Caps") != c.caps {
			t.Errorf("%.80s: %d %s, Feature-Caps %q", c.contact, resp.Status, resp.Reason, resp.Get("Feature-Caps"))
		}
		if c.status == 200 && c.caps != "" && !strings.Contains(resp.Get("Contact"), strings.Trim(strings.Split(c.contact, ">")[0], "<")) {
			t.Errorf("the phone does not find its own Contact in %q", resp.Get("Contact"))
		}
	}
	without := newBench(t, Config{})
	if resp := without.register(udp, "Contact: <sip:a@192.0.2.1;pn-provider=other;pn-prid=x>"); resp.Status != 200 || resp.Get("Feature-Caps") != "" {
		t.Errorf("without push: %d", resp.Status)
	}
}

// TestSleeps: a device that sleeps keeps its binding without its connection, is not sent to, and can be reached again by its REGISTER.
func TestSleeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := newPushBench(t)
		one := tcp()
		resp := b.expect(200, one, "Contact: <sip:a@192.0.2.1"+pn+">", "Expires: 400000")
		if !strings.Contains(resp.Get("Contact"), "expires=400000") {
			t.Errorf("it may not refresh for a day: %s", resp.Get("Contact"))
		}
		if d := b.r.Devices(aor); len(d) != 1 || d[0][0].Asleep || !d[0][0].Sleeps {
			t.Fatalf("awake: %+v", d)
		}
		pass(21 * time.Second)
		if d := b.r.Devices(aor); !d[0][0].Asleep {
			t.Fatal("nothing was heard of it, and it counts as awake")
		}
		b.r.FlowClosed(one.flow)
		b.holds("")
		if d := b.r.Devices(aor); len(d) != 1 || !d[0][0].Asleep {
			t.Fatalf("the binding ended with its connection: %+v", d)
		}
		b.expect(200, tcp(), "Contact: <sip:b@198.51.100.7"+pn+">") // elsewhere, with the same token
		b.holds("b")
		if d := b.r.Devices(aor); len(d) != 1 || d[0][0].Asleep {
			t.Fatalf("awake again: %+v", d)
		}
	})
}

// TestFlowsThatSleep: two flows of one device have one token, and stay two; the REGISTER of either wakes it.
func TestFlowsThatSleep(t *testing.T) {
	b, _ := newPushBench(t)
	one, two := tcp(), tcp()
	flow := func(from source, user string, id int) {
		b.expect(200, from, fmt.Sprintf("Contact: <sip:%s@192.0.2.1;ob%s>;reg-id=%d%s", user, pn, id, inst), "Supported: outbound")
	}
	flow(one, "one", 1)
	flow(two, "two", 2)
	if d := b.r.Devices(aor); len(d) != 1 || len(d[0]) != 2 {
		t.Fatalf("%d devices, the first with %d flows", len(d), len(d[0]))
	}
	b.r.FlowClosed(one.flow)
	b.r.FlowClosed(two.flow)
	if d := b.r.Devices(aor); len(d) != 1 || len(d[0]) != 2 || !d[0][0].Asleep || !d[0][1].Asleep {
		t.Fatalf("asleep: %+v", d)
	}
	var got Binding
	if _, ok := b.r.Await(aor, push.Device{Provider: "acme", Param: "app", PRID: "s3cret"}, func(x Binding) { got = x }); !ok {
		t.Fatal("refused")
	}
	flow(tcp(), "two", 2)
	b.r.woken(aor)
	if got.Contact.User != "two" {
		t.Errorf("woken: %v", got)
	}
}

// TestAwait: who waits for a device is served by its REGISTER, once, and by nobody else's.
func TestAwait(t *testing.T) {
	b, _ := newPushBench(t)
	device := push.Device{Provider: "acme", Param: "app", PRID: "s3cret"}
	var got []Binding
	await := func() func() bool {
		cancel, ok := b.r.Await(aor, device, func(x Binding) { got = append(got, x) })
		if !ok {
			t.Fatal("refused")
		}
		return cancel
	}
	register := func(contact string) {
		b.expect(200, tcp(), "Contact: "+contact)
		b.r.woken(aor) // Register does, after its answer
	}
	register("<sip:a@192.0.2.1" + pn + ">")
	first, second, third := await(), await(), await()
	b.r.woken(aor)
	register("<sip:other@192.0.2.9;pn-provider=acme;pn-param=app;pn-prid=other>")
	if len(got) != 0 {
		t.Fatalf("served by somebody else: %v", got)
	}
	if !third() || third() {
		t.Error("who waits can give up, once")
	}
	register("<sip:a@192.0.2.1" + pn + ">")
	if len(got) != 2 || got[0].Contact.User != "a" || got[0].Asleep || first() || second() {
		t.Fatalf("served: %v", got)
	}
	if s := b.r.Stats(); s.Held != 0 || len(b.r.waits) != 0 {
		t.Errorf("left over: %+v", s)
	}
	small := newBench(t, Config{Push: Push{Service: &services{}, Waits: 1}})
	if _, ok := small.r.Await(aor, device, func(Binding) {}); !ok {
		t.Error("the first may wait")
	}
	if _, ok := small.r.Await(aor, device, func(Binding) {}); ok || small.r.Stats().NotHeld != 1 {
		t.Error("there is no bound")
	}
}

// TestNudge: a device that does not wake by itself is woken in time to refresh, once for each life; one that does, and one that may be woken for
// calls only, never.
func TestNudge(t *testing.T) {
	for _, c := range []struct {
		contact string
		want    int
	}{
		{"<sip:a@192.0.2.1" + pn + ">", 2},
		{"<sip:a@192.0.2.1" + pn + ">;+sip.pnsreg", 0},
		{"<sip:a@192.0.2.1;pn-provider=calls;pn-param=app;pn-prid=x>", 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			b, s := newPushBench(t)
			if err := b.r.Start(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			b.expect(200, udp, "Contact: "+c.contact, "Expires: 600")
			pass(479 * time.Second)
			if s.count() != 0 {
				t.Fatal("too early")
			}
			pass(2 * time.Second)
			if s.count() != c.want/2 {
				t.Fatalf("%s: %d at the lead", c.contact, s.count())
			}
			b.expect(200, udp, "Contact: "+c.contact, "Expires: 600")
			pass(599 * time.Second)
			if s.count() != c.want || b.r.Count() != 1 {
				t.Fatalf("%s: %d in two lives, %d bindings", c.contact, s.count(), b.r.Count())
			}
			pass(2 * time.Second)
			if b.r.Count() != 0 {
				t.Error("it never ends")
			}
			if err := b.r.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestNudgeAgain: a push for a refresh that the service did not take is tried again while there is time, and no more once it was refused for good.
func TestNudgeAgain(t *testing.T) {
	for why, want := range map[error]int{push.ErrUnavailable: 4, push.ErrFull: 4, push.ErrGone: 1, push.ErrRejected: 1} {
		synctest.Test(t, func(t *testing.T) {
			b, s := newPushBench(t)
			s.fail = why
			if err := b.r.Start(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			b.expect(200, udp, "Contact: <sip:a@192.0.2.1"+pn+">", "Expires: 600")
			pass(599 * time.Second)
			if s.count() != want {
				t.Errorf("%v: %d pushes", why, s.count())
			}
			pass(2 * time.Second)
			if s.count() != want || b.r.Count() != 0 {
				t.Errorf("%v: %d pushes, %d bindings after the end", why, s.count(), b.r.Count())
			}
			if err := b.r.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestTokenIsSealed: a token is nowhere in what is stored, and is there again after a restart; without a key, or moved to another place, the
// binding is not.
func TestTokenIsSealed(t *testing.T) {
	b, s := newPushBench(t)
	b.expect(200, tcp(), "Contact: <sip:a@192.0.2.1"+pn+";transport=tcp>", "Expires: 7200")
	h := b.r.aors[aor][0]
	rec := b.r.record(h)
	if len(rec.Body) == 0 || strings.Contains(string(rec.Body), "s3cret") || strings.Contains(rec.Key, "s3cret") {
		t.Fatalf("stored as %s", rec.Body)
	}
	back, err := b.r.restore(rec)
	if err != nil || back.Text != h.Text || back.sleep != sleepsPushed {
		t.Fatalf("restored %+v, %v", back, err)
	}
	moved := rec
	moved.AOR = "2002@example.test"
	if _, err := b.r.restore(moved); err == nil {
		t.Error("a token of another place is opened")
	}
	bare := New(Config{Push: Push{Service: s}}, nil, slog.New(slog.DiscardHandler))
	if _, err := bare.restore(rec); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("without a key: %v", err)
	}
	if rec := bare.record(h); len(rec.Body) != 0 {
		t.Error("a token is stored in plain where there is no key")
	}
	if u := Public(h.contact()).String(); strings.Contains(u, "pn-") || !strings.Contains(u, "transport=tcp") {
		t.Errorf("shown as %s", u)
	}
	x := b.r.Bindings(aor)[0]
	if text := fmt.Sprintf("%v %+v %#v %v", x, x, x, slog.AnyValue(x).Resolve()); strings.Contains(text, "s3cret") {
		t.Error(text)
	}
	if text := fmt.Sprint(push.Device{PRID: "s3cret"}); strings.Contains(text, "s3cret") {
		t.Error(text)
	}
}

// Both tokens of one app, in one Contact, are one secret.
func TestTwoTokensAreSealed(t *testing.T) {
	b, _ := newPushBench(t)
	want := push.Device{Provider: "acme", Param: "app", PRID: "s3cret:remote&s3cret2:voip"}
	b.expect(200, tcp(), "Contact: <sip:a@192.0.2.1;pn-provider=acme;pn-param="+want.Param+";pn-prid="+want.PRID+";transport=tcp>", "Expires: 7200")
	h := b.r.aors[aor][0]
	if d, _, ok := deviceOf(h.contact()); !ok || d != want {
		t.Errorf("read as %q %q", d.Param, d.PRID)
	}
	rec := b.r.record(h)
	if strings.Contains(string(rec.Body), "s3cret") {
		t.Fatalf("stored as %s", rec.Body)
	}
	if back, err := b.r.restore(rec); err != nil || back.Text != h.Text {
		t.Errorf("restored %+v, %v", back, err)
	}
}

// TestForget: a device whose service knows it no more is rung no more, unless it has come back.
func TestForget(t *testing.T) {
	b, _ := newPushBench(t)
	device := push.Device{Provider: "acme", Param: "app", PRID: "s3cret"}
	one := tcp()
	b.expect(200, one, "Contact: <sip:a@192.0.2.1"+pn+">")
	b.r.Forget(aor, device)
	if b.r.Count() != 1 {
		t.Fatal("it is awake")
	}
	b.r.FlowClosed(one.flow)
	b.r.Forget(aor, push.Device{Provider: "acme", Param: "app", PRID: "other"})
	if b.r.Count() != 1 {
		t.Fatal("another one was meant")
	}
	b.r.Forget(aor, device)
	if b.r.Count() != 0 {
		t.Error("it is there still")
	}
}
