package hostile

import (
	"bufio"
	"net"
	"strings"
	"testing"
	"time"

	"naisen/loadtest/peer"
)

// Threats A3, A4: only REGISTER registers, and only whom it names.
func TestDisguisedRegister(t *testing.T) {
	for _, method := range []string{"register", "RE%47IST%45R", "REGISTER "} {
		t.Run(method, func(t *testing.T) {
			h := newHost(t)
			h.send(h.request(method, domain(), "2001", "2001"))
			if _, resp, _ := h.next(time.Second); resp != nil && resp.Status/100 == 2 {
				t.Error("accepted without credentials")
			}
			if strings.TrimSpace(method) != method {
				return // no request that could be challenged
			}
			if resp := h.proven("2001", method, domain(), "2001", "2001", "Expires: 60"); resp.Status < 400 {
				t.Errorf("%d", resp.Status)
			}
			h.registrations(0)
		})
	}
	for _, user := range []string{"2001%00x", "2001%00", "2001%0d%0a", "%32001x"} {
		t.Run(user, func(t *testing.T) {
			h := newHost(t)
			h.one(h.proven("2001", "REGISTER", domain(), "2001", user, "Expires: 60"), 400, 403, 404)
			h.registrations(0)
		})
	}
}

// Threats A10: what is required and unknown is refused by name (RFC 3261 section 8.2.2.3).
func TestRequireUnknown(t *testing.T) {
	for _, method := range []string{"INVITE", "OPTIONS", "REGISTER"} {
		t.Run(method, func(t *testing.T) {
			h := newHost(t)
			uri, to := aor("2002"), "2002"
			if method == "REGISTER" {
				uri, to = domain(), "2001"
			}
			resp := h.proven("2001", method, uri, "2001", to, "Require: nothingSupportsThis")
			if h.one(resp, 420); !strings.EqualFold(resp.Get("Unsupported"), "nothingSupportsThis") {
				t.Errorf("Unsupported: %q", resp.Get("Unsupported"))
			}
		})
	}
}

// Threats A12: a scheme that nobody knows.
func TestUnknownScheme(t *testing.T) {
	for _, method := range []string{"INVITE", "OPTIONS", "REGISTER"} {
		h := newHost(t)
		h.one(h.ask(h.request(method, "nobodyKnows:x", "2001", "2002")), 400, 401, 403, 416)
	}
}

// Threats C20: "*" stands alone and with Expires: 0 (RFC 3261 section 10.3 step 6).
func TestWildcardContact(t *testing.T) {
	for name, lines := range map[string][]string{
		"not zero":             {"Contact: *", "Expires: 300"},
		"with another contact": {"Contact: *, <sip:2001@127.0.0.9>", "Expires: 0"},
		"without Expires":      {"Contact: *"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			text, first := h.credentials("2001", "REGISTER", domain(), "2001", "2001", lines...)
			if text == "" {
				h.one(first, 400)
				return
			}
			h.one(h.ask(text), 400)
			h.registrations(0)
		})
	}
}

// Threats D2: a stranger's INVITE brings one answer, not three times as large as the question, and nothing later.
func TestReflection(t *testing.T) {
	for _, c := range []struct{ method, uri string }{
		{"INVITE", aor("2002")}, {"REGISTER", domain()}, {"OPTIONS", domain()}, {"SUBSCRIBE", aor("2002")}, {"NONSENSE", aor("2002")},
	} {
		t.Run(c.method, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			text := h.request(c.method, c.uri, "2001", "2002")
			h.send(text)
			bytes, messages := 0, 0
			for deadline := time.Now().Add(3 * time.Second); time.Now().Before(deadline); {
				_, resp, n := h.next(time.Until(deadline))
				if resp == nil {
					break
				}
				bytes, messages = bytes+n, messages+1
			}
			if messages != 1 || bytes > 3*len(text) {
				t.Errorf("%d messages, %d octets for %d", messages, bytes, len(text))
			}
		})
	}
}

// Threats D3: a stranger cannot send through us.
func TestNoRelay(t *testing.T) {
	h := newHost(t)
	victim := bare(t, "")
	for _, method := range []string{"INVITE", "OPTIONS", "MESSAGE", "NOTIFY", "BYE"} {
		for _, c := range []struct{ uri, route string }{
			{"sip:victim@" + victim.addr.String(), ""},
			{aor("2002"), "Route: <sip:" + victim.addr.String() + ";lr>"},
			{"sip:victim@" + victim.addr.String(), "Route: <sip:" + pbx.UDP + ";lr>"},
		} {
			var lines []string
			if c.route != "" {
				lines = append(lines, c.route)
			}
			resp := h.ask(h.request(method, c.uri, "2001", "2002", lines...))
			if resp.Status < 300 && method != "OPTIONS" {
				t.Errorf("%s %s %s: %d", method, c.uri, c.route, resp.Status)
			}
		}
	}
	victim.silence(500 * time.Millisecond)
}

