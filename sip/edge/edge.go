// Package edge passes requests between a telephone and another node of ours that has its call, or shall have it: a proxy for these two and for nobody else (RFC
// 3261 section 16, record-routed twice as RFC 5658 says, since the transports differ). It never routes a call and keeps nothing of a dialog: where a request goes stands in
// its Route, as this node has written it. It never decides who is a node.
package edge

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"sync"

	"naisen/sip"
	"naisen/sip/stack"
)

// Network is the part of stack.Stack that is used.
type Network interface {
	Send(*stack.Request, stack.Target, func(*stack.ClientTx, stack.Result)) *stack.ClientTx
	SendAck(*stack.Request, stack.Target) error
	Contact(user string, to stack.Target) sip.URI
}

// Nodes says who is one.
type Nodes interface {
	Who(*stack.Flow) (node string, ok bool)          // which other node's certificate the peer of a connection has proved
	Way(node string) (stack.Target, bool)            // to another node that lives
	Here(aor, key string) (to stack.Target, ok bool) // to a telephone that this node has
	Self() sip.URI                                   // where the other nodes reach this one
}

// Edge is safe for concurrent use.
type Edge struct {
	network Network
	nodes   Nodes
	key     []byte

	mu      sync.Mutex
	pending map[*stack.ServerTx]*stack.ClientTx // INVITEs without a final answer: each belongs to a transaction of the stack, which are bounded
}

// New makes an Edge. key outlives the process, so that calls outlive it too.
func New(network Network, nodes Nodes, key []byte) *Edge {
	return &Edge{network: network, nodes: nodes, key: key, pending: map[*stack.ServerTx]*stack.ClientTx{}}
}

// The user parts of what this node writes into Route and Record-Route. A telephone's is told by nodes alone; a node's carries a mark over the Call-ID, since
// telephones say it, and who makes one up would talk to a node as if this one had let him.
const (
	toPhone = "to-phone."
	toNode  = "to-node."
)

// Route leads by way of a node, which is reached at, to the telephone of a binding there.
func Route(at sip.URI, aor, key string) sip.Address {
	at.User = toPhone + base64.RawURLEncoding.EncodeToString([]byte(aor+"\n"+key))
	return loose(at)
}

func loose(u sip.URI) sip.Address {
	u.Params = append(append(sip.Params{}, u.Params...), sip.Param{Name: "lr", Flag: true})
	return sip.Address{URI: u}
}

func ours(u sip.URI) bool {
	return strings.HasPrefix(u.User, toPhone) || strings.HasPrefix(u.User, toNode)
}

// marked is the user part that leads a telephone's requests of a dialog to a node.
func (e *Edge) marked(node, callID string, secure bool) string {
	kind := "0"
	if secure {
		kind = "1"
	}
	mac := hmac.New(sha256.New, e.key)
	mac.Write([]byte("naisen edge\n" + kind + "\n" + node + "\n" + callID)) // a node's name has no line feed
	return toNode + kind + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16]) + "." + node
}

// hop is where a request goes on to.
type hop struct {
	to   stack.Target
	self []sip.Address // Record-Route, the topmost first; nil: none
	rest []sip.Address // Route
}

var (
	errRoute  = errors.New("edge: broken Route")
	errDenied = errors.New("edge: not for the one who asks")
	errGone   = errors.New("edge: the telephone is not here any more")
	errDead   = errors.New("edge: the node that has the call is dead")
)

// next reads where a request goes on to. ok: it is for the edge.
func (e *Edge) next(r *stack.Request) (h hop, ok bool, err error) {
	if !r.Has("Route") {
		return h, false, nil
	}
	list, err := r.Routes()
	if err != nil || len(list) == 0 || !ours(list[0].URI) {
		return h, false, nil // who else is meant may say what is wrong with it
	}
	first := list[0].URI.User
	for len(list) > 0 && ours(list[0].URI) {
		list = list[1:]
	}
	h.rest = list
	if code, yes := strings.CutPrefix(first, toPhone); yes {
		return h, true, e.phone(r, code, &h)
	}
	return h, true, e.node(r, first, &h)
}

// phone: a node sends to a telephone here.
func (e *Edge) phone(r *stack.Request, code string, h *hop) error {
	who, ok := e.nodes.Who(r.Flow)
	if !ok {
		return errDenied
	}
	plain, err := base64.RawURLEncoding.DecodeString(code)
	if err != nil {
		return errRoute
	}
	aor, key, _ := strings.Cut(string(plain), "\n")
	if h.to, ok = e.nodes.Here(aor, key); !ok {
		return errGone
	}
	if r.Method == "INVITE" && r.To().Tag() == "" {
		secure := h.to.Flow != nil && h.to.Flow.Secure()
		h.self = []sip.Address{loose(e.network.Contact(e.marked(who, r.CallID(), secure), h.to)), Route(e.nodes.Self(), aor, key)}
	}
	return nil
}

// node: a telephone here sends to the node that has its call.
func (e *Edge) node(r *stack.Request, user string, h *hop) (err error) {
	parts := strings.SplitN(strings.TrimPrefix(user, toNode), ".", 3)
	if len(parts) != 3 || r.To().Tag() == "" {
		return errDenied
	}
	secure := parts[0] == "1"
	if !hmac.Equal([]byte(user), []byte(e.marked(parts[2], r.CallID(), secure))) || secure && !r.Flow.Secure() { // nobody moves a TLS dialog to clear text
		return errDenied
	}
	var ok bool
	if h.to, ok = e.nodes.Way(parts[2]); !ok {
		return errDead
	}
	return nil
}

