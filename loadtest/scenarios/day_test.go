package scenarios

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"naisen/loadtest/peer"
)

// TestDeskDay: what staff do in a day, each feature by the code, the key or the request that they use, on one switch whose telephones are
// sipp's. Features run beside each other, each with ten numbers of its own: forwards with 210x, do not disturb with 211x, and so on.
func TestDeskDay(t *testing.T) {
	d := newDay(newRig(t))
	t.Run("features", func(t *testing.T) {
		for name, feature := range map[string]func(*day){
			"forwards":        (*day).forwards,
			"forwards if":     (*day).forwardsIf,
			"do not disturb":  (*day).doNotDisturb,
			"call waiting":    (*day).callWaiting,
			"last caller":     (*day).lastCaller,
			"time":            (*day).timeOfDay,
			"park":            (*day).park,
			"transfers":       (*day).transfers,
			"pick-up":         (*day).pickUp,
			"night key":       (*day).nightKey,
			"rejections":      (*day).rejections,
			"click-to-call":   (*day).clickToCall,
			"recall":          (*day).recall,
			"agents":          (*day).agents,
			"overflow":        (*day).overflow,
			"lock and PIN":    (*day).lockAndPIN,
			"hot desk":        (*day).hotDesk,
			"wrong PIN":       (*day).wrongPIN,
			"several devices": (*day).severalDevices,
			"groups":          (*day).groups,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				feature(d.on(t))
			})
		}
	})
	d.nothingLeft()
}

// day is the switch of a day as one feature's test sees it.
type day struct {
	*rig
	owner string         // token of hanako, who owns 2161, 2162 and 2172
	made  map[string]int // calls so far, by "from to"
}

const dayPIN = "4711" // as pin.xml presses it

// newDay makes all telephones before any of them is used: their passwords are read side by side from then on.
func newDay(r *rig) *day {
	d := &day{rig: r, owner: r.person("hanako")}
	special := map[string]map[string]any{
		"2142": {"pickup": "counter"}, "2143": {"pickup": "counter"},
		"2161": {"user": "hanako"}, "2162": {"user": "hanako", "restriction": "inside"},
		"2171": {"hot_desk": map[string]any{"own_number": "silent"}}, "2172": {"user": "hanako"},
	}
	d.put("restrictions/inside", map[string]any{"rights": map[string]any{"classes": []string{}}, "with_pin": map[string]any{"classes": []string{"national"}}})
	for decade := 210; decade < 229; decade++ {
		for unit := 1; unit <= 3; unit++ {
			number := fmt.Sprint(10*decade + unit)
			d.extension(number, special[number])
		}
	}
	for _, number := range []string{"2161", "2162", "2172"} {
		status, answer, err := d.pbx.DoAs(d.Context(), d.owner, "PUT", "extensions/"+number+"/pin", map[string]any{"pin": dayPIN})
		if d.must(err); status != 204 {
			d.Fatalf("PIN of %s: %d %s", number, status, answer)
		}
	}
	return d
}

// on is the day for a test of one feature.
func (d *day) on(t *testing.T) *day {
	r := *d.rig
	r.T = t
	return &day{rig: &r, owner: d.owner, made: map[string]int{}}
}

// extension makes one whose password the scenarios have from then on.
func (r *rig) extension(number string, fields map[string]any) {
	r.Helper()
	body := map[string]any{"number": number, "display": "Ext " + number, "allow_md5": true}
	for k, v := range fields {
		body[k] = v
	}
	status, answer, err := r.pbx.Do(r.Context(), "PUT", "extensions/"+number, body)
	r.must(err)
	var made struct{ Secret string }
	if r.must(json.Unmarshal(answer, &made)); status != 201 || made.Secret == "" {
		r.Fatalf("PUT extensions/%s: %d", number, status)
	}
	r.pbx.Passwords[number] = made.Secret
}

