package main

import (
	"encoding/xml"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/sip/event"
	"naisen/sip/stack"
)

// simWatcher is an extension that never calls: it watches the lamps of all others, over the same network.
const simWatcher = "2009"

// patient lets a lamp look when the instant of its change is over. How often a lamp that changes twice within one instant is told of it
// would depend on which goroutine ran first.
type patient struct{ *stack.Stack }

// Do implements event.Transport.
func (p patient) Do(callID string, f func()) { p.After(callID, time.Nanosecond, f) }

// patient is how the lamps of this history are told.
func (w *world) patient() event.Transport {
	if w.found() {
		return w.p.stack
	}
	return patient{w.p.stack}
}

// panel is a phone with a lamp for each extension.
type panel struct {
	*phone
	lamps []*lamp
	lit   int  // NOTIFYs with a dialog in them
	idle  bool // it refreshes no more
}

// lamp is one subscription after the other, as the panel believes them to be.
type lamp struct {
	p            *panel
	number       string
	request      *stack.Request // the last SUBSCRIBE; its Call-ID and From tag name the dialog
	remote       string         // To with the switch's tag; empty until 200 or NOTIFY
	cseq         uint32
	seen         uint32 // CSeq of the last NOTIFY
	version      int    // of its document
	on           []string
	wrong        string    // what it showed, and what it should have, when it was looked at last
	since        time.Time // and since when
	subscription int       // grows with each new dialog: what belongs to an earlier one does nothing
}

// watch makes the panel.
func (w *world) watch() {
	w.panel = &panel{phone: w.phone(simWatcher, "secret-"+simWatcher, netip.MustParseAddrPort("192.0.2.29:5060"), 109)}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.panel.notify = w.panel.notified
	for _, number := range w.watched() {
		l := &lamp{p: w.panel, number: number}
		w.panel.lamps = append(w.panel.lamps, l)
		l.subscribe()
	}
	w.panel.inspect()
}

// watched are the lamps of the panel.
func (w *world) watched() []string {
	out := []string{"2001", "2002", "2003", "2004"}
	if w.office != nil { // a desk and who comes to it, slots, agents, and the key
		out = append(out, "2005", "2006", "701", "702", "*452001", "*452002", officeKey)
	}
	return out
}

// inspect compares the lamps with the calls themselves every few seconds. On a network that loses nothing a lamp is right within ten
// seconds; else at the latest after the next refresh has found out that the switch gave the subscription up.
func (p *panel) inspect() {
	patience := 10 * time.Second
	if p.w.weather().Loss > 0 {
		patience = 5 * time.Minute
	}
	truth := map[string][]string{}
	for _, s := range p.w.p.calls.Snapshots(simDomain) {
		for a, list := range dialogsOf(s) {
			for _, d := range list {
				truth[a.User] = append(truth[a.User], d.ID)
			}
		}
	}
	for _, l := range p.lamps {
		now := truth[l.number]
		if p.w.office != nil {
			now = append(now, p.w.dialogTruth(l.number)...)
		}
		slices.Sort(now)
		slices.Sort(l.on)
		if seen := fmt.Sprint(now, l.on); slices.Equal(now, l.on) || seen != l.wrong {
			l.wrong, l.since = seen, time.Now()
		} else if time.Since(l.since) > patience && !p.idle {
			p.w.wrong("lamp %s shows %q since %v, its dialogs are %q", l.number, l.on, l.since.Sub(simStart), now)
			l.since = time.Now()
		}
	}
	p.after(3*time.Second, p.inspect)
}

// subscribe begins anew.
func (l *lamp) subscribe() {
	if l.p.idle {
		return
	}
	l.subscription++
	n := l.subscription
	r := l.p.outside("SUBSCRIBE", l.number)
	r.Set("Event", "dialog")
	r.Set("Expires", "120")
	l.request, l.remote, l.cseq, l.seen, l.version = r, "", 1, 0, -1
	l.p.ask(r, func(resp *stack.Response) {
		if l.subscription != n || resp == nil || resp.Status != 401 {
			l.answered(n, resp)
			return
		}
		l.cseq++
		l.p.ask(l.p.answer(r, resp, l.cseq), func(resp *stack.Response) { l.answered(n, resp) })
	})
}

