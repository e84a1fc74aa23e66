package call

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/recorder"
	"naisen/sip"
)

// Listener implements witness.
func (f *fakeRecording) Listener(endpoint string, l recorder.Listener) {
	f.listeners = append(f.listeners, endpoint+" "+l.Mode)
}

// spectator is somebody else's leg that wants to hear the call.
type spectator struct {
	ep   *fakeEndpoint
	room Room
	told int
}

func (r *rig) watch(t *testing.T, ext string) Watched {
	t.Helper()
	done := make(chan Watched, 1)
	if err := r.sw.Post("d", "c1", Watch{Ext: ext, Done: done}); err != nil {
		t.Fatal(err)
	}
	return <-done
}

func (r *rig) spectator(room Room, name string) *spectator {
	return &spectator{ep: &fakeEndpoint{rig: r, id: name, codec: media.PCMU, on: func(media.Event) {}}, room: room}
}

func (s *spectator) enter(g media.Gate) error {
	return s.room.Enter(Guest{Endpoint: s.ep, Party: recorder.Party{Endpoint: s.ep.id, Number: s.ep.id}, Gate: g, Tell: func() { s.ep.rig.mu.Lock(); s.told++; s.ep.rig.mu.Unlock() }})
}

// members are the endpoints in the call's bridge.
func (r *rig) members() (out []string) {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.bridges[0].members {
		out = append(out, m.ID())
	}
	return out
}

// heard is a call of 2001 with a phone of 2002, recorded.
func heard(t *testing.T, plan route.Plan) (*rig, *fakeLeg, *fakeLeg) {
	t.Helper()
	phone := phone
	phone.Extension = "2002"
	r := newRig(plan, phone)
	a := r.extension("c1", "2001")
	b := r.leg(1)
	b.mailbox.Post(Answered{b.id, media.SDP("PCMU")})
	synctest.Wait()
	return r, a, b
}

func TestGallery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plan := plain
		plan.Record = route.Record{On: true, Number: "8000", Notice: route.NoticeNone}
		r, a, _ := heard(t, plan)
		if w := r.watch(t, "2009"); w.Gallery != nil {
			t.Error("a call of somebody else is heard")
		}
		w := r.watch(t, "2002")
		if w.Gallery == nil || !slices.Equal(w.Extensions, []string{"2001", "2002"}) || !slices.Contains(w.Called, "2002") || w.Queue != "" {
			t.Fatalf("%+v", w)
		}
		s := r.spectator(w.Gallery.For("2002", program{r, "tone"}), "s")
		if err := s.enter(media.GateWhisper); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(r.members()); got != "[a b s]" || r.bridges[0].gates[s.ep] != media.GateWhisper {
			t.Errorf("%s %v", got, r.bridges[0].gates[s.ep])
		}
		if got := r.endpoints[1].hears(); got != "tone" {
			t.Errorf("who is listened to hears %q", got)
		}
		for i := range maxAudience {
			err := r.spectator(w.Gallery.For("2002", nil), fmt.Sprint("x", i)).enter(media.GateListen)
			if full := i == maxAudience-1; full != (err != nil) {
				t.Errorf("listener %d: %v", i+2, err)
			}
		}
		s.room.Leave("s") // at once: it hears nothing more from here on
		if slices.Contains(r.members(), "s") || s.told != 0 {
			t.Errorf("who left is still there, or was told %d times", s.told)
		}
		if err := w.Gallery.place(s.room.(*seat), media.GateListen, r.endpoints[1]); err != nil || slices.Contains(r.members(), "s") {
			t.Errorf("who left is let in by what was asked before: %v", err)
		}
		a.hangup(sip.CauseNormal)
		synctest.Wait()
		if err := s.enter(media.GateListen); err == nil || !s.room.State().Over {
			t.Error("a call that is over lets somebody in")
		}
		if got := r.records[0].listeners; got[0] != "s whisper" || !slices.Contains(got, "s ") {
			t.Errorf("recording: %q", got)
		}
		time.Sleep(time.Minute)
		r.settled(t)
	})
}

// What a call was for goes with its parties into the call that takes them; and a number of ours that is shown outside is one that it is for.
func TestGalleryKnowsWhatTheCallWasFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		waits := plain
		waits.Steps = []route.Step{{Run: route.Run{Verb: route.VerbQueue, Name: "7009"}}}
		r := newRig(waits, ours)
		r.script = acting{r}
		r.act = opening(PickUp{}, Ring{Step: route.Step{Ring: time.Minute, Targets: []route.Target{{Number: "2002"}}}})
		kept := r.begin(Incoming{ID: "c2", Request: route.Request{Domain: "d", Trunk: "carrier", Number: "+819011112222", Dialled: "+81311110000"}, Offer: media.SDP("PCMU"), MaxForwards: 70})
		agent := r.leg(1)
		agent.post(Answered{agent.id, media.SDP("PCMU")})
		synctest.Wait()
		out := plain
		out.Direction, out.Steps = route.Outbound, []route.Step{{Ring: time.Minute, Targets: []route.Target{{Kind: route.ToTrunk, Number: "0312345678", Trunk: "carrier", Caller: "+81322220000"}}}}
		r.plan = out
		asks := r.extension("c1", "2002") // the consultation
		other := r.last()
		other.post(Answered{other.id, media.SDP("PCMU")})
		synctest.Wait()
		if w := r.watch(t, "2002"); !slices.Contains(w.Called, "+81322220000") || w.Queue != "" {
			t.Errorf("by the number: %+v", w)
		}
		asks.post(Referred{Leg: asks.id, To: to("2009"), Replaces: Replaces{CallID: string(agent.id)}})
		synctest.Wait()
		if s := r.sw.Snapshots("d"); len(s) != 1 || s[0].ID != "c1" || kept.ends != 0 {
			t.Fatalf("calls %+v", s)
		}
		w := r.watch(t, "2002")
		if !slices.Contains(w.Called, "+81311110000") || !slices.Contains(w.Called, "+81322220000") || w.Queue != "7009" || !slices.Equal(w.Queues, []string{"7009"}) {
			t.Errorf("after the transfer: %+v", w)
		}
		kept.hangup(sip.CauseNormal)
		time.Sleep(time.Minute)
		r.allSettled(t, 2)
	})
}

