package stack

import (
	"bytes"
	"testing"
)

// collect feeds segments and gives what was framed, "ping" for a ping, and how it ended.
func collect(segments [][]byte) (out []string, end frame) {
	f := framer{limit: 2048}
	for _, s := range segments {
		f.write(s)
		for {
			b, kind := f.next()
			if kind == frameNone {
				break
			}
			if kind == framePing {
				out = append(out, "ping")
				continue
			}
			out = append(out, string(b))
			if kind != frameMessage {
				return out, kind
			}
		}
	}
	return out, frameNone
}

// FuzzStream: however a stream is cut, the same messages come out of it.
func FuzzStream(f *testing.F) {
	const one = "OPTIONS sip:x SIP/2.0\r\nSubject: a\r\n b\r\nl: 3\r\n\r\nabc"
	const two = "SIP/2.0 200 OK\r\nContent-Length \t:\r\n 0\r\n\r\n"
	for _, s := range []string{one + two, "\r\n\r\n" + one, "\r\n" + two + "\r\n\r\n\r\n" + one, one + "GET / HTTP/1.1\r\n", one[:30], "\r\n\r\n\r\n",
		"OPTIONS sip:x SIP/2.0\r\nl: 99999\r\n\r\n", "OPTIONS sip:x SIP/2.0\nl: 0\n\n", "X sip:x SIP/2.0\r\nl: 0\r\nl: 1\r\n\r\n", "\rx"} {
		f.Add([]byte(s), uint64(1))
		f.Add([]byte(s), uint64(0x9E3779B97F4A7C15))
	}
	f.Fuzz(func(t *testing.T, b []byte, seed uint64) {
		var segments [][]byte
		for rest := b; len(rest) > 0; {
			seed = seed*6364136223846793005 + 1442695040888963407
			n := min(1+int(seed>>60), len(rest))
			segments, rest = append(segments, rest[:n]), rest[n:]
		}
		whole, end := collect([][]byte{bytes.Clone(b)})
		parts, end2 := collect(segments)
		// A stream that ends broken or cut off may be given up earlier or later; what came whole before that is the same.
		if end != frameNone || end2 != frameNone {
			whole, parts = messages(whole, end), messages(parts, end2)
		}
		n := min(len(whole), len(parts))
		if end == frameNone && end2 == frameNone && len(whole) != len(parts) {
			t.Fatalf("%d framed at once, %d in parts: %q, %q", len(whole), len(parts), whole, parts)
		}
		for i := range n {
			if whole[i] != parts[i] {
				t.Fatalf("message %d: %q, in parts %q", i, whole[i], parts[i])
			}
		}
	})
}

// messages leaves out what a broken end gave.
func messages(s []string, end frame) []string {
	if end != frameNone && len(s) > 0 {
		return s[:len(s)-1]
	}
	return s
}
