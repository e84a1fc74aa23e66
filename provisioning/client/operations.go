// Code generated from the OpenAPI document by TestClientIsCurrent of provisioning/rest; DO NOT EDIT.

package client

import (
	"context"
	"io"
	"net/url"
	"time"
)

// ActivateMenuQuery is what ActivateMenu may ask for; zero values are left out.
type ActivateMenuQuery struct {
	Version int64 // Go back to this version; left out: the draft becomes a new one Go back to this version; left out: the draft becomes a new one
}

func (q ActivateMenuQuery) values() url.Values {
	return url.Values(query{}.number("version", q.Version))
}

// ActivateMenu: let callers hear the draft, or a version before. POST /v1/domains/{domain}/menus/{key}/activate.
func (c *Client) ActivateMenu(ctx context.Context, domain string, key string, q ActivateMenuQuery, options ...Option) (MenuVersions, Answer, error) {
	var out MenuVersions
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/menus/{key}/activate", domain, key), query: q.values()}, &out, options)
	return out, at, err
}

// AddRecordingNote: write a note about a recording; it is found by its words. POST /v1/domains/{domain}/recordings/{key}/notes.
func (c *Client) AddRecordingNote(ctx context.Context, domain string, key string, body NoteInputBody, options ...Option) (RecordingNote, Answer, error) {
	var out RecordingNote
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/recordings/{key}/notes", domain, key), body: body}, &out, options)
	return out, at, err
}

// AgreeChangeQuery is what AgreeChange may ask for; zero values are left out.
type AgreeChangeQuery struct {
	Reason string // Why, for the history Why, for the history
}

