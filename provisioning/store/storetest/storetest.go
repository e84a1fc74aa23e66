// Package storetest is the conformance suite that every implementation of provisioning.Store runs. It owns what the interface means,
// said as tests; it never looks into a database.
package storetest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/audit"
)

// Backend is what an implementation offers.
type Backend interface {
	provisioning.Store
	provisioning.BindingTable
	provisioning.NodeTable
	provisioning.Repeats
	audit.Source
}

// Open opens the store that lives in dir, or makes it. The suite closes it.
type Open func(t testing.TB, dir string) Backend

// Run runs the whole suite but the crash test.
func Run(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, Open){
		"Entities":        testEntities,
		"Parts":           testParts,
		"IfMatch":         testIfMatch,
		"References":      testReferences,
		"Domains":         testDomains,
		"Keys":            testKeys,
		"Order":           testOrder,
		"Rollback":        testRollback,
		"LostUpdate":      testLostUpdate,
		"Snapshot":        testSnapshot,
		"FeedOrder":       testFeedOrder,
		"FeedFollows":     testFeedFollows,
		"FeedEnds":        testFeedEnds,
		"FeedElsewhere":   testFeedElsewhere,
		"Secrets":         testSecrets,
		"Audit":           testAudit,
		"AuditSearch":     testAuditSearch,
		"AuditLong":       testAuditLong,
		"CDRs":            testCDRs,
		"QueueLog":        testQueueLog,
		"History":         testHistory,
		"Bindings":        testBindings,
		"Leases":          testLeases,
		"Nodes":           testNodes,
		"Reopen":          testReopen,
		"Repeats":         testRepeats,
		"RandomHistories": testRandomHistories,
	} {
		t.Run(name, func(t *testing.T) { test(t, open) })
	}
}

const (
	domA = "a.example"
	domB = "b.example"
	wait = 10 * time.Second
)

var errStop = errors.New("stop")

func system() provisioning.Subject { return provisioning.Subject{System: true} }

func admin(domain string) provisioning.Subject {
	return provisioning.Subject{Domain: domain, User: "boss", Roles: []provisioning.Role{provisioning.RoleAdmin}}
}

// fresh is an empty store with the two domains.
func fresh(t testing.TB, open Open) Backend {
	t.Helper()
	s := open(t, t.TempDir())
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	update(t, s, system(), func(w provisioning.Writer) error {
		for _, d := range []string{domA, domB} {
			if _, err := w.Put(d, provisioning.Domain{Name: d, Language: "ja"}, "!"); err != nil {
				return err
			}
		}
		return nil
	})
	return s
}

func update(t testing.TB, s provisioning.Store, who provisioning.Subject, fn func(provisioning.Writer) error) {
	t.Helper()
	if err := s.Update(t.Context(), who, fn); err != nil {
		t.Fatal(err)
	}
}

