package call

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/sip"
)

// TestChangedTellsEveryState: who derives lamps sees each party come, ring, talk and go, and one last state.
func TestChangedTellsEveryState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plan := plain
		plan.Shown = route.Shown{Number: "2001"}
		r := newRig(plan, phone)
		var seen []string
		r.sw.deps.Changed = func(s *Snapshot) {
			line := ""
			for _, p := range s.Parties {
				line += fmt.Sprintf("%s:%s:%s ", p.Dialog.CallID, p.Phase.DialogState(), p.With.Number)
			}
			if s.Over {
				line += "over"
			}
			r.mu.Lock()
			if len(seen) == 0 || seen[len(seen)-1] != line {
				seen = append(seen, line)
			}
			r.mu.Unlock()
		}
		r.start(media.SDP("PCMU"))
		synctest.Wait()
		b := r.leg(1)
		b.mailbox.Post(Progress{b.id, 180, nil})
		synctest.Wait()
		b.mailbox.Post(Answered{b.id, media.SDP("PCMU")})
		synctest.Wait()
		b.hangup(sip.CauseNormal)
		synctest.Wait()
		time.Sleep(time.Second)
		want := []string{"c1-1:trying:2002 c1-2:trying:2001 ", "c1-1:early:2002 c1-2:early:2001 ", "c1-1:confirmed:2002 c1-2:confirmed:2001 ", "over"}
		got := slices.DeleteFunc(seen, func(s string) bool { return s == "c1-1:trying:2002 " || s == "c1-1:terminated:2002 " })
		if !slices.Equal(got, want) {
			t.Errorf("saw\n%q\nwant\n%q", got, want)
		}
		r.settled(t)
	})
}
