package registrar

import (
	"cmp"
	"log/slog"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"naisen/sip/stack"
)

// Right is what the sender of a REGISTER may do, and what proved it.
type Right struct {
	AOR, Domain string
	MaxContacts int       // bounds the bindings of the AOR; 0: the Config's
	Bulk        bool      // a telephone system that may register all its numbers at once (RFC 6140)
	Proof       string    // kept in the binding: in the caller's words, at most 192 bytes
	Until       time.Time // wall time at which the proof ends, and with it the binding (RFC 8898 section 5); zero: never
}

// Register answers a REGISTER whose sender has that right.
func (r *Registrar) Register(tx *stack.ServerTx, right Right) {
	req := tx.Request()
	resp := r.register(req, sourceOf(req.Flow), right)
	if err := tx.Respond(resp); err != nil {
		r.log.Debug("REGISTER not answered", slog.String("aor", right.AOR), slog.Any("error", err))
	}
	if resp.Status == 200 {
		r.woken(right.AOR)
	}
}

// source is where a REGISTER came from.
type source struct {
	transport       string
	received, local netip.AddrPort
	flow            *stack.Flow
}

func sourceOf(f *stack.Flow) source {
	if f == nil {
		return source{}
	}
	return source{f.Transport(), f.Remote(), f.Local(), f}
}

// update is one REGISTER, read and checked as far as that goes without the table.
type update struct {
	source
	Right
	callID, agent string
	cseq          uint32
	path          []string
	wishes        []wish
	options       options
	all           bool // Contact: *
}

