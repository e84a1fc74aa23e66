package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/provisioning"
	"naisen/recorder"
)

// desk2001 is an extension whose own calls are recorded as a policy says.
func desk2001(policy string) provisioning.Extension {
	return provisioning.Extension{Number: "2001", Display: "Ext 0", AllowMD5: true, Media: "srtp-preferred", Record: policy}
}

// The other telephone pauses the recording by #76 and lets it go on by #77; nobody gave 2001 codes. Then a program does, until a telephone of ours hangs up.
func TestPauseByKeys(t *testing.T) {
	onStage(t, "keys-pause", func(o *stage) {
		a, b := o.talk(o.phones["2001"], o.phones["2002"], "2002")
		a.keys("#76")
		o.wait(4 * time.Second)
		b.keys("#76")
		o.wait(4 * time.Second)
		calls := liveCalls{o.p.calls, o.p.directory, nil}
		id := o.p.calls.Snapshots(simDomain)[0].ID
		if l := calls.List(context.Background(), simDomain); len(l) != 1 || !l[0].Paused || l[0].Recording == "" {
			t.Errorf("shown as %+v", l)
		}
		b.keys("#77")
		o.wait(4 * time.Second)
		if err := calls.Order(context.Background(), simDomain, id, provisioning.RecordingOrder{Does: provisioning.RecordingKeep, By: "x@d"}); err != nil {
			t.Errorf("what is recorded is kept: %v", err)
		}
		if err := calls.Order(context.Background(), simDomain, id, provisioning.RecordingOrder{Does: provisioning.RecordingPaused, By: "hanako@d", Reason: "card"}); err != nil {
			t.Error(err)
		}
		a.bye(b)
		o.tape.mu.Lock()
		defer o.tape.mu.Unlock()
		if want := []string{"pause 2002 code", "resume 2002 code", "pause hanako@d rest card", "resume 2001 automatic left"}; !slices.Equal(o.tape.recordings[0].orders, want) {
			t.Errorf("the recording was told %q", o.tape.recordings[0].orders)
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		if p := pausesOf(o.cdrs[0].Pauses); len(p) != 2 || p[0].By != "2002" || p[0].ResumedHow != recorder.ByCode || p[1].Reason != "card" || p[1].ResumedFor != "left" || p[1].To.IsZero() {
			t.Errorf("the record tells %+v", p)
		}
	}, withCodes("2002"), desk2001("silent"))
}

// The code that keeps a call, and the program: only where a policy says on_demand.
func TestKeepByKeys(t *testing.T) {
	onStage(t, "keys-keep", func(o *stage) {
		a, b := o.talk(o.phones["2001"], o.phones["2002"], "2002")
		if n := len(o.tape.recordings); n != 0 {
			t.Errorf("%d recordings before anybody asked", n)
		}
		b.keys("#78")
		o.wait(4 * time.Second)
		a.bye(b)
		if n := o.tape.recordings; len(n) != 1 || n[0].of.Asked == nil || n[0].of.Asked.By != "2002" || n[0].of.Policy != "asked" || n[0].of.Notice == nil {
			t.Errorf("recordings %+v", n)
		}
		c, d := o.talk(o.phones["2004"], o.phones["2002"], "2002")
		calls := liveCalls{o.p.calls, o.p.directory, nil}
		id := o.p.calls.Snapshots(simDomain)[0].ID
		var denied *provisioning.Denied
		err := calls.Order(context.Background(), simDomain, id, provisioning.RecordingOrder{Does: provisioning.RecordingKeep, By: "hanako@d"})
		if !errors.As(err, &denied) || denied.Rule != provisioning.RuleNotOnDemand {
			t.Errorf("without a policy: %v", err)
		}
		c.bye(d)
	}, withCodes("2002"), provisioning.RecordingPolicy{Name: "asked", Record: provisioning.RecordOnDemand, Notice: "after-answer"}, desk2001("asked"))
}

// What came by keys, and by itself, is in the audit log in the name of who did it; what came by REST is there already.
func TestOrdersAreAudited(t *testing.T) {
	q := auditQueue(10)
	for _, o := range []call.Ordered{{Does: call.DoesPause, Order: recorder.Order{By: "2002", How: recorder.ByCode}},
		{Does: call.DoesResume, Order: recorder.Order{How: recorder.ByItself, Reason: "time"}}, {Does: call.DoesPause, Order: recorder.Order{By: "x@d", How: recorder.ByREST}},
		{Does: call.DoesRecord, Order: recorder.Order{By: "2002", How: recorder.ByCode}}} {
		o.Call, o.Domain, o.Recording = "c1", "d", "c1"
		q.ordered(o)
	}
	var got []string
	for len(q.queue) > 0 {
		e := <-q.queue
		got = append(got, strings.TrimSuffix(fmt.Sprintf("%s %s %s %s %v %v", e.Subject, e.Action, e.Object, e.Outcome, e.Detail["paused"], e.Reason), " "))
	}
	want := []string{"2002@d call.pause call/c1 ok true", "system call.pause call/c1 ok false time", "2002@d call.keep call/c1 ok <nil>"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
