package app

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/recorder"
)

// hall is a house with one paging group. It implements Callers: nobody answers by itself, the test says who does.
type hall struct {
	t       *testing.T
	p       Programs
	group   Paging
	bridges []*seatedBridge
	rung    []Summons
	hung    []string
	refuse  map[string]error // by member
	named   int
}

func newHall(t *testing.T, members ...string) *hall {
	h := &hall{t: t, group: Paging{Number: "6500", Members: members, Wait: 5 * time.Second, Longest: time.Minute}, refuse: map[string]error{}}
	h.p = Programs{Beep: func(_ bool, c media.Codec) (media.Source, error) { return source(c), nil }, Prompts: library{"d|greeting/disaster|ja": {}}}
	h.p.Pages = NewPages(func() media.Bridge {
		b := &seatedBridge{in: map[string]media.Gate{}}
		h.bridges = append(h.bridges, b)
		return b
	}, h)
	h.p.Paging = func(_, n string) (Paging, bool) { return h.group, n == h.group.Number }
	return h
}

func (h *hall) NewCall() string { h.named++; return fmt.Sprint("m", h.named) }

func (h *hall) Ring(s Summons) error {
	if err := h.refuse[s.Member]; err != nil {
		return err
	}
	h.rung = append(h.rung, s)
	return nil
}

func (h *hall) HangUp(_, call string) { h.hung = append(h.hung, call) }

// party is a call with its script: it carries out what concerns the bridge.
type party struct {
	*hall
	f    call.Facts
	s    call.Script
	room call.Room
	over string
	told int
}

func (h *hall) party(id, extension string, run route.Run) *party {
	h.t.Helper()
	s, ok := h.p.Script("d", run)
	if !ok {
		h.t.Fatal("no script")
	}
	return &party{hall: h, f: call.Facts{Call: id, Domain: "d", Language: "ja", Extension: extension, Run: run}, s: s}
}

// speaker dials the group.
func (h *hall) speaker(id string) *party {
	return h.party(id, "2001", route.Run{Verb: route.VerbPage, Name: h.group.Number, For: "2001"})
}

// answers: the telephone of a member that was rung does.
func (h *hall) answers(i int) *party {
	h.t.Helper()
	s := h.rung[i]
	m := h.party(s.Call, s.Member, route.Run{Verb: route.VerbPaged, Name: s.Group, Data: map[string]string{route.Page: s.Page}})
	s.Done(true)
	m.cue(call.Began{})
	return m
}

// cue tells the script and draws what it orders.
func (c *party) cue(q call.Cue) string {
	c.t.Helper()
	var out []string
	var after []call.Cue
	for _, o := range c.s.On(c.f, q) {
		out = append(out, strings.TrimPrefix(fmt.Sprintf("%T", o), "call."))
		switch o := o.(type) {
		case call.Finish:
			c.over = fmt.Sprint(o.Cause.Status)
		case call.Beside:
			v := o.Work(c.t.Context())
			if _, last := q.(call.Left); !last {
				after = append(after, call.Result{Value: v})
			}
		case call.Enter:
			if c.room != nil {
				c.room.Seat(c.f.Call, o.Gate)
				continue
			}
			c.room = o.Room
			err := o.Room.Enter(call.Guest{Endpoint: seated{id: c.f.Call}, Party: recorder.Party{Endpoint: c.f.Call}, Gate: o.Gate, Tell: func() { c.told++ }})
			if err != nil {
				c.room = nil
				after = append(after, call.Refused{})
			}
		}
	}
	for _, q := range after {
		if more := c.cue(q); more != "" {
			out = append(out, more)
		}
	}
	return strings.Join(out, " ")
}

// look tells it what the others did.
func (c *party) look() string {
	c.t.Helper()
	return c.cue(call.Company{Over: c.room.State().Over})
}

// leave is what the call does at its end.
func (c *party) leave() {
	if c.room != nil {
		c.room.Leave(c.f.Call)
	}
	c.cue(call.Left{})
}

