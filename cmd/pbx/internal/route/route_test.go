package route

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
)

type dir struct {
	domains      map[string]provisioning.Domain
	extensions   map[string]provisioning.Extension
	dids         map[string]provisioning.DID
	policies     map[string]provisioning.RecordingPolicy
	trunks       []provisioning.Trunk
	sites        map[string]provisioning.Site
	queues       map[string]provisioning.Queue
	settings     map[string]provisioning.Settings
	codes        provisioning.FeatureCodes
	groups       map[string]provisioning.Group
	pages        []provisioning.PagingGroup
	calendars    map[string]provisioning.Calendar
	rejections   []provisioning.Rejection
	restrictions map[string]provisioning.Restriction
	contracts    map[string]*provisioning.Contract // by extension
	departments  map[string]provisioning.Department
	short        map[string]string
	mailboxes    map[string]provisioning.Mailbox
	seated       map[string]string // person by desk
}

func (d dir) Domain(n string) (provisioning.Domain, bool) { v, ok := d.domains[n]; return v, ok }
func (d dir) Extension(dom, n string) (provisioning.Extension, bool) {
	v, ok := d.extensions[dom+"|"+n]
	return v, ok
}
func (d dir) DID(dom, n string) (provisioning.DID, bool) { v, ok := d.dids[dom+"|"+n]; return v, ok }
func (d dir) Policy(dom, n string) (provisioning.RecordingPolicy, bool) {
	v, ok := d.policies[dom+"|"+n]
	return v, ok
}
func (d dir) TrunksFor(dom, dialled string) (trunks []provisioning.Trunk, prefix string) {
	for _, t := range d.trunks {
		for _, p := range t.Prefixes {
			if dom == "d" && !t.Disabled && len(dialled) >= len(p) && dialled[:len(p)] == p {
				trunks, prefix = append(trunks, t), p
			}
		}
	}
	return trunks, prefix
}

func (d dir) Trunks(dom string) []provisioning.Trunk {
	var out []provisioning.Trunk
	for _, t := range d.trunks {
		if dom == "d" && !t.Disabled {
			out = append(out, t)
		}
	}
	return out
}

func (d dir) Feature(dom, n string) (string, string, bool) { return d.codes.Dialled(n) }
func (d dir) Queue(dom, n string) (provisioning.Queue, bool) {
	v, ok := d.queues[dom+"|"+n]
	return v, ok
}
func (d dir) Site(dom, n string) (provisioning.Site, bool) { v, ok := d.sites[dom+"|"+n]; return v, ok }

func (d dir) Settings(dom, n string) provisioning.Settings { return d.settings[dom+"|"+n] }

func (d dir) Conference(dom, n string) (provisioning.Conference, bool) {
	return provisioning.Conference{Number: "8000", Policy: "calls-out"}, dom == "d" && n == "8000"
}

func (d dir) PagingGroups(dom string) []provisioning.PagingGroup {
	if dom != "d" {
		return nil
	}
	return d.pages
}
func (d dir) PagingGroup(dom, n string) (provisioning.PagingGroup, bool) {
	i := slices.IndexFunc(d.PagingGroups(dom), func(g provisioning.PagingGroup) bool { return g.Number == n })
	if i < 0 {
		return provisioning.PagingGroup{}, false
	}
	return d.pages[i], true
}
func (d dir) Group(dom, n string) (provisioning.Group, bool) {
	v, ok := d.groups[dom+"|"+n]
	return v, ok
}

func (d dir) Calendar(dom, n string) (provisioning.Calendar, bool) {
	v, ok := d.calendars[dom+"|"+n]
	return v, ok
}

func (d dir) Restriction(dom, n string) (provisioning.Restriction, bool) {
	v, ok := d.restrictions[dom+"|"+n]
	return v, ok
}

func (d dir) Contract(dom, n string) *provisioning.Contract { return d.contracts[dom+"|"+n] }

func (d dir) Department(dom, n string) (provisioning.Department, bool) {
	v, ok := d.departments[dom+"|"+n]
	return v, ok
}

func (d dir) PersonAt(dom, desk string, _ time.Time) (string, bool) {
	p, ok := d.seated[dom+"|"+desk]
	return p, ok
}