// A call-back is its queue's call, and the number's that the customer had called.
func TestGalleryOfACallBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		phone := phone
		phone.Extension = "2001"
		r := newRig(plain, phone)
		err := r.sw.Originate(Incoming{ID: "c1", Request: route.Request{Domain: "d", Extension: "2001", Number: "2001", Dialled: "2002"},
			Origin: &Origin{Request: route.Request{Domain: "d", Extension: "2001", Number: "2001", Dialled: "2001", Direct: true}, Called: []string{"+81311110000"}, Queue: "7009"}})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			l := r.leg(i)
			l.post(Answered{l.id, media.SDP("PCMU")})
			synctest.Wait()
		}
		if w := r.watch(t, "2001"); w.Gallery == nil || w.Queue != "7009" || !slices.Contains(w.Called, "+81311110000") {
			t.Errorf("%+v", w)
		}
		r.leg(0).hangup(sip.CauseNormal)
		time.Sleep(time.Minute)
		r.settled(t)
	})
}

// A call whose class of numbers demands encryption is heard over nothing else, and one that cannot be decoded by nobody.
func TestGalleryIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		strict := plain
		strict.Record.Media = "srtp-required"
		r, a, _ := heard(t, strict)
		s := r.spectator(r.watch(t, "2002").Gallery.For("2002", nil), "s")
		if err := s.enter(media.GateListen); err != nil {
			t.Fatal(err)
		}
		if got := r.members(); len(got) != 2 || s.told != 1 || !s.room.State().Over {
			t.Errorf("plain RTP: %v, told %d", got, s.told)
		}
		a.hangup(sip.CauseNormal)
		time.Sleep(time.Minute)
		r.settled(t)
	})
	synctest.Test(t, func(t *testing.T) {
		urgent := plain
		urgent.Emergency = true
		r, a, _ := heard(t, urgent)
		if r.watch(t, "2002").Gallery != nil {
			t.Error("a call for help is heard")
		}
		a.hangup(sip.CauseNormal)
		time.Sleep(time.Minute)
		r.settled(t)
	})
	synctest.Test(t, func(t *testing.T) {
		r := newRig(plain, Destination{Number: "2002", Extension: "2002"})
		a := r.begin(Incoming{ID: "c1", Request: route.Request{Domain: "d", Extension: "2001", Number: "2001", Dialled: "2002"}, Offer: media.SDP("G729"), MaxForwards: 70})
		b := r.leg(1)
		b.mailbox.Post(Answered{b.id, media.SDP("G729")})
		synctest.Wait()
		if r.watch(t, "2002").Gallery != nil {
			t.Error("a codec that cannot be decoded is heard")
		}
		a.hangup(sip.CauseNormal)
		time.Sleep(time.Minute)
		r.settled(t)
	})
}

// TestRandomAudience: whoever comes, goes and changes in whatever order, a listener is in the bridge only between Enter and Leave, and nobody is
// when one of the two has gone.
func TestRandomAudience(t *testing.T) {
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 7))
			r, a, b := heard(t, plain)
			w := r.watch(t, "2002")
			var all []*spectator
			in := map[*spectator]bool{}
			for i := range 3 {
				all = append(all, r.spectator(w.Gallery.For([]string{"2001", "2002"}[rnd.IntN(2)], nil), fmt.Sprint("s", i)))
			}
			for range 20 {
				s := all[rnd.IntN(3)]
				gate := []media.Gate{media.GateListen, media.GateWhisper, media.GateBoth, media.GateNone}[rnd.IntN(4)]
				switch rnd.IntN(5) {
				case 0, 1:
					if !in[s] {
						in[s] = s.enter(gate) == nil
					}
				case 2:
					s.room.Seat(s.ep.id, gate)
				case 3:
					s.room.Leave(s.ep.id)
					in[s] = false
					r.mu.Lock()
					if slices.ContainsFunc(r.bridges[0].members, func(m media.Endpoint) bool { return m == s.ep }) {
						t.Errorf("seed %d: %s hears after it left", seed, s.ep.id)
					}
					r.mu.Unlock()
				case 4:
					if rnd.IntN(2) == 0 {
						synctest.Wait()
					}
				}
			}
			if rnd.IntN(2) == 0 {
				synctest.Wait()
			}
			[]*fakeLeg{a, b}[rnd.IntN(2)].hangup(sip.CauseNormal)
			if got := r.members(); len(got) != 0 {
				t.Errorf("seed %d: %v are left", seed, got)
			}
			time.Sleep(time.Minute)
			r.settled(t)
		})
	}
}
