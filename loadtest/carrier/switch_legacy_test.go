package carrier

import (
	"fmt"
	"slices"
	"testing"

	"naisen/loadtest/peer"
)

// TestSwitchLegacy: extensions on both sides, short numbers both ways; then one extension moves to the switch while it is called.
func TestSwitchLegacy(t *testing.T) {
	l := newLab(t, peer.Options{})
	old := OldPBX{Extensions: []string{"301", "2003"}}
	l.peer = l.open(LegacyPBX(old), Options{Local: at(host()), Remote: l.at})
	l.trunk("legacy-pbx", map[string]any{"prefixes": []string{"9"}})
	l.extension("301", "carrier")
	l.calls(l.dial("301"), old.Dial(l.peer, "301", "2001"))

	l.extension("2003", "carrier") // still over there
	near, far := l.call(l.phone, l.peer, l.dial("2003"))
	l.both(near, far)
	l.moves(old)
	l.failuresOf("301")
	l.nothingLeft()
}

func (l *lab) extension(number, remote string) {
	l.Helper()
	e := map[string]any{"number": number, "allow_md5": true, "media": "srtp-preferred"}
	if remote != "" {
		e["remote"] = remote
	}
	l.put("extensions/"+number, e)
}

// moves takes 2003 over while it is called without a pause: a call that runs is not disturbed, and none is lost.
func (l *lab) moves(old OldPBX) {
	l.Helper()
	running, there := l.call(l.phone, l.peer, l.dial("2003"))
	caller := l.open(plainClient(g711...), Options{Local: at(host()), Remote: l.at, User: "2002"})
	keys := l.registerAs(caller, "2002", l.pbx.Passwords["2002"])
	stop, lost := make(chan struct{}), make(chan error, 1)
	go func() { lost <- l.traffic(caller, keys, stop) }()

	status, answer, err := l.pbx.Do(l.Context(), "POST", "extensions/2003/secret", nil)
	l.must(err)
	password := secretIn(answer)
	if status/100 != 2 || password == "" {
		l.Fatalf("secret of 2003: %d", status)
	}
	here := l.open(plainClient(g711...), Options{Local: at(host()), Remote: l.at, User: "2003"})
	l.registerAs(here, "2003", password)
	l.extension("2003", "")
	l.must(here.until(l.Context(), "three calls where it lives now", func() bool { // from now on it rings here
		return slices.IndexFunc(here.log, nth(3, func(m *Message) bool { return m.Name() == "INVITE" })) >= 0
	}))
	close(stop)
	l.must(<-lost)
	here.forget()
	near, far := l.call(l.phone, here, l.dial("2003"))
	l.must(far.Talk(l.Context(), 3))
	l.must(near.Heard(l.Context(), 3))
	l.must(near.Hangup(l.Context()))
	here.forget()
	near, far = l.call(l.peer, here, old.Dial(l.peer, "301", "2003")) // for those over there too
	l.must(near.Hangup(l.Context()))
	_, err = far.Over(l.Context())
	l.must(err)
	l.both(running, there)
}

// nth is true for the nth of those.
func nth(n int, is func(*Message) bool) func(*Message) bool {
	return func(m *Message) bool {
		if is(m) {
			n--
		}
		return n == 0
	}
}

// traffic calls 2003 again and again until it is stopped: each call is answered, wherever 2003 is.
func (l *lab) traffic(from *UA, keys *digest, stop <-chan struct{}) error {
	d := Dial{URI: "sip:2003@" + l.pbx.Domain, From: "<sip:2002@" + l.pbx.Domain + ">",
		Credentials: func(challenge *Message, uri string, n int) Field { return keys.answer(challenge, "INVITE", uri, n) }}
	for n := 1; ; n++ {
		c, resp, err := from.Call(l.Context(), d)
		if err := fine(resp, err); err != nil {
			return fmt.Errorf("call %d of the move: %w", n, err)
		}
		if err := c.Hangup(l.Context()); err != nil {
			return err
		}
		select {
		case <-stop:
			return nil
		default:
		}
	}
}
