package hostile

import (
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"naisen/loadtest/peer"
	"naisen/sip/stack"
)

func itoa(n int) string { return strconv.Itoa(n) }

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// Threats B1: nothing works without credentials.
func TestNothingWithoutCredentials(t *testing.T) {
	for _, method := range []string{"MESSAGE", "SUBSCRIBE", "PUBLISH", "REFER", "INFO", "NOTIFY", "INVITE", "REGISTER", "UPDATE", "PRACK", "BYE"} {
		t.Run(method, func(t *testing.T) {
			h := newHost(t)
			lines := []string{"Event: presence", "Refer-To: <sip:0190123@x>"}
			h.one(h.ask(h.request(method, aor("2002"), "2001", "2002", lines...)), 401, 403, 407, 481)
		})
	}
}

// Threats B2, B3: credentials are worth something once, and from where they were made.
func TestReplay(t *testing.T) {
	owner, thief := newHost(t), bare(t, "")
	text, _ := owner.credentials("2001", "REGISTER", domain(), "2001", "2001", "Expires: 60")
	owner.one(owner.ask(text), 200)
	defer func() { // leave no binding behind
		gone, _ := owner.credentials("2001", "REGISTER", domain(), "2001", "2001", "Expires: 0")
		owner.one(owner.ask(gone), 200)
		owner.registrations(0)
	}()
	again := func(h *host) *stack.Response {
		fresh := strings.Replace(text, owner.addr.String()+";branch=z9hG4bK", h.addr.String()+";branch=z9hG4bKreplayed", 1)
		fresh = strings.Replace(fresh, "CSeq: 2 ", "CSeq: 3 ", 1)
		return h.ask(strings.Replace(fresh, "<sip:2001@"+owner.addr.String()+">", "<sip:2001@"+h.addr.String()+">", 1))
	}
	for name, h := range map[string]*host{"from another address": thief, "same nc": owner} {
		resp := again(h)
		if h.one(resp, 401); !strings.Contains(strings.ToLower(resp.Get("WWW-Authenticate")), "stale=true") {
			t.Errorf("%s: not stale: %s", name, resp.Get("WWW-Authenticate"))
		}
	}
	owner.registrations(1)
}

// Threats B6: own credentials do not register another's address.
func TestOtherAOR(t *testing.T) {
	h := newHost(t)
	h.one(h.proven("2001", "REGISTER", domain(), "2001", "2002", "Expires: 60"), 403)
	h.one(h.proven("2001", "REGISTER", domain(), "2002", "2002", "Expires: 60"), 403)
	h.registrations(0)
}

// Threats B7: who exists cannot be told by what is answered, nor by how fast.
func TestNoEnumeration(t *testing.T) {
	const rounds = 15
	for _, method := range []string{"REGISTER", "INVITE", "OPTIONS", "SUBSCRIBE", "MESSAGE"} {
		for _, guess := range []string{"", "Authorization: Digest username=\"USER\",realm=\"REALM\",nonce=\"NONCE\",uri=\"URI\",response=\"0123456789abcdef0123456789abcdef\"," +
			"algorithm=MD5,qop=auth,nc=00000001,cnonce=\"x\""} {
			name := method
			if guess != "" {
				name += " with a guess"
			}
			t.Run(name, func(t *testing.T) {
				times := map[string][]time.Duration{}
				shape := map[string]string{}
				for range rounds {
					for _, user := range []string{"2001", "2999"} {
						h := bare(t, "")
						if h == nil { // a host of its own for each guess: the throttle is not what is looked at
							return
						}
						uri := aor(user)
						if method == "REGISTER" {
							uri = domain()
						}
						text := h.request(method, uri, user, user, "Event: presence")
						if guess != "" {
							nonce := between(h.ask(text).Get("WWW-Authenticate"), `nonce="`, `"`)
							line := strings.NewReplacer("USER", user, "REALM", pbx.Domain, "NONCE", nonce, "URI", uri).Replace(guess)
							text = h.request(method, uri, user, user, "Event: presence", line)
						}
						began := time.Now()
						resp := h.ask(text)
						times[user] = append(times[user], time.Since(began))
						shape[user] = describe(resp, user)
					}
				}
				if shape["2001"] != shape["2999"] {
					t.Errorf("known:\n%s\nunknown:\n%s", shape["2001"], shape["2999"])
				}
				slices.Sort(times["2001"])
				slices.Sort(times["2999"])
				if d := times["2001"][rounds/2] - times["2999"][rounds/2]; d.Abs() > 3*time.Millisecond {
					t.Errorf("known %v, unknown %v", times["2001"][rounds/2], times["2999"][rounds/2])
				}
			})
		}
	}
}

// describe is what of a response could tell who exists: everything but what is random or echoed.
func describe(r *stack.Response, user string) string {
	var out []string
	out = append(out, itoa(r.Status)+" "+r.Reason)
	r.Each(func(f stack.Header) bool {
		switch f.Name {
		case "Via", "Call-ID", "From", "To", "CSeq":
			out = append(out, f.Name)
		default:
			v := f.Value
			if n := between(v, `nonce="`, `"`); n != "" {
				v = strings.Replace(v, n, "N"+itoa(len(n)), 1)
			}
			out = append(out, f.Name+": "+strings.ReplaceAll(v, user, "USER"))
		}
		return true
	})
	return strings.Join(out, "\n")
}

