package auth

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"naisen/sip"
	"naisen/sip/stack"
)

const realm = "example.test"

// book is a Verifier.
type book map[string]Credential

func (b book) Lookup(r, user string) (Credential, bool) {
	c, ok := b[r+"/"+user]
	return c, ok
}

func credential(user, password string) Credential {
	return Credential{HA1MD5: HA1(MD5, user, realm, password), HA1SHA256: HA1(SHA256, user, realm, password), AllowMD5: true}
}

// bench is an Authenticator with a clock that the test turns, and one phone.
type bench struct {
	t    *testing.T
	a    *Authenticator
	now  time.Time
	md5  bool
	book book
	cseq int
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, now: time.Unix(1_800_000_000, 0), md5: true}
	strict, off := credential("1002", "secret"), credential("1003", "secret")
	strict.AllowMD5, off.Disabled = false, true
	b.book = book{realm + "/1001": credential("1001", "secret"), realm + "/1002": strict, realm + "/1003": off}
	b.a = New(Config{
		Clock: func() time.Time { return b.now }, OfferMD5: func(string, Peer) bool { return b.md5 }, Nonces: 4,
	}, b.book)
	return b
}

func uri(s string) sip.URI {
	u, err := sip.ParseURI(s)
	if err != nil {
		panic(err)
	}
	return u
}

// request has a new CSeq each time, as a new transaction has.
func (b *bench) request(method, target, user string) *stack.Request {
	b.cseq++
	r := stack.NewRequest(method, uri(target))
	r.Add("Via", fmt.Sprintf("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK%d", b.cseq))
	r.Add("From", "<sip:"+user+"@example.test>;tag=a")
	r.Add("To", "<sip:"+user+"@example.test>")
	r.Add("Call-ID", "call-of-"+user)
	r.Add("CSeq", fmt.Sprintf("%d %s", b.cseq, method))
	return r
}

var home = Peer{Remote: netip.MustParseAddrPort("192.0.2.1:5060"), UserAgent: "Yealink SIP-T46U"}

func (b *bench) check(r *stack.Request, from Peer) Outcome { return b.a.check(r, realm, 401, from) }

// challenge asks without credentials.
func (b *bench) challenge(user string, from Peer) *stack.Response {
	b.t.Helper()
	c, ok := b.check(b.request("REGISTER", "sip:example.test", user), from).(Challenge)
	if !ok || c.Why != Missing {
		b.t.Fatalf("got %+v, want a challenge", c)
	}
	return c.Response
}

// answer makes the request that follows a challenge.
func (b *bench) answer(user, password string, ch *stack.Response) *stack.Request {
	b.t.Helper()
	r := b.request("REGISTER", "sip:example.test", user)
	if err := Authorize(r, ch, ClientCredential{user, password, realm}, func() string { return "cnonce" }); err != nil {
		b.t.Fatal(err)
	}
	return r
}

// edit replaces a piece of the Authorization.
func edit(r *stack.Request, old, with string) *stack.Request {
	v := r.Get("Authorization")
	if !strings.Contains(v, old) {
		panic("no " + old + " in " + v)
	}
	r.Set("Authorization", strings.Replace(v, old, with, 1))
	return r
}

func verdict(o Outcome) string {
	switch o := o.(type) {
	case OK:
		return "ok " + o.User + " " + string(o.Algorithm)
	case Challenge:
		return string(o.Why)
	case Refused:
		return fmt.Sprint("refused ", o.Response.Status)
	}
	return "?"
}

func (b *bench) expect(r *stack.Request, from Peer, want string) Outcome {
	b.t.Helper()
	o := b.check(r, from)
	if got := verdict(o); got != want {
		b.t.Fatalf("got %q, want %q", got, want)
	}
	return o
}

