package main

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"naisen/cmd/pbx/internal/limit"
	"naisen/provisioning/enrol"
)

// manyCodes is how many wrong codes within five minutes are guesses: nobody types them.
const manyCodes = 20

// enrolling is what REST and apps are told of the way to this switch.
type enrolling struct {
	p      *pbx
	mu     sync.Mutex
	counts *limit.Spikes[string]
}

func newEnrolling(p *pbx) *enrolling {
	return &enrolling{p: p, counts: limit.NewSpikes[string](manyCodes, 0, guessedBounds, time.Now)}
}

// handler takes the codes.
func (e *enrolling) handler() *enrol.Handler {
	return enrol.New(enrol.Config{Store: liveStore{e.p.store, e.p.directory, e.p.log}, Way: e.way, Wrong: e.wrong, Log: e.p.log})
}

// Link implements rest.Enrolling.
func (e *enrolling) Link(domain, code string) string {
	return enrol.Link(strings.TrimSuffix(e.p.config.HTTP.URL, "/"), domain, code)
}

// Reached implements rest.Enrolling.
func (e *enrolling) Reached() bool { _, ok := e.proxy(); return ok }

// proxy is where apps reach SIP over TLS: as configured, else the name of which phones are told, at the port of a TLS listener.
func (e *enrolling) proxy() (string, bool) {
	c := e.p.config.SIP
	if c.Softphones != "" {
		return c.Softphones, true
	}
	at := e.p.reachedAt("tls", false)
	addr, err := netip.ParseAddrPort(at)
	if err != nil { // there is none
		return "", false
	}
	if c.Advertise != "" {
		return net.JoinHostPort(c.Advertise, strconv.Itoa(int(addr.Port()))), true
	}
	return at, true
}

// way implements enrol.Config.
func (e *enrolling) way(domain, extension string) (enrol.Way, bool) {
	proxy, ok := e.proxy()
	w := enrol.Way{Proxy: proxy, Push: []string{}, STUN: []string{}}
	if e.p.push != nil {
		w.Push = e.p.push.Features()
	}
	if relay := e.p.relayAPI(); relay != nil {
		g := relay.Grant(domain, extension)
		w.TURN = &g
		for _, u := range g.URLs { // a TURN server answers STUN too (RFC 8656 section 3)
			if at, udp := strings.CutPrefix(u, "turn:"); udp {
				at, _, _ = strings.Cut(at, "?")
				w.STUN = append(w.STUN, "stun:"+at)
			}
		}
	}
	return w, ok
}

// wrong counts a code that is none. Which domains there are is not told, and those that are not have their guesses counted at the switch's own.
func (e *enrolling) wrong(domain string, from netip.Addr) bool {
	if _, ok := e.p.directory.Snapshot().Domain(domain); !ok {
		domain = e.p.config.Domain
	}
	e.p.auditor.wrongCode(domain, from)
	e.mu.Lock()
	many := e.counts.Add(domain)
	e.mu.Unlock()
	if many {
		e.p.alarms.happened("enrolment-guesses", domain, "", "last from "+sourceOf(from).String())
	}
	return e.p.codes.Wrong(sourceOf(from), domain, from.String())
}
