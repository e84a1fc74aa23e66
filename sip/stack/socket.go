package stack

import (
	"context"
	"errors"
	"io"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"
)

var errNotUTF8 = errors.New("stack: a text message is not UTF-8")

// readSocket is read for a WebSocket: each of its messages is one SIP message (RFC 7118 section 5).
func (c *conn) readSocket() {
	stop := c.pinging()
	defer stop()
	for !c.closed() {
		b, err := c.message()
		switch {
		case err == nil:
			c.take(b)
			continue
		case errors.Is(err, errNotUTF8):
			c.s.stats.malformed.Add(1)
			c.farewell(closeText, "text is not UTF-8")
		case websocket.CloseStatus(err) == -1 && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) && !c.closed():
			// A frame that is none, or the end of the connection: whoever still listens is told (RFC 6455 section 5.1). The library has closed
			// with 1009 by itself where the message was too large.
			c.farewell(closeProtocol, "")
		}
		break
	}
	c.lingering()
}

// message reads one message: idle before it begins for as long as a stream may be, and whole within halfTime.
func (c *conn) message() ([]byte, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c.mu.Lock()
	idle := time.AfterFunc(c.idleLocked(), cancel)
	c.waits = idle
	c.mu.Unlock()
	kind, r, err := c.ws.Reader(ctx)
	idle.Stop()
	if err != nil {
		return nil, err
	}
	late := time.AfterFunc(halfTime, cancel)
	defer late.Stop()
	b, err := io.ReadAll(r)
	if err == nil && kind == websocket.MessageText && !utf8.Valid(b) {
		err = errNotUTF8
	}
	return b, err
}

// take gives a message to its shard; CRLFs are what keeps a flow alive (RFC 5626 section 4.4.1).
func (c *conn) take(b []byte) {
	switch string(b) {
	case "\r\n\r\n":
		_ = c.send(crlf)
	case "\r\n", "":
	default:
		c.s.stream(b, c)
	}
}

// pinging asks the peer for a sign of life while the connection lasts; one that gives none is closed.
func (c *conn) pinging() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ok := c.s.spawn(func() {
		tick := time.NewTicker(pingInterval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-c.dead:
				return
			case <-tick.C:
			}
			wait, done := context.WithTimeout(ctx, pongTime)
			err := c.ws.Ping(wait)
			done()
			if err != nil {
				c.close()
				return
			}
		}
	})
	if !ok {
		c.close()
	}
	return cancel
}

// writeSocket sends one message: as text, unless a body in it is none.
func (c *conn) writeSocket(b []byte) error {
	kind := websocket.MessageText
	if !utf8.Valid(b) {
		kind = websocket.MessageBinary
	}
	ctx, cancel := context.WithTimeout(context.Background(), writeTime)
	defer cancel()
	return c.ws.Write(ctx, kind, b)
}

// farewell ends a WebSocket with a status code, for which a peer that does not read has as long as the library waits, and anything else at
// once. What was queued is dropped. It never blocks.
func (c *conn) farewell(code websocket.StatusCode, reason string) {
	if c.ws == nil {
		c.close()
		return
	}
	c.mu.Lock()
	again := c.leaving
	c.leaving, c.last, c.queue, c.bytes = true, true, nil, 0
	c.mu.Unlock()
	if again {
		return
	}
	if !c.s.spawn(func() { defer c.close(); _ = c.ws.Close(code, reason) }) {
		c.close()
	}
}

// EndAt closes a WebSocket at that time with 4401: what its peer had proved, an access token, has run out then, and a new REGISTER with a
// new one sets a new time (threats.md F10). The zero time: never. On other flows it does nothing: what was proved ends with each request there.
func (f *Flow) EndAt(t time.Time) {
	if f.conn == nil || f.conn.ws == nil {
		return
	}
	c := f.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.expiry != nil {
		c.expiry.Stop()
		c.expiry = nil
	}
	if !t.IsZero() && !c.leaving {
		c.expiry = time.AfterFunc(time.Until(t), func() { c.farewell(closeExpired, "the access token has expired") })
	}
}
