package provisioning

import "slices"

// How a supervisor takes part in a call.
const (
	MonitorListen  = "listen"  // hears both
	MonitorWhisper = "whisper" // hears both, is heard by the one who is supervised
	MonitorBarge   = "barge"   // hears both, is heard by both
)

// Supervision says who may listen to whose calls, whisper and join (モニター), or whose calls nobody may hear. Nobody may without one. It counts
// for users with the right to monitor calls only.
type Supervision struct {
	Name        string   `json:"name"`
	Title       string   `json:"title"`
	Supervisors []string `json:"supervisors" doc:"Users"`
	Extensions  []string `json:"extensions" doc:"Whose calls"`
	Queues      []string `json:"queues" doc:"Calls that an agent took from these queues"`
	DIDs        []string `json:"dids" doc:"Calls to or by these outside numbers"`
	Modes       []string `json:"modes" doc:"listen, whisper, barge; empty: listen"`
	Tone        bool     `json:"tone,omitempty" doc:"Who is supervised hears a tone when it begins and when it changes"`
	Never       bool     `json:"never,omitempty" doc:"Nobody hears these calls, whatever others say (相談専用); supervisors and modes are empty"`
}

// Kind, Key: see Entity.
func (Supervision) Kind() string  { return KindSupervision }
func (s Supervision) Key() string { return s.Name }

// Refs of a supervision: the users, and whose calls they are.
func (s Supervision) Refs() []Ref {
	return slices.Concat(refs("supervisors", KindUser, s.Supervisors), refs("extensions", KindExtension, s.Extensions),
		refs("queues", KindQueue, s.Queues), refs("dids", KindDID, s.DIDs))
}

func (s Supervision) normal() Entity {
	s.Supervisors, s.Extensions, s.Queues, s.DIDs, s.Modes = list(s.Supervisors), list(s.Extensions), list(s.Queues), list(s.DIDs), list(s.Modes)
	return s
}

// Validate: see Entity.
func (s Supervision) Validate() error {
	var c check
	c.name("name", s.Name)
	c.text("title", s.Title)
	for field, l := range map[string][]string{"supervisors": s.Supervisors, "extensions": s.Extensions, "queues": s.Queues, "dids": s.DIDs} {
		c.list(field, len(l), 0, maxMembers)
	}
	c.each("supervisors", s.Supervisors, c.name)
	c.each("extensions", s.Extensions, func(at, n string) { extensionNumber(&c, at, n) })
	c.each("queues", s.Queues, func(at, n string) { extensionNumber(&c, at, n) })
	c.each("dids", s.DIDs, c.e164)
	c.list("modes", len(s.Modes), 0, 3)
	c.each("modes", s.Modes, func(at, m string) { c.oneOf(at, m, MonitorListen, MonitorWhisper, MonitorBarge) })
	c.must(len(s.Extensions)+len(s.Queues)+len(s.DIDs) > 0, "extensions", "must name somebody, or queues or dids")
	c.must(!s.Never || len(s.Supervisors) == 0, "supervisors", "must be empty where never is set")
	c.must(!s.Never || len(s.Modes) == 0, "modes", "must be empty where never is set")
	c.must(s.Never || len(s.Supervisors) > 0, "supervisors", "must name somebody who may")
	return c.result()
}

// SupervisedCall is what a call is judged by.
type SupervisedCall struct {
	Agent      string   // extension whose side is listened to
	Extensions []string // all who talk
	Queue      string   // from which the agent took it; empty: from none
	Queues     []string // in which anybody waited who talks: what forbids holds for each of them
	Numbers    []string // outside numbers of ours that it was for
}

// holds says that the supervision speaks of the call: of any side of it where it forbids, of the agent's where it allows.
func (s Supervision) holds(c SupervisedCall) bool {
	who, queues := []string{c.Agent}, []string{c.Queue}
	if s.Never {
		who, queues = append(who, c.Extensions...), append(queues, c.Queues...)
	}
	return slices.ContainsFunc(who, func(n string) bool { return slices.Contains(s.Extensions, n) }) ||
		slices.ContainsFunc(queues, func(n string) bool { return n != "" && slices.Contains(s.Queues, n) }) ||
		slices.ContainsFunc(c.Numbers, func(n string) bool { return slices.Contains(s.DIDs, n) })
}

// Supervise tells whether a user may take part in a call so: the rule that decided, and whether the agent hears a tone. Pure. What forbids goes
// before what allows; the supervisors of a queue may with the calls of that queue.
func Supervise(all []Supervision, queue Queue, user string, c SupervisedCall, mode string) (rule string, tone, ok bool) {
	for _, s := range all {
		if s.Never && s.holds(c) {
			return "never: " + s.Name, false, false
		}
	}
	if user == "" {
		return "nobody's telephone", false, false
	}
	for _, s := range all {
		may := slices.Contains(s.Modes, mode) || len(s.Modes) == 0 && mode == MonitorListen
		if !s.Never && may && slices.Contains(s.Supervisors, user) && s.holds(c) {
			rule, tone, ok = "supervision: "+s.Name, tone || s.Tone, true
		}
	}
	if !ok && c.Queue != "" && queue.Number == c.Queue && slices.Contains(queue.Supervisors, user) {
		return "supervisor of queue " + c.Queue, false, true
	}
	if !ok {
		rule = "no supervision"
	}
	return rule, tone, ok
}
