package demo

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"naisen/media"
	"naisen/media/play"
	"naisen/sip"
	"naisen/sip/auth"
	"naisen/sip/dialog"
	"naisen/sip/stack"
)

// phoneConfig says what a phone is.
type phoneConfig struct {
	name     string // for errors
	host     netip.Addr
	user     string
	domain   string
	password string         // empty: a challenge is not answered
	proxy    netip.AddrPort // the switch
	tls      *tls.Config    // nil: UDP
	security media.Security
	voice    *play.Clip
	engine   media.Engine
}

// What a phone tells the story.
const (
	ringing  = "ringing"  // somebody calls
	early    = "early"    // there is something to hear before the answer
	answered = "answered" // our call was
	ended    = "ended"
	failed   = "failed" // with why
)

type note struct {
	what  string
	cause sip.Cause
	err   error
}

// phone has one line: it makes one call or takes one.
type phone struct {
	phoneConfig
	target stack.Target
	stack  *stack.Stack
	ua     *dialog.UA
	notes  chan note
	stop   context.CancelFunc
	served sync.WaitGroup

	mu      sync.Mutex // guards what follows; held while a call is being made, so that its events wait
	session *dialog.Session
	answer  media.SDP
	line    media.Endpoint
	bridge  media.Bridge
	ear     *ear
}

var (
	errBusy      = errors.New("the line is in use")
	errNoServer  = errors.New("a phone takes no TLS connections")
	errImpatient = errors.New("nothing happened in time")
)

// newPhone opens the phone's socket. It must be closed.
func newPhone(c phoneConfig) (*phone, error) {
	p := &phone{phoneConfig: c, notes: make(chan note, 32), ear: newEar()}
	p.target = stack.Target{Transport: "udp", Addr: c.proxy, Local: c.host}
	if c.tls != nil {
		p.target.TLS = &stack.ClientTLS{Config: c.tls}
		p.target.Transport = "tls"
	}
	var err error
	p.stack, err = stack.New(stack.Config{UserAgent: "Naisen-demo", Shards: 1,
		Listen: []stack.Listen{{Transport: p.target.Transport, Addr: netip.AddrPortFrom(c.host, 0)}},
		TLS:    func() (*tls.Config, error) { return nil, errNoServer }}, p, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	p.ua = dialog.New(p.stack, dialog.Config{ContactUser: c.user, Supported: []string{"timer"}}, slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	p.served.Go(func() { _ = p.stack.Serve(ctx) })
	return p, nil
}

// close hangs up, waits a moment for it, and frees everything.
func (p *phone) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_ = p.ua.Close(ctx) // what does not end in time ends with the stack
	p.stop()
	p.served.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.line != nil {
		_ = p.bridge.Close()
		_ = p.line.Close()
	}
}

// tell never blocks: nobody waits for more notes than there is room for.
func (p *phone) tell(n note) {
	select {
	case p.notes <- n:
	default:
	}
}

// wait passes over other notes until the one that it waits for; a call that ends or fails ends the waiting.
func (p *phone) wait(ctx context.Context, what string, patience time.Duration) (sip.Cause, error) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		select {
		case n := <-p.notes:
			switch {
			case n.what == what:
				return n.cause, nil
			case n.what == failed:
				return n.cause, fmt.Errorf("%s waits for %q: %w", p.name, what, n.err)
			case n.what == ended:
				return n.cause, fmt.Errorf("%s waits for %q, but the call ended: %s", p.name, what, n.cause)
			}
		case <-timer.C:
			return sip.Cause{}, fmt.Errorf("%s waits for %q: %w (%s)", p.name, what, errImpatient, patience)
		case <-ctx.Done():
			return sip.Cause{}, fmt.Errorf("%s waits for %q: %w", p.name, what, ctx.Err())
		}
	}
}

func (p *phone) aor() sip.Address {
	return sip.Address{URI: sip.URI{Scheme: "sip", User: p.user, Host: p.domain}}
}

func (p *phone) authorize(req *stack.Request, challenge *stack.Response) error {
	return auth.Authorize(req, challenge, auth.ClientCredential{User: p.user, Secret: p.password, Realm: p.domain}, nil)
}

// register binds the phone's contact (RFC 3261 section 10.2); at most one challenge is answered.
func (p *phone) register(ctx context.Context) error {
	req := stack.NewRequest("REGISTER", sip.URI{Scheme: "sip", Host: p.domain})
	req.SetFrom(p.aor().WithTag(stack.NewTag()))
	req.SetTo(p.aor())
	req.Add("Call-ID", stack.NewCallID())
	req.Add("CSeq", "1 REGISTER")
	req.SetContact(sip.Address{URI: p.stack.Contact(p.user, p.target)})
	req.Add("Expires", "300")
	resp, err := p.ask(ctx, req)
	if err == nil && resp.Status == 401 {
		if err = p.authorize(req, resp); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		req.Set("CSeq", "2 REGISTER")
		resp, err = p.ask(ctx, req)
	}
	if err == nil && resp.Status != 200 {
		err = fmt.Errorf("REGISTER: %d %s", resp.Status, resp.Reason)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return nil
}

// ask sends a request and waits for its final response.
func (p *phone) ask(ctx context.Context, req *stack.Request) (*stack.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	final := make(chan stack.Result, 1)
	p.stack.Send(req, p.target, func(_ *stack.ClientTx, r stack.Result) {
		if r.Err != nil || r.Response.Status >= 200 {
			final <- r // the final one comes once: this is no INVITE
		}
	})
	select {
	case r := <-final:
		return r.Response, r.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
