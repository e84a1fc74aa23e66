package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/prompts"
	"naisen/provisioning"
)

// boxes is a post office in memory.
type boxes struct {
	box     Mailbox
	pin     string
	closed  bool
	list    []Message
	did     []string
	stopped []string
	spoken  map[string]bool // greetings by occasion
	fails   error
}

type fakeVoice struct {
	of *boxes
	id string
}

func (v fakeVoice) ID() string       { return v.id }
func (v fakeVoice) Tap() media.Tap   { return nil }
func (v fakeVoice) Stop(why string)  { v.of.stopped = append(v.of.stopped, v.id+" "+why) }
func (b *boxes) note(what ...string) { b.did = append(b.did, strings.Join(what, " ")) }

func (b *boxes) Box(_, number string, _ time.Time) (Mailbox, bool) {
	return b.box, number == b.box.Number
}

func (b *boxes) Record(v Voice) (Recording, error) {
	b.note("record", v.Mailbox, v.From, v.Occasion)
	return fakeVoice{b, "v" + v.Occasion}, b.fails
}

func (b *boxes) Greeting(_ context.Context, _, _, occasion string, c media.Codec) (media.Source, bool, error) {
	if b.spoken[occasion] {
		b.note("greets", occasion)
	}
	return source(c), b.spoken[occasion], b.fails
}

func (b *boxes) Guess(_ context.Context, g Guess) (Verdict, error) {
	switch {
	case b.closed:
		return PINClosed, nil
	case b.pin == "":
		return PINUnset, nil
	case g.PIN == b.pin && g.Mailbox == b.box.Number:
		return PINRight, nil
	}
	return PINWrong, nil
}

func (b *boxes) SetPIN(_ context.Context, _ Caller, _, pin string) error {
	if pin == "1111" {
		return errors.New("bad")
	}
	b.pin = pin
	b.note("pin set")
	return nil
}

func (b *boxes) Messages(context.Context, Caller, string) ([]Message, error) { return b.list, b.fails }

func (b *boxes) Listen(_ context.Context, who Caller, _, id string, c media.Codec) (media.Source, error) {
	b.note("hears", id)
	return source(c), nil
}

func (b *boxes) Mark(_ context.Context, _ Caller, _, id string) error { b.note("mark", id); return nil }
func (b *boxes) Remove(_ context.Context, _ Caller, _, id string) error {
	b.note("remove", id)
	return nil
}
func (b *boxes) KeepGreeting(_ context.Context, _ Caller, _, id string) error {
	b.note("keep", id)
	return nil
}

// everything is a library with every announcement that the manifest has.
type everything struct{ said *[]string }

func (e everything) Open(_, name, _ string, c media.Codec) (media.Source, prompts.Info, error) {
	*e.said = append(*e.said, name)
	return source(c), prompts.Info{Name: name}, nil
}

func (e everything) Loop(d, name, lang string, c media.Codec) (media.Source, prompts.Info, error) {
	return e.Open(d, name, lang, c)
}

// line is one caller at a mailbox: it opens what is played, works what is ordered beside, and keeps what is to be done by hand.
type line struct {
	t     *testing.T
	s     call.Script
	f     call.Facts
	said  *[]string
	over  string
	later []func(context.Context) any
}

func newLine(t *testing.T, b *boxes, r route.Run, extension string) *line {
	t.Helper()
	l := &line{t: t, said: &[]string{}, f: call.Facts{Domain: "d", Language: "ja", Call: "c1", Number: "+819012345678", Extension: extension, Run: r,
		Now: time.Date(2026, 11, 29, 10, 5, 0, 0, japan)}}
	p := Programs{Prompts: everything{l.said}, Mailboxes: b, Beep: func(_ bool, c media.Codec) (media.Source, error) {
		*l.said = append(*l.said, "beep")
		return source(c), nil
	}}
	s, ok := p.Script("d", r)
	if !ok {
		t.Fatal("no script")
	}
	l.s = s
	return l
}

