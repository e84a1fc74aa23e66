package rest

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"naisen/provisioning"
)

const underKey = "Idempotency-Key: "

// TestOnce: a request with a key is carried out once, and answered the same again, secrets included.
func TestOnce(t *testing.T) {
	r := newRig(t)
	at := base + "/extensions/2001/secret"
	first := r.do(t, admin, "POST", at, "", underKey+`"k1"`)
	again := r.do(t, admin, "POST", at, "", underKey+"k1")
	if first.status != 200 || again.status != 200 || again.body != first.body || !strings.Contains(first.body, "secret") {
		t.Fatalf("first %d %s, again %d %s", first.status, first.body, again.status, again.body)
	}
	if first.header.Get("Idempotency-Replayed") != "" || again.header.Get("Idempotency-Replayed") != "true" || again.header.Get("Content-Type") != first.header.Get("Content-Type") {
		t.Errorf("headers %v", again.header)
	}
	if other := r.do(t, admin, "POST", at, "", underKey+"k2"); other.body == first.body {
		t.Error("another key did not make another secret")
	}
	if other := r.do(t, "second+admin", "POST", at, "", underKey+"k1"); other.status != 200 || other.body == first.body {
		t.Errorf("another person's same key: %d", other.status)
	}
	if p := r.do(t, admin, "POST", base+"/extensions/2002/secret", "", underKey+"k1"); p.status != 422 || p.location(t) != "header.Idempotency-Key" {
		t.Errorf("another request under the key: %d %s", p.status, p.body)
	}
	made := r.do(t, admin, "PUT", ext2, `{"display":"x"}`, underKey+"k3")
	tagged := r.do(t, admin, "PUT", ext2, `{"display":"x"}`, underKey+"k3")
	if made.status != 201 || tagged.status != 201 || tagged.body != made.body || tagged.header.Get("ETag") != made.header.Get("ETag") || made.header.Get("ETag") == "" {
		t.Errorf("PUT: %d %s, again %d %s", made.status, made.body, tagged.status, tagged.body)
	}
	if p := r.do(t, admin, "DELETE", ext2, "", underKey+"k4"); p.status != 204 {
		t.Fatalf("%d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "DELETE", ext2, "", underKey+"k4"); p.status != 204 {
		t.Errorf("deleted again: %d %s", p.status, p.body)
	}
}

const ext2 = base + "/extensions/2803"

// TestOnceRefused: what was refused was not done, and may be asked for again.
func TestOnceRefused(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		name, key string
		status    int
	}{{"empty", "", 400}, {"long", strings.Repeat("x", 129), 400}, {"not ASCII", "鍵", 400}, {"half quoted", `"x`, 400}, {"as long as may be", strings.Repeat("x", 128), 201}} {
		if p := r.do(t, admin, "PUT", ext2, `{}`, underKey+c.key); p.status != c.status || c.status == 400 && p.location(t) != "header.Idempotency-Key" {
			t.Errorf("%s: %d %s", c.name, p.status, p.body)
		}
	}
	if p := r.do(t, admin, "PUT", base+"/extensions/2804", `{"user":"new1"}`, underKey+"r"); p.status != 422 {
		t.Fatalf("%d %s", p.status, p.body)
	}
	r.do(t, admin, "PUT", base+"/users/new1", `{}`)
	if p := r.do(t, admin, "PUT", base+"/extensions/2804", `{"user":"new1"}`, underKey+"r"); p.status != 201 {
		t.Errorf("what was refused: %d %s", p.status, p.body)
	}
	if p := r.do(t, "zoe", "PUT", ext2, `{}`, underKey+"q"); p.status != http.StatusForbidden {
		t.Errorf("a key gives rights: %d", p.status)
	}
}

// brokenRepeats has somebody's request under way, and one more than it can.
type brokenRepeats struct{ err error }

func (b brokenRepeats) BeginRepeat(_ context.Context, _, _, request string) (*provisioning.Repeat, error) {
	return &provisioning.Repeat{Request: request}, b.err
}
func (b brokenRepeats) EndRepeat(context.Context, string, string, []byte) error { return b.err }
func (b brokenRepeats) ForgetRepeat(context.Context, string, string) error      { return b.err }

// TestOnceUnknown: what is under way, or ended nobody knows how, is not done again.
func TestOnceUnknown(t *testing.T) {
	r := newRig(t)
	for want, b := range map[int]brokenRepeats{409: {}, 429: {provisioning.ErrRepeatsFull}, 500: {errors.New("disk")}} {
		r.api.Repeats = b
		if p := r.do(t, admin, "PUT", ext2, `{}`, underKey+"u"); p.status != want {
			t.Errorf("%d %s, want %d", p.status, p.body, want)
		}
		if r.do(t, admin, "GET", ext2, "").status != http.StatusNotFound {
			t.Fatal("it was done")
		}
	}
}

// TestOnceAtOnce: of many at once one is carried out.
func TestOnceAtOnce(t *testing.T) {
	r := newRig(t)
	var wg sync.WaitGroup
	bodies := make([]string, 8)
	for i := range bodies {
		wg.Go(func() {
			if p := r.do(t, admin, "POST", base+"/extensions/2001/secret", "", underKey+"same"); p.status == 200 {
				bodies[i] = p.body
			} else if p.status != 409 {
				t.Errorf("%d %s", p.status, p.body)
			}
		})
	}
	wg.Wait()
	var one string
	for _, b := range bodies {
		if one == "" {
			one = b
		}
		if b != "" && b != one {
			t.Fatal("two secrets were made")
		}
	}
	if one == "" {
		t.Error("none was made")
	}
}
