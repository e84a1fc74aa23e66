package registrar

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"naisen/sip"
	"naisen/sip/push"
	"naisen/sip/stack"
)

// RFC 8599: a device that sleeps says in its Contact by which service it is woken. Its binding outlives its connection, nobody sends to it while
// it sleeps, and a request for it waits until the REGISTER comes by which it shows that it is awake, and where.

// Pusher wakes devices. *push.Service is one.
type Pusher interface {
	Features() []string
	Takes(push.Device) (features string, err error) // push.ErrUnsupported, push.ErrDevice
	Wakes(push.Device, push.Occasion) bool
	Push(push.Message, func(error))
}

// Sealer seals a device's token for its place in the table. *secret.Keyring is one.
type Sealer interface {
	Seal(domain, kind, key string, plain []byte) ([]byte, error)
	Open(domain, kind, key string, sealed []byte) ([]byte, error)
}

// Push is the part of the Config that is about devices that sleep.
type Push struct {
	Service    Pusher        // nil: nobody is woken, and the parameters of RFC 8599 mean nothing
	Sealer     Sealer        // nil: a device that sleeps is forgotten with the process
	MaxExpires int           // seconds, for a device that can be woken: it may have no way to refresh while it sleeps; 0: a week
	Awake      time.Duration // after its REGISTER a device counts as awake; an app may be put to sleep as soon as nobody looks at it; 0: 20 s
	Lead       time.Duration // before its binding ends a device is woken to refresh it; 0: 120 s
	Waits      int           // requests that may wait for devices; 0: 4096
}

func (p Push) withDefaults() Push {
	if p.MaxExpires <= 0 {
		p.MaxExpires = 7 * 86400
	}
	if p.Awake <= 0 {
		p.Awake = 20 * time.Second
	}
	if p.Lead <= 0 {
		p.Lead = 120 * time.Second
	}
	if p.Waits <= 0 {
		p.Waits = 4096
	}
	return p
}

// selfRefresh is how long before its end a device that wakes by itself shall refresh its binding, in seconds: more than 120
// (RFC 8599 section 9.3).
const selfRefresh = 130

// What a binding's Contact says of sleep.
type sleep uint8

const (
	sleepsNever  sleep = iota
	sleepsPushed       // it is woken for calls, and to refresh its binding where the service allows that
	sleepsSelf         // it is woken for calls, and refreshes its binding by itself: +sip.pnsreg
	sleepsTold         // as sleepsPushed, and the push for this refresh was sent
	sleepsThere        // another node has it, and refreshes it; for a call every node wakes it
)

// deviceOf reads the parameters of a Contact URI. asks: the device wants to know which services there are (RFC 8599 section 4.1.1). ok is
// false without a token: then nobody can be woken, which is no error (section 5.3.1).
func deviceOf(u sip.URI) (d push.Device, asks, ok bool) {
	provider, there := u.Params.Get("pn-provider")
	if !there {
		return d, false, false
	}
	if provider == "" {
		return d, true, false
	}
	param, _ := u.Params.Get("pn-param")
	prid, _ := u.Params.Get("pn-prid")
	return push.Device{Provider: provider, Param: param, PRID: prid}, false, prid != ""
}

// Device is what wakes the binding's device; false: nothing does.
func (b Binding) Device() (push.Device, bool) {
	if !b.Sleeps {
		return push.Device{}, false
	}
	d, _, ok := deviceOf(b.Contact)
	return d, ok
}

// Public is the Contact's URI without what only the push services and the device need to know: a token by which it can be woken.
func Public(u sip.URI) sip.URI {
	for _, name := range []string{"pn-provider", "pn-param", "pn-prid", "pn-purr"} {
		if u.Params.Has(name) {
			u.Params = u.Params.Without(name)
		}
	}
	return u
}

// pushWish reads what a contact says of push, and refuses a service that we have not and parameters that are none of it. Who leaves is
// never refused.
func (r *Registrar) pushWish(w *wish, a sip.Address) *refusal {
	service := r.cfg.Push.Service
	if service == nil || w.expires == 0 {
		return nil
	}
	for _, name := range []string{"pn-provider", "pn-param", "pn-prid"} {
		n := 0
		for _, p := range a.URI.Params {
			if p.Name == name {
				n++
			}
		}
		if n > 1 {
			return &refusal{status: 400, reason: "Push Parameter Twice"}
		}
	}
	d, asks, ok := deviceOf(a.URI)
	if asks {
		w.features = service.Features()
		return nil
	}
	if d.Provider == "" {
		return nil
	}
	features, err := service.Takes(d)
	switch {
	case errors.Is(err, push.ErrUnsupported): // RFC 8599 sections 5.3.1 and 8.1
		return &refusal{555, "", "Feature-Caps", caps(service.Features())}
	case !ok:
		return nil
	case err != nil:
		return &refusal{status: 400, reason: "Malformed Push Parameters"}
	}
	w.features, w.sleeps = []string{features}, sleepsPushed
	if a.Params.Has("+sip.pnsreg") {
		w.features, w.sleeps = append(w.features, `+sip.pnsreg="`+strconv.Itoa(selfRefresh)+`"`), sleepsSelf
	}
	return nil
}

