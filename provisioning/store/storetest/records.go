package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
)

func testSecrets(t *testing.T, open Open) {
	s := fresh(t, open)
	put(t, s, domA, provisioning.Extension{Number: "2001"})
	put(t, s, domA, provisioning.Trunk{Name: "carrier", Host: "192.0.2.1"})
	put(t, s, domA, provisioning.User{Name: "taro"})
	secrets := [][2]string{{"sip", "2001"}, {"trunk", "carrier"}, {"user/password", "taro"}, {"user/passkey", "taro/1"}, {"issuer", "signing"}}
	update(t, s, admin(domA), func(w provisioning.Writer) error {
		for _, k := range secrets {
			if err := w.PutSecret(domA, k[0], k[1], []byte("plain of "+k[1])); err != nil {
				return fmt.Errorf("%v: %w", k, err)
			}
		}
		return nil
	})
	before := version(t, s)
	update(t, s, admin(domA), func(w provisioning.Writer) error { return w.PutSecret(domA, "sip", "2001", []byte("plain of 2001")) })
	if version(t, s) != before {
		t.Error("the same secret again was a change")
	}
	view(t, s, func(r provisioning.Reader) error {
		for _, k := range secrets {
			if b, err := provisioning.Secret(r, domA, k[0], k[1]); err != nil || string(b) != "plain of "+k[1] {
				t.Errorf("%v: %q, %v", k, b, err)
			}
			if _, err := provisioning.Secret(r, domB, k[0], k[1]); !errors.Is(err, provisioning.ErrNotFound) {
				t.Errorf("%v in the other domain: %v", k, err)
			}
		}
		if tr, _, err := provisioning.Get[provisioning.Trunk](r, domA, "carrier"); err != nil || !tr.HasSecret {
			t.Errorf("the trunk does not say that it has a secret: %v", err)
		}
		if all, err := r.Secrets(domA, "sip"); err != nil || len(all) != 1 {
			t.Errorf("all secrets of a kind: %d, %v", len(all), err)
		}
		entries, err := r.Audit(domA, provisioning.AuditQuery{Action: "secret.put"})
		if err != nil || len(entries) != len(secrets) || strings.Contains(fmt.Sprint(entries), "plain") {
			t.Errorf("audit of secrets: %v, %v", entries, err)
		}
		return nil
	})
	for _, k := range [][2]string{{"sip", "9999"}, {"trunk", "x"}, {"user/password", "x"}} {
		err := s.Update(t.Context(), admin(domA), func(w provisioning.Writer) error { return w.PutSecret(domA, k[0], k[1], []byte("x")) })
		if !errors.Is(err, provisioning.ErrNotFound) {
			t.Errorf("secret %v without its owner: %v", k, err)
		}
	}
	// Writing the trunk back as it was read keeps its secret, and stores no has_secret.
	update(t, s, admin(domA), func(w provisioning.Writer) error {
		tr, tag, err := provisioning.Get[provisioning.Trunk](w, domA, "carrier")
		if err != nil {
			return err
		}
		again, err := provisioning.Put(w, domA, tr, tag)
		if again != tag {
			t.Error("a trunk written back as it was read is a change")
		}
		return err
	})
	secretsGo(t, s)
}

func secretsGo(t *testing.T, s Backend) {
	update(t, s, admin(domA), func(w provisioning.Writer) error {
		return errors.Join(
			w.Delete(domA, "user", "taro", ""), w.Delete(domA, "extension", "2001", ""), w.PutSecret(domA, "trunk", "carrier", nil))
	})
	view(t, s, func(r provisioning.Reader) error {
		for _, kind := range []string{"sip", "trunk", "user/password", "user/passkey"} {
			if m, err := r.Secrets(domA, kind); err != nil || len(m) != 0 {
				t.Errorf("%s secrets outlive their owner: %d, %v", kind, len(m), err)
			}
		}
		if m, err := r.Secrets(domA, "issuer"); err != nil || len(m) != 1 {
			t.Errorf("a secret that stands alone went too: %v", err)
		}
		return nil
	})
	err := s.Update(t.Context(), admin(domA), func(w provisioning.Writer) error { return w.PutSecret(domA, "trunk", "carrier", nil) })
	if !errors.Is(err, provisioning.ErrNotFound) {
		t.Errorf("a secret deleted twice: %v", err)
	}
}

