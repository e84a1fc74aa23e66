package scenarios

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"naisen/loadtest/peer"
)

// forwards: *72 sends all calls on, *73 ends it.
func (d *day) forwards() {
	boss, clerk := d.register("2101"), d.register("2102")
	d.dials("2101", "*722102", "forward-always-on")
	d.reaches("2103", "2101", "2102", clerk)
	d.dials("2101", "*73", "forward-always-off")
	d.reaches("2103", "2101", "2101", boss)
}

// forwardsIf: *90 sends those calls on that find the telephone busy, and a request over REST those that nobody answers in five seconds.
func (d *day) forwardsIf() {
	boss, clerk := d.register("2281"), d.register("2282")
	d.dials("2281", "*902282", "forward-busy-on")
	busy := d.run("answer-busy.xml", "", "", boss, 0)
	d.reaches("2283", "2281", "2282", clerk)
	d.finish(busy)
	d.put("settings/2281", map[string]any{"forward": map[string]any{"no_answer": map[string]any{"extension": "2282"}, "seconds": 5}})
	rings := d.run("ring.xml", "", "", boss, 0)
	d.reaches("2283", "2281", "2282", clerk)
	d.finish(rings)
}

// doNotDisturb: *78 lights the lamp of the telephone and makes callers hear busy, *79 ends it.
func (d *day) doNotDisturb() {
	at := d.register("2111")
	lamp := d.lampOf("2112", "2111")
	lamp.shows("do-not-disturb", "")
	d.dials("2111", "*78", "do-not-disturb-on")
	lamp.shows("do-not-disturb", "confirmed")
	d.fails("2113", "2111", 486)
	d.dials("2111", "*79", "do-not-disturb-off")
	lamp.shows("do-not-disturb", "")
	d.reaches("2113", "2111", "2111", at)
}

// callWaiting: a telephone that talks rings for a second caller, and with call waiting off that one hears busy.
func (d *day) callWaiting() {
	phone := d.scenario("answer.xml", "", "", d.register("2121"))
	phone.Calls, phone.Patience = 2, patience
	callee := d.start(phone)
	first := d.run("hung-up.xml", "2122", "2121", d.address(), 0)
	id := d.live("2122", "2121", "talking")
	d.finish(d.run("call.xml", "2123", "2121", d.address(), moment))
	d.answered(d.record("2123", "2121"), "2121")
	d.put("settings/2121", map[string]any{"no_call_waiting": true})
	d.fails("2123", "2121", 486)
	d.ends(id)
	d.finish(first, callee)
	d.answered(d.record("2122", "2121"), "2121")
}

// lastCaller: a call that nobody took is missed; *69 says who it was, and 1 calls there.
func (d *day) lastCaller() {
	caller, at := d.register("2131"), d.register("2132")
	rings := d.run("ring.xml", "", "", at, 0)
	d.finish(d.run("cancel.xml", "2131", "2132", d.address(), moment), rings)
	d.record("2131", "2132")
	if got := d.history("2132", "missed"); !slices.Equal(got, []string{"2131"}) {
		d.Errorf("missed calls of %q", got)
	}
	callee := d.run("answer-bye.xml", "", "", caller, moment)
	d.finish(d.run("press.xml", "2132", "*69", d.address(), moment), callee)
	d.answered(d.record("2132", "*69"), "2131")
}

// timeOfDay: *60 says it and hangs up.
func (d *day) timeOfDay() { d.dials("2133", "*60", "time") }

// pickUp: a colleague of the pick-up group takes a call that rings elsewhere: by its extension, without one, and by its lamp (INVITE with
// Replaces). The telephone that rang lists no missed call.
func (d *day) pickUp() {
	at := d.register("2142")
	ring := func() (caller, rings *peer.Sipp) {
		rings = d.run("elsewhere.xml", "", "", at, 0)
		caller = d.run("call.xml", "2141", "2142", d.address(), moment)
		d.said(caller, "SIP/2.0 180 ")
		return caller, rings
	}
	for _, code := range []string{"**2142", "*8"} {
		caller, rings := ring()
		d.finish(d.run("hung-up.xml", "2143", code, d.address(), 0), caller, rings)
		d.answered(d.record("2141", "2142"), "2143")
	}
	lamp := d.lampOf("2143", "2142")
	caller, rings := ring()
	var dialog []string
	if peer.Until(patience, func() bool { dialog = ringingDialog.FindStringSubmatch(lamp.newest()); return dialog != nil }) != nil {
		d.Fatalf("no dialog that rings in %s", lamp.newest())
	}
	takes := d.scenario("replaces.xml", "2143", "2141", d.address())
	takes.Keys = map[string]string{"replaces": dialog[1] + ";to-tag=" + dialog[3] + ";from-tag=" + dialog[2]}
	d.finish(d.start(takes), caller, rings)
	d.answered(d.record("2141", "2142"), "2143")
	if got := d.history("2142", "elsewhere"); !slices.Equal(got, []string{"2141", "2141", "2141"}) {
		d.Errorf("answered elsewhere: calls of %q", got)
	}
	if got := d.history("2142", "missed"); len(got) > 0 {
		d.Errorf("missed calls of %q", got)
	}
}

