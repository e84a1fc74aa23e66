package rest

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// fakeSpeech says "RIFF" and the text.
type fakeSpeech struct{ err error }

func (f fakeSpeech) Speak(_ context.Context, _, text string) ([]byte, string, error) {
	return []byte("RIFF" + text), "mei", f.err
}

const noticeAt = base + "/notices/ward"

// A wording is typed, heard, approved by another person, and gets its date: each step only after the one before.
func TestNoticeIsMade(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Speech = fakeSpeech{} })
	step := func(token, path, body string, status int) reply {
		t.Helper()
		p := r.do(t, token, "POST", noticeAt+"/versions"+path, body)
		if p.status != status {
			t.Fatalf("%s as %s: %d %s, want %d", path, token, p.status, p.body, status)
		}
		return p
	}
	newest := func(p reply) map[string]any {
		t.Helper()
		list, _ := p.json(t)["versions"].([]any)
		if len(list) == 0 {
			t.Fatal(p.body)
		}
		return list[0].(map[string]any)
	}
	const both = "root+admin+recording-manager"
	step(manager, "", `{"language":"ja","text":"録音します。"}`, http.StatusForbidden)
	v := newest(step(both, "", `{"language":"ja","text":"録音します。"}`, http.StatusOK))
	if v["voice"] != "mei" || v["by"] != "root@"+here || v["number"] != 1.0 || v["approved_by"] != nil || !strings.HasPrefix(v["file"].(string), "notices/ward/") {
		t.Errorf("%v", v)
	}
	step(both, "/1/schedule", `{}`, http.StatusConflict)
	step(both, "/1/approve", "", http.StatusForbidden) // an own wording, heard or not
	step(manager, "/1/approve", "", http.StatusConflict)
	for _, who := range []string{both, manager} {
		if p := r.do(t, who, "GET", noticeAt+"/versions/1/audio", ""); p.status != 200 || p.body != "RIFF録音します。" || p.header.Get("Content-Type") != "audio/wav" {
			t.Fatalf("hear: %d %s", p.status, p.body)
		}
	}
	step(both, "/1/approve", "", http.StatusForbidden)
	if v := newest(step(manager, "/1/approve", "", http.StatusOK)); v["approved_by"] != "kacho@"+here || v["from"] != nil {
		t.Errorf("%v", v)
	}
	step(manager, "/1/schedule", `{}`, http.StatusForbidden)
	step(both, "/1/schedule", `{"from":"2020-01-01T00:00:00Z"}`, http.StatusUnprocessableEntity)
	if v := newest(step(both, "/1/schedule", `{}`, http.StatusOK)); v["from"] == nil {
		t.Errorf("%v", v)
	}
	if p := r.do(t, admin, "DELETE", noticeAt, ""); p.status != http.StatusConflict {
		t.Errorf("deleted in use: %d", p.status)
	}
	if v := newest(step(both, "/1/schedule", `{"until":"`+time.Now().UTC().Format(time.RFC3339Nano)+`"}`, http.StatusOK)); v["until"] == nil {
		t.Errorf("%v", v)
	}
	if p := r.do(t, admin, "DELETE", noticeAt, ""); p.status != http.StatusNoContent {
		t.Errorf("delete: %d %s", p.status, p.body)
	}
	denied := false
	for _, e := range r.audit(t, here, string(policy.NoticeApprove)) {
		denied = denied || e.Outcome == "denied" && e.Rule == provisioning.RuleTwoPeople
	}
	if !denied {
		t.Error("approving an own wording left no trace")
	}
}

// Where nobody can speak, a recording is uploaded and made a wording; and what is a wording is not replaced by an upload.
func TestNoticeIsUploaded(t *testing.T) {
	for name, speech := range map[string]Speech{"no speech": nil, "no program": fakeSpeech{ErrNoVoice}} {
		r := newRig(t, func(c *Config) { c.Speech = speech })
		p := r.do(t, admin, "POST", noticeAt+"/versions", `{"language":"ja","text":"録音します。"}`)
		if detail, _ := p.json(t)["detail"].(string); p.status != http.StatusConflict || !strings.Contains(detail, "アップロード") || !strings.Contains(detail, "upload a WAV") {
			t.Fatalf("%s: %d %s", name, p.status, p.body)
		}
		if p := r.do(t, admin, "PUT", base+"/prompts/ja/mine/spoken", "RIFFspoken", "Content-Type: audio/wav"); p.status != 200 {
			t.Fatalf("%d %s", p.status, p.body)
		}
		for upload, status := range map[string]int{"mine/spoken": 200, "mine/none": 422, "../x": 422, "notices/ward/0": 422} {
			if p := r.do(t, admin, "POST", noticeAt+"/versions", `{"language":"ja","text":"録音します。","upload":"`+upload+`"}`); p.status != status {
				t.Errorf("%s: %d %s", upload, p.status, p.body)
			}
		}
		p = r.do(t, admin, "GET", noticeAt, "")
		v := p.json(t)["versions"].([]any)[0].(map[string]any)
		if v["voice"] != "upload" {
			t.Errorf("%v", v)
		}
		for _, method := range []string{"PUT", "DELETE"} {
			if p := r.do(t, admin, method, base+"/prompts/ja/"+v["file"].(string), "RIFFother", "Content-Type: audio/wav"); p.status != http.StatusConflict {
				t.Errorf("%s of a wording: %d", method, p.status)
			}
		}
	}
}

// Nothing is left of a draft that was not taken, and two at once do not meet.
func TestNoticeRefused(t *testing.T) {
	for name, c := range map[string]struct {
		speech Speech
		body   string
		status int
	}{
		"text":       {fakeSpeech{&provisioning.Invalid{Field: "text", Reason: "nothing in it can be spoken"}}, `{"language":"ja","text":"。"}`, 422},
		"busy":       {fakeSpeech{ErrSpeechBusy}, `{"language":"ja","text":"x"}`, 503},
		"language":   {fakeSpeech{}, `{"language":"fr","text":"x"}`, 422},
		"too long":   {fakeSpeech{}, `{"language":"ja","text":"` + strings.Repeat("x", 1001) + `"}`, 422},
		"1 MB":       {fakeSpeech{}, `{"language":"ja","text":"` + strings.Repeat("x", 1<<20) + `"}`, 413},
		"other name": {fakeSpeech{}, `{"language":"ja","text":"x","voice":"-o /etc/passwd"}`, 422},
	} {
		r := newRig(t, func(cfg *Config) { cfg.Speech = c.speech })
		if p := r.do(t, admin, "POST", noticeAt+"/versions", c.body); p.status != c.status {
			t.Errorf("%s: %d %s", name, p.status, p.body)
		}
		if len(r.prompts.m) != 0 {
			t.Errorf("%s: audio is left", name)
		}
	}
	r := newRig(t, func(c *Config) { c.Speech = fakeSpeech{} })
	if p := r.do(t, admin, "POST", base+"/notices/No_Name/versions", `{"language":"ja","text":"x"}`); p.status != 422 || len(r.prompts.m) != 0 {
		t.Errorf("a bad name: %d %s, %d left", p.status, p.body, len(r.prompts.m))
	}
}
