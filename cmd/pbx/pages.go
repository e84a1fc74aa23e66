package main

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"naisen/cmd/pbx/internal/app"
	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning/directory"
	"naisen/sip"
)

// pagers reach the members of paging groups. Whether a telephone is made to answer is judged by routing, at the moment at which it is rung.
type pagers struct {
	directory *directory.Directory
	calls     func() *call.Switch
	plan      func(route.Request) route.Plan // that of a request now
	there     func(domain, extension string) bool
	room      func() bool // the switch has room for one call more
}

var _ app.Callers = pagers{}

// newPages needs the media alone; members are rung when the switch is whole.
func (p *pbx) newPages() *app.Pages {
	return app.NewPages(p.media.Bridge, p.pagers())
}

func (p *pbx) pagers() pagers {
	return pagers{directory: p.directory, calls: func() *call.Switch { return p.calls },
		plan: func(r route.Request) route.Plan {
			r.Live = p.signalling.present()
			return route.Route(ordered{p.directory.Snapshot(), p.trunks.book}, r, time.Now())
		},
		there: func(domain, extension string) bool { return p.signalling.present().Registered(domain, extension) },
		room:  func() bool { return p.origins.room() }}
}

// paging is what a paging group's number is set to now.
func (p *pbx) paging(domain, number string) (app.Paging, bool) {
	g, ok := p.directory.Snapshot().PagingGroup(domain, number)
	return app.Paging{Number: g.Number, Title: g.Title, Members: g.Members, Announce: g.Announce,
		Wait: time.Duration(g.Patience()) * time.Second, Longest: time.Duration(g.Longest()) * time.Second}, ok
}

// NewCall implements app.Callers.
func (p pagers) NewCall() string { return newID() }

// Ring implements app.Callers.
func (p pagers) Ring(s app.Summons) error {
	if !p.there(s.Domain, s.Member) {
		return app.ErrLeftAlone
	}
	ring := route.Request{Domain: s.Domain, Extension: s.By, Number: s.By, Dialled: s.Member, Paged: s.Group}
	if p.plan(ring).Refuse.Status != 0 { // only looked at: there is no call, and no record, of who is left alone
		return app.ErrLeftAlone
	}
	if !p.room() {
		return errShed
	}
	snap := p.directory.Snapshot()
	by, _ := snap.Extension(s.Domain, s.By)
	g, _ := snap.PagingGroup(s.Domain, s.Group)
	hears := route.Run{Verb: route.VerbPaged, Name: s.Group, Data: map[string]string{route.Page: s.Page}}
	return p.calls().Originate(call.Incoming{ID: s.Call, MaxForwards: 70,
		Request: route.Request{Domain: s.Domain, Extension: s.By, Number: s.By, Display: by.Display, Dialled: s.Group},
		Origin: &call.Origin{Request: ring, Shown: route.Shown{Number: s.By, Display: strings.TrimSpace(s.Title + " " + by.Display)}, Then: hears, Page: s.Page,
			Media: route.PageRecord(snap, s.Domain, by, g, "").Media,
			Done:  func(o call.Originated) { s.Done(o.Reached) }}})
}

// HangUp implements app.Callers.
func (p pagers) HangUp(domain, id string) {
	_ = p.calls().Post(domain, id, call.Hangup{Cause: sip.CauseNormal}) // one that is over needs none
}

// pageMetrics shows announcements, and how many of those that were to hear them did.
func (p *pbx) pageMetrics(c *collector) {
	s := p.pages.Stats()
	counter := func(name, help string, v func() uint64) {
		c.add(name, help, prometheus.CounterValue, func() float64 { return float64(v()) })
	}
	c.add("naisen_pages", "Announcements to paging groups that are spoken now.", prometheus.GaugeValue, func() float64 { return float64(p.pages.Len()) })
	counter("naisen_pages_total", "Announcements to paging groups.", s.Begun.Load)
	counter("naisen_page_members_answered_total", "Members of paging groups whose telephone answered.", s.Answered.Load)
	counter("naisen_page_members_missed_total", "Members whose telephone rang, and nobody answered.", s.Missed.Load)
	counter("naisen_page_members_left_alone_total", "Members who were not rung: in a call, not to be disturbed, or without a telephone.", s.Alone.Load)
	counter("naisen_page_members_shed_total", "Members who were not rung because the switch had no room.", s.Shed.Load)
}