func between(s, a, b string) string {
	_, rest, _ := strings.Cut(s, a)
	v, _, _ := strings.Cut(rest, b)
	return v
}

// Threats B9: a stranger who writes a real extension into From reaches no carrier and no phone.
func TestPremiumWithoutCredentials(t *testing.T) {
	h := newHost(t)
	for _, number := range []string{
		"0190123456", "00882123456", "+882123456", "%2B882123456", "011882123456", "9011882123456", "900882123456", "*70900882123456",
		"0088216123456", "1900123456", "09061234567", "00448700123456", "00,882123456", "0%30882123456", "tel:+882123456", "010882123456",
	} {
		h.one(h.ask(h.request("INVITE", "sip:"+number+"@"+pbx.Domain, "2001", number)), 400, 401, 403, 416)
	}
}

// Threats B10: an extension without the right to call abroad or premium numbers is refused, in whatever spelling, and the carrier hears nothing.
func TestClosedNumbers(t *testing.T) {
	trunk := bare(t, "")
	status, answer, err := pbx.Do(t.Context(), "PUT", "trunks/listening", map[string]any{"host": trunk.addr.String(), "transport": "udp",
		"prefixes": []string{"0", "+", "9", "*"}, "media": "srtp-forbidden", "sources": []string{trunk.addr.Addr().String() + "/32"}})
	if err != nil || status != 201 {
		t.Fatalf("%d %s %v", status, answer, err)
	}
	defer func() {
		if status, answer, err := pbx.Do(t.Context(), "DELETE", "trunks/listening", nil); err != nil || status != 204 {
			t.Errorf("%d %s %v", status, answer, err)
		}
	}()
	h := newHost(t)
	for _, number := range []string{"+882123456", "%2B882123456", "9011882123456", "*70900882123456", "00442071838750", "010442071838750", "0%31%30442071838750",
		"9010442071838750", "0990512345", "1840990512345", "+81990512345", "442071838750"} {
		h.one(h.proven("2001", "INVITE", "sip:"+number+"@"+pbx.Domain, "2001", "x"), 403)
	}
	for _, number := range []string{"%20", "%00", "2001%00x", "+", "0,442071838750"} {
		h.one(h.proven("2001", "INVITE", "sip:"+number+"@"+pbx.Domain, "2001", "x"), 400, 403, 404)
	}
	if err := peer.Until(20*time.Second, func() bool { // it is written beside the calls
		_, answer, err := pbx.Do(t.Context(), "GET", "audit?action=call.denied", nil)
		return err == nil && strings.Contains(string(answer), "rights of 2001")
	}); err != nil {
		t.Error("the audit log knows of no refused call")
	}
	trunk.silence(300 * time.Millisecond)
}

// Threats B15: the called side sees who proved to call, not who the caller says to be.
func TestProvenIdentityIsShown(t *testing.T) {
	h, callee := newHost(t), bare(t, "")
	text, _ := callee.credentials("2002", "REGISTER", domain(), "2002", "2002", "Expires: 60")
	callee.one(callee.ask(text), 200)
	sdp := "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"
	invite, _ := h.credentials("2001", "INVITE", aor("2002"), "boss", "2002", "P-Asserted-Identity: \"Boss\" <sip:boss@"+pbx.Domain+">",
		"P-Preferred-Identity: <sip:boss@"+pbx.Domain+">", "Remote-Party-ID: <sip:boss@"+pbx.Domain+">")
	if invite == "" {
		t.Fatal("INVITE was not challenged")
	}
	h.send(strings.Replace(invite, "Content-Length: 0\r\n\r\n", "Content-Type: application/sdp\r\nContent-Length: "+itoa(len(sdp))+"\r\n\r\n"+sdp, 1))
	req, _, _ := callee.next(3 * time.Second)
	if req == nil || req.Method != "INVITE" {
		t.Fatalf("callee got %+v", req)
	}
	if req.From().URI.User != "2001" {
		t.Errorf("From %s", req.From())
	}
	req.Each(func(f stack.Header) bool {
		if strings.Contains(strings.ToLower(f.Value), "boss") {
			t.Errorf("%s: %s", f.Name, f.Value)
		}
		return true
	})
	busy, err := stack.NewResponse(req, 486, "").Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	callee.send(string(busy))
	if ack, _, _ := callee.next(2 * time.Second); ack == nil || ack.Method != "ACK" {
		t.Errorf("want ACK, got %+v", ack)
	}
	gone, _ := callee.credentials("2002", "REGISTER", domain(), "2002", "2002", "Expires: 0")
	callee.one(callee.ask(gone), 200)
	for {
		_, resp, _ := h.next(2 * time.Second)
		if resp == nil {
			t.Fatal("no final answer")
		}
		if resp.Status >= 200 {
			h.one(resp, 486)
			return
		}
	}
}
