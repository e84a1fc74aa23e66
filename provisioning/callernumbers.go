package provisioning

import (
	"errors"
	"slices"
)

// maxShown is how many numbers one may choose from: each has one digit.
const maxShown = 9

// CallerNumbers are the numbers that an extension may show on outside calls: its own, then its department's. They are chosen by their place,
// beginning with 1.
func CallerNumbers(e Extension, d Department) (out []string) {
	for _, n := range append([]string{e.CallerID}, d.Numbers...) {
		if n != "" && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// Shows tells whether calls by the trunk may show a number.
func (t Trunk) Shows(number string) bool {
	return len(t.CallerRanges) == 0 || InRanges(t.CallerRanges, number)
}

// checkShown: who sets a number that is shown by default may show it.
func (s Settings) checkShown(r Reader, domain string) error {
	if s.CallerID == "" {
		return nil
	}
	e, _, err := Get[Extension](r, domain, s.Extension)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	d, err := optional[Department](r, domain, e.Department)
	if err != nil {
		return err
	}
	if !slices.Contains(CallerNumbers(e, d), s.CallerID) {
		return &Invalid{Field: "caller_id", Reason: "is no number that this extension may show"}
	}
	return nil
}
