package rest

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// operationActions is every operation with the action that it needs: a new operation without a row here fails the test.
func operationActions() map[string]provisioning.Action {
	actions := singleActions()
	for _, kind := range []string{"users", "dids", "trunks", "sites", "recording-policies", "site-policies", "conferences", "groups", "parking-lots", "paging-groups", "directory-accounts",
		"contacts", "rejections", "mailboxes", "calendars", "restrictions", "short-numbers", "departments", "settings", "menus", "queues", "agents", "supervisions", "recording-scopes",
		"extensions", "devices", "firmware", "webhooks", "provisioners"} {
		const domain = " /v1/domains/{domain}/"
		put := actions["PUT"+domain+kind+"/{key}"]
		if actions["PATCH"+domain+kind+"/{key}"] = put; kind != "webhooks" && kind != "provisioners" { // which are made with a secret each, and few
			actions["GET"+domain+"exports/"+kind], actions["POST"+domain+"imports/"+kind] = actions["GET"+domain+kind], put
		}
	}
	return actions
}

func singleActions() map[string]provisioning.Action {
	return map[string]provisioning.Action{
		"GET /v1/domains": policy.DomainRead, "GET /v1/domains/{domain}": policy.DomainRead, "PUT /v1/domains/{domain}": policy.DomainPut, "PATCH /v1/domains/{domain}": policy.DomainPut,
		"GET /v1/domains/{domain}/users": policy.UserRead, "GET /v1/domains/{domain}/users/{key}": policy.UserRead,
		"PUT /v1/domains/{domain}/users/{key}": policy.UserPut, "DELETE /v1/domains/{domain}/users/{key}": policy.UserDelete,
		"POST /v1/domains/{domain}/users/{key}/password": policy.UserSecret,
		"GET /v1/domains/{domain}/users/{key}/sessions":  policy.SessionRead, "DELETE /v1/domains/{domain}/users/{key}/sessions": policy.SessionEnd,
		"DELETE /v1/domains/{domain}/users/{key}/sessions/{id}": policy.SessionEnd,
		"GET /v1/domains/{domain}/users/{key}/second-factors":   policy.SessionRead, "DELETE /v1/domains/{domain}/users/{key}/second-factors": policy.UserSecret,
		"GET /v1/domains/{domain}/emergency-sign-ins": policy.EmergencyRead, "GET /v1/domains/{domain}/emergency-sign-ins/{key}": policy.EmergencyRead,
		"POST /v1/domains/{domain}/emergency-sign-ins/{key}/review": policy.EmergencyReview,
		"GET /v1/domains/{domain}/roles":                            policy.RoleRead,
		"GET /v1/domains/{domain}/duties":                           policy.DutiesRead, "PUT /v1/domains/{domain}/duties": policy.DutiesPut, "GET /v1/domains/{domain}/duties/violations": policy.DutiesRead,
		"GET /v1/domains/{domain}/extensions": policy.ExtensionRead, "GET /v1/domains/{domain}/extensions/{key}": policy.ExtensionRead,
		"PUT /v1/domains/{domain}/extensions/{key}": policy.ExtensionPut, "DELETE /v1/domains/{domain}/extensions/{key}": policy.ExtensionDelete,
		"POST /v1/domains/{domain}/extensions/{key}/secret": policy.ExtensionSecret,
		"GET /v1/domains/{domain}/dids":                     policy.DIDRead, "GET /v1/domains/{domain}/dids/{key}": policy.DIDRead,
		"PUT /v1/domains/{domain}/dids/{key}": policy.DIDPut, "DELETE /v1/domains/{domain}/dids/{key}": policy.DIDDelete,
		"GET /v1/domains/{domain}/trunks": policy.TrunkRead, "GET /v1/domains/{domain}/trunks/{key}": policy.TrunkRead,
		"PUT /v1/domains/{domain}/trunks/{key}": policy.TrunkPut, "DELETE /v1/domains/{domain}/trunks/{key}": policy.TrunkDelete,
		"PUT /v1/domains/{domain}/trunks/{key}/secret": policy.TrunkSecret, "DELETE /v1/domains/{domain}/trunks/{key}/secret": policy.TrunkSecret,
		"GET /v1/domains/{domain}/trunks/{key}/status": policy.TrunkRead,
		"GET /v1/domains/{domain}/sites":               policy.SiteRead, "GET /v1/domains/{domain}/sites/{key}": policy.SiteRead,
		"PUT /v1/domains/{domain}/sites/{key}": policy.SitePut, "DELETE /v1/domains/{domain}/sites/{key}": policy.SiteDelete,
		"GET /v1/domains/{domain}/recording-policies": policy.PolicyRead, "GET /v1/domains/{domain}/recording-policies/{key}": policy.PolicyRead,
		"PUT /v1/domains/{domain}/recording-policies/{key}":    policy.PolicyPut,
		"DELETE /v1/domains/{domain}/recording-policies/{key}": policy.PolicyDelete,
		"GET /v1/domains/{domain}/site-policies":               policy.SitePolicyRead, "GET /v1/domains/{domain}/site-policies/{key}": policy.SitePolicyRead,
		"PUT /v1/domains/{domain}/site-policies/{key}": policy.SitePolicyPut, "DELETE /v1/domains/{domain}/site-policies/{key}": policy.SitePolicyDelete,
		"GET /v1/domains/{domain}/site-policy-schema": policy.SitePolicyRead,
		"GET /v1/domains/{domain}/proposals":          policy.ProposalRead, "GET /v1/domains/{domain}/proposals/{key}": policy.ProposalRead,
		"POST /v1/domains/{domain}/proposals/{key}/agree": policy.ProposalAgree, "DELETE /v1/domains/{domain}/proposals/{key}": policy.ProposalWithdraw,
		"POST /v1/domains/{domain}/proposals/{key}/approve": policy.ChangeAgree,
		"GET /v1/domains/{domain}/changes":                  policy.ChangeRead, "POST /v1/domains/{domain}/changes": policy.ChangePut,
		"GET /v1/domains/{domain}/changes/{key}": policy.ChangeRead, "PUT /v1/domains/{domain}/changes/{key}": policy.ChangePut, "DELETE /v1/domains/{domain}/changes/{key}": policy.ChangeWithdraw,
		"GET /v1/domains/{domain}/changes/{key}/diff": policy.ChangeRead, "POST /v1/domains/{domain}/changes/{key}/propose": policy.ChangePut,
		"POST /v1/domains/{domain}/changes/{key}/agree": policy.ChangeAgree, "POST /v1/domains/{domain}/changes/{key}/apply": policy.ChangePut,
		"POST /v1/domains/{domain}/changes/{key}/undo": policy.ChangePut, "POST /v1/domains/{domain}/changes/{key}/review": policy.ChangeReview,
		"POST /v1/domains/{domain}/changes/{key}/what-if": policy.ChangeWhatIf,
		"GET /v1/domains/{domain}/change-rules":           policy.ChangeRulesRead, "PUT /v1/domains/{domain}/change-rules": policy.ChangeRulesPut,
		"GET /v1/domains/{domain}/prompts": policy.PromptRead, "GET /v1/domains/{domain}/prompts/{language}/{name}": policy.PromptRead,
		"PUT /v1/domains/{domain}/prompts/{language}/{name}":    policy.PromptPut,
		"DELETE /v1/domains/{domain}/prompts/{language}/{name}": policy.PromptDelete,
		"GET /v1/domains/{domain}/notices":                      policy.NoticeRead, "GET /v1/domains/{domain}/notices/{key}": policy.NoticeRead, "DELETE /v1/domains/{domain}/notices/{key}": policy.NoticeDelete,
		"POST /v1/domains/{domain}/notices/{key}/versions": policy.NoticePut, "GET /v1/domains/{domain}/notices/{key}/versions/{number}/audio": policy.NoticeRead,
		"POST /v1/domains/{domain}/notices/{key}/versions/{number}/approve": policy.NoticeApprove, "POST /v1/domains/{domain}/notices/{key}/versions/{number}/schedule": policy.NoticePut,
		"GET /v1/domains/{domain}/calls": policy.CallRead, "POST /v1/domains/{domain}/calls/{key}/hangup": policy.CallHangup,
		"PUT /v1/domains/{domain}/calls/{key}/recording": policy.CallRecord, "POST /v1/domains/{domain}/calls/{key}/recording/keep": policy.CallKeep,
		"POST /v1/domains/{domain}/calls/{key}/recording/pause": policy.CallPause, "POST /v1/domains/{domain}/calls/{key}/recording/resume": policy.CallPause,
		"POST /v1/domains/{domain}/calls": policy.CallStart, "GET /v1/domains/{domain}/calls/{key}": policy.CallRead,
		"DELETE /v1/domains/{domain}/calls/{key}": policy.CallHangup, "POST /v1/domains/{domain}/calls/{key}/move": policy.CallMove,
		"GET /v1/domains/{domain}/traces/{key}": policy.CallTrace, "GET /v1/domains/{domain}/traces/{key}/events": policy.CallTrace,
		"POST /v1/domains/{domain}/extensions/{key}/monitor": policy.CallMonitor,
		"GET /v1/domains/{domain}/calls/history":             policy.CDRRead, "GET /v1/domains/{domain}/calls/history/{key}": policy.CDRRead,
		"GET /v1/domains/{domain}/recalls": policy.RecallRead, "DELETE /v1/domains/{domain}/recalls/{key}": policy.RecallDelete,
		"GET /v1/alarms": policy.AlarmRead, "GET /v1/domains/{domain}/extensions/{key}/limits": policy.LimitRead,
		"POST /v1/domains/{domain}/extensions/{key}/softphone-claim": policy.SoftphoneClaim, "DELETE /v1/domains/{domain}/extensions/{key}/softphone-claim": policy.SoftphoneClaim,
		"GET /v1/domains/{domain}/extensions/{key}/softphones": policy.SoftphoneRead, "DELETE /v1/domains/{domain}/extensions/{key}/softphones/{id}": policy.SoftphoneEnd,
		"POST /v1/domains/{domain}/extensions/{key}/relay": policy.RelayGrant,
		"GET /v1/domains/{domain}/webhooks":                policy.WebhookRead, "GET /v1/domains/{domain}/webhooks/{key}": policy.WebhookRead,
		"PUT /v1/domains/{domain}/webhooks/{key}": policy.WebhookPut, "DELETE /v1/domains/{domain}/webhooks/{key}": policy.WebhookDelete,
		"POST /v1/domains/{domain}/webhooks/{key}/secret": policy.WebhookSecret,
		"GET /v1/domains/{domain}/conferences":            policy.ConferenceRead, "GET /v1/domains/{domain}/conferences/{key}": policy.ConferenceRead,
		"PUT /v1/domains/{domain}/conferences/{key}": policy.ConferencePut, "DELETE /v1/domains/{domain}/conferences/{key}": policy.ConferenceDelete,
		"PUT /v1/domains/{domain}/conferences/{key}/pin": policy.ConferenceSecret, "DELETE /v1/domains/{domain}/conferences/{key}/pin": policy.ConferenceSecret,
		"GET /v1/domains/{domain}/listening-requests": policy.ListeningRead, "GET /v1/domains/{domain}/listening-requests/{key}": policy.ListeningRead,
		"POST /v1/domains/{domain}/listening-requests": policy.ListeningAsk, "POST /v1/domains/{domain}/break-glass": policy.BreakGlass,
		"POST /v1/domains/{domain}/listening-requests/{key}/approve": policy.ListeningDecide, "POST /v1/domains/{domain}/listening-requests/{key}/refuse": policy.ListeningDecide,
		"POST /v1/domains/{domain}/listening-requests/{key}/withdraw": policy.ListeningWithdraw, "POST /v1/domains/{domain}/listening-requests/{key}/review": policy.ListeningReview,
		"GET /v1/domains/{domain}/listening-rules": policy.ListeningRulesRead, "PUT /v1/domains/{domain}/listening-rules": policy.ListeningRulesPut,
		"GET /v1/domains/{domain}/recording-scopes": policy.RecordingScopeRead, "GET /v1/domains/{domain}/recording-scopes/{key}": policy.RecordingScopeRead,
		"PUT /v1/domains/{domain}/recording-scopes/{key}": policy.RecordingScopePut, "DELETE /v1/domains/{domain}/recording-scopes/{key}": policy.RecordingScopeDelete,
		"GET /v1/domains/{domain}/recordings/{key}/notes": policy.RecordingList, "POST /v1/domains/{domain}/recordings/{key}/notes": policy.RecordingNote,
		"DELETE /v1/domains/{domain}/recordings/{key}/notes/{id}": policy.RecordingNote,
		"PUT /v1/domains/{domain}/recordings/{key}/cases/{id}":    policy.RecordingNote, "DELETE /v1/domains/{domain}/recordings/{key}/cases/{id}": policy.RecordingNote,
		"GET /v1/domains/{domain}/recordings/{key}/keeping":   policy.RecordingKeeping,
		"PUT /v1/domains/{domain}/recordings/{key}/hold":      policy.RecordingHold,
		"POST /v1/domains/{domain}/recordings/{key}/release":  policy.RecordingRelease,
		"PUT /v1/domains/{domain}/recordings/{key}/retention": policy.RecordingRetain, "PUT /v1/domains/{domain}/recordings/{key}/label": policy.RecordingLabel,
		"GET /v1/domains/{domain}/disposals": policy.DisposalRead, "GET /v1/domains/{domain}/disposals/{key}": policy.DisposalRead,
		"POST /v1/domains/{domain}/disposals/{key}/approve": policy.DisposalApprove,
		"GET /v1/domains/{domain}/recording-keys":           policy.RecordingKeyRead, "POST /v1/domains/{domain}/recording-keys": policy.RecordingKeyRotate,
		"GET /v1/domains/{domain}/audit": policy.AuditRead,

		"GET /v1/domains/{domain}/audit-reports/{key}":     policy.AuditReport,
		"GET /v1/domains/{domain}/audit-reports/{key}/csv": policy.AuditReport,
		"GET /v1/domains/{domain}/audit-reports/{key}/pdf": policy.AuditReport,

		"GET /v1/domains/{domain}/events": policy.LiveRead,
		"GET /v1/domains/{domain}/groups": policy.GroupRead, "GET /v1/domains/{domain}/groups/{key}": policy.GroupRead,
		"PUT /v1/domains/{domain}/groups/{key}": policy.GroupPut, "DELETE /v1/domains/{domain}/groups/{key}": policy.GroupDelete,
		"GET /v1/domains/{domain}/parking-lots": policy.ParkingLotRead, "GET /v1/domains/{domain}/parking-lots/{key}": policy.ParkingLotRead,
		"PUT /v1/domains/{domain}/parking-lots/{key}": policy.ParkingLotPut, "DELETE /v1/domains/{domain}/parking-lots/{key}": policy.ParkingLotDelete,
		"GET /v1/domains/{domain}/paging-groups": policy.PagingGroupRead, "GET /v1/domains/{domain}/paging-groups/{key}": policy.PagingGroupRead,
		"PUT /v1/domains/{domain}/paging-groups/{key}": policy.PagingGroupPut, "DELETE /v1/domains/{domain}/paging-groups/{key}": policy.PagingGroupDelete,
		"GET /v1/domains/{domain}/extensions/{key}/history": policy.HistoryRead,
		"GET /v1/domains/{domain}/directory-accounts":       policy.BookAccountRead, "GET /v1/domains/{domain}/directory-accounts/{key}": policy.BookAccountRead,
		"PUT /v1/domains/{domain}/directory-accounts/{key}": policy.BookAccountPut, "DELETE /v1/domains/{domain}/directory-accounts/{key}": policy.BookAccountDelete,
		"POST /v1/domains/{domain}/directory-accounts/{key}/secret": policy.BookAccountSecret,
		"GET /v1/domains/{domain}/contacts":                         policy.ContactRead, "GET /v1/domains/{domain}/contacts/{key}": policy.ContactRead,
		"PUT /v1/domains/{domain}/contacts/{key}": policy.ContactPut, "DELETE /v1/domains/{domain}/contacts/{key}": policy.ContactDelete,
		"POST /v1/domains/{domain}/contacts": policy.ContactPut, "GET /v1/domains/{domain}/directory": policy.BookRead,
		"GET /v1/domains/{domain}/directory/rows": policy.BookRead,
		"GET /v1/domains/{domain}/rejections":     policy.RejectionRead, "GET /v1/domains/{domain}/rejections/{key}": policy.RejectionRead,
		"PUT /v1/domains/{domain}/rejections/{key}": policy.RejectionPut, "DELETE /v1/domains/{domain}/rejections/{key}": policy.RejectionDelete,
		"GET /v1/domains/{domain}/mailboxes": policy.MailboxRead, "GET /v1/domains/{domain}/mailboxes/{key}": policy.MailboxRead,
		"PUT /v1/domains/{domain}/mailboxes/{key}": policy.MailboxPut, "DELETE /v1/domains/{domain}/mailboxes/{key}": policy.MailboxDelete,
		"PUT /v1/domains/{domain}/mailboxes/{key}/pin": policy.MailboxSecret, "DELETE /v1/domains/{domain}/mailboxes/{key}/pin": policy.MailboxForget,
		"GET /v1/domains/{domain}/mailboxes/{key}/messages": policy.MessageRead, "GET /v1/domains/{domain}/mailboxes/{key}/messages/{id}": policy.MessageRead,
		"GET /v1/domains/{domain}/mailboxes/{key}/messages/{id}/audio": policy.MessageListen,
		"PUT /v1/domains/{domain}/mailboxes/{key}/messages/{id}/heard": policy.MessageMark,
		"DELETE /v1/domains/{domain}/mailboxes/{key}/messages/{id}":    policy.MessageDelete,
		"GET /v1/domains/{domain}/mailboxes/{key}/greetings":           policy.MessageRead,
		"DELETE /v1/domains/{domain}/mailboxes/{key}/greetings/{mode}": policy.MessageDelete,
		"GET /v1/domains/{domain}/calendars":                           policy.CalendarRead, "GET /v1/domains/{domain}/calendars/{key}": policy.CalendarRead,
		"PUT /v1/domains/{domain}/calendars/{key}": policy.CalendarPut, "DELETE /v1/domains/{domain}/calendars/{key}": policy.CalendarDelete,
		"GET /v1/domains/{domain}/restrictions": policy.RestrictionRead, "GET /v1/domains/{domain}/restrictions/{key}": policy.RestrictionRead,
		"PUT /v1/domains/{domain}/restrictions/{key}": policy.RestrictionPut, "DELETE /v1/domains/{domain}/restrictions/{key}": policy.RestrictionDelete,
		"GET /v1/domains/{domain}/extensions/{key}/caller-numbers": policy.ExtensionRead,
		"GET /v1/domains/{domain}/extensions/{key}/devices":        policy.ExtensionRead,
		"GET /v1/domains/{domain}/hot-desks":                       policy.HotDeskRead, "GET /v1/domains/{domain}/hot-desks/{key}": policy.HotDeskRead,
		"DELETE /v1/domains/{domain}/hot-desks/{key}": policy.HotDeskDelete,
		"GET /v1/domains/{domain}/short-numbers":      policy.ShortNumbersRead, "GET /v1/domains/{domain}/short-numbers/{key}": policy.ShortNumbersRead,
		"PUT /v1/domains/{domain}/short-numbers/{key}": policy.ShortNumbersPut, "DELETE /v1/domains/{domain}/short-numbers/{key}": policy.ShortNumbersDelete,
		"GET /v1/domains/{domain}/extensions/{key}/short-numbers": policy.ExtensionRead,
		"GET /v1/domains/{domain}/departments":                    policy.DepartmentRead, "GET /v1/domains/{domain}/departments/{key}": policy.DepartmentRead,
		"PUT /v1/domains/{domain}/departments/{key}": policy.DepartmentPut, "DELETE /v1/domains/{domain}/departments/{key}": policy.DepartmentDelete,
		"PUT /v1/domains/{domain}/extensions/{key}/pin": policy.ExtensionPIN, "DELETE /v1/domains/{domain}/extensions/{key}/pin": policy.ExtensionPIN,
		"GET /v1/domains/{domain}/settings": policy.SettingsRead, "GET /v1/domains/{domain}/settings/{key}": policy.SettingsRead,
		"PUT /v1/domains/{domain}/settings/{key}": policy.SettingsPut, "DELETE /v1/domains/{domain}/settings/{key}": policy.SettingsDelete,
		"GET /v1/domains/{domain}/menus": policy.MenuRead, "GET /v1/domains/{domain}/menus/{key}": policy.MenuRead,
		"PUT /v1/domains/{domain}/menus/{key}": policy.MenuPut, "DELETE /v1/domains/{domain}/menus/{key}": policy.MenuDelete,
		"GET /v1/domains/{domain}/menus/{key}/versions": policy.MenuRead, "POST /v1/domains/{domain}/menus/{key}/activate": policy.MenuActivate,
		"POST /v1/domains/{domain}/menus/{key}/test": policy.MenuRead,
		"GET /v1/domains/{domain}/feature-codes":     policy.FeatureCodesRead, "PUT /v1/domains/{domain}/feature-codes": policy.FeatureCodesPut,
		"GET /v1/domains/{domain}/queues": policy.QueueRead, "GET /v1/domains/{domain}/queues/{key}": policy.QueueRead,
		"PUT /v1/domains/{domain}/queues/{key}": policy.QueuePut, "DELETE /v1/domains/{domain}/queues/{key}": policy.QueueDelete,
		"GET /v1/domains/{domain}/queues/{key}/state": policy.QueueWatch,
		"GET /v1/domains/{domain}/agents":             policy.AgentRead, "GET /v1/domains/{domain}/agents/{key}": policy.AgentRead,
		"PUT /v1/domains/{domain}/agents/{key}": policy.AgentPut, "DELETE /v1/domains/{domain}/agents/{key}": policy.AgentDelete,
		"PUT /v1/domains/{domain}/agents/{key}/state": policy.AgentState, "GET /v1/domains/{domain}/agents/{key}/state": policy.AgentRead,
		"POST /v1/domains/{domain}/agents/{key}/ready": policy.AgentState,
		"GET /v1/domains/{domain}/call-backs":          policy.CallBackRead, "GET /v1/domains/{domain}/call-backs/{key}": policy.CallBackRead,
		"DELETE /v1/domains/{domain}/call-backs/{key}": policy.CallBackDelete,
		"GET /v1/domains/{domain}/supervisions":        policy.SupervisionRead, "GET /v1/domains/{domain}/supervisions/{key}": policy.SupervisionRead,
		"PUT /v1/domains/{domain}/supervisions/{key}": policy.SupervisionPut, "DELETE /v1/domains/{domain}/supervisions/{key}": policy.SupervisionDelete,
		"GET /v1/domains/{domain}/provisioners": policy.ProvisionerRead, "GET /v1/domains/{domain}/provisioners/{key}": policy.ProvisionerRead,
		"PUT /v1/domains/{domain}/provisioners/{key}": policy.ProvisionerPut, "DELETE /v1/domains/{domain}/provisioners/{key}": policy.ProvisionerDelete,
		"POST /v1/domains/{domain}/provisioners/{key}/secret": policy.ProvisionerSecret,
		"GET /v1/domains/{domain}/lifecycle-rules":            policy.LifecycleRead, "PUT /v1/domains/{domain}/lifecycle-rules": policy.LifecyclePut,
		"GET /v1/domains/{domain}/devices": policy.DeviceRead, "GET /v1/domains/{domain}/devices/{key}": policy.DeviceRead, "PUT /v1/domains/{domain}/devices/{key}": policy.DevicePut,
		"DELETE /v1/domains/{domain}/devices/{key}": policy.DeviceDelete, "GET /v1/domains/{domain}/devices/{key}/status": policy.DeviceRead,
		"GET /v1/domains/{domain}/devices/{key}/particulars": policy.DeviceParticulars, "PUT /v1/domains/{domain}/devices/{key}/particulars": policy.DevicePutParticulars,
		"PUT /v1/domains/{domain}/devices/{key}/state": policy.DeviceState, "POST /v1/domains/{domain}/devices/{key}/claim": policy.DeviceClaim,
		"POST /v1/domains/{domain}/devices/{key}/rotation": policy.DeviceRotate, "GET /v1/domains/{domain}/devices/{key}/report": policy.DeviceRead,
		"POST /v1/domains/{domain}/devices/{key}/resync": policy.DeviceResync,
		"GET /v1/domains/{domain}/firmware":              policy.FirmwareRead, "GET /v1/domains/{domain}/firmware/{key}": policy.FirmwareRead, "PUT /v1/domains/{domain}/firmware/{key}": policy.FirmwarePut,
		"DELETE /v1/domains/{domain}/firmware/{key}": policy.FirmwareDelete, "GET /v1/domains/{domain}/firmware/{key}/status": policy.FirmwareRead,
		"POST /v1/domains/{domain}/firmware/{key}/rollout": policy.FirmwareRollout, "PUT /v1/domains/{domain}/firmware/{key}/file": policy.FirmwareUpload,
		"GET /v1/domains/{domain}/access-reviews": policy.AccessReviewRead, "GET /v1/domains/{domain}/access-reviews/{key}": policy.AccessReviewRead,
		"POST /v1/domains/{domain}/access-reviews/{key}/answers": policy.AccessReviewAnswer,
		"GET /v1/domains/{domain}/reports/{key}":                 policy.QueueReport, "GET /v1/domains/{domain}/reports/{key}/csv": policy.QueueReport,
	}
}

