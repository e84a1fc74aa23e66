package provisioning

import "sync"

// Grounds are why somebody may do what they are doing. Whoever asks the policy tells them, first of what was asked for and again when the object is known; the
// store writes them into the entries of what is done. A nil *Grounds says nothing. Safe for concurrent use.
type Grounds struct {
	Action Action                               // that was asked for
	Inputs func(Subject, Object) map[string]any // what a decision was judged by, see Policy

	mu     sync.Mutex // guards what follows
	rule   string
	object Object
}

// Told that a rule let them do an action to an object. Other actions than the one asked for, which are judged on the way, are not the grounds.
func (g *Grounds) Told(a Action, rule string, o Object) {
	if g == nil || a != g.Action {
		return
	}
	g.mu.Lock()
	g.rule, g.object = rule, o
	g.mu.Unlock()
}

// Write the grounds of s into an entry: the rule, and into the first entry of a transaction what it was judged by.
func (g *Grounds) Write(s Subject, e *AuditEntry, first bool) {
	if g == nil {
		return
	}
	g.mu.Lock()
	rule, object := g.rule, g.object
	g.mu.Unlock()
	if rule == "" {
		return
	}
	e.Rule = rule
	if !first || g.Inputs == nil || e.Detail["inputs"] != nil {
		return
	}
	detail := make(map[string]any, len(e.Detail)+1) // whoever made it may keep it
	for k, v := range e.Detail {
		detail[k] = v
	}
	detail["inputs"] = g.Inputs(s, object)
	e.Detail = detail
}
