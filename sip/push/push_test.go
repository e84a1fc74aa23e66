package push_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"naisen/sip/push"
	"naisen/sip/push/pushtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const topic = "jp.example.softphone"

// token makes a device's token as Apple gives it out.
func token() string {
	raw := make([]byte, 32)
	for i := range raw {
		raw[i] = byte(rand.IntN(256))
	}
	return hex.EncodeToString(raw)
}

func soon() time.Time { return time.Now().Add(30 * time.Second) }

func newAPNs(t *testing.T, sim *pushtest.APNs, change func(*push.APNsConfig)) push.Provider {
	t.Helper()
	cfg := push.APNsConfig{Key: sim.Key, KeyID: sim.KeyID, TeamID: sim.TeamID, Topics: []string{topic}, Base: sim.URL, Transport: sim.Transport()}
	if change != nil {
		change(&cfg)
	}
	p, err := push.NewAPNs(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func newFCM(t *testing.T, sim *pushtest.FCM, change func(*push.FCMConfig)) push.Provider {
	t.Helper()
	cfg := push.FCMConfig{Account: sim.Account, Base: sim.URL, TokenURI: sim.TokenURI(), Transport: sim.Transport()}
	if change != nil {
		change(&cfg)
	}
	p, err := push.NewFCM(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func newWebPush(t *testing.T, sim *pushtest.WebPush, change func(*push.WebPushConfig)) push.Provider {
	t.Helper()
	cfg := push.WebPushConfig{Key: sim.Key, Contact: "mailto:pbx@example.jp", Hosts: []string{sim.Host()}, Transport: sim.Transport()}
	if change != nil {
		change(&cfg)
	}
	p, err := push.NewWebPush(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// vapidOf is the public key that a provider says.
func vapidOf(p push.Provider) string {
	_, rest, _ := strings.Cut(p.Features(), `+sip.vapid="`)
	return strings.TrimSuffix(rest, `"`)
}

// TestAPNs: a call and a refresh as Apple takes them, and what it refuses.
func TestAPNs(t *testing.T) {
	sim := pushtest.NewAPNs(t, topic, topic+".voip")
	p := newAPNs(t, sim, nil)
	d := push.Device{Provider: "apns", Param: sim.TeamID + "." + topic + ".voip", PRID: token()}
	plain := push.Device{Provider: "apns", Param: sim.TeamID + "." + topic, PRID: token()}
	sim.Register(d.PRID)
	sim.Register(plain.PRID)
	for _, c := range []struct {
		d    push.Device
		why  push.Occasion
		kind string
	}{{d, push.ForCall, "voip"}, {plain, push.ForCall, "alert"}, {plain, push.ForRefresh, "background"}} {
		if err := p.Send(t.Context(), push.Message{Device: c.d, Why: c.why, ID: "x1", Until: soon()}); err != nil {
			t.Fatalf("%v: %v", c, err)
		}
		got := sim.Delivered()
		last := got[len(got)-1]
		if last.Kind != c.kind || last.PRID != c.d.PRID || last.Data["pn"] != c.why.String() || last.TTL <= 0 || last.TTL > 31*time.Second {
			t.Errorf("%v delivered as %v", c.kind, last)
		}
	}
	if p.Wakes(d, push.ForRefresh) || !p.Wakes(d, push.ForCall) || !p.Wakes(plain, push.ForRefresh) {
		t.Error("a voip topic wakes for calls only")
	}
	sim.Forget(d.PRID)
	if err := p.Send(t.Context(), push.Message{Device: d, Until: soon()}); !errors.Is(err, push.ErrGone) {
		t.Errorf("removed app: %v", err)
	}
	d.PRID = token()
	if err := p.Send(t.Context(), push.Message{Device: d, Until: soon()}); !errors.Is(err, push.ErrGone) || sim.Refused("BadDeviceToken") != 1 {
		t.Errorf("unknown token: %v", err)
	}
	sim.Down(503)
	if err := p.Send(t.Context(), push.Message{Device: d, Until: soon()}); !errors.Is(err, push.ErrUnavailable) {
		t.Errorf("down: %v", err)
	}
	sim.Down(429)
	if err := p.Send(t.Context(), push.Message{Device: d, Until: soon()}); !errors.Is(err, push.ErrBusy) {
		t.Errorf("busy: %v", err)
	}
	sim.Down(0)
	wrong := newAPNs(t, sim, func(c *push.APNsConfig) { c.KeyID = "0000000000" })
	if err := wrong.Send(t.Context(), push.Message{Device: plain, Until: soon()}); !errors.Is(err, push.ErrRejected) || !strings.Contains(err.Error(), "InvalidProviderToken") {
		t.Errorf("wrong key id: %v", err)
	}
}

// TestAPNsToken: one provider token for as long as Apple wants it, and a new one when the service's clock says that it is old.
func TestAPNsToken(t *testing.T) {
	sim := pushtest.NewAPNs(t, topic)
	now := time.Now()
	var mu sync.Mutex
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	forward := func(d time.Duration) { mu.Lock(); defer mu.Unlock(); now = now.Add(d) }
	sim.Clock(clock)
	p := newAPNs(t, sim, func(c *push.APNsConfig) { c.Clock = clock })
	d := push.Device{Provider: "apns", Param: sim.TeamID + "." + topic, PRID: token()}
	sim.Register(d.PRID)
	for _, step := range []time.Duration{0, 30 * time.Minute, 19 * time.Minute, 2 * time.Minute, 49 * time.Minute, 2 * time.Minute} {
		forward(step)
		if err := p.Send(t.Context(), push.Message{Device: d, Until: clock().Add(time.Minute)}); err != nil {
			t.Fatalf("after %v more: %v", step, err)
		}
	}
	ahead := now.Add(45 * time.Minute) // the service finds a token older than we do
	sim.Clock(func() time.Time { return ahead })
	forward(25 * time.Minute)
	if err := p.Send(t.Context(), push.Message{Device: d, Until: clock().Add(time.Hour)}); err != nil || sim.Refused("ExpiredProviderToken") > 1 {
		t.Errorf("with clocks apart: %v, %d refusals", err, sim.Refused("ExpiredProviderToken"))
	}
	if sim.Refused("TooManyProviderTokenUpdates") != 0 {
		t.Error("too many tokens were made")
	}
}

// TestFCM: a service account's assertion, one access token for all messages, a revoked one renewed, and what Google refuses.
func TestFCM(t *testing.T) {
	sim := pushtest.NewFCM(t)
	p := newFCM(t, sim, nil)
	d := push.Device{Provider: "fcm", Param: sim.Project, PRID: "bk3RNwTe3H0:CI2k_HHwgIpoDKCIZvvDMExUdFQ3P1"}
	if err := p.Takes(d); err != nil {
		t.Fatal(err)
	}
	sim.Register(d.PRID)
	m := push.Message{Device: d, ID: "x1", Until: soon()}
	for range 3 {
		if err := p.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	got := sim.Delivered()
	if len(got) != 3 || got[0].Kind != "HIGH" || got[0].Data["id"] != "x1" || got[0].TTL < 28*time.Second || sim.Issued() != 1 {
		t.Errorf("delivered %v with %d tokens", got, sim.Issued())
	}
	sim.Forget(d.PRID)
	if err := p.Send(t.Context(), m); !errors.Is(err, push.ErrGone) {
		t.Errorf("removed app: %v", err)
	}
	sim.Register(d.PRID)
	later := newFCM(t, sim, func(c *push.FCMConfig) {
		at := time.Now().Add(-2 * time.Minute)
		c.Clock = func() time.Time { at = at.Add(20 * time.Second); return at }
	})
	if err := later.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	for range 4 { // until the token is old enough to be believed bad
		sim.Revoke()
		if err := later.Send(t.Context(), m); err == nil {
			return
		} else if !errors.Is(err, push.ErrRejected) {
			t.Fatalf("revoked: %v", err)
		}
	}
	t.Error("a revoked token is never renewed")
}

// TestWebPush: VAPID and the encrypted body as a browser opens it, the empty one, and what the service refuses.
func TestWebPush(t *testing.T) {
	sim := pushtest.NewWebPush(t)
	p := newWebPush(t, sim, nil)
	prid, param := sim.Subscribe(t, vapidOf(p))
	d := push.Device{Provider: "webpush", Param: param, PRID: prid}
	for _, d := range []push.Device{d, {Provider: "webpush", PRID: prid}} {
		if err := p.Takes(d); err != nil {
			t.Fatal(err)
		}
		if err := p.Send(t.Context(), push.Message{Device: d, ID: "x1", Until: soon()}); err != nil {
			t.Fatal(err)
		}
	}
	got := sim.Delivered()
	if len(got) != 2 || got[0].Data["id"] != "x1" || got[1].Data != nil || got[0].Kind != "high" {
		t.Errorf("delivered %v", got)
	}
	other, _ := sim.Subscribe(t, "BNobodysKey")
	if err := p.Send(t.Context(), push.Message{Device: push.Device{Provider: "webpush", PRID: other}, Until: soon()}); !errors.Is(err, push.ErrRejected) {
		t.Errorf("subscription of another: %v", err)
	}
	sim.Forget(prid)
	if err := p.Send(t.Context(), push.Message{Device: d, Until: soon()}); !errors.Is(err, push.ErrGone) {
		t.Errorf("ended: %v", err)
	}
}

// TestTakes: parameters of a REGISTER that cannot be those of an app of ours are refused, an address in somebody's own network above all.
func TestTakes(t *testing.T) {
	a, f, w := pushtest.NewAPNs(t, topic), pushtest.NewFCM(t), pushtest.NewWebPush(t)
	s := push.New(push.Config{Workers: 1, Providers: []push.Provider{newAPNs(t, a, nil), newFCM(t, f, nil),
		newWebPush(t, w, func(c *push.WebPushConfig) { c.Hosts = []string{"push.example", "*.notify.example"} })}}, slog.New(slog.DiscardHandler))
	defer s.Close()
	good := token()
	_, keys := w.Subscribe(t, "")
	for _, c := range []struct {
		provider, param, prid string
		want                  error
	}{
		{"apns", a.TeamID + "." + topic, good, nil},
		{"apns", a.TeamID + "." + topic + ".voip", good, nil},
		{"apns", "OTHERTEAM1." + topic, good, push.ErrDevice},
		{"apns", a.TeamID + ".jp.example.other", good, push.ErrDevice},
		{"apns", a.TeamID + "." + topic, good[:40], push.ErrDevice},
		{"apns", a.TeamID + "." + topic, "../../x" + good[7:], push.ErrDevice},
		{"apns", topic, good, push.ErrDevice},
		{"fcm", "example-project", "bk3RNwTe3H0:CI2k_HHwgIpoDKCIZvvDMExUdFQ3P1", nil},
		{"fcm", "other-project", "bk3RNwTe3H0:CI2k_HHwgIpoDKCIZvvDMExUdFQ3P1", push.ErrDevice},
		{"fcm", "example-project", "short", push.ErrDevice},
		{"fcm", "example-project", strings.Repeat("a", 800), push.ErrDevice},
		{"webpush", "", "https://push.example/send/1", nil},
		{"webpush", keys, "https://push.example/send/1", nil},
		{"webpush", keys[:20], "https://push.example/send/1", push.ErrDevice},
		{"webpush", "", "https://tyo.notify.example/w/?token=1", nil},
		{"webpush", "", "https://notify.example/w/?token=1", push.ErrDevice},
		{"webpush", "", "http://push.example/send/1", push.ErrDevice},
		{"webpush", "", "https://push.example:8443/send/1", push.ErrDevice},
		{"webpush", "", "https://u:p@push.example/send/1", push.ErrDevice},
		{"webpush", "", "https://push.example.evil.example/send/1", push.ErrDevice},
		{"webpush", "", "https://127.0.0.1/send/1", push.ErrDevice},
		{"webpush", "", "https://[::1]/send/1", push.ErrDevice},
		{"acme", "x", "y", push.ErrUnsupported},
		{"", "x", "y", push.ErrUnsupported},
	} {
		if _, err := s.Takes(push.Device{Provider: c.provider, Param: c.param, PRID: c.prid}); !errors.Is(err, c.want) {
			t.Errorf("%s %s %.30s: %v, want %v", c.provider, c.param, c.prid, err, c.want)
		}
	}
}

// TestNothingTellsASecret: keys and tokens are in no log, no error and no printed value, whatever goes wrong.
func TestNothingTellsASecret(t *testing.T) {
	a, f, w := pushtest.NewAPNs(t, topic), pushtest.NewFCM(t), pushtest.NewWebPush(t)
	var out syncBuffer
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	wp := newWebPush(t, w, nil)
	s := push.New(push.Config{Workers: 1, Failures: 2, Providers: []push.Provider{newAPNs(t, a, func(c *push.APNsConfig) { c.KeyID = "0000000000" }), newFCM(t, f, nil), wp}}, log)
	prid, param := w.Subscribe(t, vapidOf(wp))
	apple, google := token(), "bk3RNwTe3H0:CI2k_HHwgIpoDKCIZvvDMExUdFQ3P1"
	devices := []push.Device{{Provider: "apns", Param: a.TeamID + "." + topic, PRID: apple}, {Provider: "fcm", Param: f.Project, PRID: google}, {Provider: "webpush", Param: param, PRID: prid}}
	for _, d := range devices {
		fmt.Fprintf(&out, "%v %+v %#v %s", d, d, d, push.Message{Device: d})
		log.Info("device", "device", d)
		wait(t, s, push.Message{Device: d, Until: soon()}, &out)
	}
	for _, sim := range []interface{ Down(int) }{a, f, w} {
		sim.Down(500)
	}
	for _, d := range devices {
		wait(t, s, push.Message{Device: d, Until: soon()}, &out)
	}
	s.Close()
	fmt.Fprintf(&out, "%v %+v", push.APNsConfig{Key: a.Key}, push.FCMConfig{Account: f.Account})
	fmt.Fprintf(&out, "%#v", push.WebPushConfig{Key: w.Key})
	path := strings.TrimPrefix(prid, w.URL)
	for _, secret := range []string{apple, google, path, "PRIVATE KEY", "eyJ", "ya29"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q is told in %s", secret, out.String())
		}
	}
	if !strings.Contains(out.String(), "InvalidProviderToken") {
		t.Error("the refusal is not told")
	}
}

// syncBuffer is a buffer for several writers.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// wait pushes and notes what came of it.
func wait(t *testing.T, s *push.Service, m push.Message, out *syncBuffer) {
	t.Helper()
	done := make(chan error, 1)
	s.Push(m, func(err error) { done <- err })
	select {
	case err := <-done:
		fmt.Fprintln(out, err)
	case <-time.After(10 * time.Second):
		t.Fatal("no answer")
	}
}

// fake is a provider that does as the test says.
type fake struct {
	send func(context.Context, push.Message) error
}

func (fake) Name() string                                     { return "fake" }
func (fake) Peer(d push.Device) string                        { return d.Param }
func (fake) Features() string                                 { return `+sip.pns="fake"` }
func (fake) Takes(push.Device) error                          { return nil }
func (fake) Wakes(_ push.Device, o push.Occasion) bool        { return o == push.ForCall }
func (f fake) Send(ctx context.Context, m push.Message) error { return f.send(ctx, m) }

var fakeDevice = push.Device{Provider: "fake", PRID: "1"}

// TestQueue: what finds no room is dropped, counted and said at once; what waits at the end is answered; each message is answered once.
func TestQueue(t *testing.T) {
	entered, release := make(chan bool, 100), make(chan bool)
	s := push.New(push.Config{Workers: 1, Queue: 3, Providers: []push.Provider{fake{func(ctx context.Context, _ push.Message) error {
		entered <- true
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return push.ErrUnavailable
		}
	}}}}, slog.New(slog.DiscardHandler))
	answers := make(chan error, 100)
	send := func() { s.Push(push.Message{Device: fakeDevice, Until: soon()}, func(err error) { answers <- err }) }
	send()
	<-entered
	for range 5 {
		send()
	}
	for range 2 {
		if err := <-answers; !errors.Is(err, push.ErrFull) {
			t.Errorf("without room: %v", err)
		}
	}
	s.Push(push.Message{Device: fakeDevice, Why: push.ForRefresh, Until: soon()}, func(err error) { answers <- err })
	if err := <-answers; !errors.Is(err, push.ErrOccasion) {
		t.Errorf("not allowed: %v", err)
	}
	release <- true
	if err := <-answers; err != nil {
		t.Errorf("sent: %v", err)
	}
	<-entered
	s.Close()
	for range 3 {
		if err := <-answers; !errors.Is(err, push.ErrClosed) {
			t.Errorf("at the end: %v", err)
		}
	}
	send()
	if err := <-answers; !errors.Is(err, push.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
	if st := s.Stats()[0]; st.Full != 2 || st.Sent != 1 || st.Waiting != 0 || len(answers) != 0 {
		t.Errorf("stats %+v, %d answers too many", st, len(answers))
	}
}

// TestHangingService: a service that takes requests and says nothing costs its patience, not more.
func TestHangingService(t *testing.T) {
	sim := pushtest.NewFCM(t)
	sim.Hang(true)
	s := push.New(push.Config{Workers: 1, Patience: 50 * time.Millisecond, Providers: []push.Provider{newFCM(t, sim, nil)}}, slog.New(slog.DiscardHandler))
	defer s.Close()
	done := make(chan error, 1)
	s.Push(push.Message{Device: push.Device{Provider: "fcm", Param: sim.Project, PRID: "x"}, Until: soon()}, func(err error) { done <- err })
	if err := <-done; !errors.Is(err, push.ErrUnavailable) {
		t.Error(err)
	}
	sim.Transport().CloseIdleConnections()
}

// TestKeysThatAreNone: a configuration with an unusable credential is refused, and the refusal does not repeat it.
func TestKeysThatAreNone(t *testing.T) {
	a, f := pushtest.NewAPNs(t, topic), pushtest.NewFCM(t)
	errs := []error{}
	note := func(_ push.Provider, err error) { errs = append(errs, err) }
	note(push.NewAPNs(push.APNsConfig{Key: []byte("s3cret"), KeyID: a.KeyID, TeamID: a.TeamID, Topics: []string{topic}}))
	note(push.NewAPNs(push.APNsConfig{Key: a.Key, KeyID: "short", TeamID: a.TeamID, Topics: []string{topic}}))
	note(push.NewAPNs(push.APNsConfig{Key: a.Key, KeyID: a.KeyID, TeamID: a.TeamID}))
	note(push.NewAPNs(push.APNsConfig{Key: a.Key, KeyID: a.KeyID, TeamID: a.TeamID, Topics: []string{topic}, Base: "http://127.0.0.1"}))
	note(push.NewFCM(push.FCMConfig{Account: []byte(`{"type":"authorized_user","client_secret":"s3cret"}`)}))
	note(push.NewFCM(push.FCMConfig{Account: bytes.Replace(f.Account, []byte("PRIVATE KEY"), []byte("s3cret"), 1)}))
	note(push.NewFCM(push.FCMConfig{Account: f.Account, TokenURI: "http://127.0.0.1/"}))
	note(push.NewWebPush(push.WebPushConfig{Key: a.Key, Contact: "nobody"}))
	note(push.NewWebPush(push.WebPushConfig{Key: []byte("s3cret"), Contact: "mailto:pbx@example.jp"}))
	for i, err := range errs {
		if !errors.Is(err, push.ErrKey) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%d: %v", i, err)
		}
	}
}
