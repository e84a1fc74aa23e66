package provisioning

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestEveryNumberIsAClaim: a kind with a number is one of claimants, or stands here with the reason why its number is another's.
func TestEveryNumberIsAClaim(t *testing.T) {
	of := map[string]string{
		KindAgent:    "its extension's",
		KindCallBack: "who is called back",
		KindMailbox:  "an extension's or a group's; where nobody has it, it is the mailbox's until somebody does",
	}
	for _, e := range Entities() {
		has := false
		for f := range fields(reflect.TypeOf(e)) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			has = has || name == "number"
		}
		claims := slices.ContainsFunc(claimants(), func(c claimant) bool { return c.kind == e.Kind() })
		if _, others := of[e.Kind()]; has && claims == others {
			t.Errorf("%s has a number: a claim %v, another's %v", e.Kind(), claims, others)
		}
	}
}

func fields(t reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if !yield(t.Field(i)) {
				return
			}
		}
	}
}

// TestNoNumberIsACode: claims are not compared with feature codes, because no number looks like one.
func TestNoNumberIsACode(t *testing.T) {
	for _, own := range claimants() {
		i := slices.IndexFunc(Entities(), func(e Entity) bool { return e.Kind() == own.kind })
		v := reflect.New(reflect.TypeOf(Entities()[i])).Elem()
		if f := v.FieldByName("Name"); f.IsValid() {
			f.SetString("x")
		}
		for _, code := range []string{"*43", "#1", "**"} {
			f := v.FieldByName("Number")
			if !f.IsValid() {
				t.Fatalf("%s: where is its number?", own.kind)
			}
			f.SetString(code)
			var bad *Invalid
			if err := v.Interface().(Entity).Validate(); !errors.As(err, &bad) || bad.Field != "number" {
				t.Errorf("%s %s: %v", own.kind, code, err)
			}
		}
	}
}

func TestNational(t *testing.T) {
	for e164, want := range map[string]string{"+81312345678": "0312345678", "+14155550100": "", "2001": ""} {
		if got := national(e164); got != want || want != "" && international(got) != e164 {
			t.Errorf("%s: %q, and back %q", e164, got, international(got))
		}
	}
}