// cue tells the script and draws what follows: orders, and what is said.
func (l *line) cue(q call.Cue) string {
	l.t.Helper()
	var out []string
	for _, o := range l.s.On(l.f, q) {
		name := strings.TrimPrefix(fmt.Sprintf("%T", o), "call.")
		switch o := o.(type) {
		case call.Play:
			*l.said = nil
			if _, _, err := o.Program.Open(media.PCMU); err != nil {
				l.t.Fatalf("%v: %v", q, err)
			}
			name += "(" + strings.Join(*l.said, " ") + ")"
		case call.Beside:
			l.later = append(l.later, o.Work)
		case call.Finish:
			l.over = fmt.Sprint(o.Cause.Status)
		case call.Gather:
			if o.Secret {
				name += "(secret)"
			}
		}
		out = append(out, name)
	}
	return strings.Join(out, " ")
}

// works does what is beside the call, and tells the results.
func (l *line) works() (out string) {
	l.t.Helper()
	for len(l.later) > 0 {
		w := l.later[0]
		l.later = l.later[1:]
		if got := l.cue(call.Result{Value: w(l.t.Context())}); got != "" {
			out = got
		}
	}
	return out
}

func (l *line) press(keys string) string {
	l.t.Helper()
	why := call.GatherFull
	switch keys {
	case "#":
		keys, why = "", call.GatherDone
	case "":
		why = call.GatherIdle
	}
	got := l.cue(call.Gathered{Keys: call.NewKeys(keys, true), Why: why})
	if more := l.works(); more != "" {
		return more
	}
	return got
}

func (l *line) want(what, got, want string) {
	l.t.Helper()
	if got != want {
		l.t.Errorf("%s: %s, want %s", what, got, want)
	}
}

func voicemail(occasion string) route.Run {
	return route.Run{Verb: route.VerbVoicemail, Name: "2001", Data: map[string]string{route.Occasion: occasion}}
}

func aBox() *boxes {
	return &boxes{box: Mailbox{Number: "2001", Own: "2001", Longest: time.Minute}, pin: "4711", spoken: map[string]bool{}}
}

// A message: greeting, tone, what is said until the caller hangs up, presses #, or has said enough.
func TestDeposit(t *testing.T) {
	ends := map[string]func(l *line) string{
		"hung up":                     func(l *line) string { return l.cue(call.Left{}) },
		"ended by #":                  func(l *line) string { return l.press("#") },
		"as long as a message may be": func(l *line) string { return l.cue(call.Elapsed{}) },
	}
	for why, end := range ends {
		b := aBox()
		l := newLine(t, b, voicemail(""), "")
		l.want("begin", l.cue(call.Began{}), "PickUp Tape Wake Play(voicemail/greeting beep) Gather")
		l.want("tone", l.cue(call.Played{Complete: true}), "Listen Wake Gather")
		l.want("another key", l.press("5"), "Gather")
		l.f.Now = l.f.Now.Add(5 * time.Second)
		got := end(l)
		if why != "hung up" {
			l.want("end", got, "Listen Wake Play(voicemail/saved)")
			l.want("over", l.cue(call.Played{}), "Finish")
		}
		if !slices.Equal(b.stopped, []string{"v " + why}) || !slices.Equal(b.did, []string{"record 2001 +819012345678 "}) {
			t.Errorf("%s: %q %q", why, b.stopped, b.did)
		}
	}
	b := aBox()
	l := newLine(t, b, voicemail(""), "")
	l.cue(call.Began{})
	l.cue(call.Played{})
	l.want("# at once", l.press("#"), "Listen Finish")
	l = newLine(t, b, voicemail(""), "")
	l.cue(call.Began{})
	l.want("heard enough", l.press("1"), "Play(beep)")
	l.want("then the tone", l.cue(call.Played{}), "Listen Wake Gather")
	b.fails = errors.New("disk")
	l = newLine(t, b, voicemail(""), "")
	l.want("greeting cannot be opened", l.cue(call.Began{}), "PickUp Tape Wake Play(voicemail/greeting beep) Gather")
	l.want("nothing can be kept", l.cue(call.Played{}), "Play(voicemail/full voicemail/try-later)")
	b.box.Off = true
	l = newLine(t, b, voicemail(""), "")
	l.want("off", l.cue(call.Began{}), "Finish")
}

