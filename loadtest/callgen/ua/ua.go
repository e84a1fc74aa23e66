// Package ua is the SIP side of callgen: a minimal phone that registers, calls and answers, on one socket. It never touches media.
package ua

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"naisen/sip"
	"naisen/sip/auth"
	"naisen/sip/dialog"
	"naisen/sip/stack"
)

// Config of a phone.
type Config struct {
	Local     netip.Addr
	Switch    netip.AddrPort
	Transport string // "udp", "tcp", "tls"
	Domain    string // of the AORs; empty: the switch's address
	User      string
	Password  string      // empty: a challenge is not answered
	ClientTLS *tls.Config // for tls
	ServerTLS *tls.Config // for tls: what our Contact would serve
	Log       *slog.Logger
	// Incoming is asked once for each call that comes in; nil refuses all. What it gives must not block.
	Incoming func() Answerer
	// Arrived gets each call that was answered; nil: nobody ends it but its other side. It must not block.
	Arrived func(*Call)
	Rings   bool // for ever: calls are not answered
}

// Answerer gives the answer to an offer of one call, the first and any later one; an error refuses it with 488.
type Answerer func(offer []byte) (answer []byte, err error)

// Errors of Register and Call.
var (
	ErrRefused = errors.New("ua: refused")
	ErrEnded   = errors.New("ua: ended before it was answered")
)

// Phone is one registered or calling identity. Its methods are safe for concurrent use.
type Phone struct {
	cfg    Config
	stack  *stack.Stack
	ua     *dialog.UA
	target stack.Target
	done   sync.WaitGroup
	stop   context.CancelFunc

	mu       sync.Mutex
	sessions map[*dialog.Session]struct{}
}

