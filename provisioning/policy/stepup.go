package policy

import "naisen/provisioning"

// Class is a kind of action for which the configuration may ask how, and how lately, somebody signed in (RFC 9470).
type Class string

// The classes, by their names in the configuration.
const (
	ClassListening  Class = "listening"   // what people said, or their telephones, is heard or taken away
	ClassPolicy     Class = "policy"      // who may do what, what is recorded and kept, who is an administrator
	ClassKeys       Class = "keys"        // keys of recordings
	ClassApprovals  Class = "approvals"   // the second person's yes
	ClassBreakGlass Class = "break_glass" // listening without an approval
)

// Classes are all of them.
func Classes() []Class {
	return []Class{ClassListening, ClassPolicy, ClassKeys, ClassApprovals, ClassBreakGlass}
}

// ClassOf is the class of an action; "": no sign-in is asked for it beyond the token.
func ClassOf(a provisioning.Action) Class { return classes[a] }

// classes is the table. What only makes things stricter, as a hold, is in none: it should never wait for a sign-in.
var classes = map[provisioning.Action]Class{
	RecordingListen: ClassListening, RecordingDownload: ClassListening, RecordingExport: ClassListening, CallMonitor: ClassListening, CallTrace: ClassListening,

	DomainPut: ClassPolicy, DomainDelete: ClassPolicy, UserPut: ClassPolicy, UserDelete: ClassPolicy, UserSecret: ClassPolicy,
	PolicyPut: ClassPolicy, PolicyDelete: ClassPolicy, SitePolicyPut: ClassPolicy, SitePolicyDelete: ClassPolicy, RestrictionPut: ClassPolicy, RestrictionDelete: ClassPolicy,
	SupervisionPut: ClassPolicy, SupervisionDelete: ClassPolicy, WebhookPut: ClassPolicy, WebhookDelete: ClassPolicy, WebhookSecret: ClassPolicy,
	ChangeRulesPut: ClassPolicy, DutiesPut: ClassPolicy,
	ListeningRulesPut: ClassPolicy, RecordingScopePut: ClassPolicy, RecordingScopeDelete: ClassPolicy,
	RecordingLabel: ClassPolicy, RecordingRetain: ClassPolicy, RecordingRelease: ClassPolicy,
	ProvisionerPut: ClassPolicy, ProvisionerDelete: ClassPolicy, ProvisionerSecret: ClassPolicy, LifecyclePut: ClassPolicy,

	RecordingKeyRotate: ClassKeys, DeviceRotate: ClassKeys,

	ListeningDecide: ClassApprovals, ListeningReview: ClassApprovals, ProposalAgree: ClassApprovals, DisposalApprove: ClassApprovals, NoticeApprove: ClassApprovals, EmergencyReview: ClassApprovals,

	ChangeAgree: ClassApprovals, ChangeReview: ClassApprovals, // of a set each change asks for its own class besides: see rest

	BreakGlass: ClassBreakGlass,
}
