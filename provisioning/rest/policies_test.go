package rest

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// wishes asks for changes, and agrees to what waits.
type wishes struct {
	*rig
	t *testing.T
}

const (
	both     = "root+admin+recording-manager" // both rights
	manager2 = "bucho+recording-manager"
	manager3 = "kyoku+recording-manager"
)

func (w wishes) put(token, at, body string, status int) reply {
	w.t.Helper()
	p := w.do(w.t, token, "PUT", base+at, body)
	if p.status != status || (status == http.StatusAccepted) != (p.header.Get("Link") != "") {
		w.t.Fatalf("%s %s: %d %q %s, want %d", at, body, p.status, p.header.Get("Link"), p.body, status)
	}
	return p
}

// waits reads the proposal of that id; its entity tag comes with it.
func (w wishes) waits(id string) (map[string]any, string) {
	w.t.Helper()
	p := w.do(w.t, manager, "GET", base+"/proposals/"+id, "")
	if p.status != http.StatusOK {
		w.t.Fatalf("%s: %d %s", id, p.status, p.body)
	}
	return p.json(w.t), p.header.Get("ETag")
}

func (w wishes) none(id string) {
	w.t.Helper()
	if p := w.do(w.t, manager, "GET", base+"/proposals/"+id, ""); p.status != http.StatusNotFound {
		w.t.Errorf("%s waits: %s", id, p.body)
	}
}

func (w wishes) agree(token, id string, status int) reply {
	w.t.Helper()
	_, tag := w.waits(id)
	p := w.do(w.t, token, "POST", base+"/proposals/"+id+"/agree?reason=ok", "", "If-Match: "+tag)
	if p.status != status {
		w.t.Errorf("agree to %s as %s: %d %s, want %d", id, token, p.status, p.body, status)
	}
	return p
}

func (w wishes) field(at, name string) any {
	w.t.Helper()
	return w.do(w.t, admin, "GET", base+at, "").json(w.t)[name]
}

// A class of retention gets shorter when two people want it: one who may write policies, and a recording manager who is somebody else.
func TestShorterClassWaits(t *testing.T) {
	w := wishes{newRig(t), t}
	const at, id = "/recording-policies/year", "policy:year"
	w.put(admin, at, `{"record":"always","retention_days":365}`, http.StatusCreated)
	w.none(id)
	asked := w.put(both, at+"?reason=%E5%AE%B9%E9%87%8F", `{"record":"always","retention_days":30,"prompt":"notice/recording-short"}`, http.StatusAccepted)
	if !strings.HasSuffix(asked.header.Get("Link"), `/proposals/policy:year>; rel="monitor"`) {
		t.Errorf("%q", asked.header.Get("Link"))
	}
	if got := asked.json(t); got["retention_days"] != 365.0 || got["prompt"] != "notice/recording-short" { // what loosens nothing counts
		t.Errorf("%s", asked.body)
	}
	p, tag := w.waits(id)
	if p["by"] != "root@"+here || p["people"] != 1.0 || p["reason"] != "容量" || !strings.Contains(w.do(t, admin, "GET", base+"/proposals/"+id, "").body, `"retention_days","from":365,"to":30`) {
		t.Errorf("%v", p)
	}
	w.agree(admin, id, http.StatusForbidden)
	w.agree(both, id, http.StatusForbidden) // both rights, and an own wish
	for match, status := range map[string]int{"": http.StatusPreconditionRequired, "*": http.StatusPreconditionRequired, `"old"`: http.StatusPreconditionFailed} {
		headers := []string{"If-Match: " + match}
		if match == "" {
			headers = nil
		}
		if p := w.do(t, manager, "POST", base+"/proposals/"+id+"/agree", "", headers...); p.status != status {
			t.Errorf("If-Match %q: %d %s", match, p.status, p.body)
		}
	}
	w.put(both, at, `{"record":"always","retention_days":30,"prompt":"notice/recording-short"}`, http.StatusAccepted) // the same wish keeps its place
	if _, again := w.waits(id); again != tag {
		t.Error("the same wish again is another one")
	}
	w.put(admin, at, `{"record":"always","retention_days":365,"prompt":"notice/recording-harassment"}`, http.StatusOK) // and goes on waiting beside other changes
	w.agree(manager, id, http.StatusOK)
	if got := w.field(at, "retention_days"); got != 30.0 {
		t.Errorf("%v days", got)
	}
	w.none(id)
	w.put(admin, at, `{"record":"always","retention_days":365}`, http.StatusOK) // longer waits for nobody
	denied, agreed := false, false
	for _, e := range w.audit(t, here, string(policy.ProposalAgree)) {
		denied = denied || e.Outcome == "denied" && e.Rule == provisioning.RuleTwoPeople && e.Subject == "root@"+here
		agreed = agreed || e.Outcome == "ok" && e.Detail["asked_by"] == "root@"+here && e.Detail["asked_reason"] == "容量" && e.Subject == "kacho@"+here
	}
	if !denied || !agreed {
		t.Error("who asked, agreed, and was refused, is not in the audit log")
	}
}

