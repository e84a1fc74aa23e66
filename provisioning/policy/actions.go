// Package policy owns the table that says which role may do what. It is pure: it reads no store, no clock and no token,
// and it never decides what exists; it only answers whether a Subject may do an Action to an Object.
package policy

import (
	"slices"

	"naisen/provisioning"
)

// The actions. Each has exactly one row in the table; a new one without a row fails the matrix test.
const (
	DomainRead   provisioning.Action = "domain.read"
	DomainPut    provisioning.Action = "domain.put"
	DomainDelete provisioning.Action = "domain.delete"

	UserRead   provisioning.Action = "user.read"
	UserPut    provisioning.Action = "user.put"
	UserDelete provisioning.Action = "user.delete"
	UserSecret provisioning.Action = "user.secret" // set or reset somebody's password or second factor

	SessionRead provisioning.Action = "session.read" // where somebody is signed in, and with which second factors
	SessionEnd  provisioning.Action = "session.end"

	EmergencyRead   provisioning.Action = "emergency-sign-in.read" // uses of the break-glass account
	EmergencyReview provisioning.Action = "emergency-sign-in.review"

	RoleRead provisioning.Action = "role.read" // which roles there are and what each may do

	ExtensionRead   provisioning.Action = "extension.read"
	ExtensionPut    provisioning.Action = "extension.put"
	ExtensionDelete provisioning.Action = "extension.delete"
	ExtensionSecret provisioning.Action = "extension.secret" // make a new SIP password
	ExtensionPIN    provisioning.Action = "extension.pin"    // set the personal PIN

	SoftphoneRead  provisioning.Action = "softphone.read"
	SoftphoneClaim provisioning.Action = "softphone.claim" // make, or withdraw, a code by which an app is enrolled for an extension
	SoftphoneEnd   provisioning.Action = "softphone.end"   // take an app's account away

	SettingsRead   provisioning.Action = "settings.read" // forwards and the like of an extension
	SettingsPut    provisioning.Action = "settings.put"
	SettingsDelete provisioning.Action = "settings.delete"

	GroupRead   provisioning.Action = "group.read"
	GroupPut    provisioning.Action = "group.put"
	GroupDelete provisioning.Action = "group.delete"

	RestrictionRead   provisioning.Action = "restriction.read"
	RestrictionPut    provisioning.Action = "restriction.put"
	RestrictionDelete provisioning.Action = "restriction.delete"

	ShortNumbersRead   provisioning.Action = "short-numbers.read"
	ShortNumbersPut    provisioning.Action = "short-numbers.put"
	ShortNumbersDelete provisioning.Action = "short-numbers.delete"

	HotDeskRead   provisioning.Action = "hot-desk.read"
	HotDeskDelete provisioning.Action = "hot-desk.delete" // sign somebody out

	DepartmentRead   provisioning.Action = "department.read"
	DepartmentPut    provisioning.Action = "department.put"
	DepartmentDelete provisioning.Action = "department.delete"

	ParkingLotRead   provisioning.Action = "parking-lot.read"
	ParkingLotPut    provisioning.Action = "parking-lot.put"
	ParkingLotDelete provisioning.Action = "parking-lot.delete"

	PagingGroupRead   provisioning.Action = "paging-group.read"
	PagingGroupPut    provisioning.Action = "paging-group.put"
	PagingGroupDelete provisioning.Action = "paging-group.delete"

	CalendarRead   provisioning.Action = "calendar.read"
	CalendarPut    provisioning.Action = "calendar.put"
	CalendarDelete provisioning.Action = "calendar.delete"

	RejectionRead   provisioning.Action = "rejection.read"
	RejectionPut    provisioning.Action = "rejection.put"
	RejectionDelete provisioning.Action = "rejection.delete"

	ContactRead   provisioning.Action = "contact.read" // with whom each is shown to
	ContactPut    provisioning.Action = "contact.put"
	ContactDelete provisioning.Action = "contact.delete"
	BookRead      provisioning.Action = "directory.read" // what of the shared directory the asker may see

	BookAccountRead   provisioning.Action = "directory-account.read" // telephones and programs that read the directory
	BookAccountPut    provisioning.Action = "directory-account.put"
	BookAccountDelete provisioning.Action = "directory-account.delete"
	BookAccountSecret provisioning.Action = "directory-account.secret" // make a new one
	HistoryRead       provisioning.Action = "history.read"             // the calls of an extension

	DIDRead   provisioning.Action = "did.read"
	DIDPut    provisioning.Action = "did.put"
	DIDDelete provisioning.Action = "did.delete"

	TrunkRead   provisioning.Action = "trunk.read"
	TrunkPut    provisioning.Action = "trunk.put"
	TrunkDelete provisioning.Action = "trunk.delete"
	TrunkSecret provisioning.Action = "trunk.secret" // set the password towards the carrier

	SiteRead   provisioning.Action = "site.read"
	SitePut    provisioning.Action = "site.put"
	SiteDelete provisioning.Action = "site.delete"

	ConferenceRead   provisioning.Action = "conference.read"
	ConferencePut    provisioning.Action = "conference.put"
	ConferenceDelete provisioning.Action = "conference.delete"
	ConferenceSecret provisioning.Action = "conference.secret" // set the PINs

	MailboxRead   provisioning.Action = "mailbox.read"
	MailboxPut    provisioning.Action = "mailbox.put"
	MailboxDelete provisioning.Action = "mailbox.delete"
	MailboxSecret provisioning.Action = "mailbox.secret" // set the PIN: the owners alone, since with it one hears the messages
	MailboxForget provisioning.Action = "mailbox.forget" // the PIN

	MessageRead   provisioning.Action = "message.read"   // who left what, and when
	MessageListen provisioning.Action = "message.listen" // the owner's alone, whatever role somebody has
	MessageMark   provisioning.Action = "message.mark"
	MessageDelete provisioning.Action = "message.delete"

	PolicyRead   provisioning.Action = "policy.read"
	PolicyPut    provisioning.Action = "policy.put"
	PolicyDelete provisioning.Action = "policy.delete"

	SitePolicyRead   provisioning.Action = "site-policy.read"
	SitePolicyPut    provisioning.Action = "site-policy.put" // one that forbids more; what permits more waits for another person
	SitePolicyDelete provisioning.Action = "site-policy.delete"

	PhoneRegister provisioning.Action = "phone.register" // a telephone that proved to be the extension wants to be reached as it
	CallDial      provisioning.Action = "call.dial"      // a number outside; help is called whatever any policy says

	ProposalRead     provisioning.Action = "proposal.read"     // what waits for others, since it loosens how recordings are protected
	ProposalAgree    provisioning.Action = "proposal.agree"    // to what somebody else proposed
	ProposalWithdraw provisioning.Action = "proposal.withdraw" // an own one, or refuse somebody else's

	AccessReviewRead   provisioning.Action = "access-review.read"
	AccessReviewAnswer provisioning.Action = "access-review.answer" // of another person's right
	ChangeRead         provisioning.Action = "change.read"          // sets of changes, with what they change
	ChangePut          provisioning.Action = "change.put"           // make, propose, carry out and undo one
	ChangeAgree        provisioning.Action = "change.agree"         // to somebody else's, and to a proposal that a class of the domain's own asks for
	ChangeWithdraw     provisioning.Action = "change.withdraw"      // an own one, or refuse somebody else's
	ChangeReview       provisioning.Action = "change.review"        // look at an emergency change afterwards
	ChangeWhatIf       provisioning.Action = "change.what-if"       // try one on the calls of the last month
	ChangeRulesRead    provisioning.Action = "change-rules.read"
	ChangeRulesPut     provisioning.Action = "change-rules.put"

	PromptRead   provisioning.Action = "prompt.read"
	PromptPut    provisioning.Action = "prompt.put"
	PromptDelete provisioning.Action = "prompt.delete"

	NoticeRead    provisioning.Action = "notice.read"    // and hear
	NoticePut     provisioning.Action = "notice.put"     // make a wording, and give it its dates once it is approved
	NoticeApprove provisioning.Action = "notice.approve" // somebody else's wording, after hearing it
	NoticeDelete  provisioning.Action = "notice.delete"

	BindingRead provisioning.Action = "binding.read" // which phones are registered

	CallRead   provisioning.Action = "call.read"
	CallHangup provisioning.Action = "call.hangup"
	CallRecord provisioning.Action = "call.record"
	CallKeep   provisioning.Action = "call.keep"  // have it recorded, where its policy is on_demand
	CallPause  provisioning.Action = "call.pause" // pause the recording of a call, and let it go on
	CallMove   provisioning.Action = "call.move"  // let an extension talk on at another telephone of it
	CallStart  provisioning.Action = "call.start" // ring a telephone, and for it what it would have dialled

	CallTrace provisioning.Action = "call.trace" // its SIP messages

	CallMonitor provisioning.Action = "call.monitor" // listen, whisper, join: those calls that a supervision names

	DutiesRead provisioning.Action = "duties.read" // which roles one person may not hold together, and who does
	DutiesPut  provisioning.Action = "duties.put"

	SupervisionRead   provisioning.Action = "supervision.read"
	SupervisionPut    provisioning.Action = "supervision.put"
	SupervisionDelete provisioning.Action = "supervision.delete"

	RecallRead   provisioning.Action = "recall.read" // who wants to be rung when a colleague is free
	RecallDelete provisioning.Action = "recall.delete"

	CDRRead provisioning.Action = "cdr.read"

	RecordingList   provisioning.Action = "recording.list" // metadata only
	RecordingListen provisioning.Action = "recording.listen"
	RecordingExport provisioning.Action = "recording.export" // as an evidence pack, which leaves the vault

	RecordingKeeping provisioning.Action = "recording.keeping" // how long it is kept, and what keeps it
	RecordingHold    provisioning.Action = "recording.hold"    // keep it from being destroyed
	RecordingRelease provisioning.Action = "recording.release"
	RecordingRetain  provisioning.Action = "recording.retain" // longer than its class says; an end for one that has none waits for another person
	RecordingLabel   provisioning.Action = "recording.label"  // higher; a lower one waits for another person

	RecordingKeyRead   provisioning.Action = "recording-key.read" // which keys recordings have, never a key
	RecordingKeyRotate provisioning.Action = "recording-key.rotate"

	RecordingDownload provisioning.Action = "recording.download" // take away as a file
	RecordingNote     provisioning.Action = "recording.note"     // write notes and numbers of cases

	ListeningRead     provisioning.Action = "listening.read"     // who asked to hear what, and when it was heard
	ListeningAsk      provisioning.Action = "listening.ask"      // to hear recordings
	ListeningDecide   provisioning.Action = "listening.decide"   // approve or refuse what somebody else asked for
	ListeningWithdraw provisioning.Action = "listening.withdraw" // end an approval or a wish
	ListeningReview   provisioning.Action = "listening.review"   // close the review of a listening without an approval
	BreakGlass        provisioning.Action = "listening.break-glass"

	ListeningRulesRead   provisioning.Action = "listening-rules.read"
	ListeningRulesPut    provisioning.Action = "listening-rules.put"
	RecordingScopeRead   provisioning.Action = "recording-scope.read"
	RecordingScopePut    provisioning.Action = "recording-scope.put"
	RecordingScopeDelete provisioning.Action = "recording-scope.delete"

	ProvisionerRead   provisioning.Action = "provisioner.read" // who tells by SCIM who comes and goes
	ProvisionerPut    provisioning.Action = "provisioner.put"
	ProvisionerDelete provisioning.Action = "provisioner.delete"
	ProvisionerSecret provisioning.Action = "provisioner.secret"
	LifecycleRead     provisioning.Action = "lifecycle-rules.read" // what becomes of these people
	LifecyclePut      provisioning.Action = "lifecycle-rules.put"

	DisposalRead    provisioning.Action = "disposal.read" // what falls due
	DisposalApprove provisioning.Action = "disposal.approve"

	WebhookRead   provisioning.Action = "webhook.read"
	WebhookPut    provisioning.Action = "webhook.put"
	WebhookDelete provisioning.Action = "webhook.delete"
	WebhookSecret provisioning.Action = "webhook.secret" // make a new signing key

	LiveRead         provisioning.Action = "live.read" // watch what changes; each thing asks for its own right besides
	FeatureCodesRead provisioning.Action = "feature-codes.read"
	FeatureCodesPut  provisioning.Action = "feature-codes.put"
	QueueRead        provisioning.Action = "queue.read"
	QueuePut         provisioning.Action = "queue.put"
	QueueDelete      provisioning.Action = "queue.delete"
	QueueWatch       provisioning.Action = "queue.watch"  // who waits and what its agents do now: its supervisors too
	QueueReport      provisioning.Action = "queue.report" // what queues and agents did

	AgentRead   provisioning.Action = "agent.read"
	AgentPut    provisioning.Action = "agent.put"
	AgentDelete provisioning.Action = "agent.delete"
	AgentState  provisioning.Action = "agent.state" // sign in and out, pause, end a wrap-up

	CallBackRead   provisioning.Action = "call-back.read"
	CallBackDelete provisioning.Action = "call-back.delete"

	MenuRead     provisioning.Action = "menu.read"
	MenuPut      provisioning.Action = "menu.put"
	MenuActivate provisioning.Action = "menu.activate" // callers hear it
	MenuDelete   provisioning.Action = "menu.delete"

	AlarmRead provisioning.Action = "alarm.read"
	LimitRead provisioning.Action = "limit.read" // what an extension may call, has used, and was refused

	RelayGrant provisioning.Action = "relay.grant" // credentials of the TURN relay for an extension's browser

	AuditRead   provisioning.Action = "audit.read"
	AuditVerify provisioning.Action = "audit.verify"
	AuditReport provisioning.Action = "audit.report" // what a month's entries come to
	AuditDelete provisioning.Action = "audit.delete" // nobody: here so that the table says so
)