// person makes a member of staff and signs in.
func (r *rig) person(name string) (token string) {
	r.Helper()
	r.put("users/"+name, map[string]any{"name": name, "display": name, "roles": []string{"staff"}})
	status, answer, err := r.pbx.Do(r.Context(), "POST", "users/"+name+"/password", nil)
	r.must(err)
	var made struct{ Secret string }
	if r.must(json.Unmarshal(answer, &made)); status/100 != 2 {
		r.Fatalf("password of %s: %d", name, status)
	}
	token, err = r.pbx.Command(r.Context(), made.Secret+"\na password that is long\n", "login", "--url", r.pbx.URL, "--user", name)
	r.must(err)
	return strings.TrimSpace(token)
}

// run starts a scenario of an extension.
func (d *day) run(file, user, to string, at netip.AddrPort, pause time.Duration) *peer.Sipp {
	d.Helper()
	s := d.scenario(file, user, to, at)
	s.Pause, s.Patience = pause, patience
	return d.start(s)
}

// outside is a call of the carrier, from a number or as what its display says.
func (d *day) outside(file, display, user, did string) *peer.Sipp {
	d.Helper()
	s := d.scenario(file, user, did, d.port(netip.MustParseAddr("127.0.0.2")))
	s.Keys, s.Pause, s.Patience = map[string]string{"display": display}, moment, patience
	return d.start(s)
}

const (
	moment   = 300 * time.Millisecond // of talking
	patience = time.Minute            // of a scenario: the machine may have no time for it
)

// record waits for the record of the next call from one number to another.
func (d *day) record(from, to string) cdr {
	d.Helper()
	d.made[from+" "+to]++
	var found []cdr
	if !d.eventually(func() bool {
		var page struct{ Items []cdr }
		d.get("calls/history?limit=500", &page)
		found = found[:0]
		for _, c := range page.Items {
			if c.From == from && c.To == to {
				found = append(found, c)
			}
		}
		return len(found) >= d.made[from+" "+to]
	}) {
		d.Fatalf("%d of %d records from %q to %q", len(found), d.made[from+" "+to], from, to)
	}
	return found[0] // the newest
}

// eventually asks for something until it holds: not more often than REST answers to one administrator.
func (d *day) eventually(holds func() bool) bool {
	var asked time.Time
	return peer.Until(patience, func() bool {
		if time.Since(asked) < 400*time.Millisecond {
			return false
		}
		asked = time.Now()
		return holds()
	}) == nil
}

// get reads the data of the domain.
func (d *day) get(path string, into any) {
	d.Helper()
	status, answer, err := d.pbx.Do(d.Context(), "GET", path, nil)
	d.must(err)
	if status != 200 {
		d.Fatalf("GET %s: %d %s", path, status, answer)
	}
	d.must(json.Unmarshal(answer, into))
}

// reaches calls, and who answers is asserted by the record. at is that one's telephone.
func (d *day) reaches(from, dialled, by string, at netip.AddrPort) {
	d.Helper()
	callee := d.run("answer.xml", "", "", at, 0)
	d.finish(d.run("call.xml", from, dialled, d.address(), moment), callee)
	d.answered(d.record(from, dialled), by)
}

func (d *day) answered(c cdr, by string) {
	d.Helper()
	if c.AnsweredBy != by || c.Status != 200 {
		d.Errorf("answered by %q, want %q: %+v", c.AnsweredBy, by, c)
	}
}

// fails calls in vain.
func (d *day) fails(from, dialled string, status int) {
	d.Helper()
	d.finish(d.run("refused.xml", from, dialled, d.address(), 0))
	if c := d.record(from, dialled); c.Status != status || c.AnsweredBy != "" {
		d.Errorf("%d, want %d: %+v", c.Status, status, c)
	}
}

// dials a code and hears it out: the switch answers, does it, says so and hangs up.
func (d *day) dials(user, code, feature string) {
	d.Helper()
	d.finish(d.run("hung-up.xml", user, code, d.address(), 0))
	if c := d.record(user, code); c.AnsweredBy != "feature:"+feature || c.EndedBy != "switch" || c.Status != 200 {
		d.Errorf("%s: %+v", code, c)
	}
}