// MayCall forbids what begins with +8170 to everybody.
func (d dir) MayCall(_ string, c provisioning.Called, _ time.Time) provisioning.Decision {
	no := strings.HasPrefix(c.Number, "+8170")
	return provisioning.Decision{Rule: "site: x/" + c.Extension + " " + c.Class + " " + c.Address.String(), Allowed: !no}
}

func (d dir) ShortNumber(dom string, e provisioning.Extension, code string) (string, bool) {
	n, ok := d.short[dom+"|"+e.Number+"|"+code]
	return n, ok
}

func (d dir) lot() provisioning.ParkingLot {
	return provisioning.ParkingLot{Number: "700", FirstSlot: "701", Slots: 9}
}

func (d dir) ParkingLot(dom, n string) (provisioning.ParkingLot, bool) {
	return d.lot(), dom == "d" && n == "700"
}

func (d dir) ParkingLots(dom string) []provisioning.ParkingLot {
	if dom != "d" {
		return nil
	}
	return []provisioning.ParkingLot{d.lot()}
}

func (d dir) LotOf(dom, n string) (provisioning.ParkingLot, bool) {
	return d.lot(), dom == "d" && d.lot().Slot(n)
}

func (d dir) Mailbox(dom, n string) (provisioning.Mailbox, bool) {
	v, ok := d.mailboxes[dom+"|"+n]
	return v, ok
}

func (d dir) Rejections(string) []provisioning.Rejection { return d.rejections }

func town() dir {
	return dir{
		domains: map[string]provisioning.Domain{"d": {Name: "d", Language: "ja"}, "other": {Name: "other"}},
		extensions: map[string]provisioning.Extension{
			"d|2001":  {Number: "2001", Display: "総務", CallerID: "+81312340001", Record: "calls-out"},
			"d|2002":  {Number: "2002"},
			"d|2003":  {Number: "2003", Disabled: true},
			"other|9": {Number: "9"},
		},
		dids: map[string]provisioning.DID{
			"d|+81312340099": {Number: "+81312340099", Menu: "office", Language: "en"},
			"d|+81312345678": {Number: "+81312345678", To: []string{"2001", "2002", "2003"}, RingSeconds: 20, Policy: "citizens"},
			"d|+81312345679": {Number: "+81312345679", To: []string{"2003"}},
			"d|+81312345670": {Number: "+81312345670", To: []string{"2002"}, Policy: "unsaid", Language: "en"},
		},
		policies: map[string]provisioning.RecordingPolicy{
			"d|citizens":  {Name: "citizens", Record: provisioning.RecordAlways, OnFailure: "refuse", RetentionDays: 90},
			"d|unsaid":    {Name: "unsaid", Notice: "early-media"},
			"d|calls-out": {Name: "calls-out", Record: provisioning.RecordAlways, Notice: "none", Exception: unannounced()},
		},
		trunks: []provisioning.Trunk{
			{Name: "carrier", Prefixes: []string{"0"}, CallerID: "+81312349999"},
			{Name: "emergency", Prefixes: []string{"11"}},
			{Name: "nine", Prefixes: []string{"9"}, Strip: 1},
			{Name: "off", Prefixes: []string{"7"}, Disabled: true},
		},
	}
}

