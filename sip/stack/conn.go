package stack

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// Deadlines of a connection, and what may wait to be written to it.
const (
	handshakeTime = 10 * time.Second
	halfTime      = 90 * time.Second // from the first byte of a message to its last; also a connection that has not proven itself
	provenIdle    = 2 * time.Hour    // one that has: TCP keep-alive finds the dead sooner
	writeTime     = 10 * time.Second
	sendMessages  = 256
	sendBytes     = 1 << 20
	readSize      = 2048
)

// conn is one TCP, TLS or WebSocket connection, accepted or dialled. Its reader is one goroutine; a writer exists only while something waits.
type conn struct {
	s      *Stack
	nc     net.Conn        // what messages go through
	raw    net.Conn        // below TLS; the same as nc on TCP. Closing it never waits for the peer
	ws     *websocket.Conn // over nc, or nil: the connection carries a stream
	flow   *Flow
	dialed *dialKey // nil on an accepted one
	proven atomic.Bool
	proofs proofs

	mu      sync.Mutex
	queue   [][]byte      // guarded by mu
	bytes   int           // guarded by mu
	writing bool          // guarded by mu
	last    bool          // guarded by mu: close once the queue is written
	leaving bool          // guarded by mu: a WebSocket is being told good-bye
	expiry  *time.Timer   // guarded by mu: see Flow.EndAt
	quiet   time.Duration // guarded by mu: see Flow.Expect; 0: the usual
	waits   *time.Timer   // guarded by mu: ends the wait for a WebSocket's next message
	half    bool          // guarded by mu: a message has begun, and the deadline is its own
	dead    chan struct{}
	once    sync.Once
}

func (s *Stack) newConn(nc, raw net.Conn, transport string) *conn {
	c := &conn{s: s, nc: nc, raw: raw, dead: make(chan struct{})}
	c.flow = &Flow{
		id: transport + "#" + strconv.FormatUint(s.flowID.Add(1), 10), transport: transport,
		local: addrPort(raw.LocalAddr()), remote: addrPort(raw.RemoteAddr()), conn: c,
	}
	if t, ok := nc.(*tls.Conn); ok {
		c.flow.certs = t.ConnectionState().PeerCertificates
	}
	return c
}

func (c *conn) closed() bool {
	select {
	case <-c.dead:
		return true
	default:
		return false
	}
}

// ending: nothing can be sent any more.
func (c *conn) ending() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.leaving || c.closed()
}

// close never blocks and may be called anywhere.
func (c *conn) close() {
	c.once.Do(func() {
		close(c.dead)
		_ = c.raw.Close()
	})
}

// closeAfter closes once what waits is written.
func (c *conn) closeAfter() {
	c.mu.Lock()
	c.last = true
	idle := !c.writing
	c.mu.Unlock()
	if idle {
		c.close()
	}
}

// send queues one message. A peer that does not read loses the connection, not our memory.
func (c *conn) send(b []byte) error {
	if c.closed() {
		return ErrFlowGone
	}
	c.mu.Lock()
	if c.last {
		c.mu.Unlock()
		return ErrFlowGone
	}
	if len(c.queue) >= sendMessages || c.bytes+len(b) > sendBytes {
		c.mu.Unlock()
		c.s.stats.shed.Add(1)
		c.s.log.Warn("sip connection closed: peer does not read", "flow", c.flow.id, "remote", c.flow.remote)
		c.farewell(closeSlow, "messages are not read")
		return ErrFlowGone
	}
	c.queue = append(c.queue, append([]byte(nil), b...))
	c.bytes += len(b)
	start := !c.writing
	c.writing = true
	c.mu.Unlock()
	if start && !c.s.spawn(c.write) {
		c.close()
		return ErrFlowGone
	}
	return nil
}

// write empties the queue and ends.
func (c *conn) write() {
	for {
		c.mu.Lock()
		if len(c.queue) == 0 {
			c.writing, c.queue = false, nil
			last := c.last && !c.leaving
			c.mu.Unlock()
			if last {
				c.close()
			}
			return
		}
		b := c.queue[0]
		c.queue = c.queue[1:]
		c.bytes -= len(b)
		c.mu.Unlock()
		c.s.traceOut(c.flow, b)
		if c.put(b) != nil {
			c.close()
			return
		}
		c.s.stats.sent.Add(1)
	}
}

func (c *conn) put(b []byte) error {
	if c.ws != nil {
		return c.writeSocket(b)
	}
	_ = c.nc.SetWriteDeadline(time.Now().Add(writeTime))
	_, err := c.nc.Write(b)
	return err
}

// read is a stream's goroutine. It returns when the connection is closed, by whomever.
func (c *conn) read() {
	f := framer{limit: c.s.limits.MessageBytes}
	buf := make([]byte, readSize)
	got := true
	for !c.closed() {
		c.await(f.pending(), got)
		n, err := c.nc.Read(buf)
		if n > 0 {
			f.write(buf[:n])
			more := false
			if got, more = c.frames(&f); !more {
				break
			}
		}
		if err != nil {
			break
		}
	}
	c.lingering()
}