func testAudit(t *testing.T, open Open) {
	s := fresh(t, open)
	who := admin(domA)
	who.Client = "console"
	update(t, s, who, func(w provisioning.Writer) error {
		if _, err := w.Put(domA, provisioning.Extension{Number: "2001", Display: "old"}, ""); err != nil {
			return err
		}
		if _, err := w.Put(domA, provisioning.Extension{Number: "2001", Display: "new"}, ""); err != nil {
			return err
		}
		forged := provisioning.AuditEntry{Domain: domA, Subject: "system", Time: time.Unix(1, 0), Action: "call.ended", Object: strings.Repeat("x\xff\x00'", 5000)}
		return w.AddAudit(forged)
	})
	view(t, s, func(r provisioning.Reader) error {
		got, err := r.Audit(domA, provisioning.AuditQuery{After: 1})
		if err != nil || len(got) != 3 {
			t.Fatalf("audit: %+v, %v", got, err)
		}
		for i, e := range got {
			if e.Subject != "boss@"+domA || e.Domain != domA || e.Seq != int64(i)+3 || e.Client != "console" || e.Time.Before(time.Unix(2, 0)) {
				t.Errorf("entry %d: %+v", i, e)
			}
		}
		diff := map[string]any{"from": "old", "to": "new"}
		if got[1].Action != "extension.put" || got[1].Object != "2001" || fmt.Sprint(got[1].Detail["display"]) != fmt.Sprint(diff) || len(got[1].Detail) != 1 {
			t.Errorf("the change reads %+v", got[1])
		}
		if len(got[2].Object) > 2000 {
			t.Error("an overlong object was kept")
		}
		return nil
	})
	for name, detail := range map[string]map[string]any{
		"password": {"password": "x"}, "nested": {"a": map[string]any{"Token": "x"}}, "struct": {"a": struct{ B string }{"x"}}, "bytes": {"a": []byte("x")},
		"pointer": {"a": new(string)}, "deep": {"a": nest("x", 12)}, "long": {"a": slices.Repeat([]string{strings.Repeat("x", 4000)}, 20)},
	} {
		err := s.Update(t.Context(), who, func(w provisioning.Writer) error {
			return w.AddAudit(provisioning.AuditEntry{Domain: domA, Action: "x.y", Detail: detail})
		})
		var i *provisioning.Invalid
		if !errors.As(err, &i) || !strings.HasPrefix(i.Field, "detail") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if r := verified(t, s); r.Size != 5 {
		t.Errorf("%d entries", r.Size)
	}
}

func testAuditSearch(t *testing.T, open Open) {
	s := fresh(t, open)
	at := time.Date(2026, 1, 2, 3, 4, 5, 6789, time.UTC)
	update(t, s, system(), func(w provisioning.Writer) error {
		for i := range 20 {
			e := provisioning.AuditEntry{
				Time: at.Add(time.Duration(i) * time.Minute), Domain: domB, Subject: fmt.Sprintf("u%d@%s", i%4, domB),
				Action: []string{"recording.listen", "recording.list", "recordings", "call.ended"}[i%4], Object: fmt.Sprint("o", i%5), Outcome: "allowed",
				Detail: map[string]any{"n": i, "at": at, "list": []string{"a"}, "f": 1.5, "b": true},
			}
			if err := w.AddAudit(e); err != nil {
				return err
			}
		}
		return nil
	})
	view(t, s, func(r provisioning.Reader) error {
		for _, c := range []struct {
			q    provisioning.AuditQuery
			want string
		}{
			{provisioning.AuditQuery{Limit: 3}, "3 4 5"}, // 1 and 2 are the domains: of domA, and the put of domB
			{provisioning.AuditQuery{Newest: true, Limit: 3}, "22 21 20"},
			{provisioning.AuditQuery{Newest: true, After: 20, Limit: 2}, "19 18"},
			{provisioning.AuditQuery{After: 20}, "21 22"},
			{provisioning.AuditQuery{Subject: "u1@" + domB, Limit: 2}, "4 8"},
			{provisioning.AuditQuery{Action: "recording.", Limit: 3}, "3 4 7"},
			{provisioning.AuditQuery{Action: "recording*", Limit: 3}, "3 4 5"},
			{provisioning.AuditQuery{Action: "recordings", Limit: 2}, "5 9"},
			{provisioning.AuditQuery{Object: "o4"}, "7 12 17 22"},
			{provisioning.AuditQuery{Since: at.Add(18 * time.Minute), Until: at.Add(19 * time.Minute)}, "21"},
		} {
			c.q.After = max(c.q.After, map[bool]int64{true: 0, false: 2}[c.q.Newest])
			got, err := r.Audit(domB, c.q)
			if err != nil {
				return err
			}
			var seqs []string
			for _, e := range got {
				seqs = append(seqs, fmt.Sprint(e.Seq))
			}
			if s := strings.Join(seqs, " "); s != c.want {
				t.Errorf("%+v gives %s, want %s", c.q, s, c.want)
			}
		}
		if got, err := r.Audit("c.example", provisioning.AuditQuery{}); err != nil || len(got) != 0 {
			t.Errorf("audit of another domain: %v, %v", got, err)
		}
		return nil
	})
}

func record(domain, id string, minute int) provisioning.CDR {
	at := time.Date(2026, 1, 2, 3, minute, 0, 0, time.UTC)
	return provisioning.CDR{
		ID: id, Domain: domain, Direction: "in", From: "+81901111222" + fmt.Sprint(minute%3), To: "+81312345678", AnsweredBy: "2001",
		Started: at, Answered: at.Add(time.Second), Ended: at.Add(time.Minute), TalkMS: 59000, Status: 200, Q850: 16, Cause: "ended", EndedBy: "caller",
		Legs: []provisioning.LegQuality{{Number: "2001", Codec: "PCMU", Received: 2950, Lost: 3, MOS: 4.2, WorstMOS: 3.1}},
	}
}

func addCDRs(t *testing.T, s Backend) {
	update(t, s, system(), func(w provisioning.Writer) error {
		for _, i := range []int{3, 1, 2, 5, 4, 4} { // one twice
			if err := w.AddCDR(record(domA, fmt.Sprint("c", i), i)); err != nil {
				return err
			}
		}
		if err := w.AddCDR(record(domA, "c9", 4)); err != nil { // at the same instant as c4
			return err
		}
		again := record(domA, "c1", 59)
		again.Cause = "other"
		if err := w.AddCDR(again); err != nil { // the first one stands
			return err
		}
		strange := record(domB, "c1", 0)
		strange.From = "\r\nX: y\xff" + strings.Repeat("z", 5000)
		return w.AddCDR(strange)
	})
}

func testCDRs(t *testing.T, open Open) {
	s := fresh(t, open)
	addCDRs(t, s)
	view(t, s, func(r provisioning.Reader) error {
		for _, c := range []struct {
			q    provisioning.CDRQuery
			want string
		}{
			{provisioning.CDRQuery{}, "c5 c9 c4 c3 c2 c1"},
			{provisioning.CDRQuery{Limit: 2}, "c5 c9"},
			{provisioning.CDRQuery{Limit: 2, After: "c9"}, "c4 c3"},
			{provisioning.CDRQuery{After: "c1"}, ""},
			{provisioning.CDRQuery{ID: "c3"}, "c3"},
			{provisioning.CDRQuery{ID: "x"}, ""},
			{provisioning.CDRQuery{Parties: []string{"+819011112221", "7777"}}, "c9 c4 c1"},
			{provisioning.CDRQuery{Parties: []string{"2001"}, Limit: 1}, "c5"},
			{provisioning.CDRQuery{Parties: []string{}}, ""},
		} {
			got, err := r.CDRs(domA, c.q)
			if err != nil {
				return err
			}
			var ids []string
			for _, d := range got {
				ids = append(ids, d.ID)
			}
			if s := strings.Join(ids, " "); s != c.want {
				t.Errorf("%+v gives %s, want %s", c.q, s, c.want)
			}
		}
		got, err := r.CDRs(domA, provisioning.CDRQuery{ID: "c1"})
		if err != nil || len(got) != 1 || !reflect.DeepEqual(got[0], record(domA, "c1", 1)) {
			t.Errorf("c1 reads %+v, %v", got, err)
		}
		if _, err := r.CDRs(domB, provisioning.CDRQuery{After: "c2"}); !errors.Is(err, provisioning.ErrNotFound) {
			t.Errorf("a cursor of another domain: %v", err)
		}
		got, err = r.CDRs(domB, provisioning.CDRQuery{})
		if err != nil || len(got) != 1 || strings.ContainsAny(got[0].From, "\r\n") || len(got[0].From) > 1024 {
			t.Errorf("a strange caller: %d, %v", len(got), err)
		}
		return nil
	})
}

func testBindings(t *testing.T, open Open) {
	s := fresh(t, open)
	soon := time.Now().Add(time.Hour).Truncate(time.Microsecond)
	row := func(aor, key, body string) provisioning.BindingRow {
		return provisioning.BindingRow{AOR: aor, Key: key, Body: []byte(body), Expires: soon}
	}
	before, audited := version(t, s), auditSize(t, s)
	expired := row("2003@a", "k", "late")
	expired.Expires = time.Now().Add(-time.Second)
	for _, batch := range [][]provisioning.BindingRow{
		nil,
		{row("2002@a", "k", "three"), row("2001@a", "k2", "two"), row("2001@a", "k1", "one"), expired},
		{row("2001@a", "k1", "one again"), {AOR: "2002@a", Key: "k"}, {AOR: "none@a", Key: "k"}},
	} {
		if err := s.SaveBindings(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	bad := []provisioning.BindingRow{row("2009@a", "k", "never"), {AOR: "2001@a", Key: "k", Body: bytes.Repeat([]byte("x"), 1<<20), Expires: soon}}
	if err := s.SaveBindings(t.Context(), bad); !invalid(err, "binding") {
		t.Errorf("a huge binding: %v", err)
	}
	got, err := s.Bindings(t.Context())
	if err != nil || len(got) != 2 || string(got[0].Body) != "one again" || got[1].Key != "k2" || !got[0].Expires.Equal(soon) {
		t.Errorf("bindings: %+v, %v", got, err)
	}
	if version(t, s) != before || auditSize(t, s) != audited {
		t.Error("bindings are in the feed or the audit log")
	}
}

func testReopen(t *testing.T, open Open) {
	dir := t.TempDir()
	s := open(t, dir)
	if v := version(t, s); v != 0 {
		t.Errorf("a new store begins at version %d", v)
	}
	for _, e := range sample() {
		update(t, s, system(), func(w provisioning.Writer) error {
			_, err := w.Put(domA, e, "!")
			return err
		})
	}
	update(t, s, system(), func(w provisioning.Writer) error { return w.PutSecret(domA, "sip", "2001", []byte("plain")) })
	v, root := version(t, s), verified(t, s).Root
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	if version(t, s) != v || verified(t, s).Root != root {
		t.Error("version or audit log changed by a restart")
	}
	view(t, s, func(r provisioning.Reader) error {
		for _, e := range sample() {
			if _, err := r.Row(domA, e.Kind(), e.Key()); err != nil {
				t.Errorf("%s is gone after a restart: %v", e.Kind(), err)
			}
		}
		b, err := provisioning.Secret(r, domA, "sip", "2001")
		if err != nil || string(b) != "plain" {
			t.Errorf("secret after a restart: %v", err)
		}
		return nil
	})
}

// nest puts a value into so many lists.
func nest(v any, depth int) any {
	for range depth {
		v = []any{v}
	}
	return v
}
