package event

import "fmt"

// Messages are the voice messages of a mailbox (RFC 3842 section 5.2): new and old, and how many of each are urgent.
type Messages struct{ New, Old, UrgentNew, UrgentOld int }

// Mailboxes tells what waits for somebody. Any goroutine may ask; it must not block.
type Mailboxes interface{ Messages(owner AOR) Messages }

// MessageSummary is the package "message-summary" (RFC 3842). It is told at each SUBSCRIBE, also when nothing waits: lamps are put out so.
func MessageSummary(src Mailboxes) Package { return messageSummary{src} }

type messageSummary struct{ src Mailboxes }

// Name implements Package.
func (messageSummary) Name() string { return "message-summary" }

// Type implements Package.
func (messageSummary) Type() string { return summaryType }

const summaryType = "application/simple-message-summary"

// View implements Package.
func (p messageSummary) View(resource AOR) View { return &summaryView{src: p.src, owner: resource} }

type summaryView struct {
	src   Mailboxes
	owner AOR
	shown Messages
}

// Document implements View.
func (v *summaryView) Document(all bool) Document {
	now := v.src.Messages(v.owner)
	if !all && now == v.shown {
		return Document{Same: true}
	}
	v.shown = now
	return Document{Body: summary(v.owner, now)}
}

func summary(owner AOR, m Messages) []byte {
	waiting := "no"
	if m.New > 0 {
		waiting = "yes"
	}
	return fmt.Appendf(nil, "Messages-Waiting: %s\r\nMessage-Account: %s\r\nVoice-Message: %d/%d (%d/%d)\r\n",
		waiting, owner.URI(), m.New, m.Old, m.UrgentNew, m.UrgentOld)
}
