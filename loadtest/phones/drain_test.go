package phones

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"naisen/loadtest/peer"
)

const patience = 8 * time.Second

// TestDrain: after SIGTERM nothing new is taken and the running call goes on: until its people end it, or patience does.
func TestDrain(t *testing.T) {
	t.Parallel()
	t.Run("hung up", func(t *testing.T) {
		t.Parallel()
		p, c := draining(t)
		talk(t, 2*time.Second)
		must(t, c.Command("hangup", ""))
		hung := time.Now()
		over(t, p, 6*time.Second)
		t.Logf("ended %v after the hang-up", time.Since(hung).Round(time.Millisecond))
		complete(t, p, "caller", 5*time.Second)
	})
	t.Run("patience over", func(t *testing.T) {
		t.Parallel()
		p, c := draining(t)
		asked := time.Now()
		must(t, c.Saw("terminated", patience+2*time.Second)) // the switch's BYE
		if d := time.Since(asked); d < patience-3*time.Second {
			t.Errorf("the call was cut after %v", d)
		}
		over(t, p, 20*time.Second)
		t.Logf("ended %v after SIGTERM", time.Since(asked).Round(time.Millisecond))
		complete(t, p, "switch", 9*time.Second)
	})
}

// draining sets up a recorded call of three seconds, tells the switch to end, and sees that it takes nothing new.
func draining(t *testing.T) (*peer.PBX, *peer.Baresip) {
	t.Helper()
	p := newPBX(t, "drain: 8s\n")
	carrierHere(t, p)
	notice(t, p, "none")
	rings(t, p, "ja", "2001")
	b, c := desk(t, p, "2001", deskHz, true), carrier(t, p)
	must(t, c.Command("dial", "sip:"+did+"@"+p.Domain))
	established(t, b, c)
	talk(t, 3*time.Second)
	if got := ask(t, p, "OPTIONS"); got != 200 {
		t.Errorf("OPTIONS before: %d", got)
	}
	must(t, p.Signal(syscall.SIGTERM))
	said(t, p, "pbx: draining", 1)
	for _, method := range []string{"OPTIONS", "INVITE"} {
		if got := ask(t, p, method); got != 503 {
			t.Errorf("%s while draining: %d", method, got)
		}
	}
	if live, err := p.Metric(t.Context(), "naisen_calls"); err != nil || live != 1 {
		t.Errorf("%v calls live, %v", live, err)
	}
	return p, c
}

// over waits for the end of the process, which must be a clean one.
func over(t *testing.T, p *peer.PBX, within time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	if err := p.Wait(ctx); err != nil {
		t.Fatalf("the end within %v: %v", within, err)
	}
}

// complete starts the switch again and finds the call in the history and its whole recording.
func complete(t *testing.T, p *peer.PBX, by string, least time.Duration) {
	t.Helper()
	must(t, p.Run(t.Context()))
	must(t, p.SignIn(t.Context()))
	cdr := history(t, p, 1)[0]
	if cdr.EndedBy != by || cdr.Status != 200 {
		t.Errorf("CDR %+v", cdr)
	}
	rec := stored(t, p, cdr.Recording)
	if d := rec.DurationMS - cdr.TalkMS; d < -200 || d > 200 || rec.Manifest.Interrupted {
		t.Errorf("recording of %d ms, interrupted: %v, call of %d ms", rec.DurationMS, rec.Manifest.Interrupted, cdr.TalkMS)
	}
	t.Logf("call of %d ms, recording of %d ms", cdr.TalkMS, rec.DurationMS)
	left, right := listen(t, p, rec.ID)
	onlyTone(t, "left channel", left, carrierHz, least-500*time.Millisecond)
	onlyTone(t, "right channel", right, deskHz, least-500*time.Millisecond)
}

// ask sends one request as a carrier would, from a socket of its own, and returns the final status.
func ask(t *testing.T, p *peer.PBX, method string) int {
	t.Helper()
	conn, err := net.Dial("udp", p.UDP)
	must(t, err)
	defer conn.Close()
	id := rand.Text()
	request := func(method string) string {
		return fmt.Sprintf("%s sip:%s@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;rport;branch=z9hG4bK%s\r\nMax-Forwards: 70\r\nFrom: <sip:09011112222@127.0.0.1>;tag=%s\r\n"+
			"To: <sip:%s@%s>\r\nCall-ID: %s\r\nCSeq: 1 %s\r\nContact: <sip:09011112222@%s>\r\nContent-Length: 0\r\n\r\n",
			method, did, p.UDP, conn.LocalAddr(), id, id, did, p.UDP, id, method, conn.LocalAddr())
	}
	_, err = conn.Write([]byte(request(method)))
	must(t, err)
	must(t, conn.SetReadDeadline(time.Now().Add(5*time.Second)))
	buf := make([]byte, 65536)
	for {
		n, err := conn.Read(buf)
		must(t, err)
		line, rest, _ := strings.Cut(string(buf[:n]), "\r\n")
		status, _ := strconv.Atoi(strings.Fields(line + " 0 0")[1])
		if status < 200 {
			continue
		}
		if method == "INVITE" {
			ack := request("ACK")
			for _, h := range strings.Split(rest, "\r\n") {
				if strings.HasPrefix(h, "To:") {
					ack = strings.Replace(ack, "To: <sip:"+did+"@"+p.UDP+">", h, 1)
				}
			}
			_, err = conn.Write([]byte(ack))
			must(t, err)
		}
		return status
	}
}
