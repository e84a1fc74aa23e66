package audit_test

import (
	"bytes"
	"reflect"
	"slices"
	"testing"

	"naisen/provisioning"
	"naisen/provisioning/audit"
)

// TestKinds: each event of the table has a kind of the list, and each kind has events.
func TestKinds(t *testing.T) {
	seen := map[audit.Kind]int{}
	for action, kind := range audit.Events() {
		if !audit.Known(action) || audit.KindOf(action) != kind || !slices.Contains(audit.Kinds(), kind) {
			t.Errorf("%s is of kind %q, known %v", action, kind, audit.Known(action))
		}
		seen[kind]++
	}
	for _, k := range audit.Kinds() {
		if seen[k] == 0 {
			t.Errorf("no event is of kind %s", k)
		}
	}
	for action, want := range map[string]audit.Kind{"call.monitor.ended": audit.KindListening, "call.pause": audit.KindRecording, "call.ended": audit.KindCall,
		"extension.put": audit.KindAdmin, "recording.listen.served": audit.KindListening, "listening-request.put": audit.KindListening, "menu-versions.put": audit.KindAdmin, "session.end-all": audit.KindSignIn,
		"factor.added": audit.KindSignIn, "factor.removed": audit.KindSignIn, "factor.reset": audit.KindSignIn} {
		if got := audit.KindOf(action); got != want || !audit.Known(action) {
			t.Errorf("%s is %s, want %s", action, got, want)
		}
	}
	for _, action := range []string{"", "extension", "extension.", "extension.eaten", "call.ended.", "nothing.put", "Extension.put"} {
		if audit.Known(action) {
			t.Errorf("%q is called an event", action)
		}
	}
}

// TestLift: what has a field of its own stands there, and the writer's map is not touched.
func TestLift(t *testing.T) {
	detail := map[string]any{"rule": "admin: x.y", "client": "192.0.2.17", "reason": "why", "session": 7, "n": 1}
	e := audit.Lift(provisioning.AuditEntry{Action: "recording.listen", Reason: "given", Detail: detail})
	if e.Rule != "admin: x.y" || e.Source != "192.0.2.17" || e.Client != "" || e.Reason != "given" ||
		!reflect.DeepEqual(e.Detail, map[string]any{"reason": "why", "session": 7, "n": 1}) || len(detail) != 5 {
		t.Errorf("%+v of %v", e, detail)
	}
	if e := audit.Lift(provisioning.AuditEntry{Detail: map[string]any{"client": "console"}}); e.Client != "console" || e.Detail != nil {
		t.Errorf("%+v", e)
	}
}

// TestFieldsInLeaf: the fields of an event stand in its leaf in one order, and an entry of before, which has none, reads and verifies as ever.
func TestFieldsInLeaf(t *testing.T) {
	e := entry(1)
	e.Seq, e.Rule, e.Source, e.Client, e.Session, e.Reason, e.Detail = 1, "r", "192.0.2.1", "c", "s", "why", nil
	leaf, read, err := audit.Canonical(e)
	if err != nil {
		t.Fatal(err)
	}
	const tail = `"outcome":"ok","kind":"admin","rule":"r","source":"192.0.2.1","client":"c","session":"s","reason":"why"}`
	if !bytes.HasSuffix(leaf, []byte(tail)) || read.Kind != "admin" {
		t.Errorf("%s", leaf)
	}
	old := bytes.Replace(leaf, []byte(tail), []byte(`"outcome":"ok"}`), 1)
	hashes, err := audit.Append(0, old, (&journal{}).hashes)
	if err != nil {
		t.Fatal(err)
	}
	j := &journal{records: []audit.Record{{Seq: 1, Leaf: old, Hashes: hashes, Entry: read}}, size: 1}
	j.add(t, entry(2))
	if r, err := audit.Verify(t.Context(), j); err != nil || r.Size != 2 {
		t.Errorf("%v, %v", r, err)
	}
}
