package dialog

import (
	"strconv"
	"strings"
	"time"

	"naisen/sip"
	"naisen/sip/stack"
)

const (
	minMinSE    = 90 * time.Second // RFC 4028 section 5
	maxInterval = 24 * time.Hour   // nothing longer is believed
)

// sessionTimer is RFC 4028 for one leg. Whoever refreshes does so at half the interval; either side ends the call when no refresh came
// in time. Each leg has its own.
type sessionTimer struct {
	ask       sessionExpires // of the inbound INVITE
	interval  time.Duration  // 0: the session does not expire
	refresher bool           // we refresh
	expires   time.Time      // wall time, for Snapshot only
	refresh   timer
	expiry    timer
	alone     bool // the peer knows no session timer: we refresh to see whether it is still there, and any answer says so
	never     bool // the call wants none
	noUpdate  bool // the peer refused UPDATE although it announced it
}

// sessionExpires is what one message says about the timer.
type sessionExpires struct {
	interval  time.Duration // 0: no header
	refresher string        // "uac", "uas" or ""
	supported bool          // Supported or Require: timer
}

func readSessionExpires(h *stack.Headers) (e sessionExpires) {
	e.supported = has(h.Supported(), "timer") || has(h.Require(), "timer")
	value, params, _ := strings.Cut(h.Get("Session-Expires"), ";")
	n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 32)
	if err != nil || n == 0 {
		return e
	}
	e.interval = min(time.Duration(n)*time.Second, maxInterval)
	for _, p := range strings.Split(params, ";") {
		if name, v, _ := strings.Cut(p, "="); strings.EqualFold(strings.TrimSpace(name), "refresher") {
			e.refresher = strings.ToLower(strings.TrimSpace(v))
		}
	}
	if e.refresher != "uac" && e.refresher != "uas" {
		e.refresher = ""
	}
	return e
}

// minSE fills a 422 (RFC 4028 section 6).
func (u *UA) minSE(r *stack.Response) { r.Set("Min-SE", seconds(u.cfg.MinSE)) }

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }

// timed tells whether we do session timers at all.
func (u *UA) timed() bool { return has(u.cfg.Supported, "timer") }

// askTimer puts Session-Expires on a request of ours. refresher "" leaves the choice to the peer (RFC 4028 section 7.1).
func (s *Session) askTimer(req *stack.Request, interval, minSE time.Duration, refresher string) {
	if interval <= 0 || !s.ua.timed() {
		return
	}
	v := seconds(interval)
	if refresher != "" {
		v += ";refresher=" + refresher
	}
	req.Set("Session-Expires", v)
	if minSE > minMinSE {
		req.Set("Min-SE", seconds(minSE))
	}
}

// raise takes the Min-SE of a 422 for the next try. False: there is none that we could believe.
func (s *Session) raise(resp *stack.Response) bool {
	low, ok := readMinSE(resp)
	if !ok || s.out == nil {
		return false
	}
	s.out.minSE = max(s.out.minSE, low)
	s.out.interval = max(s.out.interval, s.out.minSE)
	return true
}

func readMinSE(resp *stack.Response) (time.Duration, bool) {
	value, _, _ := strings.Cut(resp.Get("Min-SE"), ";")
	n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 32)
	d := time.Duration(n) * time.Second
	return d, err == nil && d > 0 && d <= maxInterval
}

// answer decides the timer as the one who answers a request, and says so in the 2xx (RFC 4028 section 9). We refresh unless the peer
// asked to: a phone that forgets to would lose its call. A peer that knows no session timer is refreshed too (table 2 there): nothing
// else tells that a phone is gone which put us on hold.
func (t *sessionTimer) answer(s *Session, r *stack.Response, ask sessionExpires) {
	interval := ask.interval
	if interval == 0 && !t.never {
		interval = s.ua.cfg.SessionExpires
	}
	if interval <= 0 || !s.ua.timed() {
		t.start(s, 0, false)
		return
	}
	peer := ask.supported && ask.refresher == "uac"
	who := "uas"
	if peer {
		who = "uac"
		r.Set("Require", "timer")
	}
	if ask.supported || ask.interval > 0 { // to another it means nothing
		r.Set("Session-Expires", seconds(interval)+";refresher="+who)
	}
	t.start(s, interval, !peer)
	t.alone = !ask.supported
}

// take reads the timer from the 2xx to a request of ours (RFC 4028 section 7.2). Without one we refresh all the same.
func (t *sessionTimer) take(s *Session, h *stack.Headers) {
	e := readSessionExpires(h)
	if !s.ua.timed() || s.phase == phaseBye {
		return
	}
	if e.interval == 0 && !t.never {
		t.start(s, s.ua.cfg.SessionExpires, true)
		t.alone = true
		return
	}
	t.start(s, e.interval, e.refresher != "uas")
}

func (t *sessionTimer) clear() {
	t.refresh.clear()
	t.expiry.clear()
}

// start runs the timer anew; interval 0 stops it.
func (t *sessionTimer) start(s *Session, interval time.Duration, refresher bool) {
	t.clear()
	t.interval, t.refresher, t.alone, t.expires = interval, refresher, false, time.Time{}
	if interval <= 0 {
		return
	}
	t.expires = s.ua.cfg.Clock().Add(interval)
	if refresher {
		t.refresh.set(s, interval/2, s.refreshSession)
	}
	// RFC 4028 section 10: BYE before the expiry, by a third of the interval but at most 32 s.
	t.expiry.set(s, interval-min(32*time.Second, interval/3), func() {
		if s.alive() {
			s.bye(sip.CauseSessionExpired, false)
		}
	})
}

// refreshSession sends an UPDATE without body where the peer takes one, else a re-INVITE with the description that is in force,
// never another (RFC 4028 section 7.4).
func (s *Session) refreshSession() {
	if s.phase != phaseUp {
		return
	}
	if !s.idle() { // another exchange is open and is a refresh itself, or will fail: look again soon
		s.se.refresh.set(s, t2, s.refreshSession)
		return
	}
	if s.dlg.update && !s.se.noUpdate {
		s.update(nil)
		return
	}
	s.reinvite(s.sdp, true)
}

// ownTimer puts the running timer on a re-INVITE or UPDATE of ours, so that roles stay as they are.
func (s *Session) ownTimer(r *stack.Request) {
	who := "uas"
	if s.se.refresher {
		who = "uac"
	}
	s.askTimer(r, s.se.interval, s.ua.cfg.MinSE, who)
}