// refresh goes on within the dialog.
func (l *lamp) refresh(n int) {
	if l.subscription != n || l.p.idle {
		return
	}
	r := l.request.Clone()
	r.Set("Via", l.p.branch())
	r.Set("To", l.remote)
	r.Del("Authorization")
	l.cseq++
	r.Set("CSeq", fmt.Sprint(l.cseq, " SUBSCRIBE"))
	l.p.ask(r, func(resp *stack.Response) { l.answered(n, resp) })
}

func (l *lamp) answered(n int, resp *stack.Response) {
	switch {
	case l.subscription != n:
	case resp != nil && resp.Status == 200:
		l.remote = resp.Get("To")
		l.p.after(100*time.Second, func() { l.refresh(n) })
	case resp == nil || resp.Status >= 300:
		l.p.after(5*time.Second, func() {
			if l.subscription == n {
				l.subscribe()
			}
		})
	}
}

// notified takes a NOTIFY: versions only grow, and nothing is shown of a call that has been over for long.
func (p *panel) notified(r *stack.Request) {
	var l *lamp
	for _, o := range p.lamps {
		if o.request.CallID() == r.CallID() && o.request.From().Tag() == r.To().Tag() {
			l = o
		}
	}
	if l == nil {
		p.reply(r, 481, "", nil)
		return
	}
	p.reply(r, 200, "", nil)
	seq, _ := r.CSeq()
	if seq <= l.seen {
		return // came late, by another way
	}
	l.seen = seq
	if strings.HasPrefix(r.Get("Subscription-State"), "terminated") {
		l.subscribe()
	}
	if len(r.Body) > 0 {
		l.show(r)
	}
}

func (l *lamp) show(r *stack.Request) {
	w := l.p.w
	var info struct {
		Version int    `xml:"version,attr"`
		State   string `xml:"state,attr"`
		Entity  string `xml:"entity,attr"`
		Dialogs []struct {
			ID    string `xml:"id,attr"`
			State string `xml:"state"`
		} `xml:"dialog"`
	}
	if err := xml.Unmarshal(r.Body, &info); err != nil || info.State != "full" || info.Entity != "sip:"+l.number+"@"+simDomain {
		w.wrong("lamp %s: %v in\n%s", l.number, err, r.Body)
		return
	}
	if info.Version <= l.version {
		w.wrong("lamp %s: version %d after %d", l.number, info.Version, l.version)
	}
	l.version, l.on = info.Version, nil
	for _, d := range info.Dialogs {
		if d.State == "terminated" {
			continue
		}
		if d.ID == "agent" {
			d.ID += " " + d.State
		}
		l.on = append(l.on, d.ID)
		l.p.lit++
		for _, c := range w.cdrs {
			// A NOTIFY is repeated for 32 seconds; a leg that has left is not shown.
			if strings.HasPrefix(d.ID, c.ID+"-") && !merged(c) && time.Since(c.Ended) > simT64+10*time.Second {
				w.wrong("lamp %s: shows %s, whose call was over at %v", l.number, d.ID, c.Ended.Sub(simStart))
			}
		}
	}
}

// checkLamps: ten minutes after everybody has gone no lamp is lit, here or there.
func (w *world) checkLamps() {
	e := w.p.signalling.events
	if n := e.lamps.lit(); n != 0 {
		w.wrong("%d extensions still have dialogs", n)
	}
	if n := e.notifier.Len(); n != 0 {
		w.wrong("%d subscriptions are left", n)
	}
	if w.panel == nil {
		return
	}
	for _, l := range w.panel.lamps {
		if w.office != nil { // what is set stays so
			l.on = slices.DeleteFunc(l.on, func(id string) bool {
				return id == "do-not-disturb" || id == "closed" || strings.HasPrefix(id, "agent ")
			})
		}
		if len(l.on) > 0 {
			w.wrong("lamp %s is stuck: %q", l.number, l.on)
		}
	}
}

// TestSimulatedLampsLight: the check above would also pass if nobody was ever told anything.
func TestSimulatedLampsLight(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	ladder := ""
	t.Run("history", func(t *testing.T) { ladder = simulate(t, simDirectory(t), 4, false) })
	if n := strings.Count(ladder, " NOTIFY "); n < 20 {
		t.Errorf("%d NOTIFYs in a whole history", n)
	}
}
