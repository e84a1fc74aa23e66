package phones

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"naisen/loadtest/peer"
	"naisen/media/mediatest"
)

// TestVoicemail: a desk over TLS and SRTP leaves a message with its tone. The owner's telephone is told by NOTIFY, and its owner hears that tone by *97 and
// the PIN, and by REST; nobody else is told that there is a message, and nothing of it lies readable on the disk, meanwhile or afterwards.
func TestVoicemail(t *testing.T) {
	t.Parallel()
	p := newPBX(t, "")
	hanako := mailbox(t, p)
	owner := subscriber(t, peer.Phone{User: "2002", Domain: p.Domain, Password: p.Passwords["2002"], Proxy: p.UDP, Transport: "udp", Hz: otherHz, Register: true, Mailbox: true})
	a := desk(t, p, "2001", deskHz, false)
	must(t, a.Command("dial", "sip:2002@"+p.Domain))
	established(t, a)
	hold(t, 16*time.Second, func() { nothingReadable(t, p, planted()) })
	must(t, a.Command("hangup", ""))
	must(t, owner.Saw("Voice-Message: 1/0", 60*time.Second))
	heardByREST(t, p, hanako)
	must(t, owner.Command("dial", "sip:*97@"+p.Domain))
	established(t, owner)
	for _, key := range "4711#" {
		must(t, owner.Command("sndcode", string(key)))
		talk(t, 400*time.Millisecond)
	}
	talk(t, 4*time.Second) // so many messages
	must(t, owner.Command("sndcode", "1"))
	must(t, owner.Saw("Voice-Message: 0/1", 60*time.Second)) // it was heard to its end
	must(t, owner.Command("hangup", ""))
	history(t, p, 2)
	nothingReadable(t, p, planted())
	if longest := longestTone(ear(t, owner), deskHz); longest < 4*time.Second {
		t.Errorf("the owner hears the caller's tone for %v", longest)
	}
}

// mailbox gives 2002 a mailbox with the PIN 4711, to which all its calls go, and returns the token of its owner.
func mailbox(t *testing.T, p *peer.PBX) (owner string) {
	t.Helper()
	owner = person(t, p, "hanako", "staff")
	extension := map[string]any{}
	get(t, p, "extensions/2002", &extension)
	extension["user"] = "hanako"
	put(t, p, "extensions/2002", extension)
	put(t, p, "mailboxes/2002", map[string]any{"title": "Hanako"})
	put(t, p, "settings/2002", map[string]any{"forward": map[string]any{"always": map[string]any{"voicemail": "2002"}}})
	if status, answer, err := p.DoAs(t.Context(), owner, "PUT", "mailboxes/2002/pin", map[string]any{"pin": "4711"}); err != nil || status != http.StatusNoContent {
		t.Fatalf("PIN: %d %s %v", status, answer, err)
	}
	return owner
}

// heardByREST plays the one message as its owner; an administrator is told that there is none.
func heardByREST(t *testing.T, p *peer.PBX, owner string) {
	t.Helper()
	var list struct {
		Items []struct {
			ID, From string
			Seconds  float64
		}
	}
	status, answer, err := p.DoAs(t.Context(), owner, "GET", "mailboxes/2002/messages", nil)
	must(t, err)
	if must(t, json.Unmarshal(answer, &list)); status != 200 || len(list.Items) != 1 || list.Items[0].From != "2001" || list.Items[0].Seconds < 4 {
		t.Fatalf("%d %s", status, answer)
	}
	at := "mailboxes/2002/messages/" + list.Items[0].ID + "/audio"
	if status, answer, err := p.Do(t.Context(), "GET", at, nil); err != nil || status != 404 {
		t.Errorf("an administrator plays it: %d, %d octets, %v", status, len(answer), err)
	}
	status, wav, err := p.DoAs(t.Context(), owner, "GET", at, nil)
	must(t, err)
	if status != 200 {
		t.Fatalf("%d %s", status, wav)
	}
	channels, hz, err := peer.ReadWAV(wav)
	must(t, err)
	if len(channels) != 1 || hz != rate {
		t.Fatalf("%d channels at %d Hz", len(channels), hz)
	}
	if longest := longestTone(channels[0], deskHz); longest < 4*time.Second {
		t.Errorf("by REST the caller's tone is there for %v", longest)
	}
}

// longestTone is the longest stretch in which a tone is heard (Goertzel), in steps of 100 ms.
func longestTone(pcm []int16, hz float64) (longest time.Duration) {
	var now time.Duration
	for at := 0; at+window <= len(pcm); at += window {
		if now += 100 * time.Millisecond; mediatest.ToneIn(pcm[at:at+window], rate, hz) < 0.9 || mediatest.Amplitude(pcm[at:at+window], rate, hz) < 1000 {
			now = 0
		}
		longest = max(longest, now)
	}
	return longest
}