// What was never recorded is recorded when two others agree.
func TestLeavingNever(t *testing.T) {
	w := wishes{newRig(t), t}
	const at, id = "/recording-policies/advice", "policy:advice"
	w.put(admin, at, `{"record":"never"}`, http.StatusCreated)
	w.put(both, at, `{"record":"on_demand","pre_buffer":true}`, http.StatusAccepted)
	w.agree(manager, id, http.StatusOK)
	if w.field(at, "record") != "never" {
		t.Error("one was enough")
	}
	w.agree(manager, id, http.StatusForbidden)
	w.agree(both, id, http.StatusForbidden)
	w.agree(manager2, id, http.StatusOK)
	if w.field(at, "record") != "on_demand" || w.field(at, "pre_buffer") != true {
		t.Error("two were not enough")
	}
	w.none(id)
}

// A number comes under a weaker policy, under none, or goes, when another person agrees; whatever kind of number it is. Under a stricter one it comes
// at once.
func TestNumbersUnderWeakerPolicies(t *testing.T) {
	w := wishes{newRig(t), t}
	for name, body := range map[string]string{"year": `{"record":"always","retention_days":365}`, "month": `{"record":"always","retention_days":30}`,
		"low": `{"record":"always","retention_days":365,"label":"public"}`, "asked": `{"record":"on_demand","retention_days":365}`, "not": `{"record":"never"}`} {
		w.put(admin, "/recording-policies/"+name, body, http.StatusCreated)
	}
	for at, c := range map[string]struct{ id, body string }{
		"/dids/+81312345600":  {"did:+81312345600", `{"to":["2001"],"policy":"%"}`},
		"/queues/7002":        {"queue:7002", `{"members":[{"agent":"2001"}],"policy":"%"}`},
		"/groups/6002":        {"group:6002", `{"members":["2001"],"policy":"%"}`},
		"/conferences/8002":   {"conference:8002", `{"policy":"%"}`},
		"/paging-groups/6502": {"paging-group:6502", `{"members":["2001"],"everyone":true,"policy":"%"}`},
		"/extensions/2005":    {"extension:2005", `{"record":"%"}`},
		"/extensions/2006":    {"extension:2006", `{"recording":{"incoming":"%"}}`},
		"/trunks/other":       {"trunk:other", `{"host":"sip.example.net","recording":{"outgoing":"%"}}`},
	} {
		body := func(policy string) string { return strings.ReplaceAll(c.body, "%", policy) }
		w.put(admin, at, body("month"), http.StatusCreated)
		w.put(admin, at, body("year"), http.StatusOK)
		for _, weaker := range []string{"month", "low", "asked", "not", ""} {
			got := w.put(admin, at, body(weaker), http.StatusAccepted)
			if !strings.Contains(got.body, `"year"`) {
				t.Errorf("%s under %q: %s", at, weaker, got.body)
			}
		}
		if p := w.do(t, admin, "PUT", base+at, body("none")); p.status != http.StatusUnprocessableEntity {
			t.Errorf("%s under a policy that is not there: %d", at, p.status)
		}
		if p := w.do(t, admin, "DELETE", base+at, "", `If-Match: "old"`); p.status != http.StatusPreconditionFailed {
			t.Errorf("%s goes, as somebody read it before: %d", at, p.status)
		}
		if p := w.do(t, admin, "DELETE", base+at, ""); p.status != http.StatusAccepted || p.header.Get("Link") == "" {
			t.Errorf("%s goes: %d", at, p.status)
		}
		w.agree(manager, c.id, http.StatusOK)
		if p := w.do(t, admin, "GET", base+at, ""); p.status != http.StatusNotFound {
			t.Errorf("%s is there: %d", at, p.status)
		}
		w.put(admin, at, body("not"), http.StatusAccepted) // also a new one: what it forbids are others' recordings
		if got := w.do(t, admin, "GET", base+at, "").body; strings.Contains(got, `"not"`) || got == "" {
			t.Errorf("%s is forbidden: %s", at, got)
		}
		w.agree(manager, c.id, http.StatusOK)
		w.put(admin, at, body("year"), http.StatusAccepted)
		w.agree(manager, c.id, http.StatusOK)
		w.agree(manager2, c.id, http.StatusOK)
		if got := w.do(t, admin, "GET", base+at, "").body; !strings.Contains(got, `"year"`) {
			t.Errorf("%s: %s", at, got)
		}
		w.put(admin, at, body("asked"), http.StatusAccepted)
		w.agree(manager3, c.id, http.StatusOK)
		w.put(admin, at, body("year"), http.StatusOK) // stricter
		w.put(admin, at, body("asked"), http.StatusAccepted)
		if p := w.do(t, "root+telephony", "DELETE", base+"/proposals/"+c.id, ""); p.status != http.StatusNoContent {
			t.Errorf("withdrawn: %d %s", p.status, p.body)
		}
		w.none(c.id)
	}
	w.put(admin, "", `{"recording":{"internal":"year"}}`, http.StatusOK)
	w.put(admin, "", `{}`, http.StatusAccepted)
	w.agree(manager, "domain", http.StatusOK)
	if w.field("", "recording") != nil {
		t.Error("the domain's policies stay")
	}
	for _, policy := range []string{"not", "plain"} { // where there was none: it would bind all calls of the domain
		w.put(admin, "/recording-policies/plain", `{"record":"","media":"srtp-forbidden"}`, map[string]int{"not": http.StatusCreated, "plain": http.StatusOK}[policy])
		w.put(admin, "", `{"recording":{"incoming":"`+policy+`"}}`, http.StatusAccepted)
	}
	w.put(admin, "/extensions/2007", `{"record":"not"}`, http.StatusAccepted)
	if p := w.do(t, admin, "POST", base+"/extensions/2007/secret", ""); p.status != http.StatusOK {
		t.Errorf("the new extension has no password: %d", p.status)
	}
}

