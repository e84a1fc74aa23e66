package dialog

import (
	"strconv"
	"strings"
	"time"

	"naisen/sip/stack"
)

const (
	maxInfo      = 1024 // body of an INFO, bytes
	maxDigits    = 64   // waiting to be sent; more are dropped, for nobody types that fast
	digitLength  = 160 * time.Millisecond
	maxDigitTime = 10 * time.Second
)

// digits are keys of ours that wait for the INFO before them: over UDP a later one could overtake.
type digits struct {
	queue []rune
	busy  bool
}

// Digit presses a key on the peer's side: INFO application/dtmf-relay. 0-9 * # A-D and ! for hook flash; anything else is ignored.
func (s *Session) Digit(r rune) {
	s.do(func() {
		if s.phase != phaseUp && s.phase != phaseAccepted || !isDigit(r) || len(s.keys.queue) >= maxDigits {
			return
		}
		s.keys.queue = append(s.keys.queue, r)
		s.nextDigit()
	})
}

func (s *Session) nextDigit() {
	if s.keys.busy || len(s.keys.queue) == 0 || !s.alive() {
		return
	}
	r := s.keys.queue[0]
	s.keys.queue, s.keys.busy = s.keys.queue[1:], true
	s.send(&s.dlg, "INFO", func(req *stack.Request) {
		signal := string(r)
		if r == '!' {
			signal = "16"
		}
		body := "Signal=" + signal + "\r\nDuration=" + strconv.Itoa(int(digitLength/time.Millisecond)) + "\r\n"
		req.SetBody("application/dtmf-relay", []byte(body))
	}, func(_ *stack.ClientTx, resp *stack.Response, _ error) {
		if resp != nil && resp.Status < 200 || !s.alive() {
			return
		}
		s.keys.busy = false
		if resp != nil && fails("INFO", resp.Status) {
			s.bye(readCause(resp.Status, false, resp.Lines("Reason")), true)
			return
		}
		s.nextDigit()
	})
}

func isDigit(r rune) bool { return r < 128 && strings.IndexByte("0123456789*#ABCD!", byte(r)) >= 0 }

// peerInfo takes INFO: digits in the two common forms, nothing else (RFC 6086 section 10.5: legacy usage).
func (s *Session) peerInfo(tx *stack.ServerTx) {
	req := tx.Request()
	switch {
	case req.Has("Info-Package"): // RFC 6086 section 4.2.2
		s.reply(tx, 469, func(r *stack.Response) { r.Set("Recv-Info", "nil") })
	case len(req.Body) > maxInfo:
		s.reply(tx, 413, nil)
	case len(req.Body) == 0:
		s.reply(tx, 200, nil)
	case req.Has("Content-Encoding"), !mediaType(&req.Headers, "application/dtmf-relay") && !mediaType(&req.Headers, "application/dtmf"):
		s.reply(tx, 415, unsupportedBody("application/dtmf-relay, application/dtmf"))
	default:
		d, ok := parseDigit(string(req.Body))
		if !ok {
			s.reply(tx, 400, nil)
			return
		}
		s.reply(tx, 200, nil)
		s.on(d)
	}
}

// parseDigit reads "Signal=5\r\nDuration=160" or a bare "5". Durations are milliseconds.
func parseDigit(body string) (Digit, bool) {
	d := Digit{Duration: digitLength}
	found := false
	for i, line := range strings.Split(body, "\n") {
		name, value, pair := strings.Cut(strings.TrimSpace(line), "=")
		value = strings.TrimSpace(value)
		switch name = strings.ToLower(strings.TrimSpace(name)); {
		case !pair && i == 0 && name != "":
			d.Rune, found = signal(name)
		case name == "signal" && !found:
			d.Rune, found = signal(value)
		case name == "duration":
			if ms, err := strconv.ParseUint(value, 10, 16); err == nil {
				d.Duration = min(time.Duration(ms)*time.Millisecond, maxDigitTime)
			}
		}
	}
	return d, found
}

// signal reads one key; some phones write the event number of RFC 4733 for * # A-D and flash.
func signal(v string) (rune, bool) {
	if n, err := strconv.ParseUint(v, 10, 8); err == nil && len(v) == 2 && n >= 10 && n <= 16 {
		return rune("*#ABCD!"[n-10]), true
	}
	if v = strings.ToUpper(v); len(v) == 1 && isDigit(rune(v[0])) {
		return rune(v[0]), true
	}
	return 0, false
}
