package provisioning

import (
	"strings"
	"time"
)

// Queue is a line of waiting callers and the agents who serve it. Its number is dialled like an extension's; DIDs lead to it.
type Queue struct {
	Number   string        `json:"number"`
	Title    string        `json:"title"`
	Strategy string        `json:"strategy" doc:"longest-idle (default), skills, priority or ring-all"`
	Members  []QueueMember `json:"members" doc:"Extensions that may sign in as its agents"`
	Skill    string        `json:"skill,omitempty" doc:"With strategy skills: the one that counts here"`
	Level    int           `json:"level,omitempty" doc:"Least level of the skill; 0: 1"`
	Relax    int           `json:"relax_seconds,omitempty" doc:"After each so many seconds of waiting one level less is enough; 0: never"`
	Priority int           `json:"priority,omitempty" doc:"0 to 9: where agents serve several queues, callers of the higher one come first"`

	MaxWaiting  int `json:"max_waiting,omitempty" doc:"Callers at once; 0: 50"`
	MaxWait     int `json:"max_wait_seconds,omitempty" doc:"Then a caller overflows; 0: 1800"`
	RingSeconds int `json:"ring_seconds,omitempty" doc:"An agent's telephone rings so long; 0: 20"`
	WrapUp      int `json:"wrap_up_seconds,omitempty" doc:"After a call an agent is left alone so long"`
	Rest        int `json:"rest_seconds,omitempty" doc:"An agent who did not answer is passed over so long; 0: 60"`
	SignOut     int `json:"sign_out_minutes,omitempty" doc:"An agent whose telephone is not registered so long is signed out; 0: 10"`

	Language string        `json:"language,omitempty" doc:"Of what is said; empty: the DID's, then the domain's"`
	Policy   string        `json:"policy,omitempty" doc:"Recording policy of calls to it, beside the DID's"`
	Announce QueueAnnounce `json:"announce"`
	Overflow QueueOverflow `json:"overflow"`
	CallBack QueueCallBack `json:"call_back"`

	Supervisors []string    `json:"supervisors" doc:"Users who see its state, and may listen, whisper and join"`
	Target      QueueTarget `json:"target"`
}

// QueueMember is an extension that may serve a queue.
type QueueMember struct {
	Agent string `json:"agent"`
	Rank  int    `json:"rank,omitempty" doc:"With strategy priority: lower ones are rung first"`
}

// QueueAnnounce is what waiting callers hear beside music. Prompts are names such as queue/wait; an empty one is not played.
type QueueAnnounce struct {
	Welcome  string `json:"welcome,omitempty" doc:"Prompt, once at the beginning"`
	Again    string `json:"again,omitempty" doc:"Prompt, after each interval"`
	Music    string `json:"music,omitempty" doc:"Prompt in place of music/hold"`
	Position bool   `json:"position,omitempty" doc:"Say the place in the line"`
	Estimate bool   `json:"estimate,omitempty" doc:"Say about how many minutes are left"`
	Every    int    `json:"every_seconds,omitempty" doc:"0: 45"`
}

// QueueOverflow says where callers go whom no agent serves. Left out: the caller hears why and the call ends. A number is whatever the payer could dial,
// a code too.
type QueueOverflow struct {
	Time     *Destination `json:"time,omitempty" doc:"After max_wait_seconds"`
	Length   *Destination `json:"length,omitempty" doc:"Already max_waiting callers"`
	NoAgents *Destination `json:"no_agents,omitempty" doc:"No agent is signed in. Left out: callers wait for one"`
	Closed   *Destination `json:"closed,omitempty" doc:"Outside the hours"`
	Payer    string       `json:"payer,omitempty" doc:"Extension by whose rights and limits they go there; not needed for mailboxes"`
}

// QueueCallBack is the offer to keep the place and be called back.
type QueueCallBack struct {
	Offer   bool `json:"offer,omitempty"`
	After   int  `json:"after_seconds,omitempty" doc:"Of waiting, before it is offered; 0: 30"`
	Max     int  `json:"max,omitempty" doc:"Places kept at once; 0: 20"`
	Tries   int  `json:"tries,omitempty" doc:"Calls until it is given up; 0: 3"`
	Minutes int  `json:"retry_minutes,omitempty" doc:"Between them; 0: 5"`

	Payer string `json:"payer,omitempty" doc:"Extension by whose rights and limits they are called; needed for the offer"`
}

// QueueTarget is what reports and the live state measure a queue by.
type QueueTarget struct {
	Percent int `json:"percent,omitempty" doc:"So many of a hundred callers shall be answered; 0: 80"`
	Seconds int `json:"seconds,omitempty" doc:"in so many seconds; 0: 20"`
	Short   int `json:"short_seconds,omitempty" doc:"Who gives up sooner counts as no caller; 0: 5"`
}

// The strategies of a queue, beside LongestIdle.
const (
	BySkill = "skills"
	ByRank  = "priority"
	RingAll = "ring-all"
)

// maxMembers bounds the agents of a queue.
const maxMembers = 200

