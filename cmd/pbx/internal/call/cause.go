package call

import (
	"naisen/cmd/pbx/internal/route"
	"naisen/sip"
)

// remember keeps the failure that says most to the caller: a global refusal first, then the lowest class (RFC 3261 section 16.7 step 6).
func (c *Call) remember(cause sip.Cause) {
	if c.failure.Status == 0 || rank(cause.Status) < rank(c.failure.Status) {
		c.failure = cause
	}
}

func rank(status int) int {
	switch {
	case status >= 600:
		return 0
	case status == 486: // busy says more than a phone that nobody picked up
		return 1
	case status >= 400 && status < 500:
		return 2
	case status >= 500:
		return 3
	}
	return 4
}

// relayed is what the caller is told of a called leg's failure. What speaks of our own message to that leg, or asks us for something,
// means nothing to the caller, and a 503 would make a carrier or a phone take the whole switch out of use (RFC 3261 section 16.7 step 6).
func (c *Call) relayed(cause sip.Cause) sip.Cause {
	switch cause.Status {
	case 400, 401, 405, 406, 407, 413, 414, 415, 416, 420, 421, 422, 423, 481, 491, 493, 494, 505, 513:
		cause.Status = 502
	case 408, 430, 503:
		switch {
		case c.plan.Direction != route.Outbound: // a phone that cannot be reached is an absent subscriber
			return sip.CauseUnavailable
		case cause.Status == 408:
			cause.Status = 504
		default:
			cause.Status = 500
		}
	default:
		if cause.Status < 400 { // a redirection is not followed
			cause.Status = 480
		}
	}
	return cause
}

// refusal is what a caller who was never answered is told: a success would answer the call.
func (c *Call) refusal(cause sip.Cause) sip.Cause {
	if c.caller.phase < PartyUp || c.caller.leg == nil {
		return refused(cause)
	}
	return cause
}

func refused(cause sip.Cause) sip.Cause {
	if cause.Status < 300 {
		cause.Status = sip.CauseUnavailable.Status
	}
	return cause
}

// gaveUp is the cause of a caller who went before anybody answered: 487, whatever the Reason of its CANCEL said.
func gaveUp(cause sip.Cause) sip.Cause {
	if cause.Status < 300 {
		cause.Status = sip.CauseCancelled.Status
	}
	return cause
}

// withdrawal says to a called leg that was not answered why it ends. A call that was taken elsewhere is no missed call (RFC 3326); one
// that the caller or the switch gave up is, and no failure of that phone.
func (c *Call) withdrawal(p *party, cause sip.Cause) sip.Cause {
	switch {
	case p.phase >= PartyUp:
		return cause
	case c.endedBy == string(c.caller.side) && cause.Status == sip.CauseCompletedElsewhere.Status && cause.Q850 == sip.CauseCompletedElsewhere.Q850:
		return sip.CauseCompletedElsewhere
	case c.endedBy == string(c.caller.side) && cause.Status >= 600: // declined on another device of whom we call
		return cause
	case c.endedBy == string(c.caller.side), cause.Status < 300:
		return sip.CauseCancelled
	}
	return cause
}
