package sip

import (
	"strconv"
	"strings"
)

// Causes that the switch gives itself. RFC 4497 alone cannot tell some of them apart: 480 may mean nobody answered or nobody is there.
var (
	CauseNormal             = Cause{200, 16, "Normal call clearing"}
	CauseBusy               = Cause{486, 17, "User busy"}
	CauseNoAnswer           = Cause{480, 19, "No answer"}
	CauseUnavailable        = Cause{480, 20, "Subscriber absent"}
	CauseCancelled          = Cause{487, 16, "Cancelled"}
	CauseCompletedElsewhere = Cause{200, 26, "Call completed elsewhere"} // Reason: SIP;cause=200 to a losing branch (RFC 3326)
	CauseDeclined           = Cause{603, 21, "Declined"}
	CauseForbidden          = Cause{403, 21, "Forbidden"}
	CauseNotFound           = Cause{404, 1, "Unallocated number"}
	CauseIncomplete         = Cause{484, 28, "Address incomplete"}
	CauseNotAcceptable      = Cause{488, 65, "Media not acceptable"}
	CauseTimeout            = Cause{408, 102, "Request timeout"}
	CauseMediaTimeout       = Cause{200, 41, "No media received"}
	CauseConnectionLost     = Cause{200, 27, "Connection of a party lost"}
	CauseSessionExpired     = Cause{200, 102, "Session timer expired"}
	CauseLoop               = Cause{482, 25, "Loop detected"}
	CauseTrunkBusy          = Cause{503, 34, "No circuit available"}
	CauseTransport          = Cause{503, 38, "Network out of order"}
	CauseOverload           = Cause{503, 42, "Switching equipment congestion"}
	CauseServerError        = Cause{500, 41, "Server internal error"}
)

// statusToQ850 is RFC 4497 table 2; 487, 488, 491 and 606 are not there and follow common gateways.
var statusToQ850 = map[int]int{
	200: 16,
	400: 41, 401: 21, 402: 21, 403: 21, 404: 1, 405: 63, 406: 79, 407: 21, 408: 102, 410: 22, 413: 127, 414: 127, 415: 79, 416: 127,
	420: 127, 421: 127, 423: 127, 430: 27, 480: 18, 481: 41, 482: 25, 483: 25, 484: 28, 485: 1, 486: 17, 487: 16, 488: 65, 491: 41,
	500: 41, 501: 79, 502: 38, 503: 41, 504: 102, 505: 127, 513: 127, 600: 17, 603: 21, 604: 1, 606: 65,
}

// q850ToStatus is RFC 4497 table 1.
var q850ToStatus = map[int]int{
	1: 404, 2: 404, 3: 404, 16: 200, 17: 486, 18: 408, 19: 480, 20: 480, 21: 603, 22: 410, 23: 410, 26: 404, 27: 502, 28: 484, 29: 501,
	31: 480, 34: 503, 38: 503, 41: 503, 42: 503, 47: 503, 55: 403, 57: 403, 58: 503, 65: 488, 70: 488, 79: 501, 87: 403, 88: 503,
	102: 504, 111: 500, 127: 500,
}

// StatusCause gives the cause that belongs to a SIP status (RFC 4497 section 8.4.4 table 2). An unknown final status takes the value
// of the x00 of its class, as RFC 3261 section 8.1.3.2 treats it.
func StatusCause(status int) Cause {
	q, ok := statusToQ850[status]
	if !ok {
		switch {
		case status >= 200 && status < 300:
			q = 16
		case status >= 400:
			q = statusToQ850[status/100*100]
		}
	}
	return Cause{Status: status, Q850: q, Text: StatusText(status)}
}

// Q850Cause gives the cause that belongs to an ITU-T Q.850 value (RFC 4497 section 8.2.6.1 table 1; any other value: 500).
func Q850Cause(value int) Cause {
	s, ok := q850ToStatus[value]
	if !ok {
		s = 500
	}
	return Cause{Status: s, Q850: value, Text: StatusText(s)}
}

// WithText returns the cause with another text.
func (c Cause) WithText(text string) Cause { c.Text = text; return c }

// String is for logs: "486/17 User busy".
func (c Cause) String() string {
	return strconv.Itoa(c.Status) + "/" + strconv.Itoa(c.Q850) + " " + c.Text
}

// ReasonHeader is the value of a Reason header field (RFC 3326): the SIP status, and the Q.850 value when known.
func (c Cause) ReasonHeader() string {
	b := make([]byte, 0, 96)
	if c.Status != 0 {
		b = append(b, "SIP;cause="...)
		b = reasonText(strconv.AppendInt(b, int64(c.Status), 10), c.Text)
	}
	if c.Q850 != 0 {
		if len(b) > 0 {
			b = append(b, ", "...)
		}
		b = append(b, "Q.850;cause="...)
		b = strconv.AppendInt(b, int64(c.Q850), 10)
		if c.Status == 0 {
			b = reasonText(b, c.Text)
		}
	}
	return string(b)
}

func reasonText(b []byte, text string) []byte {
	if text == "" {
		return b
	}
	return appendQuoted(append(b, ";text="...), text)
}

// ParseReason parses the values of a Reason header field (RFC 3326); protocols other than SIP and Q.850 are passed over. What is not
// stated follows from the other by RFC 4497. The text is cut at 128 bytes. ErrSyntax when neither is there.
func ParseReason(value string) (Cause, error) {
	var c Cause
	for _, v := range SplitList(value) {
		protocol, rest, _ := strings.Cut(v, ";")
		if rest != "" {
			rest = ";" + rest
		}
		ps, err := ParseParams(rest)
		if err != nil {
			return Cause{}, err
		}
		s, _ := ps.Get("cause")
		n, err := strconv.ParseUint(s, 10, 16)
		if err != nil {
			continue
		}
		switch {
		case strings.EqualFold(trim(protocol), "SIP") && n >= 100 && n < 700 && c.Status == 0:
			c.Status = int(n)
		case strings.EqualFold(trim(protocol), "Q.850") && n > 0 && n < 128 && c.Q850 == 0:
			c.Q850 = int(n)
		default:
			continue
		}
		if text, ok := ps.Get("text"); ok && c.Text == "" {
			c.Text = text[:min(len(text), 128)]
		}
	}
	switch {
	case c.Status == 0 && c.Q850 == 0:
		return Cause{}, ErrSyntax
	case c.Status == 0:
		c.Status = Q850Cause(c.Q850).Status
	case c.Q850 == 0:
		c.Q850 = StatusCause(c.Status).Q850
	}
	return c, nil
}
