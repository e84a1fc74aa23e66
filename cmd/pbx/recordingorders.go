package main

import (
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/provisioning"
	"naisen/provisioning/policy"
	"naisen/recorder"
)

// ordered notes what somebody ordered of a recording by keys or a preference of the telephone, and what became of an order by itself. What came by REST is in the log already.
func (a *auditor) ordered(o call.Ordered) {
	if o.Order.How == recorder.ByREST {
		return
	}
	e := provisioning.AuditEntry{Time: time.Now(), Domain: o.Domain, Subject: "system", Action: string(policy.CallPause), Object: policy.KindCall + "/" + o.Call,
		Outcome: "ok", Reason: o.Order.Reason, Detail: map[string]any{"recording": o.Recording, "how": o.Order.How}}
	if o.Order.How == recorder.ByCode || o.Order.How == recorder.ByPhone {
		e.Subject = o.Order.By + "@" + o.Domain
	}
	if o.Does == call.DoesRecord {
		e.Action = string(policy.CallKeep)
	} else {
		e.Detail["paused"] = o.Does == call.DoesPause
	}
	a.enter(e)
}

// askedFor is who had a call recorded, as its record keeps it.
func askedFor(a *recorder.Asked) *provisioning.RecordingAsked {
	if a == nil {
		return nil
	}
	return &provisioning.RecordingAsked{By: a.By, How: a.How, At: a.At}
}

// pausesOf are the pauses of a call's recording, as its record keeps them.
func pausesOf(all []call.Paused) []provisioning.RecordingPause {
	var out []provisioning.RecordingPause
	for _, p := range all {
		r := provisioning.RecordingPause{From: p.From, To: p.To, By: p.Began.By, How: p.Began.How, Reason: p.Began.Reason,
			ResumedBy: p.Resumed.By, ResumedHow: p.Resumed.How}
		if p.Resumed.How == recorder.ByItself {
			r.ResumedFor = p.Resumed.Reason
		}
		out = append(out, r)
	}
	return out
}
