package phones

import (
	"encoding/json"
	"testing"
	"time"

	"naisen/loadtest/peer"
)

// TestSpokenGreeting: the owner of a mailbox speaks its greeting by telephone (*97, 3). Who calls hears it and leaves a message, which the owner
// hears from outside, by a number that asks for mailbox and PIN.
func TestSpokenGreeting(t *testing.T) {
	t.Parallel()
	const messages = "+81312345679"
	p := newPBX(t, "")
	carrierHere(t, p)
	hanako := mailbox(t, p)
	put(t, p, "dids/"+messages, map[string]any{"number": messages, "messages": true})
	owner, a, outside := desk(t, p, "2002", otherHz, false), desk(t, p, "2001", deskHz, false), carrier(t, p)

	must(t, owner.Command("dial", "sip:*97@"+p.Domain))
	established(t, owner)
	presses(t, owner, "4711#")
	talk(t, 3*time.Second)  // so many messages
	presses(t, owner, "31") // the usual greeting
	talk(t, 13*time.Second) // what is to be done takes 6 s of them, and a tone
	presses(t, owner, "#1")
	listed(t, p, hanako, "greetings")
	must(t, owner.Command("hangup", ""))

	must(t, a.Command("dial", "sip:2002@"+p.Domain))
	established(t, a)
	talk(t, 14*time.Second) // the greeting is no longer than 8 s
	must(t, a.Command("hangup", ""))
	listed(t, p, hanako, "messages")

	must(t, outside.Command("dial", "sip:"+messages+"@"+p.Domain))
	established(t, outside)
	presses(t, outside, "2002#4711#")
	talk(t, 3*time.Second)
	presses(t, outside, "1")
	talk(t, 9*time.Second) // from whom and when, and then the message
	must(t, outside.Command("hangup", ""))
	history(t, p, 3)
	if d := longestTone(ear(t, a), otherHz); d < 3*time.Second {
		t.Errorf("the caller hears the owner's greeting for %v", d)
	}
	if d := longestTone(ear(t, outside), deskHz); d < 2*time.Second {
		t.Errorf("from outside the message is heard for %v", d)
	}
}

// presses gives keys (RFC 4733) as fast as people do.
func presses(t *testing.T, b *peer.Baresip, keys string) {
	t.Helper()
	for _, key := range keys {
		must(t, b.Command("sndcode", string(key)))
		talk(t, 400*time.Millisecond)
	}
}

// listed waits until the owner sees one of those things in the mailbox.
func listed(t *testing.T, p *peer.PBX, owner, what string) {
	t.Helper()
	var page struct{ Items []json.RawMessage }
	var asked time.Time
	if peer.Until(40*time.Second, func() bool {
		if time.Since(asked) < 300*time.Millisecond {
			return false
		}
		asked = time.Now()
		status, answer, err := p.DoAs(t.Context(), owner, "GET", "mailboxes/2002/"+what, nil)
		return err == nil && status == 200 && json.Unmarshal(answer, &page) == nil && len(page.Items) == 1
	}) != nil {
		t.Fatalf("%d %s in the mailbox", len(page.Items), what)
	}
}
