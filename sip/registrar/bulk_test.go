package registrar

import "testing"

func TestBulkRegistration(t *testing.T) {
	for _, c := range []struct {
		name   string
		bulk   bool
		lines  []string
		status int
	}{
		{"all numbers", true, []string{"Require: gin", "Contact: <sip:192.0.2.1;bnc>"}, 200},
		{"and their end", true, []string{"Require: gin", "Contact: <sip:192.0.2.1;bnc>;expires=0"}, 200},
		{"not this account", false, []string{"Require: gin", "Contact: <sip:192.0.2.1;bnc>"}, 403},
		{"without bnc", true, []string{"Require: gin", "Contact: <sip:192.0.2.1>"}, 400},
		{"one of two without", true, []string{"Require: gin", "Contact: <sip:192.0.2.1;bnc>, <sip:192.0.2.2>"}, 400},
		{"with a user part", true, []string{"Require: gin", "Contact: <sip:7@192.0.2.1;bnc>"}, 400},
		{"bnc unasked", true, []string{"Contact: <sip:192.0.2.1;bnc>"}, 400},
		{"a phone's bnc", false, []string{"Contact: <sip:192.0.2.1;bnc>"}, 400},
		{"a system that knows no gin", true, []string{"Contact: <sip:trunk@192.0.2.1>"}, 200},
	} {
		b := newBench(t, Config{})
		resp := b.r.register(message(t, 1, c.lines...), udp, Right{AOR: aor, Domain: "example.test", Bulk: c.bulk})
		if resp.Status != c.status {
			t.Errorf("%s: %d %s, want %d", c.name, resp.Status, resp.Reason, c.status)
		}
		if c.name == "all numbers" && resp.Get("Contact") != "<sip:192.0.2.1;bnc>;expires=300" {
			t.Errorf("%q", resp.Get("Contact"))
		}
	}
}
