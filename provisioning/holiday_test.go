package provisioning

import (
	"strings"
	"testing"
	"time"
)

// TestHolidays: every day of seven years is a holiday or none, as the Cabinet Office's list and the Act say. * is a day in lieu, + the day
// between two holidays.
func TestHolidays(t *testing.T) {
	years := map[int]string{
		2024: "1/1 1/8 2/11 2/12* 2/23 3/20 4/29 5/3 5/4 5/5 5/6* 7/15 8/11 8/12* 9/16 9/22 9/23* 10/14 11/3 11/4* 11/23",
		2025: "1/1 1/13 2/11 2/23 2/24* 3/20 4/29 5/3 5/4 5/5 5/6* 7/21 8/11 9/15 9/23 10/13 11/3 11/23 11/24*",
		2026: "1/1 1/12 2/11 2/23 3/20 4/29 5/3 5/4 5/5 5/6* 7/20 8/11 9/21 9/22+ 9/23 10/12 11/3 11/23",
		2027: "1/1 1/11 2/11 2/23 3/21 3/22* 4/29 5/3 5/4 5/5 7/19 8/11 9/20 9/23 10/11 11/3 11/23",
		2028: "1/1 1/10 2/11 2/23 3/20 4/29 5/3 5/4 5/5 7/17 8/11 9/18 9/22 10/9 11/3 11/23",
		2029: "1/1 1/8 2/11 2/12* 2/23 3/20 4/29 4/30* 5/3 5/4 5/5 7/16 8/11 9/17 9/23 9/24* 10/8 11/3 11/23",
		2030: "1/1 1/14 2/11 2/23 3/20 4/29 5/3 5/4 5/5 5/6* 7/15 8/11 8/12* 9/16 9/23 10/14 11/3 11/4* 11/23",
	}
	for year, want := range years {
		var got []string
		for d := time.Date(year, 1, 1, 23, 59, 0, 0, japan()); d.Year() == year; d = d.AddDate(0, 0, 1) {
			name, ok := Holiday(d)
			text := d.Format("1/2")
			switch {
			case !ok:
				continue
			case name == "振替休日":
				text += "*"
			case name == "国民の休日":
				text += "+"
			}
			got = append(got, text)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%d:\n got %s\nwant %s", year, strings.Join(got, " "), want)
		}
	}
}

func TestCalendarMode(t *testing.T) {
	office := Calendar{Name: "c", Holidays: true, Hours: []Hours{{Days: []string{"mon", "tue", "wed", "thu", "fri"}, From: "08:30", To: "17:15"}, {Days: []string{"sun"}, From: "22:00", To: "24:00"}},
		Closed: []Closed{{From: "2026-12-29", To: "2027-01-03"}}}
	at := func(s string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04", s, japan())
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for when, want := range map[string]string{
		"2026-11-24 08:29": ModeNight, "2026-11-24 08:30": ModeDay, "2026-11-24 17:14": ModeDay, "2026-11-24 17:15": ModeNight, "2026-11-28 12:00": ModeNight,
		"2026-11-23 12:00": ModeHoliday, "2026-09-22 12:00": ModeHoliday, "2026-12-28 12:00": ModeDay, "2026-12-29 12:00": ModeHoliday, "2027-01-03 23:00": ModeHoliday,
		"2027-01-04 09:00": ModeDay, "2026-11-29 23:59": ModeDay, "2026-11-30 00:00": ModeNight,
	} {
		if got := office.Mode(at(when)); got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}
	if got := office.Mode(at("2026-11-24 12:00").UTC()); got != ModeDay {
		t.Errorf("in another zone: %s", got)
	}
	office.Manual = ModeNight
	if got := office.Mode(at("2026-11-24 12:00")); got != ModeNight {
		t.Errorf("by hand: %s", got)
	}
	if got := office.Turned(at("2026-11-24 12:00")); got.Manual != "" {
		t.Errorf("the key takes back what was set by hand: %q", got.Manual)
	}
	office.Manual = ""
	for when, want := range map[string]string{"2026-11-24 12:00": ModeNight, "2026-11-24 20:00": ModeDay, "2026-11-23 12:00": ModeDay} {
		once := office.Turned(at(when))
		if once.Mode(at(when)) != want || once.Turned(at(when)).Mode(at(when)) != office.Mode(at(when)) {
			t.Errorf("%s: turned to %s, then %s", when, once.Mode(at(when)), once.Turned(at(when)).Mode(at(when)))
		}
	}
	office.Manual = ModeNight
	office.Until = at("2026-11-24 13:00").UTC()
	if got := office.Mode(at("2026-11-24 13:00")); got != ModeDay {
		t.Errorf("by hand until one: %s", got)
	}
	if got := (Calendar{}).Mode(at("2026-11-23 03:00")); got != ModeDay {
		t.Errorf("without hours: %s", got)
	}
}