// again signs a request with a further nc on the same nonce, or whatever the changes make of it.
func resign(r *stack.Request, alg Algorithm, user, password, method, nc, target string) *stack.Request {
	d, err := parseDigest(r.Get("Authorization"))
	if err != nil {
		panic(err)
	}
	d.nc, d.uri, d.username = nc, target, user
	d.response = d.compute(alg, HA1(alg, user, realm, password), method, r.Body)
	r.Set("Authorization", d.credentials())
	return r
}

func TestCheck(t *testing.T) {
	away := Peer{Remote: netip.MustParseAddrPort("198.51.100.9:5060"), UserAgent: home.UserAgent}
	moved := Peer{Remote: netip.MustParseAddrPort("192.0.2.1:1024"), UserAgent: home.UserAgent}
	long := strings.Repeat("n", 8192)
	for _, c := range []struct {
		name string
		make func(b *bench, ch *stack.Response) *stack.Request
		from Peer
		want string
	}{
		{"right", func(b *bench, ch *stack.Response) *stack.Request { return b.answer("1001", "secret", ch) }, home, "ok 1001 SHA-256"},
		{"NAT moved the port", func(b *bench, ch *stack.Response) *stack.Request { return b.answer("1001", "secret", ch) }, moved, "ok 1001 SHA-256"},
		{"response in capitals", func(b *bench, ch *stack.Response) *stack.Request {
			r := b.answer("1001", "secret", ch)
			d, _ := parseDigest(r.Get("Authorization"))
			return edit(r, d.response, strings.ToUpper(d.response))
		}, home, "ok 1001 SHA-256"},
		{"wrong password", func(b *bench, ch *stack.Response) *stack.Request { return b.answer("1001", "Secret", ch) }, home, "wrong"},
		{"unknown user", func(b *bench, ch *stack.Response) *stack.Request { return b.answer("9999", "secret", ch) }, home, "wrong"},
		{"disabled", func(b *bench, ch *stack.Response) *stack.Request { return b.answer("1003", "secret", ch) }, home, "refused 403"},
		{"disabled, wrong password", func(b *bench, ch *stack.Response) *stack.Request { return b.answer("1003", "x", ch) }, home, "wrong"},
		{"B2 another address", func(b *bench, ch *stack.Response) *stack.Request { return b.answer("1001", "secret", ch) }, away, "stale"},
		{"B4 forged nonce", func(b *bench, ch *stack.Response) *stack.Request {
			d, _ := parseDigest(ch.Get("WWW-Authenticate"))
			forged := strings.Map(func(r rune) rune {
				if r == 'A' {
					return 'B'
				}
				return r
			}, d.nonce)
			ch.Set("WWW-Authenticate", strings.Replace(ch.Get("WWW-Authenticate"), d.nonce, forged, 1))
			return b.answer("1001", "secret", ch)
		}, home, "stale"},
		{"B5 response for OPTIONS", func(b *bench, ch *stack.Response) *stack.Request {
			return resign(b.answer("1001", "secret", ch), SHA256, "1001", "secret", "OPTIONS", "00000001", "sip:example.test")
		}, home, "wrong"},
		{"B5 uri of another target", func(b *bench, ch *stack.Response) *stack.Request {
			return resign(b.answer("1001", "secret", ch), SHA256, "1001", "secret", "REGISTER", "00000001", "sip:other.test")
		}, home, "malformed"},
		{"uri with transport, as baresip", func(b *bench, ch *stack.Response) *stack.Request {
			return resign(b.answer("1001", "secret", ch), SHA256, "1001", "secret", "REGISTER", "00000001", "sip:EXAMPLE.test:5060;transport=udp")
		}, home, "ok 1001 SHA-256"},
		{"B17 8 kB nonce", func(b *bench, ch *stack.Response) *stack.Request {
			d, _ := parseDigest(ch.Get("WWW-Authenticate"))
			return edit(b.answer("1001", "secret", ch), d.nonce, long)
		}, home, "missing"},
		{"B17 junk user", func(b *bench, ch *stack.Response) *stack.Request {
			return b.answer(`' OR 1=1; -- %s%n ../../etc (&(uid=*))`, "secret", ch)
		}, home, "wrong"},
		{"no qop", func(b *bench, ch *stack.Response) *stack.Request {
			return edit(b.answer("1001", "secret", ch), "qop=auth, ", "")
		}, home, "malformed"},
		{"nc 0", func(b *bench, ch *stack.Response) *stack.Request {
			return resign(b.answer("1001", "secret", ch), SHA256, "1001", "secret", "REGISTER", "00000000", "sip:example.test")
		}, home, "malformed"},
		{"foreign realm", func(b *bench, ch *stack.Response) *stack.Request {
			return edit(b.answer("1001", "secret", ch), `realm="example.test"`, `realm="example.org"`)
		}, home, "missing"},
		{"SHA-512-256, never offered", func(b *bench, ch *stack.Response) *stack.Request {
			return edit(b.answer("1001", "secret", ch), "algorithm=SHA-256", "algorithm=SHA-512-256")
		}, home, "malformed"},
		{"a parameter twice", func(b *bench, ch *stack.Response) *stack.Request {
			return edit(b.answer("1001", "secret", ch), "Digest ", `Digest username="1003", `)
		}, home, "missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			b.expect(c.make(b, b.challenge("1001", home)), c.from, c.want)
		})
	}
}

