package rest

import (
	"net/http"
	"testing"
	"time"

	"naisen/provisioning"
)

// Nobody is told only as an exception: with a reason and an end, once another person has agreed, and not longer than was agreed to.
func TestSilenceIsAnException(t *testing.T) {
	w := wishes{newRig(t), t}
	const at, id = "/recording-policies/help", "policy:help"
	silent := func(until time.Time) string {
		return `{"record":"always","notice":"none","exception":{"reason":"相談専用","until":"` + until.UTC().Format(time.RFC3339) + `"}}`
	}
	month, year := time.Now().AddDate(0, 1, 0), time.Now().AddDate(0, 11, 0)
	for body, field := range map[string]string{
		`{"record":"always","notice":"none"}`:                                              "body.exception",
		`{"record":"always","notice_outbound":"none"}`:                                     "body.exception",
		`{"record":"always","notice":"none","exception":{"reason":"x"}}`:                   "body.exception.until",
		silent(time.Now().AddDate(2, 0, 0)):                                                "body.exception.until",
		silent(time.Now().Add(-time.Hour)):                                                 "body.exception.until",
		`{"record":"always","notice":"none","exception":{"until":"2126-01-01T00:00:00Z"}}`: "",
	} {
		if p := w.do(t, admin, "PUT", base+at, body); p.status != http.StatusUnprocessableEntity || field != "" && p.location(t) != field {
			t.Errorf("%s: %d %s", body, p.status, p.body)
		}
	}
	told := func(step string) {
		t.Helper()
		if n := w.field(at, "notice"); n != "" || w.field(at, "exception") != nil {
			t.Errorf("%s: %v", step, n)
		}
	}
	w.put(both, at, silent(month), http.StatusAccepted) // also a new policy
	told("asked for")
	w.agree(both, id, http.StatusForbidden)
	told("its own word")
	w.agree(manager, id, http.StatusOK)
	if n := w.field(at, "notice"); n != "none" || w.field(at, "exception") == nil {
		t.Errorf("agreed to: %v", n)
	}
	w.put(admin, at, silent(month), http.StatusOK) // nothing new
	w.put(admin, at, silent(year), http.StatusAccepted)
	until := func() string {
		e, _ := w.field(at, "exception").(map[string]any)
		s, _ := e["until"].(string)
		return s
	}
	if until() != month.UTC().Format(time.RFC3339) {
		t.Errorf("longer by one's own word: %s", until())
	}
	w.agree(manager, id, http.StatusOK)
	if until() != year.UTC().Format(time.RFC3339) {
		t.Errorf("not longer: %s", until())
	}
	w.put(admin, at, `{"record":"always","notice":"after-answer"}`, http.StatusOK) // telling people waits for nobody
}

// A policy from before there were exceptions has none: it tells people, and is made silent like any other.
func TestSilenceOfBefore(t *testing.T) {
	p := provisioning.RecordingPolicy{Notice: "none", NoticeOutbound: "none"}
	if now := p.At(time.Now()); now.Silent() {
		t.Errorf("%+v", now)
	}
}
