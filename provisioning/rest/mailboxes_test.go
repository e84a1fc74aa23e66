package rest

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/policy"
	"naisen/provisioning/secret"
)

// fakeMessages has one message and one greeting in mailbox 2001, and the same in another domain.
type fakeMessages struct {
	mu    sync.Mutex
	audio []byte
	heard bool
	gone  map[string]bool
}

func newFakeMessages() *fakeMessages {
	return &fakeMessages{audio: bytes.Repeat([]byte("RIFF"), 1000), gone: map[string]bool{}}
}

func (f *fakeMessages) Messages(_ context.Context, _, mailbox string) (out []provisioning.Message, err error) {
	if m, err := f.Message(context.Background(), here, mailbox, "m1"); err == nil {
		out = append(out, m)
	}
	return out, nil
}

func (f *fakeMessages) Message(_ context.Context, domain, mailbox, id string) (provisioning.Message, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if domain != here || mailbox != "2001" || id != "m1" && id != "g1" || f.gone[id] {
		return provisioning.Message{}, provisioning.ErrNotFound
	}
	m := provisioning.Message{ID: id, From: "+819012345678", Left: time.Unix(1e9, 0).UTC(), Seconds: 3.5}
	if f.heard {
		m.Heard = &m.Left
	}
	return m, nil
}

type fakeAudio struct{ *bytes.Reader }

func (fakeAudio) Close() error { return nil }

func (f *fakeMessages) Audio(ctx context.Context, domain, mailbox, id string) (provisioning.MessageAudio, error) {
	if _, err := f.Message(ctx, domain, mailbox, id); err != nil {
		return nil, err
	}
	return fakeAudio{bytes.NewReader(f.audio)}, nil
}

func (f *fakeMessages) MarkMessage(_ context.Context, _, _, _ string, heard bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.heard = heard
	return nil
}

func (f *fakeMessages) RemoveMessage(_ context.Context, _, _, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gone[id] = true
	return nil
}

func (f *fakeMessages) Greetings(ctx context.Context, domain, mailbox string) ([]provisioning.Message, error) {
	m, err := f.Message(ctx, domain, mailbox, "g1")
	m.Mode = "busy"
	if err != nil {
		return nil, nil
	}
	return []provisioning.Message{m}, nil
}