func (c *party) want(what, got, want string) {
	c.t.Helper()
	if got != want {
		c.t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// closed: nothing is left of any announcement.
func (h *hall) closed() {
	h.t.Helper()
	if n := h.p.Pages.Len(); n != 0 {
		h.t.Errorf("%d announcements are left", n)
	}
	for i, b := range h.bridges {
		if !b.closed || len(b.in) != 0 {
			h.t.Errorf("bridge %d: closed %v, in it %v", i, b.closed, b.in)
		}
	}
}

// TestPaging: everybody is rung but who speaks, who waits until all have answered; then a tone for all, and one is heard.
func TestPaging(t *testing.T) {
	h := newHall(t, "2001", "2002", "2003")
	a := h.speaker("a")
	a.want("begins", a.cue(call.Began{}), "PickUp Wake Enter Play Beside")
	if len(h.rung) != 2 || h.rung[0].Member != "2002" || h.rung[0].Page != "a" || h.rung[0].By != "2001" {
		t.Fatalf("rung: %+v", h.rung)
	}
	b := h.answers(0)
	a.want("one is there", a.look(), "")
	if gates := h.bridges[0].in; gates["a"] != media.GateNone || gates["m1"] != media.GateListen {
		t.Errorf("before the word is given: %v", gates)
	}
	b.want("nothing yet", b.look(), "")
	c := h.answers(1)
	if told := a.told; told < 2 {
		t.Errorf("told %d times", told)
	}
	a.want("both are there", a.look(), "Wake Play")
	b.want("the tone", b.look(), "Play")
	c.want("the tone", c.look(), "Play")
	c.want("once", c.look(), "")
	c.cue(call.Played{Complete: true})
	a.want("the word", a.cue(call.Played{Complete: true}), "Enter Play Wake")
	if gates := h.bridges[0].in; gates["a"] != media.GateTalk || gates["m1"] != media.GateListen || gates["m2"] != media.GateListen {
		t.Errorf("while one speaks: %v", gates)
	}
	b.leave()
	a.want("one has hung up", a.look(), "")
	c.leave()
	a.want("nobody hears it", a.look(), "Finish")
	a.leave()
	if a.over != "200" || len(h.hung) != 0 {
		t.Errorf("ended with %s, hung up %v", a.over, h.hung)
	}
	h.closed()
	if s := h.p.Pages.Stats(); s.Begun.Load() != 1 || s.Answered.Load() != 2 || s.Missed.Load() != 0 {
		t.Errorf("counted %d %d %d", s.Begun.Load(), s.Answered.Load(), s.Missed.Load())
	}
}

// TestPagingWaits: who speaks waits for so long; who comes later hears at once what is spoken; what rings still is ended with the announcement.
func TestPagingWaits(t *testing.T) {
	h := newHall(t, "2002", "2003", "2004")
	h.refuse["2004"] = ErrLeftAlone
	a := h.speaker("a")
	a.cue(call.Began{})
	a.want("nobody yet", a.cue(call.Elapsed{}), "Wake")
	b := h.answers(0)
	a.want("the first one", a.look(), "Wake Play")
	b.want("the tone", b.look(), "Play")
	a.cue(call.Played{Complete: true})
	a.leave()
	if !slices.Equal(h.hung, []string{"m1", "m2"}) {
		t.Errorf("hung up: %v", h.hung)
	}
	h.rung[1].Done(false)
	b.leave()
	h.closed()
	if s := h.p.Pages.Stats(); s.Alone.Load() != 1 || s.Missed.Load() != 1 {
		t.Errorf("counted %d %d", s.Alone.Load(), s.Missed.Load())
	}
	h = newHall(t, "2002", "2003")
	a = h.speaker("a")
	a.cue(call.Began{})
	b = h.answers(0)
	a.want("long enough", a.cue(call.Elapsed{}), "Wake Wake Play")
	a.cue(call.Played{Complete: true})
	c := h.answers(1)
	c.want("a late one", c.look(), "")
	a.want("as long as it may last", a.cue(call.Elapsed{}), "Finish")
	for _, x := range []*party{a, b, c} {
		x.leave()
	}
	h.closed()
}

// TestPagingReachesNobody: who would speak to nobody hears why, and that somebody speaks already.
func TestPagingReachesNobody(t *testing.T) {
	h := newHall(t, "2002", "2003")
	h.refuse = map[string]error{"2002": ErrLeftAlone, "2003": errors.New("full")}
	a := h.speaker("a")
	a.want("nobody can be rung", a.cue(call.Began{}), "PickUp Wake Enter Play Beside Wake Play")
	a.cue(call.Played{Complete: true})
	a.leave()
	a.want("ends", a.over, "480")
	h.closed()
	if s := h.p.Pages.Stats(); s.Alone.Load() != 1 || s.Shed.Load() != 1 {
		t.Errorf("counted %d %d", s.Alone.Load(), s.Shed.Load())
	}
	h.refuse = map[string]error{}
	a = h.speaker("a")
	a.cue(call.Began{})
	h.rung[0].Done(false)
	a.want("one may come", a.look(), "")
	h.rung[1].Done(false)
	a.want("nobody came", a.look(), "Wake Play")
	b := h.speaker("b")
	b.want("somebody else", b.cue(call.Began{}), "PickUp Wake Wake Play")
	b.cue(call.Played{Complete: true})
	b.want("is told that it is busy", b.over, "486")
	b.leave()
	a.leave()
	h.closed()
	a = h.speaker("a")
	a.cue(call.Began{})
	a.cue(call.Elapsed{})
	h.rung[2].Done(true) // and its script never came in
	a.want("not for ever", a.cue(call.Elapsed{}), "Wake Play")
	a.leave()
	h.closed()
}

// TestPagingIsOver: who answers when the announcement is over is let go, whether it was on its way or not.
func TestPagingIsOver(t *testing.T) {
	h := newHall(t, "2002", "2003")
	a := h.speaker("a")
	a.cue(call.Began{})
	late := h.party("m1", "2002", route.Run{Verb: route.VerbPaged, Data: map[string]string{route.Page: "a"}})
	at, ok := h.p.Pages.seat("d", "a", "m1")
	if _, other := h.p.Pages.seat("other", "a", "m1"); !ok || other {
		t.Fatal("a member finds no place, or one of another domain")
	}
	a.leave()
	if at.Enter(call.Guest{Endpoint: seated{id: "m1"}}) == nil {
		t.Error("somebody came into what is over")
	}
	at.Leave("m1")
	late.want("over", late.cue(call.Began{}), "Finish")
	stranger := h.party("x", "2009", route.Run{Verb: route.VerbPaged, Data: map[string]string{route.Page: "a"}})
	stranger.want("a stranger", stranger.cue(call.Began{}), "Finish")
	h.closed()
}

// TestPagingIsNobodyElses: nobody is transferred to the microphone, nor to where it is heard.
func TestPagingIsNobodyElses(t *testing.T) {
	h := newHall(t, "2002")
	for name, change := range map[string]func(*call.Facts){"sent": func(f *call.Facts) { f.Sent = "2001" }, "another one": func(f *call.Facts) { f.Extension = "2009" },
		"from outside": func(f *call.Facts) { f.Extension, f.Run.For = "", "" }, "": func(*call.Facts) {}} {
		a := h.speaker("a")
		change(&a.f)
		if _, cause := a.s.(call.Doorkeeper).Admit(a.f); (cause.Status != 0) != (name != "") {
			t.Errorf("%q: %v", name, cause)
		}
	}
	m := h.party("m", "2002", route.Run{Verb: route.VerbPaged})
	for sent, want := range map[string]int{"": 0, "2002": 403} {
		m.f.Sent = sent
		if _, cause := m.s.(call.Doorkeeper).Admit(m.f); cause.Status != want {
			t.Errorf("sent by %q to hear it: %v", sent, cause)
		}
	}
	if _, ok := m.s.(call.Silent); !ok {
		t.Error("a telephone that is muted would be taken for gone")
	}
}

// TestPagingAnnounces: what the group announces is heard with the tone, and where it cannot be played the tone alone.
func TestPagingAnnounces(t *testing.T) {
	for prompt, missing := range map[string]bool{"greeting/disaster": false, "greeting/none": true} {
		h := newHall(t, "2002")
		h.group.Announce = prompt
		a := h.speaker("a")
		a.cue(call.Began{})
		b := h.answers(0)
		opens := func(orders []call.Order) bool {
			for _, o := range orders {
				if p, ok := o.(call.Play); ok {
					_, _, err := p.Program.Open(media.PCMU)
					return err == nil
				}
			}
			return false
		}
		for _, x := range []*party{a, b} {
			if ok := opens(x.s.On(x.f, call.Company{})); ok == missing {
				t.Errorf("%s of %s: plays %v", prompt, x.f.Call, ok)
			}
			if missing && !opens(x.s.On(x.f, call.Played{})) {
				t.Errorf("%s: %s hears no tone", prompt, x.f.Call)
			}
		}
		a.want("the word", a.cue(call.Played{Complete: true}), "Enter Play Wake")
	}
	if src, _, err := (silence{}).Open(media.PCMA); err != nil {
		t.Error(err)
	} else {
		for range 200 {
			if _, more := src.Next(); !more {
				t.Fatal("the silence ends")
			}
		}
	}
}

// frames counts what a tap sees.
type frames struct{ from []string }

func (f *frames) Tap(x *media.Frame) { f.from = append(f.from, x.From) }

// tappedBridge shows a tap what each member sends.
type tappedBridge struct {
	seatedBridge
	tap media.Tap
}

func (b *tappedBridge) Attach(t media.Tap) func() { b.tap = t; return func() { b.tap = nil } }

// TestPageTap: of an announcement only who speaks is recorded, from the first packet on, and whichever telephone it speaks with.
func TestPageTap(t *testing.T) {
	b := &tappedBridge{seatedBridge: seatedBridge{in: map[string]media.Gate{}}}
	p := NewPages(func() media.Bridge { return b }, newHall(t))
	x, err := p.begin("d", "a", "2001", Paging{Number: "6500"})
	if err != nil {
		t.Fatal(err)
	}
	m, _ := x.expect("m")
	here := &rostrum{of: x}
	heard := &frames{}
	detach := here.Tap(heard, nil) // before it enters
	there := &seat{x, m}
	if d := there.Tap(&frames{}, nil); d == nil {
		t.Error("a member's tap cannot be taken out")
	}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(there.Enter(call.Guest{Endpoint: seated{id: "member"}, Tell: func() {}}))
	b.tap.Tap(&media.Frame{From: "member"})
	must(here.Enter(call.Guest{Endpoint: seated{id: "desk"}, Tell: func() {}, Party: recorder.Party{Number: "2001"}}))
	for _, from := range []string{"member", "desk", "mobile"} {
		b.tap.Tap(&media.Frame{From: from})
	}
	here.Leave("desk")
	must(here.Enter(call.Guest{Endpoint: seated{id: "mobile"}, Tell: func() {}}))
	for _, from := range []string{"member", "desk", "mobile"} {
		b.tap.Tap(&media.Frame{From: from})
	}
	if !slices.Equal(heard.from, []string{"desk", "mobile"}) {
		t.Errorf("recorded: %v", heard.from)
	}
	if g := here.State().Guests; len(g) != 1 || len(there.State().Guests) != 0 {
		t.Errorf("the recording is told of %v", g)
	}
	detach()
	x.end()
	if b.tap != nil {
		t.Error("the tap stays")
	}
	here.Tap(heard, nil)
	if b.tap != nil {
		t.Error("what is over is recorded")
	}
}
