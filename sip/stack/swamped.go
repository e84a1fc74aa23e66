package stack

import (
	"bytes"
	"strings"

	"naisen/sip"
)

// swampedSlack is how many places the shards may have left among them, each but one, and another request still most likely finds its queue full.
const swampedSlack = 64

// swamped: so many new requests wait that another one would most likely find its queue full.
func (s *Stack) swamped() bool {
	waiting := int64(0)
	for _, sh := range s.shards {
		waiting += sh.queue.fresh.Load()
	}
	n := int64(len(s.shards))
	return waiting >= n*shardQueue-(n-1)*swampedSlack
}

// dispensable tells a request that would make something new, and is no call for help, without parsing it. On a switch that is swamped the
// parsing is most of what such a request costs, and while we parse what is thrown away the kernel's buffer overflows, which drops the
// requests of the calls that stand too. What it cannot make sense of is the parser's.
func (s *Stack) dispensable(b []byte) bool {
	line, rest, ok := bytes.Cut(b, []byte("\r\n"))
	method, uri, two := bytes.Cut(line, []byte(" "))
	uri, version, three := bytes.Cut(uri, []byte(" "))
	if !ok || !two || !three || string(version) != "SIP/2.0" || string(method) == "ACK" || string(method) == "CANCEL" || !outsideDialog(rest) {
		return false
	}
	if s.cfg.Urgent == nil {
		return true
	}
	u, err := sip.ParseURI(string(uri))
	return err == nil && !s.cfg.Urgent(&Request{Method: string(method), URI: u})
}

// outsideDialog looks for a To without a tag (RFC 3261 section 12.2). False where it finds none, or one that goes on in the next line.
func outsideDialog(headers []byte) bool {
	for len(headers) > 0 {
		line, rest, ok := bytes.Cut(headers, []byte("\r\n"))
		if !ok || len(line) == 0 {
			return false
		}
		headers = rest
		name, value, _ := bytes.Cut(line, []byte(":"))
		if name = bytes.TrimRight(name, " \t"); !strings.EqualFold(string(name), "to") && !strings.EqualFold(string(name), "t") {
			continue
		}
		folded := len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t')
		return !folded && !bytes.Contains(bytes.ToLower(value), []byte("tag"))
	}
	return false
}