func view(t testing.TB, s provisioning.Store, fn func(provisioning.Reader) error) {
	t.Helper()
	if err := s.View(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// put writes one entity and returns its ETag.
func put(t testing.TB, s provisioning.Store, domain string, e provisioning.Entity) (etag string) {
	t.Helper()
	update(t, s, admin(domain), func(w provisioning.Writer) (err error) {
		etag, err = w.Put(domain, e, "")
		return err
	})
	return etag
}

func version(t testing.TB, s provisioning.Store) (v provisioning.Version) {
	t.Helper()
	view(t, s, func(r provisioning.Reader) error {
		v = r.Version()
		return nil
	})
	return v
}

func auditSize(t testing.TB, s Backend) int64 {
	t.Helper()
	n, err := s.AuditSize(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func verified(t testing.TB, s Backend) audit.Report {
	t.Helper()
	report, err := audit.Verify(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func deadline(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	t.Cleanup(cancel)
	return ctx
}

// sample is one valid entity of every kind, in an order in which they can be put.
func sample() []provisioning.Entity {
	return []provisioning.Entity{
		provisioning.Domain{Name: domA, Title: "会社", Language: "en", CountryCode: "81",
			Rights:          &provisioning.Rights{Classes: []string{"national", "international"}, Countries: []string{"44"}},
			ExtensionLimits: &provisioning.Limits{Calls: 3}, Tariffs: []provisioning.Tariff{{Class: "mobile", YenPerMinute: 20.5}}},
		provisioning.User{Name: "taro", Display: "山田 太郎", Roles: []provisioning.Role{provisioning.RoleStaff}},
		provisioning.RecordingPolicy{Name: "always", Record: provisioning.RecordAlways, Notice: "early-media", Prompt: "notice/recording", RetentionDays: 365},
		provisioning.Site{Name: "hall", Title: "本庁舎", Address: "東京都千代田区", EmergencyNumber: "+81312340000", Networks: []string{"10.1.0.0/16"}},
		provisioning.Trunk{
			Name: "carrier", Host: "sip.example.net:5060", Transport: "udp", Sources: []string{"192.0.2.0/24", "2001:db8::/32"},
			Prefixes: []string{"0", "+"}, Strip: 1, DIDFrom: []string{"p-called-party-id", "request-uri"},
			Profile: "ngn", Trusted: new(bool), DSCPSIP: new(int), CallerRanges: []string{"+813123400XX"}, Sites: []string{"hall"}, CallsPerSecond: 2.5,
		},
		provisioning.Conference{Number: "8000", Title: "朝会", MaxGuests: 12, Wait: true, Tones: true, Policy: "always"},
		provisioning.Extension{Number: "2001", Display: "O'Brien; DROP TABLE entity --", User: "taro", Record: "always", MaxContacts: 3, Site: "hall", Remote: "carrier", Pickup: "desk-1", UnsolicitedMWI: true, HotDesk: &provisioning.HotDesking{OwnNumber: "silent", Hours: 8, At: "20:00"},
			Rights: &provisioning.Rights{Classes: []string{}, Countries: []string{}}, Limits: &provisioning.Limits{YenPerDay: provisioning.Unlimited}},
		provisioning.Menu{Name: "office", Owner: "2001", Start: "a", Nodes: []provisioning.MenuNode{{Name: "a", Prompt: "greeting/open", Then: &provisioning.MenuGoto{Hangup: true}}}},
		provisioning.MenuVersions{Menu: "office", Active: 1, Versions: []provisioning.MenuVersion{{Number: 1, By: "hanako", Body: provisioning.Menu{Name: "office",
			Owner: "2001", Start: "a", Nodes: []provisioning.MenuNode{{Name: "a", Then: &provisioning.MenuGoto{Hangup: true}}}}}}},
		provisioning.Calendar{Name: "hall", Holidays: true, Hours: []provisioning.Hours{{Days: []string{"mon"}, From: "08:30", To: "24:00"}}, Closed: []provisioning.Closed{{From: "2026-12-29", To: "2027-01-03"}},
			Manual: "night", Until: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), Number: "7000", Operators: []string{"2001"}},
		provisioning.BookAccount{Name: "desk-1", Extension: "2001", Disabled: true},
		provisioning.Contact{ID: "c1", Name: "都庁", Reading: "とちょう", Romaji: "Tocho", Department: "総務", Numbers: []provisioning.ContactNumber{{Kind: "work", Number: "03-5321-1111"}},
			Email: "info@example.jp", Note: "代表", Visible: provisioning.Visibility{Roles: []provisioning.Role{provisioning.RoleStaff}, Departments: []string{"秘書課"}}},
		provisioning.Restriction{Name: "office", Title: "一般", Rights: provisioning.Rights{Classes: []string{"national"}, Countries: []string{}}, Open: []string{"0570012345", "+8210*"}, Closed: []string{"0312345*"},
			Calendar: "hall", Night: &provisioning.Rights{Classes: []string{}, Countries: []string{}}, WithPIN: &provisioning.Rights{Classes: []string{"international"}, Countries: []string{"*"}}},
		provisioning.Department{Name: "税務課", Restriction: "office", Numbers: []string{}},
		provisioning.Notice{Name: "ward", Versions: []provisioning.NoticeVersion{{Number: 2, Language: "ja", Text: "この通話は録音されます。", Voice: "mei", Audio: "notices/ward/0a", SHA256: strings.Repeat("0a", 32), Millis: 2500,
			By: "taro@a", Made: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), Heard: []provisioning.Hearing{{By: "hana@a", At: time.Date(2026, 12, 1, 0, 1, 0, 0, time.UTC)}},
			ApprovedBy: "hana@a", Approved: time.Date(2026, 12, 1, 0, 2, 0, 0, time.UTC), From: time.Date(2026, 12, 2, 0, 0, 0, 0, time.UTC)}}},
		provisioning.HotDesk{Desk: "2001", Person: "2002", Until: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)},
		provisioning.Proposal{ID: "policy:always", Of: "policy", Name: "always", People: 2, By: "taro@a.example", Reason: "苦情", Loosens: []string{"label"},
			Changes: []provisioning.ProposedChange{{Field: "label", From: []byte("null"), To: []byte(`"public"`)}}, Expires: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
			Agreed: []provisioning.Agreement{{By: "hanako@a.example", At: time.Date(2026, 12, 2, 0, 0, 0, 0, time.UTC)}}},
		provisioning.ListeningRules{PurposeOnly: []string{"public"}, MaxPlays: 3}, provisioning.RecordingScope{User: "taro", Numbers: []string{"0312345678"}},
		provisioning.Revocation{Of: provisioning.RevokedUser, Name: "taro", Why: "session-revoked"},
		provisioning.ChangeRules{Classes: []provisioning.ChangeClass{{Name: "ways", Kinds: []string{"trunk"}}}},
		provisioning.ChangeSet{ID: "c1", Reason: "x", Changes: []provisioning.SetChange{{Kind: "user", Key: "taro", Do: "delete"}}},
		provisioning.Duties{Apart: []provisioning.RolePair{{A: provisioning.RoleListener, B: provisioning.RoleManager, Why: "聴取と承認"}}},
		provisioning.SitePolicy{Name: "night", Title: "夜間", Forbid: []string{"forbid (principal, action, resource);"}, Permit: []string{}},
		provisioning.ListeningRequest{ID: "taro.1", By: "taro", Purpose: "complaint", Reason: "苦情の調査", Recordings: []string{"c1"}, Plays: 2, State: "granted",
			Asked: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(2026, 12, 2, 0, 0, 0, 0, time.UTC), Opened: []provisioning.Opening{{Recording: "c1", At: time.Date(2026, 12, 1, 1, 0, 0, 0, time.UTC)}}},
		provisioning.EmergencySignIn{ID: "e5f.1", User: provisioning.SealedAccount, At: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), Source: "192.0.2.1", Who: "田中", Reason: "認証基盤の障害",
			Review: &provisioning.Review{By: "hanako@a.example", At: time.Date(2026, 12, 2, 0, 0, 0, 0, time.UTC), Text: "確認済み"}},
		provisioning.ShortNumbers{List: "user:taro", Entries: []provisioning.ShortNumber{{Code: "12", Number: "09012345678", Title: "自宅"}}},
		provisioning.Mailbox{Number: "2001", Title: "留守番", Members: []string{"2001"}, Calendar: "hall", MaxSeconds: 60, OwnPhone: true, Greetings: provisioning.Greetings{Busy: "voicemail/greeting-busy"}},
		provisioning.Rejection{Name: "nuisance", Withheld: []string{"payphone"}, Numbers: []string{"+8190*"}, Called: []string{"2001"}, Announce: "call/rejected",
			Until: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), Approval: "課長"},
		provisioning.ParkingLot{Number: "700", Title: "窓口", FirstSlot: "701", Slots: 9, Seconds: 90, Fallback: &provisioning.Destination{Extension: "2001"}, Music: "music/hold"},
		provisioning.Group{Number: "6000", Title: "窓口", Strategy: "circular", Members: []string{"2001"}, Overflow: &provisioning.Destination{Number: "09012345678"}, Payer: "2001"},
		provisioning.PagingGroup{Number: "6500", Title: "全館", Members: []string{"2001"}, Callers: []string{"2001"}, Seconds: 60, Wait: 3, Announce: "greeting/disaster", Policy: "always"},
		provisioning.DID{Number: "+81312345678", Title: "代表", To: []string{"2001"}, RingSeconds: 30, Policy: "always", Language: "ja"},
		provisioning.Webhook{Name: "ops", URL: "https://hooks.example.jp/pbx", Events: []string{"alarm."}},
		provisioning.Settings{Extension: "2001", DoNotDisturb: true, Forward: provisioning.Forwarding{Busy: &provisioning.Destination{Number: "09012345678"}}},
		provisioning.Supervision{Name: "confidential", DIDs: []string{"+81312345678"}, Never: true},
		provisioning.FeatureCodes{Codes: []provisioning.FeatureCode{{Feature: provisioning.FeatureTime, Code: "*117"}, {Feature: provisioning.FeatureEcho, Code: "*43", Disabled: true}}},
		provisioning.Queue{Number: "7001", Title: "窓口", Members: []provisioning.QueueMember{{Agent: "2001", Rank: 1}}},
		provisioning.Agent{Number: "2001", Skills: map[string]int{"tax": 3}, Queues: []string{"7001"}, Paused: "昼食"},
		provisioning.CallBack{ID: "c1-q1", Queue: "7001", Number: "+819011112222", Arrived: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)},
		provisioning.Provisioner{Name: "entra", Title: "Entra ID", Expires: time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC)},
		provisioning.LifecycleRules{QuarantineDays: 30, Rules: []provisioning.LifecycleRule{{Name: "tax", Department: "税務課", Group: "職員", Roles: []provisioning.Role{provisioning.RoleStaff},
			Numbers: &provisioning.NumberRule{Attribute: "employeeNumber", From: "3000", To: "3999", Move: true}, HuntGroups: []string{"6000"}, Scope: &provisioning.ScopeRule{Numbers: []string{"0312345678"}},
			Device: &provisioning.DeviceRule{Model: "SIP-T54W", HandBack: true}}}},
		provisioning.AccessReview{ID: "2027-Q1", Opened: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), Due: time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC),
			Rights: []provisioning.ReviewedRight{{User: "taro", Role: provisioning.RoleAuditor, Answer: provisioning.AccessKeep, By: "hana@a", At: time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC)}}},
		provisioning.ManagedDevice{MAC: "805ec0112233", Vendor: provisioning.VendorYealink, Model: "SIP-T54W", Title: "窓口",
			Keys: []provisioning.DeviceKey{{Kind: provisioning.KeyBLF, Value: "2002", Label: "係長"}}, Pool: true, LeaseEnd: "2027-03-31", Certificate: provisioning.CertificateRequired},
		provisioning.DeviceStatus{MAC: "805ec0112233", State: provisioning.DeviceLocked, Since: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), Why: "紛失",
			Certificates: []provisioning.DeviceCertificate{{Serial: "1f", Issued: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)}}},
		provisioning.Softphones{Extension: "2001", Apps: []provisioning.Softphone{{ID: "abcdefghijklmnop", User: "taro", Title: "公用スマホ", Agent: "App/1", Enrolled: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)}}},
		provisioning.Firmware{Name: "t54w-96", Vendor: provisioning.VendorYealink, Model: "SIP-T54W", Version: "96.86.0.70", File: "T54W-96.86.0.70.rom", SHA256: strings.Repeat("a", 64), Size: 10, From: "22:00", Until: "05:00",
			NotBefore: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), Waves: []provisioning.FirmwareWave{{Percent: 10}, {Sites: []string{"hall"}}}, Observe: 600, Settle: 60, Least: 90},
		provisioning.FirmwareStatus{Name: "t54w-96", State: provisioning.FirmwareHalted, Since: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), Began: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), Why: "10 of 20", Before: 20,
			Members: [][]string{{"805ec0112233"}}},
		provisioning.UserGroup{ID: "g1", Display: "職員", ExternalID: "x", Provisioner: "entra"},
		provisioning.Account{ID: "a1", User: "taro", Provisioner: "entra", Document: []byte(`{"userName":"Taro"}`), Groups: []string{"g1"}, Extension: "3000", Granted: []provisioning.Role{provisioning.RoleStaff},
			Device: provisioning.GivenDevice{Rule: "tax", MAC: "805ec0112233", Line: "3000"}},
	}
}
