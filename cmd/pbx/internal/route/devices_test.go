package route

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
)

// TestStarts: which telephone of a person rings when.
func TestStarts(t *testing.T) {
	desk, soft, mobile := Device{"<urn:uuid:AA>", "Yealink SIP-T46S 66.86", 1, 0}, Device{"", "baresip v1.0.0", 0.5, 0}, Device{"<urn:uuid:cc>", "Naisen Mobile/1", 0.5, 0}
	all := []Device{desk, soft, mobile}
	ordered := func(list ...provisioning.RingDevice) *provisioning.Ringing {
		return &provisioning.Ringing{Mode: provisioning.RingInOrder, Devices: list}
	}
	later := func(list ...provisioning.RingDevice) *provisioning.Ringing {
		return &provisioning.Ringing{Devices: list}
	}
	byID := func(id string, delay int) provisioning.RingDevice {
		return provisioning.RingDevice{Instance: id, Delay: delay}
	}
	byName := func(name string, delay int) provisioning.RingDevice {
		return provisioning.RingDevice{UserAgent: name, Delay: delay}
	}
	for _, c := range []struct {
		name    string
		ring    *provisioning.Ringing
		devices []Device
		within  time.Duration
		want    string
	}{
		{"nothing set", nil, all, 0, "0 0 0"},
		{"together", &provisioning.Ringing{Mode: provisioning.RingTogether}, all, 0, "0 0 0"},
		{"one later, by its instance, with or without brackets and whatever its letters", later(byID("urn:uuid:CC", 10)), all, 0, "0 0 10"},
		{"one later, by how its name begins", later(byName("yealink", 7)), all, 0, "7 0 0"},
		{"each later than the one before", later(byID("urn:uuid:cc", 20), byName("baresip", 5)), all, 0, "0 5 20"},
		{"a delay that nobody waits for is none", later(byID("urn:uuid:cc", 20), byName("baresip", 5)), all[1:], 0, "0 15"},
		{"who is alone rings at once", later(byID("urn:uuid:cc", 20)), all[2:], 0, "0"},
		{"nobody is there", later(byID("urn:uuid:cc", 20)), nil, 0, ""},
		{"a shorter name is another's", later(byName("Yealink SIP-T46S 66.86 plus", 7)), all, 0, "0 0 0"},
		{"in order of q, equal ones together", ordered(), all, 0, "0 15/1 15/1"},
		{"in order of q, whatever order they came in", ordered(), []Device{soft, desk}, 0, "15/1 0"},
		{"those that are named come first", ordered(byName("baresip", 0)), all, 0, "15/1 0 30/2"},
		{"in the order of the list", ordered(byID("urn:uuid:cc", 0), byName("baresip", 0)), all, 0, "30/2 15/1 0"},
		{"who is not there takes no turn", ordered(byID("urn:uuid:none", 0), byName("baresip", 0)), all, 0, "15/1 0 30/2"},
		{"a turn as long as the owner wants", &provisioning.Ringing{Mode: provisioning.RingInOrder, Seconds: 8}, all, 0, "0 8/1 8/1"},
		{"time enough", ordered(byName("baresip", 0)), all, time.Minute, "15/1 0 30/2"},
		{"too little time is shared", ordered(byName("baresip", 0)), all, 18 * time.Second, "6/1 0 12/2"},
		{"of delays nothing is taken", later(byID("urn:uuid:cc", 10)), all, 5 * time.Second, "0 0 10"},
	} {
		var got []string
		for _, s := range Starts(c.ring, c.devices, c.within) {
			text := fmt.Sprint(s.After.Seconds())
			if s.Turn > 0 {
				text += fmt.Sprint("/", s.Turn)
			}
			got = append(got, text)
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s: %s, want %s", c.name, text, c.want)
		}
	}
}

// TestRinging: who wants to be rung in order is, alone and as one of several; who is called back after a call for help, by a device's own address, or
// because its call returns rings everywhere at once.
func TestRinging(t *testing.T) {
	d := office(map[string]provisioning.Settings{"2010": {Ring: provisioning.Ringing{Mode: provisioning.RingInOrder}}})
	d.extensions["d|2018"] = provisioning.Extension{Number: "2018", Remote: "carrier"}
	d.settings["d|2018"] = d.settings["d|2010"]
	d.groups = map[string]provisioning.Group{"d|6000": {Number: "6000", Members: []string{"2010", "2011"}}}
	inside := func(n string) Request { return Request{Extension: "2001", Dialled: n, Own: true} }
	for _, c := range []struct {
		name string
		req  Request
		want string
	}{
		{"alone", inside("2010"), "2010"},
		{"in a group", inside("6000"), "2010"},
		{"by a DID of one", Request{Trunk: "carrier", Dialled: "+81312345671"}, "2010"},
		{"by a DID of several", Request{Trunk: "carrier", Dialled: "+81312345672"}, "2010"},
		{"by intercom", inside("*552010"), "2010"},
		{"by its own address", Request{Extension: "2001", Dialled: "2010", Device: "urn:uuid:aa"}, ""},
		{"its own call returns", Request{Extension: "2010", Dialled: "2010", Direct: true}, ""},
		{"help calls back", Request{Trunk: "carrier", Dialled: "+81312345671", CallBack: "2010"}, ""},
		{"it lives on another system", inside("2018"), ""},
		{"a colleague", inside("2011"), ""},
	} {
		c.req.Domain = "d"
		p := Route(d, c.req, time.Time{})
		got := ""
		for _, s := range p.Steps {
			for _, target := range s.Targets {
				if target.Ringing != nil {
					got += target.Number
				}
			}
		}
		if got != c.want || p.Refuse.Status != 0 {
			t.Errorf("%s: in order rings %q, want %q (%s)", c.name, got, c.want, p.Why)
		}
	}
}
