package route

import (
	"testing"
	"time"

	"naisen/provisioning"
)

// unannounced is an exception from the notice that lasts as long as any test.
func unannounced() *provisioning.NoticeException {
	return &provisioning.NoticeException{Reason: "test", Until: time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)}
}

// The DSCP of RTP comes from the class of numbers, whether it records or not, and for an emergency call from the device's site.
func TestMarks(t *testing.T) {
	d := city()
	d.policies["d|urgent"] = provisioning.RecordingPolicy{Name: "urgent", DSCP: 40}
	d.policies["d|taped"] = provisioning.RecordingPolicy{Name: "taped", Record: provisioning.RecordAlways, Notice: "none", Exception: unannounced(), DSCP: 36}
	for policy, want := range map[string]int{"": 0, "urgent": 40, "taped": 36} {
		d.dids["d|+81312340050"] = provisioning.DID{Number: "+81312340050", To: []string{"2001"}, Policy: policy}
		if got := Route(d, Request{Domain: "d", Trunk: "central", Dialled: "+81312340050", E164: "+81312340050"}, time.Now()).Record; got.DSCP != want || got.On != (policy == "taped") {
			t.Errorf("policy %q: %+v", policy, got)
		}
	}
	hall := d.sites["d|hall"]
	hall.DSCP = 44
	d.sites["d|hall"] = hall
	for extension, want := range map[string]int{"2001": 44, "2002": 0} {
		if p := Route(d, Request{Domain: "d", Extension: extension, Dialled: "119"}, time.Now()); !p.Emergency || p.Record.DSCP != want || p.Record.On {
			t.Errorf("119 of %s: %+v", extension, p)
		}
	}
}