// caps is a Feature-Caps value (RFC 6809 section 6.2).
func caps(features []string) string { return strings.Join(append([]string{"*"}, features...), ";") }

// mostExpires is how long a contact may live at most, in seconds.
func (r *Registrar) mostExpires(w wish) int {
	if w.sleeps != sleepsNever {
		return max(r.cfg.MaxExpires, r.cfg.Push.MaxExpires)
	}
	return r.cfg.MaxExpires
}

// addCaps says which services can wake the phone (RFC 8599 section 5.3.1).
func addCaps(resp *stack.Response, list []wish) {
	for _, w := range list {
		if len(w.features) > 0 && w.expires > 0 {
			resp.Add("Feature-Caps", caps(w.features))
		}
	}
}

// sameDevice: a phone that was woken elsewhere has another address, and is known by its token where it says no instance. One that does may have
// several flows with one token.
func sameDevice(h *held, w wish) bool {
	if h.sleep == sleepsNever || w.sleeps == sleepsNever || h.Instance != "" && w.instance != "" {
		return false
	}
	a, _, _ := deviceOf(h.contact())
	b, _, ok := deviceOf(w.uri)
	return ok && a == b
}

// asleep says that a binding's device has to be woken before anything is sent to it. Registrar.mu is held.
func (r *Registrar) asleep(h *held) bool {
	return h.sleep != sleepsNever && (!r.reachable(h) || time.Since(r.began)-h.woke > r.cfg.Push.Awake)
}

// nextAt is when a binding needs something: a push to refresh it, or its end.
func (h *held) nextAt() time.Duration {
	if h.sleep == sleepsPushed && h.nudge > 0 {
		return h.nudge
	}
	return h.deadline
}

// setNudge says when a device that is woken for its refresh is. A life too short for the lead is refreshed in its middle.
func (r *Registrar) setNudge(h *held, life time.Duration) {
	if h.nudge = 0; h.sleep != sleepsPushed {
		return
	}
	if d, _, _ := deviceOf(h.contact()); r.cfg.Push.Service.Wakes(d, push.ForRefresh) {
		h.nudge = h.deadline - min(r.cfg.Push.Lead, life/2)
	}
}

// nudge is a device that is to be woken for its refresh.
type nudge struct {
	h    *held
	turn uint64 // of the REGISTER that is to be refreshed
	m    push.Message
}

// nudged notes that a binding is woken for its refresh. Registrar.mu is held.
func (r *Registrar) nudged(h *held) nudge {
	d, _, _ := deviceOf(h.contact())
	h.sleep = sleepsTold
	r.due.fix(h)
	r.stats.Nudged++
	return nudge{h, h.turn, push.Message{Device: d, Why: push.ForRefresh, ID: rand.Text(), Until: h.until()}}
}

// nudge sends what expire found due. No lock is held.
func (r *Registrar) nudge(list []nudge) {
	for _, n := range list {
		r.cfg.Push.Service.Push(n.m, func(err error) {
			if err != nil {
				r.log.Debug("device not woken for its refresh", slog.Any("device", n.m.Device), slog.Any("error", err))
				r.nudgeAgain(n, err)
			}
		})
	}
}

// nudgeAgain lets a push that the service did not take be tried once more, as long as there is time: a binding that ends is calls that are lost.
func (r *Registrar) nudgeAgain(n nudge, err error) {
	if errors.Is(err, push.ErrGone) || errors.Is(err, push.ErrRejected) || errors.Is(err, push.ErrClosed) {
		return
	}
	at := time.Since(r.began) + r.cfg.Push.Lead/4
	r.mu.Lock()
	defer r.mu.Unlock()
	if h := n.h; h.index >= 0 && h.turn == n.turn && h.sleep == sleepsTold && at < h.deadline {
		h.sleep, h.nudge = sleepsPushed, at
		r.due.fix(h)
		r.poke()
	}
}

// wait is a request that waits for a device.
type wait struct {
	device push.Device
	since  uint64 // turn of the last REGISTER before
	woken  func(Binding)
}