// Threats D8: HTTP on the SIP port is not executed, whatever stands in its body.
func TestHTTPOnSIPPort(t *testing.T) {
	h := newHost(t)
	conn, err := net.Dial("tcp", pbx.UDP) // TCP has the same port
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	body := h.request("OPTIONS", domain(), "2001", "2001")
	body = strings.Replace(body, "SIP/2.0/UDP", "SIP/2.0/TCP", 1)
	post := "POST / HTTP/1.1\r\nHost: " + pbx.UDP + "\r\nContent-Type: text/plain\r\nContent-Length: " + itoa(len(body)) + "\r\n\r\n" + body
	if _, err := conn.Write([]byte(post)); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for r := bufio.NewReader(conn); ; {
		line, err := r.ReadString('\n')
		if strings.HasPrefix(line, "SIP/2.0 2") {
			t.Errorf("executed: %s", line)
		}
		if err != nil {
			if isTimeout(err) {
				t.Error("the connection is still open")
			}
			return
		}
	}
}

// Garbage of all kinds: refused or dropped, never acted on, and the switch goes on.
func TestMalformed(t *testing.T) {
	good := func(h *host) string { return h.request("REGISTER", domain(), "2001", "2001") }
	for name, damage := range map[string]func(*host) string{
		"no From":              func(h *host) string { return drop(good(h), "From:") },
		"no To":                func(h *host) string { return drop(good(h), "To:") },
		"no Call-ID":           func(h *host) string { return drop(good(h), "Call-ID:") },
		"no CSeq":              func(h *host) string { return drop(good(h), "CSeq:") },
		"no Via":               func(h *host) string { return drop(good(h), "Via:") },
		"CSeq of another":      func(h *host) string { return strings.Replace(good(h), "1 REGISTER", "1 INVITE", 1) },
		"CSeq negative":        func(h *host) string { return strings.Replace(good(h), "1 REGISTER", "-1 REGISTER", 1) },
		"CSeq 2^32":            func(h *host) string { return strings.Replace(good(h), "1 REGISTER", "4294967296 REGISTER", 1) },
		"length too long":      func(h *host) string { return strings.Replace(good(h), "Content-Length: 0", "Content-Length: 9999", 1) },
		"length negative":      func(h *host) string { return strings.Replace(good(h), "Content-Length: 0", "Content-Length: -999", 1) },
		"length hex":           func(h *host) string { return strings.Replace(good(h), "Content-Length: 0", "Content-Length: 0x10", 1) },
		"SIP/7.0":              func(h *host) string { return strings.Replace(good(h), " SIP/2.0\r\n", " SIP/7.0\r\n", 1) },
		"two To":               func(h *host) string { return strings.Replace(good(h), "To:", "To: <sip:2002@x>\r\nTo:", 1) },
		"NUL":                  func(h *host) string { return strings.Replace(good(h), "Call-ID: ", "Call-ID: \x00", 1) },
		"invalid UTF-8":        func(h *host) string { return strings.Replace(good(h), "From: ", "From: \"\xff\xfe\" ", 1) },
		"header without colon": func(h *host) string { return strings.Replace(good(h), "Max-Forwards: 70", "Max-Forwards", 1) },
		"no end":               func(h *host) string { return strings.TrimSuffix(good(h), "\r\n\r\n") },
		"5,000 headers": func(h *host) string {
			return strings.Replace(good(h), "To:", strings.Repeat("X: y\r\n", 5000)+"To:", 1)
		},
		"60 kB value": func(h *host) string {
			return strings.Replace(good(h), "To:", "X: "+strings.Repeat("y", 60000)+"\r\nTo:", 1)
		},
		"noise": func(*host) string { return strings.Repeat("\x80\x13\x37\x00", 300) },
		"empty": func(*host) string { return "\r\n\r\n" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t)
			h.send(damage(h))
			if _, resp, _ := h.next(500 * time.Millisecond); resp != nil && (resp.Status < 400 || resp.Status >= 600) {
				t.Errorf("%d %s", resp.Status, resp.Reason)
			}
		})
	}
}

// drop takes one line out.
func drop(text, begin string) string {
	lines := strings.SplitAfter(text, "\r\n")
	for i, l := range lines {
		if strings.HasPrefix(l, begin) {
			return strings.Join(append(lines[:i:i], lines[i+1:]...), "")
		}
	}
	return text
}

// Threats D6, over TCP: what never ends is cut off, and others are served meanwhile.
func TestEndlessHeader(t *testing.T) {
	newHost(t)
	conn, err := net.Dial("tcp", pbx.UDP)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	chunk := []byte(strings.Repeat("X-Filler: 0123456789abcdef0123456789abcdef\r\n", 1000))
	if _, err := conn.Write([]byte("OPTIONS sip:x SIP/2.0\r\n")); err != nil {
		t.Fatal(err)
	}
	sent := 0
	for sent < 8<<20 {
		n, err := conn.Write(chunk)
		if sent += n; err != nil {
			break
		}
	}
	if sent >= 8<<20 && peer.Until(5*time.Second, func() bool { _, err := conn.Write(chunk); return err != nil }) != nil {
		t.Errorf("%d octets of one message were taken", sent)
	}
}
