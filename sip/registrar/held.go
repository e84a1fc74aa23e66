package registrar

import (
	"net/netip"
	"strings"
	"time"
	"unique"

	"naisen/sip"
	"naisen/sip/stack"
)

// held is a binding in the table, in a quarter of the room that a Binding takes with all it points to: there is one for each phone, all day.
// What many have in common is held once, times are numbers, and the URI is read from the text when somebody asks. Registrar.mu guards it.
type held struct {
	ID       uint64
	AOR      string
	Text     string
	Instance string // a part of Text
	CallID   string
	key      string // names it inside its AOR, also in the Table
	domain   unique.Handle[string]
	agent    unique.Handle[string]
	proof    unique.Handle[string]
	via      unique.Handle[via]
	Path     []string
	Received netip.AddrPort
	Flow     *stack.Flow
	Q        float64
	CSeq     uint32
	RegID    int32

	registered int64         // wall time, Unix nanoseconds
	expires    int64         // the same
	deadline   time.Duration // since Registrar.began, monotonic
	turn       uint64        // order of registration, whatever the wall clock does
	index      int32         // in due
	slot       int32         // in pings, -1: none
	woke       time.Duration // of a device that sleeps: when it last showed that it was awake, since Registrar.began
	nudge      time.Duration // of one that is woken for its refresh: when, since Registrar.began; 0: never
	sleep      sleep
}

// via is what the phones of one listener have in common.
type via struct {
	transport string
	local     netip.AddrPort
	node      string // see Binding.Node
}

// hold makes the table's form of a binding, without its place in the table.
func hold(b Binding, key string) *held {
	h := &held{ID: b.ID, AOR: b.AOR, key: key}
	h.set(b)
	return h
}

// set takes over everything that a REGISTER may change.
func (h *held) set(b Binding) {
	h.Text, h.Instance, h.CallID = b.Text, within(b.Text, b.Instance), b.CallID
	h.domain, h.agent, h.via = unique.Make(b.Domain), unique.Make(b.UserAgent), unique.Make(via{b.Transport, b.Local, b.Node})
	h.proof = unique.Make(b.Proof)
	h.Path, h.Received, h.Flow, h.Q, h.CSeq, h.RegID = b.Path, b.Received, b.Flow, b.Q, b.CSeq, int32(b.RegID)
	h.registered, h.expires = b.Registered.UnixNano(), b.Expires.UnixNano()
}

// within gives part as a piece of text where it is one, so that both live in the same memory.
func within(text, part string) string {
	if i := strings.Index(text, part); i >= 0 && part != "" {
		return text[i:][:len(part)]
	}
	return part
}

// binding is what others see.
func (h *held) binding() Binding {
	via := h.via.Value()
	return Binding{
		ID: h.ID, AOR: h.AOR, Key: h.key, Domain: h.domain.Value(), Contact: h.contact(), Text: h.Text, Instance: h.Instance, RegID: int(h.RegID),
		CallID: h.CallID, CSeq: h.CSeq, Q: h.Q, Expires: h.until(), Path: h.Path, Transport: via.transport, Received: h.Received,
		Local: via.local, UserAgent: h.agent.Value(), Flow: h.Flow, Registered: time.Unix(0, h.registered),
		Proof: h.proof.Value(), Node: via.node, Sleeps: h.sleep != sleepsNever,
	}
}

// contact reads the URI, which was read when the binding was made: it cannot fail.
func (h *held) contact() sip.URI {
	a, _ := sip.ParseAddress(h.Text)
	return a.URI
}

func (h *held) until() time.Time { return time.Unix(0, h.expires) }

func (h *held) udp() bool { return h.via.Value().transport == "udp" }

// foreign: another node has it.
func (h *held) foreign() bool { return h.via.Value().node != "" }

// reachable from here.
func (h *held) reachable() bool {
	if h.foreign() {
		return false
	}
	if h.Flow == nil {
		return h.Received.IsValid() && h.udp()
	}
	return h.Flow.Alive()
}