// operations walks the document, which huma fills at registration.
func operations(a *api) map[string]*huma.Operation {
	out := map[string]*huma.Operation{}
	for path, item := range a.huma.OpenAPI().Paths {
		for method, op := range map[string]*huma.Operation{"GET": item.Get, "PUT": item.Put, "POST": item.Post, "DELETE": item.Delete, "PATCH": item.Patch} {
			if op != nil {
				out[method+" "+path] = op
			}
		}
	}
	return out
}

func TestEveryOperationHasARule(t *testing.T) {
	r := newRig(t)
	want := operationActions()
	known := policy.New().Actions()
	for name, op := range operations(r.api) {
		rule, ok := op.Metadata[metaRule].(rule)
		if !ok || rule.action == "" {
			t.Errorf("%s declares no action", name)
			continue
		}
		if rule.action != want[name] {
			t.Errorf("%s needs %q, the table says %q", name, rule.action, want[name])
		}
		if !slices.Contains(known, rule.action) || policy.New().ObjectKind(rule.action) != rule.kind {
			t.Errorf("%s: the policy knows no %s of %s", name, rule.action, rule.kind)
		}
		if strings.Contains(name, "{domain}") && rule.domain != "domain" {
			t.Errorf("%s does not say which domain it is about", name)
		}
		delete(want, name)
	}
	for name := range want {
		t.Errorf("%s is in the table but not served", name)
	}
}