func (q AgreeChangeQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// AgreeChange: agree to somebody else's set; with the last word that it needs it is carried out, or scheduled. POST /v1/domains/{domain}/changes/{key}/agree.
func (c *Client) AgreeChange(ctx context.Context, domain string, key string, q AgreeChangeQuery, options ...Option) (ChangeSet, Answer, error) {
	var out ChangeSet
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/changes/{key}/agree", domain, key), query: q.values()}, &out, options)
	return out, at, err
}

// AgreeProposalQuery is what AgreeProposal may ask for; zero values are left out.
type AgreeProposalQuery struct {
	Reason string // Why, for the audit log Why, for the audit log
}

func (q AgreeProposalQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// AgreeProposal: agree to what somebody else proposed; with the last word that it needs it is done. POST /v1/domains/{domain}/proposals/{key}/agree.
func (c *Client) AgreeProposal(ctx context.Context, domain string, key string, q AgreeProposalQuery, options ...Option) (Proposal, Answer, error) {
	var out Proposal
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/proposals/{key}/agree", domain, key), query: q.values()}, &out, options)
	return out, at, err
}

// AnswerAccessReview: say of another person's right whether it is still needed; what nobody confirms ends when the review is due. POST /v1/domains/{domain}/access-reviews/{key}/answers.
func (c *Client) AnswerAccessReview(ctx context.Context, domain string, key string, body AnswerAccessInputBody, options ...Option) (AccessReview, Answer, error) {
	var out AccessReview
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/access-reviews/{key}/answers", domain, key), body: body}, &out, options)
	return out, at, err
}

// ApplyChangeQuery is what ApplyChange may ask for; zero values are left out.
type ApplyChangeQuery struct {
	Reason string // Why, for the history Why, for the history
}

func (q ApplyChangeQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// ApplyChange: carry out an approved set that waited for a window. POST /v1/domains/{domain}/changes/{key}/apply.
func (c *Client) ApplyChange(ctx context.Context, domain string, key string, q ApplyChangeQuery, options ...Option) (ChangeSet, Answer, error) {
	var out ChangeSet
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/changes/{key}/apply", domain, key), query: q.values()}, &out, options)
	return out, at, err
}

// ApproveDisposal: agree that everything on the list that nobody holds is destroyed when it is due. POST /v1/domains/{domain}/disposals/{key}/approve.
func (c *Client) ApproveDisposal(ctx context.Context, domain string, key string, options ...Option) (Disposal, Answer, error) {
	var out Disposal
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/disposals/{key}/approve", domain, key)}, &out, options)
	return out, at, err
}

// ApproveListeningRequest: approve what somebody else asked to hear. POST /v1/domains/{domain}/listening-requests/{key}/approve.
func (c *Client) ApproveListeningRequest(ctx context.Context, domain string, key string, body RemarkInputBody, options ...Option) (ListeningRequest, Answer, error) {
	var out ListeningRequest
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/listening-requests/{key}/approve", domain, key), body: body}, &out, options)
	return out, at, err
}

// ApproveNotice: approve a wording that somebody else made, after hearing it. POST /v1/domains/{domain}/notices/{key}/versions/{number}/approve.
func (c *Client) ApproveNotice(ctx context.Context, domain string, key string, number string, options ...Option) (Notice, Answer, error) {
	var out Notice
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/notices/{key}/versions/{number}/approve", domain, key, number)}, &out, options)
	return out, at, err
}

// ApproveProposalQuery is what ApproveProposal may ask for; zero values are left out.
type ApproveProposalQuery struct {
	Reason string // Why, for the audit log Why, for the audit log
}

func (q ApproveProposalQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// ApproveProposal: the same of a proposal that takes no protection of recordings away: a class of the domain's own asks for it. POST /v1/domains/{domain}/proposals/{key}/approve.
func (c *Client) ApproveProposal(ctx context.Context, domain string, key string, q ApproveProposalQuery, options ...Option) (Proposal, Answer, error) {
	var out Proposal
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/proposals/{key}/approve", domain, key), query: q.values()}, &out, options)
	return out, at, err
}

// AskToListen: ask to hear recordings, for a purpose; somebody else must approve, but where the label needs a purpose only. POST /v1/domains/{domain}/listening-requests.
func (c *Client) AskToListen(ctx context.Context, domain string, body Wish, options ...Option) (ListeningRequest, Answer, error) {
	var out ListeningRequest
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/listening-requests", domain), body: body}, &out, options)
	return out, at, err
}

// BreakGlass: hear recordings at once, without an approval: it raises an alarm, and somebody else must review it. POST /v1/domains/{domain}/break-glass.
func (c *Client) BreakGlass(ctx context.Context, domain string, body Wish, options ...Option) (ListeningRequest, Answer, error) {
	var out ListeningRequest
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/break-glass", domain), body: body}, &out, options)
	return out, at, err
}

// ClaimSoftphone: make a one-time code by which an app is enrolled as a telephone of an extension; a code of before ends. POST /v1/domains/{domain}/extensions/{key}/softphone-claim.
func (c *Client) ClaimSoftphone(ctx context.Context, domain string, key string, body SoftphoneClaimInputBody, options ...Option) (SoftphoneClaim, Answer, error) {
	var out SoftphoneClaim
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/extensions/{key}/softphone-claim", domain, key), body: body}, &out, options)
	return out, at, err
}

// DeleteAgentQuery is what DeleteAgent may ask for; zero values are left out.
type DeleteAgentQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q DeleteAgentQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// DeleteAgent: delete one of agents. DELETE /v1/domains/{domain}/agents/{key}.
func (c *Client) DeleteAgent(ctx context.Context, domain string, key string, q DeleteAgentQuery, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/agents/{key}", domain, key), query: q.values()}, nil, options)
}

// DeleteCalendarQuery is what DeleteCalendar may ask for; zero values are left out.
type DeleteCalendarQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q DeleteCalendarQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// DeleteCalendar: delete one of calendars. DELETE /v1/domains/{domain}/calendars/{key}.
func (c *Client) DeleteCalendar(ctx context.Context, domain string, key string, q DeleteCalendarQuery, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/calendars/{key}", domain, key), query: q.values()}, nil, options)
}

// DeleteCallBackQuery is what DeleteCallBack may ask for; zero values are left out.
type DeleteCallBackQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q DeleteCallBackQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// DeleteCallBack: delete one of call-backs. DELETE /v1/domains/{domain}/call-backs/{key}.
func (c *Client) DeleteCallBack(ctx context.Context, domain string, key string, q DeleteCallBackQuery, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/call-backs/{key}", domain, key), query: q.values()}, nil, options)
}

// DeleteConferenceQuery is what DeleteConference may ask for; zero values are left out.
type DeleteConferenceQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q DeleteConferenceQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// DeleteConference: delete one of conferences. DELETE /v1/domains/{domain}/conferences/{key}.
func (c *Client) DeleteConference(ctx context.Context, domain string, key string, q DeleteConferenceQuery, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/conferences/{key}", domain, key), query: q.values()}, nil, options)
}

// DeleteConferencePIN: ask for no PIN any more. DELETE /v1/domains/{domain}/conferences/{key}/pin.
func (c *Client) DeleteConferencePIN(ctx context.Context, domain string, key string, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/conferences/{key}/pin", domain, key)}, nil, options)
}

// DeleteContactQuery is what DeleteContact may ask for; zero values are left out.
type DeleteContactQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q DeleteContactQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// DeleteContact: delete one of contacts. DELETE /v1/domains/{domain}/contacts/{key}.
func (c *Client) DeleteContact(ctx context.Context, domain string, key string, q DeleteContactQuery, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/contacts/{key}", domain, key), query: q.values()}, nil, options)
}

// DeleteDepartmentQuery is what DeleteDepartment may ask for; zero values are left out.
type DeleteDepartmentQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q DeleteDepartmentQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// DeleteDepartment: delete one of departments. DELETE /v1/domains/{domain}/departments/{key}.
func (c *Client) DeleteDepartment(ctx context.Context, domain string, key string, q DeleteDepartmentQuery, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/departments/{key}", domain, key), query: q.values()}, nil, options)
}

// DeleteDeviceQuery is what DeleteDevice may ask for; zero values are left out.
type DeleteDeviceQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q DeleteDeviceQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// DeleteDevice: delete one of devices. DELETE /v1/domains/{domain}/devices/{key}.
func (c *Client) DeleteDevice(ctx context.Context, domain string, key string, q DeleteDeviceQuery, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/devices/{key}", domain, key), query: q.values()}, nil, options)
}

// DeleteDIDQuery is what DeleteDID may ask for; zero values are left out.
type DeleteDIDQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q DeleteDIDQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// DeleteDID: delete one of dids. DELETE /v1/domains/{domain}/dids/{key}.
func (c *Client) DeleteDID(ctx context.Context, domain string, key string, q DeleteDIDQuery, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/dids/{key}", domain, key), query: q.values()}, nil, options)
}

// DeleteDirectoryAccountQuery is what DeleteDirectoryAccount may ask for; zero values are left out.
type DeleteDirectoryAccountQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q DeleteDirectoryAccountQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// DeleteDirectoryAccount: delete one of directory-accounts. DELETE /v1/domains/{domain}/directory-accounts/{key}.
func (c *Client) DeleteDirectoryAccount(ctx context.Context, domain string, key string, q DeleteDirectoryAccountQuery, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/directory-accounts/{key}", domain, key), query: q.values()}, nil, options)
}

// DeleteExtensionQuery is what DeleteExtension may ask for; zero values are left out.
type DeleteExtensionQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q DeleteExtensionQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// DeleteExtension: delete one of extensions. DELETE /v1/domains/{domain}/extensions/{key}.
func (c *Client) DeleteExtension(ctx context.Context, domain string, key string, q DeleteExtensionQuery, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/extensions/{key}", domain, key), query: q.values()}, nil, options)
}

// DeleteExtensionPIN: forget the personal PIN: what it opens is closed. DELETE /v1/domains/{domain}/extensions/{key}/pin.
func (c *Client) DeleteExtensionPIN(ctx context.Context, domain string, key string, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/extensions/{key}/pin", domain, key)}, nil, options)
}

// DeleteFirmwareVersionQuery is what DeleteFirmwareVersion may ask for; zero values are left out.
type DeleteFirmwareVersionQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q DeleteFirmwareVersionQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// DeleteFirmwareVersion: delete one of firmware. DELETE /v1/domains/{domain}/firmware/{key}.
func (c *Client) DeleteFirmwareVersion(ctx context.Context, domain string, key string, q DeleteFirmwareVersionQuery, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/firmware/{key}", domain, key), query: q.values()}, nil, options)
}

// DeleteGreeting: delete a spoken greeting: the announcement comes back. DELETE /v1/domains/{domain}/mailboxes/{key}/greetings/{mode}.
func (c *Client) DeleteGreeting(ctx context.Context, domain string, key string, mode string, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/mailboxes/{key}/greetings/{mode}", domain, key, mode)}, nil, options)
}

// DeleteGroupQuery is what DeleteGroup may ask for; zero values are left out.
type DeleteGroupQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q DeleteGroupQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// DeleteGroup: delete one of groups. DELETE /v1/domains/{domain}/groups/{key}.
func (c *Client) DeleteGroup(ctx context.Context, domain string, key string, q DeleteGroupQuery, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/groups/{key}", domain, key), query: q.values()}, nil, options)
}

// DeleteHotDeskQuery is what DeleteHotDesk may ask for; zero values are left out.
type DeleteHotDeskQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q DeleteHotDeskQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// DeleteHotDesk: delete one of hot-desks. DELETE /v1/domains/{domain}/hot-desks/{key}.
func (c *Client) DeleteHotDesk(ctx context.Context, domain string, key string, q DeleteHotDeskQuery, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/hot-desks/{key}", domain, key), query: q.values()}, nil, options)
}

// DeleteMailboxQuery is what DeleteMailbox may ask for; zero values are left out.
type DeleteMailboxQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q DeleteMailboxQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// DeleteMailbox: delete one of mailboxes. DELETE /v1/domains/{domain}/mailboxes/{key}.
func (c *Client) DeleteMailbox(ctx context.Context, domain string, key string, q DeleteMailboxQuery, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/mailboxes/{key}", domain, key), query: q.values()}, nil, options)
}

// DeleteMailboxPIN: forget the PIN: the owner sets a new one at the own telephone. DELETE /v1/domains/{domain}/mailboxes/{key}/pin.
func (c *Client) DeleteMailboxPIN(ctx context.Context, domain string, key string, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/mailboxes/{key}/pin", domain, key)}, nil, options)
}

// DeleteMenuQuery is what DeleteMenu may ask for; zero values are left out.
type DeleteMenuQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q DeleteMenuQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// DeleteMenu: delete one of menus. DELETE /v1/domains/{domain}/menus/{key}.
func (c *Client) DeleteMenu(ctx context.Context, domain string, key string, q DeleteMenuQuery, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/menus/{key}", domain, key), query: q.values()}, nil, options)
}

// DeleteMessage: delete a message. DELETE /v1/domains/{domain}/mailboxes/{key}/messages/{id}.
func (c *Client) DeleteMessage(ctx context.Context, domain string, key string, id string, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/mailboxes/{key}/messages/{id}", domain, key, id)}, nil, options)
}

// DeleteNoticeQuery is what DeleteNotice may ask for; zero values are left out.
type DeleteNoticeQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q DeleteNoticeQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// DeleteNotice: delete one of notices. DELETE /v1/domains/{domain}/notices/{key}.
func (c *Client) DeleteNotice(ctx context.Context, domain string, key string, q DeleteNoticeQuery, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/notices/{key}", domain, key), query: q.values()}, nil, options)
}

// DeletePagingGroupQuery is what DeletePagingGroup may ask for; zero values are left out.
type DeletePagingGroupQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q DeletePagingGroupQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// DeletePagingGroup: delete one of paging-groups. DELETE /v1/domains/{domain}/paging-groups/{key}.
func (c *Client) DeletePagingGroup(ctx context.Context, domain string, key string, q DeletePagingGroupQuery, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/paging-groups/{key}", domain, key), query: q.values()}, nil, options)
}

// DeleteParkingLotQuery is what DeleteParkingLot may ask for; zero values are left out.
type DeleteParkingLotQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q DeleteParkingLotQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// DeleteParkingLot: delete one of parking-lots. DELETE /v1/domains/{domain}/parking-lots/{key}.
func (c *Client) DeleteParkingLot(ctx context.Context, domain string, key string, q DeleteParkingLotQuery, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/parking-lots/{key}", domain, key), query: q.values()}, nil, options)
}

// DeletePrompt: delete an upload; a built-in one of that name comes back. DELETE /v1/domains/{domain}/prompts/{language}/{name}.
func (c *Client) DeletePrompt(ctx context.Context, domain string, language string, name string, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/prompts/{language}/{name}", domain, language, name)}, nil, options)
}

// DeleteProvisionerQuery is what DeleteProvisioner may ask for; zero values are left out.
type DeleteProvisionerQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q DeleteProvisionerQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// DeleteProvisioner: delete one of provisioners. DELETE /v1/domains/{domain}/provisioners/{key}.
func (c *Client) DeleteProvisioner(ctx context.Context, domain string, key string, q DeleteProvisionerQuery, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/provisioners/{key}", domain, key), query: q.values()}, nil, options)
}

// DeleteQueueQuery is what DeleteQueue may ask for; zero values are left out.
type DeleteQueueQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q DeleteQueueQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// DeleteQueue: delete one of queues. DELETE /v1/domains/{domain}/queues/{key}.
func (c *Client) DeleteQueue(ctx context.Context, domain string, key string, q DeleteQueueQuery, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/queues/{key}", domain, key), query: q.values()}, nil, options)
}

// DeleteRecordingPolicyQuery is what DeleteRecordingPolicy may ask for; zero values are left out.
type DeleteRecordingPolicyQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q DeleteRecordingPolicyQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// DeleteRecordingPolicy: delete one of recording-policies. DELETE /v1/domains/{domain}/recording-policies/{key}.
func (c *Client) DeleteRecordingPolicy(ctx context.Context, domain string, key string, q DeleteRecordingPolicyQuery, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/recording-policies/{key}", domain, key), query: q.values()}, nil, options)
}

// DeleteRecordingScopeQuery is what DeleteRecordingScope may ask for; zero values are left out.
type DeleteRecordingScopeQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q DeleteRecordingScopeQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// DeleteRecordingScope: delete one of recording-scopes. DELETE /v1/domains/{domain}/recording-scopes/{key}.
func (c *Client) DeleteRecordingScope(ctx context.Context, domain string, key string, q DeleteRecordingScopeQuery, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/recording-scopes/{key}", domain, key), query: q.values()}, nil, options)
}

// DeleteRejectionQuery is what DeleteRejection may ask for; zero values are left out.
type DeleteRejectionQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q DeleteRejectionQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// DeleteRejection: delete one of rejections. DELETE /v1/domains/{domain}/rejections/{key}.
func (c *Client) DeleteRejection(ctx context.Context, domain string, key string, q DeleteRejectionQuery, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/rejections/{key}", domain, key), query: q.values()}, nil, options)
}

// DeleteRestrictionQuery is what DeleteRestriction may ask for; zero values are left out.
type DeleteRestrictionQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q DeleteRestrictionQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// DeleteRestriction: delete one of restrictions. DELETE /v1/domains/{domain}/restrictions/{key}.
func (c *Client) DeleteRestriction(ctx context.Context, domain string, key string, q DeleteRestrictionQuery, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/restrictions/{key}", domain, key), query: q.values()}, nil, options)
}

// DeleteSettingQuery is what DeleteSetting may ask for; zero values are left out.
type DeleteSettingQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q DeleteSettingQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// DeleteSetting: delete one of settings. DELETE /v1/domains/{domain}/settings/{key}.
func (c *Client) DeleteSetting(ctx context.Context, domain string, key string, q DeleteSettingQuery, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/settings/{key}", domain, key), query: q.values()}, nil, options)
}

// DeleteShortNumbersListQuery is what DeleteShortNumbersList may ask for; zero values are left out.
type DeleteShortNumbersListQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q DeleteShortNumbersListQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// DeleteShortNumbersList: delete one of short-numbers. DELETE /v1/domains/{domain}/short-numbers/{key}.
func (c *Client) DeleteShortNumbersList(ctx context.Context, domain string, key string, q DeleteShortNumbersListQuery, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/short-numbers/{key}", domain, key), query: q.values()}, nil, options)
}

// DeleteSiteQuery is what DeleteSite may ask for; zero values are left out.
type DeleteSiteQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q DeleteSiteQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// DeleteSite: delete one of sites. DELETE /v1/domains/{domain}/sites/{key}.
func (c *Client) DeleteSite(ctx context.Context, domain string, key string, q DeleteSiteQuery, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/sites/{key}", domain, key), query: q.values()}, nil, options)
}

// DeleteSitePolicyQuery is what DeleteSitePolicy may ask for; zero values are left out.
type DeleteSitePolicyQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q DeleteSitePolicyQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// DeleteSitePolicy: delete one of site-policies. DELETE /v1/domains/{domain}/site-policies/{key}.
func (c *Client) DeleteSitePolicy(ctx context.Context, domain string, key string, q DeleteSitePolicyQuery, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/site-policies/{key}", domain, key), query: q.values()}, nil, options)
}

// DeleteSupervisionQuery is what DeleteSupervision may ask for; zero values are left out.
type DeleteSupervisionQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q DeleteSupervisionQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// DeleteSupervision: delete one of supervisions. DELETE /v1/domains/{domain}/supervisions/{key}.
func (c *Client) DeleteSupervision(ctx context.Context, domain string, key string, q DeleteSupervisionQuery, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/supervisions/{key}", domain, key), query: q.values()}, nil, options)
}

// DeleteTrunkQuery is what DeleteTrunk may ask for; zero values are left out.
type DeleteTrunkQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q DeleteTrunkQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// DeleteTrunk: delete one of trunks. DELETE /v1/domains/{domain}/trunks/{key}.
func (c *Client) DeleteTrunk(ctx context.Context, domain string, key string, q DeleteTrunkQuery, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/trunks/{key}", domain, key), query: q.values()}, nil, options)
}

// DeleteTrunkSecret: forget the password towards the carrier. DELETE /v1/domains/{domain}/trunks/{key}/secret.
func (c *Client) DeleteTrunkSecret(ctx context.Context, domain string, key string, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/trunks/{key}/secret", domain, key)}, nil, options)
}

// DeleteUserQuery is what DeleteUser may ask for; zero values are left out.
type DeleteUserQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q DeleteUserQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// DeleteUser: delete one of users. DELETE /v1/domains/{domain}/users/{key}.
func (c *Client) DeleteUser(ctx context.Context, domain string, key string, q DeleteUserQuery, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/users/{key}", domain, key), query: q.values()}, nil, options)
}

// DeleteWebhookQuery is what DeleteWebhook may ask for; zero values are left out.
type DeleteWebhookQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q DeleteWebhookQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// DeleteWebhook: delete one of webhooks. DELETE /v1/domains/{domain}/webhooks/{key}.
func (c *Client) DeleteWebhook(ctx context.Context, domain string, key string, q DeleteWebhookQuery, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/webhooks/{key}", domain, key), query: q.values()}, nil, options)
}

// DiffChange: what a set changes, field by field. GET /v1/domains/{domain}/changes/{key}/diff.
func (c *Client) DiffChange(ctx context.Context, domain string, key string, options ...Option) (ChangeDiff, Answer, error) {
	var out ChangeDiff
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/changes/{key}/diff", domain, key)}, &out, options)
	return out, at, err
}

// DraftNotice: make a wording of a recording notice, from a text or an upload; nobody on a telephone hears it yet. POST /v1/domains/{domain}/notices/{key}/versions.
func (c *Client) DraftNotice(ctx context.Context, domain string, key string, body DraftInputBody, options ...Option) (Notice, Answer, error) {
	var out Notice
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/notices/{key}/versions", domain, key), body: body}, &out, options)
	return out, at, err
}

// DropRecall: drop such a wish; staff one of their own. DELETE /v1/domains/{domain}/recalls/{key}.
func (c *Client) DropRecall(ctx context.Context, domain string, key string, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/recalls/{key}", domain, key)}, nil, options)
}

// DropRecordingCase: say that it does not any more. DELETE /v1/domains/{domain}/recordings/{key}/cases/{id}.
func (c *Client) DropRecordingCase(ctx context.Context, domain string, key string, id string, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/recordings/{key}/cases/{id}", domain, key, id)}, nil, options)
}

// DropRecordingNote: take a note away. DELETE /v1/domains/{domain}/recordings/{key}/notes/{id}.
func (c *Client) DropRecordingNote(ctx context.Context, domain string, key string, id string, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/recordings/{key}/notes/{id}", domain, key, id)}, nil, options)
}

// EndCall: end a live call; staff one of their own. DELETE /v1/domains/{domain}/calls/{key}.
func (c *Client) EndCall(ctx context.Context, domain string, key string, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/calls/{key}", domain, key)}, nil, options)
}

// EndSession: end one of a user's sessions. DELETE /v1/domains/{domain}/users/{key}/sessions/{id}.
func (c *Client) EndSession(ctx context.Context, domain string, key string, id string, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/users/{key}/sessions/{id}", domain, key, id)}, nil, options)
}

// EndSessions: sign a user out everywhere: browsers, programs, sign-ins under way; access tokens end by themselves within minutes. DELETE /v1/domains/{domain}/users/{key}/sessions.
func (c *Client) EndSessions(ctx context.Context, domain string, key string, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/users/{key}/sessions", domain, key)}, nil, options)
}

// EndSoftphone: take an app's account away; its registrations end at once. DELETE /v1/domains/{domain}/extensions/{key}/softphones/{id}.
func (c *Client) EndSoftphone(ctx context.Context, domain string, key string, id string, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/extensions/{key}/softphones/{id}", domain, key, id)}, nil, options)
}

// EndWrapUp: end an agent's wrap-up. POST /v1/domains/{domain}/agents/{key}/ready.
func (c *Client) EndWrapUp(ctx context.Context, domain string, key string, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/agents/{key}/ready", domain, key)}, nil, options)
}

// ExportAgentsQuery is what ExportAgents may ask for; zero values are left out.
type ExportAgentsQuery struct {
	Format  string
	Charset string   // Of CSV Of CSV
	Filter  []string // As of the list As of the list
}

func (q ExportAgentsQuery) values() url.Values {
	return url.Values(query{}.text("format", q.Format).text("charset", q.Charset).texts("filter", q.Filter))
}

// ExportAgents: write agents as a file; cells that a spreadsheet would take for formulas begin with a quote. GET /v1/domains/{domain}/exports/agents.
//
// The caller closes what comes back.
func (c *Client) ExportAgents(ctx context.Context, domain string, q ExportAgentsQuery, options ...Option) (io.ReadCloser, Answer, error) {
	return c.open(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/exports/agents", domain), query: q.values()}, options)
}

// ExportCalendarsQuery is what ExportCalendars may ask for; zero values are left out.
type ExportCalendarsQuery struct {
	Format  string
	Charset string   // Of CSV Of CSV
	Filter  []string // As of the list As of the list
}

func (q ExportCalendarsQuery) values() url.Values {
	return url.Values(query{}.text("format", q.Format).text("charset", q.Charset).texts("filter", q.Filter))
}

// ExportCalendars: write calendars as a file; cells that a spreadsheet would take for formulas begin with a quote. GET /v1/domains/{domain}/exports/calendars.
//
// The caller closes what comes back.
func (c *Client) ExportCalendars(ctx context.Context, domain string, q ExportCalendarsQuery, options ...Option) (io.ReadCloser, Answer, error) {
	return c.open(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/exports/calendars", domain), query: q.values()}, options)
}

// ExportConferencesQuery is what ExportConferences may ask for; zero values are left out.
type ExportConferencesQuery struct {
	Format  string
	Charset string   // Of CSV Of CSV
	Filter  []string // As of the list As of the list
}

func (q ExportConferencesQuery) values() url.Values {
	return url.Values(query{}.text("format", q.Format).text("charset", q.Charset).texts("filter", q.Filter))
}

// ExportConferences: write conferences as a file; cells that a spreadsheet would take for formulas begin with a quote. GET /v1/domains/{domain}/exports/conferences.
//
// The caller closes what comes back.
func (c *Client) ExportConferences(ctx context.Context, domain string, q ExportConferencesQuery, options ...Option) (io.ReadCloser, Answer, error) {
	return c.open(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/exports/conferences", domain), query: q.values()}, options)
}

// ExportContactsQuery is what ExportContacts may ask for; zero values are left out.
type ExportContactsQuery struct {
	Format  string
	Charset string   // Of CSV Of CSV
	Filter  []string // As of the list As of the list
}

func (q ExportContactsQuery) values() url.Values {
	return url.Values(query{}.text("format", q.Format).text("charset", q.Charset).texts("filter", q.Filter))
}

// ExportContacts: write contacts as a file; cells that a spreadsheet would take for formulas begin with a quote. GET /v1/domains/{domain}/exports/contacts.
//
// The caller closes what comes back.
func (c *Client) ExportContacts(ctx context.Context, domain string, q ExportContactsQuery, options ...Option) (io.ReadCloser, Answer, error) {
	return c.open(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/exports/contacts", domain), query: q.values()}, options)
}

// ExportDepartmentsQuery is what ExportDepartments may ask for; zero values are left out.
type ExportDepartmentsQuery struct {
	Format  string
	Charset string   // Of CSV Of CSV
	Filter  []string // As of the list As of the list
}

func (q ExportDepartmentsQuery) values() url.Values {
	return url.Values(query{}.text("format", q.Format).text("charset", q.Charset).texts("filter", q.Filter))
}

// ExportDepartments: write departments as a file; cells that a spreadsheet would take for formulas begin with a quote. GET /v1/domains/{domain}/exports/departments.
//
// The caller closes what comes back.
func (c *Client) ExportDepartments(ctx context.Context, domain string, q ExportDepartmentsQuery, options ...Option) (io.ReadCloser, Answer, error) {
	return c.open(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/exports/departments", domain), query: q.values()}, options)
}

// ExportDevicesQuery is what ExportDevices may ask for; zero values are left out.
type ExportDevicesQuery struct {
	Format  string
	Charset string   // Of CSV Of CSV
	Filter  []string // As of the list As of the list
}

func (q ExportDevicesQuery) values() url.Values {
	return url.Values(query{}.text("format", q.Format).text("charset", q.Charset).texts("filter", q.Filter))
}

// ExportDevices: write devices as a file; cells that a spreadsheet would take for formulas begin with a quote. GET /v1/domains/{domain}/exports/devices.
//
// The caller closes what comes back.
func (c *Client) ExportDevices(ctx context.Context, domain string, q ExportDevicesQuery, options ...Option) (io.ReadCloser, Answer, error) {
	return c.open(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/exports/devices", domain), query: q.values()}, options)
}

// ExportDIDsQuery is what ExportDIDs may ask for; zero values are left out.
type ExportDIDsQuery struct {
	Format  string
	Charset string   // Of CSV Of CSV
	Filter  []string // As of the list As of the list
}

func (q ExportDIDsQuery) values() url.Values {
	return url.Values(query{}.text("format", q.Format).text("charset", q.Charset).texts("filter", q.Filter))
}

// ExportDIDs: write dids as a file; cells that a spreadsheet would take for formulas begin with a quote. GET /v1/domains/{domain}/exports/dids.
//
// The caller closes what comes back.
func (c *Client) ExportDIDs(ctx context.Context, domain string, q ExportDIDsQuery, options ...Option) (io.ReadCloser, Answer, error) {
	return c.open(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/exports/dids", domain), query: q.values()}, options)
}

// ExportDirectoryAccountsQuery is what ExportDirectoryAccounts may ask for; zero values are left out.
type ExportDirectoryAccountsQuery struct {
	Format  string
	Charset string   // Of CSV Of CSV
	Filter  []string // As of the list As of the list
}

func (q ExportDirectoryAccountsQuery) values() url.Values {
	return url.Values(query{}.text("format", q.Format).text("charset", q.Charset).texts("filter", q.Filter))
}

// ExportDirectoryAccounts: write directory-accounts as a file; cells that a spreadsheet would take for formulas begin with a quote. GET /v1/domains/{domain}/exports/directory-accounts.
//
// The caller closes what comes back.
func (c *Client) ExportDirectoryAccounts(ctx context.Context, domain string, q ExportDirectoryAccountsQuery, options ...Option) (io.ReadCloser, Answer, error) {
	return c.open(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/exports/directory-accounts", domain), query: q.values()}, options)
}

// ExportExtensionsQuery is what ExportExtensions may ask for; zero values are left out.
type ExportExtensionsQuery struct {
	Format  string
	Charset string   // Of CSV Of CSV
	Filter  []string // As of the list As of the list
}

func (q ExportExtensionsQuery) values() url.Values {
	return url.Values(query{}.text("format", q.Format).text("charset", q.Charset).texts("filter", q.Filter))
}

// ExportExtensions: write extensions as a file; cells that a spreadsheet would take for formulas begin with a quote. GET /v1/domains/{domain}/exports/extensions.
//
// The caller closes what comes back.
func (c *Client) ExportExtensions(ctx context.Context, domain string, q ExportExtensionsQuery, options ...Option) (io.ReadCloser, Answer, error) {
	return c.open(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/exports/extensions", domain), query: q.values()}, options)
}

// ExportFirmwareQuery is what ExportFirmware may ask for; zero values are left out.
type ExportFirmwareQuery struct {
	Format  string
	Charset string   // Of CSV Of CSV
	Filter  []string // As of the list As of the list
}

func (q ExportFirmwareQuery) values() url.Values {
	return url.Values(query{}.text("format", q.Format).text("charset", q.Charset).texts("filter", q.Filter))
}

// ExportFirmware: write firmware as a file; cells that a spreadsheet would take for formulas begin with a quote. GET /v1/domains/{domain}/exports/firmware.
//
// The caller closes what comes back.
func (c *Client) ExportFirmware(ctx context.Context, domain string, q ExportFirmwareQuery, options ...Option) (io.ReadCloser, Answer, error) {
	return c.open(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/exports/firmware", domain), query: q.values()}, options)
}

// ExportGroupsQuery is what ExportGroups may ask for; zero values are left out.
type ExportGroupsQuery struct {
	Format  string
	Charset string   // Of CSV Of CSV
	Filter  []string // As of the list As of the list
}

func (q ExportGroupsQuery) values() url.Values {
	return url.Values(query{}.text("format", q.Format).text("charset", q.Charset).texts("filter", q.Filter))
}

// ExportGroups: write groups as a file; cells that a spreadsheet would take for formulas begin with a quote. GET /v1/domains/{domain}/exports/groups.
//
// The caller closes what comes back.
func (c *Client) ExportGroups(ctx context.Context, domain string, q ExportGroupsQuery, options ...Option) (io.ReadCloser, Answer, error) {
	return c.open(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/exports/groups", domain), query: q.values()}, options)
}

// ExportMailboxesQuery is what ExportMailboxes may ask for; zero values are left out.
type ExportMailboxesQuery struct {
	Format  string
	Charset string   // Of CSV Of CSV
	Filter  []string // As of the list As of the list
}

func (q ExportMailboxesQuery) values() url.Values {
	return url.Values(query{}.text("format", q.Format).text("charset", q.Charset).texts("filter", q.Filter))
}

// ExportMailboxes: write mailboxes as a file; cells that a spreadsheet would take for formulas begin with a quote. GET /v1/domains/{domain}/exports/mailboxes.
//
// The caller closes what comes back.
func (c *Client) ExportMailboxes(ctx context.Context, domain string, q ExportMailboxesQuery, options ...Option) (io.ReadCloser, Answer, error) {
	return c.open(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/exports/mailboxes", domain), query: q.values()}, options)
}

// ExportMenusQuery is what ExportMenus may ask for; zero values are left out.
type ExportMenusQuery struct {
	Format  string
	Charset string   // Of CSV Of CSV
	Filter  []string // As of the list As of the list
}

func (q ExportMenusQuery) values() url.Values {
	return url.Values(query{}.text("format", q.Format).text("charset", q.Charset).texts("filter", q.Filter))
}

// ExportMenus: write menus as a file; cells that a spreadsheet would take for formulas begin with a quote. GET /v1/domains/{domain}/exports/menus.
//
// The caller closes what comes back.
func (c *Client) ExportMenus(ctx context.Context, domain string, q ExportMenusQuery, options ...Option) (io.ReadCloser, Answer, error) {
	return c.open(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/exports/menus", domain), query: q.values()}, options)
}

// ExportPagingGroupsQuery is what ExportPagingGroups may ask for; zero values are left out.
type ExportPagingGroupsQuery struct {
	Format  string
	Charset string   // Of CSV Of CSV
	Filter  []string // As of the list As of the list
}

func (q ExportPagingGroupsQuery) values() url.Values {
	return url.Values(query{}.text("format", q.Format).text("charset", q.Charset).texts("filter", q.Filter))
}

// ExportPagingGroups: write paging-groups as a file; cells that a spreadsheet would take for formulas begin with a quote. GET /v1/domains/{domain}/exports/paging-groups.
//
// The caller closes what comes back.
func (c *Client) ExportPagingGroups(ctx context.Context, domain string, q ExportPagingGroupsQuery, options ...Option) (io.ReadCloser, Answer, error) {
	return c.open(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/exports/paging-groups", domain), query: q.values()}, options)
}

// ExportParkingLotsQuery is what ExportParkingLots may ask for; zero values are left out.
type ExportParkingLotsQuery struct {
	Format  string
	Charset string   // Of CSV Of CSV
	Filter  []string // As of the list As of the list
}

func (q ExportParkingLotsQuery) values() url.Values {
	return url.Values(query{}.text("format", q.Format).text("charset", q.Charset).texts("filter", q.Filter))
}

// ExportParkingLots: write parking-lots as a file; cells that a spreadsheet would take for formulas begin with a quote. GET /v1/domains/{domain}/exports/parking-lots.
//
// The caller closes what comes back.
func (c *Client) ExportParkingLots(ctx context.Context, domain string, q ExportParkingLotsQuery, options ...Option) (io.ReadCloser, Answer, error) {
	return c.open(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/exports/parking-lots", domain), query: q.values()}, options)
}

// ExportQueuesQuery is what ExportQueues may ask for; zero values are left out.
type ExportQueuesQuery struct {
	Format  string
	Charset string   // Of CSV Of CSV
	Filter  []string // As of the list As of the list
}

func (q ExportQueuesQuery) values() url.Values {
	return url.Values(query{}.text("format", q.Format).text("charset", q.Charset).texts("filter", q.Filter))
}

// ExportQueues: write queues as a file; cells that a spreadsheet would take for formulas begin with a quote. GET /v1/domains/{domain}/exports/queues.
//
// The caller closes what comes back.
func (c *Client) ExportQueues(ctx context.Context, domain string, q ExportQueuesQuery, options ...Option) (io.ReadCloser, Answer, error) {
	return c.open(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/exports/queues", domain), query: q.values()}, options)
}

// ExportRecordingPoliciesQuery is what ExportRecordingPolicies may ask for; zero values are left out.
type ExportRecordingPoliciesQuery struct {
	Format  string
	Charset string   // Of CSV Of CSV
	Filter  []string // As of the list As of the list
}

func (q ExportRecordingPoliciesQuery) values() url.Values {
	return url.Values(query{}.text("format", q.Format).text("charset", q.Charset).texts("filter", q.Filter))
}

// ExportRecordingPolicies: write recording-policies as a file; cells that a spreadsheet would take for formulas begin with a quote. GET /v1/domains/{domain}/exports/recording-policies.
//
// The caller closes what comes back.
func (c *Client) ExportRecordingPolicies(ctx context.Context, domain string, q ExportRecordingPoliciesQuery, options ...Option) (io.ReadCloser, Answer, error) {
	return c.open(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/exports/recording-policies", domain), query: q.values()}, options)
}

// ExportRecordingScopesQuery is what ExportRecordingScopes may ask for; zero values are left out.
type ExportRecordingScopesQuery struct {
	Format  string
	Charset string   // Of CSV Of CSV
	Filter  []string // As of the list As of the list
}

func (q ExportRecordingScopesQuery) values() url.Values {
	return url.Values(query{}.text("format", q.Format).text("charset", q.Charset).texts("filter", q.Filter))
}

// ExportRecordingScopes: write recording-scopes as a file; cells that a spreadsheet would take for formulas begin with a quote. GET /v1/domains/{domain}/exports/recording-scopes.
//
// The caller closes what comes back.
func (c *Client) ExportRecordingScopes(ctx context.Context, domain string, q ExportRecordingScopesQuery, options ...Option) (io.ReadCloser, Answer, error) {
	return c.open(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/exports/recording-scopes", domain), query: q.values()}, options)
}

// ExportRejectionsQuery is what ExportRejections may ask for; zero values are left out.
type ExportRejectionsQuery struct {
	Format  string
	Charset string   // Of CSV Of CSV
	Filter  []string // As of the list As of the list
}

func (q ExportRejectionsQuery) values() url.Values {
	return url.Values(query{}.text("format", q.Format).text("charset", q.Charset).texts("filter", q.Filter))
}

// ExportRejections: write rejections as a file; cells that a spreadsheet would take for formulas begin with a quote. GET /v1/domains/{domain}/exports/rejections.
//
// The caller closes what comes back.
func (c *Client) ExportRejections(ctx context.Context, domain string, q ExportRejectionsQuery, options ...Option) (io.ReadCloser, Answer, error) {
	return c.open(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/exports/rejections", domain), query: q.values()}, options)
}

// ExportRestrictionsQuery is what ExportRestrictions may ask for; zero values are left out.
type ExportRestrictionsQuery struct {
	Format  string
	Charset string   // Of CSV Of CSV
	Filter  []string // As of the list As of the list
}

func (q ExportRestrictionsQuery) values() url.Values {
	return url.Values(query{}.text("format", q.Format).text("charset", q.Charset).texts("filter", q.Filter))
}

// ExportRestrictions: write restrictions as a file; cells that a spreadsheet would take for formulas begin with a quote. GET /v1/domains/{domain}/exports/restrictions.
//
// The caller closes what comes back.
func (c *Client) ExportRestrictions(ctx context.Context, domain string, q ExportRestrictionsQuery, options ...Option) (io.ReadCloser, Answer, error) {
	return c.open(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/exports/restrictions", domain), query: q.values()}, options)
}

// ExportSettingsQuery is what ExportSettings may ask for; zero values are left out.
type ExportSettingsQuery struct {
	Format  string
	Charset string   // Of CSV Of CSV
	Filter  []string // As of the list As of the list
}

func (q ExportSettingsQuery) values() url.Values {
	return url.Values(query{}.text("format", q.Format).text("charset", q.Charset).texts("filter", q.Filter))
}

// ExportSettings: write settings as a file; cells that a spreadsheet would take for formulas begin with a quote. GET /v1/domains/{domain}/exports/settings.
//
// The caller closes what comes back.
func (c *Client) ExportSettings(ctx context.Context, domain string, q ExportSettingsQuery, options ...Option) (io.ReadCloser, Answer, error) {
	return c.open(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/exports/settings", domain), query: q.values()}, options)
}

// ExportShortNumbersQuery is what ExportShortNumbers may ask for; zero values are left out.
type ExportShortNumbersQuery struct {
	Format  string
	Charset string   // Of CSV Of CSV
	Filter  []string // As of the list As of the list
}

func (q ExportShortNumbersQuery) values() url.Values {
	return url.Values(query{}.text("format", q.Format).text("charset", q.Charset).texts("filter", q.Filter))
}

// ExportShortNumbers: write short-numbers as a file; cells that a spreadsheet would take for formulas begin with a quote. GET /v1/domains/{domain}/exports/short-numbers.
//
// The caller closes what comes back.
func (c *Client) ExportShortNumbers(ctx context.Context, domain string, q ExportShortNumbersQuery, options ...Option) (io.ReadCloser, Answer, error) {
	return c.open(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/exports/short-numbers", domain), query: q.values()}, options)
}

// ExportSitePoliciesQuery is what ExportSitePolicies may ask for; zero values are left out.
type ExportSitePoliciesQuery struct {
	Format  string
	Charset string   // Of CSV Of CSV
	Filter  []string // As of the list As of the list
}

func (q ExportSitePoliciesQuery) values() url.Values {
	return url.Values(query{}.text("format", q.Format).text("charset", q.Charset).texts("filter", q.Filter))
}

// ExportSitePolicies: write site-policies as a file; cells that a spreadsheet would take for formulas begin with a quote. GET /v1/domains/{domain}/exports/site-policies.
//
// The caller closes what comes back.
func (c *Client) ExportSitePolicies(ctx context.Context, domain string, q ExportSitePoliciesQuery, options ...Option) (io.ReadCloser, Answer, error) {
	return c.open(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/exports/site-policies", domain), query: q.values()}, options)
}

// ExportSitesQuery is what ExportSites may ask for; zero values are left out.
type ExportSitesQuery struct {
	Format  string
	Charset string   // Of CSV Of CSV
	Filter  []string // As of the list As of the list
}

func (q ExportSitesQuery) values() url.Values {
	return url.Values(query{}.text("format", q.Format).text("charset", q.Charset).texts("filter", q.Filter))
}

// ExportSites: write sites as a file; cells that a spreadsheet would take for formulas begin with a quote. GET /v1/domains/{domain}/exports/sites.
//
// The caller closes what comes back.
func (c *Client) ExportSites(ctx context.Context, domain string, q ExportSitesQuery, options ...Option) (io.ReadCloser, Answer, error) {
	return c.open(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/exports/sites", domain), query: q.values()}, options)
}

// ExportSupervisionsQuery is what ExportSupervisions may ask for; zero values are left out.
type ExportSupervisionsQuery struct {
	Format  string
	Charset string   // Of CSV Of CSV
	Filter  []string // As of the list As of the list
}

func (q ExportSupervisionsQuery) values() url.Values {
	return url.Values(query{}.text("format", q.Format).text("charset", q.Charset).texts("filter", q.Filter))
}

// ExportSupervisions: write supervisions as a file; cells that a spreadsheet would take for formulas begin with a quote. GET /v1/domains/{domain}/exports/supervisions.
//
// The caller closes what comes back.
func (c *Client) ExportSupervisions(ctx context.Context, domain string, q ExportSupervisionsQuery, options ...Option) (io.ReadCloser, Answer, error) {
	return c.open(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/exports/supervisions", domain), query: q.values()}, options)
}

// ExportTrunksQuery is what ExportTrunks may ask for; zero values are left out.
type ExportTrunksQuery struct {
	Format  string
	Charset string   // Of CSV Of CSV
	Filter  []string // As of the list As of the list
}

func (q ExportTrunksQuery) values() url.Values {
	return url.Values(query{}.text("format", q.Format).text("charset", q.Charset).texts("filter", q.Filter))
}

// ExportTrunks: write trunks as a file; cells that a spreadsheet would take for formulas begin with a quote. GET /v1/domains/{domain}/exports/trunks.
//
// The caller closes what comes back.
func (c *Client) ExportTrunks(ctx context.Context, domain string, q ExportTrunksQuery, options ...Option) (io.ReadCloser, Answer, error) {
	return c.open(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/exports/trunks", domain), query: q.values()}, options)
}

// ExportUsersQuery is what ExportUsers may ask for; zero values are left out.
type ExportUsersQuery struct {
	Format  string
	Charset string   // Of CSV Of CSV
	Filter  []string // As of the list As of the list
}

func (q ExportUsersQuery) values() url.Values {
	return url.Values(query{}.text("format", q.Format).text("charset", q.Charset).texts("filter", q.Filter))
}

// ExportUsers: write users as a file; cells that a spreadsheet would take for formulas begin with a quote. GET /v1/domains/{domain}/exports/users.
//
// The caller closes what comes back.
func (c *Client) ExportUsers(ctx context.Context, domain string, q ExportUsersQuery, options ...Option) (io.ReadCloser, Answer, error) {
	return c.open(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/exports/users", domain), query: q.values()}, options)
}

// FollowTrace: follow the SIP messages of a call as they come. GET /v1/domains/{domain}/traces/{key}/events.
//
// The caller closes what comes back.
func (c *Client) FollowTrace(ctx context.Context, domain string, key string, options ...Option) (io.ReadCloser, Answer, error) {
	return c.open(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/traces/{key}/events", domain, key)}, options)
}

// GetAccessReview: read an access review: every right, and who confirmed it. GET /v1/domains/{domain}/access-reviews/{key}.
func (c *Client) GetAccessReview(ctx context.Context, domain string, key string, options ...Option) (AccessReview, Answer, error) {
	var out AccessReview
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/access-reviews/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetAgent: read one of agents. GET /v1/domains/{domain}/agents/{key}.
func (c *Client) GetAgent(ctx context.Context, domain string, key string, options ...Option) (Agent, Answer, error) {
	var out Agent
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/agents/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetAgentState: read what an agent does now. GET /v1/domains/{domain}/agents/{key}/state.
func (c *Client) GetAgentState(ctx context.Context, domain string, key string, options ...Option) (AgentState, Answer, error) {
	var out AgentState
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/agents/{key}/state", domain, key)}, &out, options)
	return out, at, err
}

// GetAuditReportQuery is what GetAuditReport may ask for; zero values are left out.
type GetAuditReportQuery struct {
	Language string
}

func (q GetAuditReportQuery) values() url.Values {
	return url.Values(query{}.text("language", q.Language))
}

// GetAuditReport: read the monthly report of the audit log. GET /v1/domains/{domain}/audit-reports/{key}.
func (c *Client) GetAuditReport(ctx context.Context, domain string, key string, q GetAuditReportQuery, options ...Option) (Month, Answer, error) {
	var out Month
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/audit-reports/{key}", domain, key), query: q.values()}, &out, options)
	return out, at, err
}

// GetAuditReportCSVQuery is what GetAuditReportCSV may ask for; zero values are left out.
type GetAuditReportCSVQuery struct {
	Language string
}

func (q GetAuditReportCSVQuery) values() url.Values {
	return url.Values(query{}.text("language", q.Language))
}

// GetAuditReportCSV: read the monthly report of the audit log as CSV; cells that a spreadsheet would take for formulas begin with a quote. GET /v1/domains/{domain}/audit-reports/{key}/csv.
//
// The caller closes what comes back.
func (c *Client) GetAuditReportCSV(ctx context.Context, domain string, key string, q GetAuditReportCSVQuery, options ...Option) (io.ReadCloser, Answer, error) {
	return c.open(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/audit-reports/{key}/csv", domain, key), query: q.values()}, options)
}

// GetAuditReportPDFQuery is what GetAuditReportPDF may ask for; zero values are left out.
type GetAuditReportPDFQuery struct {
	Language string
}

func (q GetAuditReportPDFQuery) values() url.Values {
	return url.Values(query{}.text("language", q.Language))
}

// GetAuditReportPDF: read the monthly report of the audit log as PDF; long sections are cut, the CSV has all. GET /v1/domains/{domain}/audit-reports/{key}/pdf.
//
// The caller closes what comes back.
func (c *Client) GetAuditReportPDF(ctx context.Context, domain string, key string, q GetAuditReportPDFQuery, options ...Option) (io.ReadCloser, Answer, error) {
	return c.open(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/audit-reports/{key}/pdf", domain, key), query: q.values()}, options)
}

// GetCalendar: read one of calendars. GET /v1/domains/{domain}/calendars/{key}.
func (c *Client) GetCalendar(ctx context.Context, domain string, key string, options ...Option) (Calendar, Answer, error) {
	var out Calendar
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/calendars/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetCall: read a live call; staff one of their own. GET /v1/domains/{domain}/calls/{key}.
func (c *Client) GetCall(ctx context.Context, domain string, key string, options ...Option) (CallInfo, Answer, error) {
	var out CallInfo
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/calls/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetCallBack: read one of call-backs. GET /v1/domains/{domain}/call-backs/{key}.
func (c *Client) GetCallBack(ctx context.Context, domain string, key string, options ...Option) (CallBack, Answer, error) {
	var out CallBack
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/call-backs/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetCallRecord: read a finished call. GET /v1/domains/{domain}/calls/history/{key}.
func (c *Client) GetCallRecord(ctx context.Context, domain string, key string, options ...Option) (CDR, Answer, error) {
	var out CDR
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/calls/history/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetChange: read a set of changes with its history. GET /v1/domains/{domain}/changes/{key}.
func (c *Client) GetChange(ctx context.Context, domain string, key string, options ...Option) (ChangeSet, Answer, error) {
	var out ChangeSet
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/changes/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetChangeRules: which changes need a second person, and which are not made in opening hours. GET /v1/domains/{domain}/change-rules.
func (c *Client) GetChangeRules(ctx context.Context, domain string, options ...Option) (ChangeRules, Answer, error) {
	var out ChangeRules
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/change-rules", domain)}, &out, options)
	return out, at, err
}

// GetConference: read one of conferences. GET /v1/domains/{domain}/conferences/{key}.
func (c *Client) GetConference(ctx context.Context, domain string, key string, options ...Option) (Conference, Answer, error) {
	var out Conference
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/conferences/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetContact: read one of contacts. GET /v1/domains/{domain}/contacts/{key}.
func (c *Client) GetContact(ctx context.Context, domain string, key string, options ...Option) (Contact, Answer, error) {
	var out Contact
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/contacts/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetDepartment: read one of departments. GET /v1/domains/{domain}/departments/{key}.
func (c *Client) GetDepartment(ctx context.Context, domain string, key string, options ...Option) (Department, Answer, error) {
	var out Department
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/departments/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetDevice: read one of devices. GET /v1/domains/{domain}/devices/{key}.
func (c *Client) GetDevice(ctx context.Context, domain string, key string, options ...Option) (ManagedDevice, Answer, error) {
	var out ManagedDevice
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/devices/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetDeviceParticulars: serial number and contract of a device. GET /v1/domains/{domain}/devices/{key}/particulars.
func (c *Client) GetDeviceParticulars(ctx context.Context, domain string, key string, options ...Option) (DeviceParticulars, Answer, error) {
	var out DeviceParticulars
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/devices/{key}/particulars", domain, key)}, &out, options)
	return out, at, err
}

// GetDeviceReport: what a device is against what it was told. GET /v1/domains/{domain}/devices/{key}/report.
func (c *Client) GetDeviceReport(ctx context.Context, domain string, key string, options ...Option) (DeviceReport, Answer, error) {
	var out DeviceReport
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/devices/{key}/report", domain, key)}, &out, options)
	return out, at, err
}

// GetDeviceStatus: what became of a device, and when it was last given its configuration. GET /v1/domains/{domain}/devices/{key}/status.
func (c *Client) GetDeviceStatus(ctx context.Context, domain string, key string, options ...Option) (DeviceStatus, Answer, error) {
	var out DeviceStatus
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/devices/{key}/status", domain, key)}, &out, options)
	return out, at, err
}

// GetDID: read one of dids. GET /v1/domains/{domain}/dids/{key}.
func (c *Client) GetDID(ctx context.Context, domain string, key string, options ...Option) (DID, Answer, error) {
	var out DID
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/dids/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetDirectoryAccount: read one of directory-accounts. GET /v1/domains/{domain}/directory-accounts/{key}.
func (c *Client) GetDirectoryAccount(ctx context.Context, domain string, key string, options ...Option) (BookAccount, Answer, error) {
	var out BookAccount
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/directory-accounts/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetDisposalQuery is what GetDisposal may ask for; zero values are left out.
type GetDisposalQuery struct {
	After string // next of the page before next of the page before
	Limit int64
}

func (q GetDisposalQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit))
}

// GetDisposal: what falls due in a month (2026-12). GET /v1/domains/{domain}/disposals/{key}.
func (c *Client) GetDisposal(ctx context.Context, domain string, key string, q GetDisposalQuery, options ...Option) (DisposalPage, Answer, error) {
	var out DisposalPage
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/disposals/{key}", domain, key), query: q.values()}, &out, options)
	return out, at, err
}

// GetDomain: read a domain. GET /v1/domains/{domain}.
func (c *Client) GetDomain(ctx context.Context, domain string, options ...Option) (Domain, Answer, error) {
	var out Domain
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}", domain)}, &out, options)
	return out, at, err
}

// GetDuties: which roles one person may not hold together. GET /v1/domains/{domain}/duties.
func (c *Client) GetDuties(ctx context.Context, domain string, options ...Option) (Duties, Answer, error) {
	var out Duties
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/duties", domain)}, &out, options)
	return out, at, err
}

// GetEmergencySignIn: read one of emergency-sign-ins. GET /v1/domains/{domain}/emergency-sign-ins/{key}.
func (c *Client) GetEmergencySignIn(ctx context.Context, domain string, key string, options ...Option) (EmergencySignIn, Answer, error) {
	var out EmergencySignIn
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/emergency-sign-ins/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetExtension: read one of extensions. GET /v1/domains/{domain}/extensions/{key}.
func (c *Client) GetExtension(ctx context.Context, domain string, key string, options ...Option) (Extension, Answer, error) {
	var out Extension
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/extensions/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetFeatureCodes: all codes that can be dialled, with what they do. GET /v1/domains/{domain}/feature-codes.
func (c *Client) GetFeatureCodes(ctx context.Context, domain string, options ...Option) (CodeTable, Answer, error) {
	var out CodeTable
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/feature-codes", domain)}, &out, options)
	return out, at, err
}

// GetFirmwareStatus: how far a roll-out came, and what is seen of its last wave. GET /v1/domains/{domain}/firmware/{key}/status.
func (c *Client) GetFirmwareStatus(ctx context.Context, domain string, key string, options ...Option) (FirmwareView, Answer, error) {
	var out FirmwareView
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/firmware/{key}/status", domain, key)}, &out, options)
	return out, at, err
}

// GetFirmwareVersion: read one of firmware. GET /v1/domains/{domain}/firmware/{key}.
func (c *Client) GetFirmwareVersion(ctx context.Context, domain string, key string, options ...Option) (Firmware, Answer, error) {
	var out Firmware
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/firmware/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetGroup: read one of groups. GET /v1/domains/{domain}/groups/{key}.
func (c *Client) GetGroup(ctx context.Context, domain string, key string, options ...Option) (Group, Answer, error) {
	var out Group
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/groups/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetHotDesk: read one of hot-desks. GET /v1/domains/{domain}/hot-desks/{key}.
func (c *Client) GetHotDesk(ctx context.Context, domain string, key string, options ...Option) (HotDesk, Answer, error) {
	var out HotDesk
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/hot-desks/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetLifecycleRules: what becomes of people whom an identity service adds, moves and takes away. GET /v1/domains/{domain}/lifecycle-rules.
func (c *Client) GetLifecycleRules(ctx context.Context, domain string, options ...Option) (LifecycleRules, Answer, error) {
	var out LifecycleRules
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/lifecycle-rules", domain)}, &out, options)
	return out, at, err
}

// GetLimitsQuery is what GetLimits may ask for; zero values are left out.
type GetLimitsQuery struct {
	Dial string // Also tell what would become of this number Also tell what would become of this number
	From string // Where it would be dialled: at a telephone in the premises, at a desk telephone or a softphone (outside) that is in none of the sites' networks, or at a mobile beyond a trunk (call-through, or a carrier that brings it) Where it would be dialled: at a telephone in the premises, at a desk telephone or a softphone (outside) that is in none of the sites' networks, or at a mobile beyond a trunk (call-through, or a carrier that brings it)
}

func (q GetLimitsQuery) values() url.Values {
	return url.Values(query{}.text("dial", q.Dial).text("from", q.From))
}

// GetLimits: show the rights of an extension, what it has used of its limits, and the last refusals. GET /v1/domains/{domain}/extensions/{key}/limits.
func (c *Client) GetLimits(ctx context.Context, domain string, key string, q GetLimitsQuery, options ...Option) (LimitState, Answer, error) {
	var out LimitState
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/extensions/{key}/limits", domain, key), query: q.values()}, &out, options)
	return out, at, err
}

// GetListeningRequest: read one of listening-requests. GET /v1/domains/{domain}/listening-requests/{key}.
func (c *Client) GetListeningRequest(ctx context.Context, domain string, key string, options ...Option) (ListeningRequest, Answer, error) {
	var out ListeningRequest
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/listening-requests/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetListeningRules: for what recordings are heard, and what needs no second person. GET /v1/domains/{domain}/listening-rules.
func (c *Client) GetListeningRules(ctx context.Context, domain string, options ...Option) (ListeningRules, Answer, error) {
	var out ListeningRules
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/listening-rules", domain)}, &out, options)
	return out, at, err
}

// GetMailbox: read one of mailboxes. GET /v1/domains/{domain}/mailboxes/{key}.
func (c *Client) GetMailbox(ctx context.Context, domain string, key string, options ...Option) (Mailbox, Answer, error) {
	var out Mailbox
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/mailboxes/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetMenu: read one of menus. GET /v1/domains/{domain}/menus/{key}.
func (c *Client) GetMenu(ctx context.Context, domain string, key string, options ...Option) (Menu, Answer, error) {
	var out Menu
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/menus/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetMessage: who left a message, and when. GET /v1/domains/{domain}/mailboxes/{key}/messages/{id}.
func (c *Client) GetMessage(ctx context.Context, domain string, key string, id string, options ...Option) (Message, Answer, error) {
	var out Message
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/mailboxes/{key}/messages/{id}", domain, key, id)}, &out, options)
	return out, at, err
}

// GetNotice: read one of notices. GET /v1/domains/{domain}/notices/{key}.
func (c *Client) GetNotice(ctx context.Context, domain string, key string, options ...Option) (Notice, Answer, error) {
	var out Notice
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/notices/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetPagingGroup: read one of paging-groups. GET /v1/domains/{domain}/paging-groups/{key}.
func (c *Client) GetPagingGroup(ctx context.Context, domain string, key string, options ...Option) (PagingGroup, Answer, error) {
	var out PagingGroup
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/paging-groups/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetParkingLot: read one of parking-lots. GET /v1/domains/{domain}/parking-lots/{key}.
func (c *Client) GetParkingLot(ctx context.Context, domain string, key string, options ...Option) (ParkingLot, Answer, error) {
	var out ParkingLot
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/parking-lots/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetPrompt: read an announcement as WAV. GET /v1/domains/{domain}/prompts/{language}/{name}.
func (c *Client) GetPrompt(ctx context.Context, domain string, language string, name string, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/prompts/{language}/{name}", domain, language, name)}, nil, options)
}

// GetProposal: read a proposal: what would change, who wants it and who has agreed. GET /v1/domains/{domain}/proposals/{key}.
func (c *Client) GetProposal(ctx context.Context, domain string, key string, options ...Option) (Proposal, Answer, error) {
	var out Proposal
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/proposals/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetProvisioner: read one of provisioners. GET /v1/domains/{domain}/provisioners/{key}.
func (c *Client) GetProvisioner(ctx context.Context, domain string, key string, options ...Option) (Provisioner, Answer, error) {
	var out Provisioner
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/provisioners/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetQueue: read one of queues. GET /v1/domains/{domain}/queues/{key}.
func (c *Client) GetQueue(ctx context.Context, domain string, key string, options ...Option) (Queue, Answer, error) {
	var out Queue
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/queues/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetQueueState: read who waits in a queue and what its agents do; its supervisors may. GET /v1/domains/{domain}/queues/{key}/state.
func (c *Client) GetQueueState(ctx context.Context, domain string, key string, options ...Option) (QueueState, Answer, error) {
	var out QueueState
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/queues/{key}/state", domain, key)}, &out, options)
	return out, at, err
}

// GetRecordingKeeping: how long a recording is kept, and what keeps it. GET /v1/domains/{domain}/recordings/{key}/keeping.
func (c *Client) GetRecordingKeeping(ctx context.Context, domain string, key string, options ...Option) (RecordingKeeping, Answer, error) {
	var out RecordingKeeping
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/recordings/{key}/keeping", domain, key)}, &out, options)
	return out, at, err
}

// GetRecordingPolicy: read one of recording-policies. GET /v1/domains/{domain}/recording-policies/{key}.
func (c *Client) GetRecordingPolicy(ctx context.Context, domain string, key string, options ...Option) (RecordingPolicy, Answer, error) {
	var out RecordingPolicy
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/recording-policies/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetRecordingScope: read one of recording-scopes. GET /v1/domains/{domain}/recording-scopes/{key}.
func (c *Client) GetRecordingScope(ctx context.Context, domain string, key string, options ...Option) (RecordingScope, Answer, error) {
	var out RecordingScope
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/recording-scopes/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetRejection: read one of rejections. GET /v1/domains/{domain}/rejections/{key}.
func (c *Client) GetRejection(ctx context.Context, domain string, key string, options ...Option) (Rejection, Answer, error) {
	var out Rejection
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/rejections/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetReportQuery is what GetReport may ask for; zero values are left out.
type GetReportQuery struct {
	From     time.Time
	Until    time.Time // Exclusive Exclusive
	Interval string    // A line for each; absent: one for the whole time A line for each; absent: one for the whole time
	Queue    string    // Only of this one Only of this one
}

func (q GetReportQuery) values() url.Values {
	return url.Values(query{}.time("from", q.From).time("until", q.Until).text("interval", q.Interval).text("queue", q.Queue))
}

// GetReport: read a report on queues, agents or DIDs. GET /v1/domains/{domain}/reports/{key}.
func (c *Client) GetReport(ctx context.Context, domain string, key string, q GetReportQuery, options ...Option) (Table, Answer, error) {
	var out Table
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/reports/{key}", domain, key), query: q.values()}, &out, options)
	return out, at, err
}

// GetReportCSVQuery is what GetReportCSV may ask for; zero values are left out.
type GetReportCSVQuery struct {
	From     time.Time
	Until    time.Time // Exclusive Exclusive
	Interval string    // A line for each; absent: one for the whole time A line for each; absent: one for the whole time
	Queue    string    // Only of this one Only of this one
}

func (q GetReportCSVQuery) values() url.Values {
	return url.Values(query{}.time("from", q.From).time("until", q.Until).text("interval", q.Interval).text("queue", q.Queue))
}

// GetReportCSV: read a report as CSV; cells that a spreadsheet would take for formulas begin with a quote. GET /v1/domains/{domain}/reports/{key}/csv.
//
// The caller closes what comes back.
func (c *Client) GetReportCSV(ctx context.Context, domain string, key string, q GetReportCSVQuery, options ...Option) (io.ReadCloser, Answer, error) {
	return c.open(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/reports/{key}/csv", domain, key), query: q.values()}, options)
}

// GetRestriction: read one of restrictions. GET /v1/domains/{domain}/restrictions/{key}.
func (c *Client) GetRestriction(ctx context.Context, domain string, key string, options ...Option) (Restriction, Answer, error) {
	var out Restriction
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/restrictions/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetSecondFactors: with what a user proves who they are besides the password. GET /v1/domains/{domain}/users/{key}/second-factors.
func (c *Client) GetSecondFactors(ctx context.Context, domain string, key string, options ...Option) (SecondFactors, Answer, error) {
	var out SecondFactors
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/users/{key}/second-factors", domain, key)}, &out, options)
	return out, at, err
}

// GetSetting: read one of settings. GET /v1/domains/{domain}/settings/{key}.
func (c *Client) GetSetting(ctx context.Context, domain string, key string, options ...Option) (Settings, Answer, error) {
	var out Settings
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/settings/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetShortNumbersList: read one of short-numbers. GET /v1/domains/{domain}/short-numbers/{key}.
func (c *Client) GetShortNumbersList(ctx context.Context, domain string, key string, options ...Option) (ShortNumbers, Answer, error) {
	var out ShortNumbers
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/short-numbers/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetSite: read one of sites. GET /v1/domains/{domain}/sites/{key}.
func (c *Client) GetSite(ctx context.Context, domain string, key string, options ...Option) (Site, Answer, error) {
	var out Site
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/sites/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetSitePolicy: read one of site-policies. GET /v1/domains/{domain}/site-policies/{key}.
func (c *Client) GetSitePolicy(ctx context.Context, domain string, key string, options ...Option) (SitePolicy, Answer, error) {
	var out SitePolicy
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/site-policies/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetSitePolicySchema: what the statements of site policies may speak of, as a Cedar schema. GET /v1/domains/{domain}/site-policy-schema.
//
// The caller closes what comes back.
func (c *Client) GetSitePolicySchema(ctx context.Context, domain string, options ...Option) (io.ReadCloser, Answer, error) {
	return c.open(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/site-policy-schema", domain)}, options)
}

// GetSupervision: read one of supervisions. GET /v1/domains/{domain}/supervisions/{key}.
func (c *Client) GetSupervision(ctx context.Context, domain string, key string, options ...Option) (Supervision, Answer, error) {
	var out Supervision
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/supervisions/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetTrunk: read one of trunks. GET /v1/domains/{domain}/trunks/{key}.
func (c *Client) GetTrunk(ctx context.Context, domain string, key string, options ...Option) (Trunk, Answer, error) {
	var out Trunk
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/trunks/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetTrunkStatus: read a trunk's health and use. GET /v1/domains/{domain}/trunks/{key}/status.
func (c *Client) GetTrunkStatus(ctx context.Context, domain string, key string, options ...Option) (TrunkStatus, Answer, error) {
	var out TrunkStatus
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/trunks/{key}/status", domain, key)}, &out, options)
	return out, at, err
}

// GetUser: read one of users. GET /v1/domains/{domain}/users/{key}.
func (c *Client) GetUser(ctx context.Context, domain string, key string, options ...Option) (User, Answer, error) {
	var out User
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/users/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GetWebhook: read one of webhooks. GET /v1/domains/{domain}/webhooks/{key}.
func (c *Client) GetWebhook(ctx context.Context, domain string, key string, options ...Option) (Webhook, Answer, error) {
	var out Webhook
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/webhooks/{key}", domain, key)}, &out, options)
	return out, at, err
}

// GrantRelay: give the browser of an extension short-lived credentials of the TURN relay, as an entry of iceServers. POST /v1/domains/{domain}/extensions/{key}/relay.
func (c *Client) GrantRelay(ctx context.Context, domain string, key string, options ...Option) (RelayGrant, Answer, error) {
	var out RelayGrant
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/extensions/{key}/relay", domain, key)}, &out, options)
	return out, at, err
}

// HangUp: end a live call. POST /v1/domains/{domain}/calls/{key}/hangup.
func (c *Client) HangUp(ctx context.Context, domain string, key string, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/calls/{key}/hangup", domain, key)}, nil, options)
}

// HearNotice: hear a wording as WAV; who has heard all of it may approve it. GET /v1/domains/{domain}/notices/{key}/versions/{number}/audio.
func (c *Client) HearNotice(ctx context.Context, domain string, key string, number string, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/notices/{key}/versions/{number}/audio", domain, key, number)}, nil, options)
}

// HoldRecording: keep a recording from being destroyed until it is released. PUT /v1/domains/{domain}/recordings/{key}/hold.
func (c *Client) HoldRecording(ctx context.Context, domain string, key string, body ReasonInputBody, options ...Option) (RecordingKeeping, Answer, error) {
	var out RecordingKeeping
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/recordings/{key}/hold", domain, key), body: body}, &out, options)
	return out, at, err
}

// ImportAgentsFileQuery is what ImportAgentsFile may ask for; zero values are left out.
type ImportAgentsFileQuery struct {
	Replace bool   // Those that the file does not have are deleted Those that the file does not have are deleted
	DryRun  bool   // Only say what would happen, field by field Only say what would happen, field by field
	Reason  string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q ImportAgentsFileQuery) values() url.Values {
	return url.Values(query{}.yes("replace", q.Replace).yes("dry_run", q.DryRun).text("reason", q.Reason))
}

// ImportAgentsFile: create or change agents from a file, all or none. A CSV file is about the columns that it has; an empty cell takes its field away. POST /v1/domains/{domain}/imports/agents.
func (c *Client) ImportAgentsFile(ctx context.Context, domain string, q ImportAgentsFileQuery, body io.Reader, kind string, options ...Option) (Filed, Answer, error) {
	var out Filed
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/imports/agents", domain), query: q.values(), body: body, kind: kind}, &out, options)
	return out, at, err
}

// ImportCalendarsFileQuery is what ImportCalendarsFile may ask for; zero values are left out.
type ImportCalendarsFileQuery struct {
	Replace bool   // Those that the file does not have are deleted Those that the file does not have are deleted
	DryRun  bool   // Only say what would happen, field by field Only say what would happen, field by field
	Reason  string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q ImportCalendarsFileQuery) values() url.Values {
	return url.Values(query{}.yes("replace", q.Replace).yes("dry_run", q.DryRun).text("reason", q.Reason))
}

// ImportCalendarsFile: create or change calendars from a file, all or none. A CSV file is about the columns that it has; an empty cell takes its field away. POST /v1/domains/{domain}/imports/calendars.
func (c *Client) ImportCalendarsFile(ctx context.Context, domain string, q ImportCalendarsFileQuery, body io.Reader, kind string, options ...Option) (Filed, Answer, error) {
	var out Filed
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/imports/calendars", domain), query: q.values(), body: body, kind: kind}, &out, options)
	return out, at, err
}

// ImportConferencesFileQuery is what ImportConferencesFile may ask for; zero values are left out.
type ImportConferencesFileQuery struct {
	Replace bool   // Those that the file does not have are deleted Those that the file does not have are deleted
	DryRun  bool   // Only say what would happen, field by field Only say what would happen, field by field
	Reason  string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q ImportConferencesFileQuery) values() url.Values {
	return url.Values(query{}.yes("replace", q.Replace).yes("dry_run", q.DryRun).text("reason", q.Reason))
}

// ImportConferencesFile: create or change conferences from a file, all or none. A CSV file is about the columns that it has; an empty cell takes its field away. POST /v1/domains/{domain}/imports/conferences.
func (c *Client) ImportConferencesFile(ctx context.Context, domain string, q ImportConferencesFileQuery, body io.Reader, kind string, options ...Option) (Filed, Answer, error) {
	var out Filed
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/imports/conferences", domain), query: q.values(), body: body, kind: kind}, &out, options)
	return out, at, err
}

// ImportContactsQuery is what ImportContacts may ask for; zero values are left out.
type ImportContactsQuery struct {
	Replace bool // Contacts that the file does not have are deleted Contacts that the file does not have are deleted
	DryRun  bool // Only say what would happen Only say what would happen
}

func (q ImportContactsQuery) values() url.Values {
	return url.Values(query{}.yes("replace", q.Replace).yes("dry_run", q.DryRun))
}

// ImportContacts: create or replace contacts from a CSV file, all or none. POST /v1/domains/{domain}/contacts.
func (c *Client) ImportContacts(ctx context.Context, domain string, q ImportContactsQuery, body io.Reader, kind string, options ...Option) (Imported, Answer, error) {
	var out Imported
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/contacts", domain), query: q.values(), body: body, kind: kind}, &out, options)
	return out, at, err
}

// ImportContactsFileQuery is what ImportContactsFile may ask for; zero values are left out.
type ImportContactsFileQuery struct {
	Replace bool   // Those that the file does not have are deleted Those that the file does not have are deleted
	DryRun  bool   // Only say what would happen, field by field Only say what would happen, field by field
	Reason  string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q ImportContactsFileQuery) values() url.Values {
	return url.Values(query{}.yes("replace", q.Replace).yes("dry_run", q.DryRun).text("reason", q.Reason))
}

// ImportContactsFile: create or change contacts from a file, all or none. A CSV file is about the columns that it has; an empty cell takes its field away. POST /v1/domains/{domain}/imports/contacts.
func (c *Client) ImportContactsFile(ctx context.Context, domain string, q ImportContactsFileQuery, body io.Reader, kind string, options ...Option) (Filed, Answer, error) {
	var out Filed
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/imports/contacts", domain), query: q.values(), body: body, kind: kind}, &out, options)
	return out, at, err
}

// ImportDepartmentsFileQuery is what ImportDepartmentsFile may ask for; zero values are left out.
type ImportDepartmentsFileQuery struct {
	Replace bool   // Those that the file does not have are deleted Those that the file does not have are deleted
	DryRun  bool   // Only say what would happen, field by field Only say what would happen, field by field
	Reason  string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q ImportDepartmentsFileQuery) values() url.Values {
	return url.Values(query{}.yes("replace", q.Replace).yes("dry_run", q.DryRun).text("reason", q.Reason))
}

// ImportDepartmentsFile: create or change departments from a file, all or none. A CSV file is about the columns that it has; an empty cell takes its field away. POST /v1/domains/{domain}/imports/departments.
func (c *Client) ImportDepartmentsFile(ctx context.Context, domain string, q ImportDepartmentsFileQuery, body io.Reader, kind string, options ...Option) (Filed, Answer, error) {
	var out Filed
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/imports/departments", domain), query: q.values(), body: body, kind: kind}, &out, options)
	return out, at, err
}

// ImportDevicesFileQuery is what ImportDevicesFile may ask for; zero values are left out.
type ImportDevicesFileQuery struct {
	Replace bool   // Those that the file does not have are deleted Those that the file does not have are deleted
	DryRun  bool   // Only say what would happen, field by field Only say what would happen, field by field
	Reason  string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q ImportDevicesFileQuery) values() url.Values {
	return url.Values(query{}.yes("replace", q.Replace).yes("dry_run", q.DryRun).text("reason", q.Reason))
}

// ImportDevicesFile: create or change devices from a file, all or none. A CSV file is about the columns that it has; an empty cell takes its field away. POST /v1/domains/{domain}/imports/devices.
func (c *Client) ImportDevicesFile(ctx context.Context, domain string, q ImportDevicesFileQuery, body io.Reader, kind string, options ...Option) (Filed, Answer, error) {
	var out Filed
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/imports/devices", domain), query: q.values(), body: body, kind: kind}, &out, options)
	return out, at, err
}

// ImportDIDsFileQuery is what ImportDIDsFile may ask for; zero values are left out.
type ImportDIDsFileQuery struct {
	Replace bool   // Those that the file does not have are deleted Those that the file does not have are deleted
	DryRun  bool   // Only say what would happen, field by field Only say what would happen, field by field
	Reason  string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q ImportDIDsFileQuery) values() url.Values {
	return url.Values(query{}.yes("replace", q.Replace).yes("dry_run", q.DryRun).text("reason", q.Reason))
}

// ImportDIDsFile: create or change dids from a file, all or none. A CSV file is about the columns that it has; an empty cell takes its field away. POST /v1/domains/{domain}/imports/dids.
func (c *Client) ImportDIDsFile(ctx context.Context, domain string, q ImportDIDsFileQuery, body io.Reader, kind string, options ...Option) (Filed, Answer, error) {
	var out Filed
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/imports/dids", domain), query: q.values(), body: body, kind: kind}, &out, options)
	return out, at, err
}

// ImportDirectoryAccountsFileQuery is what ImportDirectoryAccountsFile may ask for; zero values are left out.
type ImportDirectoryAccountsFileQuery struct {
	Replace bool   // Those that the file does not have are deleted Those that the file does not have are deleted
	DryRun  bool   // Only say what would happen, field by field Only say what would happen, field by field
	Reason  string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q ImportDirectoryAccountsFileQuery) values() url.Values {
	return url.Values(query{}.yes("replace", q.Replace).yes("dry_run", q.DryRun).text("reason", q.Reason))
}

// ImportDirectoryAccountsFile: create or change directory-accounts from a file, all or none. A CSV file is about the columns that it has; an empty cell takes its field away. POST /v1/domains/{domain}/imports/directory-accounts.
func (c *Client) ImportDirectoryAccountsFile(ctx context.Context, domain string, q ImportDirectoryAccountsFileQuery, body io.Reader, kind string, options ...Option) (Filed, Answer, error) {
	var out Filed
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/imports/directory-accounts", domain), query: q.values(), body: body, kind: kind}, &out, options)
	return out, at, err
}

// ImportExtensionsFileQuery is what ImportExtensionsFile may ask for; zero values are left out.
type ImportExtensionsFileQuery struct {
	Replace bool   // Those that the file does not have are deleted Those that the file does not have are deleted
	DryRun  bool   // Only say what would happen, field by field Only say what would happen, field by field
	Reason  string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q ImportExtensionsFileQuery) values() url.Values {
	return url.Values(query{}.yes("replace", q.Replace).yes("dry_run", q.DryRun).text("reason", q.Reason))
}

// ImportExtensionsFile: create or change extensions from a file, all or none. A CSV file is about the columns that it has; an empty cell takes its field away. POST /v1/domains/{domain}/imports/extensions.
func (c *Client) ImportExtensionsFile(ctx context.Context, domain string, q ImportExtensionsFileQuery, body io.Reader, kind string, options ...Option) (Filed, Answer, error) {
	var out Filed
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/imports/extensions", domain), query: q.values(), body: body, kind: kind}, &out, options)
	return out, at, err
}

// ImportFirmwareFileQuery is what ImportFirmwareFile may ask for; zero values are left out.
type ImportFirmwareFileQuery struct {
	Replace bool   // Those that the file does not have are deleted Those that the file does not have are deleted
	DryRun  bool   // Only say what would happen, field by field Only say what would happen, field by field
	Reason  string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q ImportFirmwareFileQuery) values() url.Values {
	return url.Values(query{}.yes("replace", q.Replace).yes("dry_run", q.DryRun).text("reason", q.Reason))
}

// ImportFirmwareFile: create or change firmware from a file, all or none. A CSV file is about the columns that it has; an empty cell takes its field away. POST /v1/domains/{domain}/imports/firmware.
func (c *Client) ImportFirmwareFile(ctx context.Context, domain string, q ImportFirmwareFileQuery, body io.Reader, kind string, options ...Option) (Filed, Answer, error) {
	var out Filed
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/imports/firmware", domain), query: q.values(), body: body, kind: kind}, &out, options)
	return out, at, err
}

// ImportGroupsFileQuery is what ImportGroupsFile may ask for; zero values are left out.
type ImportGroupsFileQuery struct {
	Replace bool   // Those that the file does not have are deleted Those that the file does not have are deleted
	DryRun  bool   // Only say what would happen, field by field Only say what would happen, field by field
	Reason  string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q ImportGroupsFileQuery) values() url.Values {
	return url.Values(query{}.yes("replace", q.Replace).yes("dry_run", q.DryRun).text("reason", q.Reason))
}

// ImportGroupsFile: create or change groups from a file, all or none. A CSV file is about the columns that it has; an empty cell takes its field away. POST /v1/domains/{domain}/imports/groups.
func (c *Client) ImportGroupsFile(ctx context.Context, domain string, q ImportGroupsFileQuery, body io.Reader, kind string, options ...Option) (Filed, Answer, error) {
	var out Filed
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/imports/groups", domain), query: q.values(), body: body, kind: kind}, &out, options)
	return out, at, err
}

// ImportMailboxesFileQuery is what ImportMailboxesFile may ask for; zero values are left out.
type ImportMailboxesFileQuery struct {
	Replace bool   // Those that the file does not have are deleted Those that the file does not have are deleted
	DryRun  bool   // Only say what would happen, field by field Only say what would happen, field by field
	Reason  string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q ImportMailboxesFileQuery) values() url.Values {
	return url.Values(query{}.yes("replace", q.Replace).yes("dry_run", q.DryRun).text("reason", q.Reason))
}

// ImportMailboxesFile: create or change mailboxes from a file, all or none. A CSV file is about the columns that it has; an empty cell takes its field away. POST /v1/domains/{domain}/imports/mailboxes.
func (c *Client) ImportMailboxesFile(ctx context.Context, domain string, q ImportMailboxesFileQuery, body io.Reader, kind string, options ...Option) (Filed, Answer, error) {
	var out Filed
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/imports/mailboxes", domain), query: q.values(), body: body, kind: kind}, &out, options)
	return out, at, err
}

// ImportMenusFileQuery is what ImportMenusFile may ask for; zero values are left out.
type ImportMenusFileQuery struct {
	Replace bool   // Those that the file does not have are deleted Those that the file does not have are deleted
	DryRun  bool   // Only say what would happen, field by field Only say what would happen, field by field
	Reason  string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q ImportMenusFileQuery) values() url.Values {
	return url.Values(query{}.yes("replace", q.Replace).yes("dry_run", q.DryRun).text("reason", q.Reason))
}

// ImportMenusFile: create or change menus from a file, all or none. A CSV file is about the columns that it has; an empty cell takes its field away. POST /v1/domains/{domain}/imports/menus.
func (c *Client) ImportMenusFile(ctx context.Context, domain string, q ImportMenusFileQuery, body io.Reader, kind string, options ...Option) (Filed, Answer, error) {
	var out Filed
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/imports/menus", domain), query: q.values(), body: body, kind: kind}, &out, options)
	return out, at, err
}

// ImportPagingGroupsFileQuery is what ImportPagingGroupsFile may ask for; zero values are left out.
type ImportPagingGroupsFileQuery struct {
	Replace bool   // Those that the file does not have are deleted Those that the file does not have are deleted
	DryRun  bool   // Only say what would happen, field by field Only say what would happen, field by field
	Reason  string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q ImportPagingGroupsFileQuery) values() url.Values {
	return url.Values(query{}.yes("replace", q.Replace).yes("dry_run", q.DryRun).text("reason", q.Reason))
}

// ImportPagingGroupsFile: create or change paging-groups from a file, all or none. A CSV file is about the columns that it has; an empty cell takes its field away. POST /v1/domains/{domain}/imports/paging-groups.
func (c *Client) ImportPagingGroupsFile(ctx context.Context, domain string, q ImportPagingGroupsFileQuery, body io.Reader, kind string, options ...Option) (Filed, Answer, error) {
	var out Filed
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/imports/paging-groups", domain), query: q.values(), body: body, kind: kind}, &out, options)
	return out, at, err
}

// ImportParkingLotsFileQuery is what ImportParkingLotsFile may ask for; zero values are left out.
type ImportParkingLotsFileQuery struct {
	Replace bool   // Those that the file does not have are deleted Those that the file does not have are deleted
	DryRun  bool   // Only say what would happen, field by field Only say what would happen, field by field
	Reason  string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q ImportParkingLotsFileQuery) values() url.Values {
	return url.Values(query{}.yes("replace", q.Replace).yes("dry_run", q.DryRun).text("reason", q.Reason))
}

// ImportParkingLotsFile: create or change parking-lots from a file, all or none. A CSV file is about the columns that it has; an empty cell takes its field away. POST /v1/domains/{domain}/imports/parking-lots.
func (c *Client) ImportParkingLotsFile(ctx context.Context, domain string, q ImportParkingLotsFileQuery, body io.Reader, kind string, options ...Option) (Filed, Answer, error) {
	var out Filed
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/imports/parking-lots", domain), query: q.values(), body: body, kind: kind}, &out, options)
	return out, at, err
}

// ImportQueuesFileQuery is what ImportQueuesFile may ask for; zero values are left out.
type ImportQueuesFileQuery struct {
	Replace bool   // Those that the file does not have are deleted Those that the file does not have are deleted
	DryRun  bool   // Only say what would happen, field by field Only say what would happen, field by field
	Reason  string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q ImportQueuesFileQuery) values() url.Values {
	return url.Values(query{}.yes("replace", q.Replace).yes("dry_run", q.DryRun).text("reason", q.Reason))
}

// ImportQueuesFile: create or change queues from a file, all or none. A CSV file is about the columns that it has; an empty cell takes its field away. POST /v1/domains/{domain}/imports/queues.
func (c *Client) ImportQueuesFile(ctx context.Context, domain string, q ImportQueuesFileQuery, body io.Reader, kind string, options ...Option) (Filed, Answer, error) {
	var out Filed
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/imports/queues", domain), query: q.values(), body: body, kind: kind}, &out, options)
	return out, at, err
}

// ImportRecordingPoliciesFileQuery is what ImportRecordingPoliciesFile may ask for; zero values are left out.
type ImportRecordingPoliciesFileQuery struct {
	Replace bool   // Those that the file does not have are deleted Those that the file does not have are deleted
	DryRun  bool   // Only say what would happen, field by field Only say what would happen, field by field
	Reason  string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q ImportRecordingPoliciesFileQuery) values() url.Values {
	return url.Values(query{}.yes("replace", q.Replace).yes("dry_run", q.DryRun).text("reason", q.Reason))
}

// ImportRecordingPoliciesFile: create or change recording-policies from a file, all or none. A CSV file is about the columns that it has; an empty cell takes its field away. POST /v1/domains/{domain}/imports/recording-policies.
func (c *Client) ImportRecordingPoliciesFile(ctx context.Context, domain string, q ImportRecordingPoliciesFileQuery, body io.Reader, kind string, options ...Option) (Filed, Answer, error) {
	var out Filed
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/imports/recording-policies", domain), query: q.values(), body: body, kind: kind}, &out, options)
	return out, at, err
}

// ImportRecordingScopesFileQuery is what ImportRecordingScopesFile may ask for; zero values are left out.
type ImportRecordingScopesFileQuery struct {
	Replace bool   // Those that the file does not have are deleted Those that the file does not have are deleted
	DryRun  bool   // Only say what would happen, field by field Only say what would happen, field by field
	Reason  string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q ImportRecordingScopesFileQuery) values() url.Values {
	return url.Values(query{}.yes("replace", q.Replace).yes("dry_run", q.DryRun).text("reason", q.Reason))
}

// ImportRecordingScopesFile: create or change recording-scopes from a file, all or none. A CSV file is about the columns that it has; an empty cell takes its field away. POST /v1/domains/{domain}/imports/recording-scopes.
func (c *Client) ImportRecordingScopesFile(ctx context.Context, domain string, q ImportRecordingScopesFileQuery, body io.Reader, kind string, options ...Option) (Filed, Answer, error) {
	var out Filed
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/imports/recording-scopes", domain), query: q.values(), body: body, kind: kind}, &out, options)
	return out, at, err
}

// ImportRejectionsFileQuery is what ImportRejectionsFile may ask for; zero values are left out.
type ImportRejectionsFileQuery struct {
	Replace bool   // Those that the file does not have are deleted Those that the file does not have are deleted
	DryRun  bool   // Only say what would happen, field by field Only say what would happen, field by field
	Reason  string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q ImportRejectionsFileQuery) values() url.Values {
	return url.Values(query{}.yes("replace", q.Replace).yes("dry_run", q.DryRun).text("reason", q.Reason))
}

// ImportRejectionsFile: create or change rejections from a file, all or none. A CSV file is about the columns that it has; an empty cell takes its field away. POST /v1/domains/{domain}/imports/rejections.
func (c *Client) ImportRejectionsFile(ctx context.Context, domain string, q ImportRejectionsFileQuery, body io.Reader, kind string, options ...Option) (Filed, Answer, error) {
	var out Filed
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/imports/rejections", domain), query: q.values(), body: body, kind: kind}, &out, options)
	return out, at, err
}

// ImportRestrictionsFileQuery is what ImportRestrictionsFile may ask for; zero values are left out.
type ImportRestrictionsFileQuery struct {
	Replace bool   // Those that the file does not have are deleted Those that the file does not have are deleted
	DryRun  bool   // Only say what would happen, field by field Only say what would happen, field by field
	Reason  string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q ImportRestrictionsFileQuery) values() url.Values {
	return url.Values(query{}.yes("replace", q.Replace).yes("dry_run", q.DryRun).text("reason", q.Reason))
}

// ImportRestrictionsFile: create or change restrictions from a file, all or none. A CSV file is about the columns that it has; an empty cell takes its field away. POST /v1/domains/{domain}/imports/restrictions.
func (c *Client) ImportRestrictionsFile(ctx context.Context, domain string, q ImportRestrictionsFileQuery, body io.Reader, kind string, options ...Option) (Filed, Answer, error) {
	var out Filed
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/imports/restrictions", domain), query: q.values(), body: body, kind: kind}, &out, options)
	return out, at, err
}

// ImportSettingsFileQuery is what ImportSettingsFile may ask for; zero values are left out.
type ImportSettingsFileQuery struct {
	Replace bool   // Those that the file does not have are deleted Those that the file does not have are deleted
	DryRun  bool   // Only say what would happen, field by field Only say what would happen, field by field
	Reason  string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q ImportSettingsFileQuery) values() url.Values {
	return url.Values(query{}.yes("replace", q.Replace).yes("dry_run", q.DryRun).text("reason", q.Reason))
}

// ImportSettingsFile: create or change settings from a file, all or none. A CSV file is about the columns that it has; an empty cell takes its field away. POST /v1/domains/{domain}/imports/settings.
func (c *Client) ImportSettingsFile(ctx context.Context, domain string, q ImportSettingsFileQuery, body io.Reader, kind string, options ...Option) (Filed, Answer, error) {
	var out Filed
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/imports/settings", domain), query: q.values(), body: body, kind: kind}, &out, options)
	return out, at, err
}

// ImportShortNumbersFileQuery is what ImportShortNumbersFile may ask for; zero values are left out.
type ImportShortNumbersFileQuery struct {
	Replace bool   // Those that the file does not have are deleted Those that the file does not have are deleted
	DryRun  bool   // Only say what would happen, field by field Only say what would happen, field by field
	Reason  string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q ImportShortNumbersFileQuery) values() url.Values {
	return url.Values(query{}.yes("replace", q.Replace).yes("dry_run", q.DryRun).text("reason", q.Reason))
}

// ImportShortNumbersFile: create or change short-numbers from a file, all or none. A CSV file is about the columns that it has; an empty cell takes its field away. POST /v1/domains/{domain}/imports/short-numbers.
func (c *Client) ImportShortNumbersFile(ctx context.Context, domain string, q ImportShortNumbersFileQuery, body io.Reader, kind string, options ...Option) (Filed, Answer, error) {
	var out Filed
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/imports/short-numbers", domain), query: q.values(), body: body, kind: kind}, &out, options)
	return out, at, err
}

// ImportSitePoliciesFileQuery is what ImportSitePoliciesFile may ask for; zero values are left out.
type ImportSitePoliciesFileQuery struct {
	Replace bool   // Those that the file does not have are deleted Those that the file does not have are deleted
	DryRun  bool   // Only say what would happen, field by field Only say what would happen, field by field
	Reason  string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q ImportSitePoliciesFileQuery) values() url.Values {
	return url.Values(query{}.yes("replace", q.Replace).yes("dry_run", q.DryRun).text("reason", q.Reason))
}

// ImportSitePoliciesFile: create or change site-policies from a file, all or none. A CSV file is about the columns that it has; an empty cell takes its field away. POST /v1/domains/{domain}/imports/site-policies.
func (c *Client) ImportSitePoliciesFile(ctx context.Context, domain string, q ImportSitePoliciesFileQuery, body io.Reader, kind string, options ...Option) (Filed, Answer, error) {
	var out Filed
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/imports/site-policies", domain), query: q.values(), body: body, kind: kind}, &out, options)
	return out, at, err
}

// ImportSitesFileQuery is what ImportSitesFile may ask for; zero values are left out.
type ImportSitesFileQuery struct {
	Replace bool   // Those that the file does not have are deleted Those that the file does not have are deleted
	DryRun  bool   // Only say what would happen, field by field Only say what would happen, field by field
	Reason  string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q ImportSitesFileQuery) values() url.Values {
	return url.Values(query{}.yes("replace", q.Replace).yes("dry_run", q.DryRun).text("reason", q.Reason))
}

// ImportSitesFile: create or change sites from a file, all or none. A CSV file is about the columns that it has; an empty cell takes its field away. POST /v1/domains/{domain}/imports/sites.
func (c *Client) ImportSitesFile(ctx context.Context, domain string, q ImportSitesFileQuery, body io.Reader, kind string, options ...Option) (Filed, Answer, error) {
	var out Filed
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/imports/sites", domain), query: q.values(), body: body, kind: kind}, &out, options)
	return out, at, err
}

// ImportSupervisionsFileQuery is what ImportSupervisionsFile may ask for; zero values are left out.
type ImportSupervisionsFileQuery struct {
	Replace bool   // Those that the file does not have are deleted Those that the file does not have are deleted
	DryRun  bool   // Only say what would happen, field by field Only say what would happen, field by field
	Reason  string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q ImportSupervisionsFileQuery) values() url.Values {
	return url.Values(query{}.yes("replace", q.Replace).yes("dry_run", q.DryRun).text("reason", q.Reason))
}

// ImportSupervisionsFile: create or change supervisions from a file, all or none. A CSV file is about the columns that it has; an empty cell takes its field away. POST /v1/domains/{domain}/imports/supervisions.
func (c *Client) ImportSupervisionsFile(ctx context.Context, domain string, q ImportSupervisionsFileQuery, body io.Reader, kind string, options ...Option) (Filed, Answer, error) {
	var out Filed
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/imports/supervisions", domain), query: q.values(), body: body, kind: kind}, &out, options)
	return out, at, err
}

// ImportTrunksFileQuery is what ImportTrunksFile may ask for; zero values are left out.
type ImportTrunksFileQuery struct {
	Replace bool   // Those that the file does not have are deleted Those that the file does not have are deleted
	DryRun  bool   // Only say what would happen, field by field Only say what would happen, field by field
	Reason  string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q ImportTrunksFileQuery) values() url.Values {
	return url.Values(query{}.yes("replace", q.Replace).yes("dry_run", q.DryRun).text("reason", q.Reason))
}

// ImportTrunksFile: create or change trunks from a file, all or none. A CSV file is about the columns that it has; an empty cell takes its field away. POST /v1/domains/{domain}/imports/trunks.
func (c *Client) ImportTrunksFile(ctx context.Context, domain string, q ImportTrunksFileQuery, body io.Reader, kind string, options ...Option) (Filed, Answer, error) {
	var out Filed
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/imports/trunks", domain), query: q.values(), body: body, kind: kind}, &out, options)
	return out, at, err
}

// ImportUsersFileQuery is what ImportUsersFile may ask for; zero values are left out.
type ImportUsersFileQuery struct {
	Replace bool   // Those that the file does not have are deleted Those that the file does not have are deleted
	DryRun  bool   // Only say what would happen, field by field Only say what would happen, field by field
	Reason  string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q ImportUsersFileQuery) values() url.Values {
	return url.Values(query{}.yes("replace", q.Replace).yes("dry_run", q.DryRun).text("reason", q.Reason))
}

// ImportUsersFile: create or change users from a file, all or none. A CSV file is about the columns that it has; an empty cell takes its field away. POST /v1/domains/{domain}/imports/users.
func (c *Client) ImportUsersFile(ctx context.Context, domain string, q ImportUsersFileQuery, body io.Reader, kind string, options ...Option) (Filed, Answer, error) {
	var out Filed
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/imports/users", domain), query: q.values(), body: body, kind: kind}, &out, options)
	return out, at, err
}

// KeepCall: have a call recorded whose policy is on_demand, with what is held of it in memory; staff one of their own. Where a notice is due it is heard first. POST /v1/domains/{domain}/calls/{key}/recording/keep.
func (c *Client) KeepCall(ctx context.Context, domain string, key string, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/calls/{key}/recording/keep", domain, key)}, nil, options)
}

// LabelRecording: label a recording; a lower label waits for another person. PUT /v1/domains/{domain}/recordings/{key}/label.
func (c *Client) LabelRecording(ctx context.Context, domain string, key string, body LabelInputBody, options ...Option) (RecordingKeeping, Answer, error) {
	var out RecordingKeeping
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/recordings/{key}/label", domain, key), body: body}, &out, options)
	return out, at, err
}

// ListAccessReviewsQuery is what ListAccessReviews may ask for; zero values are left out.
type ListAccessReviewsQuery struct {
	After string // next of the page before next of the page before
	Limit int64
}

func (q ListAccessReviewsQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit))
}

// ListAccessReviews: list the access reviews of each quarter. GET /v1/domains/{domain}/access-reviews.
func (c *Client) ListAccessReviews(ctx context.Context, domain string, q ListAccessReviewsQuery, options ...Option) (PageAccessReview, Answer, error) {
	var out PageAccessReview
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/access-reviews", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListAgentsQuery is what ListAgents may ask for; zero values are left out.
type ListAgentsQuery struct {
	After  string // next of the page before next of the page before
	Limit  int64
	Filter []string // field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka
}

func (q ListAgentsQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit).texts("filter", q.Filter))
}

// ListAgents: list agents. GET /v1/domains/{domain}/agents.
func (c *Client) ListAgents(ctx context.Context, domain string, q ListAgentsQuery, options ...Option) (PageAgent, Answer, error) {
	var out PageAgent
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/agents", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListAlarms: list alarms of the switch and of the asker's domain. GET /v1/alarms.
func (c *Client) ListAlarms(ctx context.Context, options ...Option) (PageAlarm, Answer, error) {
	var out PageAlarm
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/alarms")}, &out, options)
	return out, at, err
}

// ListAuditQuery is what ListAudit may ask for; zero values are left out.
type ListAuditQuery struct {
	After   int64 // next of the page before next of the page before
	Limit   int64
	Newest  bool // Newest first Newest first
	Subject string
	Action  string // Exact, or a prefix that ends with a dot: recording. Exact, or a prefix that ends with a dot: recording.
	Object  string
	Kind    string
	Outcome string
	Source  string    // Address Address
	Text    string    // Each word stands in the entry: whole, or anywhere where a script has no blanks Each word stands in the entry: whole, or anywhere where a script has no blanks
	Since   time.Time // Inclusive, RFC 3339 Inclusive, RFC 3339
	Until   time.Time // Exclusive, RFC 3339 Exclusive, RFC 3339
}

func (q ListAuditQuery) values() url.Values {
	return url.Values(query{}.number("after", q.After).number("limit", q.Limit).yes("newest", q.Newest).text("subject", q.Subject).text("action", q.Action).text("object", q.Object).text("kind", q.Kind).text("outcome", q.Outcome).text("source", q.Source).text("text", q.Text).time("since", q.Since).time("until", q.Until))
}

// ListAudit: search the audit log; who may read only what they did themselves gets that. A page may have fewer entries than its limit and more behind it. GET /v1/domains/{domain}/audit.
func (c *Client) ListAudit(ctx context.Context, domain string, q ListAuditQuery, options ...Option) (AuditOutputBody, Answer, error) {
	var out AuditOutputBody
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/audit", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListCalendarsQuery is what ListCalendars may ask for; zero values are left out.
type ListCalendarsQuery struct {
	After  string // next of the page before next of the page before
	Limit  int64
	Filter []string // field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka
}

func (q ListCalendarsQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit).texts("filter", q.Filter))
}

// ListCalendars: list calendars. GET /v1/domains/{domain}/calendars.
func (c *Client) ListCalendars(ctx context.Context, domain string, q ListCalendarsQuery, options ...Option) (PageCalendar, Answer, error) {
	var out PageCalendar
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/calendars", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListCallBacksQuery is what ListCallBacks may ask for; zero values are left out.
type ListCallBacksQuery struct {
	After  string // next of the page before next of the page before
	Limit  int64
	Filter []string // field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka
}

func (q ListCallBacksQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit).texts("filter", q.Filter))
}

// ListCallBacks: list call-backs. GET /v1/domains/{domain}/call-backs.
func (c *Client) ListCallBacks(ctx context.Context, domain string, q ListCallBacksQuery, options ...Option) (PageCallBack, Answer, error) {
	var out PageCallBack
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/call-backs", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListCallRecordsQuery is what ListCallRecords may ask for; zero values are left out.
type ListCallRecordsQuery struct {
	After string // next of the page before next of the page before
	Limit int64
}

func (q ListCallRecordsQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit))
}

// ListCallRecords: list finished calls, newest first; staff see their own. GET /v1/domains/{domain}/calls/history.
func (c *Client) ListCallRecords(ctx context.Context, domain string, q ListCallRecordsQuery, options ...Option) (PageCDR, Answer, error) {
	var out PageCDR
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/calls/history", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListCalls: list live calls. GET /v1/domains/{domain}/calls.
func (c *Client) ListCalls(ctx context.Context, domain string, options ...Option) (PageCallInfo, Answer, error) {
	var out PageCallInfo
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/calls", domain)}, &out, options)
	return out, at, err
}

// ListChangesQuery is what ListChanges may ask for; zero values are left out.
type ListChangesQuery struct {
	After string // next of the page before next of the page before
	Limit int64
}

func (q ListChangesQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit))
}

// ListChanges: list sets of changes. GET /v1/domains/{domain}/changes.
func (c *Client) ListChanges(ctx context.Context, domain string, q ListChangesQuery, options ...Option) (PageChangeLine, Answer, error) {
	var out PageChangeLine
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/changes", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListConferencesQuery is what ListConferences may ask for; zero values are left out.
type ListConferencesQuery struct {
	After  string // next of the page before next of the page before
	Limit  int64
	Filter []string // field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka
}

func (q ListConferencesQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit).texts("filter", q.Filter))
}

// ListConferences: list conferences. GET /v1/domains/{domain}/conferences.
func (c *Client) ListConferences(ctx context.Context, domain string, q ListConferencesQuery, options ...Option) (PageConference, Answer, error) {
	var out PageConference
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/conferences", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListContactsQuery is what ListContacts may ask for; zero values are left out.
type ListContactsQuery struct {
	After  string // next of the page before next of the page before
	Limit  int64
	Filter []string // field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka
}

func (q ListContactsQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit).texts("filter", q.Filter))
}

// ListContacts: list contacts. GET /v1/domains/{domain}/contacts.
func (c *Client) ListContacts(ctx context.Context, domain string, q ListContactsQuery, options ...Option) (PageContact, Answer, error) {
	var out PageContact
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/contacts", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListDepartmentsQuery is what ListDepartments may ask for; zero values are left out.
type ListDepartmentsQuery struct {
	After  string // next of the page before next of the page before
	Limit  int64
	Filter []string // field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka
}

func (q ListDepartmentsQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit).texts("filter", q.Filter))
}

// ListDepartments: list departments. GET /v1/domains/{domain}/departments.
func (c *Client) ListDepartments(ctx context.Context, domain string, q ListDepartmentsQuery, options ...Option) (PageDepartment, Answer, error) {
	var out PageDepartment
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/departments", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListDevicesQuery is what ListDevices may ask for; zero values are left out.
type ListDevicesQuery struct {
	After  string // next of the page before next of the page before
	Limit  int64
	Filter []string // field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka
}

func (q ListDevicesQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit).texts("filter", q.Filter))
}

// ListDevices: list devices. GET /v1/domains/{domain}/devices.
func (c *Client) ListDevices(ctx context.Context, domain string, q ListDevicesQuery, options ...Option) (PageManagedDevice, Answer, error) {
	var out PageManagedDevice
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/devices", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListDIDsQuery is what ListDIDs may ask for; zero values are left out.
type ListDIDsQuery struct {
	After  string // next of the page before next of the page before
	Limit  int64
	Filter []string // field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka
}

func (q ListDIDsQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit).texts("filter", q.Filter))
}

// ListDIDs: list dids. GET /v1/domains/{domain}/dids.
func (c *Client) ListDIDs(ctx context.Context, domain string, q ListDIDsQuery, options ...Option) (PageDID, Answer, error) {
	var out PageDID
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/dids", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListDirectoryAccountsQuery is what ListDirectoryAccounts may ask for; zero values are left out.
type ListDirectoryAccountsQuery struct {
	After  string // next of the page before next of the page before
	Limit  int64
	Filter []string // field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka
}

func (q ListDirectoryAccountsQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit).texts("filter", q.Filter))
}

// ListDirectoryAccounts: list directory-accounts. GET /v1/domains/{domain}/directory-accounts.
func (c *Client) ListDirectoryAccounts(ctx context.Context, domain string, q ListDirectoryAccountsQuery, options ...Option) (PageBookAccount, Answer, error) {
	var out PageBookAccount
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/directory-accounts", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListDirectoryRows: count the directory's entries by row of the gojūon. GET /v1/domains/{domain}/directory/rows.
func (c *Client) ListDirectoryRows(ctx context.Context, domain string, options ...Option) (PageRowCount, Answer, error) {
	var out PageRowCount
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/directory/rows", domain)}, &out, options)
	return out, at, err
}

// ListDisposals: the months in which recordings fall due, up to the next one. GET /v1/domains/{domain}/disposals.
func (c *Client) ListDisposals(ctx context.Context, domain string, options ...Option) (PageDisposal, Answer, error) {
	var out PageDisposal
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/disposals", domain)}, &out, options)
	return out, at, err
}

// ListDomains: list the domains that the asker may read. GET /v1/domains.
func (c *Client) ListDomains(ctx context.Context, options ...Option) (PageDomain, Answer, error) {
	var out PageDomain
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains")}, &out, options)
	return out, at, err
}

// ListDutyViolations: who holds two roles that one person may not, from before that was written. GET /v1/domains/{domain}/duties/violations.
func (c *Client) ListDutyViolations(ctx context.Context, domain string, options ...Option) (PageDutyViolation, Answer, error) {
	var out PageDutyViolation
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/duties/violations", domain)}, &out, options)
	return out, at, err
}

// ListEmergencySignInsQuery is what ListEmergencySignIns may ask for; zero values are left out.
type ListEmergencySignInsQuery struct {
	After string // next of the page before next of the page before
	Limit int64
}

func (q ListEmergencySignInsQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit))
}

// ListEmergencySignIns: uses of the break-glass account, the newest first. GET /v1/domains/{domain}/emergency-sign-ins.
func (c *Client) ListEmergencySignIns(ctx context.Context, domain string, q ListEmergencySignInsQuery, options ...Option) (PageEmergencySignIn, Answer, error) {
	var out PageEmergencySignIn
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/emergency-sign-ins", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListExtensionCallerNumbers: numbers that an extension may show on outside calls, by the place with which they are chosen. GET /v1/domains/{domain}/extensions/{key}/caller-numbers.
func (c *Client) ListExtensionCallerNumbers(ctx context.Context, domain string, key string, options ...Option) (PageCallerLine, Answer, error) {
	var out PageCallerLine
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/extensions/{key}/caller-numbers", domain, key)}, &out, options)
	return out, at, err
}

// ListExtensionDevices: telephones that ring for an extension now, and when each does by its settings. GET /v1/domains/{domain}/extensions/{key}/devices.
func (c *Client) ListExtensionDevices(ctx context.Context, domain string, key string, options ...Option) (PageDevice, Answer, error) {
	var out PageDevice
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/extensions/{key}/devices", domain, key)}, &out, options)
	return out, at, err
}

// ListExtensionHistoryQuery is what ListExtensionHistory may ask for; zero values are left out.
type ListExtensionHistoryQuery struct {
	Part  string // Only these; left out: all Only these; left out: all
	After string // next of the page before next of the page before
	Limit int64
}

func (q ListExtensionHistoryQuery) values() url.Values {
	return url.Values(query{}.text("part", q.Part).text("after", q.After).number("limit", q.Limit))
}

// ListExtensionHistory: list the calls of an extension, newest first; staff see their own. GET /v1/domains/{domain}/extensions/{key}/history.
func (c *Client) ListExtensionHistory(ctx context.Context, domain string, key string, q ListExtensionHistoryQuery, options ...Option) (PageHistoryItem, Answer, error) {
	var out PageHistoryItem
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/extensions/{key}/history", domain, key), query: q.values()}, &out, options)
	return out, at, err
}

// ListExtensionShortNumbers: short numbers that an extension can dial: its owner's, its department's, everybody's. GET /v1/domains/{domain}/extensions/{key}/short-numbers.
func (c *Client) ListExtensionShortNumbers(ctx context.Context, domain string, key string, options ...Option) (PageShortLine, Answer, error) {
	var out PageShortLine
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/extensions/{key}/short-numbers", domain, key)}, &out, options)
	return out, at, err
}

// ListExtensionsQuery is what ListExtensions may ask for; zero values are left out.
type ListExtensionsQuery struct {
	After  string // next of the page before next of the page before
	Limit  int64
	Filter []string // field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka
}

func (q ListExtensionsQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit).texts("filter", q.Filter))
}

// ListExtensions: list extensions. GET /v1/domains/{domain}/extensions.
func (c *Client) ListExtensions(ctx context.Context, domain string, q ListExtensionsQuery, options ...Option) (PageExtension, Answer, error) {
	var out PageExtension
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/extensions", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListFirmwareQuery is what ListFirmware may ask for; zero values are left out.
type ListFirmwareQuery struct {
	After  string // next of the page before next of the page before
	Limit  int64
	Filter []string // field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka
}

func (q ListFirmwareQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit).texts("filter", q.Filter))
}

// ListFirmware: list firmware. GET /v1/domains/{domain}/firmware.
func (c *Client) ListFirmware(ctx context.Context, domain string, q ListFirmwareQuery, options ...Option) (PageFirmware, Answer, error) {
	var out PageFirmware
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/firmware", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListGreetings: the greetings that were spoken by telephone. GET /v1/domains/{domain}/mailboxes/{key}/greetings.
func (c *Client) ListGreetings(ctx context.Context, domain string, key string, options ...Option) (MessageList, Answer, error) {
	var out MessageList
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/mailboxes/{key}/greetings", domain, key)}, &out, options)
	return out, at, err
}

// ListGroupsQuery is what ListGroups may ask for; zero values are left out.
type ListGroupsQuery struct {
	After  string // next of the page before next of the page before
	Limit  int64
	Filter []string // field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka
}

func (q ListGroupsQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit).texts("filter", q.Filter))
}

// ListGroups: list groups. GET /v1/domains/{domain}/groups.
func (c *Client) ListGroups(ctx context.Context, domain string, q ListGroupsQuery, options ...Option) (PageGroup, Answer, error) {
	var out PageGroup
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/groups", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListHotDesksQuery is what ListHotDesks may ask for; zero values are left out.
type ListHotDesksQuery struct {
	After  string // next of the page before next of the page before
	Limit  int64
	Filter []string // field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka
}

func (q ListHotDesksQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit).texts("filter", q.Filter))
}

// ListHotDesks: list hot-desks. GET /v1/domains/{domain}/hot-desks.
func (c *Client) ListHotDesks(ctx context.Context, domain string, q ListHotDesksQuery, options ...Option) (PageHotDesk, Answer, error) {
	var out PageHotDesk
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/hot-desks", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListListeningRequestsQuery is what ListListeningRequests may ask for; zero values are left out.
type ListListeningRequestsQuery struct {
	After string // next of the page before next of the page before
	Limit int64
}

func (q ListListeningRequestsQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit))
}

// ListListeningRequests: who asked to hear what, and what became of it; one's own, or all for who approves. GET /v1/domains/{domain}/listening-requests.
func (c *Client) ListListeningRequests(ctx context.Context, domain string, q ListListeningRequestsQuery, options ...Option) (PageListeningRequest, Answer, error) {
	var out PageListeningRequest
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/listening-requests", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListMailboxesQuery is what ListMailboxes may ask for; zero values are left out.
type ListMailboxesQuery struct {
	After  string // next of the page before next of the page before
	Limit  int64
	Filter []string // field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka
}

func (q ListMailboxesQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit).texts("filter", q.Filter))
}

// ListMailboxes: list mailboxes. GET /v1/domains/{domain}/mailboxes.
func (c *Client) ListMailboxes(ctx context.Context, domain string, q ListMailboxesQuery, options ...Option) (PageMailbox, Answer, error) {
	var out PageMailbox
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/mailboxes", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListMenuVersions: read what was activated, and what callers hear. GET /v1/domains/{domain}/menus/{key}/versions.
func (c *Client) ListMenuVersions(ctx context.Context, domain string, key string, options ...Option) (MenuVersions, Answer, error) {
	var out MenuVersions
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/menus/{key}/versions", domain, key)}, &out, options)
	return out, at, err
}

// ListMenusQuery is what ListMenus may ask for; zero values are left out.
type ListMenusQuery struct {
	After  string // next of the page before next of the page before
	Limit  int64
	Filter []string // field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka
}

func (q ListMenusQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit).texts("filter", q.Filter))
}

// ListMenus: list menus. GET /v1/domains/{domain}/menus.
func (c *Client) ListMenus(ctx context.Context, domain string, q ListMenusQuery, options ...Option) (PageMenu, Answer, error) {
	var out PageMenu
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/menus", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListMessages: the messages of an own mailbox, the newest first. GET /v1/domains/{domain}/mailboxes/{key}/messages.
func (c *Client) ListMessages(ctx context.Context, domain string, key string, options ...Option) (MessageList, Answer, error) {
	var out MessageList
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/mailboxes/{key}/messages", domain, key)}, &out, options)
	return out, at, err
}

// ListNoticesQuery is what ListNotices may ask for; zero values are left out.
type ListNoticesQuery struct {
	After  string // next of the page before next of the page before
	Limit  int64
	Filter []string // field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka
}

func (q ListNoticesQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit).texts("filter", q.Filter))
}

// ListNotices: list notices. GET /v1/domains/{domain}/notices.
func (c *Client) ListNotices(ctx context.Context, domain string, q ListNoticesQuery, options ...Option) (PageNotice, Answer, error) {
	var out PageNotice
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/notices", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListPagingGroupsQuery is what ListPagingGroups may ask for; zero values are left out.
type ListPagingGroupsQuery struct {
	After  string // next of the page before next of the page before
	Limit  int64
	Filter []string // field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka
}

func (q ListPagingGroupsQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit).texts("filter", q.Filter))
}

// ListPagingGroups: list paging-groups. GET /v1/domains/{domain}/paging-groups.
func (c *Client) ListPagingGroups(ctx context.Context, domain string, q ListPagingGroupsQuery, options ...Option) (PagePagingGroup, Answer, error) {
	var out PagePagingGroup
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/paging-groups", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListParkingLotsQuery is what ListParkingLots may ask for; zero values are left out.
type ListParkingLotsQuery struct {
	After  string // next of the page before next of the page before
	Limit  int64
	Filter []string // field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka
}

func (q ListParkingLotsQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit).texts("filter", q.Filter))
}

// ListParkingLots: list parking-lots. GET /v1/domains/{domain}/parking-lots.
func (c *Client) ListParkingLots(ctx context.Context, domain string, q ListParkingLotsQuery, options ...Option) (PageParkingLot, Answer, error) {
	var out PageParkingLot
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/parking-lots", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListPrompts: list announcements, the built-in ones too. GET /v1/domains/{domain}/prompts.
func (c *Client) ListPrompts(ctx context.Context, domain string, options ...Option) (PagePromptInfo, Answer, error) {
	var out PagePromptInfo
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/prompts", domain)}, &out, options)
	return out, at, err
}

// ListProposalsQuery is what ListProposals may ask for; zero values are left out.
type ListProposalsQuery struct {
	After string // next of the page before next of the page before
	Limit int64
}

func (q ListProposalsQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit))
}

// ListProposals: list what waits for others to agree. GET /v1/domains/{domain}/proposals.
func (c *Client) ListProposals(ctx context.Context, domain string, q ListProposalsQuery, options ...Option) (PageProposal, Answer, error) {
	var out PageProposal
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/proposals", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListProvisionersQuery is what ListProvisioners may ask for; zero values are left out.
type ListProvisionersQuery struct {
	After  string // next of the page before next of the page before
	Limit  int64
	Filter []string // field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka
}

func (q ListProvisionersQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit).texts("filter", q.Filter))
}

// ListProvisioners: list provisioners. GET /v1/domains/{domain}/provisioners.
func (c *Client) ListProvisioners(ctx context.Context, domain string, q ListProvisionersQuery, options ...Option) (PageProvisioner, Answer, error) {
	var out PageProvisioner
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/provisioners", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListQueuesQuery is what ListQueues may ask for; zero values are left out.
type ListQueuesQuery struct {
	After  string // next of the page before next of the page before
	Limit  int64
	Filter []string // field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka
}

func (q ListQueuesQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit).texts("filter", q.Filter))
}

// ListQueues: list queues. GET /v1/domains/{domain}/queues.
func (c *Client) ListQueues(ctx context.Context, domain string, q ListQueuesQuery, options ...Option) (PageQueue, Answer, error) {
	var out PageQueue
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/queues", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListRecalls: list who wants to be rung when a colleague is free; staff see their own. GET /v1/domains/{domain}/recalls.
func (c *Client) ListRecalls(ctx context.Context, domain string, options ...Option) (PageRecall, Answer, error) {
	var out PageRecall
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/recalls", domain)}, &out, options)
	return out, at, err
}

// ListRecordingKeys: the keys that recordings are sealed to, and what each is needed for. GET /v1/domains/{domain}/recording-keys.
func (c *Client) ListRecordingKeys(ctx context.Context, domain string, options ...Option) (PageRecordingKey, Answer, error) {
	var out PageRecordingKey
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/recording-keys", domain)}, &out, options)
	return out, at, err
}

// ListRecordingNotes: what people wrote about a recording, and its cases. GET /v1/domains/{domain}/recordings/{key}/notes.
func (c *Client) ListRecordingNotes(ctx context.Context, domain string, key string, options ...Option) (RecordingRemarks, Answer, error) {
	var out RecordingRemarks
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/recordings/{key}/notes", domain, key)}, &out, options)
	return out, at, err
}

// ListRecordingPoliciesQuery is what ListRecordingPolicies may ask for; zero values are left out.
type ListRecordingPoliciesQuery struct {
	After  string // next of the page before next of the page before
	Limit  int64
	Filter []string // field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka
}

func (q ListRecordingPoliciesQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit).texts("filter", q.Filter))
}

// ListRecordingPolicies: list recording-policies. GET /v1/domains/{domain}/recording-policies.
func (c *Client) ListRecordingPolicies(ctx context.Context, domain string, q ListRecordingPoliciesQuery, options ...Option) (PageRecordingPolicy, Answer, error) {
	var out PageRecordingPolicy
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/recording-policies", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListRecordingScopesQuery is what ListRecordingScopes may ask for; zero values are left out.
type ListRecordingScopesQuery struct {
	After  string // next of the page before next of the page before
	Limit  int64
	Filter []string // field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka
}

func (q ListRecordingScopesQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit).texts("filter", q.Filter))
}

// ListRecordingScopes: list recording-scopes. GET /v1/domains/{domain}/recording-scopes.
func (c *Client) ListRecordingScopes(ctx context.Context, domain string, q ListRecordingScopesQuery, options ...Option) (PageRecordingScope, Answer, error) {
	var out PageRecordingScope
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/recording-scopes", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListRejectionsQuery is what ListRejections may ask for; zero values are left out.
type ListRejectionsQuery struct {
	After  string // next of the page before next of the page before
	Limit  int64
	Filter []string // field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka
}

func (q ListRejectionsQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit).texts("filter", q.Filter))
}

// ListRejections: list rejections. GET /v1/domains/{domain}/rejections.
func (c *Client) ListRejections(ctx context.Context, domain string, q ListRejectionsQuery, options ...Option) (PageRejection, Answer, error) {
	var out PageRejection
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/rejections", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListRestrictionsQuery is what ListRestrictions may ask for; zero values are left out.
type ListRestrictionsQuery struct {
	After  string // next of the page before next of the page before
	Limit  int64
	Filter []string // field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka
}

func (q ListRestrictionsQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit).texts("filter", q.Filter))
}

// ListRestrictions: list restrictions. GET /v1/domains/{domain}/restrictions.
func (c *Client) ListRestrictions(ctx context.Context, domain string, q ListRestrictionsQuery, options ...Option) (PageRestriction, Answer, error) {
	var out PageRestriction
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/restrictions", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListRoles: list the roles and what each may do. GET /v1/domains/{domain}/roles.
func (c *Client) ListRoles(ctx context.Context, domain string, options ...Option) (PageRoleInfo, Answer, error) {
	var out PageRoleInfo
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/roles", domain)}, &out, options)
	return out, at, err
}

// ListSessions: where a user is signed in. GET /v1/domains/{domain}/users/{key}/sessions.
func (c *Client) ListSessions(ctx context.Context, domain string, key string, options ...Option) (PageSignInSession, Answer, error) {
	var out PageSignInSession
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/users/{key}/sessions", domain, key)}, &out, options)
	return out, at, err
}

// ListSettingsQuery is what ListSettings may ask for; zero values are left out.
type ListSettingsQuery struct {
	After  string // next of the page before next of the page before
	Limit  int64
	Filter []string // field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka
}

func (q ListSettingsQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit).texts("filter", q.Filter))
}

// ListSettings: list settings. GET /v1/domains/{domain}/settings.
func (c *Client) ListSettings(ctx context.Context, domain string, q ListSettingsQuery, options ...Option) (PageSettings, Answer, error) {
	var out PageSettings
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/settings", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListShortNumbersQuery is what ListShortNumbers may ask for; zero values are left out.
type ListShortNumbersQuery struct {
	After  string // next of the page before next of the page before
	Limit  int64
	Filter []string // field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka
}

func (q ListShortNumbersQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit).texts("filter", q.Filter))
}

// ListShortNumbers: list short-numbers. GET /v1/domains/{domain}/short-numbers.
func (c *Client) ListShortNumbers(ctx context.Context, domain string, q ListShortNumbersQuery, options ...Option) (PageShortNumbers, Answer, error) {
	var out PageShortNumbers
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/short-numbers", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListSitePoliciesQuery is what ListSitePolicies may ask for; zero values are left out.
type ListSitePoliciesQuery struct {
	After  string // next of the page before next of the page before
	Limit  int64
	Filter []string // field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka
}

func (q ListSitePoliciesQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit).texts("filter", q.Filter))
}

// ListSitePolicies: list site-policies. GET /v1/domains/{domain}/site-policies.
func (c *Client) ListSitePolicies(ctx context.Context, domain string, q ListSitePoliciesQuery, options ...Option) (PageSitePolicy, Answer, error) {
	var out PageSitePolicy
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/site-policies", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListSitesQuery is what ListSites may ask for; zero values are left out.
type ListSitesQuery struct {
	After  string // next of the page before next of the page before
	Limit  int64
	Filter []string // field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka
}

func (q ListSitesQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit).texts("filter", q.Filter))
}

// ListSites: list sites. GET /v1/domains/{domain}/sites.
func (c *Client) ListSites(ctx context.Context, domain string, q ListSitesQuery, options ...Option) (PageSite, Answer, error) {
	var out PageSite
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/sites", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListSoftphones: apps that were enrolled for an extension. GET /v1/domains/{domain}/extensions/{key}/softphones.
func (c *Client) ListSoftphones(ctx context.Context, domain string, key string, options ...Option) (PageSoftphone, Answer, error) {
	var out PageSoftphone
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/extensions/{key}/softphones", domain, key)}, &out, options)
	return out, at, err
}

// ListSupervisionsQuery is what ListSupervisions may ask for; zero values are left out.
type ListSupervisionsQuery struct {
	After  string // next of the page before next of the page before
	Limit  int64
	Filter []string // field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka
}

func (q ListSupervisionsQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit).texts("filter", q.Filter))
}

// ListSupervisions: list supervisions. GET /v1/domains/{domain}/supervisions.
func (c *Client) ListSupervisions(ctx context.Context, domain string, q ListSupervisionsQuery, options ...Option) (PageSupervision, Answer, error) {
	var out PageSupervision
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/supervisions", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListTrunksQuery is what ListTrunks may ask for; zero values are left out.
type ListTrunksQuery struct {
	After  string // next of the page before next of the page before
	Limit  int64
	Filter []string // field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka
}

func (q ListTrunksQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit).texts("filter", q.Filter))
}

// ListTrunks: list trunks. GET /v1/domains/{domain}/trunks.
func (c *Client) ListTrunks(ctx context.Context, domain string, q ListTrunksQuery, options ...Option) (PageTrunk, Answer, error) {
	var out PageTrunk
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/trunks", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListUsersQuery is what ListUsers may ask for; zero values are left out.
type ListUsersQuery struct {
	After  string // next of the page before next of the page before
	Limit  int64
	Filter []string // field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka
}

func (q ListUsersQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit).texts("filter", q.Filter))
}

// ListUsers: list users. GET /v1/domains/{domain}/users.
func (c *Client) ListUsers(ctx context.Context, domain string, q ListUsersQuery, options ...Option) (PageUser, Answer, error) {
	var out PageUser
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/users", domain), query: q.values()}, &out, options)
	return out, at, err
}

// ListWebhooksQuery is what ListWebhooks may ask for; zero values are left out.
type ListWebhooksQuery struct {
	After  string // next of the page before next of the page before
	Limit  int64
	Filter []string // field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka field=value, or field~text for a part of it, in either case; of several all must hold: filter=department=税務課&filter=name~tanaka
}

func (q ListWebhooksQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("limit", q.Limit).texts("filter", q.Filter))
}

// ListWebhooks: list webhooks. GET /v1/domains/{domain}/webhooks.
func (c *Client) ListWebhooks(ctx context.Context, domain string, q ListWebhooksQuery, options ...Option) (PageWebhook, Answer, error) {
	var out PageWebhook
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/webhooks", domain), query: q.values()}, &out, options)
	return out, at, err
}

// MakeChange: make a set of changes as a draft; it is tried as a whole, and nothing is changed. POST /v1/domains/{domain}/changes.
func (c *Client) MakeChange(ctx context.Context, domain string, body ChangeBody, options ...Option) (ChangeSet, Answer, error) {
	var out ChangeSet
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/changes", domain), body: body}, &out, options)
	return out, at, err
}

// MarkMessage: mark a message as heard, or as new. PUT /v1/domains/{domain}/mailboxes/{key}/messages/{id}/heard.
func (c *Client) MarkMessage(ctx context.Context, domain string, key string, id string, body HeardInputBody, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/mailboxes/{key}/messages/{id}/heard", domain, key, id), body: body}, nil, options)
}

// MonitorCall: ring the supervisor's own telephone and let it hear the call of an extension. POST /v1/domains/{domain}/extensions/{key}/monitor.
func (c *Client) MonitorCall(ctx context.Context, domain string, key string, body MonitorInputBody, options ...Option) (StartOutputBody, Answer, error) {
	var out StartOutputBody
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/extensions/{key}/monitor", domain, key), body: body}, &out, options)
	return out, at, err
}

// MoveCall: ring the other telephones of an extension that talks in the call; it talks on at the one that answers. Staff their own extension. POST /v1/domains/{domain}/calls/{key}/move.
func (c *Client) MoveCall(ctx context.Context, domain string, key string, body MoveInputBody, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/calls/{key}/move", domain, key), body: body}, nil, options)
}

// NewDeviceClaimQuery is what NewDeviceClaim may ask for; zero values are left out.
type NewDeviceClaimQuery struct {
	Hours int64 // How long the code counts How long the code counts
}

func (q NewDeviceClaimQuery) values() url.Values {
	return url.Values(query{}.number("hours", q.Hours))
}

// NewDeviceClaim: make the code by which a device gets its configuration, once; the one of before ends. POST /v1/domains/{domain}/devices/{key}/claim.
func (c *Client) NewDeviceClaim(ctx context.Context, domain string, key string, q NewDeviceClaimQuery, options ...Option) (DeviceClaim, Answer, error) {
	var out DeviceClaim
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/devices/{key}/claim", domain, key), query: q.values()}, &out, options)
	return out, at, err
}

// NewDirectoryAccountSecret: make a new secret for LDAP and XML; the old one ends. POST /v1/domains/{domain}/directory-accounts/{key}/secret.
func (c *Client) NewDirectoryAccountSecret(ctx context.Context, domain string, key string, options ...Option) (ShownOnce, Answer, error) {
	var out ShownOnce
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/directory-accounts/{key}/secret", domain, key)}, &out, options)
	return out, at, err
}

// NewExtensionSecret: make a new SIP password; the old one ends. POST /v1/domains/{domain}/extensions/{key}/secret.
func (c *Client) NewExtensionSecret(ctx context.Context, domain string, key string, options ...Option) (ShownOnce, Answer, error) {
	var out ShownOnce
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/extensions/{key}/secret", domain, key)}, &out, options)
	return out, at, err
}

// NewProvisionerSecret: make a new secret of a SCIM client; the old one ends. POST /v1/domains/{domain}/provisioners/{key}/secret.
func (c *Client) NewProvisionerSecret(ctx context.Context, domain string, key string, options ...Option) (ShownOnce, Answer, error) {
	var out ShownOnce
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/provisioners/{key}/secret", domain, key)}, &out, options)
	return out, at, err
}

// NewWebhookSecret: make a new signing key; the old one ends. POST /v1/domains/{domain}/webhooks/{key}/secret.
func (c *Client) NewWebhookSecret(ctx context.Context, domain string, key string, options ...Option) (ShownOnce, Answer, error) {
	var out ShownOnce
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/webhooks/{key}/secret", domain, key)}, &out, options)
	return out, at, err
}

// PatchAgentQuery is what PatchAgent may ask for; zero values are left out.
type PatchAgentQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PatchAgentQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PatchAgent: change fields of one of agents; null takes a field away. PATCH /v1/domains/{domain}/agents/{key}.
func (c *Client) PatchAgent(ctx context.Context, domain string, key string, q PatchAgentQuery, fields any, options ...Option) (Agent, Answer, error) {
	var out Agent
	at, err := c.do(ctx, call{method: httpPatch, path: path("/v1/domains/{domain}/agents/{key}", domain, key), query: q.values(), body: fields, kind: "application/merge-patch+json"}, &out, options)
	return out, at, err
}

// PatchCalendarQuery is what PatchCalendar may ask for; zero values are left out.
type PatchCalendarQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PatchCalendarQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PatchCalendar: change fields of one of calendars; null takes a field away. PATCH /v1/domains/{domain}/calendars/{key}.
func (c *Client) PatchCalendar(ctx context.Context, domain string, key string, q PatchCalendarQuery, fields any, options ...Option) (Calendar, Answer, error) {
	var out Calendar
	at, err := c.do(ctx, call{method: httpPatch, path: path("/v1/domains/{domain}/calendars/{key}", domain, key), query: q.values(), body: fields, kind: "application/merge-patch+json"}, &out, options)
	return out, at, err
}

// PatchConferenceQuery is what PatchConference may ask for; zero values are left out.
type PatchConferenceQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PatchConferenceQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PatchConference: change fields of one of conferences; null takes a field away. PATCH /v1/domains/{domain}/conferences/{key}.
func (c *Client) PatchConference(ctx context.Context, domain string, key string, q PatchConferenceQuery, fields any, options ...Option) (Conference, Answer, error) {
	var out Conference
	at, err := c.do(ctx, call{method: httpPatch, path: path("/v1/domains/{domain}/conferences/{key}", domain, key), query: q.values(), body: fields, kind: "application/merge-patch+json"}, &out, options)
	return out, at, err
}

// PatchContactQuery is what PatchContact may ask for; zero values are left out.
type PatchContactQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PatchContactQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PatchContact: change fields of one of contacts; null takes a field away. PATCH /v1/domains/{domain}/contacts/{key}.
func (c *Client) PatchContact(ctx context.Context, domain string, key string, q PatchContactQuery, fields any, options ...Option) (Contact, Answer, error) {
	var out Contact
	at, err := c.do(ctx, call{method: httpPatch, path: path("/v1/domains/{domain}/contacts/{key}", domain, key), query: q.values(), body: fields, kind: "application/merge-patch+json"}, &out, options)
	return out, at, err
}

// PatchDepartmentQuery is what PatchDepartment may ask for; zero values are left out.
type PatchDepartmentQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PatchDepartmentQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PatchDepartment: change fields of one of departments; null takes a field away. PATCH /v1/domains/{domain}/departments/{key}.
func (c *Client) PatchDepartment(ctx context.Context, domain string, key string, q PatchDepartmentQuery, fields any, options ...Option) (Department, Answer, error) {
	var out Department
	at, err := c.do(ctx, call{method: httpPatch, path: path("/v1/domains/{domain}/departments/{key}", domain, key), query: q.values(), body: fields, kind: "application/merge-patch+json"}, &out, options)
	return out, at, err
}

// PatchDeviceQuery is what PatchDevice may ask for; zero values are left out.
type PatchDeviceQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PatchDeviceQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PatchDevice: change fields of one of devices; null takes a field away. PATCH /v1/domains/{domain}/devices/{key}.
func (c *Client) PatchDevice(ctx context.Context, domain string, key string, q PatchDeviceQuery, fields any, options ...Option) (ManagedDevice, Answer, error) {
	var out ManagedDevice
	at, err := c.do(ctx, call{method: httpPatch, path: path("/v1/domains/{domain}/devices/{key}", domain, key), query: q.values(), body: fields, kind: "application/merge-patch+json"}, &out, options)
	return out, at, err
}

// PatchDIDQuery is what PatchDID may ask for; zero values are left out.
type PatchDIDQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PatchDIDQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PatchDID: change fields of one of dids; null takes a field away. PATCH /v1/domains/{domain}/dids/{key}.
func (c *Client) PatchDID(ctx context.Context, domain string, key string, q PatchDIDQuery, fields any, options ...Option) (DID, Answer, error) {
	var out DID
	at, err := c.do(ctx, call{method: httpPatch, path: path("/v1/domains/{domain}/dids/{key}", domain, key), query: q.values(), body: fields, kind: "application/merge-patch+json"}, &out, options)
	return out, at, err
}

// PatchDirectoryAccountQuery is what PatchDirectoryAccount may ask for; zero values are left out.
type PatchDirectoryAccountQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PatchDirectoryAccountQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PatchDirectoryAccount: change fields of one of directory-accounts; null takes a field away. PATCH /v1/domains/{domain}/directory-accounts/{key}.
func (c *Client) PatchDirectoryAccount(ctx context.Context, domain string, key string, q PatchDirectoryAccountQuery, fields any, options ...Option) (BookAccount, Answer, error) {
	var out BookAccount
	at, err := c.do(ctx, call{method: httpPatch, path: path("/v1/domains/{domain}/directory-accounts/{key}", domain, key), query: q.values(), body: fields, kind: "application/merge-patch+json"}, &out, options)
	return out, at, err
}

// PatchDomainQuery is what PatchDomain may ask for; zero values are left out.
type PatchDomainQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PatchDomainQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PatchDomain: change fields of a domain's settings; null takes a field away. PATCH /v1/domains/{domain}.
func (c *Client) PatchDomain(ctx context.Context, domain string, q PatchDomainQuery, fields any, options ...Option) (Domain, Answer, error) {
	var out Domain
	at, err := c.do(ctx, call{method: httpPatch, path: path("/v1/domains/{domain}", domain), query: q.values(), body: fields, kind: "application/merge-patch+json"}, &out, options)
	return out, at, err
}

// PatchExtensionQuery is what PatchExtension may ask for; zero values are left out.
type PatchExtensionQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PatchExtensionQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PatchExtension: change fields of one of extensions; null takes a field away. PATCH /v1/domains/{domain}/extensions/{key}.
func (c *Client) PatchExtension(ctx context.Context, domain string, key string, q PatchExtensionQuery, fields any, options ...Option) (Extension, Answer, error) {
	var out Extension
	at, err := c.do(ctx, call{method: httpPatch, path: path("/v1/domains/{domain}/extensions/{key}", domain, key), query: q.values(), body: fields, kind: "application/merge-patch+json"}, &out, options)
	return out, at, err
}

// PatchFirmwareVersionQuery is what PatchFirmwareVersion may ask for; zero values are left out.
type PatchFirmwareVersionQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PatchFirmwareVersionQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PatchFirmwareVersion: change fields of one of firmware; null takes a field away. PATCH /v1/domains/{domain}/firmware/{key}.
func (c *Client) PatchFirmwareVersion(ctx context.Context, domain string, key string, q PatchFirmwareVersionQuery, fields any, options ...Option) (Firmware, Answer, error) {
	var out Firmware
	at, err := c.do(ctx, call{method: httpPatch, path: path("/v1/domains/{domain}/firmware/{key}", domain, key), query: q.values(), body: fields, kind: "application/merge-patch+json"}, &out, options)
	return out, at, err
}

// PatchGroupQuery is what PatchGroup may ask for; zero values are left out.
type PatchGroupQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PatchGroupQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PatchGroup: change fields of one of groups; null takes a field away. PATCH /v1/domains/{domain}/groups/{key}.
func (c *Client) PatchGroup(ctx context.Context, domain string, key string, q PatchGroupQuery, fields any, options ...Option) (Group, Answer, error) {
	var out Group
	at, err := c.do(ctx, call{method: httpPatch, path: path("/v1/domains/{domain}/groups/{key}", domain, key), query: q.values(), body: fields, kind: "application/merge-patch+json"}, &out, options)
	return out, at, err
}

// PatchMailboxQuery is what PatchMailbox may ask for; zero values are left out.
type PatchMailboxQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PatchMailboxQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PatchMailbox: change fields of one of mailboxes; null takes a field away. PATCH /v1/domains/{domain}/mailboxes/{key}.
func (c *Client) PatchMailbox(ctx context.Context, domain string, key string, q PatchMailboxQuery, fields any, options ...Option) (Mailbox, Answer, error) {
	var out Mailbox
	at, err := c.do(ctx, call{method: httpPatch, path: path("/v1/domains/{domain}/mailboxes/{key}", domain, key), query: q.values(), body: fields, kind: "application/merge-patch+json"}, &out, options)
	return out, at, err
}

// PatchMenuQuery is what PatchMenu may ask for; zero values are left out.
type PatchMenuQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PatchMenuQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PatchMenu: change fields of one of menus; null takes a field away. PATCH /v1/domains/{domain}/menus/{key}.
func (c *Client) PatchMenu(ctx context.Context, domain string, key string, q PatchMenuQuery, fields any, options ...Option) (Menu, Answer, error) {
	var out Menu
	at, err := c.do(ctx, call{method: httpPatch, path: path("/v1/domains/{domain}/menus/{key}", domain, key), query: q.values(), body: fields, kind: "application/merge-patch+json"}, &out, options)
	return out, at, err
}

// PatchPagingGroupQuery is what PatchPagingGroup may ask for; zero values are left out.
type PatchPagingGroupQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PatchPagingGroupQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PatchPagingGroup: change fields of one of paging-groups; null takes a field away. PATCH /v1/domains/{domain}/paging-groups/{key}.
func (c *Client) PatchPagingGroup(ctx context.Context, domain string, key string, q PatchPagingGroupQuery, fields any, options ...Option) (PagingGroup, Answer, error) {
	var out PagingGroup
	at, err := c.do(ctx, call{method: httpPatch, path: path("/v1/domains/{domain}/paging-groups/{key}", domain, key), query: q.values(), body: fields, kind: "application/merge-patch+json"}, &out, options)
	return out, at, err
}

// PatchParkingLotQuery is what PatchParkingLot may ask for; zero values are left out.
type PatchParkingLotQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PatchParkingLotQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PatchParkingLot: change fields of one of parking-lots; null takes a field away. PATCH /v1/domains/{domain}/parking-lots/{key}.
func (c *Client) PatchParkingLot(ctx context.Context, domain string, key string, q PatchParkingLotQuery, fields any, options ...Option) (ParkingLot, Answer, error) {
	var out ParkingLot
	at, err := c.do(ctx, call{method: httpPatch, path: path("/v1/domains/{domain}/parking-lots/{key}", domain, key), query: q.values(), body: fields, kind: "application/merge-patch+json"}, &out, options)
	return out, at, err
}

// PatchProvisionerQuery is what PatchProvisioner may ask for; zero values are left out.
type PatchProvisionerQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PatchProvisionerQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PatchProvisioner: change fields of one of provisioners; null takes a field away. PATCH /v1/domains/{domain}/provisioners/{key}.
func (c *Client) PatchProvisioner(ctx context.Context, domain string, key string, q PatchProvisionerQuery, fields any, options ...Option) (Provisioner, Answer, error) {
	var out Provisioner
	at, err := c.do(ctx, call{method: httpPatch, path: path("/v1/domains/{domain}/provisioners/{key}", domain, key), query: q.values(), body: fields, kind: "application/merge-patch+json"}, &out, options)
	return out, at, err
}

// PatchQueueQuery is what PatchQueue may ask for; zero values are left out.
type PatchQueueQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PatchQueueQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PatchQueue: change fields of one of queues; null takes a field away. PATCH /v1/domains/{domain}/queues/{key}.
func (c *Client) PatchQueue(ctx context.Context, domain string, key string, q PatchQueueQuery, fields any, options ...Option) (Queue, Answer, error) {
	var out Queue
	at, err := c.do(ctx, call{method: httpPatch, path: path("/v1/domains/{domain}/queues/{key}", domain, key), query: q.values(), body: fields, kind: "application/merge-patch+json"}, &out, options)
	return out, at, err
}

// PatchRecordingPolicyQuery is what PatchRecordingPolicy may ask for; zero values are left out.
type PatchRecordingPolicyQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PatchRecordingPolicyQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PatchRecordingPolicy: change fields of one of recording-policies; null takes a field away. PATCH /v1/domains/{domain}/recording-policies/{key}.
func (c *Client) PatchRecordingPolicy(ctx context.Context, domain string, key string, q PatchRecordingPolicyQuery, fields any, options ...Option) (RecordingPolicy, Answer, error) {
	var out RecordingPolicy
	at, err := c.do(ctx, call{method: httpPatch, path: path("/v1/domains/{domain}/recording-policies/{key}", domain, key), query: q.values(), body: fields, kind: "application/merge-patch+json"}, &out, options)
	return out, at, err
}

// PatchRecordingScopeQuery is what PatchRecordingScope may ask for; zero values are left out.
type PatchRecordingScopeQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PatchRecordingScopeQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PatchRecordingScope: change fields of one of recording-scopes; null takes a field away. PATCH /v1/domains/{domain}/recording-scopes/{key}.
func (c *Client) PatchRecordingScope(ctx context.Context, domain string, key string, q PatchRecordingScopeQuery, fields any, options ...Option) (RecordingScope, Answer, error) {
	var out RecordingScope
	at, err := c.do(ctx, call{method: httpPatch, path: path("/v1/domains/{domain}/recording-scopes/{key}", domain, key), query: q.values(), body: fields, kind: "application/merge-patch+json"}, &out, options)
	return out, at, err
}

// PatchRejectionQuery is what PatchRejection may ask for; zero values are left out.
type PatchRejectionQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PatchRejectionQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PatchRejection: change fields of one of rejections; null takes a field away. PATCH /v1/domains/{domain}/rejections/{key}.
func (c *Client) PatchRejection(ctx context.Context, domain string, key string, q PatchRejectionQuery, fields any, options ...Option) (Rejection, Answer, error) {
	var out Rejection
	at, err := c.do(ctx, call{method: httpPatch, path: path("/v1/domains/{domain}/rejections/{key}", domain, key), query: q.values(), body: fields, kind: "application/merge-patch+json"}, &out, options)
	return out, at, err
}

// PatchRestrictionQuery is what PatchRestriction may ask for; zero values are left out.
type PatchRestrictionQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PatchRestrictionQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PatchRestriction: change fields of one of restrictions; null takes a field away. PATCH /v1/domains/{domain}/restrictions/{key}.
func (c *Client) PatchRestriction(ctx context.Context, domain string, key string, q PatchRestrictionQuery, fields any, options ...Option) (Restriction, Answer, error) {
	var out Restriction
	at, err := c.do(ctx, call{method: httpPatch, path: path("/v1/domains/{domain}/restrictions/{key}", domain, key), query: q.values(), body: fields, kind: "application/merge-patch+json"}, &out, options)
	return out, at, err
}

// PatchSettingQuery is what PatchSetting may ask for; zero values are left out.
type PatchSettingQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PatchSettingQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PatchSetting: change fields of one of settings; null takes a field away. PATCH /v1/domains/{domain}/settings/{key}.
func (c *Client) PatchSetting(ctx context.Context, domain string, key string, q PatchSettingQuery, fields any, options ...Option) (Settings, Answer, error) {
	var out Settings
	at, err := c.do(ctx, call{method: httpPatch, path: path("/v1/domains/{domain}/settings/{key}", domain, key), query: q.values(), body: fields, kind: "application/merge-patch+json"}, &out, options)
	return out, at, err
}

// PatchShortNumbersListQuery is what PatchShortNumbersList may ask for; zero values are left out.
type PatchShortNumbersListQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PatchShortNumbersListQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PatchShortNumbersList: change fields of one of short-numbers; null takes a field away. PATCH /v1/domains/{domain}/short-numbers/{key}.
func (c *Client) PatchShortNumbersList(ctx context.Context, domain string, key string, q PatchShortNumbersListQuery, fields any, options ...Option) (ShortNumbers, Answer, error) {
	var out ShortNumbers
	at, err := c.do(ctx, call{method: httpPatch, path: path("/v1/domains/{domain}/short-numbers/{key}", domain, key), query: q.values(), body: fields, kind: "application/merge-patch+json"}, &out, options)
	return out, at, err
}

// PatchSiteQuery is what PatchSite may ask for; zero values are left out.
type PatchSiteQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PatchSiteQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PatchSite: change fields of one of sites; null takes a field away. PATCH /v1/domains/{domain}/sites/{key}.
func (c *Client) PatchSite(ctx context.Context, domain string, key string, q PatchSiteQuery, fields any, options ...Option) (Site, Answer, error) {
	var out Site
	at, err := c.do(ctx, call{method: httpPatch, path: path("/v1/domains/{domain}/sites/{key}", domain, key), query: q.values(), body: fields, kind: "application/merge-patch+json"}, &out, options)
	return out, at, err
}

// PatchSitePolicyQuery is what PatchSitePolicy may ask for; zero values are left out.
type PatchSitePolicyQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PatchSitePolicyQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PatchSitePolicy: change fields of one of site-policies; null takes a field away. PATCH /v1/domains/{domain}/site-policies/{key}.
func (c *Client) PatchSitePolicy(ctx context.Context, domain string, key string, q PatchSitePolicyQuery, fields any, options ...Option) (SitePolicy, Answer, error) {
	var out SitePolicy
	at, err := c.do(ctx, call{method: httpPatch, path: path("/v1/domains/{domain}/site-policies/{key}", domain, key), query: q.values(), body: fields, kind: "application/merge-patch+json"}, &out, options)
	return out, at, err
}

// PatchSupervisionQuery is what PatchSupervision may ask for; zero values are left out.
type PatchSupervisionQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PatchSupervisionQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PatchSupervision: change fields of one of supervisions; null takes a field away. PATCH /v1/domains/{domain}/supervisions/{key}.
func (c *Client) PatchSupervision(ctx context.Context, domain string, key string, q PatchSupervisionQuery, fields any, options ...Option) (Supervision, Answer, error) {
	var out Supervision
	at, err := c.do(ctx, call{method: httpPatch, path: path("/v1/domains/{domain}/supervisions/{key}", domain, key), query: q.values(), body: fields, kind: "application/merge-patch+json"}, &out, options)
	return out, at, err
}

// PatchTrunkQuery is what PatchTrunk may ask for; zero values are left out.
type PatchTrunkQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PatchTrunkQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PatchTrunk: change fields of one of trunks; null takes a field away. PATCH /v1/domains/{domain}/trunks/{key}.
func (c *Client) PatchTrunk(ctx context.Context, domain string, key string, q PatchTrunkQuery, fields any, options ...Option) (Trunk, Answer, error) {
	var out Trunk
	at, err := c.do(ctx, call{method: httpPatch, path: path("/v1/domains/{domain}/trunks/{key}", domain, key), query: q.values(), body: fields, kind: "application/merge-patch+json"}, &out, options)
	return out, at, err
}

// PatchUserQuery is what PatchUser may ask for; zero values are left out.
type PatchUserQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PatchUserQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PatchUser: change fields of one of users; null takes a field away. PATCH /v1/domains/{domain}/users/{key}.
func (c *Client) PatchUser(ctx context.Context, domain string, key string, q PatchUserQuery, fields any, options ...Option) (User, Answer, error) {
	var out User
	at, err := c.do(ctx, call{method: httpPatch, path: path("/v1/domains/{domain}/users/{key}", domain, key), query: q.values(), body: fields, kind: "application/merge-patch+json"}, &out, options)
	return out, at, err
}

// PatchWebhookQuery is what PatchWebhook may ask for; zero values are left out.
type PatchWebhookQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PatchWebhookQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PatchWebhook: change fields of one of webhooks; null takes a field away. PATCH /v1/domains/{domain}/webhooks/{key}.
func (c *Client) PatchWebhook(ctx context.Context, domain string, key string, q PatchWebhookQuery, fields any, options ...Option) (Webhook, Answer, error) {
	var out Webhook
	at, err := c.do(ctx, call{method: httpPatch, path: path("/v1/domains/{domain}/webhooks/{key}", domain, key), query: q.values(), body: fields, kind: "application/merge-patch+json"}, &out, options)
	return out, at, err
}

// PauseRecording: record nothing of a call while a card number, say, is given; it goes on by itself after the policy's pause_seconds. Staff one of their own. POST /v1/domains/{domain}/calls/{key}/recording/pause.
func (c *Client) PauseRecording(ctx context.Context, domain string, key string, body PauseInputBody, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/calls/{key}/recording/pause", domain, key), body: body}, nil, options)
}

// PlayMessage: the audio: 16-bit PCM WAV, one channel; ranges are served. It is not marked as heard by that. GET /v1/domains/{domain}/mailboxes/{key}/messages/{id}/audio.
func (c *Client) PlayMessage(ctx context.Context, domain string, key string, id string, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/mailboxes/{key}/messages/{id}/audio", domain, key, id)}, nil, options)
}

// ProposeChangeQuery is what ProposeChange may ask for; zero values are left out.
type ProposeChangeQuery struct {
	Reason string // Why, for the history Why, for the history
}

func (q ProposeChangeQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// ProposeChange: end the draft: it waits for others, for its time, or is carried out. POST /v1/domains/{domain}/changes/{key}/propose.
func (c *Client) ProposeChange(ctx context.Context, domain string, key string, q ProposeChangeQuery, options ...Option) (ChangeSet, Answer, error) {
	var out ChangeSet
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/changes/{key}/propose", domain, key), query: q.values()}, &out, options)
	return out, at, err
}

// PutAgentQuery is what PutAgent may ask for; zero values are left out.
type PutAgentQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PutAgentQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PutAgent: create or replace one of agents. PUT /v1/domains/{domain}/agents/{key}.
func (c *Client) PutAgent(ctx context.Context, domain string, key string, q PutAgentQuery, body Agent, options ...Option) (Agent, Answer, error) {
	var out Agent
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/agents/{key}", domain, key), query: q.values(), body: body}, &out, options)
	return out, at, err
}

// PutCalendarQuery is what PutCalendar may ask for; zero values are left out.
type PutCalendarQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PutCalendarQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PutCalendar: create or replace one of calendars. PUT /v1/domains/{domain}/calendars/{key}.
func (c *Client) PutCalendar(ctx context.Context, domain string, key string, q PutCalendarQuery, body Calendar, options ...Option) (Calendar, Answer, error) {
	var out Calendar
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/calendars/{key}", domain, key), query: q.values(), body: body}, &out, options)
	return out, at, err
}

// PutChange: change a draft; it is tried anew. PUT /v1/domains/{domain}/changes/{key}.
func (c *Client) PutChange(ctx context.Context, domain string, key string, body ChangeBody, options ...Option) (ChangeSet, Answer, error) {
	var out ChangeSet
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/changes/{key}", domain, key), body: body}, &out, options)
	return out, at, err
}

// PutChangeRules: change them; what asks for less waits for another person. PUT /v1/domains/{domain}/change-rules.
func (c *Client) PutChangeRules(ctx context.Context, domain string, body ChangeRules, options ...Option) (ChangeRules, Answer, error) {
	var out ChangeRules
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/change-rules", domain), body: body}, &out, options)
	return out, at, err
}

// PutConferenceQuery is what PutConference may ask for; zero values are left out.
type PutConferenceQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PutConferenceQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PutConference: create or replace one of conferences. PUT /v1/domains/{domain}/conferences/{key}.
func (c *Client) PutConference(ctx context.Context, domain string, key string, q PutConferenceQuery, body Conference, options ...Option) (Conference, Answer, error) {
	var out Conference
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/conferences/{key}", domain, key), query: q.values(), body: body}, &out, options)
	return out, at, err
}

// PutConferencePIN: set the PINs of a conference. PUT /v1/domains/{domain}/conferences/{key}/pin.
func (c *Client) PutConferencePIN(ctx context.Context, domain string, key string, body ConferencePINInputBody, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/conferences/{key}/pin", domain, key), body: body}, nil, options)
}

// PutContactQuery is what PutContact may ask for; zero values are left out.
type PutContactQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PutContactQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PutContact: create or replace one of contacts. PUT /v1/domains/{domain}/contacts/{key}.
func (c *Client) PutContact(ctx context.Context, domain string, key string, q PutContactQuery, body Contact, options ...Option) (Contact, Answer, error) {
	var out Contact
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/contacts/{key}", domain, key), query: q.values(), body: body}, &out, options)
	return out, at, err
}

// PutDepartmentQuery is what PutDepartment may ask for; zero values are left out.
type PutDepartmentQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PutDepartmentQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PutDepartment: create or replace one of departments. PUT /v1/domains/{domain}/departments/{key}.
func (c *Client) PutDepartment(ctx context.Context, domain string, key string, q PutDepartmentQuery, body Department, options ...Option) (Department, Answer, error) {
	var out Department
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/departments/{key}", domain, key), query: q.values(), body: body}, &out, options)
	return out, at, err
}

// PutDeviceQuery is what PutDevice may ask for; zero values are left out.
type PutDeviceQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PutDeviceQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PutDevice: create or replace one of devices. PUT /v1/domains/{domain}/devices/{key}.
func (c *Client) PutDevice(ctx context.Context, domain string, key string, q PutDeviceQuery, body ManagedDevice, options ...Option) (ManagedDevice, Answer, error) {
	var out ManagedDevice
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/devices/{key}", domain, key), query: q.values(), body: body}, &out, options)
	return out, at, err
}

// PutDeviceParticulars: set serial number and contract of a device. PUT /v1/domains/{domain}/devices/{key}/particulars.
func (c *Client) PutDeviceParticulars(ctx context.Context, domain string, key string, body DeviceParticulars, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/devices/{key}/particulars", domain, key), body: body}, nil, options)
}

// PutDeviceState: lock, quarantine or wipe a device, or take it back into service: its registrations end at once. PUT /v1/domains/{domain}/devices/{key}/state.
func (c *Client) PutDeviceState(ctx context.Context, domain string, key string, body DeviceStateInputBody, options ...Option) (DeviceStatus, Answer, error) {
	var out DeviceStatus
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/devices/{key}/state", domain, key), body: body}, &out, options)
	return out, at, err
}

// PutDIDQuery is what PutDID may ask for; zero values are left out.
type PutDIDQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PutDIDQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PutDID: create or replace one of dids. PUT /v1/domains/{domain}/dids/{key}.
func (c *Client) PutDID(ctx context.Context, domain string, key string, q PutDIDQuery, body DID, options ...Option) (DID, Answer, error) {
	var out DID
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/dids/{key}", domain, key), query: q.values(), body: body}, &out, options)
	return out, at, err
}

// PutDirectoryAccountQuery is what PutDirectoryAccount may ask for; zero values are left out.
type PutDirectoryAccountQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PutDirectoryAccountQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PutDirectoryAccount: create or replace one of directory-accounts. PUT /v1/domains/{domain}/directory-accounts/{key}.
func (c *Client) PutDirectoryAccount(ctx context.Context, domain string, key string, q PutDirectoryAccountQuery, body BookAccount, options ...Option) (BookAccount, Answer, error) {
	var out BookAccount
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/directory-accounts/{key}", domain, key), query: q.values(), body: body}, &out, options)
	return out, at, err
}

// PutDomainQuery is what PutDomain may ask for; zero values are left out.
type PutDomainQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PutDomainQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PutDomain: replace a domain's settings. PUT /v1/domains/{domain}.
func (c *Client) PutDomain(ctx context.Context, domain string, q PutDomainQuery, body Domain, options ...Option) (Domain, Answer, error) {
	var out Domain
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}", domain), query: q.values(), body: body}, &out, options)
	return out, at, err
}

// PutDuties: change them: a new pair counts for whoever is given a role from now on, one that goes waits for another person. PUT /v1/domains/{domain}/duties.
func (c *Client) PutDuties(ctx context.Context, domain string, body Duties, options ...Option) (Duties, Answer, error) {
	var out Duties
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/duties", domain), body: body}, &out, options)
	return out, at, err
}

// PutExtensionQuery is what PutExtension may ask for; zero values are left out.
type PutExtensionQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PutExtensionQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PutExtension: create or replace an extension; a new one's answer holds its SIP password. PUT /v1/domains/{domain}/extensions/{key}.
func (c *Client) PutExtension(ctx context.Context, domain string, key string, q PutExtensionQuery, body Extension, options ...Option) (ExtensionOnce, Answer, error) {
	var out ExtensionOnce
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/extensions/{key}", domain, key), query: q.values(), body: body}, &out, options)
	return out, at, err
}

// PutExtensionPIN: set the personal PIN of an extension. PUT /v1/domains/{domain}/extensions/{key}/pin.
func (c *Client) PutExtensionPIN(ctx context.Context, domain string, key string, body PinInputBody, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/extensions/{key}/pin", domain, key), body: body}, nil, options)
}

// PutFeatureCodes: change codes; a feature that is left out gets its default back. PUT /v1/domains/{domain}/feature-codes.
func (c *Client) PutFeatureCodes(ctx context.Context, domain string, body FeatureCodes, options ...Option) (CodeTable, Answer, error) {
	var out CodeTable
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/feature-codes", domain), body: body}, &out, options)
	return out, at, err
}

// PutFirmwareFile: upload the file: it must have the hash and size of the catalogue. PUT /v1/domains/{domain}/firmware/{key}/file.
func (c *Client) PutFirmwareFile(ctx context.Context, domain string, key string, body io.Reader, kind string, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/firmware/{key}/file", domain, key), body: body, kind: kind}, nil, options)
}

// PutFirmwareVersionQuery is what PutFirmwareVersion may ask for; zero values are left out.
type PutFirmwareVersionQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PutFirmwareVersionQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PutFirmwareVersion: create or replace one of firmware. PUT /v1/domains/{domain}/firmware/{key}.
func (c *Client) PutFirmwareVersion(ctx context.Context, domain string, key string, q PutFirmwareVersionQuery, body Firmware, options ...Option) (Firmware, Answer, error) {
	var out Firmware
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/firmware/{key}", domain, key), query: q.values(), body: body}, &out, options)
	return out, at, err
}

// PutGroupQuery is what PutGroup may ask for; zero values are left out.
type PutGroupQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PutGroupQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PutGroup: create or replace one of groups. PUT /v1/domains/{domain}/groups/{key}.
func (c *Client) PutGroup(ctx context.Context, domain string, key string, q PutGroupQuery, body Group, options ...Option) (Group, Answer, error) {
	var out Group
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/groups/{key}", domain, key), query: q.values(), body: body}, &out, options)
	return out, at, err
}

// PutLifecycleRules: replace the rules. What lets people hear or decide more waits for another person. PUT /v1/domains/{domain}/lifecycle-rules.
func (c *Client) PutLifecycleRules(ctx context.Context, domain string, body LifecycleRules, options ...Option) (LifecycleRules, Answer, error) {
	var out LifecycleRules
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/lifecycle-rules", domain), body: body}, &out, options)
	return out, at, err
}

// PutListeningRules: change them; what is left out gets its default back, which denies. What allows more waits for another person. PUT /v1/domains/{domain}/listening-rules.
func (c *Client) PutListeningRules(ctx context.Context, domain string, body ListeningRules, options ...Option) (ListeningRules, Answer, error) {
	var out ListeningRules
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/listening-rules", domain), body: body}, &out, options)
	return out, at, err
}

// PutMailboxQuery is what PutMailbox may ask for; zero values are left out.
type PutMailboxQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PutMailboxQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PutMailbox: create or replace one of mailboxes. PUT /v1/domains/{domain}/mailboxes/{key}.
func (c *Client) PutMailbox(ctx context.Context, domain string, key string, q PutMailboxQuery, body Mailbox, options ...Option) (Mailbox, Answer, error) {
	var out Mailbox
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/mailboxes/{key}", domain, key), query: q.values(), body: body}, &out, options)
	return out, at, err
}

// PutMailboxPIN: set the PIN of a mailbox; its owners alone may. PUT /v1/domains/{domain}/mailboxes/{key}/pin.
func (c *Client) PutMailboxPIN(ctx context.Context, domain string, key string, body MailboxPINInputBody, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/mailboxes/{key}/pin", domain, key), body: body}, nil, options)
}

// PutMenuQuery is what PutMenu may ask for; zero values are left out.
type PutMenuQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PutMenuQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PutMenu: create or replace one of menus. PUT /v1/domains/{domain}/menus/{key}.
func (c *Client) PutMenu(ctx context.Context, domain string, key string, q PutMenuQuery, body Menu, options ...Option) (Menu, Answer, error) {
	var out Menu
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/menus/{key}", domain, key), query: q.values(), body: body}, &out, options)
	return out, at, err
}

// PutPagingGroupQuery is what PutPagingGroup may ask for; zero values are left out.
type PutPagingGroupQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PutPagingGroupQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PutPagingGroup: create or replace one of paging-groups. PUT /v1/domains/{domain}/paging-groups/{key}.
func (c *Client) PutPagingGroup(ctx context.Context, domain string, key string, q PutPagingGroupQuery, body PagingGroup, options ...Option) (PagingGroup, Answer, error) {
	var out PagingGroup
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/paging-groups/{key}", domain, key), query: q.values(), body: body}, &out, options)
	return out, at, err
}

// PutParkingLotQuery is what PutParkingLot may ask for; zero values are left out.
type PutParkingLotQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PutParkingLotQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PutParkingLot: create or replace one of parking-lots. PUT /v1/domains/{domain}/parking-lots/{key}.
func (c *Client) PutParkingLot(ctx context.Context, domain string, key string, q PutParkingLotQuery, body ParkingLot, options ...Option) (ParkingLot, Answer, error) {
	var out ParkingLot
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/parking-lots/{key}", domain, key), query: q.values(), body: body}, &out, options)
	return out, at, err
}

// PutPrompt: upload an announcement. PUT /v1/domains/{domain}/prompts/{language}/{name}.
func (c *Client) PutPrompt(ctx context.Context, domain string, language string, name string, body io.Reader, kind string, options ...Option) (PromptInfo, Answer, error) {
	var out PromptInfo
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/prompts/{language}/{name}", domain, language, name), body: body, kind: kind}, &out, options)
	return out, at, err
}

// PutProvisionerQuery is what PutProvisioner may ask for; zero values are left out.
type PutProvisionerQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PutProvisionerQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PutProvisioner: create or replace a SCIM client; a new one's answer holds its secret. PUT /v1/domains/{domain}/provisioners/{key}.
func (c *Client) PutProvisioner(ctx context.Context, domain string, key string, q PutProvisionerQuery, body Provisioner, options ...Option) (ProvisionerOnce, Answer, error) {
	var out ProvisionerOnce
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/provisioners/{key}", domain, key), query: q.values(), body: body}, &out, options)
	return out, at, err
}

// PutQueueQuery is what PutQueue may ask for; zero values are left out.
type PutQueueQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PutQueueQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PutQueue: create or replace one of queues. PUT /v1/domains/{domain}/queues/{key}.
func (c *Client) PutQueue(ctx context.Context, domain string, key string, q PutQueueQuery, body Queue, options ...Option) (Queue, Answer, error) {
	var out Queue
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/queues/{key}", domain, key), query: q.values(), body: body}, &out, options)
	return out, at, err
}

// PutRecordingPolicyQuery is what PutRecordingPolicy may ask for; zero values are left out.
type PutRecordingPolicyQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PutRecordingPolicyQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PutRecordingPolicy: create or replace one of recording-policies. PUT /v1/domains/{domain}/recording-policies/{key}.
func (c *Client) PutRecordingPolicy(ctx context.Context, domain string, key string, q PutRecordingPolicyQuery, body RecordingPolicy, options ...Option) (RecordingPolicy, Answer, error) {
	var out RecordingPolicy
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/recording-policies/{key}", domain, key), query: q.values(), body: body}, &out, options)
	return out, at, err
}

// PutRecordingScopeQuery is what PutRecordingScope may ask for; zero values are left out.
type PutRecordingScopeQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PutRecordingScopeQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PutRecordingScope: create or replace one of recording-scopes. PUT /v1/domains/{domain}/recording-scopes/{key}.
func (c *Client) PutRecordingScope(ctx context.Context, domain string, key string, q PutRecordingScopeQuery, body RecordingScope, options ...Option) (RecordingScope, Answer, error) {
	var out RecordingScope
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/recording-scopes/{key}", domain, key), query: q.values(), body: body}, &out, options)
	return out, at, err
}

// PutRejectionQuery is what PutRejection may ask for; zero values are left out.
type PutRejectionQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PutRejectionQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PutRejection: create or replace one of rejections. PUT /v1/domains/{domain}/rejections/{key}.
func (c *Client) PutRejection(ctx context.Context, domain string, key string, q PutRejectionQuery, body Rejection, options ...Option) (Rejection, Answer, error) {
	var out Rejection
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/rejections/{key}", domain, key), query: q.values(), body: body}, &out, options)
	return out, at, err
}

// PutRestrictionQuery is what PutRestriction may ask for; zero values are left out.
type PutRestrictionQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PutRestrictionQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PutRestriction: create or replace one of restrictions. PUT /v1/domains/{domain}/restrictions/{key}.
func (c *Client) PutRestriction(ctx context.Context, domain string, key string, q PutRestrictionQuery, body Restriction, options ...Option) (Restriction, Answer, error) {
	var out Restriction
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/restrictions/{key}", domain, key), query: q.values(), body: body}, &out, options)
	return out, at, err
}

// PutSettingQuery is what PutSetting may ask for; zero values are left out.
type PutSettingQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PutSettingQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PutSetting: create or replace one of settings. PUT /v1/domains/{domain}/settings/{key}.
func (c *Client) PutSetting(ctx context.Context, domain string, key string, q PutSettingQuery, body Settings, options ...Option) (Settings, Answer, error) {
	var out Settings
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/settings/{key}", domain, key), query: q.values(), body: body}, &out, options)
	return out, at, err
}

// PutShortNumbersListQuery is what PutShortNumbersList may ask for; zero values are left out.
type PutShortNumbersListQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PutShortNumbersListQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PutShortNumbersList: create or replace one of short-numbers. PUT /v1/domains/{domain}/short-numbers/{key}.
func (c *Client) PutShortNumbersList(ctx context.Context, domain string, key string, q PutShortNumbersListQuery, body ShortNumbers, options ...Option) (ShortNumbers, Answer, error) {
	var out ShortNumbers
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/short-numbers/{key}", domain, key), query: q.values(), body: body}, &out, options)
	return out, at, err
}

// PutSiteQuery is what PutSite may ask for; zero values are left out.
type PutSiteQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PutSiteQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PutSite: create or replace one of sites. PUT /v1/domains/{domain}/sites/{key}.
func (c *Client) PutSite(ctx context.Context, domain string, key string, q PutSiteQuery, body Site, options ...Option) (Site, Answer, error) {
	var out Site
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/sites/{key}", domain, key), query: q.values(), body: body}, &out, options)
	return out, at, err
}

// PutSitePolicyQuery is what PutSitePolicy may ask for; zero values are left out.
type PutSitePolicyQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PutSitePolicyQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PutSitePolicy: create or replace one of site-policies. PUT /v1/domains/{domain}/site-policies/{key}.
func (c *Client) PutSitePolicy(ctx context.Context, domain string, key string, q PutSitePolicyQuery, body SitePolicy, options ...Option) (SitePolicy, Answer, error) {
	var out SitePolicy
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/site-policies/{key}", domain, key), query: q.values(), body: body}, &out, options)
	return out, at, err
}

// PutSupervisionQuery is what PutSupervision may ask for; zero values are left out.
type PutSupervisionQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PutSupervisionQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PutSupervision: create or replace one of supervisions. PUT /v1/domains/{domain}/supervisions/{key}.
func (c *Client) PutSupervision(ctx context.Context, domain string, key string, q PutSupervisionQuery, body Supervision, options ...Option) (Supervision, Answer, error) {
	var out Supervision
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/supervisions/{key}", domain, key), query: q.values(), body: body}, &out, options)
	return out, at, err
}

// PutTrunkQuery is what PutTrunk may ask for; zero values are left out.
type PutTrunkQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PutTrunkQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PutTrunk: create or replace one of trunks. PUT /v1/domains/{domain}/trunks/{key}.
func (c *Client) PutTrunk(ctx context.Context, domain string, key string, q PutTrunkQuery, body Trunk, options ...Option) (Trunk, Answer, error) {
	var out Trunk
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/trunks/{key}", domain, key), query: q.values(), body: body}, &out, options)
	return out, at, err
}

// PutTrunkSecret: set the password towards the carrier. PUT /v1/domains/{domain}/trunks/{key}/secret.
func (c *Client) PutTrunkSecret(ctx context.Context, domain string, key string, body TrunkSecretInputBody, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/trunks/{key}/secret", domain, key), body: body}, nil, options)
}

// PutUserQuery is what PutUser may ask for; zero values are left out.
type PutUserQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PutUserQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PutUser: create or replace one of users. PUT /v1/domains/{domain}/users/{key}.
func (c *Client) PutUser(ctx context.Context, domain string, key string, q PutUserQuery, body User, options ...Option) (User, Answer, error) {
	var out User
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/users/{key}", domain, key), query: q.values(), body: body}, &out, options)
	return out, at, err
}

// PutWebhookQuery is what PutWebhook may ask for; zero values are left out.
type PutWebhookQuery struct {
	Reason string // Why, for whoever must agree to it Why, for whoever must agree to it
}

func (q PutWebhookQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// PutWebhook: create or replace a webhook; a new one's answer holds its signing key. PUT /v1/domains/{domain}/webhooks/{key}.
func (c *Client) PutWebhook(ctx context.Context, domain string, key string, q PutWebhookQuery, body Webhook, options ...Option) (WebhookOnce, Answer, error) {
	var out WebhookOnce
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/webhooks/{key}", domain, key), query: q.values(), body: body}, &out, options)
	return out, at, err
}

// RecordCall: switch recording on or off; where a notice is due it is heard before. PUT /v1/domains/{domain}/calls/{key}/recording.
func (c *Client) RecordCall(ctx context.Context, domain string, key string, body RecordInputBody, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/calls/{key}/recording", domain, key), body: body}, nil, options)
}

// RefuseListeningRequest: refuse it. POST /v1/domains/{domain}/listening-requests/{key}/refuse.
func (c *Client) RefuseListeningRequest(ctx context.Context, domain string, key string, body RemarkInputBody, options ...Option) (ListeningRequest, Answer, error) {
	var out ListeningRequest
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/listening-requests/{key}/refuse", domain, key), body: body}, &out, options)
	return out, at, err
}

// ReleaseRecording: end a hold; what fell due meanwhile is destroyed when that is approved anew. POST /v1/domains/{domain}/recordings/{key}/release.
func (c *Client) ReleaseRecording(ctx context.Context, domain string, key string, body ReasonInputBody, options ...Option) (RecordingKeeping, Answer, error) {
	var out RecordingKeeping
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/recordings/{key}/release", domain, key), body: body}, &out, options)
	return out, at, err
}

// ResetPassword: replace a user's password by a one-time one; the user's sign-ins end. POST /v1/domains/{domain}/users/{key}/password.
func (c *Client) ResetPassword(ctx context.Context, domain string, key string, options ...Option) (ShownOnce, Answer, error) {
	var out ShownOnce
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/users/{key}/password", domain, key)}, &out, options)
	return out, at, err
}

// ResetSecondFactors: take all second factors away from a user who has lost them; the user's sign-ins end. DELETE /v1/domains/{domain}/users/{key}/second-factors.
func (c *Client) ResetSecondFactors(ctx context.Context, domain string, key string, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/users/{key}/second-factors", domain, key)}, nil, options)
}

// ResumeRecording: let a paused recording go on; staff one of their own. POST /v1/domains/{domain}/calls/{key}/recording/resume.
func (c *Client) ResumeRecording(ctx context.Context, domain string, key string, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/calls/{key}/recording/resume", domain, key)}, nil, options)
}

// ResyncDevice: ask a device to fetch its configuration now. POST /v1/domains/{domain}/devices/{key}/resync.
func (c *Client) ResyncDevice(ctx context.Context, domain string, key string, options ...Option) (ResyncOutputBody, Answer, error) {
	var out ResyncOutputBody
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/devices/{key}/resync", domain, key)}, &out, options)
	return out, at, err
}

// RetainRecording: keep a recording longer; nobody keeps it for a shorter time. An end for one that has none waits for another person. PUT /v1/domains/{domain}/recordings/{key}/retention.
func (c *Client) RetainRecording(ctx context.Context, domain string, key string, body RetainInputBody, options ...Option) (RecordingKeeping, Answer, error) {
	var out RecordingKeeping
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/recordings/{key}/retention", domain, key), body: body}, &out, options)
	return out, at, err
}

// ReviewChange: say that an emergency change was looked at afterwards. POST /v1/domains/{domain}/changes/{key}/review.
func (c *Client) ReviewChange(ctx context.Context, domain string, key string, body ReviewChangeInputBody, options ...Option) (ChangeSet, Answer, error) {
	var out ChangeSet
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/changes/{key}/review", domain, key), body: body}, &out, options)
	return out, at, err
}

// ReviewEmergencySignIn: close the review of a use of the break-glass account; not by the account itself, nor by one whose password it set. POST /v1/domains/{domain}/emergency-sign-ins/{key}/review.
func (c *Client) ReviewEmergencySignIn(ctx context.Context, domain string, key string, body RemarkInputBody, options ...Option) (EmergencySignIn, Answer, error) {
	var out EmergencySignIn
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/emergency-sign-ins/{key}/review", domain, key), body: body}, &out, options)
	return out, at, err
}

// ReviewListeningRequest: close the review of a listening without an approval. POST /v1/domains/{domain}/listening-requests/{key}/review.
func (c *Client) ReviewListeningRequest(ctx context.Context, domain string, key string, body RemarkInputBody, options ...Option) (ListeningRequest, Answer, error) {
	var out ListeningRequest
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/listening-requests/{key}/review", domain, key), body: body}, &out, options)
	return out, at, err
}

// RotateDevice: bring in a new SIP password: the old one counts until the device has registered with the new one, at most 72 hours. POST /v1/domains/{domain}/devices/{key}/rotation.
func (c *Client) RotateDevice(ctx context.Context, domain string, key string, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/devices/{key}/rotation", domain, key)}, nil, options)
}

// RotateRecordingKeys: make a new key: what is recorded from now on is sealed to it, and what is stored is brought to it. POST /v1/domains/{domain}/recording-keys.
func (c *Client) RotateRecordingKeys(ctx context.Context, domain string, options ...Option) (PageRecordingKey, Answer, error) {
	var out PageRecordingKey
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/recording-keys", domain)}, &out, options)
	return out, at, err
}

// ScheduleNotice: say from when on an approved wording is heard, and until when. POST /v1/domains/{domain}/notices/{key}/versions/{number}/schedule.
func (c *Client) ScheduleNotice(ctx context.Context, domain string, key string, number string, body ScheduleInputBody, options ...Option) (Notice, Answer, error) {
	var out Notice
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/notices/{key}/versions/{number}/schedule", domain, key, number), body: body}, &out, options)
	return out, at, err
}

// SearchDirectoryQuery is what SearchDirectory may ask for; zero values are left out.
type SearchDirectoryQuery struct {
	Q          string // Words in kana, kanji, Latin letters or digits; each must be found in a name, reading, department, address or number Words in kana, kanji, Latin letters or digits; each must be found in a name, reading, department, address or number
	Row        string // Row of the gojūon: あ か さ た な は ま や ら わ, A, 他 Row of the gojūon: あ か さ た な は ま や ら わ, A, 他
	Department string
	After      string // next of the page before next of the page before
	Limit      int64
}

func (q SearchDirectoryQuery) values() url.Values {
	return url.Values(query{}.text("q", q.Q).text("row", q.Row).text("department", q.Department).text("after", q.After).number("limit", q.Limit))
}

// SearchDirectory: search contacts and extensions; who may not see an entry does not find it. GET /v1/domains/{domain}/directory.
func (c *Client) SearchDirectory(ctx context.Context, domain string, q SearchDirectoryQuery, options ...Option) (PageEntry, Answer, error) {
	var out PageEntry
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/directory", domain), query: q.values()}, &out, options)
	return out, at, err
}

// SetAgentState: sign an agent in or out, or pause it; agents do so for themselves. PUT /v1/domains/{domain}/agents/{key}/state.
func (c *Client) SetAgentState(ctx context.Context, domain string, key string, body AgentWish, options ...Option) (Agent, Answer, error) {
	var out Agent
	at, err := c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/agents/{key}/state", domain, key), body: body}, &out, options)
	return out, at, err
}

// SetRecordingCase: say that a recording belongs to a case. PUT /v1/domains/{domain}/recordings/{key}/cases/{id}.
func (c *Client) SetRecordingCase(ctx context.Context, domain string, key string, id string, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpPut, path: path("/v1/domains/{domain}/recordings/{key}/cases/{id}", domain, key, id)}, nil, options)
}

// StartCall: ring an extension and then what it would dial; staff from their own extension. POST /v1/domains/{domain}/calls.
func (c *Client) StartCall(ctx context.Context, domain string, body StartCall, options ...Option) (StartOutputBody, Answer, error) {
	var out StartOutputBody
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/calls", domain), body: body}, &out, options)
	return out, at, err
}

// SteerFirmware: begin a roll-out, halt it, go on, or roll back. POST /v1/domains/{domain}/firmware/{key}/rollout.
func (c *Client) SteerFirmware(ctx context.Context, domain string, key string, body RolloutInputBody, options ...Option) (FirmwareView, Answer, error) {
	var out FirmwareView
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/firmware/{key}/rollout", domain, key), body: body}, &out, options)
	return out, at, err
}

// TestMenu: press keys in a menu and see where they lead; nobody is called. POST /v1/domains/{domain}/menus/{key}/test.
func (c *Client) TestMenu(ctx context.Context, domain string, key string, body RehearseInputBody, options ...Option) (Rehearsal, Answer, error) {
	var out Rehearsal
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/menus/{key}/test", domain, key), body: body}, &out, options)
	return out, at, err
}

// TraceCallQuery is what TraceCall may ask for; zero values are left out.
type TraceCallQuery struct {
	After int64 // Only messages after this number Only messages after this number
}

func (q TraceCallQuery) values() url.Values {
	return url.Values(query{}.number("after", q.After))
}

// TraceCall: the SIP messages of a call that runs or ended lately, without what is secret. GET /v1/domains/{domain}/traces/{key}.
func (c *Client) TraceCall(ctx context.Context, domain string, key string, q TraceCallQuery, options ...Option) (CallTrace, Answer, error) {
	var out CallTrace
	at, err := c.do(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/traces/{key}", domain, key), query: q.values()}, &out, options)
	return out, at, err
}

// TryChangeQuery is what TryChange may ask for; zero values are left out.
type TryChangeQuery struct {
	After string    // next of the page before next of the page before
	Calls int64     // How many calls a page is about How many calls a page is about
	Since time.Time // Calls from then on, RFC 3339; left out: 30 days ago Calls from then on, RFC 3339; left out: 30 days ago
}

func (q TryChangeQuery) values() url.Values {
	return url.Values(query{}.text("after", q.After).number("calls", q.Calls).time("since", q.Since))
}

// TryChange: which calls of the last 30 days would have gone, or been recorded, otherwise. POST /v1/domains/{domain}/changes/{key}/what-if.
func (c *Client) TryChange(ctx context.Context, domain string, key string, q TryChangeQuery, options ...Option) (WhatIfAnswer, Answer, error) {
	var out WhatIfAnswer
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/changes/{key}/what-if", domain, key), query: q.values()}, &out, options)
	return out, at, err
}

// UndoChangeQuery is what UndoChange may ask for; zero values are left out.
type UndoChangeQuery struct {
	Reason string // Why, for the history Why, for the history
}

func (q UndoChangeQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// UndoChange: take an applied set back; refused where somebody has changed since what it changed. POST /v1/domains/{domain}/changes/{key}/undo.
func (c *Client) UndoChange(ctx context.Context, domain string, key string, q UndoChangeQuery, options ...Option) (ChangeSet, Answer, error) {
	var out ChangeSet
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/changes/{key}/undo", domain, key), query: q.values()}, &out, options)
	return out, at, err
}

// WatchLiveQuery is what WatchLive may ask for; zero values are left out.
type WatchLiveQuery struct {
	Topics []string // Only these, separated by commas; without it all: see the description Only these, separated by commas; without it all: see the description
}

func (q WatchLiveQuery) values() url.Values {
	return url.Values(query{}.texts("topics", q.Topics))
}

// WatchLive: watch calls, lamps and registrations as they change. GET /v1/domains/{domain}/events.
//
// The caller closes what comes back.
func (c *Client) WatchLive(ctx context.Context, domain string, q WatchLiveQuery, options ...Option) (io.ReadCloser, Answer, error) {
	return c.open(ctx, call{method: httpGet, path: path("/v1/domains/{domain}/events", domain), query: q.values()}, options)
}

// WithdrawChangeQuery is what WithdrawChange may ask for; zero values are left out.
type WithdrawChangeQuery struct {
	Reason string // Why, for the audit log Why, for the audit log
}

func (q WithdrawChangeQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// WithdrawChange: withdraw an own set, or refuse somebody else's; a draft is gone. DELETE /v1/domains/{domain}/changes/{key}.
func (c *Client) WithdrawChange(ctx context.Context, domain string, key string, q WithdrawChangeQuery, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/changes/{key}", domain, key), query: q.values()}, nil, options)
}

// WithdrawListeningRequest: end a request or an approval; what is heard under it ends within seconds. POST /v1/domains/{domain}/listening-requests/{key}/withdraw.
func (c *Client) WithdrawListeningRequest(ctx context.Context, domain string, key string, body RemarkInputBody, options ...Option) (ListeningRequest, Answer, error) {
	var out ListeningRequest
	at, err := c.do(ctx, call{method: httpPost, path: path("/v1/domains/{domain}/listening-requests/{key}/withdraw", domain, key), body: body}, &out, options)
	return out, at, err
}

// WithdrawProposalQuery is what WithdrawProposal may ask for; zero values are left out.
type WithdrawProposalQuery struct {
	Reason string // Why, for the audit log Why, for the audit log
}

func (q WithdrawProposalQuery) values() url.Values {
	return url.Values(query{}.text("reason", q.Reason))
}

// WithdrawProposal: withdraw an own proposal, or refuse somebody else's. DELETE /v1/domains/{domain}/proposals/{key}.
func (c *Client) WithdrawProposal(ctx context.Context, domain string, key string, q WithdrawProposalQuery, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/proposals/{key}", domain, key), query: q.values()}, nil, options)
}

// WithdrawSoftphoneClaim: end a code that was not used. DELETE /v1/domains/{domain}/extensions/{key}/softphone-claim.
func (c *Client) WithdrawSoftphoneClaim(ctx context.Context, domain string, key string, options ...Option) (Answer, error) {
	return c.do(ctx, call{method: httpDelete, path: path("/v1/domains/{domain}/extensions/{key}/softphone-claim", domain, key)}, nil, options)
}