// The greeting follows the hours, then why the call came; a spoken one comes before a chosen one, and the usual one before a built-in one.
func TestGreetingOfOccasion(t *testing.T) {
	for _, c := range []struct {
		occasion, mode string
		prompts        map[string]string
		spoken         string
		want, greets   string
	}{
		{"", "", nil, "", "voicemail/greeting", ""},
		{"busy", "", nil, "", "voicemail/greeting-busy", ""},
		{"no-answer", "", nil, "", "voicemail/greeting", ""},
		{"busy", "night", nil, "", "voicemail/greeting-night", ""},
		{"", "holiday", nil, "", "voicemail/greeting-holiday", ""},
		{"busy", "", map[string]string{"busy": "a/b", "usual": "a/u"}, "", "a/b", ""},
		{"no-answer", "", map[string]string{"busy": "a/b", "usual": "a/u"}, "", "a/u", ""},
		{"busy", "", map[string]string{"busy": "a/b"}, "busy", "", "greets busy"},
		{"busy", "", nil, "usual", "", "greets usual"},
		{"busy", "", map[string]string{"busy": "a/b"}, "usual", "a/b", ""},
	} {
		b := aBox()
		b.box.Mode, b.box.Prompts, b.spoken[c.spoken] = c.mode, c.prompts, c.spoken != ""
		l := newLine(t, b, voicemail(c.occasion), "")
		l.want(fmt.Sprint(c), l.cue(call.Began{}), "PickUp Tape Wake Play("+strings.TrimSpace(c.want+" beep")+") Gather")
		if got := strings.Join(b.did, " "); got != c.greets {
			t.Errorf("%v: %q", c, got)
		}
	}
}

// A full mailbox says so; its owner gets in all the same.
func TestFullMailbox(t *testing.T) {
	b := aBox()
	b.box.Full = true
	l := newLine(t, b, voicemail(""), "")
	l.want("full", l.cue(call.Began{}), "PickUp Tape Wake Play(voicemail/full voicemail/try-later) Gather")
	l.want("over", l.cue(call.Played{}), "Finish")
	l = newLine(t, b, voicemail(""), "")
	l.cue(call.Began{})
	l.want("owner", l.press("*"), "PickUp Wake Play(voicemail/enter-pin) Gather(secret)")
	l.press("4711")
	if len(b.did) != 0 {
		t.Errorf("%q", b.did)
	}
}

var (
	ownBox = route.Run{Verb: route.VerbFeature, Name: provisioning.FeatureMessages, For: "2001"}
	anyBox = route.Run{Verb: route.VerbFeature, Name: provisioning.FeatureMailbox, For: "2002"}
)

const menuWithout = "Play(voicemail/no-messages voicemail/main) Gather"