// proves dials a code that asks for the PIN; what was dialled behind the code stands in no record.
func (d *day) proves(user, dialled, code string) cdr {
	d.Helper()
	d.finish(d.run("pin.xml", user, dialled, d.address(), 0))
	return d.record(user, code)
}

// live waits until a call is in a phase, and returns its id.
func (d *day) live(from, to, phase string) (id string) {
	d.Helper()
	var page struct {
		Items []struct{ ID, From, To, Phase string }
	}
	if !d.eventually(func() bool {
		d.get("calls", &page)
		for _, c := range page.Items {
			if c.From == from && c.To == to && c.Phase == phase {
				id = c.ID
			}
		}
		return id != ""
	}) {
		d.Fatalf("no call from %s to %s is %s: %+v", from, to, phase, page.Items)
	}
	return id
}

// ends ends a call over REST.
func (d *day) ends(id string) {
	d.Helper()
	status, answer, err := d.pbx.Do(d.Context(), "DELETE", "calls/"+id, nil)
	if d.must(err); status != 204 {
		d.Errorf("DELETE calls/%s: %d %s", id, status, answer)
	}
}

// history is a person's own list of calls: the other party of each.
func (d *day) history(extension, part string) (numbers []string) {
	d.Helper()
	var page struct {
		Items []struct{ Number, Part string }
	}
	d.get("extensions/"+extension+"/history?part="+part, &page)
	for _, i := range page.Items {
		numbers = append(numbers, i.Number)
	}
	return numbers
}

// said waits until a scenario has sent or received a text.
func (d *day) said(s *peer.Sipp, text string) {
	d.Helper()
	if peer.Until(patience, func() bool { return strings.Contains(s.Messages(), text) }) != nil {
		d.Fatalf("no %q in\n%s", text, s.Messages())
	}
}

// panel is a telephone with a lamp.
type panel struct {
	*day
	sipp   *peer.Sipp
	number string
}

// lampOf makes a telephone watch a number.
func (d *day) lampOf(watcher, number string) panel {
	d.Helper()
	s := d.scenario("panel.xml", watcher, number, d.address())
	s.Patience = 5 * time.Minute // as long as the test
	return panel{d, d.start(s), number}
}

var lampDocument = regexp.MustCompile(`(?s)<dialog-info.*?</dialog-info>|<dialog-info[^>]*/>`)

// newest is what the telephone was told last; "" is nothing yet.
func (p panel) newest() string {
	all := lampDocument.FindAllString(p.sipp.Messages(), -1)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1]
}

// shows waits until the newest of what the telephone was told has that dialog in that state; "" is a lamp that is dark.
func (p panel) shows(dialog, state string) {
	p.Helper()
	var last string
	if err := peer.Until(patience, func() bool {
		last = p.newest()
		lit := strings.Index(last, `<dialog id="`+dialog+`"`)
		switch {
		case last == "":
			return false
		case state == "":
			return lit < 0
		}
		return lit >= 0 && strings.HasPrefix(after(last[lit:], "<state>"), state+"<")
	}); err != nil {
		p.Fatalf("the lamp of %s never shows %s %q, but %s", p.number, dialog, state, last)
	}
}

func after(s, mark string) string {
	_, rest, _ := strings.Cut(s, mark)
	return rest
}

// listen collects live events until the test ends.
func (d *day) listen(topics string) *peer.Output {
	d.Helper()
	body, err := d.pbx.Open(d.Context(), "events?topics="+topics)
	d.must(err)
	out := &peer.Output{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(out, body) // until it is closed
	}()
	d.Cleanup(func() {
		_ = body.Close()
		<-done
	})
	return out
}

// told waits for an event.
func (d *day) told(events *peer.Output, what string, want *regexp.Regexp) {
	d.Helper()
	if peer.Until(patience, func() bool { return want.MatchString(events.String()) }) != nil {
		d.Errorf("%s: no event %s in\n%s", what, want, events)
	}
}
