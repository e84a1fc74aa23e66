package storetest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
)

// testAuditLong: a change is made and logged however much of its entity is too long for one entry. Of a list it is told what came and what went.
func testAuditLong(t *testing.T, open Open) {
	s := fresh(t, open)
	n := provisioning.Notice{Name: "ward"}
	now := time.Unix(1_800_000_000, 0)
	put := func() map[string]any {
		t.Helper()
		var last provisioning.AuditEntry
		update(t, s, admin(domA), func(w provisioning.Writer) error {
			_, err := w.Put(domA, n, "")
			return err
		})
		view(t, s, func(r provisioning.Reader) error {
			got, err := r.Audit(domA, provisioning.AuditQuery{Object: n.Name, Newest: true, Limit: 1})
			if err != nil || len(got) != 1 {
				t.Fatalf("%+v %v", got, err)
			}
			last = got[0]
			return nil
		})
		of, ok := last.Detail["versions"].(map[string]any)
		if !ok {
			t.Fatalf("%+v", last.Detail)
		}
		return of
	}
	text := strings.Repeat("録音", 500)
	var told map[string]any
	for i := range 40 { // each is logged, whatever is there already
		var err error
		if n, _, err = n.Draft(provisioning.NoticeVersion{Language: "ja", Text: fmt.Sprint(i, text[:2990]), Voice: "mei", Audio: provisioning.NoticeAudio + "ward/x", SHA256: strings.Repeat("0", 64),
			By: "taro@" + domA}, now); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			update(t, s, admin(domA), func(w provisioning.Writer) error { _, err := w.Put(domA, n, ""); return err })
			continue
		}
		told = put()
	}
	added, _ := told["added"].([]any)
	if removed, _ := told["removed"].([]any); len(added) != 1 || len(removed) != 0 || added[0].(map[string]any)["number"] != 40.0 {
		t.Errorf("a wording more: %d came, %d went", len(added), len(removed))
	}
	if next, err := n.Hear(7, "hanako@"+domA, now); err != nil {
		t.Fatal(err)
	} else {
		n = next
	}
	told = put()
	body, _ := json.Marshal(told)
	if removed, _ := told["removed"].([]any); len(removed) != 1 || removed[0].(map[string]any)["number"] != 7.0 || !strings.Contains(string(body), "hanako") {
		t.Errorf("a wording that was heard: %.300s", body)
	}
	for i := range n.Versions { // more than any entry has room for
		n.Versions[i].Heard = []provisioning.Hearing{{By: "jiro@" + domA, At: now}}
	}
	told = put()
	if to, _ := told["to"].(map[string]any); to == nil || len(to["sha256"].(string)) != 64 {
		t.Errorf("all of them: %v", told)
	}
	update(t, s, admin(domA), func(w provisioning.Writer) error { return w.Delete(domA, provisioning.KindNotice, n.Name, "") })
	verified(t, s)
}
