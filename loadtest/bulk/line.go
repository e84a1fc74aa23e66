// Package bulk makes SIP by the thousand from few sockets, and notes when each message left and when the kernel had each answer: set-up
// times, registrations and calls per second. It parses with sip/stack and keeps no transactions: nothing is retransmitted, so a lost
// message counts as a failure. It never touches media and never looks into the switch.
package bulk

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"naisen/sip"
	"naisen/sip/auth"
	"naisen/sip/stack"
)

// Errors of a registration or call.
var (
	ErrTimeout = errors.New("bulk: no answer in time")
	ErrRefused = errors.New("bulk: refused")
)

// patience is how long an answer is waited for: beyond it a person would call it a failure, whatever SIP's timers say.
const patience = 8 * time.Second

// Account is who a phone is.
type Account struct{ User, Password string }

// message is what arrived, exactly one of Request and Response set, and when the kernel had it.
type message struct {
	*stack.Request
	*stack.Response
	at time.Time
}

// Line is one socket. Any number of accounts may use it at once.
type Line struct {
	conn   *net.UDPConn
	local  netip.AddrPort
	to     netip.AddrPort
	domain string
	done   sync.WaitGroup
	bad    atomic.Uint64

	mu      sync.Mutex
	talks   map[string]chan message // by Call-ID
	arrived func(message)           // a request of no known Call-ID
}

// Open opens a socket on a local address towards the switch, or towards another Line for a direct call.
func Open(local netip.Addr, to netip.AddrPort, domain string) (*Line, error) {
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, 0)))
	if err != nil {
		return nil, fmt.Errorf("bulk: %w", err)
	}
	_ = conn.SetReadBuffer(4 << 20) // as far as the kernel allows
	raw, err := conn.SyscallConn()
	if err == nil {
		err = errors.Join(raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1) }), err)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("bulk: %w", err), conn.Close())
	}
	l := &Line{conn: conn, local: conn.LocalAddr().(*net.UDPAddr).AddrPort(), to: to, domain: domain, talks: map[string]chan message{}}
	l.done.Go(l.read)
	return l, nil
}

// Local is the socket's address.
func (l *Line) Local() netip.AddrPort { return l.local }

// Close closes the socket; waiting calls run into their patience.
func (l *Line) Close() error {
	err := l.conn.Close()
	l.done.Wait()
	return err
}

// Bad counts datagrams that are no SIP.
func (l *Line) Bad() uint64 { return l.bad.Load() }

func (l *Line) read() {
	buf, oob := make([]byte, 65536), make([]byte, 128)
	for {
		n, on, _, _, err := l.conn.ReadMsgUDPAddrPort(buf, oob)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // ICMP of a port that closed
		}
		at := stamp(oob[:on])
		req, resp, err := stack.Parse(append([]byte(nil), buf[:n]...))
		if err != nil {
			l.bad.Add(1)
			continue
		}
		m := message{req, resp, at}
		var id string
		if req != nil {
			id = req.CallID()
		} else {
			id = resp.CallID()
		}
		l.mu.Lock()
		talk, arrived := l.talks[id], l.arrived
		l.mu.Unlock()
		switch {
		case talk != nil:
			select {
			case talk <- m:
			default:
				l.bad.Add(1) // nobody reads it: the call has all it waits for
			}
		case req != nil && arrived != nil:
			arrived(m)
		}
	}
}

// stamp is the kernel's time of arrival.
func stamp(oob []byte) time.Time {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return time.Now()
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_TIMESTAMPNS && len(m.Data) >= 16 {
			return time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:])))
		}
	}
	return time.Now()
}

// talk opens a conversation.
func (l *Line) talk() (id string, in chan message, end func()) {
	id, in = stack.NewCallID(), make(chan message, 16)
	l.mu.Lock()
	l.talks[id] = in
	l.mu.Unlock()
	return id, in, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.talks, id)
	}
}

