package dialog

import (
	"naisen/sip"
)

const maxReason = 1024 // longest Reason header looked at, bytes

// readCause is the cause of a message: the status, completed by what its Reason fields say (RFC 3326). In a request, where there is
// no status of its own, a SIP reason replaces it; in a response only Q.850 and the text count (RFC 6432).
func readCause(status int, request bool, reasons []string) sip.Cause {
	c := sip.StatusCause(status).WithText("")
	for _, v := range reasons {
		if len(v) > maxReason {
			continue
		}
		r, err := sip.ParseReason(v)
		if err != nil {
			continue
		}
		if request && r.Status >= 200 {
			c.Status = r.Status
		}
		c.Q850, c.Text = r.Q850, r.Text
		break
	}
	return c
}

// responseReason is the Reason header of a final response of ours: Q.850 only (RFC 6432).
func responseReason(c sip.Cause) string {
	c.Status = 0
	return c.ReasonHeader()
}

// finalStatus is what a cause becomes as a final response: a redirection or a success makes no refusal.
func finalStatus(c sip.Cause) int {
	if c.Status < 400 || c.Status > 699 {
		return 480
	}
	return c.Status
}
