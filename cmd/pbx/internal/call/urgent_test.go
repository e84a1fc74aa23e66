package call

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/sip"
)

// brigade is the trunk by which help is reached. Its carrier has no encryption.
var brigade = Destination{Number: "119", Trunk: "gw", Security: media.SecurityForbidden}

// TestHelpIsReachedInTheClear: the class of a call demands encryption, and it is sent to help, whose carrier has none. The two talk; so they do when
// one of them offers something else later. (threats E12: help comes first.)
func TestHelpIsReachedInTheClear(t *testing.T) {
	for name, send := range map[string]func(r *rig, b *fakeLeg){
		"REFER": func(_ *rig, b *fakeLeg) { b.post(Referred{Leg: b.id, To: to("119")}) },
		"keys":  func(_ *rig, b *fakeLeg) { b.presses("##119#") },
		"302": func(r *rig, b *fakeLeg) {
			b.ended = true
			b.post(Ended{Leg: b.id, Cause: sip.StatusCause(302), Moved: "sip:119@d"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(secret(), ours)
				r.sw.deps.Codes = codes
				a := r.extension("c1", "2001")
				b := r.last()
				if name != "302" {
					b.post(Answered{b.id, media.SDP("PCMU")})
					synctest.Wait()
				}
				r.now(helping, brigade)
				send(r, b)
				c := r.last()
				if c == b {
					t.Fatalf("nobody is rung: %q", b.did)
				}
				if w := r.endpoints[2].wants; !slices.Equal(w, []media.Security{media.SecurityForbidden}) {
					t.Errorf("the carrier is offered %v", w)
				}
				c.post(Answered{c.id, media.SDP("PCMU")})
				r.nothingHappened(t, 0, a, c)
				c.post(Offered{c.id, media.SDP("hold:PCMU")})
				synctest.Wait()
				if w := r.endpoints[2].wants; w[len(w)-1] != media.SecurityForbidden || c.ends != 0 {
					t.Errorf("later it is answered with %v", w)
				}
				if w := r.endpoints[0].wants; (w[0] == media.SecurityRequired) != (name != "302") {
					t.Errorf("the caller is answered with %v", w)
				}
				c.hangup(sip.CauseNormal)
				r.settled(t)
			})
		})
	}
}

func (r *rig) now(plan route.Plan, found Destination) {
	r.mu.Lock()
	r.plan, r.found = plan, []Destination{found}
	r.mu.Unlock()
}

// TestHelpJoinsInTheClear: who sends the call has asked for help itself before (RFC 3891), in either of the two calls.
func TestHelpJoinsInTheClear(t *testing.T) {
	for _, first := range []bool{true, false} { // the call that is sent is the one for help
		synctest.Test(t, func(t *testing.T) {
			plans, found := [2]route.Plan{secret(), helping}, [2]Destination{ours, brigade}
			if first {
				slices.Reverse(plans[:])
				slices.Reverse(found[:])
			}
			r := newRig(plans[0], found[0])
			a, b := r.up("c1")
			r.now(plans[1], found[1])
			a2, c := r.up("c2")
			a.post(Referred{Leg: a.id, To: to("2002"), Replaces: Replaces{CallID: string(a2.id)}})
			synctest.Wait()
			if !a.saw("report 200") || b.offered() || c.offered() {
				t.Errorf("help first %v: %q, asked %v %v", first, a.did, b.offered(), c.offered())
			}
			r.nothingHappened(t, 0, b, c)
			c.hangup(sip.CauseNormal)
			r.allSettled(t, 2)
		})
	}
}

// TestHelpGoesOnUnrecorded: no call is the policy's answer to no recording, but not to a call for help. It is alarmed all the same.
func TestHelpGoesOnUnrecorded(t *testing.T) {
	for _, help := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			p := recorded(route.NoticeNone)
			p.Record.Refuse = true
			r := newRig(p, ours)
			a, b := r.up("c1")
			if r.now(plain, brigade); help {
				r.now(helping, brigade)
			}
			b.post(Referred{Leg: b.id, To: to("119")})
			c := r.last()
			c.post(Answered{c.id, media.SDP("PCMU")})
			r.nothingHappened(t, 0, a, c)
			r.records[0].failed(errFake)
			synctest.Wait()
			if !slices.Contains(r.alarms, "recording-failed") || (c.ends == 0) != help {
				t.Errorf("help %v: alarms %q, ended %d times", help, r.alarms, c.ends)
			}
			c.hangup(sip.CauseNormal)
			if cdr := r.settled(t); (cdr.Cause.Status == 200) != help || !cdr.RecordingFailed {
				t.Errorf("%+v", cdr)
			}
		})
	}
}

// TestHelpBehindACode: no # is asked for behind an emergency number, and whoever goes on pressing calls what it begins (0119 is also Sapporo's).
func TestHelpBehindACode(t *testing.T) {
	for _, c := range []struct {
		keys  string
		after time.Duration
		rest  string
		want  string
	}{
		{"#70119", time.Second, "", "119"}, {"##110", time.Second, "", "110"}, {"#700119", time.Second, "", "0119"},
		{"#700119", time.Second / 2, "631234#", "0119631234"}, {"#702003", time.Second, "", ""}, {"#702003", 4 * time.Second, "", "2003"},
	} {
		synctest.Test(t, func(t *testing.T) {
			o := talking(t, plain)
			before := len(o.asked)
			o.bob.presses(c.keys)
			time.Sleep(c.after + time.Millisecond)
			o.bob.presses(c.rest)
			synctest.Wait()
			got := ""
			if len(o.asked) > before {
				got = o.asked[before].Dialled
			}
			if got != c.want {
				t.Errorf("%s, %v, %s: %q is called, want %q", c.keys, c.after, c.rest, got, c.want)
			}
			o.anna.hangup(sip.CauseNormal)
			time.Sleep(5 * time.Minute)
			o.allSettled(t, 1+o.made)
		})
	}
}