// Object kinds that are no provisioning entity.
const (
	KindRole      = "role"
	KindPrompt    = "prompt"
	KindBinding   = "binding"
	KindCall      = "call"
	KindCDR       = "cdr"
	KindRecall    = "recall"
	KindRecording = "recording"
	KindDisposal  = "disposal"
	KindAudit     = "audit"
	KindAlarm     = "alarm"
	KindLive      = "live"
	KindReport    = "report"
	KindBook      = "directory"
	KindMessage   = "message"
	KindNumber    = "number" // one that is called

	KindRecordingKey = "recording-key"
)

// rows is the whole policy, read from top to bottom by people and by action by the code.
func rows() []row {
	return slices.Concat([]row{
		grant(DomainRead, provisioning.KindDomain, admin, telephony),
		grant(DomainPut, provisioning.KindDomain, admin),
		grant(DomainDelete, provisioning.KindDomain).withLimit(closed), // the operator's, who is System

		grant(UserRead, provisioning.KindUser, admin).andOwn(staff).inDepartment(),
		grant(UserPut, provisioning.KindUser, admin).inDepartment(),
		grant(UserDelete, provisioning.KindUser, admin).inDepartment(),
		grant(UserSecret, provisioning.KindUser, admin).inDepartment(),

		grant(RoleRead, KindRole, admin, auditor),

		grant(ExtensionRead, provisioning.KindExtension, admin, telephony).andOwn(staff).inDepartment(),
		grant(ExtensionPut, provisioning.KindExtension, admin, telephony).inDepartment(),
		grant(ExtensionDelete, provisioning.KindExtension, admin, telephony).inDepartment(),
		grant(ExtensionSecret, provisioning.KindExtension, admin, telephony).inDepartment(),

		grant(DIDRead, provisioning.KindDID, admin, telephony).inDepartment(),
		grant(DIDPut, provisioning.KindDID, admin, telephony).inDepartment(), // one that is there: which numbers there are is the domain's
		grant(DIDDelete, provisioning.KindDID, admin, telephony),

		grant(TrunkRead, provisioning.KindTrunk, admin, telephony),
		grant(TrunkPut, provisioning.KindTrunk, admin, telephony),
		grant(TrunkDelete, provisioning.KindTrunk, admin, telephony),
		grant(TrunkSecret, provisioning.KindTrunk, admin, telephony),

		grant(SiteRead, provisioning.KindSite, admin, telephony),
		grant(SitePut, provisioning.KindSite, admin, telephony),
		grant(SiteDelete, provisioning.KindSite, admin, telephony),

		grant(PolicyRead, provisioning.KindPolicy, admin, telephony, manager),
		grant(PolicyPut, provisioning.KindPolicy, admin, telephony),
		grant(PolicyDelete, provisioning.KindPolicy, admin, telephony),

		grant(SitePolicyRead, provisioning.KindSitePolicy, admin, telephony, auditor, manager).withLimit(fixed),
		grant(SitePolicyPut, provisioning.KindSitePolicy, admin).withLimit(fixed),
		grant(SitePolicyDelete, provisioning.KindSitePolicy, admin).withLimit(fixed),

		forAnybody(PhoneRegister, provisioning.KindExtension),
		forAnybody(CallDial, KindNumber),

		grant(PromptRead, KindPrompt, admin, telephony),
		grant(PromptPut, KindPrompt, admin, telephony),
		grant(PromptDelete, KindPrompt, admin, telephony),

		grant(BindingRead, KindBinding, admin, telephony),

		grant(CDRRead, KindCDR, admin, auditor).andOwn(staff),

		grant(RecordingList, KindRecording, admin, listener, auditor, manager),
		grant(RecordingListen, KindRecording, listener),
		grant(RecordingExport, KindRecording, listener),

		grant(AuditRead, KindAudit, admin, auditor).andOwn(staff), // own: what they did themselves
		grant(AuditVerify, KindAudit, admin, auditor),
		grant(AuditReport, KindAudit, admin, auditor),
		grant(AuditDelete, KindAudit).withLimit(closed),
	}, callRows(), watchRows(), deskRows(), softphoneRows(), mailboxRows(), queueRows(), vaultRows(), listeningRows(), changeRows(), lifecycleRows(), signInRows(), accessReviewRows(), inventoryRows(), firmwareRows())
}