// A mailbox is refused with field and reason; its PIN is written, hashed, and in no answer or log.
func TestMailboxes(t *testing.T) {
	r := newRig(t)
	at := base + "/mailboxes/2001"
	for body, field := range map[string]string{`{"max_seconds":5}`: "body.max_seconds", `{"members":["2999"]}`: "body.members[0]", `{"calendar":"none"}`: "body.calendar",
		`{"retention_days":-1}`: "body.retention_days", `{"greetings":{"busy":"../x"}}`: "body.greetings.busy", `{"pin":"4711"}`: "body.pin"} {
		if p := r.do(t, admin, "PUT", at, body); p.status != 422 || p.location(t) != field {
			t.Errorf("%s: %d %s", body, p.status, p.body)
		}
	}
	if p := r.do(t, admin, "PUT", base+"/mailboxes/119", `{}`); p.status != 422 {
		t.Errorf("an emergency number: %d", p.status)
	}
	if p := r.do(t, "alice+staff", "PUT", at+"/pin", `{"pin":"4711"}`); p.status != 404 {
		t.Errorf("a PIN of nothing: %d", p.status)
	}
	if p := r.do(t, "tess+telephony", "PUT", at, `{"title":"Alice","max_seconds":60}`); p.status != 201 {
		t.Fatalf("%d %s", p.status, p.body)
	}
	if p := r.do(t, "alice+staff", "GET", at, ""); p.status != 200 {
		t.Errorf("its owner: %d", p.status)
	}
	for _, bad := range []string{"12", "1111", "12a4", "1234567890123"} {
		if p := r.do(t, "alice+staff", "PUT", at+"/pin", `{"pin":"`+bad+`"}`); p.status != 422 || p.location(t) != "body.pin" {
			t.Errorf("PIN %s: %d %s", bad, p.status, p.body)
		}
	}
	if p := r.do(t, "bob+staff", "PUT", at+"/pin", `{"pin":"998877"}`); p.status != 404 {
		t.Errorf("another's PIN: %d", p.status)
	}
	for _, other := range []string{admin, "tess+telephony"} { // with a PIN of one's own choice one hears the messages
		if p := r.do(t, "alice+staff", "PUT", at+"/pin", `{"pin":"4711"}`); p.status != 204 {
			t.Fatalf("%d %s", p.status, p.body)
		}
		if p := r.do(t, other, "PUT", at+"/pin", `{"pin":"998877"}`); p.status != 404 {
			t.Errorf("%s sets another's PIN: %d", other, p.status)
		}
		if p := r.do(t, other, "DELETE", at+"/pin", ""); p.status != 204 {
			t.Errorf("%s takes a forgotten PIN away: %d %s", other, p.status, p.body)
		}
	}
	if p := r.do(t, "alice+staff", "PUT", at+"/pin", `{"pin":"998877"}`); p.status != 204 {
		t.Fatalf("%d %s", p.status, p.body)
	}
	var kept []byte
	must(t, r.store.View(t.Context(), func(rd provisioning.Reader) (err error) {
		kept, err = provisioning.Secret(rd, here, provisioning.SecretMailbox, "2001")
		return err
	}))
	if !secret.MatchPIN(kept, "998877") || secret.MatchPIN(kept, "998878") || bytes.Contains(kept, []byte("998877")) {
		t.Error("the PIN is not kept as its hash")
	}
	if strings.Contains(r.log.String(), "998877") || strings.Contains(r.do(t, admin, "GET", at, "").body, "998877") {
		t.Error("the PIN shows")
	}
	if p := r.do(t, admin, "PUT", base+"/settings/2001", `{"forward":{"busy":{"voicemail":"2001"},"no_answer":{"voicemail":"2001"}}}`); p.status/100 != 2 {
		t.Errorf("a forward to it: %d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "PUT", base+"/settings/2001", `{"forward":{"busy":{"voicemail":"2999"}}}`); p.status != 422 || p.location(t) != "body.forward.busy.voicemail" {
		t.Errorf("a forward to none: %d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "PUT", base+"/dids/+81312349998", `{"voicemail":"2001","to":[]}`); p.status != 201 {
		t.Errorf("a DID: %d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "PUT", base+"/dids/+81312349997", `{"voicemail":"2001","messages":true,"to":[]}`); p.status != 422 || p.location(t) != "body.messages" {
		t.Errorf("a DID of two minds: %d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "DELETE", at, ""); p.status != 409 {
		t.Errorf("deleted while calls are sent to it: %d", p.status)
	}
}

// Messages are their owner's: listed, played with ranges, marked, deleted, each with its trace. An administrator is told that there is none.
func TestMessages(t *testing.T) {
	fake := newFakeMessages()
	r := newRig(t, func(c *Config) { c.Messages = fake })
	if p := r.do(t, admin, "PUT", base+"/mailboxes/2001", `{}`); p.status != 201 {
		t.Fatalf("%d %s", p.status, p.body)
	}
	at := base + "/mailboxes/2001/messages"
	for _, who := range []string{admin, "bob+staff", "lis+recording-listener", "aud+auditor", "tess+telephony"} {
		for _, op := range [][2]string{{"GET", at}, {"GET", at + "/m1"}, {"GET", at + "/m1/audio"}, {"DELETE", at + "/m1"}, {"GET", base + "/mailboxes/2001/greetings"}} {
			if p := r.do(t, who, op[0], op[1], ""); p.status != 404 {
				t.Errorf("%s: %v %d", who, op, p.status)
			}
		}
	}
	const alice = "alice+staff"
	if p := r.do(t, alice, "GET", at, ""); p.status != 200 || !strings.Contains(p.body, `"from":"+819012345678"`) || strings.Contains(p.body, "heard") {
		t.Errorf("%d %s", p.status, p.body)
	}
	for _, missing := range []string{"/m2", "/m2/audio"} {
		if p := r.do(t, alice, "GET", at+missing, ""); p.status != 404 {
			t.Errorf("%s: %d", missing, p.status)
		}
	}
	if p := r.do(t, alice, "GET", at+"/m1/audio", ""); p.status != 200 || p.body != string(fake.audio) || p.header.Get("Cache-Control") != "no-store" ||
		p.header.Get("Content-Type") != "audio/wav" {
		t.Errorf("%d, %d octets %v", p.status, len(p.body), p.header)
	}
	if p := r.do(t, alice, "GET", at+"/m1/audio", "", "Range: bytes=4-9"); p.status != 206 || p.body != "RIFFRI" || p.header.Get("Content-Range") != "bytes 4-9/4000" {
		t.Errorf("%d %q %v", p.status, p.body, p.header)
	}
	if p := r.do(t, alice, "PUT", at+"/m1/heard", `{"heard":true}`); p.status != 204 || !fake.heard {
		t.Errorf("%d %s", p.status, p.body)
	}
	if p := r.do(t, alice, "DELETE", base+"/mailboxes/2001/greetings/night", ""); p.status != 404 {
		t.Errorf("%d", p.status)
	}
	if p := r.do(t, alice, "DELETE", base+"/mailboxes/2001/greetings/busy", ""); p.status != 204 || !fake.gone["g1"] {
		t.Errorf("%d %s", p.status, p.body)
	}
	if p := r.do(t, alice, "DELETE", at+"/m1", ""); p.status != 204 || !fake.gone["m1"] {
		t.Errorf("%d %s", p.status, p.body)
	}
	trace := func(action provisioning.Action) (out []string) {
		for _, e := range r.audit(t, here, string(action)) {
			out = append(out, e.Outcome)
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	for _, a := range []provisioning.Action{policy.MessageListen, policy.MessageMark, policy.MessageDelete} {
		if got := trace(a); !slices.Contains(got, "allowed") || !slices.Contains(got, "ok") || a != policy.MessageMark && !slices.Contains(got, "denied") {
			t.Errorf("%s leaves %v", a, got)
		}
	}
}