func (r *Registrar) register(req *stack.Request, from source, right Right) *stack.Response {
	u, no := r.read(req)
	if no != nil {
		return r.refuse(req, no)
	}
	if no := bulk(req, right, u.wishes); no != nil {
		return r.refuse(req, no)
	}
	u.source, u.Right = from, right
	if u.MaxContacts <= 0 {
		u.MaxContacts = r.cfg.MaxContacts
	}
	u.shorten(r.cfg.Clock())
	done, no := r.commit(u)
	if no != nil {
		return r.refuse(req, no)
	}
	if u.flow != nil && !u.flow.Alive() { // it ended before the commit: FlowClosed found nothing
		r.FlowClosed(u.flow)
	}
	r.report(u, done)
	r.expect(u)
	resp := stack.NewResponse(req, 200, "")
	for _, line := range r.contacts(u.AOR, u.options.gruu) {
		resp.Add("Contact", line)
	}
	for _, p := range u.path { // RFC 3327 section 5.3: so that the phone sees who put itself on its path
		resp.Add("Path", p)
	}
	if u.options.applied { // RFC 5626 section 6
		resp.Add("Require", "outbound")
		if u.options.direct && r.cfg.FlowTimer > 0 {
			resp.Add("Flow-Timer", strconv.Itoa(int(r.cfg.FlowTimer/time.Second)))
		}
	}
	addCaps(resp, u.wishes)
	resp.Add("Supported", "path, outbound, gruu, gin")
	resp.Add("Date", r.cfg.Clock().UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"))
	return resp
}

// read checks steps 1 to 5 of RFC 3261 section 10.3 that concern the message alone.
func (r *Registrar) read(req *stack.Request) (u update, no *refusal) {
	if s := req.URI.Scheme; s != "sip" && s != "sips" {
		return u, &refusal{status: 416}
	}
	var unknown []string
	for _, tag := range req.Require() {
		if !slices.Contains(extensions, tag) {
			unknown = append(unknown, tag)
		}
	}
	if len(unknown) > 0 {
		return u, &refusal{420, "", "Unsupported", strings.Join(unknown, ", ")}
	}
	u.callID, u.agent = strings.Clone(req.CallID()), clip(req.Get("User-Agent"), maxAgentBytes)
	u.cseq, _ = req.CSeq()
	if len(u.callID) > maxCallIDBytes {
		return u, &refusal{status: 400, reason: "Call-ID Too Long"}
	}
	if u.wishes, u.all, no = r.wishes(req); no != nil {
		return u, no
	}
	list, no := paths(req)
	if no != nil {
		return u, no
	}
	for _, p := range req.All("Path") {
		u.path = append(u.path, strings.Clone(p))
	}
	u.options = readOptions(req)
	if no = u.options.flows(u.wishes, list); no == nil {
		no = keys(u.wishes)
	}
	return u, no
}

// extensions are what a REGISTER may Require.
var extensions = []string{"path", "outbound", "gruu", "gin"}

// shorten keeps a binding from outliving what proved it. A second too few is a refresh; one too many is a call to who lost the right.
func (u *update) shorten(now time.Time) {
	if u.Until.IsZero() {
		return
	}
	left := max(int(u.Until.Sub(now)/time.Second), 1)
	for i := range u.wishes {
		u.wishes[i].expires = min(u.wishes[i].expires, left)
	}
}

func clip(s string, n int) string { return strings.Clone(s[:min(len(s), n)]) }

// outcome is what a commit did.
type outcome struct {
	added, refreshed, removed, evicted int
	revived                            bool // a binding that could not be reached can be again
}

func (o outcome) changed() bool { return o.added+o.removed+o.evicted > 0 }

// commit is steps 6 to 8: all of the update or nothing.
func (r *Registrar) commit(u update) (outcome, *refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	have := slices.Clone(r.aors[u.AOR])
	match := make([]*held, len(u.wishes))
	for i, w := range u.wishes {
		match[i] = find(have, w)
	}
	if no := r.check(u, have, match); no != nil {
		return outcome{}, no
	}
	var done outcome
	if u.all {
		for _, h := range have {
			r.drop(h, EventUnregistered)
			done.removed++
		}
	}
	for i, w := range u.wishes {
		r.apply(u, w, match[i], &done)
	}
	for len(r.aors[u.AOR]) > u.MaxContacts {
		oldest := slices.MinFunc(r.aors[u.AOR], func(a, b *held) int { return cmp.Compare(a.turn, b.turn) })
		r.drop(oldest, EventProbation)
		done.evicted++
	}
	s := &r.stats
	s.Registered, s.Refreshed = s.Registered+uint64(done.added), s.Refreshed+uint64(done.refreshed)
	s.Removed, s.Evicted = s.Removed+uint64(done.removed), s.Evicted+uint64(done.evicted)
	return done, nil
}

// check refuses before anything has changed: order of requests (step 7), the cap, the total.
func (r *Registrar) check(u update, have, match []*held) *refusal {
	against := match
	if u.all {
		against = have
	}
	for _, h := range against {
		if h != nil && h.CallID == u.callID && u.cseq <= h.CSeq {
			return &refusal{status: 500, reason: "CSeq Not Higher Than Before"}
		}
	}
	wanted, added := 0, 0
	for i, w := range u.wishes {
		if match[i] != nil && slices.Contains(match[:i], match[i]) { // once by its instance, once by its URI
			return &refusal{status: 400, reason: "Contact Twice"}
		}
		if w.expires > 0 {
			wanted++
			if match[i] == nil {
				added++
			}
		}
	}
	if wanted > u.MaxContacts {
		return &refusal{status: 403, reason: "Too Many Contacts"}
	}
	if added > 0 && len(r.due)+added > r.cfg.Total {
		return &refusal{503, "", "Retry-After", "60"}
	}
	return nil
}

// find gives the binding that a wish is about: the same instance and reg-id, or an equal URI. A phone that starts or ceases to send
// its instance keeps its binding by the URI.
func find(have []*held, w wish) *held {
	for _, h := range have {
		if h.key == w.key {
			return h
		}
	}
	for _, h := range have {
		if (h.Instance == "" || w.instance == "") && uriKey(h.contact()) == uriKey(w.uri) {
			return h
		}
	}
	for _, h := range have {
		if sameDevice(h, w) {
			return h
		}
	}
	return nil
}

func (r *Registrar) apply(u update, w wish, h *held, done *outcome) {
	switch {
	case w.expires == 0 && h == nil:
		return
	case w.expires == 0:
		r.drop(h, EventUnregistered)
		done.removed++
		return
	case h == nil:
		h = &held{AOR: strings.Clone(u.AOR), key: w.key}
		r.fill(h, u, w)
		r.add(h)
		r.tell(EventRegistered, h)
		done.added++
	default:
		done.revived = done.revived || !r.reachable(h)
		r.detach(h)
		if !sameFlow(h.Flow, u.flow) {
			r.moves.leave(h)
		}
		if h.key != w.key {
			r.saver.put(r.erased(h))
			h.key = w.key
		}
		r.fill(h, u, w)
		r.attach(h)
		r.tell(EventRefreshed, h)
		done.refreshed++
	}
	r.saver.put(r.record(h))
}

func (r *Registrar) fill(h *held, u update, w wish) {
	now := r.cfg.Clock()
	life := time.Duration(w.expires) * time.Second
	h.deadline = time.Since(r.began) + life
	r.turn++
	h.turn = r.turn
	h.sleep, h.woke = w.sleeps, time.Since(r.began)
	h.set(Binding{
		Domain: u.Domain, Text: w.text, Instance: w.instance, RegID: w.regID, Q: w.q, CallID: u.callID, CSeq: u.cseq, UserAgent: u.agent, Path: u.path,
		Registered: now, Expires: now.Add(life), Transport: u.transport, Received: u.received, Local: u.local, Flow: u.flow,
		Proof: clip(u.Proof, maxProofBytes),
	})
	r.setNudge(h, life)
}

// contacts are the values of the 200: all bindings of the AOR with the seconds that each has left (step 8).
func (r *Registrar) contacts(aor string, gruu bool) []string {
	now := time.Since(r.began)
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, h := range r.aors[aor] {
		left := (h.deadline - now).Round(time.Second) / time.Second
		if left <= 0 {
			continue
		}
		line := h.Text
		if h.Q != 1 {
			line += ";q=" + strconv.FormatFloat(h.Q, 'f', -1, 64)
		}
		if line += ";expires=" + strconv.Itoa(int(left)); gruu && h.Instance != "" {
			line += r.gruus.params(h, r.cfg.Clock())
		}
		out = append(out, line)
	}
	return out
}

func (r *Registrar) refuse(req *stack.Request, no *refusal) *stack.Response {
	r.mu.Lock()
	r.stats.Refused++
	r.mu.Unlock()
	resp := stack.NewResponse(req, no.status, no.reason)
	if no.name != "" {
		resp.Add(no.name, no.header)
	}
	return resp
}

func (r *Registrar) report(u update, done outcome) {
	if !done.changed() {
		if done.refreshed > 0 {
			r.log.Debug("binding refreshed", slog.String("aor", u.AOR), slog.Any("from", u.received))
		}
		if done.revived {
			r.changed(u.AOR)
		}
		return
	}
	r.log.Info("bindings changed", slog.String("aor", u.AOR), slog.String("transport", u.transport), slog.Any("from", u.received),
		slog.String("agent", u.agent), slog.Int("added", done.added), slog.Int("removed", done.removed), slog.Int("evicted", done.evicted))
	r.changed(u.AOR)
}