func TestRoute(t *testing.T) {
	none := Record{Notice: NoticeNone}
	for _, c := range []struct {
		name string
		req  Request
		want Plan
	}{
		{"DID rings its live extensions together, recorded with the notice before charging",
			Request{Domain: "d", Trunk: "carrier", Number: "+81901111", Dialled: "+81312345678"},
			Plan{Direction: Inbound, Shown: Shown{Number: "+81901111"}, To: "+81312345678", Language: "ja", Why: "DID +81312345678",
				Steps:  []Step{{Ring: 20 * time.Second, Targets: []Target{{Number: "2001", Name: "総務"}, {Number: "2002"}}}},
				Record: Record{On: true, Number: "+81312345678", Policy: "citizens", Notice: NoticeEarly, Prompt: "notice/recording", Language: "ja", Refuse: true, Retention: 90, Label: provisioning.LabelRestricted}}},
		{"withheld caller, number never recorded, its own language",
			Request{Domain: "d", Trunk: "carrier", Dialled: "+81312345670"},
			Plan{Direction: Inbound, Shown: Shown{Withheld: true}, To: "+81312345670", Language: "en", Why: "DID +81312345670", Record: none,
				Steps: []Step{{Ring: defaultRing, Targets: []Target{{Number: "2002"}}}}}},
		{"extension to extension, recorded by the caller's own policy",
			Request{Domain: "d", Extension: "2001", Dialled: "2002"},
			Plan{Direction: Internal, Shown: Shown{Number: "2001", Display: "総務"}, To: "2002", Language: "ja", Why: "extension 2002",
				Steps:  []Step{{Ring: defaultRing, Targets: []Target{{Number: "2002"}}}},
				Record: Record{On: true, Number: "2001", Policy: "calls-out", Notice: NoticeNone, Prompt: "notice/recording", Language: "ja", Label: provisioning.LabelRestricted}}},
		{"outbound shows the extension's own outside number",
			Request{Domain: "d", Extension: "2001", Dialled: "0312345555"},
			Plan{Direction: Outbound, Shown: Shown{Number: "+81312340001"}, To: "0312345555", Language: "ja", Why: "trunk carrier",
				Charge: Charge{Extension: "2001", Class: "national"},
				Steps:  []Step{{Ring: 3 * defaultRing, Targets: []Target{{Kind: ToTrunk, Number: "0312345555", Trunk: "carrier", Caller: "+81312340001"}}}},
				Record: Record{On: true, Number: "2001", Policy: "calls-out", Notice: NoticeNone, Prompt: "notice/recording", Language: "ja", Label: provisioning.LabelRestricted}}},
		{"outbound without an own number shows the trunk's", Request{Domain: "d", Extension: "2002", Dialled: "0355556666"},
			Plan{Direction: Outbound, Shown: Shown{Number: "+81312349999"}, To: "0355556666", Language: "ja", Why: "trunk carrier", Record: none, Charge: Charge{Extension: "2002", Class: "national"},
				Steps: []Step{{Ring: 3 * defaultRing, Targets: []Target{{Kind: ToTrunk, Number: "0355556666", Trunk: "carrier"}}}}}},
		{"emergency: never recorded, never announced, by the trunk that is meant for it, then by any other",
			Request{Domain: "d", Extension: "2001", Dialled: "119"},
			Plan{Direction: Outbound, Shown: Shown{Number: "+81312340001"}, To: "119", Language: "ja", Why: "emergency by trunk emergency", Emergency: true,
				Steps: ways("119", "+81312340001", "emergency", "carrier", "nine")}},
		{"emergency without the outside prefix, and no trunk is meant for it", Request{Domain: "d", Extension: "2002", Dialled: "110"},
			Plan{Direction: Outbound, Shown: Shown{Withheld: true}, To: "110", Language: "ja", Why: "emergency by trunk emergency", Emergency: true,
				Steps: ways("110", "", "emergency", "carrier", "nine")}},
		{"emergency with the outside prefix", Request{Domain: "d", Extension: "2002", Dialled: "9119"},
			Plan{Direction: Outbound, Shown: Shown{Withheld: true}, To: "119", Language: "ja", Why: "emergency by trunk nine", Emergency: true,
				Steps: ways("119", "", "nine", "carrier", "emergency")}},
		{"own outside number from inside, as people dial it", Request{Domain: "d", Extension: "2002", Dialled: "0312345670", E164: "+81312345670"},
			Plan{Direction: Internal, Shown: Shown{Number: "2002"}, To: "+81312345670", Language: "en", Why: "own DID +81312345670", Record: none,
				Steps: []Step{{Ring: defaultRing, Targets: []Target{{Number: "2002"}}}}}},
		{"a number whose callers hear a menu", Request{Domain: "d", Trunk: "carrier", Dialled: "+81312340099", Number: "+819012345678"},
			Plan{Direction: Inbound, Shown: Shown{Number: "+819012345678"}, To: "+81312340099", Language: "en", Why: "DID +81312340099", Record: none,
				Steps: []Step{{Run: Run{Verb: VerbMenu, Name: "office", Language: "en"}}}}},
		{"a code is a script's, in the caller's name", Request{Domain: "d", Extension: "2002", Dialled: "*722001"},
			Plan{Direction: Internal, Shown: Shown{Number: "2002"}, To: "*722001", Language: "ja", Why: "feature forward-always-on", Record: none,
				Steps: []Step{{Run: Run{Verb: VerbFeature, Name: provisioning.FeatureForwardOn, For: "2002", Data: map[string]string{Argument: "2001"}}}}}},
		{"prefix is stripped; no number of its own is withheld, not the extension shown", Request{Domain: "d", Extension: "2002", Dialled: "9123"},
			Plan{Direction: Outbound, Shown: Shown{Withheld: true}, To: "123", Language: "ja", Why: "trunk nine", Record: none, Charge: Charge{Extension: "2002", Class: "service"},
				Steps: []Step{{Ring: 3 * defaultRing, Targets: []Target{{Kind: ToTrunk, Number: "123", Trunk: "nine"}}}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Route(town(), c.req, time.Time{}); !reflect.DeepEqual(got, c.want) {
				t.Errorf("\n got %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func ways(number, caller string, trunks ...string) []Step {
	var out []Step
	for i, name := range trunks {
		out = append(out, Step{Ring: 3 * defaultRing, Targets: []Target{{Kind: ToTrunk, Number: number, Trunk: name, Caller: caller, Emergency: true,
			Silence: patience(i, len(trunks))}}})
	}
	return out
}

// An extension that was given an emergency number never stands in the way of help; without any trunk it is all there is.
func TestEmergencyBeforeAnExtension(t *testing.T) {
	d := town()
	d.extensions["d|118"] = provisioning.Extension{Number: "118"}
	if p := Route(d, Request{Domain: "d", Extension: "2001", Dialled: "118"}, time.Time{}); !p.Emergency || len(p.Steps) != 3 {
		t.Errorf("%+v", p)
	}
	d.trunks = nil
	if p := Route(d, Request{Domain: "d", Extension: "2001", Dialled: "118"}, time.Time{}); p.Direction != Internal {
		t.Errorf("%+v", p)
	}
}

func TestRouteRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		req    Request
		status int
	}{
		{"unknown domain", Request{Domain: "x", Extension: "2001", Dialled: "2002"}, 404},
		{"unknown DID", Request{Domain: "d", Trunk: "carrier", Dialled: "+810"}, 404},
		{"a trunk reaches no extension directly", Request{Domain: "d", Trunk: "carrier", Dialled: "2001"}, 404},
		{"a trunk is no way to another trunk", Request{Domain: "d", Trunk: "carrier", Dialled: "0312345555"}, 404},
		{"DID whose extensions are all disabled", Request{Domain: "d", Trunk: "carrier", Dialled: "+81312345679"}, 480},
		{"disabled callee", Request{Domain: "d", Extension: "2001", Dialled: "2003"}, 480},
		{"disabled caller", Request{Domain: "d", Extension: "2003", Dialled: "2001"}, 403},
		{"caller of another domain", Request{Domain: "other", Extension: "2001", Dialled: "2002"}, 403},
		{"callee of another domain", Request{Domain: "other", Extension: "9", Dialled: "2001"}, 404},
		{"nothing dialled", Request{Domain: "d", Extension: "2001"}, 404},
		{"disabled trunk", Request{Domain: "d", Extension: "2001", Dialled: "7123"}, 404},
		{"a stranger in a menu calls for help", Request{Domain: "d", Extension: "2001", Dialled: "119", Inside: true}, 404},
		{"a stranger in a menu calls for help behind a prefix", Request{Domain: "d", Extension: "2001", Dialled: "184110", Inside: true}, 404},
		{"a stranger in a menu dials out", Request{Domain: "d", Extension: "2001", Dialled: "0312345555", E164: "+81312345555", Inside: true}, 404},
		{"a stranger in a menu dials our own DID", Request{Domain: "d", Extension: "2001", Dialled: "0312345678", E164: "+81312345678", Inside: true}, 404},
		{"a stranger in a menu dials a code", Request{Domain: "d", Extension: "2001", Dialled: "*78", Inside: true}, 404},
		{"nothing left after the prefix", Request{Domain: "d", Extension: "2001", Dialled: "9"}, 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Route(town(), c.req, time.Time{})
			if got.Refuse.Status != c.status || len(got.Steps) != 0 {
				t.Errorf("got %+v, want %d", got, c.status)
			}
		})
	}
}
