package call

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/sip"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// into brings a fresh call into a phase and returns its rig and its two legs.
func into(p Phase) (r *rig, a, b *fakeLeg) {
	plan := plain
	if p == Routing {
		plan = recorded(route.NoticeEarly) // the notice plays, nobody rings
	}
	if p == Originating {
		return originated()
	}
	if p == Scripted { // it plays, waits for a key and rings somebody
		plan = scripted
	}
	r = newRig(plan, phone)
	r.autoEnd = false
	r.act = opening(Play{program{r, "prompt"}}, Gather{Max: 1}, Ring{plain.Steps[0]})
	a = r.extension("c1", "2001")
	b = r.leg(1)
	if p == Talking {
		b.mailbox.Post(Answered{b.id, media.SDP("PCMU")})
		synctest.Wait()
		time.Sleep(mediaPatience) // a silence counts from then on
	}
	if p == Ending {
		r.sw.Post("d", "c1", Hangup{Cause: sip.CauseNormal})
	}
	synctest.Wait()
	return r, a, b
}

// events is every event a call can get, once from the caller and once from the called leg where it has one.
func events(r *rig, a, b LegID) []Event {
	sdp, hold := media.SDP("PCMU"), media.SDP("hold:PCMU")
	list := []Event{timeout{-1}, deviceDue{-1}, captureFailed{"c1", errFake}, Hangup{Cause: sip.CauseNormal, Done: make(chan error, 1)}, Dismiss{Prompt: "call/ended", Cause: sip.CauseNormal},
		Record{On: true, Done: make(chan error, 1)}, Record{On: false, Done: make(chan error, 1)},
		Pause{On: true, Done: make(chan error, 1)}, Pause{Done: make(chan error, 1)}, pauseOver{7}}
	list = append(list, cued{act: 7, cue: Result{}}, cued{act: 1, timer: 77}, cued{act: 1, cue: Result{Value: 5}}, roomChanged{}, audienceChanged{}, Watch{Ext: "2001", Done: make(chan Watched, 1)}, Kept{Cause: sip.StatusCause(481)}, Adopt{},
		moveOver{7}, Abandoned{NewMailbox()}, Returned{party: &party{id: "new", leg: r.newLeg("new", nil), sink: &sink{}, phase: PartyUp}})
	list = append(list, admitted{act: 7, leg: a, to: NewMailbox()}, admitted{act: 1, leg: "stranger", to: NewMailbox()})
	for _, l := range []LegID{a, b, "stranger"} {
		list = append(list, Surrender{Leg: l, Domain: "d", Ext: "2001", Into: "c2", To: NewMailbox()},
			Send{Leg: l, Dialled: "2009", Done: make(chan Sent, 1)}, MoveAway{Leg: l, Done: make(chan error, 1)},
			Replace{Leg: l, Join: true, By: r.newLeg("new", nil), In: Incoming{Offer: media.SDP("PCMU"), Request: route.Request{Domain: "d", Extension: "2003", Number: "2003"}}},
			Referred{Leg: l, To: to("2009")}, Referred{Leg: l, To: to("2009"), Replaces: Replaces{CallID: "unknown"}},
			Replace{Leg: l, By: r.newLeg("new", nil), In: Incoming{Offer: media.SDP("PCMU"), Request: route.Request{Domain: "d", Extension: "2003", Number: "2003"}}})
		list = append(list, Progress{l, 180, nil}, Progress{l, 183, sdp}, Answered{l, sdp}, Offered{l, sdp}, Offered{l, hold}, Offered{l, nil},
			Agreed{l, sdp}, Disagreed{l, sip.StatusCause(491)}, Digit{l, '1'}, Identified{l, route.Shown{Number: "+81312345678"}}, Probed{Leg: l}, holderDue{leg: l}, Roamed{Leg: l, Site: "hall"}, Referred{Leg: l}, Ended{Leg: l, Cause: sip.CauseNormal}, Detached{l}, Woken{Leg: l, At: phone},
			Media{l, media.PlayEnded{Complete: true}}, Media{l, media.PlayEnded{}}, Media{l, media.Timeout{}}, Media{l, media.Digit{Rune: '1'}},
			Media{l, media.FirstPacket{}}, Media{l, media.Lull{}}, Media{l, media.Heard{}}, opened{leg: l, stage: -1})
	}
	return list
}