// callRows are about calls that are running.
func callRows() []row {
	return []row{
		grant(CallRead, KindCall, admin, telephony).andOwn(staff),
		grant(CallHangup, KindCall, admin, telephony).andOwn(staff),
		grant(CallStart, KindCall, admin, telephony).andOwn(staff), // own: from one's own extension
		grant(CallMove, KindCall, admin, telephony).andOwn(staff),  // own: one's own extension
		grant(CallTrace, KindCall, admin, telephony),
		grant(CallRecord, KindCall, admin, telephony),
		grant(CallKeep, KindCall, admin, telephony).andOwn(staff),
		grant(CallPause, KindCall, admin, telephony).andOwn(staff),
		grant(CallMonitor, KindCall).andOwn(supervisor), // own: heard by the supervisor's own telephone
	}
}

// deskRows are about what staff do with their telephones.
func deskRows() []row {
	return []row{
		grant(RecallRead, KindRecall, admin, telephony).andOwn(staff),
		grant(RecallDelete, KindRecall, admin, telephony).andOwn(staff),
		grant(SettingsRead, provisioning.KindSettings, admin, telephony).andOwn(staff).inDepartment(),
		grant(SettingsPut, provisioning.KindSettings, admin, telephony).andOwn(staff).inDepartment(),
		grant(SettingsDelete, provisioning.KindSettings, admin, telephony).andOwn(staff).inDepartment(),
		grant(FeatureCodesRead, provisioning.KindFeatureCodes, admin, telephony, auditor, listener, staff, supervisor), // a list to hang beside the phone
		grant(FeatureCodesPut, provisioning.KindFeatureCodes, admin, telephony),

		grant(MenuRead, provisioning.KindMenu, admin, telephony),
		grant(MenuPut, provisioning.KindMenu, admin, telephony),
		grant(MenuActivate, provisioning.KindMenu, admin, telephony),
		grant(MenuDelete, provisioning.KindMenu, admin, telephony),
		grant(GroupRead, provisioning.KindGroup, admin, telephony).inDepartment(),
		grant(GroupPut, provisioning.KindGroup, admin, telephony).inDepartment(),
		grant(GroupDelete, provisioning.KindGroup, admin, telephony).inDepartment(),

		grant(ParkingLotRead, provisioning.KindParkingLot, admin, telephony),
		grant(ParkingLotPut, provisioning.KindParkingLot, admin, telephony),
		grant(ParkingLotDelete, provisioning.KindParkingLot, admin, telephony),

		grant(RejectionRead, provisioning.KindRejection, admin, telephony, auditor),
		grant(RejectionPut, provisioning.KindRejection, admin, telephony),
		grant(RejectionDelete, provisioning.KindRejection, admin, telephony),

		grant(ContactRead, provisioning.KindContact, admin, telephony),
		grant(ContactPut, provisioning.KindContact, admin, telephony),
		grant(ContactDelete, provisioning.KindContact, admin, telephony),
		grant(BookAccountRead, provisioning.KindBookAccount, admin, telephony),
		grant(BookAccountPut, provisioning.KindBookAccount, admin, telephony),
		grant(BookAccountDelete, provisioning.KindBookAccount, admin, telephony),
		grant(BookAccountSecret, provisioning.KindBookAccount, admin, telephony),
		grant(HistoryRead, provisioning.KindExtension, admin, auditor).andOwn(staff),
		grant(BookRead, KindBook, admin, telephony, auditor, listener, staff),

		grant(RestrictionRead, provisioning.KindRestriction, admin, telephony, auditor),
		grant(RestrictionPut, provisioning.KindRestriction, admin, telephony),
		grant(RestrictionDelete, provisioning.KindRestriction, admin, telephony),

		grant(ShortNumbersRead, provisioning.KindShortNumbers, admin, telephony).andOwn(staff),
		grant(ShortNumbersPut, provisioning.KindShortNumbers, admin, telephony).andOwn(staff),
		grant(ShortNumbersDelete, provisioning.KindShortNumbers, admin, telephony).andOwn(staff),

		grant(HotDeskRead, provisioning.KindHotDesk, admin, telephony).andOwn(staff),
		grant(HotDeskDelete, provisioning.KindHotDesk, admin, telephony).andOwn(staff),

		grant(DepartmentRead, provisioning.KindDepartment, admin, telephony, auditor),
		grant(DepartmentPut, provisioning.KindDepartment, admin, telephony),
		grant(DepartmentDelete, provisioning.KindDepartment, admin, telephony),

		grant(ExtensionPIN, provisioning.KindExtension, admin, telephony).andOwn(staff).inDepartment(),

		grant(CalendarRead, provisioning.KindCalendar, admin, telephony),
		grant(CalendarPut, provisioning.KindCalendar, admin, telephony),
		grant(CalendarDelete, provisioning.KindCalendar, admin, telephony),
	}
}

