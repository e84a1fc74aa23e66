package route

import "naisen/sip"

// CarrierFailed tells whether a trunk, or the network behind it, failed: then another trunk may reach whom this one did not. What the called
// person or the number itself answers is the same by every way. The Q.850 value of a Reason header says more than a status that gateways
// choose freely (RFC 4497 section 8.4.4, RFC 3326).
func CarrierFailed(c sip.Cause) bool {
	switch {
	case c.Status < 400 || c.Status >= 600: // 603 of a person is not tried again elsewhere
		return false
	case network(c.Q850):
		return true
	case c.Status == 401 || c.Status == 407 || c.Status == 408 || c.Status == 430: // our account, silence, a dead connection
		return c.Status != 408 || !person(c.Q850)
	case c.Status >= 500:
		return !person(c.Q850)
	}
	return false
}

// network: no route to the destination, no circuit, out of order, temporary failure, congestion, resources (ITU-T Q.850 sections 2.2.6, 2.2.7).
func network(q int) bool {
	switch q {
	case 2, 3, 34, 38, 42, 44, 47:
		return true
	}
	return false
}

// person: unallocated, busy, no answer, absent, rejected, changed, out of order at the far end, format.
func person(q int) bool {
	switch q {
	case 1, 17, 18, 19, 20, 21, 22, 27, 28, 29:
		return true
	}
	return false
}
