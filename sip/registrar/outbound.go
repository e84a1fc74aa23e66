package registrar

import (
	"net/netip"
	"slices"
	"strings"
	"time"
	"weak"

	"naisen/sip"
	"naisen/sip/stack"
)

// Device is what rings as one thing: a contact, or the flows of one instance in the order in which to try them. The next is tried
// only when the one before failed: two of them at once would be two calls to one phone (RFC 5626 section 7).
type Device []Binding

// Devices gives the bindings of an AOR that can be reached now, or after their device was woken (Binding.Asleep), by device: the best q first, among
// equals the one registered last.
func (r *Registrar) Devices(aor string) []Device {
	var out []Device
	for _, b := range r.lookup(aor, true) {
		i := -1
		if b.RegID > 0 {
			i = slices.IndexFunc(out, func(d Device) bool { return d[0].RegID > 0 && SameInstance(d[0].Instance, b.Instance) })
		}
		if i < 0 {
			out = append(out, Device{b})
		} else {
			out[i] = append(out[i], b)
		}
	}
	return out
}

// SameInstance compares +sip.instance values, with or without their angle brackets. A URN's letters have no case in what phones
// send (RFC 5627 section 4.2, RFC 8141 section 3.1).
func SameInstance(a, b string) bool { return strings.EqualFold(bare(a), bare(b)) }

func bare(instance string) string {
	return strings.TrimSuffix(strings.TrimPrefix(instance, "<"), ">")
}

// options are what a REGISTER says that its sender can do.
type options struct {
	outbound bool // RFC 5626: asked for
	direct   bool // no proxy between the phone and us: the flow that we see is the phone's own
	applied  bool // reg-id counts
	gruu     bool // RFC 5627
}

func readOptions(req *stack.Request) options {
	supported, required := req.Supported(), req.Require()
	vias, err := req.Vias()
	has := func(tag string) bool { return slices.Contains(supported, tag) || slices.Contains(required, tag) }
	return options{outbound: has("outbound"), gruu: has("gruu"), direct: err == nil && len(vias) == 1}
}

// flows applies the rules of RFC 5626 section 6 to contacts with a reg-id: one at a time, and over a first hop that keeps the flow. That
// is us, or the edge proxy that put itself first, at the bottom, of the Path with ;ob.
func (o *options) flows(list []wish, path []sip.Address) *refusal {
	ids, kept := 0, 0
	for _, w := range list {
		if w.expires > 0 {
			kept++
		}
		if w.regID > 0 {
			ids++
		}
	}
	switch {
	case ids == 0:
		return nil
	case kept > 1:
		return &refusal{status: 400, reason: "One Contact At A Time With reg-id"}
	case o.direct || len(path) > 0 && path[len(path)-1].URI.Params.Has("ob"):
		o.applied = o.outbound
		return nil
	case o.outbound:
		return &refusal{status: 439, reason: "First Hop Lacks Outbound Support"}
	}
	for i := range list { // the phone does not insist, and the flow cannot be kept: a plain contact
		list[i].regID = 0
	}
	return nil
}

// expect closes the connection of a phone that has promised to keep it alive and does not, with a quarter more than it was told, for what the
// network delays (RFC 5626 sections 4.4.1 and 6). Its bindings end with it, and calls find the phone's other flow.
func (r *Registrar) expect(u update) {
	if !u.options.applied || !u.options.direct || r.cfg.FlowTimer <= 0 || u.flow == nil {
		return
	}
	within := time.Duration(0)
	for _, w := range u.wishes {
		if w.regID > 0 && w.expires > 0 {
			within = r.cfg.FlowTimer + r.cfg.FlowTimer/4
		}
	}
	u.flow.Expect(within)
}

const (
	maxMoved  = 4096 // flows remembered after a device has left them; the oldest goes
	maxAboard = 16   // devices remembered of one flow
)

// passenger is a device that was reached over a flow which is not its own any more.
type passenger struct {
	aor, instance string
	contact       sip.URI
}

// moves remember who left which flow, so that the rest of a call follows its phone. Registrar.mu guards it.
type moves struct {
	left  map[flowKey][]passenger
	order []flowKey // of leaving, at most maxMoved
}

// flowKey tells flows apart as sameFlow does, and keeps no connection in memory that has ended.
type flowKey struct {
	connection    weak.Pointer[stack.Flow]
	local, remote netip.AddrPort
}

func keyOf(f *stack.Flow) flowKey {
	if f.Transport() == "udp" {
		return flowKey{local: f.Local(), remote: f.Remote()}
	}
	return flowKey{connection: weak.Make(f)}
}

// leave notes that h is not reached over its flow any more, before the new one is filled in or when it ends.
func (m *moves) leave(h *held) {
	if h.Instance == "" || h.Flow == nil {
		return
	}
	id := keyOf(h.Flow)
	if m.left == nil {
		m.left = make(map[flowKey][]passenger)
	}
	aboard, known := m.left[id]
	if !known {
		if len(m.order) >= maxMoved {
			delete(m.left, m.order[0])
			m.order = m.order[1:]
		}
		m.order = append(m.order, id)
	}
	aboard = slices.DeleteFunc(aboard, func(p passenger) bool { return p.aor == h.AOR && p.instance == h.Instance })
	if len(aboard) < maxAboard {
		m.left[id] = append(aboard, passenger{h.AOR, h.Instance, h.contact()})
	}
}

// enter forgets what is remembered of a flow that somebody registers over now: NAT gives a port to the next one.
func (m *moves) enter(h *held) {
	if len(m.left) == 0 || h.Flow == nil {
		return
	}
	id := keyOf(h.Flow)
	if _, known := m.left[id]; known {
		delete(m.left, id)
		m.order = slices.DeleteFunc(m.order, func(o flowKey) bool { return o == id })
	}
}

// find gives the passenger that a dialog's remote target belongs to. On a connection that carried one device no more needs to fit; a
// UDP pair may be somebody else's since.
func (m *moves) find(contact sip.URI, old *stack.Flow) (passenger, bool) {
	if len(m.left) == 0 {
		return passenger{}, false
	}
	aboard := m.left[keyOf(old)]
	for _, p := range aboard {
		if p.contact.User == contact.User && p.contact.Host == contact.Host || p.is(contact) {
			return p, true
		}
	}
	if len(aboard) == 1 && old.Transport() != "udp" {
		return aboard[0], true
	}
	return passenger{}, false
}

// is tells whether contact is the public GRUU of the passenger, which phones take as their Contact.
func (p passenger) is(contact sip.URI) bool {
	gr, ok := contact.Params.Get("gr")
	return ok && contact.User+"@"+contact.Host == p.aor && SameInstance(gr, p.instance)
}

// sameFlow: two Flows of one UDP pair are equal, two connections never.
func sameFlow(a, b *stack.Flow) bool {
	return a == b || a != nil && b != nil && keyOf(a) == keyOf(b)
}
