package main

import (
	"naisen/provisioning"
	"naisen/recorder"
)

// maxReceipts bounds what a call's record tells of notices.
const maxReceipts = 16

// receipts are the notices of a call as its record keeps them.
func receipts(played []recorder.Notice) []provisioning.NoticeReceipt {
	var out []provisioning.NoticeReceipt
	for _, n := range played[:min(len(played), maxReceipts)] {
		out = append(out, provisioning.NoticeReceipt{Prompt: n.Prompt, Version: n.Version, Language: n.Language, SHA256: n.SHA256, Mode: n.Mode, Party: n.Party,
			Leg: n.Leg, SSRC: n.SSRC, FirstRTP: n.FirstRTP, LastRTP: n.LastRTP, FirstSequence: n.FirstSequence, LastSequence: n.LastSequence, Packets: n.Packets,
			Complete: n.Complete, RefusalKey: n.RefusalKey, Pressed: n.Pressed, Started: n.Started, Ended: n.Ended})
	}
	return out
}
