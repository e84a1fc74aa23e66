package app

import (
	"strconv"
	"time"

	"naisen/cmd/pbx/internal/call"
)

// japan has one time of day.
var japan = time.FixedZone("JST", 9*60*60)

// telling says the time, twice.
type telling struct {
	from Programs
	said int
}

// On implements call.Script.
func (s *telling) On(f call.Facts, c call.Cue) []call.Order {
	var orders []call.Order
	switch c := c.(type) {
	case call.Began:
		orders = []call.Order{call.PickUp{}, call.Wake{After: announceLimit}}
	case call.Played:
		if s.said == 2 || !c.Complete {
			return finish()
		}
	case call.Elapsed:
		return finish()
	default:
		return nil
	}
	s.said++
	return append(orders, call.Play{Program: s.from.Speak(f.Domain, f.Language, append([]Phrase{Say("time/now")}, Clock(f.Now, f.Language)...)...)})
}

// Clock says a time of day by the 24-hour clock.
func Clock(t time.Time, language string) []Phrase {
	t = t.In(japan)
	h, m := t.Hour(), t.Minute()
	if language != "en" {
		out := []Phrase{Say("hour/" + strconv.Itoa(h))}
		switch tens := m / 10 * 10; {
		case m == 0:
		case m%10 == 0:
			out = append(out, Say("minute/"+strconv.Itoa(m)))
		case tens > 0:
			out = append(out, Say("number/"+strconv.Itoa(tens)), Say("minute/"+strconv.Itoa(m%10)))
		default:
			out = append(out, Say("minute/"+strconv.Itoa(m)))
		}
		return append(out, Say("time/desu"))
	}
	out := Count(h, language)
	switch {
	case m == 0:
		return append(out, Say("time/oclock"))
	case m < 10:
		out = append(out, Say("time/oh"))
	}
	return append(out, Count(m, language)...)
}

// Count says a quantity. More than 100 is said as 100: nobody waits to hear it.
func Count(n int, language string) []Phrase {
	word := func(n int) Phrase { return Say("number/" + strconv.Itoa(n)) }
	switch {
	case n >= 100:
		return []Phrase{word(100)}
	case n <= 10, n%10 == 0, language == "en" && n < 20:
		return []Phrase{word(max(n, 0))}
	}
	return []Phrase{word(n / 10 * 10), word(n % 10)}
}