// ringingDialog finds the names of a dialog that rings: Call-ID, local and remote tag.
var ringingDialog = regexp.MustCompile(`call-id="([^"]+)" local-tag="([^"]+)" remote-tag="([^"]+)" direction="recipient"><state>early<`)

// park: a colleague sends its caller to the parking lot and is let go; the lamp of the slot is lit, and who dials the slot has the caller.
func (d *day) park() {
	d.put("parking-lots/730", map[string]any{"title": "Desk", "first_slot": "731"})
	refers := d.scenario("answer-refer.xml", "", "", d.register("2262"))
	refers.Patience, refers.Keys = patience, map[string]string{"refer": "730"}
	lamp := d.lampOf("2263", "731")
	colleague, caller := d.start(refers), d.run("hung-up.xml", "2261", "2262", d.address(), 0)
	if peer.Until(patience, func() bool { return parkedDialog.MatchString(lamp.newest()) }) != nil {
		d.Fatalf("nobody is parked: %s", lamp.newest())
	}
	d.finish(colleague)
	d.finish(d.run("call.xml", "2263", "731", d.address(), moment), caller)
	d.answered(d.record("2261", "2262"), "2262")
	if peer.Until(patience, func() bool { return !parkedDialog.MatchString(lamp.newest()) }) != nil {
		d.Errorf("the lamp of the slot stays lit: %s", lamp.newest())
	}
}

// transfers: a telephone sends its caller to a colleague (REFER) who has none: it is told so, and the two go on talking. When the colleague has
// one, the caller talks there, and who sent it on is let go.
func (d *day) transfers() {
	at := d.register("2272")
	refer := func() (colleague, caller *peer.Sipp) {
		refers := d.scenario("answer-refer.xml", "", "", at)
		refers.Patience, refers.Keys = patience, map[string]string{"refer": "2273"}
		colleague = d.start(refers)
		return colleague, d.run("hung-up.xml", "2271", "2272", d.address(), 0)
	}
	colleague, caller := refer()
	d.said(colleague, "SIP/2.0 480 ") // in a NOTIFY
	d.ends(d.live("2271", "2272", "talking"))
	d.finish(colleague, caller)
	d.answered(d.record("2271", "2272"), "2272")
	callee := d.run("answer-bye.xml", "", "", d.register("2273"), moment)
	colleague, caller = refer()
	d.finish(colleague, callee, caller)
	if c := d.record("2271", "2272"); c.EndedBy != "called" || c.Status != 200 {
		d.Errorf("%+v", c)
	}
}

// parkedDialog is lit for the caller who is in the slot.
var parkedDialog = regexp.MustCompile(`<state>confirmed<.*sip:2261@`)

// nightKey: an operator closes the office by its key, whose lamp is lit; callers hear that it is closed. The same key opens it.
func (d *day) nightKey() {
	const office = "+81312345690"
	d.put("calendars/hall", map[string]any{"number": "7100", "operators": []string{"2151"}})
	d.put("dids/"+office, map[string]any{"to": []string{"2153"}, "closing": map[string]any{"calendar": "hall", "night": map[string]any{"announce": "call/unavailable"}}})
	at := d.register("2153")
	lamp := d.lampOf("2152", "7100")
	lamp.shows("closed", "")
	d.dials("2151", "*287100", "night-key")
	lamp.shows("closed", "confirmed")
	d.finish(d.outside("did-refused.xml", "Taro", "09012345678", office))
	if c := d.record("+819012345678", office); c.Status != 480 || c.AnsweredBy != "" {
		d.Errorf("by night: %+v", c)
	}
	d.dials("2151", "*287100", "night-key")
	lamp.shows("closed", "")
	callee := d.run("answer.xml", "", "", at, 0)
	d.finish(d.outside("did-plain.xml", "Taro", "09012345678", office), callee)
	d.answered(d.record("+819012345678", office), "2153")
}