// What waits is gone when what it would change is another thing by now, when it is withdrawn or refused, and when nobody agreed in time.
func TestProposalsEnd(t *testing.T) {
	w := wishes{newRig(t), t}
	const at, id = "/recording-policies/year", "policy:year"
	w.put(admin, at, `{"record":"always","retention_days":365}`, http.StatusCreated)
	w.put(admin, at, `{"record":"always","retention_days":30}`, http.StatusAccepted)
	w.put(admin, at, `{"record":"always","retention_days":730}`, http.StatusOK)
	w.none(id)
	w.put(admin, at, `{"record":"always","retention_days":30}`, http.StatusAccepted)
	if p := w.do(t, "zoe+admin", "DELETE", base+"/proposals/"+id, ""); p.status != http.StatusNotFound {
		t.Errorf("somebody else's wish is withdrawn: %d", p.status)
	}
	if p := w.do(t, manager, "DELETE", base+"/proposals/"+id+"?reason=%E5%90%A6", ""); p.status != http.StatusNoContent {
		t.Errorf("refused: %d %s", p.status, p.body)
	}
	w.none(id)
	refused := w.audit(t, here, string(policy.ProposalWithdraw))
	if last := refused[len(refused)-1]; last.Reason != "否" || last.Detail["asked_by"] == nil || last.Subject != "kacho@"+here {
		t.Errorf("%+v", last)
	}
	w.put(admin, at, `{"record":"always","retention_days":30}`, http.StatusAccepted)
	must(t, w.store.Update(t.Context(), provisioning.Subject{System: true}, func(s provisioning.Writer) error {
		p, _, err := provisioning.Get[provisioning.Proposal](s, here, id)
		must(t, err)
		p.Expires = time.Unix(1, 0)
		_, err = s.Put(here, p, "")
		return err
	}))
	w.agree(manager, id, http.StatusConflict)
	w.put(admin, at, `{"record":"always","retention_days":30}`, http.StatusAccepted) // asked anew
	w.agree(manager, id, http.StatusOK)
	if got := w.field(at, "retention_days"); got != 30.0 {
		t.Errorf("%v days", got)
	}
}

