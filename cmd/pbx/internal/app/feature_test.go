package app

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/provisioning"
	"naisen/sip"
)

type fakeDesk struct {
	set    string
	proved string
	at     string // the telephone of the last PIN
	last   caller
	broken error
}

func (d *fakeDesk) Set(_ context.Context, domain, extension, feature, argument string) error {
	d.set = fmt.Sprint(domain, " ", extension, " ", feature, " ", argument)
	return d.broken
}

func (d *fakeDesk) Prove(_ context.Context, _, extension, at, pin string) error {
	d.at = at
	if d.broken == nil && pin != "4711" {
		return errMissing
	}
	d.proved = extension
	return d.broken
}

func (d *fakeDesk) SignIn(ctx context.Context, domain, desk, person, pin string) error {
	d.set = desk + " is of " + person
	return d.Prove(ctx, domain, person, desk, pin)
}

func (d *fakeDesk) LastCaller(context.Context, string, string) (string, bool, error) {
	return d.last.number, d.last.known, d.broken
}

// phrases are what a Play says.
func phrases(o call.Order) (out []string) {
	p, ok := o.(call.Play)
	if !ok {
		return []string{fmt.Sprintf("%T", o)}
	}
	switch s := p.Program.(type) {
	case speech:
		for _, ph := range s.what {
			out = append(out, ph.prompts()...)
		}
	case announcement:
		out = []string{s.prompt}
	}
	return out
}

// work carries out the Beside among orders.
func work(t *testing.T, orders []call.Order) call.Result {
	t.Helper()
	i := slices.IndexFunc(orders, func(o call.Order) bool { _, ok := o.(call.Beside); return ok })
	if i < 0 {
		t.Fatalf("no work in %v", orders)
	}
	return call.Result{Value: orders[i].(call.Beside).Work(t.Context())}
}

func TestSetting(t *testing.T) {
	for _, c := range []struct {
		feature, argument string
		broken            error
		said              string
	}{
		{provisioning.FeatureDNDOn, "", nil, "[feature/dnd-on]"},
		{provisioning.FeatureForwardBusyOn, "20", nil, "[feature/forward-set number/2 number/0]"},
		{provisioning.FeatureForwardOff, "", nil, "[feature/forward-off]"},
		{provisioning.FeatureForwardOn, "110", errMissing, "[feature/not-possible]"},
	} {
		d := &fakeDesk{broken: c.broken}
		run := route.Run{Verb: route.VerbFeature, Name: c.feature, For: "2001", Data: map[string]string{route.Argument: c.argument}}
		s, _ := Programs{Desk: d}.Script("d", run)
		f := call.Facts{Domain: "d", Run: run}
		said := s.On(f, work(t, s.On(f, call.Began{})))
		if got := fmt.Sprint(phrases(said[0])); got != c.said || d.set != "d 2001 "+c.feature+" "+c.argument {
			t.Errorf("%s: said %s, set %q", c.feature, got, d.set)
		}
		if got := s.On(f, call.Played{Complete: true}); got[0] != (call.Finish{Cause: sip.CauseNormal}) {
			t.Errorf("then %v", got)
		}
	}
	for _, f := range provisioning.Features() {
		if f.Name == provisioning.FeaturePickup || f.Name == provisioning.FeaturePickupOf || f.Name == provisioning.FeatureMove || f.Name == provisioning.FeatureLeave || f.Name == provisioning.FeatureIntercom || f.Name == provisioning.FeaturePage {
			continue // done before there is a call: the caller takes part in another one, or goes to a mailbox; intercom and paging are plans (TestIntercom, TestPaging)
		}
		if provisioning.DuringCall(f.Name) || f.Name == provisioning.FeaturePark || f.Name == provisioning.FeatureShort || f.Name == provisioning.FeatureShow {
			continue // of the plan, or of the call: TestParking, TestShort, TestTransferByKeys
		}
		if _, ok := (Programs{Desk: &fakeDesk{}, Shorten: func(context.Context, string, string, string, string) error { return nil }, Monitors: &fakeMonitors{}, Agents: fakeAgents{}, Mailboxes: aBox()}).Script("d", route.Run{Verb: route.VerbFeature, Name: f.Name}); !ok {
			t.Errorf("%s can be dialled and does nothing", f.Name)
		}
	}
}