// Await has woken called once, with the binding, when the device has shown by a REGISTER that it is awake, after that was answered: a request
// may go out on the binding's flow then, not before (RFC 8599 section 5.3.2). woken must not block. Who does not want to wait any longer
// calls cancel, which tells whether woken was not called and never will be. ok is false when too many wait; that is counted.
func (r *Registrar) Await(aor string, d push.Device, woken func(Binding)) (cancel func() bool, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting >= r.cfg.Push.Waits {
		r.stats.NotHeld++
		return func() bool { return true }, false
	}
	w := &wait{d, r.turn, woken}
	if r.waits == nil {
		r.waits = make(map[string][]*wait)
	}
	r.waits[aor] = append(r.waits[aor], w)
	r.waiting++
	return func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.unwait(aor, w)
	}, true
}

// unwait takes a request out of those that wait. Registrar.mu is held.
func (r *Registrar) unwait(aor string, w *wait) bool {
	i := slices.Index(r.waits[aor], w)
	if i < 0 {
		return false
	}
	r.waiting--
	if r.waits[aor] = slices.Delete(r.waits[aor], i, i+1); len(r.waits[aor]) == 0 {
		delete(r.waits, aor)
	}
	return true
}

// woken serves those who wait for devices of an AOR that have registered since. No lock is held.
func (r *Registrar) woken(aor string) {
	type due struct {
		f func(Binding)
		b Binding
	}
	var list []due
	r.mu.Lock()
	for _, w := range slices.Clone(r.waits[aor]) {
		for _, h := range r.aors[aor] {
			if h.sleep == sleepsNever || h.turn <= w.since || r.asleep(h) {
				continue
			}
			if d, _, _ := deviceOf(h.contact()); d == w.device {
				r.unwait(aor, w)
				list = append(list, due{w.woken, r.bindingOf(h)})
				break
			}
		}
	}
	r.mu.Unlock()
	for _, d := range list {
		d.f(d.b)
	}
}

// Forget ends the bindings of a device whose service says that it is gone (RFC 8599 section 5.3.2).
func (r *Registrar) Forget(aor string, d push.Device) {
	r.RemoveIf(aor, EventDeactivated, func(b Binding) bool {
		is, ok := b.Device()
		return ok && is == d && b.Asleep
	})
}

// bindingOf is what others see of h now. Registrar.mu is held.
func (r *Registrar) bindingOf(h *held) Binding {
	b := h.binding()
	b.Asleep = r.asleep(h)
	return b
}

// fallAsleep takes the connection from a binding that does not end with it. Registrar.mu is held.
func (r *Registrar) fallAsleep(h *held) {
	r.detach(h)
	r.moves.leave(h)
	h.Flow = nil
	r.attach(h)
}

// tokenMark stands in a stored Contact for the token, which is sealed beside it.
const tokenMark = "~"

const sealKind = "push-token"

// token finds the value of pn-prid in the text of a Contact: of the URI's parameters the last, and there is one.
func token(text string) (from, to int, ok bool) {
	uri, _, _ := strings.Cut(text, ">")
	i := strings.LastIndex(strings.ToLower(uri), ";pn-prid=")
	if i < 0 {
		return 0, 0, false
	}
	from = i + len(";pn-prid=")
	if n := strings.IndexByte(uri[from:], ';'); n >= 0 {
		return from, from + n, true
	}
	return from, len(uri), true
}

// sealToken gives the text of a Contact as it may be stored.
func (r *Registrar) sealToken(h *held) (text string, sealed []byte, err error) {
	if h.sleep == sleepsNever {
		return h.Text, nil, nil
	}
	from, to, ok := token(h.Text)
	if !ok || r.cfg.Push.Sealer == nil {
		return "", nil, errToken
	}
	sealed, err = r.cfg.Push.Sealer.Seal(h.domain.Value(), sealKind, h.AOR+" "+h.key, []byte(h.Text[from:to]))
	return h.Text[:from] + tokenMark + h.Text[to:], sealed, err
}

// openToken undoes sealToken.
func (r *Registrar) openToken(rec Record, s *stored) error {
	if len(s.Token) == 0 {
		return nil
	}
	from, to, ok := token(s.Text)
	if !ok || s.Text[from:to] != tokenMark || r.cfg.Push.Sealer == nil {
		return errToken
	}
	plain, err := r.cfg.Push.Sealer.Open(s.Domain, sealKind, rec.AOR+" "+rec.Key, s.Token)
	if err != nil {
		return errToken
	}
	s.Text = s.Text[:from] + string(plain) + s.Text[to:]
	return nil
}

var errToken = errors.New("registrar: push token cannot be sealed or opened")
