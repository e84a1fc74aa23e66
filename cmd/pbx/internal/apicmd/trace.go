package apicmd

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"naisen/provisioning/client"
	"naisen/sip/ladder"
)

type callCmd struct {
	Trace callTraceCmd `cmd:"" help:"Draw the SIP messages of a call that runs or ended lately, by its ID: pbx call trace ID."`
}

type callTraceCmd struct {
	flags
	Call     string `arg:"" help:"As lists of calls and call records have it."`
	Follow   bool   `short:"f" help:"Go on with what comes, until the call is over."`
	Messages bool   `short:"m" help:"Print each message too, without what is secret."`
}

// Run implements `pbx call trace`.
func (c callTraceCmd) Run(ctx context.Context, out io.Writer) error {
	if c.Follow {
		return c.follow(ctx, out)
	}
	o, err := c.operation(http.MethodGet, "traces", "KIND/{key}")
	if err != nil {
		return err
	}
	text, _, err := c.ask(ctx, o, c.Call, nil, nil, "")
	if err != nil || c.Output == "json" {
		return errors.Join(err, c.show(out, text))
	}
	var t client.CallTrace
	if err := json.Unmarshal(text, &t); err != nil {
		return err
	}
	_, err = io.WriteString(out, (&drawing{messages: c.Messages}).draw(t))
	return err
}

// follow prints what comes, until the switch says that it is over.
func (c callTraceCmd) follow(ctx context.Context, out io.Writer) error {
	o, err := c.operation(http.MethodGet, "traces", "KIND/{key}/events")
	if err != nil {
		return err
	}
	asker, err := c.client()
	if err != nil {
		return err
	}
	path, err := fill(o, map[string]string{"domain": c.Domain, "key": c.Call})
	if err != nil {
		return err
	}
	in, _, err := asker.Call(ctx, o.Method, path, nil, nil, "")
	if err != nil {
		return err
	}
	defer in.Close()
	d := &drawing{messages: c.Messages}
	return events(in, func(name, data string) error {
		switch {
		case c.Output == "json":
			_, err := fmt.Fprintln(out, data)
			return err
		case name == "end":
			var why struct{ Reason string }
			if err := json.Unmarshal([]byte(data), &why); err != nil || why.Reason == "over" {
				return err
			}
			return fmt.Errorf("the switch ended it: %s", why.Reason)
		}
		var t client.CallTrace
		if err := json.Unmarshal([]byte(data), &t); err != nil {
			return err
		}
		_, err := io.WriteString(out, d.draw(t))
		return err
	})
}

// maxEvent bounds one event, in bytes.
const maxEvent = 8 << 20

// events reads server-sent events (WHATWG HTML section 9.2) of one line of data each, as the API sends them.
func events(in io.Reader, each func(name, data string) error) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxEvent)
	name, data := "", ""
	for lines.Scan() {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "event: "):
			name = line[len("event: "):]
		case strings.HasPrefix(line, "data: "):
			data = line[len("data: "):]
		case line == "" && name != "":
			if err := each(name, data); err != nil {
				return err
			}
			name, data = "", ""
		}
	}
	return lines.Err()
}

// drawing is a ladder that grows.
type drawing struct {
	messages bool
	began    time.Time
	lanes    []string // as they were drawn last
	dropped  int64
}

// draw is what is new: the lanes where they have changed, one rung for each message.
func (d *drawing) draw(t client.CallTrace) string {
	var b strings.Builder
	lanes, place := lanesOf(t.Legs)
	if d.began.IsZero() && len(t.Messages) > 0 {
		d.began = slices.MinFunc(t.Messages, func(a, b client.TraceMessage) int { return a.At.Compare(b.At) }).At
		fmt.Fprintf(&b, "%s %s\n", t.ID, d.began.Local().Format(time.RFC3339Nano))
	}
	if !slices.Equal(lanes, d.lanes) {
		d.lanes = lanes
		for i, leg := range t.Legs {
			fmt.Fprintf(&b, "%s: %s %s, Call-ID %s\n", printable(lanes[place[i]]), leg.Transport, leg.Address, printable(leg.CallID))
		}
		b.WriteString(ladder.Draw(lanes, nil))
	}
	for _, m := range t.Messages {
		r := ladder.Rung{At: m.At.Sub(d.began), From: -1, To: -1, Label: m.Label}
		if m.Leg >= 0 && m.Leg < int64(len(t.Legs)) {
			r.From, r.To = place[m.Leg], place[len(t.Legs)]
		}
		if m.Sent {
			r.From, r.To = r.To, r.From
		}
		_, rung, _ := strings.Cut(ladder.Draw(lanes, []ladder.Rung{r}), "\n")
		b.WriteString(rung)
		if d.messages && m.Text != "" {
			b.WriteString("\n" + indented(m.Text) + "\n")
		}
	}
	if t.Dropped > d.dropped {
		fmt.Fprintf(&b, "入りきらず捨てた信号 / messages without room: %d\n", t.Dropped)
		d.dropped = t.Dropped
	}
	return b.String()
}

// lanesOf puts who called left of the switch and all others right of it. place is each leg's lane, and the switch's at the end.
func lanesOf(legs []client.TraceLeg) (lanes []string, place []int) {
	place = make([]int, len(legs)+1)
	put := func(inbound bool) {
		for i, l := range legs {
			if l.Inbound == inbound {
				place[i] = len(lanes)
				lanes = append(lanes, nameOf(l))
			}
		}
	}
	put(true)
	place[len(legs)] = len(lanes)
	lanes = append(lanes, "pbx")
	put(false)
	return lanes, place
}

func nameOf(l client.TraceLeg) string {
	if l.Number != "" {
		return l.Number
	}
	return l.Address
}

func indented(text string) string {
	var b strings.Builder
	for l := range strings.Lines(text) {
		b.WriteString("    " + printable(strings.TrimRight(l, "\r\n")) + "\n")
	}
	return b.String()
}