func TestMD5OnlyWhereDomainAndDeviceAllowIt(t *testing.T) {
	bare := Peer{Remote: home.Remote, UserAgent: "baresip v1.0.0 (x86_64/linux)"}
	for _, c := range []struct {
		name, user string
		domain     bool
		want       string
	}{
		{"allowed", "1001", true, "ok 1001 MD5"},
		{"device says no", "1002", true, "wrong"},
		{"domain says no", "1001", false, "wrong"},
		{"unknown", "9999", true, "wrong"},
	} {
		b := newBench(t)
		ch := b.challenge(c.user, bare)
		b.md5 = c.domain
		b.expect(b.answer(c.user, "secret", ch), bare, c.want)
	}
}

func TestNonceEndsAndIsNotReplayed(t *testing.T) {
	b := newBench(t)
	ch := b.challenge("1001", home)
	again := func(nc string) *stack.Request {
		return resign(b.answer("1001", "secret", ch), SHA256, "1001", "secret", "REGISTER", nc, "sip:example.test")
	}
	b.expect(again("00000002"), home, "ok 1001 SHA-256")
	o := b.expect(again("00000002"), home, "stale").(Challenge) // B3
	if v := o.Response.Get("WWW-Authenticate"); !strings.Contains(v, "stale=true") {
		t.Errorf("replay without stale=true: %s", v)
	}
	b.expect(again("00000001"), home, "stale")
	b.expect(again("0000000a"), home, "ok 1001 SHA-256")
	b.expect(resign(again("0000000b"), SHA256, "1001", "wrong", "REGISTER", "0000000b", "sip:example.test"), home, "wrong")
	b.expect(again("0000000b"), home, "ok 1001 SHA-256") // a wrong response does not use nc up
	b.now = b.now.Add(5 * time.Minute)
	b.expect(again("0000000c"), home, "stale")
	b.expect(b.answer("1001", "secret", o.Response), home, "stale")
}

// The table of used nonces holds four here. What it forgot is stale, never new again.
func TestNonceTableIsBounded(t *testing.T) {
	b := newBench(t)
	var first *stack.Response
	for i := range 20 {
		ch := b.challenge("1001", home)
		if i == 0 {
			first = ch
		}
		b.expect(b.answer("1001", "secret", ch), home, "ok 1001 SHA-256")
		b.now = b.now.Add(time.Second)
		if n := b.a.counts.size(); n > 4 {
			t.Fatalf("%d nonces remembered, bound is 4", n)
		}
	}
	b.expect(b.answer("1001", "secret", first), home, "stale")
	b.now = b.now.Add(time.Hour)
	b.expect(b.answer("1001", "secret", b.challenge("1001", home)), home, "ok 1001 SHA-256")
	if n := b.a.counts.size(); n != 1 {
		t.Errorf("%d nonces after an hour, want 1", n)
	}
}

