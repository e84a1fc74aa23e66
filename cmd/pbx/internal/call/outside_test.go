package call

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/recorder"
	"naisen/sip"
)

// fakeOutside notes what a call says to recorders outside.
type fakeOutside struct {
	rig    *rig
	none   bool
	of     []recorder.Case
	said   []string
	failed func(error)
}

func (f *fakeOutside) Begin(policy string, of recorder.Case, failed func(error)) Copies {
	if f.none {
		return nil
	}
	if policy != "copied" {
		f.note("by policy " + policy)
	}
	f.of, f.failed = append(f.of, of), failed
	f.note("begin " + of.ID)
	return f
}

func (f *fakeOutside) note(s string) {
	f.rig.mu.Lock()
	defer f.rig.mu.Unlock()
	f.said = append(f.said, s)
}

func (f *fakeOutside) Party(p recorder.Party, ep media.Endpoint) {
	if p.Endpoint != ep.ID() {
		f.note("party of another endpoint")
	}
	f.note("party " + p.Number + "/" + p.Role)
}
func (f *fakeOutside) Left(endpoint string) { f.note("left " + f.name(endpoint)) }
func (f *fakeOutside) Hold(endpoint string, h bool) {
	f.note(fmt.Sprint("hold ", f.name(endpoint), " ", h))
}
func (f *fakeOutside) Pause(on bool) { f.note(fmt.Sprint("pause ", on)) }
func (f *fakeOutside) Stop()         { f.note("stop") }

// name gives an endpoint's number in the order in which they were made.
func (f *fakeOutside) name(endpoint string) string {
	f.rig.mu.Lock()
	defer f.rig.mu.Unlock()
	for i, e := range f.rig.endpoints {
		if e.id == endpoint {
			return fmt.Sprint(i + 1)
		}
	}
	return "?"
}

func (f *fakeOutside) want(t *testing.T, said ...string) {
	t.Helper()
	synctest.Wait()
	f.rig.mu.Lock()
	defer f.rig.mu.Unlock()
	if !slices.Equal(f.said, said) {
		t.Errorf("said\n%q\nwant\n%q", f.said, said)
	}
	f.said = nil
}

func onOutside(t *testing.T) (*rig, *fakeOutside, *fakeLeg, *fakeLeg) {
	t.Helper()
	r := newRig(recorded(route.NoticeNone), ours)
	f := &fakeOutside{rig: r}
	r.sw.deps.Outside = f
	a, b := r.up("c1")
	return r, f, a, b
}

// A recorder outside hears of everything that a recorded call does: who comes and goes, holds, and that nothing may leave.
func TestOutsideIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, f, a, b := onOutside(t)
		f.want(t, "begin c1", "party 2001/caller", "party 2002/called")
		if len(f.of) != 1 || f.of[0].Policy != "p" || len(f.of[0].Parties) != 2 {
			t.Errorf("%+v", f.of)
		}
		b.post(Offered{b.id, media.SDP("hold:PCMU")})
		f.want(t, "hold 2 true")
		b.post(Offered{b.id, media.SDP("PCMU")})
		f.want(t, "hold 2 false")
		r.now(recorded(route.NoticeNone), Destination{Number: "2003", Extension: "2003"})
		b.post(Referred{Leg: b.id, To: to("2003")})
		c := r.last()
		c.post(Answered{c.id, media.SDP("PCMU")})
		synctest.Wait()
		f.rig.mu.Lock()
		said := strings.Join(f.said, ", ")
		f.said = nil
		f.rig.mu.Unlock()
		if !strings.Contains(said, "left 2") || !strings.Contains(said, "party 2003/called") || strings.Contains(said, "begin") {
			t.Errorf("a transfer: %s", said)
		}
		a.hangup(sip.CauseNormal)
		synctest.Wait()
		f.rig.mu.Lock()
		if last := f.said[len(f.said)-1]; !slices.Contains(f.said, "stop") || strings.Count(strings.Join(f.said, " "), "stop") != 1 {
			t.Errorf("%q, last %s", f.said, last)
		}
		f.rig.mu.Unlock()
		time.Sleep(time.Minute)
		r.settled(t)
	})
}

// No recorder outside takes the call: it goes on, or ends where the policy would rather have no call.
func TestOutsideFails(t *testing.T) {
	for _, refuse := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			plan := recorded(route.NoticeNone)
			plan.Record.Refuse = refuse
			r := newRig(plan, ours)
			f := &fakeOutside{rig: r}
			r.sw.deps.Outside = f
			a, _ := r.up("c1")
			f.failed(errors.New("no recorder"))
			f.failed(errors.New("again"))
			r.records[0].failed(errors.New("nor here"))
			synctest.Wait()
			if a.ends > 0 != refuse || !slices.Equal(r.alarms, []string{"recording-failed"}) {
				t.Errorf("refuse %v: ended %d times, alarms %q", refuse, a.ends, r.alarms)
			}
			a.hangup(sip.CauseNormal)
			time.Sleep(time.Minute)
			r.settled(t)
		})
	}
}

// A policy that names no recorder outside changes nothing.
func TestNobodyOutside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(recorded(route.NoticeNone), ours)
		f := &fakeOutside{rig: r, none: true}
		r.sw.deps.Outside = f
		a, _ := r.up("c1")
		a.hangup(sip.CauseNormal)
		time.Sleep(time.Minute)
		r.settled(t)
		f.want(t)
	})
}
