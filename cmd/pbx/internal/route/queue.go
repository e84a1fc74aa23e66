package route

import "naisen/provisioning"

// VerbQueue lets the caller wait in the queue Name; Data has the DID by which the call came.
const VerbQueue = "queue"

// toQueue lets a call wait.
func toQueue(dir Directory, domain string, q provisioning.Queue, did provisioning.DID, p Plan) Plan {
	if q.Language != "" {
		p.Language = q.Language
	}
	if did.Language != "" {
		p.Language = did.Language
	}
	p.Steps = []Step{{Run: Run{Verb: VerbQueue, Name: q.Number, Language: p.Language, Data: map[string]string{"did": did.Number}}}}
	if did.Number != "" && p.Record.Number == did.Number {
		p.Record.Language = p.Language
	}
	p.Record = p.also(record(dir, domain, q.Policy, q.Number, p.Language))
	return p
}

// internalQueue is a queue whose number was dialled inside.
func internalQueue(dir Directory, req Request, caller provisioning.Extension, q provisioning.Queue, p Plan) Plan {
	p.Direction, p.Why = Internal, "queue "+q.Number
	p.Record = made(dir, req, caller, p)
	return toQueue(dir, req.Domain, q, provisioning.DID{}, p)
}
