package main

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"slices"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
	"naisen/sip"
	"naisen/sip/dialog"
	"naisen/sip/registrar"
	"naisen/sip/stack"
)

// elsewhere is the node at which an INVITE of an extension becomes a call, since what it takes is there: who rings, who is parked, a lamp's dialog, its own
// talk at another telephone, whom a supervisor hears, a room where somebody is. Who has a call there makes the next one there too, so that one can be held, parked and joined by the other. Empty: here, as for
// every call for help.
func (s *signalling) elsewhere(req *stack.Request, r route.Request) string {
	n := s.afar
	if n == nil || r.Extension == "" || route.IsEmergency(r.Dialled) {
		return ""
	}
	if req.Has("Replaces") {
		return s.replacesAfar(req, r.Domain)
	}
	snap := s.directory.Snapshot()
	switch feature, argument, _ := snap.Feature(r.Domain, r.Dialled); feature {
	case provisioning.FeaturePickup, provisioning.FeaturePickupOf:
		c, _ := pickable(snap, append(s.calls.Snapshots(r.Domain), n.of(r.Domain)...), r.Extension, argument)
		return n.has(c)
	case provisioning.FeatureMove:
		if s.talkingLeg(r.Domain, r.Extension) != "" {
			return ""
		}
		return n.talks(r.Domain, r.Extension)
	case provisioning.FeatureListen, provisioning.FeatureWhisper, provisioning.FeatureBarge:
		if s.talkingLeg(r.Domain, argument) != "" {
			return ""
		}
		return n.talks(r.Domain, argument)
	}
	if room, ok := snap.Conference(r.Domain, r.Dialled); ok {
		return s.meets(r.Domain, room.Number)
	}
	if _, here := s.parkedIn(r.Domain, r.Dialled); here {
		return ""
	}
	if node := n.slot(r.Domain, r.Dialled); node != "" {
		return node
	}
	node := n.talks(r.Domain, r.Extension)
	if m, _ := n.between.members.Other(node); m.Draining || s.legs.busy(r.Extension+"@"+r.Domain) {
		return ""
	}
	return node
}

// meets is the node at which somebody is in a room; empty: this one, or nobody is.
func (s *signalling) meets(domain, room string) string {
	inside := func(c *call.Snapshot) bool {
		return c.Script == route.Run{Verb: route.VerbConference, Name: room}.String()
	}
	if slices.ContainsFunc(s.calls.Snapshots(domain), inside) {
		return ""
	}
	far := s.afar.of(domain)
	if i := slices.IndexFunc(far, inside); i >= 0 {
		return s.afar.has(far[i])
	}
	return ""
}

// replacesAfar is the node that has the dialog which an INVITE replaces; empty: this one has it, or none.
func (s *signalling) replacesAfar(req *stack.Request, domain string) string {
	r, ok := dialog.ReadReplaces(req)
	if !ok {
		return ""
	}
	if slot, ok := slotNamed(r.CallID); ok {
		if _, here := s.parkedIn(domain, slot); here {
			return ""
		}
		return s.afar.slot(domain, slot)
	}
	if _, here := (dialogs{s.ua, &s.legs}).Find(r.CallID, r.To, r.From); here {
		return ""
	}
	return s.afar.dialog(domain, r.CallID, r.To, r.From)
}

// entering is what a node says of who calls, as it has proved him: nothing of it is looked up anew.
type entering struct {
	Request   route.Request
	Private   bool
	Proof     string
	Transport string // of the telephone
}

// enter sends the INVITE of an extension to the node at which it becomes a call. False: it cannot, and nothing has happened; as of a telephone that is not
// registered where it calls from, since it could not be reached from there.
func (s *signalling) enter(tx *stack.ServerTx, in call.Incoming, node string) bool {
	req := tx.Request()
	b, ok := s.registeredFrom(req, cmp.Or(in.Request.Desk, in.Request.Extension)+"@"+in.Request.Domain)
	if !ok || node == "" {
		return false
	}
	who, err := json.Marshal(entering{in.Request, in.Private, in.Proof, req.Flow.Transport()})
	if err != nil || !s.edge.Enter(tx, node, b.AOR, b.Key, base64.RawURLEncoding.EncodeToString(who)) {
		s.log.Warn("signalling: a call cannot go to the node where it belongs", "node", node, "err", err)
		return false
	}
	s.log.Info("signalling: a call goes to the node where it belongs", "node", node, "by", in.Request.Extension)
	return true
}

// registeredFrom is the binding of an AOR whose telephone sent a request.
func (s *signalling) registeredFrom(req *stack.Request, aor string) (registrar.Binding, bool) {
	for _, b := range s.registrar.Lookup(aor) {
		if b.Node == "" && b.Received == req.Flow.Remote() && b.Transport == req.Flow.Transport() {
			return b, true
		}
	}
	return registrar.Binding{}, false
}

// entered is the call of a telephone that another node has proved. False: the request is none of that kind, or it was answered.
func (s *signalling) entered(tx *stack.ServerTx) (in call.Incoming, ok, answered bool) {
	if s.edge == nil {
		return in, false, false
	}
	text, ok := s.edge.Entered(tx.Request())
	if !ok {
		return in, false, false
	}
	// The other node marks what comes here by its Call-ID, and gives the mark to who calls. Call-IDs stand on lamps: a second call of one's own would be the
	// way into the first, which is somebody else's.
	if s.ua.Uses(tx.Request().CallID()) {
		s.refuse(tx, sip.StatusCause(400).WithText("Call-ID In Use"))
		return in, false, true
	}
	var who entering
	plain, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(plain, &who)
	}
	if err != nil {
		s.log.Error("signalling: what a node says of a caller cannot be read", "err", err)
		s.refuse(tx, sip.StatusCause(400))
		return in, false, true
	}
	e, known := s.directory.Snapshot().Extension(who.Request.Domain, cmp.Or(who.Request.Desk, who.Request.Extension))
	if !known {
		s.refuse(tx, sip.CauseForbidden)
		return in, false, true
	}
	far := who.Request.From
	local, _ := near(s.afar.addrs, far)
	return call.Incoming{Request: who.Request, Private: who.Private, Proof: who.Proof, Security: security(e.Media),
		Profile: s.phoneProfile(local, far, who.Transport, e.Suites)}, true, false
}

// near is the address of ours at which media of a far one goes, that came by way of another node.
func near(ours []netip.Addr, far netip.Addr) (netip.Addr, bool) {
	for _, a := range ours {
		if a.Is4() == far.Is4() && a.IsLoopback() == far.IsLoopback() {
			return a, true
		}
	}
	return netip.Addr{}, false
}
