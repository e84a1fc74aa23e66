package main

import (
	"bytes"
	"net"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/sip"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// Threats A18: a header whose name is padded is the same header, so an identity that a phone claims so is not believed either.
func TestPaddedIdentity(t *testing.T) {
	onStage(t, "", func(o *stage) {
		alice, bob := o.phones["2001"], o.phones["2002"]
		r := alice.NewRequest("INVITE", "2002")
		r.SetBody("application/sdp", description(alice, "0 8 101"))
		alice.Send(r)
		challenge := alice.ExpectStatus(401, "INVITE")
		alice.Ack(r, challenge)
		r = alice.Again(r)
		if err := alice.Auth(r, challenge); err != nil {
			t.Fatal(err)
		}
		raw, err := r.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		alice.SendRaw(bytes.Replace(raw, []byte("Max-Forwards: 70\r\n"), []byte("Max-Forwards: 70\r\nP-Asserted-Identity \t : \"Boss\" <sip:boss@"+simDomain+
			">\r\np-preferred-identity\t: <sip:boss@"+simDomain+">\r\n"), 1))
		in := bob.Expect("INVITE")
		if got := asserted(&in.Headers); got != "Ext 0 2001" {
			t.Errorf("the called phone sees %q", got)
		}
		in.Each(func(h stack.Header) bool {
			if strings.Contains(strings.ToLower(h.Value), "boss") {
				t.Errorf("%s: %s", h.Name, h.Value)
			}
			return true
		})
		bob.Reply(in, 486, nil)
		bob.Expect("ACK")
		alice.Ack(r, alice.ExpectStatus(486, "INVITE"))
	})
}

// Threats A20: an interval that would keep the switch busy with refreshes is refused with one that it takes (RFC 4028 section 6).
func TestShortSessionInterval(t *testing.T) {
	onStage(t, "", func(o *stage) {
		alice := o.phones["2001"]
		r := o.invite(alice, "2002", func(r *stack.Request) {
			r.Set("Supported", "timer")
			r.Set("Session-Expires", "30")
		})
		resp := alice.ExpectStatus(422, "INVITE")
		alice.Ack(r, resp)
		if atoi(resp.Get("Min-SE")) < 90 {
			t.Errorf("Min-SE: %q", resp.Get("Min-SE"))
		}
		o.phones["2002"].Silence(time.Second)
	})
}

// Threats B13: whoever is called and asks for credentials in our realm gets none, a phone as little as a carrier, and the caller is not asked in
// its place.
func TestDigestLeak(t *testing.T) {
	for _, number := range []string{"2002", "0312345678"} {
		for status, header := range map[int]string{401: "WWW-Authenticate", 407: "Proxy-Authenticate"} {
			t.Run(number+" "+header, func(t *testing.T) {
				onStage(t, "", func(o *stage) {
					alice, called := o.phones["2001"], o.phones["2002"]
					if number != "2002" {
						called = o.carrier
					}
					out := o.invite(alice, number, nil)
					in := called.Expect("INVITE")
					called.Reply(in, status, func(r *stack.Response) {
						r.Set(header, `Digest realm="`+simDomain+`", nonce="n", algorithm=MD5, qop="auth"`)
					})
					called.Expect("ACK")
					resp := alice.ExpectStatus(502, "INVITE")
					alice.Ack(out, resp)
					if resp.Has("WWW-Authenticate") || resp.Has("Proxy-Authenticate") {
						t.Errorf("the caller is asked: %d", resp.Status)
					}
					called.Silence(2 * time.Second)
				})
			})
		}
	}
}

// Threats B16: what a carrier attests of its caller (RFC 8224) is not verified yet, so it is not shown and not passed on; and nobody fetches
// the certificate that it names, which may be an address of our own network.
func TestAttestationIsDropped(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	fetched := make(chan struct{}, 1)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
			select {
			case fetched <- struct{}{}:
			default:
			}
		}
	}()
	defer func() { _ = ln.Close() }()
	l := newLab(t, nil)
	carrier := l.carrierAt("attesting", func(t *provisioning.Trunk) {
		t.Profile, t.Sources, t.DIDFrom = "ip", []string{"127.0.0.1/32"}, []string{"request-uri"}
	})
	l.put(provisioning.DID{Number: "+81312349999", To: []string{"2001"}})
	alice := l.phone("2001", localhost())
	alice.Register(3600)
	for i, identity := range []string{
		"eyJhbGciOiJFUzI1NiJ9.e30.AAAA;info=<http://" + ln.Addr().String() + "/cert.pem>;alg=ES256;ppt=shaken",
		"not-a-token;info=<https://" + ln.Addr().String() + "/>",
	} {
		in := carrier.NewRequest("INVITE", "+81312349999")
		in.SetFrom(sip.Address{URI: sip.URI{Scheme: "sip", User: "+81398765432", Host: "carrier.example"}}.WithTag(stack.NewTag()))
		in.Set("Identity", identity)
		in.SetBody("application/sdp", offer(localhost()))
		carrier.Send(in)
		ring := alice.Expect("INVITE")
		if ring.Has("Identity") || ring.Has("Identity-Info") {
			t.Errorf("%d: passed on: %s", i, ring.Get("Identity"))
		}
		alice.Reply(ring, 486, nil)
		alice.Expect("ACK")
		carrier.Ack(in, expectFinal(carrier, 486))
	}
	select {
	case <-fetched:
		t.Error("the certificate's address was asked")
	case <-time.After(100 * time.Millisecond):
	}
}

// expectFinal passes over what comes before it.
func expectFinal(p *siptest.Phone, status int) *stack.Response {
	for {
		m, ok := p.Read(siptest.Patience)
		if !ok || m.Response != nil && m.Response.Status == status {
			return m.Response
		}
	}
}
