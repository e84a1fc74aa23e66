package event

import (
	"testing"

	"naisen/sip"
	"naisen/sip/stack"
)

func TestEventHeader(t *testing.T) {
	for in, want := range map[string]string{
		"dialog":                    "dialog",
		" presence ":                "presence",
		"dialog;id=7":               "dialog;id=7",
		"dialog ; call-id=x ;ID=a1": "dialog;id=a1",
		"dialog;sla":                "dialog",
		"refer.winfo":               "refer.winfo",
		"":                          "-",
		"dia log":                   "-",
		"dialog;id=\"a b\"":         "-",
		"dialog;=":                  "-",
	} {
		r := stack.NewRequest("SUBSCRIBE", sip.URI{Scheme: "sip", Host: "x"})
		r.Set("Event", in)
		got := "-"
		if name, id, ok := eventOf(&r.Headers); ok {
			got = eventHeader(name, id)
		}
		if got != want {
			t.Errorf("%q is read as %q, want %q", in, got, want)
		}
	}
}

// FuzzEvent: what is echoed in each NOTIFY can always be sent, and is read back as the same.
func FuzzEvent(f *testing.F) {
	for _, s := range []string{"dialog;id=7", "presence", ";;;", "a;id=\"\r\n\"", "dialog;call-id=\"x;y\""} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, event, accept string) {
		r := stack.NewRequest("NOTIFY", sip.URI{Scheme: "sip", Host: "x"})
		r.Set("Event", event)
		r.Set("Accept", accept)
		_ = accepts(&r.Headers, pidfType)
		_ = encoded(&r.Headers)
		name, id, ok := eventOf(&r.Headers)
		if !ok {
			return
		}
		r.Set("Event", eventHeader(name, id))
		r.Del("Accept")
		if _, err := r.Append(nil); err != nil {
			t.Fatal(err)
		}
		if n, i, ok := eventOf(&r.Headers); !ok || n != name || i != id {
			t.Errorf("%q;%q came back as %q;%q", name, id, n, i)
		}
	})
}
