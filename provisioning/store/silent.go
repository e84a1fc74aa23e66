package store

import (
	"context"
	"net"
	"sync"
	"time"
)

// patient is a connection on which nothing that was asked waits longer than its time for the next bytes of the answer: a database that is stopped, or a
// machine that hangs, keeps its connections, and the kernel there goes on to acknowledge what nobody reads. lock_timeout is shorter, so that who waits for a
// turn is told so by the server.
type patient struct {
	net.Conn
	most time.Duration

	mu    sync.Mutex // a deadline of the caller's is never put off by ours
	outer deadlines
}

type deadlines struct{ read, write time.Time }

// earlier of the caller's deadline, if there is one, and ours.
func (p *patient) earlier(outer time.Time) time.Time {
	ours := time.Now().Add(p.most)
	if !outer.IsZero() && outer.Before(ours) {
		return outer
	}
	return ours
}

func (p *patient) Read(b []byte) (int, error) {
	p.mu.Lock()
	err := p.Conn.SetReadDeadline(p.earlier(p.outer.read))
	p.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return p.Conn.Read(b)
}

func (p *patient) Write(b []byte) (int, error) {
	p.mu.Lock()
	err := p.Conn.SetWriteDeadline(p.earlier(p.outer.write))
	p.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return p.Conn.Write(b)
}

func (p *patient) SetDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.outer = deadlines{t, t}
	return p.Conn.SetDeadline(t)
}

func (p *patient) SetReadDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.outer.read = t
	return p.Conn.SetReadDeadline(t)
}

func (p *patient) SetWriteDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.outer.write = t
	return p.Conn.SetWriteDeadline(t)
}

// dialPatient dials connections for statements. Migrations and the listener have others: they may wait.
func dialPatient(late, silent time.Duration) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dialer(late).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &patient{Conn: c, most: silent}, nil
	}
}
