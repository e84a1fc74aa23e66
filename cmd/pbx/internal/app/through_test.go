package app

import (
	"fmt"
	"strings"
	"testing"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
)

// TestCallThrough: only the right PIN makes the caller somebody; then a number or a code is dialled by the extension's rights, and help is not.
func TestCallThrough(t *testing.T) {
	const ask = "Play(voicemail/enter-pin) Gather(secret)"
	for name, c := range map[string]struct {
		keys []string
		want string
	}{
		"a number":       {[]string{"4711", "0312345678"}, ask + " Become(2001 花子) Play(restriction/number) Gather Goto(0312345678 PIN)"},
		"a code":         {[]string{"4711", "*72"}, ask + " Become(2001 花子) Play(restriction/number) Gather Goto(*72 PIN)"},
		"help":           {[]string{"4711", "119"}, ask + " Become(2001 花子) Play(restriction/number) Gather Play(call/emergency-mobile)"},
		"nothing":        {[]string{"4711", ""}, ask + " Become(2001 花子) Play(restriction/number) Gather Play(feature/not-possible)"},
		"a wrong PIN":    {[]string{"1", "4711"}, ask + " Play(voicemail/wrong-pin voicemail/enter-pin) Gather(secret) Become(2001 花子) Play(restriction/number) Gather"},
		"no PIN":         {[]string{""}, ask + " Play(feature/not-possible)"},
		"three wrong":    {[]string{"1", "2", "3"}, ask + strings.Repeat(" Play(voicemail/wrong-pin voicemail/enter-pin) Gather(secret)", 2) + " Play(voicemail/wrong-pin)"},
		"too many wrong": {[]string{"stop"}, ask + " Play(feature/not-possible)"},
	} {
		f := call.Facts{Domain: "d", Language: "ja", Run: route.Run{Verb: route.VerbThrough, Name: "+81312345673", For: "2001", Data: map[string]string{route.Name: "花子"}}}
		desk := &fakeDesk{}
		if c.keys[0] == "stop" {
			desk.broken = ErrNoTries
		}
		s, ok := Programs{Desk: desk}.Script("d", f.Run)
		if !ok {
			t.Fatal("there is no such script")
		}
		said := draw(t, f, s, s.On(f, call.Began{}))
		for i, k := range c.keys {
			said = append(said, draw(t, f, s, s.On(f, call.Gathered{Keys: call.NewKeys(k, i == 0)}))...)
		}
		if got := strings.Join(said, " "); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, c.want)
		}
		if desk.at != Outside && c.keys[0] != "" {
			t.Errorf("%s: the PIN is counted as of %q", name, desk.at)
		}
	}
}

// draw says what a script ordered, and does its work.
func draw(t *testing.T, f call.Facts, s call.Script, orders []call.Order) (out []string) {
	t.Helper()
	for _, o := range orders {
		switch o := o.(type) {
		case call.Play:
			out = append(out, "Play("+strings.Trim(fmt.Sprint(phrases(o)), "[]")+")")
		case call.Gather:
			text := "Gather"
			if o.Secret {
				text += "(secret)"
			}
			out = append(out, text)
		case call.Become:
			out = append(out, "Become("+o.Extension+" "+o.Name+")")
		case call.Goto:
			out = append(out, fmt.Sprintf("Goto(%s PIN)", o.Number))
		case call.Beside:
			out = append(out, draw(t, f, s, s.On(f, call.Result{Value: o.Work(t.Context())}))...)
		}
	}
	return out
}