// The way in: a PIN is asked for, wrong ones end the call, and where a mailbox does not exist it sounds the same.
func TestWayIn(t *testing.T) {
	for _, c := range []struct {
		name   string
		run    route.Run
		ext    string
		change func(*boxes)
		press  []string
		want   []string
	}{
		{"own", ownBox, "2001", nil, []string{"4711"}, []string{menuWithout}},
		{"own, no PIN at the desk", ownBox, "2001", func(b *boxes) { b.box.OwnPhone = true }, nil, nil},
		{"any, not without PIN", route.Run{Verb: route.VerbFeature, Name: provisioning.FeatureMailbox, Data: map[string]string{route.Argument: "2001"}}, "2001",
			func(b *boxes) { b.box.OwnPhone = true }, []string{"4711"}, []string{menuWithout}},
		{"any", anyBox, "2002", nil, []string{"2001", "4711"}, []string{"Play(voicemail/enter-pin) Gather(secret)", menuWithout}},
		{"no such mailbox", anyBox, "2002", nil, []string{"2999", "4711", "4711", "4711"}, []string{"Play(voicemail/enter-pin) Gather(secret)",
			"Play(voicemail/wrong-pin voicemail/enter-pin) Gather(secret)", "Play(voicemail/wrong-pin voicemail/enter-pin) Gather(secret)", "Finish"}},
		{"outside", route.Run{Verb: route.VerbMessages}, "", nil, []string{"2001", "1234", "4711"}, []string{"Play(voicemail/enter-pin) Gather(secret)",
			"Play(voicemail/wrong-pin voicemail/enter-pin) Gather(secret)", menuWithout}},
		{"too many guesses", ownBox, "2001", func(b *boxes) { b.closed = true }, []string{"4711"}, []string{"Play(voicemail/wrong-pin voicemail/try-later)"}},
		{"nothing pressed", anyBox, "2002", nil, []string{"", "", ""}, []string{"Play(voicemail/enter-mailbox) Gather", "Play(voicemail/enter-mailbox) Gather", "Finish"}},
		{"no PIN yet, outside", anyBox, "2002", func(b *boxes) { b.pin = "" }, []string{"2001", ""}, []string{"Play(voicemail/enter-pin) Gather(secret)", "Play(voicemail/enter-pin) Gather(secret)"}},
		{"no PIN yet, outside, a guess", anyBox, "2002", func(b *boxes) { b.pin = "" }, []string{"2001", "1234"}, []string{"Play(voicemail/enter-pin) Gather(secret)",
			"Play(voicemail/wrong-pin voicemail/enter-pin) Gather(secret)"}},
		{"no PIN yet, own telephone", ownBox, "2001", func(b *boxes) { b.pin = "" }, []string{"1234", "", "1111", "1111", "8642", "8642"}, []string{
			"Play(voicemail/new-pin) Gather(secret)", "Play(voicemail/new-pin) Gather(secret)", "Play(voicemail/repeat-pin) Gather(secret)",
			"Play(voicemail/pin-unchanged voicemail/new-pin) Gather(secret)", "Play(voicemail/repeat-pin) Gather(secret)",
			"Play(voicemail/pin-changed voicemail/no-messages voicemail/main) Gather"}},
	} {
		b := aBox()
		if c.change != nil {
			c.change(b)
		}
		l := newLine(t, b, c.run, c.ext)
		first, more := l.cue(call.Began{}), ""
		if more = l.works(); c.want == nil {
			l.want(c.name, more, menuWithout)
		}
		if strings.Contains(first, "main") {
			t.Errorf("%s: in without a PIN: %s", c.name, first)
		}
		for i, keys := range c.press {
			l.want(c.name+", "+keys, l.press(keys), c.want[i])
		}
	}
	b := aBox()
	b.box.Number = "2005"
	l := newLine(t, b, ownBox, "2001")
	l.want("none of its own", l.cue(call.Began{}), "PickUp Wake Play(feature/not-possible)")
}

// with opens a mailbox with two new messages and one kept.
func with(t *testing.T) (*boxes, *line) {
	t.Helper()
	b := aBox()
	at := time.Date(2026, 11, 29, 9, 30, 0, 0, japan)
	b.list = []Message{{ID: "m3", From: "2002", Left: at, New: true}, {ID: "m2", Left: at.Add(-24 * time.Hour), New: true}, {ID: "m1", From: "+819011112222", Left: at.Add(-48 * time.Hour)}}
	b.box.OwnPhone = true
	l := newLine(t, b, ownBox, "2001")
	l.cue(call.Began{})
	l.want("counts", l.works(), "Play(voicemail/count number/2 time/desu voicemail/saved-count number/1 time/desu voicemail/main) Gather")
	return b, l
}

