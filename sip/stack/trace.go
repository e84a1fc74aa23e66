package stack

import (
	"bytes"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// labelBytes bounds a peer's reason phrase in a trace.
const labelBytes = 64

// Traced is one message on the wire: enough to draw a ladder, never a body, an address-of-record or a credential.
type Traced struct {
	At     time.Time
	Sent   bool // false: received
	Flow   *Flow
	Method string // of a request, or from the CSeq of a response
	Status int    // 0 for a request
	Label  string // "INVITE", "180 Ringing"; printable
}

// traceIn reports a message that was received and is proper SIP. It is called with a Trace only.
func (s *Stack) traceIn(f *Flow, req *Request, resp *Response) {
	t := Traced{At: time.Now(), Flow: f}
	if req != nil {
		t.Method, t.Label = req.Method, label(req.Method)
	} else {
		_, t.Method = resp.CSeq()
		t.Status, t.Label = resp.Status, label(strconv.Itoa(resp.Status)+" "+resp.Reason)
	}
	s.cfg.Trace(t)
}

// traceOut reports a message that is about to be written, before the peer can answer it. It reads the bytes: a repetition has nothing else.
func (s *Stack) traceOut(f *Flow, b []byte) {
	if s.cfg.Trace == nil {
		return
	}
	line, rest, _ := bytes.Cut(b, []byte("\r\n"))
	first, after, ok := bytes.Cut(line, []byte(" "))
	if !ok { // a keep-alive
		return
	}
	t := Traced{At: time.Now(), Sent: true, Flow: f, Method: string(first), Label: label(string(first))}
	if string(first) == "SIP/2.0" {
		status, _, _ := bytes.Cut(after, []byte(" "))
		t.Status, _ = strconv.Atoi(string(status))
		t.Method, t.Label = methodOf(rest), label(string(after))
	}
	s.cfg.Trace(t)
}

// methodOf reads the CSeq of a response that we wrote ourselves.
func methodOf(headers []byte) string {
	_, rest, _ := bytes.Cut(headers, []byte("CSeq: "))
	line, _, _ := bytes.Cut(rest, []byte("\r\n"))
	_, method, _ := bytes.Cut(line, []byte(" "))
	return string(method)
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
