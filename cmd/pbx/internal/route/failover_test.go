package route

import (
	"testing"

	"naisen/sip"
)

func TestCarrierFailed(t *testing.T) {
	for _, c := range []struct {
		cause sip.Cause
		want  bool
	}{
		{sip.StatusCause(503), true}, {sip.StatusCause(500), true}, {sip.StatusCause(502), true}, {sip.StatusCause(504), true}, {sip.StatusCause(580), true},
		{sip.CauseTimeout, true}, {sip.CauseTransport, true}, {sip.CauseTrunkBusy, true}, {sip.StatusCause(401), true}, {sip.StatusCause(407), true}, {sip.StatusCause(430), true},
		{sip.Cause{Status: 480, Q850: 34}, true}, {sip.Cause{Status: 404, Q850: 3}, true}, {sip.Cause{Status: 486, Q850: 42}, true},
		{sip.CauseBusy, false}, {sip.StatusCause(603), false}, {sip.StatusCause(600), false}, {sip.StatusCause(604), false}, {sip.StatusCause(404), false},
		{sip.StatusCause(484), false}, {sip.StatusCause(480), false}, {sip.CauseNoAnswer, false}, {sip.StatusCause(403), false}, {sip.StatusCause(488), false},
		{sip.StatusCause(487), false}, {sip.StatusCause(302), false}, {sip.StatusCause(200), false}, {sip.Cause{}, false},
		{sip.Cause{Status: 503, Q850: 17}, false}, {sip.Cause{Status: 500, Q850: 1}, false}, {sip.Cause{Status: 408, Q850: 18}, false}, {sip.Cause{Status: 603, Q850: 34}, false},
	} {
		if got := CarrierFailed(c.cause); got != c.want {
			t.Errorf("%v: %v, want %v", c.cause, got, c.want)
		}
	}
}
