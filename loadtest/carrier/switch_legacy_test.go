package carrier

import (
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

// moves takes 2003 over while it is called: a call that runs is not disturbed, and none in between is lost.
func (l *lab) moves(old OldPBX) {
	l.Helper()
	running, there := l.call(l.phone, l.peer, l.dial("2003"))
	status, answer, err := l.pbx.Do(l.Context(), "POST", "extensions/2003/secret", nil)
	l.must(err)
	password := secretIn(answer)
	if status/100 != 2 || password == "" {
		l.Fatalf("secret of 2003: %d", status)
	}
	new := l.open(plainClient(g711...), Options{Local: at(host()), Remote: l.at, User: "2003"})
	l.registerAs(new, "2003", password)
	l.extension("2003", "")
	near, far := l.call(l.phone, new, l.dial("2003")) // rings here from now on
	l.must(far.Talk(l.Context(), 3))
	l.must(near.Heard(l.Context(), 3))
	l.must(near.Hangup(l.Context()))
	near, far = l.call(l.peer, new, old.Dial(l.peer, "301", "2003")) // for those over there too
	l.must(near.Hangup(l.Context()))
	_, err = far.Over(l.Context())
	l.must(err)
	l.both(running, there)
}
