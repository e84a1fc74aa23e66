package provisioning

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"encoding/json"
)

// The vectors of RFC 7396 appendix A whose patch is an object.
func TestMergePatch(t *testing.T) {
	for _, c := range [][3]string{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`}, {`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`}, {`{"a":"b"}`, `{"a":null}`, `{}`}, {`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`}, {`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`}, {`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`}, {`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`}, {`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`}, {`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
	} {
		got, err := MergePatch([]byte(c[0]), []byte(c[1]))
		var a, b any
		if err != nil || json.Unmarshal(got, &a) != nil || json.Unmarshal([]byte(c[2]), &b) != nil || !reflect.DeepEqual(a, b) {
			t.Errorf("%s with %s is %s (%v), want %s", c[0], c[1], got, err, c[2])
		}
	}
	if _, err := MergePatch([]byte(`{}`), []byte(`["a"]`)); err == nil {
		t.Error("a list is no merge")
	}
}

// What asks for less waits, what asks for more does not.
func TestChangeRulesWeakened(t *testing.T) {
	class := ChangeClass{Name: "a", Kinds: []string{KindTrunk}}
	old := ChangeRules{Classes: []ChangeClass{class}, Calendar: "hall", Windows: []Window{{From: time.Unix(0, 0), To: time.Unix(60, 0)}}}
	for why, next := range map[string]ChangeRules{
		"classes":    {Calendar: "hall", Windows: old.Windows},
		"classes ":   {Classes: []ChangeClass{{Name: "a", Kinds: []string{KindTrunk}, Fields: []string{"host"}}}, Calendar: "hall", Windows: old.Windows},
		"calendar":   {Classes: old.Classes, Windows: old.Windows},
		"windows":    {Classes: old.Classes, Calendar: "hall", Windows: []Window{{From: time.Unix(0, 0), To: time.Unix(120, 0)}}},
		"weekly":     {Classes: old.Classes, Calendar: "hall", Weekly: []Hours{{Days: []string{"mon"}, From: "01:00", To: "02:00"}}},
		"disruptive": {Classes: old.Classes, Calendar: "hall", Disruptive: []ChangeClass{{Name: "trunk", Kinds: []string{KindTrunk}}}},
		"":           {Classes: []ChangeClass{class, {Name: "b", Kinds: []string{KindDID}}}, Calendar: "hall"},
	} {
		got := old.weakened(next)
		if why = strings.TrimSpace(why); (why == "") != (len(got) == 0) || why != "" && (got[0].Field != why || got[0].People != onePerson || got[0].Class == "") {
			t.Errorf("%q: %+v", why, got)
		}
	}
}

// Every kind that a set may change is one whose entities can be made out of their JSON.
func TestSettable(t *testing.T) {
	for _, kind := range settable {
		e, err := EntityOf(kind, []byte(`{}`))
		if err != nil || e.Kind() != kind {
			t.Errorf("%s: %T %v", kind, e, err)
		}
		if _, err := EntityOf(kind, []byte(`{"no_such_field":1}`)); err == nil || strings.Contains(err.Error(), ":1") {
			t.Errorf("%s: %v", kind, err)
		}
	}
	for _, kind := range vouchable {
		if blank(kind) == nil {
			t.Errorf("%s is no kind", kind)
		}
	}
	for _, e := range Entities() {
		if len(assignments(e)) > 0 && !Vouchable(e.Kind()) {
			t.Errorf("%s names policies, and nobody vouches for it", e.Kind())
		}
	}
}
