package secure

import (
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// wireQueue is how many datagrams of a handshake may wait: its longest flight has about six. More are dropped, as a network does.
const wireQueue = 16

// Wire is the connection that a handshake runs over: its owner brings datagrams from where it trusts them and takes those that are to be sent. It
// implements net.PacketConn.
type Wire struct {
	in    chan []byte
	out   func([]byte)
	at    net.Addr
	muted atomic.Bool
	once  sync.Once
	done  chan struct{}

	mu    sync.Mutex
	late  chan struct{} // guarded by mu: closed once the read deadline has passed
	timer *time.Timer   // guarded by mu
}

// NewWire makes a wire. out is called with each datagram to send, which it must not keep, from the handshake's goroutines; at names both ends
// to the library, and means nothing.
func NewWire(out func([]byte), at net.Addr) *Wire {
	return &Wire{in: make(chan []byte, wireQueue), out: out, at: at, done: make(chan struct{}), late: make(chan struct{})}
}

// Deliver brings a datagram, which is copied. It never blocks; false: it was dropped.
func (w *Wire) Deliver(pkt []byte) bool {
	select {
	case <-w.done:
		return false
	default:
	}
	if len(w.in) == cap(w.in) {
		return false
	}
	select {
	case w.in <- append([]byte(nil), pkt...):
		return true
	default:
		return false
	}
}

// Mute drops what is sent from now on: an association that is put away must not tell the peer that it ends.
func (w *Wire) Mute() { w.muted.Store(true) }

// ReadFrom implements net.PacketConn.
func (w *Wire) ReadFrom(p []byte) (int, net.Addr, error) {
	w.mu.Lock()
	late := w.late
	w.mu.Unlock()
	select {
	case <-late:
		return 0, nil, os.ErrDeadlineExceeded
	default:
	}
	select {
	case b := <-w.in:
		return copy(p, b), w.at, nil
	case <-w.done:
		return 0, nil, net.ErrClosed
	case <-late:
		return 0, nil, os.ErrDeadlineExceeded
	}
}

// WriteTo implements net.PacketConn.
func (w *Wire) WriteTo(p []byte, _ net.Addr) (int, error) {
	select {
	case <-w.done:
		return 0, net.ErrClosed
	default:
	}
	if !w.muted.Load() {
		w.out(p)
	}
	return len(p), nil
}

// Close implements net.PacketConn.
func (w *Wire) Close() error {
	w.once.Do(func() { close(w.done) })
	return w.SetReadDeadline(time.Time{})
}

// LocalAddr implements net.PacketConn.
func (w *Wire) LocalAddr() net.Addr { return w.at }

// SetDeadline implements net.PacketConn.
func (w *Wire) SetDeadline(t time.Time) error { return w.SetReadDeadline(t) }

// SetWriteDeadline implements net.PacketConn: sending never waits.
func (w *Wire) SetWriteDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.PacketConn; it reaches reads under way.
func (w *Wire) SetReadDeadline(t time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil && !w.timer.Stop() || w.timer == nil {
		select {
		case <-w.late: // a deadline that has passed is over: readers after it wait anew
			w.late = make(chan struct{})
		default:
		}
	}
	w.timer = nil
	if t.IsZero() {
		return nil
	}
	late := w.late
	if d := time.Until(t); d > 0 {
		w.timer = time.AfterFunc(d, func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.late == late {
				closeOnce(late)
			}
		})
		return nil
	}
	closeOnce(late)
	return nil
}

func closeOnce(c chan struct{}) {
	select {
	case <-c:
	default:
		close(c)
	}
}
