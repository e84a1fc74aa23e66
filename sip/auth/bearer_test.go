package auth

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// purse knows one token of Tanaka's and one without the scope.
type purse struct {
	expires time.Time
	asked   int
}

func (p *purse) Token(in, raw string) (Token, error) {
	p.asked++
	switch {
	case in != realm:
		return Token{}, ErrToken
	case raw == "good":
		return Token{Owner: "tanaka", Scopes: []string{"openid", "sip"}, Expires: p.expires}, nil
	case raw == "narrow":
		return Token{Owner: "tanaka", Scopes: []string{"openid"}, Expires: p.expires}, nil
	case raw == "early":
		return Token{}, ErrTokenUnknown
	}
	return Token{}, ErrToken
}

func TestBearer(t *testing.T) {
	secure := Peer{Remote: netip.MustParseAddrPort("192.0.2.1:5061"), UserAgent: "Softphone 2", Transport: "tls"}
	clear := secure
	clear.Transport = "tcp"
	old := secure
	old.UserAgent = "baresip v1.0.0"
	const offered = `Bearer realm="example.test", authz_server="https://id.example.test", scope="sip"`
	for _, c := range []struct {
		name   string
		from   Peer
		lines  []string // Authorization
		md5    bool     // the domain allows it
		status int      // 200: OK
		first  string   // start of the topmost challenge
		last   string   // of the lowest
		asked  int      // how often the token was looked at
	}{
		{"first contact: digest on top", secure, nil, false, 401, "Digest ", offered, 0},
		{"first contact, two digests", secure, nil, true, 401, "Digest ", offered, 0},
		{"a client that would give up", old, nil, true, 401, "Digest ", "Digest ", 0},
		{"not over TCP", clear, nil, false, 401, "Digest ", "Digest ", 0},
		{"a token over TCP is not looked at", clear, []string{"Bearer good"}, false, 401, "Digest ", "Digest ", 0},
		{"good", secure, []string{"bearer  good "}, false, 200, "", "", 1},
		{"forged", secure, []string{"Bearer bad"}, false, 401, offered + `, error="invalid_token"`, "Digest ", 1},
		{"empty", secure, []string{"Bearer "}, false, 401, offered + `, error="invalid_token"`, "Digest ", 0},
		{"too long", secure, []string{"Bearer " + strings.Repeat("x", maxTokenBytes+1)}, false, 401, offered + `, error="invalid_token"`, "Digest ", 0},
		{"two tokens", secure, []string{"Bearer good", "Bearer good"}, false, 401, offered + `, error="invalid_token"`, "Digest ", 0},
		{"without the scope", secure, []string{"Bearer narrow"}, false, 403, offered + `, error="insufficient_scope"`, "Bearer ", 1},
		{"keys are not here", secure, []string{"Bearer early"}, false, 503, "", "", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			b.md5 = c.md5
			p := &purse{expires: b.now.Add(time.Minute)}
			b.a.tokens = p
			b.a.bearer = func(in string, _ Peer) BearerOffer { return BearerOffer{"https://id." + in, "sip"} }
			r := b.request("REGISTER", "sip:example.test", "1001")
			for _, l := range c.lines {
				r.Add("Authorization", l)
			}
			status, lines := 200, []string(nil)
			switch o := b.check(r, c.from).(type) {
			case OK:
				if o.Owner != "tanaka" || o.User != "" || !o.Expires.Equal(p.expires) {
					t.Errorf("%+v", o)
				}
			case Challenge:
				status, lines = o.Response.Status, o.Response.Lines("WWW-Authenticate")
			case Refused:
				status, lines = o.Response.Status, o.Response.Lines("WWW-Authenticate")
			}
			if status != c.status || p.asked != c.asked {
				t.Errorf("%d, want %d; looked at %d times, want %d", status, c.status, p.asked, c.asked)
			}
			if c.first != "" && (len(lines) == 0 || !strings.HasPrefix(lines[0], c.first) || !strings.HasPrefix(lines[len(lines)-1], c.last)) {
				t.Errorf("challenges %q", lines)
			}
			if slices.ContainsFunc(lines, func(s string) bool { return strings.Contains(s, "good") }) {
				t.Error("the token comes back")
			}
		})
	}
}

// A token that has just run out proves nothing, though its verifier allows for clocks that differ.
func TestBearerEnds(t *testing.T) {
	b := newBench(t)
	p := &purse{expires: b.now}
	b.a.tokens, b.a.bearer = p, func(string, Peer) BearerOffer { return BearerOffer{"https://id.example.test", ""} }
	r := b.request("REGISTER", "sip:example.test", "1001")
	r.Add("Authorization", "Bearer good")
	if got := verdict(b.check(r, Peer{Transport: "tls", Remote: home.Remote})); got != "wrong" {
		t.Error(got)
	}
}
