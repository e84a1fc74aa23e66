package resolve

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"
)

// srv is one SRV record; target is empty where the record says that the service is not there.
type srv struct {
	priority, weight, port uint16
	target                 string
}

// naptr is one NAPTR record without a regular expression.
type naptr struct {
	order, preference    uint16
	service, replacement string
}

// transport of a NAPTR service of RFC 3263 section 4.1; empty for any other.
func (n naptr) transport() string {
	switch strings.ToUpper(n.service) {
	case "SIPS+D2T":
		return "tls"
	case "SIP+D2T":
		return "tcp"
	case "SIP+D2U":
		return "udp"
	}
	return ""
}

// sortNAPTR by order, then preference (RFC 3403 section 4.1).
func sortNAPTR(in []naptr) []naptr {
	out := slices.Clone(in)
	slices.SortStableFunc(out, func(a, b naptr) int {
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.preference, b.preference))
	})
	return out
}

// orderSRV sorts by priority, and draws those of one priority by weight (RFC 2782, usage rules). Each call draws anew.
func orderSRV(in []srv) []srv {
	rest := slices.Clone(in)
	slices.SortStableFunc(rest, func(a, b srv) int {
		return cmp.Or(cmp.Compare(a.priority, b.priority), cmp.Compare(min(a.weight, 1), min(b.weight, 1))) // weight 0 first
	})
	out := make([]srv, 0, len(rest))
	for len(rest) > 0 {
		sum := 0
		for n := 0; n < len(rest) && rest[n].priority == rest[0].priority; n++ {
			sum += int(rest[n].weight)
		}
		pick, drawn := 0, rand.IntN(sum+1)
		for run := int(rest[0].weight); run < drawn; run += int(rest[pick].weight) {
			pick++
		}
		out = append(out, rest[pick])
		rest = slices.Delete(rest, pick, pick+1)
	}
	return out
}
