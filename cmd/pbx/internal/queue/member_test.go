package queue

import (
	"testing"
	"time"

	"naisen/provisioning"
)

// TestMemberNoMoreWhileTalking: whoever takes the agent out of the queue, or the queue away, while the agent talks with a caller of it: that caller
// has one outcome, when the talk is over, and with its length. So too where the agent is a member again by then.
func TestMemberNoMoreWhileTalking(t *testing.T) {
	for name, c := range map[string]struct {
		during []provisioning.Queue // each in place of what was set before
	}{
		"member": {[]provisioning.Queue{{Number: "7001", Members: []provisioning.QueueMember{{Agent: "2002"}}}}},
		"queue":  {[]provisioning.Queue{{Number: "7002", Members: []provisioning.QueueMember{{Agent: "2002"}}}}},
		"again": {[]provisioning.Queue{{Number: "7001", Members: []provisioning.QueueMember{{Agent: "2002"}}},
			{Number: "7001", WrapUp: 30, Members: []provisioning.QueueMember{{Agent: "2001"}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			now := time.Date(2026, 4, 1, 9, 0, 0, 0, time.UTC)
			dir := &table{queues: []provisioning.Queue{{Number: "7001", WrapUp: 30, Members: []provisioning.QueueMember{{Agent: "2001"}}}},
				agents: []provisioning.Agent{{Number: "2001", SignedIn: true}}}
			core, rows := NewCore(time.UTC), []provisioning.QueueVisit(nil)
			talk := Call{ID: "c1", Domain: town, In: []InCall{{"2001", true}}}
			step := func() {
				for _, cmd := range core.Settle(now) {
					if v, ok := cmd.(Visit); ok {
						rows = append(rows, v.Row)
					}
				}
				now = now.Add(10 * time.Second)
			}
			set := func() {
				for _, k := range core.Configure(now, dir) {
					core.Registered(now, k, true)
					core.Call(now, talk)
				}
				step()
			}
			talk.In = nil
			set()
			core.Join(now, Caller{Call: "c1", Queue: Key{town, "7001"}})
			step()
			talk.In = []InCall{{"2001", true}}
			core.Answered(now, "c1", "2001")
			core.Call(now, talk)
			step()
			for _, q := range c.during {
				dir.queues = []provisioning.Queue{q}
				set()
				core.Call(now, talk)
				step()
			}
			if len(rows) != 0 {
				t.Errorf("they talk, and there is %+v", rows)
			}
			core.Call(now, Call{ID: "c1", Domain: town, Ending: true, Over: true})
			step()
			want := 10 * time.Second * time.Duration(1+2*len(c.during))
			if len(rows) != 1 || rows[0].Outcome != provisioning.OutcomeAnswered || rows[0].Agent != "2001" || rows[0].TalkMS != want.Milliseconds() {
				t.Errorf("want one row of a talk of %v, have %+v", want, rows)
			}
			if n := len(core.calls); n != 0 {
				t.Errorf("%d calls are known that are over", n)
			}
			if a := core.agents[Key{town, "2001"}]; a != nil && a.shown != WrapUp {
				t.Errorf("the agent is %s", a.shown)
			}
		})
	}
}
