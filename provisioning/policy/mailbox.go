package policy

import "naisen/provisioning"

// mailboxRows are about voice messages. A message is heard by the owners of its mailbox alone: whoever has a role hears its own too.
func mailboxRows() []row {
	rows := []row{
		grant(MailboxRead, provisioning.KindMailbox, admin, telephony).andOwn(staff),
		grant(MailboxPut, provisioning.KindMailbox, admin, telephony),
		grant(MailboxDelete, provisioning.KindMailbox, admin, telephony),
		grant(MailboxForget, provisioning.KindMailbox, admin, telephony).andOwn(staff),
	}
	rows = append(rows, ofOwners(MailboxSecret, provisioning.KindMailbox))
	for _, a := range []provisioning.Action{MessageRead, MessageListen, MessageMark, MessageDelete} {
		rows = append(rows, ofOwners(a, KindMessage))
	}
	return rows
}
