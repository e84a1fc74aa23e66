package apicmd

import (
	"strings"
	"testing"
)

const traceOfACall = `{"id":"c1","over":false,"legs":[{"call_id":"out","inbound":false,"transport":"tls","address":"192.0.2.2:5061","number":"2002"},
 {"call_id":"in\u001b[2J","inbound":true,"transport":"udp","address":"192.0.2.1:5060","number":"2001"}],"messages":[
 {"n":1,"at":"2026-11-30T10:00:00Z","leg":1,"sent":false,"label":"INVITE","text":"INVITE sip:2002@a.example SIP/2.0\r\nUser-Agent: \u001b[2J窓口\r\n"},
 {"n":2,"at":"2026-11-30T10:00:00.005Z","leg":0,"sent":true,"label":"INVITE","text":""},
 {"n":3,"at":"2026-11-30T10:00:01.5Z","leg":0,"sent":false,"label":"180 Ringing","text":""},
 {"n":4,"at":"2026-11-30T10:00:01.501Z","leg":1,"sent":true,"label":"180 Ringing","text":""}]}`

const ladderOfACall = `2002: tls 192.0.2.2:5061, Call-ID out
2001: udp 192.0.2.1:5060, Call-ID in.[2J
          2001              pbx               2002
       0m | INVITE -------->|                 |
       5m |                 | INVITE -------->|
    1500m |                 |<--- 180 Ringing |
    1501m |<--- 180 Ringing |                 |
`

// TestCallTrace: who called stands left of the switch, the others right; messages are printed where asked for, and command no terminal.
func TestCallTrace(t *testing.T) {
	all := office(t, func(a asked) (int, string, string) {
		if strings.HasSuffix(a.path, "/events") {
			more := `{"id":"c1","over":true,"dropped":2,"legs":[{"call_id":"in","inbound":true,"transport":"udp","address":"192.0.2.1:5060"}],"messages":[{"n":5,"at":"2026-11-30T10:00:09Z","leg":0,"sent":false,"label":"BYE"}]}`
			end := map[bool]string{true: "rights", false: "over"}[strings.Contains(a.path, "/c2/")]
			return 200, "text/event-stream", "event: trace\ndata: " + strings.ReplaceAll(traceOfACall, "\n", "") + "\n\n: \n\nevent: trace\ndata: " + more + "\n\nevent: end\ndata: {\"reason\":\"" + end + "\"}\n\n"
		}
		return 200, js, traceOfACall
	})
	got, err := pbx(t, "call", "trace", "c1")
	if err != nil || !strings.Contains(got, ladderOfACall) || !strings.HasPrefix(got, "c1 2026-11-30T") || strings.Contains(got, "User-Agent") {
		t.Errorf("%v\n%s", err, got)
	}
	if (*all)[0].path != "/v1/domains/a.example/traces/c1" {
		t.Errorf("asked for %s", (*all)[0].path)
	}
	if got, err = pbx(t, "call", "trace", "c1", "--messages"); err != nil || !strings.Contains(got, "    User-Agent: .[2J窓口\n") {
		t.Errorf("%v\n%s", err, got)
	}
	got, err = pbx(t, "call", "trace", "c1", "--follow")
	if err != nil || strings.Count(got, "pbx\n") != 1 || strings.Count(got, " pbx ") != 1 || !strings.Contains(got, "    9000m | BYE ----------->|\n") || !strings.Contains(got, "messages without room: 2") {
		t.Errorf("%v\n%s", err, got)
	}
	if got, err = pbx(t, "call", "trace", "c1", "-f", "-o", "json"); err != nil || strings.Count(got, `{"id":"c1"`) != 2 {
		t.Errorf("%v\n%s", err, got)
	}
	if _, err = pbx(t, "call", "trace", "c2", "--follow"); err == nil || !strings.Contains(err.Error(), "rights") {
		t.Errorf("ended for want of rights: %v", err)
	}
}