// TestUndeclaredOperationIsDenied breaks the guard on purpose: an operation without a rule.
func TestUndeclaredOperationIsDenied(t *testing.T) {
	r := newRig(t)
	huma.Register(r.api.huma, huma.Operation{Method: "GET", Path: "/v1/oops"}, r.api.listDomains)
	if p := r.do(t, admin, "GET", "/v1/oops", ""); p.status != http.StatusForbidden {
		t.Errorf("%d, want 403", p.status)
	}
}

// fill fills a path template with things that exist.
func fill(path, domain string) string {
	key := "2001"
	for part, k := range map[string]string{"users": "alice", "dids": "+81312345678", "trunks": "carrier", "webhooks": "ops", "sites": "hall", "menus": "hello", "conferences": "8000", "groups": "6000", "paging-groups": "6500", "parking-lots": "700", "calendars": "hall", "restrictions": "inside", "departments": "tax", "short-numbers": "system", "hot-desks": "2002", "rejections": "nobody", "contacts": "c1", "directory-accounts": "desk", "recording-policies": "always", "site-policies": "night", "recordings": "r1", "proposals": "policy:gone", "changes": "set1", "disposals": "2026-12", "notices": "matrix", "listening-requests": askedBy, "emergency-sign-ins": "e1", "recording-scopes": "nobody", "history": "cdr1", "calls/{key}": "c1",
		"domains/{domain}/devices": "805ec0112233", "queues": "7001", "call-backs": "b1", "reports": "queues"} {
		if strings.Contains(path, "/"+part+"/{key}") || strings.Contains(path, part) && part == "calls/{key}" {
			key = k
		}
	}
	return strings.NewReplacer("{domain}", domain, "{key}", key, "{language}", "ja", "{name}", "notice/recording", "{id}", "m1", "{number}", "1", "{mode}", "busy").Replace(path)
}