// vaultRows are about how long recordings are kept. Who keeps the machine does not decide what is destroyed, and who decides need not listen.
func vaultRows() []row {
	return []row{
		grant(RecordingKeeping, KindRecording, admin, auditor, manager),
		grant(RecordingHold, KindRecording, manager),
		grant(RecordingRelease, KindRecording, manager),
		grant(RecordingRetain, KindRecording, manager),
		grant(RecordingKeyRead, KindRecordingKey, admin, auditor, manager),
		grant(RecordingKeyRotate, KindRecordingKey, admin, manager),
		grant(DisposalRead, KindDisposal, admin, auditor, manager),
		grant(DisposalApprove, KindDisposal, manager),
		grant(NoticeRead, provisioning.KindNotice, admin, telephony, auditor, manager),
		grant(NoticePut, provisioning.KindNotice, admin, telephony),
		grant(NoticeApprove, provisioning.KindNotice, admin, manager),
		grant(NoticeDelete, provisioning.KindNotice, admin, telephony),
		grant(RecordingLabel, KindRecording, manager),
		grant(ProposalRead, provisioning.KindProposal, admin, telephony, auditor, manager),
		grant(ProposalAgree, provisioning.KindProposal, manager).withLimit(closed), // else a permit could let one person be two. And who may change.agree, to what a class of the domain's own asks for: see rest
		grant(ProposalWithdraw, provisioning.KindProposal, manager).andOwn(admin).andOwn(telephony),
	}
}

