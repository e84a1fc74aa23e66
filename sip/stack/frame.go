package stack

import (
	"bytes"
	"strings"
)

// framer cuts a byte stream into messages by Content-Length (RFC 3261 section 18.3). It holds at most one message beyond the
// bytes of the last write, and allocates nothing for a length that was only announced.
type framer struct {
	limit   int
	buf     []byte
	scanned int // bytes already searched for the empty line
	total   int // length of the message at the head of buf, once its headers are complete; 0: not yet
	lines   bool
}

// frame is what next found.
type frame uint8

const (
	frameNone    frame = iota // more bytes are needed
	framePing                 // CRLF CRLF between messages (RFC 5626 section 4.4.1)
	frameMessage              // one whole message
	frameLast                 // a header section whose body has no usable length: let the parser find the refusal, then close
	frameBroken               // not SIP, or no boundary to go on from: close
)

func (f *framer) write(b []byte) { f.buf = append(f.buf, b...) }

// pending tells whether a message is half read. A CRLF alone is a pong, not the start of one.
func (f *framer) pending() bool { return len(f.buf) > 3 || len(f.buf) > 0 && f.buf[0] != '\r' }

// next takes the next thing off the stream. The bytes are valid until the next write.
func (f *framer) next() ([]byte, frame) {
	if f.total == 0 {
		if len(f.buf) >= 4 && string(f.buf[:4]) == "\r\n\r\n" {
			f.drop(4)
			return nil, framePing
		}
		if len(f.buf) >= 3 && f.buf[0] == '\r' && f.buf[1] == '\n' && f.buf[2] != '\r' {
			f.drop(2)
		}
		if len(f.buf) < 3 || f.buf[0] == '\r' {
			if len(f.buf) > 1 && f.buf[0] == '\r' && f.buf[1] != '\n' {
				return nil, frameBroken
			}
			return nil, frameNone
		}
		if kind := f.head(); kind != frameMessage {
			return f.buf, kind
		}
	}
	if len(f.buf) < f.total {
		return nil, frameNone
	}
	m := f.buf[:f.total:f.total]
	f.drop(f.total)
	return m, frameMessage
}

// drop forgets the first n bytes. What was handed out stays valid: the rest is not moved before the next write grows the buffer.
func (f *framer) drop(n int) {
	f.buf, f.scanned, f.total, f.lines = f.buf[n:], 0, 0, false
	if len(f.buf) == 0 {
		f.buf = nil // an idle connection holds no buffer
	}
}

// head looks for the end of the headers and sets total.
func (f *framer) head() frame {
	if !f.lines {
		i := bytes.IndexByte(f.buf, '\n')
		if i >= 0 {
			if i == 0 || f.buf[i-1] != '\r' || !isStartLine(f.buf[:i-1]) {
				return frameBroken
			}
			f.lines = true
		} else if len(f.buf) > 4096 {
			return frameBroken
		}
	}
	i := bytes.Index(f.buf[max(0, f.scanned-3):], []byte("\r\n\r\n"))
	if i < 0 {
		f.scanned = len(f.buf)
		if len(f.buf) > f.limit {
			return frameBroken
		}
		return frameNone
	}
	end := max(0, f.scanned-3) + i + 4
	if end > f.limit {
		return frameBroken
	}
	n, ok := announced(f.buf[:end])
	if !ok || n > f.limit-end {
		f.buf = f.buf[:end]
		return frameLast
	}
	f.total = end + n
	return frameMessage
}

// announced reads Content-Length out of a header section; false when missing, repeated differently or not a number.
func announced(head []byte) (int, bool) {
	n, have := 0, false
	for len(head) > 0 {
		var line []byte
		line, head, _ = bytes.Cut(head, crlf)
		name, value, ok := bytes.Cut(line, []byte{':'})
		if !ok || len(name) == 0 || name[0]|0x20 != 'c' && name[0]|0x20 != 'l' {
			continue
		}
		if !isContentLength(string(bytes.TrimRight(name, " \t"))) {
			continue
		}
		v := strings.Trim(string(value), " \t")
		for len(head) > 0 && (head[0] == ' ' || head[0] == '\t') { // folded
			line, head, _ = bytes.Cut(head, crlf)
			v = strings.Trim(v+" "+strings.Trim(string(line), " \t"), " ")
		}
		l, ok := digits(v, 1<<31-1)
		if !ok || have && int(l) != n {
			return 0, false
		}
		n, have = int(l), true
	}
	return n, have
}

func isContentLength(name string) bool {
	return strings.EqualFold(name, "Content-Length") || strings.EqualFold(name, "l")
}

// isStartLine: cheap enough for every connection, strict enough to turn HTTP away at its first line.
func isStartLine(line []byte) bool {
	if bytes.HasPrefix(line, []byte("SIP/")) {
		return true
	}
	i := bytes.LastIndexByte(bytes.TrimRight(line, " \t"), ' ')
	return i > 0 && len(line) > i+5 && strings.EqualFold(string(line[i+1:i+5]), "SIP/")
}