func TestReturning(t *testing.T) {
	for _, c := range []struct {
		last caller
		said string
	}{
		{caller{"+81312345678", true}, "[feature/last-caller number/0 number/3 number/1 number/2 number/3 number/4 number/5 number/6 number/7 number/8 feature/call-back]"},
		{caller{"", true}, "[feature/last-caller feature/withheld]"},
		{caller{}, "[feature/no-caller]"},
	} {
		s := &returning{from: Programs{Desk: &fakeDesk{last: c.last}}}
		if got := fmt.Sprint(phrases(s.On(call.Facts{}, work(t, s.On(call.Facts{}, call.Began{})))[0])); got != c.said {
			t.Errorf("said %s", got)
		}
		if c.last.number == "" {
			continue
		}
		if got := s.On(call.Facts{}, call.Gathered{Keys: call.NewKeys("1", false)}); got[0] != (call.Goto{Number: "0312345678"}) {
			t.Errorf("1: %v", got)
		}
	}
}

func TestClock(t *testing.T) {
	for _, c := range []struct{ at, lang, want string }{
		{"09:00", "ja", "hour/9 time/desu"}, {"14:30", "ja", "hour/14 minute/30 time/desu"}, {"23:59", "ja", "hour/23 number/50 minute/9 time/desu"},
		{"00:05", "ja", "hour/0 minute/5 time/desu"}, {"14:30", "en", "number/14 number/30"}, {"21:05", "en", "number/20 number/1 time/oh number/5"},
		{"08:00", "en", "number/8 time/oclock"}, {"00:41", "en", "number/0 number/40 number/1"},
	} {
		at, err := time.ParseInLocation("15:04", c.at, japan)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range Clock(at.UTC(), c.lang) {
			got = append(got, p.prompts()...)
		}
		if fmt.Sprint(got) != "["+c.want+"]" {
			t.Errorf("%s %s: %v", c.at, c.lang, got)
		}
	}
}

// What is said comes back a little later, frame by frame, and silence meanwhile; nothing else is heard.
func TestEcho(t *testing.T) {
	for _, codec := range []media.Codec{media.PCMU, media.PCMA, media.G722} {
		e := &echo{}
		src, _, err := e.Open(codec)
		if err != nil {
			t.Fatal(err)
		}
		voice := func(b byte) { e.Tap(&media.Frame{Payload: slices.Repeat([]byte{b}, frameBytes)}) }
		e.Tap(&media.Frame{Payload: make([]byte, frameBytes), Played: true})
		e.Tap(&media.Frame{Payload: make([]byte, frameBytes), Event: true})
		e.Tap(&media.Frame{Payload: make([]byte, 4)})
		for i := range byte(echoDelay) {
			if f, ok := src.Next(); !ok || f[0] != e.silence[0] {
				t.Fatalf("before it is due: %v %v", f[:1], ok)
			}
			voice(i + 1)
		}
		for i := range byte(echoDelay) {
			if f, _ := src.Next(); f[0] != i+1 || f[frameBytes-1] != i+1 {
				t.Fatalf("frame %d is %v", i, f[:1])
			}
		}
		for range echoFrames + 10 {
			voice(9)
		}
		if n := e.in.Load() - e.out.Load(); n != echoFrames {
			t.Errorf("%d frames wait", n)
		}
	}
}

func TestMemo(t *testing.T) {
	m := &memo{}
	src, _, _ := m.Open(media.PCMU)
	for range replayFrames + 5 {
		m.Tap(&media.Frame{Payload: make([]byte, frameBytes)})
	}
	n := 0
	for _, ok := src.Next(); ok; _, ok = src.Next() {
		n++
	}
	if n != replayFrames {
		t.Errorf("%d frames", n)
	}
}