// request makes a request from an account.
func (l *Line) request(method string, uri sip.URI, from, to sip.Address, callID string, seq int) *stack.Request {
	r := stack.NewRequest(method, uri)
	r.Add("Via", fmt.Sprintf("SIP/2.0/UDP %s;branch=z9hG4bK%s;rport", l.local, stack.NewTag()))
	r.Add("Max-Forwards", "70")
	r.SetFrom(from)
	r.SetTo(to)
	r.Add("Call-ID", callID)
	r.Add("CSeq", fmt.Sprintf("%d %s", seq, method))
	r.Add("User-Agent", "naisen-bulk")
	return r
}

func (l *Line) contact(user string) sip.Address {
	return sip.Address{URI: sip.URI{Scheme: "sip", User: user, Host: l.local.Addr().String(), Port: int(l.local.Port())}}
}

func (l *Line) aor(user string) sip.Address {
	return sip.Address{URI: sip.URI{Scheme: "sip", User: user, Host: l.domain}}
}

// send writes a message and says when.
func (l *Line) send(m interface {
	Append([]byte) ([]byte, error)
}, to netip.AddrPort) (time.Time, error) {
	b, err := m.Append(nil)
	if err != nil {
		return time.Time{}, fmt.Errorf("bulk: %w", err)
	}
	at := time.Now()
	_, err = l.conn.WriteToUDPAddrPort(b, to)
	return at, err
}

// final waits for the final response to the CSeq.
func final(ctx context.Context, in <-chan message, seq uint32) (message, error) {
	t := time.NewTimer(patience)
	defer t.Stop()
	for {
		select {
		case m := <-in:
			if m.Response == nil || m.Response.Status < 200 {
				continue
			}
			if n, _ := m.Response.CSeq(); n == seq {
				return m, nil
			}
		case <-t.C:
			return message{}, ErrTimeout
		case <-ctx.Done():
			return message{}, ctx.Err()
		}
	}
}

func authorize(r *stack.Request, challenge *stack.Response, a Account) error {
	return auth.Authorize(r, challenge, auth.ClientCredential{User: a.User, Secret: a.Password, Realm: auth.AnyRealm}, nil)
}

// Register binds the line's address to an account: challenged and answered. It gives the time from the first REGISTER to the 200.
func (l *Line) Register(ctx context.Context, a Account, expires time.Duration) (time.Duration, error) {
	return l.RegisterWith(ctx, a, expires, nil)
}

// RegisterWith is Register with parameters of the Contact's URI.
func (l *Line) RegisterWith(ctx context.Context, a Account, expires time.Duration, params map[string]string) (time.Duration, error) {
	contact := l.contact(a.User)
	for name, value := range params {
		contact.URI.Params.Set(name, value)
	}
	id, in, end := l.talk()
	defer end()
	var began time.Time
	var challenge *stack.Response
	tag := stack.NewTag()
	for seq := 1; seq <= 2; seq++ {
		r := l.request("REGISTER", sip.URI{Scheme: "sip", Host: l.domain}, l.aor(a.User).WithTag(tag), l.aor(a.User), id, seq)
		r.SetContact(contact)
		r.Add("Expires", fmt.Sprint(int(expires.Seconds())))
		if challenge != nil {
			if err := authorize(r, challenge, a); err != nil {
				return 0, err
			}
		}
		at, err := l.send(r, l.to)
		if err != nil {
			return 0, err
		}
		if began.IsZero() {
			began = at
		}
		m, err := final(ctx, in, uint32(seq))
		if err != nil {
			return 0, err
		}
		switch {
		case m.Response.Status == 200:
			return m.at.Sub(began), nil
		case m.Response.Status != 401 || seq == 2:
			return 0, fmt.Errorf("%w: REGISTER: %d", ErrRefused, m.Response.Status)
		}
		challenge = m.Response
	}
	return 0, ErrRefused
}