func body(op *huma.Operation) string {
	switch {
	case op.RequestBody == nil:
		return ""
	case strings.HasSuffix(op.Path, "/hold"), strings.HasSuffix(op.Path, "/release"):
		return `{"reason":"x"}`
	case strings.HasSuffix(op.Path, "recordings/{key}/label"):
		return `{"label":"restricted","reason":"x"}`
	case strings.HasSuffix(op.Path, "devices/{key}/state"):
		return `{"state":""}`
	case strings.HasSuffix(op.Path, "/review"):
		return `{"remark":"x"}`
	case strings.HasSuffix(op.Path, "/changes"), strings.HasSuffix(op.Path, "/changes/{key}"):
		return `{"reason":"x","changes":[{"kind":"extension","key":"2002","do":"merge","body":{"display":"x"}}]}`
	case strings.HasSuffix(op.Path, "/notes"):
		return `{"text":"x"}`
	case strings.HasSuffix(op.Path, "/retention"):
		return `{"until":"2130-01-01T00:00:00Z","reason":"x"}`
	case strings.HasSuffix(op.Path, "/recording"):
		return `{"on":true}`
	case strings.HasSuffix(op.Path, "/calls"):
		return `{"from":"2001","to":"2002"}`
	case strings.HasSuffix(op.Path, "/monitor"), strings.HasSuffix(op.Path, "/move"):
		return `{"extension":"2002"}`
	case strings.HasSuffix(op.Path, "mailboxes/{key}/pin"):
		return `{"pin":"4711"}`
	case strings.HasSuffix(op.Path, "/heard"):
		return `{"heard":true}`
	case strings.HasSuffix(op.Path, "trunks/{key}/secret"):
		return `{"secret":"x"}`
	}
	return "{}"
}

