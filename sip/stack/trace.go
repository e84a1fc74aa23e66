package stack

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"naisen/sip/redact"
)

// labelBytes bounds a peer's reason phrase in a trace.
const labelBytes = 64

// Traced is one message on the wire: enough to draw a ladder. The message itself it gives only as it may be shown.
type Traced struct {
	At     time.Time
	Sent   bool // false: received
	Flow   *Flow
	CallID string
	Method string // of a request, or from the CSeq of a response
	Status int    // 0 for a request
	Label  string // "INVITE", "180 Ringing"; printable

	message []byte // as it was on the wire, with all that it confides
}

// Format implements fmt.Formatter: the message is in nobody's print.
func (t Traced) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "%v sent=%v %s %s %s [redacted]", t.Flow, t.Sent, t.CallID, t.Method, t.Label)
}

// Shown is the message without credentials, tokens, keys and what was dialled behind codes (see package redact): a copy that the caller may keep. It may
// be called while Config.Trace runs, and not later: the bytes behind it are used again.
func (t Traced) Shown() []byte { return redact.Message(t.message) }

// Kept is t to be kept: without the message.
func (t Traced) Kept() Traced {
	t.message = nil
	return t
}

// traceIn reports a message that was received and is proper SIP. It is called with a Trace only.
func (s *Stack) traceIn(f *Flow, b []byte, req *Request, resp *Response) {
	t := Traced{At: time.Now(), Flow: f, message: b}
	if req != nil {
		t.CallID, t.Method, t.Label = req.CallID(), req.Method, label(req.Method)
	} else {
		_, t.Method = resp.CSeq()
		t.CallID = resp.CallID()
		t.Status, t.Label = resp.Status, label(strconv.Itoa(resp.Status)+" "+resp.Reason)
	}
	s.cfg.Trace(t)
}

// traceOut reports a message that is about to be written, before the peer can answer it. It reads the bytes: a repetition has nothing else.
func (s *Stack) traceOut(f *Flow, b []byte) {
	if s.cfg.Trace == nil {
		return
	}
	line, _, _ := bytes.Cut(b, []byte("\r\n"))
	first, after, ok := bytes.Cut(line, []byte(" "))
	if !ok { // a keep-alive
		return
	}
	t := Traced{At: time.Now(), Sent: true, Flow: f, CallID: valueOf(b, "Call-ID", "i"), Method: string(first), Label: label(string(first)), message: b}
	if string(first) == "SIP/2.0" {
		status, _, _ := bytes.Cut(after, []byte(" "))
		t.Status, _ = strconv.Atoi(string(status))
		_, t.Method, _ = strings.Cut(valueOf(b, "CSeq"), " ")
		t.Label = label(string(after))
	}
	s.cfg.Trace(t)
}

// valueOf reads a field of a message that we wrote ourselves, under any of its names.
func valueOf(b []byte, names ...string) string {
	for _, name := range names {
		if _, rest, ok := bytes.Cut(b, []byte("\r\n"+name+": ")); ok {
			line, _, _ := bytes.Cut(rest, []byte("\r\n"))
			return string(line)
		}
	}
	return ""
}

// label keeps what a peer wrote from moving a terminal's cursor, and short.
func label(s string) string {
	s = strings.Map(func(c rune) rune {
		if c == utf8.RuneError || !unicode.IsPrint(c) {
			return '?'
		}
		return c
	}, s[:min(len(s), labelBytes)])
	return strings.TrimSpace(s)
}
