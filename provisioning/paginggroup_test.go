package provisioning

import "testing"

func TestPagingGroupValidate(t *testing.T) {
	group := func(f func(*PagingGroup)) Entity {
		g := PagingGroup{Number: "6500", Members: []string{"2001"}, Everyone: true}
		f(&g)
		return g
	}
	for _, c := range []fault{
		{group(func(*PagingGroup) {}), ""},
		{group(func(g *PagingGroup) {
			*g = PagingGroup{Number: "6500", Title: "全館", Members: many(MaxPaged, "2%03d"), Callers: many(64, "3%03d"), Seconds: 600, Wait: 15, Announce: "greeting/disaster", Policy: "always"}
		}), ""},
		{group(func(g *PagingGroup) { g.Number = "*56" }), "number"},
		{group(func(g *PagingGroup) { g.Number = "119" }), "number"},
		{group(func(g *PagingGroup) { g.Title = "a\nb" }), "title"},
		{group(func(g *PagingGroup) { g.Members = nil }), "members"},
		{group(func(g *PagingGroup) { g.Members = many(MaxPaged+1, "2%03d") }), "members"},
		{group(func(g *PagingGroup) { g.Members = []string{"2001", "2002", "2001"} }), "members[2]"},
		{group(func(g *PagingGroup) { g.Members = []string{"09012345678"} }), "members[0]"},
		{group(func(g *PagingGroup) { g.Everyone = false }), "callers"},
		{group(func(g *PagingGroup) { g.Callers = []string{"2002"} }), "callers"},
		{group(func(g *PagingGroup) { g.Everyone, g.Callers = false, many(65, "2%03d") }), "callers"},
		{group(func(g *PagingGroup) { g.Everyone, g.Callers = false, []string{"x"} }), "callers[0]"},
		{group(func(g *PagingGroup) { g.Seconds = 601 }), "seconds"},
		{group(func(g *PagingGroup) { g.Seconds = -1 }), "seconds"},
		{group(func(g *PagingGroup) { g.Wait = 16 }), "wait_seconds"},
		{group(func(g *PagingGroup) { g.Announce = "../x" }), "announce"},
		{group(func(g *PagingGroup) { g.Policy = "?" }), "policy"},
	} {
		c.check(t)
	}
}

// Nobody speaks who is not named.
func TestPagingGroupMay(t *testing.T) {
	named := PagingGroup{Callers: []string{"2001"}}
	for ext, want := range map[string]bool{"2001": true, "2002": false, "": false} {
		if named.May(ext) != want || !(PagingGroup{Everyone: true}).May("2001") {
			t.Errorf("%q: %v", ext, named.May(ext))
		}
	}
	if (PagingGroup{}).May("2001") {
		t.Error("a group that names nobody lets somebody speak")
	}
	if g := (PagingGroup{Seconds: 30}); g.Longest() != 30 || g.Patience() != 5 || (PagingGroup{Wait: 2}).Longest() != 120 {
		t.Errorf("%d s, %d s", g.Longest(), g.Patience())
	}
}