// A recording gets an end where it had none, and a lower label, when two people want it; a higher label is one person's.
func TestRecordingNeedsTwoPeople(t *testing.T) {
	w := wishes{newRig(t), t}
	vault := w.api.Vault.(*fakeVault)
	vault.keeping.RetainUntil = time.Time{}
	const at = "/recordings/r1"
	until := time.Now().AddDate(1, 0, 0).UTC().Truncate(time.Second)
	dated := `{"until":"` + until.Format(time.RFC3339) + `","reason":"保存期間の設定"}`
	w.put(manager, at+"/retention", dated, http.StatusAccepted)
	if !vault.keeping.RetainUntil.IsZero() {
		t.Fatal("one person gave it an end")
	}
	w.agree(manager, "recording:r1:retain_until", http.StatusForbidden)
	w.agree(manager2, "recording:r1:retain_until", http.StatusOK)
	if !vault.keeping.RetainUntil.Equal(until) {
		t.Errorf("until %v", vault.keeping.RetainUntil)
	}
	w.none("recording:r1:retain_until")
	w.put(manager, at+"/label", `{"label":"public","reason":"公開資料"}`, http.StatusAccepted)
	w.agree(manager2, "recording:r1:label", http.StatusOK)
	if vault.keeping.Label != provisioning.LabelPublic {
		t.Errorf("label %q", vault.keeping.Label)
	}
	got := w.put(manager, at+"/label", `{"label":"restricted","reason":"個人情報"}`, http.StatusOK)
	if got.json(t)["label"] != "restricted" || vault.keeping.Label != provisioning.LabelRestricted {
		t.Errorf("%s", got.body)
	}
	w.put(manager, at+"/label", `{"label":"internal","reason":"x"}`, http.StatusAccepted)
	vault.keeping.Label = provisioning.LabelPublic // by other ways
	w.agree(manager2, "recording:r1:label", http.StatusConflict)
	w.none("recording:r1:label")
	for body, where := range map[string]string{`{"label":"secret","reason":"x"}`: "body.label", `{"label":"public","reason":" "}`: "body.reason"} {
		if p := w.do(t, manager, "PUT", base+at+"/label", body); p.status != http.StatusUnprocessableEntity || p.location(t) != where {
			t.Errorf("%s: %d %s", body, p.status, p.body)
		}
	}
	labels := w.audit(t, here, string(policy.RecordingLabel))
	lowered := false
	for _, e := range labels {
		lowered = lowered || e.Outcome == "ok" && e.Detail["asked_reason"] == "公開資料" && e.Detail["asked_by"] == "kacho@"+here && e.Detail["from"] == `"internal"` && e.Detail["to"] == `"public"`
	}
	if !lowered {
		t.Errorf("%+v", labels)
	}
}