// New messages come the oldest first; what was heard to its end is marked once, what was cut short stays new.
func TestHearing(t *testing.T) {
	b, l := with(t)
	l.want("first", l.press("1"), "Play(voicemail/from feature/withheld voicemail/at month/11 day/28 hour/9 minute/30 time/desu) Gather")
	l.want("heard", l.cue(call.Played{Complete: true}), "Beside Play(voicemail/keys) Gather")
	l.works()
	l.want("again", l.press("1"), "Play(voicemail/from feature/withheld voicemail/at month/11 day/28 hour/9 minute/30 time/desu) Gather")
	l.want("kept", l.press("2"), "Play(voicemail/kept voicemail/from number/2 number/0 number/0 number/2 voicemail/at hour/9 minute/30 time/desu) Gather")
	l.want("cannot be opened", l.cue(call.Played{}), "Play(voicemail/keys) Gather")
	l.want("deleted", l.press("3"), "Play(voicemail/deleted voicemail/no-more voicemail/main) Gather")
	l.want("no new ones", l.press("1"), "Play(voicemail/no-messages voicemail/main) Gather")
	l.want("saved", l.press("2"), "Play(voicemail/from number/0 number/9 number/0 number/1 number/1 number/1 number/1 number/2 number/2 number/2 number/2 voicemail/at month/11 day/27 hour/9 minute/30 time/desu) Gather")
	l.want("next", l.press("#"), "Play(voicemail/from feature/withheld voicemail/at month/11 day/28 hour/9 minute/30 time/desu) Gather")
	l.want("hangs up in the middle", l.cue(call.Left{}), "")
	want := []string{"hears m2", "mark m2", "hears m2", "hears m3", "remove m3", "hears m1", "hears m2"}
	if !slices.Equal(b.did, want) {
		t.Errorf("%q, want %q", b.did, want)
	}
}

// The result of a mark that comes late is not taken for that of a deletion.
func TestLateMark(t *testing.T) {
	b, l := with(t)
	l.press("1")
	l.cue(call.Played{Complete: true})
	mark := l.later[0]
	l.later = nil
	l.want("deletes", l.cue(call.Gathered{Keys: call.NewKeys("3", false)}), "Hush Beside")
	l.want("a mark comes back", l.cue(call.Result{Value: mark(t.Context())}), "")
	if got := l.works(); !strings.HasPrefix(got, "Play(voicemail/deleted") {
		t.Errorf("%s", got)
	}
	if !slices.Equal(b.did, []string{"hears m2", "mark m2", "remove m2", "hears m3"}) {
		t.Errorf("%q", b.did)
	}
}

// A greeting is spoken, heard, spoken again and kept; one that is not kept goes, also when its speaker hangs up.
func TestOwnGreeting(t *testing.T) {
	b, l := with(t)
	l.want("which", l.press("3"), "Play(voicemail/greeting-which) Gather")
	l.want("no such", l.press("9"), "Play(ivr/invalid voicemail/greeting-which) Gather")
	l.want("busy", l.press("2"), "Play(voicemail/record-greeting beep)")
	l.want("after the tone", l.cue(call.Played{}), "Listen Gather")
	l.want("spoken", l.press("#"), "Listen Play(voicemail/greeting-keys) Gather")
	l.want("hear", l.press("2"), "Play(voicemail/greeting-keys) Gather")
	l.want("once more", l.press("3"), "Beside Play(voicemail/record-greeting beep)")
	l.cue(call.Played{})
	l.press("#")
	l.want("kept", l.press("1"), "Play(voicemail/greeting-kept voicemail/main) Gather")
	l.press("3")
	l.press("5")
	l.cue(call.Played{})
	l.want("hangs up", l.cue(call.Left{}), "Beside")
	l.works()
	want := []string{"record 2001 2001 busy", "hears vbusy", "remove vbusy", "record 2001 2001 busy", "keep vbusy", "record 2001 2001 holiday", "remove vholiday"}
	if !slices.Equal(b.did, want) || len(b.stopped) != 3 {
		t.Errorf("%q, want %q; %q", b.did, want, b.stopped)
	}
}

func TestNewPIN(t *testing.T) {
	b, l := with(t)
	l.want("asks", l.press("4"), "Play(voicemail/new-pin) Gather(secret)")
	l.want("nothing", l.press(""), "Play(voicemail/pin-unchanged voicemail/main) Gather")
	l.press("4")
	l.press("8642")
	l.want("another", l.press("8643"), "Play(voicemail/pin-unchanged voicemail/new-pin) Gather(secret)")
	l.press("8642")
	l.press("8642")
	if b.pin != "8642" {
		t.Error("the PIN is not set")
	}
	l.want("wrong keys end it", l.press("9")+", "+l.press("9")+", "+l.press("9"),
		"Play(ivr/invalid voicemail/main) Gather, Play(ivr/invalid voicemail/main) Gather, Finish")
}
