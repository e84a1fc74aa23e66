package main

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"naisen/sip"
	"naisen/sip/auth"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// signOn registers one flow of a device of 2001 over a connection, with its password.
func (s *stream) signOn(l *lab, user string, regID int, lines ...string) *stack.Response {
	s.t.Helper()
	lines = append(lines, fmt.Sprintf(`Contact: <sip:%s@10.0.0.9;transport=tcp;ob>;reg-id=%d;+sip.instance="<urn:uuid:00000000-0000-1000-8000-aabbccddeeff>"`, user, regID),
		"Supported: path, outbound, gruu", "User-Agent: Desk 1")
	challenge := s.ask("REGISTER", "2001", "2001", lines...)
	req := stack.NewRequest("REGISTER", sip.URI{Scheme: "sip", Host: "pbx.internal"})
	if err := auth.Authorize(req, challenge, auth.ClientCredential{User: "2001", Secret: l.p.first.Extensions["2001"].Reveal(), Realm: "pbx.internal"}, nil); err != nil {
		s.t.Fatal(err)
	}
	resp := s.ask("REGISTER", "2001", "2001", append(lines, "Authorization: "+req.Get("Authorization"))...)
	if resp.Status != 200 || resp.Get("Require") != "outbound" {
		s.t.Fatalf("%d %q", resp.Status, resp.Get("Require"))
	}
	return resp
}

// invited waits for an INVITE on a connection; false when none came in time.
func (s *stream) invited(within time.Duration) (*stack.Request, bool) {
	s.t.Helper()
	_ = s.c.SetReadDeadline(time.Now().Add(within))
	var text []byte
	for b := make([]byte, 1); !strings.HasSuffix(string(text), "\r\n\r\n"); {
		if _, err := s.c.Read(b); err != nil {
			return nil, false
		}
		text = append(text, b[0])
	}
	_, length, _ := strings.Cut(string(text), "\r\nContent-Length: ")
	length, _, _ = strings.Cut(length, "\r\n")
	n, err := strconv.Atoi(length)
	if err != nil {
		s.t.Fatalf("%v: %s", err, text)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(s.c, body); err != nil {
		return nil, false
	}
	req, _, err := stack.Parse(append(text, body...))
	if err != nil || req == nil || req.Method != "INVITE" {
		s.t.Fatalf("%v: %s", err, text)
	}
	return req, true
}

// busy refuses a call and reads the ACK.
func (s *stream) busy(r *stack.Request) {
	s.t.Helper()
	fmt.Fprintf(s.c, "SIP/2.0 486 Busy Here\r\nVia: %s\r\nFrom: %s\r\nTo: %s;tag=d\r\nCall-ID: %s\r\nCSeq: %s\r\nContent-Length: 0\r\n\r\n",
		r.Get("Via"), r.Get("From"), r.Get("To"), r.CallID(), r.Get("CSeq"))
	_ = s.c.SetReadDeadline(time.Now().Add(siptest.Patience))
	var text []byte
	for b := make([]byte, 1); !strings.HasSuffix(string(text), "\r\n\r\n"); {
		if _, err := s.c.Read(b); err != nil {
			s.t.Fatal("no ACK")
		}
		text = append(text, b[0])
	}
	if !strings.HasPrefix(string(text), "ACK ") {
		s.t.Fatalf("%s", text)
	}
}

// TestFlowsOfADevice: a device with two connections is called over the one registered last; over the other, with that one's Contact, when
// the first dies or stays silent (threats D10), and never over both. Another contact rings all the while.
func TestFlowsOfADevice(t *testing.T) {
	t.Parallel()
	for _, dies := range []bool{true, false} {
		t.Run(fmt.Sprint("connection ends: ", dies), func(t *testing.T) {
			t.Parallel()
			l := newLab(t, nil)
			first, second := l.stream("tcp", nil), l.stream("tcp", nil)
			first.signOn(l, "one", 1)
			second.signOn(l, "two", 2)
			beside := l.phone("2001", netip.MustParseAddr("127.0.0.1"))
			beside.Register(300)
			caller := l.phone("2002", netip.MustParseAddr("127.0.0.1"))
			inv := l.authorised(caller, callTo(caller, "2001"))
			if r, ok := second.invited(siptest.Patience); !ok || r.URI.User != "two" {
				t.Fatal("the flow registered last was not called")
			}
			rung := beside.Expect("INVITE")
			beside.Reply(rung, 180, nil)
			if dies {
				_ = second.c.Close()
			}
			r, ok := first.invited(20 * time.Second)
			if !ok || r.URI.User != "one" {
				t.Fatal("the other flow was not called")
			}
			first.busy(r)
			beside.Reply(rung, 486, nil)
			caller.ExpectStatus(180, "INVITE")
			caller.Ack(inv, caller.ExpectStatus(486, "INVITE"))
		})
	}
}

// TestCallToAGRUU: a call to the public or the temporary GRUU of a device reaches that device alone (RFC 5627 section 6).
func TestCallToAGRUU(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	device := l.stream("tcp", nil)
	cs, err := device.signOn(l, "one", 1).Contacts()
	if err != nil || len(cs) != 1 {
		t.Fatal(err)
	}
	beside := l.phone("2001", netip.MustParseAddr("127.0.0.1"))
	beside.Register(300)
	caller := l.phone("2002", netip.MustParseAddr("127.0.0.1"))
	for _, kind := range []string{"pub-gruu", "temp-gruu"} {
		text, _ := cs[0].Params.Get(kind)
		inv := callTo(caller, "2001")
		inv.Set("Call-ID", rand.Text())
		if inv.URI, err = sip.ParseURI(text); err != nil {
			t.Fatal(kind, err)
		}
		inv = l.authorised(caller, inv)
		r, ok := device.invited(siptest.Patience)
		if !ok || r.URI.User != "one" {
			t.Fatalf("%s: the device was not called", kind)
		}
		beside.Silence(200 * time.Millisecond)
		device.busy(r)
		caller.Ack(inv, caller.ExpectStatus(486, "INVITE"))
	}
	inv := callTo(caller, "2001")
	inv.URI, err = sip.ParseURI("sip:tgruu.AAAA@pbx.internal;gr")
	if err != nil {
		t.Fatal(err)
	}
	inv = l.authorised(caller, inv)
	caller.Ack(inv, caller.ExpectStatus(404, "INVITE"))
}
