package provisioning

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestRestrictionValidate(t *testing.T) {
	night := &Rights{Classes: []string{}, Countries: []string{}}
	for _, c := range []struct {
		r     Restriction
		field string // empty: valid
	}{
		{Restriction{Name: "a"}, ""},
		{Restriction{Name: "a", Calendar: "hall", Night: night, Open: []string{"0570*", "+82*", "#7119", "171"}, Closed: []string{"03*"}}, ""},
		{Restriction{Name: "A"}, "name"},
		{Restriction{Name: "a", Night: night}, "calendar"},
		{Restriction{Name: "a", Calendar: "hall"}, "night"},
		{Restriction{Name: "a", Rights: Rights{Classes: []string{"all"}}}, "rights.classes[0]"},
		{Restriction{Name: "a", WithPIN: &Rights{Classes: []string{"international"}}}, "with_pin.countries"},
		{Restriction{Name: "a", Open: []string{"0*"}}, "open[0]"},
		{Restriction{Name: "a", Open: []string{"090*"}}, "open[0]"},
		{Restriction{Name: "a", Open: []string{"+8*"}}, "open[0]"},
		{Restriction{Name: "a", Open: []string{"01044*"}}, "open[0]"},
		{Restriction{Name: "a", Open: []string{"*"}}, "open[0]"},
		{Restriction{Name: "a", Open: []string{"03-1234"}}, "open[0]"},
		{Restriction{Name: "a", Closed: []string{"119"}}, "closed[0]"},
		{Restriction{Name: "a", Closed: []string{"0312345678", "0312345678"}}, "closed[1]"},
	} {
		var bad *Invalid
		if err := c.r.Validate(); errors.As(err, &bad) != (c.field != "") || bad != nil && bad.Field != c.field {
			t.Errorf("%+v: %v, want %q", c.r, err, c.field)
		}
	}
	e := Extension{Number: "2001", Restriction: "a", Rights: &Rights{}}
	var bad *Invalid
	if errors.As(e.Validate(), &bad); bad == nil || bad.Field != "rights" {
		t.Errorf("rights beside a class: %v", bad)
	}
}

func TestRestrictionNames(t *testing.T) {
	r := Restriction{Open: []string{"0570012345", "+8210*", "03*"}, Closed: []string{"0312*", "0570012345*", "+821011112222"}}
	for number, want := range map[string]string{
		"0570012345": "open", "05700123459": "closed", "0311112222": "open", "0312112222": "closed", "+821022223333": "open", "+821011112222": "closed", "0611112222": "", "": "",
	} {
		open, closed := r.Names(number)
		got := map[bool]string{true: "open"}[open] + map[bool]string{true: "closed"}[closed]
		if got != want {
			t.Errorf("%q: %q, want %q", number, got, want)
		}
	}
	if open, closed := r.Names("+81312111111", "0312111111"); open || !closed {
		t.Error("a number is known by each of its forms")
	}
}

func TestRestrictionAt(t *testing.T) {
	c := Calendar{Hours: []Hours{{Days: []string{"mon"}, From: "08:30", To: "17:15"}}, Closed: []Closed{{From: "2026-12-07", To: "2026-12-07"}}}
	r := Restriction{Calendar: "hall", Rights: Rights{Classes: []string{"mobile"}}, Night: &Rights{Classes: []string{"service"}}}
	for at, want := range map[string]string{"2026-11-30T09:00:00+09:00": "day [mobile]", "2026-11-30T18:00:00+09:00": "night [service]", "2026-12-07T09:00:00+09:00": "holiday [service]"} {
		now, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		open, mode := r.At(c, now)
		if got := fmt.Sprint(mode, " ", open.Classes); got != want {
			t.Errorf("%s: %s, want %s", at, got, want)
		}
	}
}

// A PIN is kept as a hash, printed by nothing, and a bad one is refused without being shown.
func TestPIN(t *testing.T) {
	for _, bad := range []string{"", "123", "1234", "4321", "1111", "2001", "12a4", "1234567890123", "４７１１"} {
		err := CheckPIN("2001", bad)
		var invalid *Invalid
		if !errors.As(err, &invalid) || invalid.Field != "pin" || bad != "" && strings.Contains(invalid.Reason, bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if err := CheckPIN("2001", "4711"); err != nil {
		t.Error(err)
	}
	h, err := HashPIN("4711")
	if err != nil {
		t.Fatal(err)
	}
	again, err := DecodePIN(h.Encode())
	if err != nil || !again.Matches("4711") || again.Matches("4712") || again.Matches("") || (PINHash{}).Matches("") {
		t.Errorf("matches wrongly: %v", err)
	}
	other, err := HashPIN("4711")
	if err != nil || string(other.Encode()) == string(h.Encode()) {
		t.Error("two hashes of one PIN are alike")
	}
	if got := fmt.Sprintf("%v %+v %#v %s", h, h, h, h); got != "[redacted] [redacted] [redacted] [redacted]" {
		t.Error(got)
	}
	if _, err := DecodePIN([]byte("4711x")); err == nil || strings.Contains(err.Error(), "4711") {
		t.Errorf("%v", err)
	}
}