// asked asks for an operation with what it takes: a file has the key of what is there.
func (r *rig) asked(t *testing.T, token, name, domain string, op *huma.Operation) reply {
	t.Helper()
	method, path, _ := strings.Cut(name, " ")
	path = fill(path, domain)
	switch {
	case method == http.MethodPatch:
		return r.do(t, token, method, path, "{}", "Content-Type: "+mergeType)
	case strings.Contains(path, "/exports/"):
		return r.do(t, token, method, path+"?format=json", "")
	case strings.Contains(path, "/imports/"):
		kind := op.Path[strings.LastIndex(op.Path, "/")+1:]
		head, _, _ := strings.Cut(strings.TrimPrefix(r.do(t, admin, http.MethodGet, base+"/exports/"+kind, "").body, "\ufeff"), ",") // its key
		one := fill("/v1/domains/{domain}/"+kind+"/{key}", here)
		return r.do(t, token, method, path, `[{"`+head+`":"`+one[strings.LastIndex(one, "/")+1:]+`"}]`)
	}
	return r.do(t, token, method, path, body(op))
}

// TestMatrix: every role and every operation over HTTP, in the own domain and in another one.
func TestMatrix(t *testing.T) {
	r := newRig(t)
	pol := policy.New()
	all := operations(r.api)
	// What is deleted is so last: made anew by zoe it would be hers, and others' words about it refused for that.
	names := slices.SortedFunc(maps.Keys(all), func(a, b string) int {
		return strings.Compare(strings.Replace(a, "DELETE", "Z", 1), strings.Replace(b, "DELETE", "Z", 1))
	})
	for _, name := range names {
		op := all[name]
		method, _, _ := strings.Cut(name, " ")
		rule := op.Metadata[metaRule].(rule)
		if p := r.asked(t, "", name, here, op); p.status != 401 || p.header.Get("WWW-Authenticate") != `Bearer realm="naisen"` {
			t.Errorf("%s without a token: %d %q", name, p.status, p.header.Get("WWW-Authenticate"))
		}
		for _, role := range append(provisioning.Roles(), "", "made-up") {
			// "zoe" owns nothing, so a right to one's own objects shows as 404 or an empty list.
			s := provisioning.Subject{Domain: here, User: "zoe", Roles: []provisioning.Role{role}}
			own := pol.Decide(s, rule.action, provisioning.Object{Domain: here, Kind: rule.kind, Owner: "zoe"}).Allowed
			all := pol.Decide(s, rule.action, provisioning.Object{Domain: here, Kind: rule.kind}).Allowed
			p := r.asked(t, "zoe+"+string(role), name, here, op)
			switch {
			case !own && p.status != 403:
				t.Errorf("%s as %q: %d, want 403", name, role, p.status)
			case own && !all && (rule.key != "" || method == "POST") && p.status != 404:
				t.Errorf("%s as %q: %d, want 404 for somebody else's", name, role, p.status)
			case own && !all && rule.action == policy.AuditRead: // she did something: TestOwnAuditEntries
			case own && !all && rule.key == "" && method != "POST" && (p.status != 200 || !strings.Contains(p.body, `"items":[]`) && p.body != "[]\n"):
				t.Errorf("%s as %q: %d %s, want an empty list", name, role, p.status, p.body)
			case all && (p.status == 403 || p.status == 401 || p.status >= 500 && rule.action != policy.LiveRead): // the rig's stream is shut: it would not end
				t.Errorf("%s as %q: %d, the policy allows it", name, role, p.status)
			}
			if p.status == 403 && !strings.Contains(p.body, policy.RuleNotGranted) {
				t.Errorf("%s as %q: 403 without its rule: %s", name, role, p.body)
			}
			if rule.domain != "" {
				if p := r.asked(t, "zoe+"+string(role), name, there, op); p.status != 404 {
					t.Errorf("%s of another domain as %q: %d, want 404", name, role, p.status)
				}
			}
		}
	}
}