// lockAndPIN: *34 locks the telephone, which calls nobody outside from then on; *35 and the PIN open it. *33 and the PIN call what is closed.
func (d *day) lockAndPIN() {
	const national = "0398765432"
	line := d.address()
	d.put("trunks/line", map[string]any{"host": line.String(), "transport": "udp", "prefixes": []string{"03"}, "media": "srtp-forbidden"})
	d.dials("2161", "*34", "lock")
	d.fails("2161", national, 403)
	if c := d.proves("2161", "*35", "*35"); c.Status != 200 || c.EndedBy != "switch" {
		d.Errorf("unlocking: %+v", c)
	}
	d.reaches("2161", national, national, line)
	d.fails("2162", national, 403)
	callee := d.run("answer-bye.xml", "", "", line, moment)
	d.answered(d.proves("2162", "*33"+national, national), national)
	d.finish(callee)
}

// hotDesk: who signs in at a desk is called there and calls from there, until it signs out. The desk's own number is silent meanwhile.
func (d *day) hotDesk() {
	desk, other := d.register("2171"), d.register("2173")
	if c := d.proves("2171", "*312172", "*31"); c.Status != 200 || c.EndedBy != "switch" {
		d.Errorf("signing in: %+v", c)
	}
	var page struct {
		Items []struct{ Desk, Person string }
	}
	if d.get("hot-desks", &page); len(page.Items) != 1 || page.Items[0].Desk != "2171" || page.Items[0].Person != "2172" {
		d.Fatalf("hot desks: %+v", page.Items)
	}
	d.reaches("2173", "2172", "2172", desk)
	d.fails("2173", "2171", 480)
	callee := d.run("answer.xml", "", "", other, 0)
	d.finish(d.run("call.xml", "2171", "2173", d.address(), moment), callee)
	d.answered(d.record("2172", "2173"), "2173")
	d.finish(d.run("hung-up.xml", "2171", "*32", d.address(), 0))
	d.fails("2173", "2172", 480)
	d.reaches("2173", "2171", "2171", desk)
}

// severalDevices: one number rings at both of a person's telephones; the one that is not answered is told that the other one was.
func (d *day) severalDevices() {
	desk, soft := d.register("2181"), d.register("2181")
	rings := d.run("elsewhere.xml", "", "", soft, 0)
	d.reaches("2182", "2181", "2181", desk)
	d.finish(rings)
}

// groups: together both members ring, and who loses is told that the other has answered; in a circle, and by longest idle, the next call begins
// with the other member.
func (d *day) groups() {
	members := []netip.AddrPort{d.register("2191"), d.register("2192")}
	group := func(number, strategy string) string {
		d.put("groups/"+number, map[string]any{"strategy": strategy, "members": []string{"2191", "2192"}})
		return number
	}
	together := group("6100", "")
	rings := d.run("elsewhere.xml", "", "", members[1], 0)
	d.reaches("2193", together, "2191", members[0])
	d.finish(rings)
	for number, strategy := range map[string]string{"6101": "circular", "6102": "longest-idle"} {
		group(number, strategy)
		callees := []*peer.Sipp{d.run("answer.xml", "", "", members[0], 0), d.run("answer.xml", "", "", members[1], 0)}
		var answered []string
		for range members {
			d.finish(d.run("call.xml", "2193", number, d.address(), moment))
			answered = append(answered, d.record("2193", number).AnsweredBy)
		}
		d.finish(callees...)
		if slices.Sort(answered); !slices.Equal(answered, []string{"2191", "2192"}) {
			d.Errorf("%s: answered by %q", strategy, answered)
		}
	}
}

