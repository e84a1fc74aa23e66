package event

import (
	"log/slog"
	"strconv"
	"strings"
	"time"

	"naisen/sip"
	"naisen/sip/stack"
)

// Subscribe takes a SUBSCRIBE outside a dialog from a watcher who has proven who he is, and answers it (RFC 6665 section 4.2.1). It runs on
// the shard of the request.
func (n *Notifier) Subscribe(tx *stack.ServerTx, watcher Watcher, resource AOR) {
	req := tx.Request()
	name, id, ok := eventOf(&req.Headers)
	pkg := n.byName[name]
	if !ok || pkg == nil {
		n.reply(tx, &refusal{489, "Allow-Events", n.allow})
		return
	}
	seconds, no := n.examine(req, pkg)
	if no == nil {
		if status := n.cfg.Judge(watcher.AOR, resource, name); status != 200 {
			no = &refusal{status: status}
		}
	}
	if no == nil && seconds > 0 {
		if seconds, ok = watcher.left(seconds, n.cfg.Clock()); !ok {
			no = &refusal{status: 403}
		}
	}
	if no != nil {
		n.reply(tx, no)
		return
	}
	s, no := n.open(req, pkg, watcher, resource, id)
	if no != nil {
		n.reply(tx, no)
		return
	}
	status, replaced := n.add(s)
	if status != 200 {
		n.refused.Add(1)
		n.log.Warn("subscription refused", slog.String("watcher", watcher.String()), slog.String("event", name), slog.Int("status", status))
		no := &refusal{status: status}
		if status == 503 {
			no.name, no.value = "Retry-After", itoa(30+int(n.refused.Load()%30)) // not all at one moment
		}
		n.reply(tx, no)
		return
	}
	if replaced != nil {
		n.st.Do(replaced.key.callID, replaced.over)
	}
	n.log.Debug("subscribed", slog.String("watcher", watcher.String()), slog.String("event", name), slog.String("resource", resource.String()),
		slog.Int("expires", seconds))
	s.grant(tx, seconds)
}

// Refresh takes a SUBSCRIBE with a To tag. False: it belongs to no subscription, and was not answered.
func (n *Notifier) Refresh(tx *stack.ServerTx) bool {
	req := tx.Request()
	s := n.find(subKey{req.CallID(), req.To().Tag()})
	if s == nil || s.remoteTag != req.From().Tag() { // right Call-ID and our tag are not enough
		return false
	}
	name, id, ok := eventOf(&req.Headers)
	seq, _ := req.CSeq()
	seconds, no := n.examine(req, s.pkg)
	switch {
	case s.gone || s.why != "" || !ok || name != s.pkg.Name() || id != s.id: // RFC 6665 section 4.2.1.1: one subscription, one dialog
		no = &refusal{status: 481}
	case s.flow.Secure() && !req.Flow.Secure(): // nobody moves a subscription from TLS to clear text
		no = &refusal{status: 403}
	case seq <= s.remoteSeq: // RFC 3261 section 12.2.2
		no = &refusal{status: 500}
	case no == nil:
		if seconds > 0 {
			seconds, ok = s.watcher.left(seconds, n.cfg.Clock())
		}
		if !ok || n.cfg.Judge(s.watcher.AOR, s.resource, name) != 200 {
			no = &refusal{status: 403} // a new SUBSCRIBE can bring a new proof
			s.end(reasonRejected)
		}
	}
	if no != nil {
		n.reply(tx, no)
		return true
	}
	s.remoteSeq = seq
	if cs, err := req.Contacts(); err == nil && len(cs) == 1 && !cs[0].Wildcard() { // a target refresh (RFC 6665 section 4.1.2.2)
		s.target = cs[0].URI
	}
	s.move(req.Flow)
	s.grant(tx, seconds)
	return true
}

// examine checks what a SUBSCRIBE asks for, and tells for how many seconds it is granted.
func (n *Notifier) examine(req *stack.Request, pkg Package) (int, *refusal) {
	switch bad := req.Require(); {
	case len(bad) > 0: // RFC 4662 lists above all
		return 0, &refusal{420, "Unsupported", strings.Join(bad, ", ")}
	case encoded(&req.Headers):
		return 0, &refusal{415, "Accept-Encoding", "identity"}
	case len(req.Body) > 0: // no package here knows a filter
		return 0, &refusal{status: 415}
	case !accepts(&req.Headers, pkg.Type()):
		return 0, &refusal{406, "Accept", pkg.Type()}
	}
	return wish(&req.Headers, n.cfg.MinExpires, n.cfg.MaxExpires)
}

// open makes the subscription that a SUBSCRIBE asks for; nothing knows it yet.
func (n *Notifier) open(req *stack.Request, pkg Package, watcher Watcher, resource AOR, id string) (*subscription, *refusal) {
	contacts, err := req.Contacts()
	if err != nil || len(contacts) != 1 || contacts[0].Wildcard() || contacts[0].URI.Host == "" {
		return nil, &refusal{status: 400}
	}
	routes, err := req.RecordRoutes()
	if err != nil || len(routes) > maxRoutes {
		return nil, &refusal{status: 400}
	}
	seq, _ := req.CSeq()
	target := contacts[0].URI
	s := &subscription{
		n: n, key: subKey{req.CallID(), req.LocalTag()}, pkg: pkg, id: id, watcher: watcher, resource: resource, view: pkg.View(resource),
		phone: target.User + "@" + target.Host + ":" + strconv.Itoa(target.Port),
		local: req.To().WithTag(req.LocalTag()).String(), remote: req.Get("From"), remoteTag: req.From().Tag(),
		target: target, routes: routes, echo: req.Lines("Record-Route"), remoteSeq: seq, flow: req.Flow,
	}
	s.contact = sip.Address{URI: n.st.Contact(resource.User, stack.Target{Flow: req.Flow})}.String()
	return s, nil
}

// grant answers 200 and sends the state (RFC 6665 section 4.2.1.2): now, also when nothing has changed.
func (s *subscription) grant(tx *stack.ServerTx, seconds int) {
	r := stack.NewResponse(tx.Request(), 200, "")
	for _, v := range s.echo {
		r.Add("Record-Route", v)
	}
	r.Set("Contact", s.contact)
	r.Set("Expires", itoa(seconds))
	r.Set("Allow-Events", s.n.allow)
	s.n.respond(tx, r)
	s.until = time.Now().Add(time.Duration(seconds) * time.Second)
	s.all = true
	if seconds == 0 { // the last state goes along (RFC 6665 section 4.4.3)
		s.tell = true
		s.end(reasonTimeout)
		return
	}
	s.expiry.set(s, time.Duration(seconds)*time.Second, func() { s.end(reasonTimeout) })
	s.dirty, s.urgent = true, true
	s.flush()
}

func (n *Notifier) reply(tx *stack.ServerTx, no *refusal) {
	r := stack.NewResponse(tx.Request(), no.status, "")
	if no.name != "" {
		r.Set(no.name, no.value)
	}
	n.respond(tx, r)
}

func (n *Notifier) respond(tx *stack.ServerTx, r *stack.Response) {
	if err := tx.Respond(r); err != nil {
		n.log.Debug("event: response not sent", slog.Int("status", r.Status), slog.Any("error", err))
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