// watchRows are about rooms, who is spoken to, and what watches over the switch.
func watchRows() []row {
	return []row{
		grant(ConferenceRead, provisioning.KindConference, admin, telephony),
		grant(ConferencePut, provisioning.KindConference, admin, telephony),
		grant(ConferenceDelete, provisioning.KindConference, admin, telephony),
		grant(ConferenceSecret, provisioning.KindConference, admin, telephony),

		grant(PagingGroupRead, provisioning.KindPagingGroup, admin, telephony),
		grant(PagingGroupPut, provisioning.KindPagingGroup, admin, telephony),
		grant(PagingGroupDelete, provisioning.KindPagingGroup, admin, telephony),

		grant(WebhookRead, provisioning.KindWebhook, admin, telephony),
		grant(WebhookPut, provisioning.KindWebhook, admin),
		grant(WebhookDelete, provisioning.KindWebhook, admin),
		grant(WebhookSecret, provisioning.KindWebhook, admin),

		grant(AlarmRead, KindAlarm, admin, telephony, auditor),
		grant(LiveRead, KindLive, admin, telephony),
		grant(LimitRead, provisioning.KindExtension, admin, telephony).andOwn(staff).inDepartment(),
		grant(RelayGrant, provisioning.KindExtension, admin, telephony).andOwn(staff),
	}
}

// softphoneRows are about apps that are enrolled as telephones.
func softphoneRows() []row {
	return []row{
		grant(SoftphoneRead, provisioning.KindExtension, admin, telephony).andOwn(staff).inDepartment(),
		grant(SoftphoneClaim, provisioning.KindExtension, admin, telephony).andOwn(staff).inDepartment(), // a domain may forbid staff to enrol their own
		grant(SoftphoneEnd, provisioning.KindExtension, admin, telephony).andOwn(staff).inDepartment(),
	}
}