// TestG5OtherDomain: what exists elsewhere and what exists nowhere answer alike, and leave a trace.
func TestG5OtherDomain(t *testing.T) {
	r := newRig(t)
	for _, path := range []string{"/extensions/2001", "/calls/history/cdr1", "/users/alice", ""} {
		var first reply
		for i, domain := range []string{there, "no-such.example"} {
			p := r.do(t, admin, "GET", "/v1/domains/"+domain+path, "")
			p.header.Del("Date")
			p.header.Del("X-Request-Id")
			if p.status != 404 {
				t.Fatalf("%s%s: %d", domain, path, p.status)
			}
			if i == 0 {
				first = p
				continue
			}
			a, _ := json.Marshal(first.header)
			b, _ := json.Marshal(p.header)
			if p.body != first.body || string(a) != string(b) {
				t.Errorf("%s: answers differ:\n%s %s\n%s %s", path, first.body, a, p.body, b)
			}
		}
		if mine := r.do(t, admin, "GET", base+"/extensions/9999", ""); mine.body != first.body {
			t.Errorf("own unknown id answers otherwise: %s / %s", mine.body, first.body)
		}
	}
	found := false
	for _, e := range r.audit(t, here, "extension.read") {
		found = found || e.Outcome == "denied" && e.Object == there+"/extension/2001" && e.Rule == policy.RuleOtherDomain
	}
	if !found {
		t.Error("no audit entry for the attempt on another domain")
	}
}

func TestStaffSeeTheirOwn(t *testing.T) {
	r := newRig(t)
	const alice = "alice+staff"
	for path, want := range map[string]int{
		"/extensions/2001": 200, "/extensions/2002": 404, "/users/alice": 200, "/users/bob": 404,
		"/calls/history/cdr1": 200, "/calls/history/cdr2": 404, "/calls/history/cdr3": 200, "/calls/history/none": 404,
	} {
		if p := r.do(t, alice, "GET", base+path, ""); p.status != want {
			t.Errorf("%s: %d, want %d", path, p.status, want)
		}
	}
	for path, want := range map[string][]string{"/extensions": {"2001"}, "/users": {"alice"}, "/calls/history": {"cdr3", "cdr1"}} {
		var got struct{ Items []map[string]any }
		p := r.do(t, alice, "GET", base+path, "")
		must(t, json.Unmarshal([]byte(p.body), &got))
		var ids []string
		for _, i := range got.Items {
			for _, k := range []string{"number", "name", "id"} {
				if s, ok := i[k].(string); ok {
					ids = append(ids, s)
				}
			}
		}
		if !slices.Equal(ids, want) {
			t.Errorf("%s: %v, want %v", path, ids, want)
		}
	}
}
