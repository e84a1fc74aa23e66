package rest

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
)

// wording makes one that two people stand for, without dates.
func (w wishes) wording(notice, language string) string {
	w.t.Helper()
	at := base + "/notices/" + notice + "/versions"
	p := w.do(w.t, admin, "POST", at, `{"language":"`+language+`","text":"録音します。"}`)
	versions, _ := p.json(w.t)["versions"].([]any)
	if p.status != http.StatusOK || len(versions) == 0 {
		w.t.Fatalf("%d %s", p.status, p.body)
	}
	number := strconv.Itoa(int(versions[0].(map[string]any)["number"].(float64)))
	w.do(w.t, manager, "GET", at+"/"+number+"/audio", "")
	if p := w.do(w.t, manager, "POST", at+"/"+number+"/approve", ""); p.status != http.StatusOK {
		w.t.Fatalf("%d %s", p.status, p.body)
	}
	return number
}

func (w wishes) schedule(notice, number, dates string, status int) {
	w.t.Helper()
	if p := w.do(w.t, admin, "POST", base+"/notices/"+notice+"/versions/"+number+"/schedule", dates); p.status != status {
		w.t.Errorf("%s %s %s: %d %s, want %d", notice, number, dates, p.status, p.body, status)
	}
}

// A policy tells people by a recording notice and nothing else, and by one that is heard: else they would be recorded unawares, or, since what cannot be
// played is no notice, not be recorded at all. Another person may agree to that.
func TestWordsOfAPolicy(t *testing.T) {
	w := wishes{newRig(t, func(c *Config) { c.Speech = fakeSpeech{} }), t}
	for _, field := range []string{"prompt", "prompt_outbound"} {
		for _, prompt := range []string{"music/hold", "mine/silence", "notices/ward/0", "notice/", "notice/../x", "notice/a/b", "notice/refused", "notice/refused-end",
			"notice/recording-paused", "notice/recording-resumed", "recording"} {
			p := w.do(t, admin, "PUT", base+"/recording-policies/x", `{"record":"always","`+field+`":"`+prompt+`"}`)
			if p.status != http.StatusUnprocessableEntity || p.location(t) != "body."+field {
				t.Errorf("%s %s: %d %s", field, prompt, p.status, p.body)
			}
		}
		for _, name := range provisioning.BuiltinNotices {
			w.put(admin, "/recording-policies/"+name+strings.ReplaceAll(field, "_", "-"), `{"record":"always","`+field+`":"notice/`+name+`"}`, http.StatusCreated)
		}
		at := "/recording-policies/" + strings.ReplaceAll(field, "_", "-")
		id := "policy:" + strings.TrimPrefix(at, "/recording-policies/")
		ward := `{"record":"always","` + field + `":"notice/ward-` + strings.ReplaceAll(field, "_", "-") + `"}`
		notice := "ward-" + strings.ReplaceAll(field, "_", "-")
		w.put(admin, at, ward, http.StatusAccepted) // a new one too: until then people are told as usual
		if got := w.field(at, field); got != "" && got != nil {
			t.Errorf("%s: %v", field, got)
		}
		w.put(admin, at, ward, http.StatusAccepted)
		number := w.wording(notice, "ja")
		w.put(admin, at, ward, http.StatusAccepted)
		w.schedule(notice, number, `{"until":"`+time.Now().Add(time.Hour).UTC().Format(time.RFC3339)+`"}`, http.StatusOK)
		w.put(admin, at, ward, http.StatusAccepted) // it would end
		w.schedule(notice, number, `{}`, http.StatusOK)
		w.agree(manager, id, http.StatusConflict) // it takes nothing away by now
		w.put(admin, at, ward, http.StatusOK)
		if got := w.field(at, field); got != "notice/"+notice {
			t.Errorf("%s: %v", field, got)
		}
		w.put(admin, at, strings.ReplaceAll(ward, "ward", "nothing"), http.StatusAccepted)
		w.agree(manager, id, http.StatusOK)
		w.put(admin, at, ward, http.StatusOK)
	}
}

// A number comes under a policy whose notice nobody hears when another person agrees.
func TestNumberUnderUnheardWords(t *testing.T) {
	w := wishes{newRig(t), t}
	w.put(admin, "/recording-policies/mute", `{"record":"always","prompt":"notice/ward"}`, http.StatusAccepted)
	w.agree(manager, "policy:mute", http.StatusOK)
	w.put(admin, "/dids/+81312345600", `{"to":["2001"],"policy":"always"}`, http.StatusCreated)
	w.put(admin, "/dids/+81312345600", `{"to":["2001"],"policy":"mute"}`, http.StatusAccepted)
	if p, _ := w.waits("did:+81312345600"); !strings.Contains(p["loosens"].([]any)[0].(string), "prompt: notice/recording to notice/ward") {
		t.Errorf("%v", p)
	}
}

// The last wording of a notice does not end while a policy tells people so, neither now nor some day; one in whose place another one comes does.
func TestLastWordingStays(t *testing.T) {
	w := wishes{newRig(t, func(c *Config) { c.Speech = fakeSpeech{} }), t}
	in := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339Nano) }
	first := w.wording("ward", "ja")
	w.schedule("ward", first, `{}`, http.StatusOK)
	w.put(admin, "/recording-policies/desk", `{"record":"always","prompt":"notice/recording","prompt_outbound":"notice/ward"}`, http.StatusCreated)
	w.schedule("ward", first, `{"until":"`+in(0)+`"}`, http.StatusConflict)
	if p := w.do(t, admin, "DELETE", base+"/prompts/ja/notice/ward", ""); p.status != http.StatusConflict {
		t.Errorf("an upload of before: %d %s", p.status, p.body)
	}
	w.schedule("ward", first, `{"until":"`+in(24*time.Hour)+`"}`, http.StatusConflict)
	second := w.wording("ward", "en")
	w.schedule("ward", second, `{"from":"`+in(48*time.Hour)+`"}`, http.StatusOK)
	w.schedule("ward", first, `{"until":"`+in(24*time.Hour)+`"}`, http.StatusConflict) // a day with nothing in between
	w.schedule("ward", first, `{"until":"`+in(72*time.Hour)+`"}`, http.StatusOK)
	w.schedule("ward", second, `{"from":"`+in(48*time.Hour)+`","until":"`+in(96*time.Hour)+`"}`, http.StatusConflict)
	w.schedule("ward", second, `{"from":"`+in(71*time.Hour)+`"}`, http.StatusOK)
	w.put(admin, "/recording-policies/desk", `{"record":"always"}`, http.StatusOK)
	w.schedule("ward", first, `{"until":"`+in(0)+`"}`, http.StatusOK)
	// What is built in comes back.
	own := w.wording("recording", "ja")
	w.schedule("recording", own, `{}`, http.StatusOK)
	w.schedule("recording", own, `{"until":"`+in(0)+`"}`, http.StatusOK)
}
