package lifecycle

import (
	"errors"
	"fmt"
	"strconv"

	"naisen/provisioning"
)

// free is a number that the rule gives: that of the attribute, else the first free one of the range.
func (m *move) free(rule provisioning.NumberRule) (string, error) {
	if n := digitsOf(m.person.Attributes[rule.Attribute], len(rule.From)); rule.Attribute != "" && n >= rule.From && n <= rule.To {
		if ok, err := m.take(n); err != nil || ok {
			return n, err
		}
	}
	at := m.domain + "\x00" + rule.From + "-" + rule.To
	start, ok := m.engine.hinted(at)
	if !ok {
		start = rule.From
	}
	for _, part := range [][2]string{{start, rule.To}, {rule.From, start}} {
		n, err := m.first(part[0], part[1])
		if err != nil {
			return "", err
		}
		if n != "" {
			m.engine.remember(at, n)
			return n, nil
		}
	}
	return "", fmt.Errorf("%w: %s to %s", ErrNoNumber, rule.From, rule.To)
}

func (e *Engine) hinted(at string) (last string, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	last, ok = e.hint[at]
	return last, ok
}

func (e *Engine) remember(at, last string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.hint == nil || len(e.hint) > 1000 {
		e.hint = map[string]string{}
	}
	e.hint[at] = last
}

// first is the first number of a range that can be taken; empty: none.
func (m *move) first(from, to string) (string, error) {
	n, err := strconv.Atoi(from)
	if err != nil {
		return "", err
	}
	for number := from; number <= to && len(number) == len(to); {
		ok, err := m.take(number)
		if err != nil || ok {
			return number, err
		}
		n++
		number = fmt.Sprintf("%0*d", len(to), n)
	}
	return "", nil
}

// take says whether a number is free now. One that rested long enough, and that nothing hangs on any more, is deleted with all that was kept for who had it.
func (m *move) take(number string) (bool, error) {
	if m.person.Contract != nil && !m.person.Contract.MayBe(number) {
		return false, nil
	}
	e, _, err := provisioning.Get[provisioning.Extension](m.w, m.domain, number)
	switch {
	case errors.Is(err, provisioning.ErrNotFound):
		return m.unclaimed(number)
	case err != nil:
		return false, err
	case e.RestingUntil.IsZero() || m.by.At.Before(e.RestingUntil):
		return false, nil
	}
	if e.User != "" {
		u, _, err := provisioning.Get[provisioning.User](m.w, m.domain, e.User)
		if err != nil || !u.Disabled {
			return false, err
		}
	}
	err = provisioning.Delete[provisioning.Extension](m.w, m.domain, number, "")
	if errors.Is(err, provisioning.ErrInUse) {
		return false, nil
	}
	return err == nil, err
}

// unclaimed: no group, room or other thing has the number.
func (m *move) unclaimed(number string) (bool, error) {
	err := provisioning.Check(m.w, m.domain, provisioning.Extension{Number: number})
	var invalid *provisioning.Invalid
	if errors.As(err, &invalid) {
		return false, nil
	}
	return err == nil, err
}