// await sets the deadline of the next read: that of a message which has begun stays until it is whole.
func (c *conn) await(pending, got bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if pending && c.half && !got {
		return
	}
	c.half = pending
	wait := halfTime
	if !pending {
		wait = c.idleLocked()
	}
	_ = c.nc.SetReadDeadline(time.Now().Add(wait))
}

func (c *conn) idleLocked() time.Duration {
	switch {
	case c.quiet > 0:
		return c.quiet
	case c.proven.Load():
		return provenIdle
	}
	return halfTime
}

// Expect closes a stream on which nothing arrives for so long: its peer has promised to show that it lives (RFC 5626 section 4.4.1). 0 takes
// that back. A WebSocket has pings of its own, and a UDP flow no end.
func (f *Flow) Expect(within time.Duration) {
	c := f.conn
	if c == nil || c.ws != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.quiet = within
	c.renewLocked()
}

// prove lets the connection idle on for longer, from now on.
func (c *conn) prove() {
	if c.proven.Swap(true) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.renewLocked()
}

// renewLocked gives the read that waits already another deadline.
func (c *conn) renewLocked() {
	switch {
	case c.ws != nil && c.waits != nil:
		c.waits.Reset(c.idleLocked())
	case c.ws == nil && !c.half:
		_ = c.nc.SetReadDeadline(time.Now().Add(c.idleLocked()))
	}
}

// lingering gives an answer on its way out a moment before the socket goes.
func (c *conn) lingering() {
	c.mu.Lock()
	wait := c.last && (c.writing || c.leaving)
	c.mu.Unlock()
	if wait {
		t := time.NewTimer(time.Second)
		defer t.Stop()
		select {
		case <-t.C:
		case <-c.dead:
		case <-c.s.done:
		}
	}
	c.close()
}

// frames takes everything whole off the stream. It tells whether anything was, and whether to read on; a refusal that is queued
// still goes out when not.
func (c *conn) frames(f *framer) (got, more bool) {
	for !c.closed() {
		b, kind := f.next()
		switch kind {
		case frameNone:
			return got, true
		case framePing:
			_ = c.send(crlf)
		case frameMessage:
			c.s.stream(b, c)
		case frameLast:
			c.s.stream(b, c)
			c.closeAfter()
			return true, false
		case frameBroken:
			c.s.stats.malformed.Add(1)
			c.s.sample("sip stream is not framed as SIP; closed", c.flow, "")
			c.closeAfter()
			return true, false
		}
		got = true
	}
	return got, false
}

// serve runs a connection that is counted already, and tells everyone when it has ended.
func (c *conn) serve() {
	if c.ws != nil {
		c.readSocket()
		c.flow.EndAt(time.Time{})
	} else {
		c.read()
	}
	c.s.forget(c)
	for _, sh := range c.s.shards {
		sh.do(func() { sh.flowGone(c.flow) })
	}
	c.s.flowClosed(c.flow)
}

// accept takes connections of one listener until it is closed.
func (l *streamListener) serve() {
	backoff := time.Duration(0)
	for {
		nc, err := l.ln.Accept()
		if err != nil {
			if l.s.closing() || errors.Is(err, net.ErrClosed) {
				return
			}
			backoff = min(max(2*backoff, 5*time.Millisecond), time.Second) // out of descriptors: threats.md I10
			l.s.log.Warn("sip accept", "local", l.addr, "err", err)
			if !l.s.pause(backoff) {
				return
			}
			continue
		}
		backoff = 0
		remote := addrPort(nc.RemoteAddr()).Addr()
		if !l.s.reserve(remote) {
			l.s.stats.shed.Add(1)
			_ = nc.Close()
			continue
		}
		if !l.s.spawn(func() { l.accepted(nc, remote) }) {
			l.s.release(remote)
			_ = nc.Close()
		}
	}
}

// streamListener is one listening TCP or TLS socket of ours.
type streamListener struct {
	s         *Stack
	ln        net.Listener
	transport string
	addr      netip.AddrPort
}

func (l *streamListener) accepted(raw net.Conn, remote netip.Addr) {
	nc := raw
	tuneSocket(raw)
	if l.transport == "tls" {
		t, err := l.s.handshakeServer(raw)
		if err != nil {
			l.s.stats.malformed.Add(1)
			l.s.sample("sip tls handshake", &Flow{transport: "tls", remote: addrPort(raw.RemoteAddr())}, errText(err))
			l.s.release(remote)
			_ = raw.Close()
			return
		}
		nc = t
	}
	c := l.s.newConn(nc, raw, l.transport)
	l.s.vouch(c.flow)
	if !l.s.remember(c) {
		l.s.release(remote)
		c.close()
		return
	}
	c.serve()
}
