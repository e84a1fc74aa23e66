package provisioning

import "time"

// Holiday names Japan's public holiday of a day: by the Act on National Holidays (国民の祝日に関する法律) as in force since 2022, with the days in
// lieu (振替休日, its article 3 paragraph 2) and the day between two holidays (国民の休日, paragraph 3). Equinoxes follow the usual approximation, which
// the almanac has confirmed so far; it is good until 2099. Only the date of t counts, in its own zone.
func Holiday(t time.Time) (name string, ok bool) {
	day := date(t)
	if name := named(day); name != "" {
		return name, true
	}
	for back := day.AddDate(0, 0, -1); named(back) != ""; back = back.AddDate(0, 0, -1) {
		if back.Weekday() == time.Sunday {
			return "振替休日", true
		}
	}
	if named(day.AddDate(0, 0, -1)) != "" && named(day.AddDate(0, 0, 1)) != "" {
		return "国民の休日", true
	}
	return "", false
}

func date(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// named is the holiday of a date by its own name.
func named(d time.Time) string {
	if name, ok := fixedHolidays[[2]int{int(d.Month()), d.Day()}]; ok {
		return name
	}
	if h, ok := mondayHolidays[d.Month()]; ok && d.Weekday() == time.Monday && (d.Day()-1)/7+1 == h.week {
		return h.name
	}
	since := float64(d.Year() - 1980)
	leap := (d.Year() - 1980) / 4
	switch {
	case d.Month() == time.March && d.Day() == int(20.8431+0.242194*since)-leap:
		return "春分の日"
	case d.Month() == time.September && d.Day() == int(23.2488+0.242194*since)-leap:
		return "秋分の日"
	}
	return ""
}

var fixedHolidays = map[[2]int]string{
	{1, 1}: "元日", {2, 11}: "建国記念の日", {2, 23}: "天皇誕生日", {4, 29}: "昭和の日", {5, 3}: "憲法記念日", {5, 4}: "みどりの日", {5, 5}: "こどもの日",
	{8, 11}: "山の日", {11, 3}: "文化の日", {11, 23}: "勤労感謝の日",
}

// mondayHolidays are on a Monday of their month.
var mondayHolidays = map[time.Month]struct {
	week int
	name string
}{time.January: {2, "成人の日"}, time.July: {3, "海の日"}, time.September: {3, "敬老の日"}, time.October: {2, "スポーツの日"}}