// Kind, Key: see Entity.
func (Queue) Kind() string  { return KindQueue }
func (q Queue) Key() string { return q.Number }

// Refs of a queue: its members, its policy, its supervisors, where it overflows, and who pays for that.
func (q Queue) Refs() []Ref {
	var r []Ref
	for i, m := range q.Members {
		r = append(r, Ref{"members[" + itoa(i) + "].agent", KindExtension, m.Agent})
	}
	if q.Policy != "" {
		r = append(r, Ref{"policy", KindPolicy, q.Policy})
	}
	for field, to := range q.Overflow.places {
		r = append(r, to.refs(field)...)
	}
	if q.Overflow.Payer != "" {
		r = append(r, Ref{"overflow.payer", KindExtension, q.Overflow.Payer})
	}
	if q.CallBack.Payer != "" {
		r = append(r, Ref{"call_back.payer", KindExtension, q.CallBack.Payer})
	}
	return append(r, refs("supervisors", KindUser, q.Supervisors)...)
}

func (q Queue) normal() Entity {
	q.Members, q.Supervisors = list(q.Members), list(q.Supervisors)
	return q
}

// Validate: see Entity.
func (q Queue) Validate() error {
	var c check
	insideNumber(&c, "number", q.Number)
	c.text("title", q.Title)
	c.oneOf("strategy", q.Strategy, "", LongestIdle, BySkill, ByRank, RingAll)
	q.checkMembers(&c)
	c.must((q.Strategy == BySkill) == (q.Skill != ""), "skill", "belongs to strategy skills, which needs one")
	if q.Skill != "" {
		c.name("skill", q.Skill)
	}
	c.between("level", q.Level, 0, 9)
	c.between("relax_seconds", q.Relax, 0, 3600)
	c.between("priority", q.Priority, 0, 9)
	c.between("max_waiting", q.MaxWaiting, 0, 500)
	c.between("max_wait_seconds", q.MaxWait, 0, 4*3600)
	c.between("ring_seconds", q.RingSeconds, 0, 120)
	c.between("wrap_up_seconds", q.WrapUp, 0, 3600)
	c.between("rest_seconds", q.Rest, 0, 3600)
	c.between("sign_out_minutes", q.SignOut, 0, 24*60)
	c.oneOf("language", q.Language, "", "ja", "en")
	if q.Policy != "" {
		c.name("policy", q.Policy)
	}
	q.Announce.check(&c)
	q.Overflow.check(&c, q.Number)
	c.must(!q.CallBack.Offer || q.CallBack.Payer != "", "call_back.payer", "is missing: somebody's rights and limits must judge the calls")
	if q.CallBack.Payer != "" {
		extensionNumber(&c, "call_back.payer", q.CallBack.Payer)
	}
	c.between("call_back.after_seconds", q.CallBack.After, 0, 3600)
	c.between("call_back.max", q.CallBack.Max, 0, 500)
	c.between("call_back.tries", q.CallBack.Tries, 0, 10)
	c.between("call_back.retry_minutes", q.CallBack.Minutes, 0, 24*60)
	c.list("supervisors", len(q.Supervisors), 0, maxList)
	c.each("supervisors", q.Supervisors, c.name)
	c.between("target.percent", q.Target.Percent, 0, 100)
	c.between("target.seconds", q.Target.Seconds, 0, 3600)
	c.between("target.short_seconds", q.Target.Short, 0, 60)
	return c.result()
}

// Check refuses overflows that lead a caller round: it would wait for ever, and never be served.
func (q Queue) Check(r Reader, domain string) error {
	for field, to := range q.Overflow.places {
		seen, next := map[string]bool{}, []string{to.Number}
		for len(next) > 0 {
			at := next[0]
			if next = next[1:]; at == "" || seen[at] {
				continue
			}
			seen[at] = true
			other, err := optional[Queue](r, domain, at)
			if err != nil {
				return err
			}
			for _, on := range other.Overflow.places {
				if on.Number == q.Number {
					return &Invalid{field + ".number", "leads back to the queue by " + at}
				}
				next = append(next, on.Number)
			}
		}
	}
	return nil
}

// places goes through the overflows that there are.
func (o QueueOverflow) places(yield func(field string, to *Destination) bool) {
	_ = (o.Time == nil || yield("overflow.time", o.Time)) && (o.Length == nil || yield("overflow.length", o.Length)) &&
		(o.NoAgents == nil || yield("overflow.no_agents", o.NoAgents)) && (o.Closed == nil || yield("overflow.closed", o.Closed))
}

func (q Queue) checkMembers(c *check) {
	c.list("members", len(q.Members), 1, maxMembers)
	seen := make(map[string]bool, len(q.Members))
	for i, m := range q.Members {
		at := "members[" + itoa(i) + "]"
		extensionNumber(c, at+".agent", m.Agent)
		c.between(at+".rank", m.Rank, 0, 99)
		c.must(!seen[m.Agent], at+".agent", "is there twice")
		seen[m.Agent] = true
	}
}