// A kept key must not open a window for replays while the table of used nonces is new.
func TestRestartWithTheSameKeyForgetsNoReplay(t *testing.T) {
	b := newBench(t)
	b.a.nonces = minter{sip.NewMarks([]byte("0123456789abcdef"))}
	r := b.answer("1001", "secret", b.challenge("1001", home))
	b.expect(r, home, "ok 1001 SHA-256")
	b.now = b.now.Add(time.Second)
	b.a = New(Config{Clock: func() time.Time { return b.now }, NonceKey: []byte("0123456789abcdef")}, b.book)
	b.expect(r, home, "stale")
	b.expect(b.answer("1001", "secret", b.challenge("1001", home)), home, "ok 1001 SHA-256")
}

// B7: the first challenge and the second are the same whoever is named, but for nonce and tag.
func TestKnownAndUnknownLookAlike(t *testing.T) {
	shape := func(user, password string) string {
		b := newBench(t)
		ch := b.challenge(user, home)
		o := b.check(b.answer(user, password, ch), home).(Challenge)
		var s strings.Builder
		for _, r := range []*stack.Response{ch, o.Response} {
			fmt.Fprintf(&s, "%d %s\n", r.Status, r.Reason)
			r.Each(func(h stack.Header) bool {
				if h.Name == "WWW-Authenticate" {
					d, err := parseDigest(h.Value)
					if err != nil {
						t.Fatal(err)
					}
					h.Value = strings.Replace(h.Value, d.nonce, fmt.Sprint(len(d.nonce)), 1)
				} else if h.Name != "CSeq" {
					h.Value = ""
				}
				fmt.Fprintln(&s, h.Name, h.Value)
				return true
			})
		}
		return s.String()
	}
	known := shape("1001", "guess")
	for _, user := range []string{"1002", "1003", "9999"} {
		if got := shape(user, "guess"); got != known {
			t.Errorf("%s looks different:\n%s\nfrom a known user:\n%s", user, got, known)
		}
	}
}

func Test407(t *testing.T) {
	b := newBench(t)
	invite := b.request("INVITE", "sip:1002@example.test", "1001")
	o := b.a.check(invite, realm, 407, home).(Challenge)
	if o.Response.Status != 407 || !o.Response.Has("Proxy-Authenticate") || o.Response.Has("WWW-Authenticate") {
		t.Fatalf("got %d %v", o.Response.Status, o.Response.Headers)
	}
	if err := Authorize(invite, o.Response, ClientCredential{"1001", "secret", realm}, nil); err != nil {
		t.Fatal(err)
	}
	if got := verdict(b.a.check(invite, realm, 407, home)); got != "ok 1001 SHA-256" {
		t.Errorf("got %s", got)
	}
}

func TestCredentialsPrintRedacted(t *testing.T) {
	c, cc := credential("1001", "secret"), ClientCredential{"1001", "secret", realm}
	for _, s := range []string{
		fmt.Sprintf("%v %+v %#v %s %q %x", c, c, c, c, c, c), fmt.Sprintf("%v %+v %#v %s %q %x", cc, cc, cc, cc, cc, cc),
		fmt.Sprint(&c, &cc, struct{ C Credential }{c}, []ClientCredential{cc}), c.LogValue().String(), cc.LogValue().String(),
	} {
		if strings.Contains(s, "secret") || strings.Contains(s, c.HA1MD5) || strings.Contains(s, "736563726574") || strings.Contains(s, c.HA1SHA256) {
			t.Errorf("printed: %s", s)
		}
	}
}
