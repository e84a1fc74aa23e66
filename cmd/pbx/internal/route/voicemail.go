package route

import "naisen/provisioning"

const (
	// VerbVoicemail lets the caller leave a message in the mailbox Name; Data: Occasion.
	VerbVoicemail = "voicemail"
	// VerbMessages lets somebody who calls from outside hear the messages of a mailbox, by its number and PIN.
	VerbMessages = "messages"
	// Occasion in Run.Data is why the call came to a mailbox: "busy", "no-answer" or nothing. Its greeting follows it.
	Occasion = "occasion"
)

// Voicemail is the plan that takes a call to a mailbox.
func Voicemail(dir Directory, domain, number, occasion string, p Plan) Plan {
	box, ok := dir.Mailbox(domain, number)
	if !ok || box.Off {
		return refuse(480, p.Why+": no mailbox "+number)
	}
	p.Why += ", mailbox " + number
	if p.To == "" {
		p.To = number
	}
	if p.Direction == "" {
		p.Direction = Internal
	}
	p.Steps = []Step{{Run: Run{Verb: VerbVoicemail, Name: number, Language: box.Language, Data: map[string]string{Occasion: occasion}}}}
	return p
}

// Messages is the plan that lets the caller hear the messages of a mailbox, by its number and PIN.
func Messages(p Plan) Plan {
	p.Why += ", messages"
	p.Record = Record{Notice: NoticeNone} // what is played is its owner's, and recorded already
	p.Steps = []Step{{Run: Run{Verb: VerbMessages}}}
	return p
}

// occasion of a diversion.
func occasion(reason string) string {
	switch reason {
	case whenBusy, dnd:
		return "busy"
	case noAnswer, unavailable:
		return "no-answer"
	}
	return ""
}

// leave is a mailbox that an extension dialled: to leave a message nobody is rung.
func leave(dir Directory, req Request, caller provisioning.Extension, number string, p Plan) Plan {
	p.Direction, p.To, p.Why = Internal, number, "extension "+caller.Number
	p.Record = made(dir, req, caller, p)
	return Voicemail(dir, req.Domain, number, "", p)
}
