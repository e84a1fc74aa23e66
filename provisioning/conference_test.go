package provisioning

import (
	"fmt"
	"testing"
)

func TestConferenceValidate(t *testing.T) {
	conf := func(f func(*Conference)) Entity { c := Conference{Number: "8000"}; f(&c); return c }
	for _, c := range []fault{
		{conf(func(c *Conference) { c.Title, c.MaxGuests = "朝会", 50 }), ""},
		{conf(func(c *Conference) { c.Number = "8a" }), "number"},
		{conf(func(c *Conference) { c.Number = "119" }), "number"},
		{conf(func(c *Conference) { c.Title = "a\nb" }), "title"},
		{conf(func(c *Conference) { c.MaxGuests = 51 }), "max_guests"},
		{DID{Number: "+81312345678", Conference: "8000"}, ""},
		{DID{Number: "+81312345678", Conference: "8000", To: []string{"2001"}}, "to"},
		{DID{Number: "+81312345678", Conference: "x"}, "conference"},
		{DID{Number: "+81312345678", Conference: "8000", Menu: "hello"}, "menu"},
		{DID{Number: "+81312345678", Group: "6000", Menu: "hello"}, "menu"},
		{DID{Number: "+81312345678"}, "to"},
	} {
		c.check(t)
	}
}

func TestConferencePINs(t *testing.T) {
	for _, c := range []struct{ guest, moderator, fault string }{
		{"1234", "987654321012", ""}, {"", "9876", ""}, {"1234", "", ""}, {"", "", ""},
		{"123", "", "pin"}, {"12a4", "", "pin"}, {"1234567890123", "", "pin"}, {"", "12", "moderator_pin"}, {"1234", "1234", "moderator_pin"},
	} {
		p := NewConferencePINs(c.guest, c.moderator)
		err := p.Validate()
		invalid, _ := err.(*Invalid)
		if (err == nil) != (c.fault == "") || invalid != nil && invalid.Field != c.fault {
			t.Errorf("%q: %v", c, err)
		}
		if g, m := ParseConferencePINs(p.Seal()).Reveal(); g != c.guest || m != c.moderator {
			t.Errorf("%q is kept as %q, %q", c, g, m)
		}
		for _, text := range []string{fmt.Sprint(p), fmt.Sprintf("%#v", p), fmt.Sprintf("%+v", p), p.LogValue().String()} {
			if text != "[redacted]" {
				t.Errorf("prints %s", text)
			}
		}
	}
}