// What was agreed to is done only if it still takes away just what people were asked about: not when the policy that a number shall come under was
// exchanged meanwhile, when what shall go is protected better by now, or when a day has passed.
func TestOvertaken(t *testing.T) {
	now := time.Now()
	w := wishes{newRig(t, func(c *Config) { c.Clock = func() time.Time { return now } }), t}
	overtaken := func(id string) {
		t.Helper()
		w.agree(manager, id, http.StatusConflict)
		w.none(id)
		entries := w.audit(t, here, string(policy.ProposalAgree))
		if last := entries[len(entries)-1]; last.Outcome != "failed" {
			t.Errorf("%s: %+v", id, last)
		}
	}
	w.put(admin, "/recording-policies/year", `{"record":"always","retention_days":365}`, http.StatusCreated)
	w.put(admin, "/recording-policies/month", `{"record":"always","retention_days":30}`, http.StatusCreated)
	w.put(admin, "/dids/+81312345600", `{"to":["2001"],"policy":"year"}`, http.StatusCreated)
	w.put(admin, "/dids/+81312345600", `{"to":["2001"],"policy":"month"}`, http.StatusAccepted)
	if p := w.do(t, admin, "DELETE", base+"/recording-policies/month", ""); p.status != http.StatusNoContent {
		t.Fatalf("%d %s", p.status, p.body)
	}
	w.put(admin, "/recording-policies/month", `{"record":"on_demand","retention_days":1}`, http.StatusCreated)
	overtaken("did:+81312345600")
	if got := w.field("/dids/+81312345600", "policy"); got != "year" {
		t.Errorf("under %v, which nobody agreed to", got)
	}
	w.put(admin, "/dids/+81312345600", `{"to":["2001"],"policy":"month"}`, http.StatusAccepted) // anew, with what it takes away now
	w.agree(manager, "did:+81312345600", http.StatusOK)
	if p := w.do(t, admin, "DELETE", base+"/dids/+81312345600", ""); p.status != http.StatusAccepted {
		t.Fatalf("%d %s", p.status, p.body)
	}
	w.put(admin, "/dids/+81312345600", `{"to":["2001"],"policy":"year"}`, http.StatusOK)
	overtaken("did:+81312345600")
	if got := w.field("/dids/+81312345600", "policy"); got != "year" {
		t.Errorf("it is gone: %v", got)
	}
	until := now.Add(time.Hour).UTC().Format(time.RFC3339)
	w.put(admin, "/recording-policies/year", `{"record":"always","retention_days":365,"notice":"none","exception":{"reason":"x","until":"`+until+`"}}`, http.StatusAccepted)
	w.api.Vault.(*fakeVault).keeping.RetainUntil = time.Time{}
	w.put(manager, "/recordings/r1/retention", `{"until":"`+until+`","reason":"x"}`, http.StatusAccepted)
	now = now.Add(2 * time.Hour)
	overtaken("policy:year")
	if got := w.field("/recording-policies/year", "notice"); got == "none" {
		t.Error("an exception that is over was made")
	}
	w.agree(manager2, "recording:r1:retain_until", http.StatusConflict)
	w.none("recording:r1:retain_until")
	if got := w.api.Vault.(*fakeVault).keeping.RetainUntil; !got.IsZero() {
		t.Errorf("it fell due at once: %v", got)
	}
}

// The document says which operations may be answered with 202: those that change what guards recordings, or what a class may be about, and no others.
func TestDocumentSaysWhatWaits(t *testing.T) {
	for name, op := range operations(newRig(t).api) {
		rule := op.Metadata[metaRule].(rule)
		method, path, _ := strings.Cut(name, " ")
		last := path[strings.LastIndex(path, "/")+1:]
		if method == "POST" || method == "GET" {
			continue
		}
		want := provisioning.Guarded(rule.kind) && (last == "{key}" || last == "{domain}") ||
			last == "label" || last == "retention" || last == "listening-rules" || last == "change-rules" || last == "feature-codes" || last == "lifecycle-rules" || last == "duties"
		if got := op.Responses["202"] != nil; got != want {
			t.Errorf("%s may wait: %t, want %t", name, got, want)
		}
	}
}