// onward is the request as it goes on.
func onward(r *stack.Request, h hop) *stack.Request {
	out := stack.NewRequest(r.Method, r.URI)
	r.Each(func(f stack.Header) bool {
		switch f.Name {
		case "Via", "Route", "Record-Route", "Max-Forwards", "Content-Length":
		default:
			out.Add(f.Name, f.Value)
		}
		return true
	})
	for _, a := range h.rest {
		out.Add("Route", a.String())
	}
	for _, a := range h.self {
		out.Add("Record-Route", a.String())
	}
	for _, line := range r.Lines("Record-Route") {
		out.Add("Record-Route", line)
	}
	out.Set("Max-Forwards", strconv.Itoa(r.MaxForwards()-1))
	out.Body = r.Body
	return out
}

// Request takes a request that goes on to a telephone or to a node. False: it is not for the edge.
func (e *Edge) Request(tx *stack.ServerTx) bool {
	r := tx.Request()
	h, ok, err := e.next(r)
	if !ok {
		return false
	}
	status := 0
	switch {
	case errors.Is(err, errGone):
		status = 430 // RFC 5626 section 11.5: the call goes on to the telephone's other flow
	case errors.Is(err, errDead):
		status = 481
	case errors.Is(err, errDenied):
		status = 403
	case err != nil:
		status = 400
	case r.MaxForwards() <= 0:
		status = 483
	}
	switch {
	case status == 403: // he has proved nothing
		_ = tx.Decline(stack.NewResponse(r, status, ""))
		return true
	case status != 0:
		_ = tx.Respond(stack.NewResponse(r, status, ""))
		return true
	}
	e.send(tx, onward(r, h), h.to)
	return true
}

func (e *Edge) send(tx *stack.ServerTx, r *stack.Request, to stack.Target) {
	invite := r.Method == "INVITE"
	if invite {
		e.mu.Lock() // the result may come before Send has returned
		defer e.mu.Unlock()
	}
	sent := e.network.Send(r, to, func(_ *stack.ClientTx, res stack.Result) { e.answer(tx, res) })
	if invite {
		e.pending[tx] = sent
	}
}

// caller is the header by which a node tells another one who calls, as it has proved him. Whatever a telephone writes there is taken out.
const caller = "X-Naisen-Caller"

// Enter lets the INVITE of a telephone here, outside a dialog, become a call at another node. who is what that node is told of the caller; aor and key are the
// telephone's binding, by which the call's requests reach it. False: that node is away, and nothing has happened.
func (e *Edge) Enter(tx *stack.ServerTx, node, aor, key, who string) bool {
	r := tx.Request()
	to, ok := e.nodes.Way(node)
	if !ok || r.MaxForwards() <= 0 {
		return false
	}
	phone := e.network.Contact(e.marked(node, r.CallID(), r.Flow.Secure()), stack.Target{Flow: r.Flow})
	out := onward(r, hop{self: []sip.Address{Route(e.nodes.Self(), aor, key), loose(phone)}}) // by what Route it came here is its own business
	for _, name := range []string{caller, "Authorization", "Proxy-Authorization"} {
		out.Del(name)
	}
	out.Set(caller, who)
	e.send(tx, out, to)
	return true
}

// Entered is what a node says of the caller whose INVITE it lets enter here. False: the request is nothing of that kind; who is no node can send none.
func (e *Edge) Entered(r *stack.Request) (who string, ok bool) {
	if who = r.Get(caller); who == "" || r.Method != "INVITE" || r.To().Tag() != "" {
		return "", false
	}
	_, ok = e.nodes.Who(r.Flow)
	return who, ok
}

// answer passes a response back; it runs on the Call-ID's shard.
func (e *Edge) answer(tx *stack.ServerTx, res stack.Result) {
	if res.Err == nil && res.Response.Status == 100 {
		return // the transaction here says it
	}
	if res.Err != nil || res.Response.Status >= 200 {
		e.mu.Lock()
		delete(e.pending, tx)
		e.mu.Unlock()
	}
	_ = tx.Respond(e.back(tx.Request(), res)) // who asked may be gone: nobody else waits
}

func (e *Edge) back(r *stack.Request, res stack.Result) *stack.Response {
	switch {
	case errors.Is(res.Err, stack.ErrTimeout):
		return stack.NewResponse(r, 408, "")
	case errors.Is(res.Err, stack.ErrFlowGone):
		return stack.NewResponse(r, 430, "")
	case res.Err != nil:
		return stack.NewResponse(r, 503, "")
	}
	from := res.Response
	out := stack.NewResponse(r, from.Status, from.Reason)
	out.Del("To")
	from.Each(func(f stack.Header) bool {
		switch f.Name {
		case "Via", "From", "Call-ID", "CSeq", "Content-Length":
		default:
			out.Add(f.Name, f.Value)
		}
		return true
	})
	out.Body = from.Body
	return out
}

// Cancel takes the CANCEL of a request that went on. False: it is not the edge's.
func (e *Edge) Cancel(tx *stack.ServerTx) bool {
	e.mu.Lock()
	sent := e.pending[tx]
	e.mu.Unlock()
	if sent == nil {
		return false
	}
	sent.Cancel(strings.Join(tx.CancelReason(), ", "))
	return true
}

// Ack takes the ACK of a 2xx that goes on. False: it is not for the edge.
func (e *Edge) Ack(r *stack.Request) bool {
	h, ok, err := e.next(r)
	if ok && err == nil && r.MaxForwards() > 0 {
		_ = e.network.SendAck(onward(r, h), h.to) // nobody can be told
	}
	return ok
}
