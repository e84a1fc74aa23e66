package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/provisioning/live"
)

// drawNews writes what a consumer was told: one line for each change.
func drawNews(t testing.TB, n live.News) string {
	t.Helper()
	var lines []string
	for _, x := range n.Changes {
		if x.Over {
			lines = append(lines, x.Topic.Name+" over")
			continue
		}
		text, err := json.Marshal(x.Value)
		if err != nil {
			t.Fatal(err)
		}
		line := x.Topic.Name + " "
		if x.Topic.Name == topicCall { // its id and time are not the same each time
			var c struct{ From, To, Phase string }
			if err := json.Unmarshal(text, &c); err != nil {
				t.Fatal(err)
			}
			text = []byte(c.From + ">" + c.To + " " + c.Phase)
		}
		lines = append(lines, line+string(text))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// Who looks is told what is there, what a call changes, and that nothing of it is left.
func TestLiveState(t *testing.T) {
	onStage(t, "", func(o *stage) {
		c, err := o.p.live.Look(simDomain)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := o.p.live.Look("other.example"); err != nil {
			t.Fatal(err)
		}
		want := func(what, want string) {
			t.Helper()
			if got := drawNews(t, c.Next()); got != want {
				t.Errorf("%s:\n%s\nwant:\n%s", what, got, want)
			}
		}
		want("at first", `registration {"extension":"2001","devices":1}
registration {"extension":"2002","devices":1}
registration {"extension":"2003","devices":1}
registration {"extension":"2004","devices":1}`)
		a, b := o.talk(o.phones["2001"], o.phones["2002"], "2002")
		want("talking", `call 2001>2002 talking
lamp {"extension":"2001","state":"busy","calls":1}
lamp {"extension":"2002","state":"busy","calls":1}`)
		a.bye(b)
		o.phones["2003"].Register(0)
		o.wait(time.Second)
		got := drawNews(t, c.Next())
		for _, line := range []string{"call over", `lamp {"extension":"2001","state":"idle","calls":0}`, `lamp {"extension":"2002","state":"idle","calls":0}`, "registration over"} {
			if !strings.Contains(got, line) {
				t.Errorf("after the call %q is missing:\n%s", line, got)
			}
		}
		if n := c.Next(); len(n.Changes) > 0 || n.Missed > 0 {
			t.Errorf("told more: %+v", n)
		}
	})
}