// rejections: each reason for which a caller has no number is turned away by itself, and so is a number that molests; others get through.
func (d *day) rejections() {
	const line = "+81312345691"
	d.put("dids/"+line, map[string]any{"to": []string{"2201"}})
	at := d.register("2201")
	shown := map[string]string{"anonymous": "Anonymous", "payphone": "Coin line/payphone", "unavailable": "Unavailable"}
	outcome := func(from, reason string, c cdr, status int) {
		d.Helper()
		if c.Status != status || c.Withheld != reason || (c.AnsweredBy != "") != (status == 200) {
			d.Errorf("%s %s: %+v, want %d", from, reason, c, status)
		}
	}
	through := func(display, user, from, reason string) {
		d.Helper()
		callee := d.run("answer.xml", "", "", at, 0)
		d.finish(d.outside("did-plain.xml", display, user, line), callee)
		outcome(from, reason, d.record(from, line), 200)
	}
	away := func(rejection map[string]any, display, user, from, reason string) {
		d.Helper()
		rejection["called"], rejection["approval"] = []string{line}, "the section's chief"
		d.put("rejections/"+strings.ToLower(display[:4]), rejection)
		d.finish(d.outside("did-refused.xml", display, user, line))
		outcome(from, reason, d.record(from, line), 603)
	}
	for _, step := range [][2]string{{"anonymous", "payphone"}, {"payphone", "unavailable"}, {"unavailable", ""}} {
		announce := map[string]string{"payphone": "call/barred"}[step[0]] // the others are declined without a word
		away(map[string]any{"withheld": step[:1], "announce": announce}, shown[step[0]], "anonymous", "", step[0])
		if step[1] != "" {
			through(shown[step[1]], "anonymous", "", step[1])
		}
	}
	through("Taro", "09012345678", "+819012345678", "")
	away(map[string]any{"numbers": []string{"+8190*"}}, "Taro", "09012345678", "+819012345678", "")
}

// clickToCall: a request rings the own telephone, then the other one; live events tell of it, and another request ends it.
func (d *day) clickToCall() {
	own, other := d.register("2211"), d.register("2212")
	events := d.listen("call,lamp,registration")
	d.told(events, "at first", regexp.MustCompile(`event: registration\ndata: .*"extension":"2211"`))
	a, b := d.run("answer.xml", "", "", own, 0), d.run("answer.xml", "", "", other, 0)
	status, answer, err := d.pbx.Do(d.Context(), "POST", "calls", map[string]any{"from": "2211", "to": "2212"})
	if d.must(err); status != 202 {
		d.Fatalf("POST calls: %d %s", status, answer)
	}
	id := d.live("2211", "2212", "talking")
	d.told(events, "talking", regexp.MustCompile(`event: call\ndata: \{"key":"`+id+`","state":\{.*"phase":"talking"`))
	for _, n := range []string{"2211", "2212"} {
		d.told(events, "lamp", regexp.MustCompile(`event: lamp\ndata: .*"extension":"`+n+`","state":"busy"`))
	}
	d.ends(id)
	d.finish(a, b)
	d.told(events, "over", regexp.MustCompile(`event: call\ndata: \{"key":"`+id+`"\}`))
	d.told(events, "dark", regexp.MustCompile(`event: lamp\ndata: .*"extension":"2211","state":"idle"`))
	d.answered(d.record("2211", "2212"), "2212")
	if got := d.history("2211", "placed"); !slices.Equal(got, []string{"2212"}) {
		d.Errorf("placed calls to %q", got)
	}
}

// recall: who was busy is waited for (*37). When it has used its telephone and put it down, the own one rings and shows for whom, then the other.
func (d *day) recall() {
	own, other := d.register("2221"), d.register("2222")
	busy := d.run("answer-busy.xml", "", "", other, 0)
	d.fails("2221", "2222", 486)
	d.finish(busy)
	d.dials("2221", "*37", "call-back-on")
	var page struct{ Items []struct{ By, Of string } }
	if d.get("recalls", &page); len(page.Items) != 1 || page.Items[0].By != "2221" || page.Items[0].Of != "2222" {
		d.Errorf("wishes: %+v", page.Items)
	}
	rung := d.run("answer.xml", "", "", own, 0)
	d.finish(d.run("call.xml", "2222", "*43", d.address(), moment)) // the echo test: somebody is there
	callee := d.run("answer-bye.xml", "", "", other, moment)
	d.finish(rung, callee)
	if !regexp.MustCompile(`From: "?折り返し Ext 2222"? <sip:2222@`).MatchString(rung.Messages()) {
		d.Errorf("the own telephone does not show for whom it rings:\n%s", rung.Messages())
	}
	d.answered(d.record("2221", "2222"), "2222")
	if d.get("recalls", &page); len(page.Items) != 0 {
		d.Errorf("wishes are left: %+v", page.Items)
	}
}

// wrongPIN: who guesses the PIN of a conference room is thrown out after three, and nobody entered.
func (d *day) wrongPIN() {
	d.put("conferences/7103", map[string]any{"title": "Morning"})
	d.put("conferences/7103/pin", map[string]any{"pin": "0815", "moderator_pin": ""})
	d.finish(d.run("wrong-pin.xml", "2231", "7103", d.address(), 0))
	if c := d.record("2231", "7103"); c.EndedBy != "switch" {
		d.Errorf("%+v", c)
	}
	if strings.Contains(d.pbx.Output(), "call: entered a room") {
		d.Error("somebody entered the room")
	}
}