func (a QueueAnnounce) check(c *check) {
	checkPrompt(c, "announce.welcome", a.Welcome)
	checkPrompt(c, "announce.again", a.Again)
	checkPrompt(c, "announce.music", a.Music)
	c.must(a.Every == 0 || a.Every >= 15 && a.Every <= 600, "announce.every_seconds", "must be 15 to 600, or 0")
}

func (o QueueOverflow) check(c *check, self string) {
	paid := false
	for field, to := range o.places {
		paid = paid || to.Voicemail == ""
		if to.Number == "" {
			to.check(c, field)
			continue
		}
		c.must(*to == Destination{Number: to.Number}, field, "must name exactly one place")
		field += ".number"
		c.must(len(to.Number) <= 32 && only(strings.TrimPrefix(to.Number, "+"), digits+"*#"), field, "must be a number as the payer would dial it")
		n := strings.TrimPrefix(strings.TrimPrefix(to.Number, "184"), "186")
		c.must(n != "110" && n != "118" && n != "119", field, "is an emergency number")
		c.must(to.Number != self, field, "leads back to the queue")
	}
	if o.Payer != "" {
		extensionNumber(c, "overflow.payer", o.Payer)
	}
	c.must(!paid || o.Payer != "", "overflow.payer", "must name an extension: by its rights the calls go there")
}

// Agent is what a person who serves queues has set: whether, where and how well. It is the person's wish and no state of any telephone: whether
// the agent can take a call follows from this, the registrations and the calls.
type Agent struct {
	Number   string         `json:"number" doc:"The extension"`
	Skills   map[string]int `json:"skills" doc:"Level 1 to 9 by skill"`
	Outside  string         `json:"outside,omitempty" doc:"E.164 number that rings in place of the extension; the agent confirms by a digit"`
	SignedIn bool           `json:"signed_in"`
	Queues   []string       `json:"queues" doc:"Signed in to these only; empty: to all of which the extension is a member"`
	Paused   string         `json:"paused,omitempty" doc:"Why no calls come: lunch, meeting, training; empty: they come"`
}

// Kind, Key: see Entity.
func (Agent) Kind() string  { return KindAgent }
func (a Agent) Key() string { return a.Number }

// Refs of an agent: its extension, and the queues.
func (a Agent) Refs() []Ref {
	return append([]Ref{{"number", KindExtension, a.Number}}, refs("queues", KindQueue, a.Queues)...)
}

func (a Agent) normal() Entity {
	if a.Queues = list(a.Queues); a.Skills == nil {
		a.Skills = map[string]int{}
	}
	return a
}

// Validate: see Entity.
func (a Agent) Validate() error {
	var c check
	extensionNumber(&c, "number", a.Number)
	c.list("skills", len(a.Skills), 0, maxList)
	for name, level := range a.Skills {
		c.name("skills", name)
		c.between("skills."+name, level, 1, 9)
	}
	c.must(a.Outside == "", "outside", "is not there yet: nobody would confirm the call")
	c.list("queues", len(a.Queues), 0, maxTargets)
	c.each("queues", a.Queues, func(at, s string) { extensionNumber(&c, at, s) })
	c.text("paused", a.Paused)
	return c.result()
}

// CallBack is a place in a queue that is kept for somebody who hung up and will be called.
type CallBack struct {
	ID       string    `json:"id" doc:"Of the queue visit that asked for it"`
	Queue    string    `json:"queue"`
	Number   string    `json:"number" doc:"Whom to call: E.164, or an extension"`
	DID      string    `json:"did,omitempty"`
	Language string    `json:"language,omitempty"`
	Priority int       `json:"priority,omitempty"`
	Arrived  time.Time `json:"arrived" doc:"The place in the line"`
	Tries    int       `json:"tries,omitempty"`
	After    time.Time `json:"after,omitzero" doc:"No try before"`
}

// Kind, Key: see Entity.
func (CallBack) Kind() string  { return KindCallBack }
func (b CallBack) Key() string { return b.ID }

// Refs of a call-back: its queue, which cannot go before it.
func (b CallBack) Refs() []Ref { return []Ref{{"queue", KindQueue, b.Queue}} }

// Validate: see Entity.
func (b CallBack) Validate() error {
	var c check
	c.must(b.ID != "" && len(b.ID) <= 128 && only(strings.ToLower(b.ID), "abcdefghijklmnopqrstuvwxyz"+digits+"-._"), "id", "must be 1 to 128 letters, digits, - . _")
	extensionNumber(&c, "queue", b.Queue)
	if strings.HasPrefix(b.Number, "+") {
		c.e164("number", b.Number)
	} else {
		extensionNumber(&c, "number", b.Number)
	}
	if b.DID != "" {
		c.e164("did", b.DID)
	}
	c.oneOf("language", b.Language, "", "ja", "en")
	c.between("priority", b.Priority, 0, 99)
	c.must(!b.Arrived.IsZero(), "arrived", "is missing")
	c.between("tries", b.Tries, 0, 100)
	return c.result()
}