// New opens the phone's socket and starts it. The caller must Close it.
func New(cfg Config) (*Phone, error) {
	if cfg.Domain == "" {
		cfg.Domain = cfg.Switch.Addr().String()
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	p := &Phone{cfg: cfg, sessions: map[*dialog.Session]struct{}{}}
	p.target = stack.Target{Transport: cfg.Transport, Addr: cfg.Switch, Local: cfg.Local}
	if cfg.ClientTLS != nil {
		p.target.TLS = &stack.ClientTLS{Config: cfg.ClientTLS}
	}
	sc := stack.Config{
		Listen:    []stack.Listen{{Transport: cfg.Transport, Addr: netip.AddrPortFrom(cfg.Local, 0)}},
		UserAgent: "callgen", Shards: 2,
		Limits:  stack.Limits{RatePerSource: 10000, Rate: 10000},
		Trusted: func(netip.Addr) bool { return true },
	}
	if cfg.ServerTLS != nil {
		sc.TLS = func() (*tls.Config, error) { return cfg.ServerTLS, nil }
	}
	var err error
	if p.stack, err = stack.New(sc, p, cfg.Log); err != nil {
		return nil, fmt.Errorf("ua: %w", err)
	}
	p.ua = dialog.New(p.stack, dialog.Config{ContactUser: cfg.User, SessionExpires: -1, Supported: []string{"timer"}}, cfg.Log)
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	p.done.Go(func() { _ = p.stack.Serve(ctx) })
	return p, nil
}

// Close hangs up what is left, waits a little for it, and releases the socket.
func (p *Phone) Close(ctx context.Context) error {
	err := p.ua.Close(ctx)
	p.stop()
	p.done.Wait()
	return err
}

func (p *Phone) aor(user string) sip.Address {
	return sip.Address{URI: sip.URI{Scheme: "sip", User: user, Host: p.cfg.Domain}}
}

// authorize answers the switch's challenges.
func (p *Phone) authorize(req *stack.Request, challenge *stack.Response) error {
	return auth.Authorize(req, challenge, auth.ClientCredential{User: p.cfg.User, Secret: p.cfg.Password, Realm: auth.AnyRealm}, nil)
}

// Register binds the phone's contact for the given time.
func (p *Phone) Register(ctx context.Context, expires time.Duration) error {
	me := p.aor(p.cfg.User)
	callID := token()
	var challenge *stack.Response
	var last *stack.Request
	for seq := 1; seq <= 3; seq++ {
		req := stack.NewRequest("REGISTER", sip.URI{Scheme: "sip", Host: p.cfg.Domain})
		req.Set("From", me.WithTag(callID[:8]).String())
		req.Set("To", me.String())
		req.Set("Call-ID", callID)
		req.Set("CSeq", fmt.Sprintf("%d REGISTER", seq))
		req.Set("Contact", sip.Address{URI: p.stack.Contact(p.cfg.User, p.target)}.String())
		req.Set("Expires", fmt.Sprint(int(expires.Seconds())))
		if challenge != nil {
			if err := p.authorize(req, challenge); err != nil {
				return fmt.Errorf("ua: register: %w", err)
			}
		}
		last = req
		resp, err := p.ask(ctx, last)
		switch {
		case err != nil:
			return err
		case resp.Status < 300:
			return nil
		case resp.Status != 401 && resp.Status != 407 || p.cfg.Password == "":
			return fmt.Errorf("%w: REGISTER: %d %s", ErrRefused, resp.Status, resp.Reason)
		}
		challenge = resp
	}
	return fmt.Errorf("%w: REGISTER: challenged again and again", ErrRefused)
}

// ask sends a request and waits for the final response.
func (p *Phone) ask(ctx context.Context, req *stack.Request) (*stack.Response, error) {
	final := make(chan stack.Result, 1)
	p.stack.Send(req, p.target, func(_ *stack.ClientTx, r stack.Result) {
		if r.Err != nil || r.Response.Status >= 200 {
			select {
			case final <- r:
			default:
			}
		}
	})
	select {
	case r := <-final:
		return r.Response, r.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Call is one call, of either side.
type Call struct {
	phone   *Phone
	session *dialog.Session
	ended   chan struct{}
	Setup   time.Duration // of one that we made: from INVITE to the first answer
	Answer  []byte        // to our offer
}

// Hangup ends it.
func (c *Call) Hangup() { c.session.End(sip.Cause{}) }

// Ended is closed when the call is over.
func (c *Call) Ended() <-chan struct{} { return c.ended }

// Offer describes our media anew, as to hold it or to take it up again.
func (c *Call) Offer(sdp []byte) { c.session.Offer(sdp) }

// Transfer asks the switch to have the other side talk with a number (RFC 3515), or in the place of another call of ours (RFC 3891).
func (c *Call) Transfer(to string, replaces *Call) {
	var other *dialog.Session
	if replaces != nil {
		other = replaces.session
	}
	c.session.Refer(c.phone.aor(to).URI, other)
}

// Call places a call and waits until it is answered. early gets early answers (183), again the switch's later offers.
func (p *Phone) Call(ctx context.Context, to string, offer []byte, early func(answer []byte), again Answerer) (*Call, error) {
	type outcome struct {
		answer []byte
		err    error
	}
	result := make(chan outcome, 1)
	tell := func(o outcome) {
		select {
		case result <- o:
		default:
		}
	}
	uri := p.aor(to).URI
	inv := dialog.Invite{
		ID: token(), URI: uri, To: sip.Address{URI: uri}, From: p.aor(p.cfg.User), Targets: []stack.Target{p.target}, Body: offer,
		ContactUser: p.cfg.User,
	}
	if p.cfg.Password != "" {
		inv.Authorize = p.authorize
	}
	start := time.Now()
	ended := make(chan struct{})
	var s *dialog.Session
	var made sync.Mutex // an event may come before Invite returned
	made.Lock()
	s = p.ua.Invite(inv, func(ev dialog.Event) {
		switch ev := ev.(type) {
		case dialog.Progress:
			if len(ev.SDP) > 0 {
				early(ev.SDP)
			}
		case dialog.Offered:
			made.Lock()
			defer made.Unlock()
			reply(s, again, ev.SDP)
		case dialog.Answered:
			tell(outcome{answer: ev.SDP})
		case dialog.Ended:
			close(ended)
			tell(outcome{err: fmt.Errorf("%w: %s", ErrEnded, ev.Cause)})
		}
	})
	made.Unlock()
	select {
	case o := <-result:
		if o.err != nil {
			return nil, o.err
		}
		return &Call{phone: p, session: s, ended: ended, Setup: time.Since(start), Answer: o.answer}, nil
	case <-ctx.Done():
		s.End(sip.StatusCause(487))
		return nil, ctx.Err()
	}
}

// Live counts the answered calls that came in and did not end.
func (p *Phone) Live() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.sessions)
}