func label(e Event, a, b LegID) string {
	s := fmt.Sprintf("%T", e)
	switch e := e.(type) {
	case Digit:
		s = fmt.Sprintf("Digit %s", e.Leg)
	case Woken:
		s = fmt.Sprintf("Woken %s", e.Leg)
	case Detached:
		s = fmt.Sprintf("Detached %s", e.Leg)
	case opened:
		s = fmt.Sprintf("opened %s, stale", e.leg)
	case timeout:
		s = "timeout, stale"
	case deviceDue:
		s = "deviceDue, stale"
	case cued:
		s = "cued, stale"
		if e.act == 1 && e.timer == 0 {
			s = "cued, result"
		}
	case Hangup:
		s = "Hangup"
	case Dismiss:
		s = "Dismiss"
	case Record:
		s = fmt.Sprintf("Record on=%v", e.On)
	case Pause:
		s = fmt.Sprintf("Pause on=%v", e.On)
	case pauseOver:
		s = "pauseOver, stale"
	case moveOver:
		s = "moveOver, stale"
	case MoveAway:
		s = "MoveAway " + string(e.Leg)
	case Media:
		s = fmt.Sprintf("%T %s", e.Event, e.Leg)
		if p, ok := e.Event.(media.PlayEnded); ok {
			s = fmt.Sprintf("PlayEnded %s complete=%v", e.Leg, p.Complete)
		}
	case Answered:
		s = fmt.Sprintf("Answered %s", e.Leg)
	case Progress:
		s = fmt.Sprintf("Progress %s %d %s", e.Leg, e.Status, e.SDP)
	case Offered:
		s = fmt.Sprintf("Offered %s %q", e.Leg, e.SDP)
	case Agreed:
		s = fmt.Sprintf("Agreed %s", e.Leg)
	case Disagreed:
		s = fmt.Sprintf("Disagreed %s", e.Leg)
	case Ended:
		s = fmt.Sprintf("Ended %s", e.Leg)
	case Probed:
		s = fmt.Sprintf("Probed %s", e.Leg)
	case holderDue:
		s = fmt.Sprintf("holderDue %s, stale", e.leg)
	case Roamed:
		s = fmt.Sprintf("Roamed %s", e.Leg)
	case Identified:
		s = fmt.Sprintf("Identified %s", e.Leg)
	case Referred:
		s = fmt.Sprintf("Referred %s %s %s", e.Leg, e.To.User, e.Replaces.CallID)
	case Surrender:
		s = fmt.Sprintf("Surrender %s", e.Leg)
	case Replace:
		s = fmt.Sprintf("Replace %s", e.Leg)
		if e.Join {
			s = fmt.Sprintf("Replace %s, joining", e.Leg)
		}
	case Send:
		s = fmt.Sprintf("Send %s", e.Leg)
	case roomChanged:
		s = "roomChanged, stale"
	case audienceChanged:
		s = "audienceChanged, stale"
	case Watch:
		s = "Watch"
	case Kept:
		s = "Kept"
	case Adopt:
		s = "Adopt"
	case Abandoned:
		s = "Abandoned, stale"
	case Returned:
		s = "Returned, stale"
	case admitted:
		s = "admitted, stale"
	}
	s = strings.NewReplacer(string(a), "caller", "call.", "", "media.", "").Replace(s)
	if b != "" {
		s = strings.ReplaceAll(s, string(b), "called")
	}
	return s
}

// TestPhaseTable writes what every event does in every phase and compares it with the golden table: "ignored" is an answer too.
func TestPhaseTable(t *testing.T) {
	var out strings.Builder
	for _, p := range []Phase{Originating, Routing, Ringing, Scripted, Talking, Ending} {
		fmt.Fprintf(&out, "\n%s\n", p)
		for i := range events(newRig(plain), "a", "b") {
			synctest.Test(t, func(t *testing.T) {
				line := outcome(t, p, i)
				if !strings.Contains(line, " stranger") && !strings.Contains(line, "nobody") {
					fmt.Fprintf(&out, "  %s\n", line)
				} else if !strings.HasSuffix(line, "ignored") && !strings.HasSuffix(line, "new end 481") {
					t.Errorf("an event of a leg that is not of this call did something: %s", line)
				}
			})
		}
	}
	const golden = "testdata/phases.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("the phase table changed; look at the difference, then run with -update:\n%s", out.String())
	}
}

func outcome(t *testing.T, p Phase, i int) string {
	r, a, b := into(p)
	bid := LegID("nobody") // in routing nobody is called yet
	if b != nil {
		bid = b.id
	}
	e := events(r, a.id, bid)[i]
	fresh := newcomer(e)
	r.order = slices.DeleteFunc(r.order, func(o *fakeLeg) bool { return o.id == "new" && o != fresh }) // those of other events
	na, nb := len(a.did), 0
	ea, eb := a.ends, 0
	if b != nil {
		nb, eb = len(b.did), b.ends
	}
	r.told()
	a.mailbox.Post(e)
	told := r.told()
	did := append([]string{}, prefix("caller ", a.did[na:])...)
	if a.ends > ea {
		did = append(did, fmt.Sprintf("caller end %d", a.cause.Status))
	}
	if b != nil {
		did = append(did, prefix("called ", b.did[nb:])...)
		if b.ends > eb {
			did = append(did, fmt.Sprintf("called end %d", b.cause.Status))
		}
	}
	if n := fresh; n != nil {
		did = append(did, prefix("new ", n.did)...)
		if n.ends > 0 {
			did = append(did, fmt.Sprintf("new end %d", n.cause.Status))
		}
	}
	if w, ok := e.(Watch); ok && (<-w.Done).Gallery != nil {
		did = append(did, "gallery")
	}
	did = append(did, prefix("cue ", told)...)
	phase := p
	if s := r.sw.Snapshots("d"); len(s) == 1 {
		phase = s[0].Phase
	} else {
		did = append(did, "over")
	}
	if phase != p {
		did = append(did, "-> "+phase.String())
	}
	if len(did) == 0 {
		did = []string{"ignored"}
	}
	for _, l := range r.order {
		l.hangup(sip.CauseNormal)
	}
	r.sw.Post("d", "c1", Hangup{Cause: sip.CauseNormal})
	synctest.Wait()
	for _, l := range r.order { // legs dialled meanwhile
		l.hangup(sip.CauseNormal)
	}
	synctest.Wait()
	if r.sw.Len() != 0 {
		t.Errorf("%s in %s: the call never ended", label(e, a.id, bid), p)
	}
	return fmt.Sprintf("%-58s %s", label(e, a.id, bid), strings.Join(did, ", "))
}

// newcomer is the leg that an event brings; nil: none.
func newcomer(e Event) *fakeLeg {
	var l Leg
	switch e := e.(type) {
	case Replace:
		l = e.By
	case Returned:
		l = e.party.leg
	}
	n, _ := l.(*fakeLeg)
	return n
}

func prefix(p string, list []string) []string {
	var out []string
	for _, s := range list {
		out = append(out, p+s)
	}
	return out
}
