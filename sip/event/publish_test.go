package event

import (
	"strings"
	"testing"
	"time"

	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// publish sends a PUBLISH of the watcher about himself.
func (r *rig) publish(match, body string, expires int, change func(*stack.Request)) *stack.Response {
	r.t.Helper()
	req := r.watch.NewRequest("PUBLISH", "watcher")
	req.Set("Event", "presence")
	req.Set("Expires", itoa(expires))
	if match != "" {
		req.Set("SIP-If-Match", match)
	}
	if body != "" {
		req.SetBody(pidfType, []byte(body))
	}
	if change != nil {
		change(req)
	}
	_, resp := r.watch.Do(req)
	return resp
}

func note(s string) string {
	return `<presence xmlns="urn:ietf:params:xml:ns:pidf"><tuple id="a"><status><basic>open</basic></status></tuple><note>` + s + `</note></presence>`
}

// The life of a publication (RFC 3903 section 4.1), and what a watcher is told of it.
func TestPublish(t *testing.T) {
	inBubble(t, Config{}, func(r *rig) {
		me := AOR{"watcher", domain}
		r.regs[me] = []Contact{{ID: "1"}}
		r.subscribe("presence", func(q *stack.Request) { q.URI.User = "watcher" })
		told := func(want string) {
			t.Helper()
			if got := string(r.notified(200).Body); !strings.Contains(got, want) {
				t.Errorf("told\n%s\nwithout %s", got, want)
			}
		}
		told("<basic>open</basic>")
		step := func(match, body string, expires, status int) string {
			t.Helper()
			resp := r.publish(match, body, expires, nil)
			if resp.Status != status || status == 200 && (resp.Get("SIP-ETag") == "" || resp.Get("Expires") != itoa(expires)) {
				t.Errorf("%d, tag %q, expires %q", resp.Status, resp.Get("SIP-ETag"), resp.Get("Expires"))
			}
			return resp.Get("SIP-ETag")
		}
		one := step("", note("会議中"), 600, 200)
		told("<note>会議中</note>")
		two := step(one, "", 600, 200) // a refresh has no body, and nothing new
		step(one, "", 600, 412)        // the tag has changed
		three := step(two, strings.ReplaceAll(goodPIDF, "会議中", "帰宅"), 600, 200)
		told("<basic>closed</basic>")
		step(three, "", 0, 200)
		told("<basic>open</basic>")
		step("", note("昼食"), 60, 200)
		told("昼食")
		pass(59 * time.Second)
		told("<basic>open</basic>") // expired
		if r.p.Len() != 0 {
			t.Errorf("%d publications left", r.p.Len())
		}
		r.set() // bob is another one
		r.watch.Silence(3 * time.Second)
		siptest.Golden(t, "publish.ladder", r.Ladder())
	})
}

func TestPublishRefused(t *testing.T) {
	for _, c := range []struct {
		name, match, body string
		expires           int
		change            func(*stack.Request)
		status            int
		header, value     string
	}{
		{"other event", "", note(""), 600, func(q *stack.Request) { q.Set("Event", "dialog") }, 489, "Allow-Events", "presence"},
		{"no event", "", note(""), 600, func(q *stack.Request) { q.Del("Event") }, 489, "", ""},
		{"nobody's tag", "guess", note(""), 600, nil, 412, "", ""},
		{"two tags", "a", note(""), 600, func(q *stack.Request) { q.Add("SIP-If-Match", "b") }, 400, "", ""},
		{"too brief", "", note(""), 5, nil, 423, "Min-Expires", "60"},
		{"no body", "", "", 600, nil, 400, "", ""},
		{"other type", "", "x", 600, func(q *stack.Request) { q.Set("Content-Type", "text/plain") }, 415, "Accept", pidfType},
		{"packed", "", "\x1f\x8b", 600, func(q *stack.Request) { q.Set("Content-Encoding", "gzip") }, 415, "Accept-Encoding", "identity"},
		{"too large", "", note(strings.Repeat("x", maxPIDF)), 600, nil, 413, "", ""},
		{"document type", "", `<!DOCTYPE a [<!ENTITY b "c">]>` + note("&b;"), 600, nil, 400, "", ""},
		{"no document", "", "<presence", 600, nil, 400, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, Config{}, func(r *rig) {
				resp := r.publish(c.match, c.body, c.expires, c.change)
				if resp.Status != c.status || c.header != "" && resp.Get(c.header) != c.value {
					t.Errorf("%d, %s: %q", resp.Status, c.header, resp.Get(c.header))
				}
				if r.p.Len() != 0 {
					t.Error("something was published")
				}
			})
		})
	}
}

// One publication too many puts out the oldest of the same person; above the limit of all, 503.
func TestPublishLimits(t *testing.T) {
	inBubble(t, Config{}, func(r *rig) {
		first := r.publish("", note("1"), 600, nil).Get("SIP-ETag")
		r.publish("", note("2"), 600, nil)
		r.publish("", note("3"), 600, nil)
		if resp := r.publish(first, "", 600, nil); resp.Status != 412 || r.p.Len() != 2 {
			t.Errorf("the oldest: %d, %d left", resp.Status, r.p.Len())
		}
		as := func(user string) func(*stack.Request) {
			return func(q *stack.Request) {
				a := q.From()
				a.URI.User = user
				q.SetFrom(a)
			}
		}
		if resp := r.publish("", note("4"), 600, as("other")); resp.Status != 200 {
			t.Errorf("another person: %d", resp.Status)
		}
		if resp := r.publish("", note("5"), 600, as("third")); resp.Status != 503 || r.p.Refused() != 1 {
			t.Errorf("above the limit: %d, %d refused", resp.Status, r.p.Refused())
		}
		r.p.Remove(AOR{"watcher", domain})
		if r.p.Len() != 1 {
			t.Errorf("%d left", r.p.Len())
		}
	})
}

// Composition: nobody is open without a phone, whatever he says.
func TestCompose(t *testing.T) {
	inBubble(t, Config{}, func(r *rig) {
		me := AOR{"watcher", domain}
		p := presence{r.reachable, r, r.p, nil}
		want := func(s status) {
			t.Helper()
			if got := p.compose(me); got != s {
				t.Errorf("%+v, want %+v", got, s)
			}
		}
		want(status{})
		r.publish("", note("hi"), 600, nil)
		want(status{Note: "hi"})
		r.mu.Lock()
		r.regs[me] = []Contact{{ID: "1"}}
		r.lines[me] = []Dialog{{ID: "1", State: Trying}}
		r.mu.Unlock()
		want(status{Open: true, Note: "hi"})
		r.mu.Lock()
		r.lines[me] = []Dialog{{ID: "1", State: Early}}
		r.mu.Unlock()
		want(status{Open: true, Busy: true, Note: "hi"})
	})
}
