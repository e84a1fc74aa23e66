package policy_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// want is the whole matrix written a second time, by hand: role letters A admin, T telephony, L recording-listener, U auditor,
// S staff, V supervisor, M recording-manager, B recording-break-glass; a lower-case letter means own objects only.
func want() map[provisioning.Action]string {
	return map[provisioning.Action]string{
		policy.DomainRead: "AT", policy.DomainPut: "A", policy.DomainDelete: "",
		policy.UserRead: "As", policy.UserPut: "A", policy.UserDelete: "A", policy.UserSecret: "A",
		policy.SessionRead: "Atlusvmb", policy.SessionEnd: "Atlusvmb", policy.EmergencyRead: "AUM", policy.EmergencyReview: "UM",
		policy.RoleRead:   "AU",
		policy.DutiesRead: "AUM", policy.DutiesPut: "A",
		policy.ExtensionRead: "ATs", policy.ExtensionPut: "AT", policy.ExtensionDelete: "AT", policy.ExtensionSecret: "AT",
		policy.SettingsRead: "ATs", policy.SettingsPut: "ATs", policy.SettingsDelete: "ATs",
		policy.GroupRead: "AT", policy.GroupPut: "AT", policy.GroupDelete: "AT",
		policy.RestrictionRead: "ATU", policy.RestrictionPut: "AT", policy.RestrictionDelete: "AT",
		policy.ShortNumbersRead: "ATs", policy.ShortNumbersPut: "ATs", policy.ShortNumbersDelete: "ATs",
		policy.HotDeskRead: "ATs", policy.HotDeskDelete: "ATs",
		policy.DepartmentRead: "ATU", policy.DepartmentPut: "AT", policy.DepartmentDelete: "AT", policy.ExtensionPIN: "ATs",
		policy.SoftphoneRead: "ATs", policy.SoftphoneClaim: "ATs", policy.SoftphoneEnd: "ATs",
		policy.ParkingLotRead: "AT", policy.ParkingLotPut: "AT", policy.ParkingLotDelete: "AT",
		policy.PagingGroupRead: "AT", policy.PagingGroupPut: "AT", policy.PagingGroupDelete: "AT",
		policy.MailboxRead: "ATs", policy.MailboxPut: "AT", policy.MailboxDelete: "AT", policy.MailboxSecret: "atlusvmb", policy.MailboxForget: "ATs",
		policy.MessageRead: "atlusvmb", policy.MessageListen: "atlusvmb", policy.MessageMark: "atlusvmb", policy.MessageDelete: "atlusvmb",
		policy.CalendarRead: "AT", policy.CalendarPut: "AT", policy.CalendarDelete: "AT",
		policy.ContactRead: "AT", policy.ContactPut: "AT", policy.ContactDelete: "AT", policy.BookAccountRead: "AT", policy.BookAccountPut: "AT", policy.BookAccountDelete: "AT", policy.BookAccountSecret: "AT",
		policy.BookRead: "ATLUS", policy.HistoryRead: "AUs",
		policy.RejectionRead: "ATU", policy.RejectionPut: "AT", policy.RejectionDelete: "AT",
		policy.DIDRead: "AT", policy.DIDPut: "AT", policy.DIDDelete: "AT",
		policy.TrunkRead: "AT", policy.TrunkPut: "AT", policy.TrunkDelete: "AT", policy.TrunkSecret: "AT",
		policy.SiteRead: "AT", policy.SitePut: "AT", policy.SiteDelete: "AT",
		policy.SitePolicyRead: "ATUM", policy.SitePolicyPut: "A", policy.SitePolicyDelete: "A",
		policy.PhoneRegister: "ATLUSVMB", policy.CallDial: "ATLUSVMB",
		policy.ProposalRead: "ATUM", policy.ProposalAgree: "M", policy.ProposalWithdraw: "Mat",
		policy.ChangeRead: "ATUM", policy.ChangePut: "AT", policy.ChangeAgree: "AM", policy.ChangeWithdraw: "AMt", policy.ChangeReview: "AUM", policy.ChangeWhatIf: "A",
		policy.ChangeRulesRead: "ATUM", policy.ChangeRulesPut: "A",
		policy.PolicyRead: "ATM", policy.PolicyPut: "AT", policy.PolicyDelete: "AT",
		policy.NoticeRead: "AMTU", policy.NoticePut: "AT", policy.NoticeApprove: "AM", policy.NoticeDelete: "AT",
		policy.PromptRead: "AT", policy.PromptPut: "AT", policy.PromptDelete: "AT",
		policy.BindingRead: "AT",
		policy.CallRead:    "ATs", policy.CallHangup: "ATs", policy.CallRecord: "AT", policy.CallTrace: "AT", policy.CallKeep: "ATs", policy.CallPause: "ATs", policy.CallStart: "ATs", policy.CallMove: "ATs", policy.RecallRead: "ATs", policy.RecallDelete: "ATs",
		policy.CallMonitor:     "v",
		policy.SupervisionRead: "AU", policy.SupervisionPut: "A", policy.SupervisionDelete: "A",
		policy.CDRRead:       "AUs",
		policy.RecordingList: "ALUM", policy.RecordingListen: "L", policy.RecordingExport: "L",
		policy.RecordingKeeping: "AUM", policy.RecordingHold: "M", policy.RecordingRelease: "M", policy.RecordingRetain: "M", policy.RecordingLabel: "M",
		policy.RecordingKeyRead: "AUM", policy.RecordingKeyRotate: "AM",
		policy.RecordingDownload: "L", policy.RecordingNote: "LM",
		policy.ListeningRead: "AUMl", policy.ListeningAsk: "L", policy.ListeningDecide: "M", policy.ListeningWithdraw: "Ml", policy.ListeningReview: "UM", policy.BreakGlass: "B",
		policy.ListeningRulesRead: "ALUM", policy.ListeningRulesPut: "M", policy.RecordingScopeRead: "AUM", policy.RecordingScopePut: "M", policy.RecordingScopeDelete: "M",
		policy.ProvisionerRead: "AU", policy.ProvisionerPut: "A", policy.ProvisionerDelete: "A", policy.ProvisionerSecret: "A", policy.LifecycleRead: "ATUM", policy.LifecyclePut: "A",
		policy.AccessReviewRead: "AUM", policy.AccessReviewAnswer: "AM",
		policy.DeviceRead: "ATUs", policy.DevicePut: "AT", policy.DeviceDelete: "AT", policy.DeviceParticulars: "AT", policy.DevicePutParticulars: "AT",
		policy.DeviceState: "AT", policy.DeviceClaim: "AT", policy.DeviceRotate: "AT", policy.DeviceResync: "AT",
		policy.FirmwareRead: "ATU", policy.FirmwarePut: "AT", policy.FirmwareDelete: "AT", policy.FirmwareUpload: "AT", policy.FirmwareRollout: "AT",
		policy.DisposalRead: "AUM", policy.DisposalApprove: "M",
		policy.WebhookRead: "AT", policy.WebhookPut: "A", policy.WebhookDelete: "A", policy.WebhookSecret: "A",
		policy.AlarmRead: "ATU", policy.LiveRead: "AT", policy.LimitRead: "ATs", policy.RelayGrant: "ATs",
		policy.MenuRead: "AT", policy.MenuPut: "AT", policy.MenuActivate: "AT", policy.MenuDelete: "AT",
		policy.FeatureCodesRead: "ATLUSV", policy.FeatureCodesPut: "AT",
		policy.ConferenceRead: "AT", policy.ConferencePut: "AT", policy.ConferenceDelete: "AT", policy.ConferenceSecret: "AT",
		policy.QueueRead: "AT", policy.QueuePut: "AT", policy.QueueDelete: "AT", policy.QueueWatch: "ATs", policy.QueueReport: "ATU",
		policy.AgentRead: "ATs", policy.AgentPut: "AT", policy.AgentDelete: "AT", policy.AgentState: "ATs",
		policy.CallBackRead: "AT", policy.CallBackDelete: "AT",
		policy.AuditRead: "AUs", policy.AuditVerify: "AU", policy.AuditReport: "AU", policy.AuditDelete: "",
	}
}

func letters() map[provisioning.Role]string {
	return map[provisioning.Role]string{
		provisioning.RoleAdmin: "A", provisioning.RoleTelephony: "T", provisioning.RoleListener: "L",
		provisioning.RoleAuditor: "U", provisioning.RoleStaff: "S", provisioning.RoleSupervisor: "V", provisioning.RoleManager: "M", provisioning.RoleBreakGlass: "B",
	}
}

// TestMatrix asks every role for every action, for an own object, another's and one of another domain.
func TestMatrix(t *testing.T) {
	table, matrix := policy.New(), want()
	for action, allowed := range matrix {
		for role, letter := range letters() {
			all, mine := strings.Contains(allowed, letter), strings.Contains(allowed, strings.ToLower(letter))
			for _, c := range []struct {
				name   string
				domain string
				owner  string
				ok     bool
				rule   string
			}{
				{"own", "a.example", "taro", all || mine, policy.RuleNotGranted},
				{"another's", "a.example", "hanako", all, map[bool]string{true: policy.RuleNotOwn, false: policy.RuleNotGranted}[mine]},
				{"nobody's", "a.example", "", all, map[bool]string{true: policy.RuleNotOwn, false: policy.RuleNotGranted}[mine]},
				{"other domain", "b.example", "taro", false, policy.RuleOtherDomain},
				{"no domain", "", "taro", false, policy.RuleOtherDomain},
			} {
				s := provisioning.Subject{Domain: "a.example", User: "taro", Roles: []provisioning.Role{role}}
				o := provisioning.Object{Domain: c.domain, Kind: table.ObjectKind(action), Key: "k", Owner: c.owner}
				err := table.Can(s, action, o)
				if (err == nil) != c.ok {
					t.Errorf("%s %s %s: %v, want allowed=%v", role, action, c.name, err, c.ok)
				}
				var denied *provisioning.Denied
				if err != nil && (!errors.As(err, &denied) || denied.Rule != c.rule) {
					t.Errorf("%s %s %s: %v, want rule %q", role, action, c.name, err, c.rule)
				}
			}
		}
	}
}

// TestEveryActionHasARow reads the constants from the source: neither the table nor the matrix above may forget one.
func TestEveryActionHasARow(t *testing.T) {
	declared := declaredActions(t)
	if len(declared) < 20 {
		t.Fatalf("found only %d actions", len(declared))
	}
	table, matrix := policy.New(), want()
	for name, action := range declared {
		if table.ObjectKind(action) == "" {
			t.Errorf("%s has no row in the table", name)
		}
		if _, ok := matrix[action]; !ok {
			t.Errorf("%s is not in the test's matrix", name)
		}
	}
	rows := table.Actions()
	if len(rows) != len(declared) {
		t.Errorf("the table has %d rows for %d actions", len(rows), len(declared))
	}
	slices.Sort(rows)
	if len(slices.Compact(rows)) != len(declared) {
		t.Error("an action has two rows")
	}
}

func declaredActions(t *testing.T) map[string]provisioning.Action {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]provisioning.Action{}
	inspect := func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || len(v.Values) != 1 {
			return true
		}
		typ, ok := v.Type.(*ast.SelectorExpr)
		lit, isLit := v.Values[0].(*ast.BasicLit)
		if !ok || !isLit || typ.Sel.Name != "Action" {
			return true
		}
		s, err := strconv.Unquote(lit.Value)
		if err != nil {
			t.Fatal(err)
		}
		out[v.Names[0].Name] = provisioning.Action(s)
		return true
	}
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, inspect)
	}
	return out
}

func TestRefusals(t *testing.T) {
	table := policy.New()
	adm := provisioning.Subject{Domain: "a.example", User: "root", Roles: []provisioning.Role{provisioning.RoleAdmin}}
	ext := provisioning.Object{Domain: "a.example", Kind: "extension", Key: "2001"}
	nobody := adm
	nobody.User = ""
	homeless := adm
	homeless.Domain = ""
	roleless := adm
	roleless.Roles = nil
	strange := adm
	strange.Roles = []provisioning.Role{"root", "", "Admin"}
	for _, c := range []struct {
		name   string
		s      provisioning.Subject
		a      provisioning.Action
		o      provisioning.Object
		rule   string
		allows bool
	}{
		{"admin", adm, policy.ExtensionPut, ext, "admin: extension.put", true},
		{"no user", nobody, policy.ExtensionPut, ext, policy.RuleNobody, false},
		{"no domain", homeless, policy.ExtensionPut, provisioning.Object{Kind: "extension"}, policy.RuleNobody, false},
		{"no role", roleless, policy.ExtensionPut, ext, policy.RuleNotGranted, false},
		{"unknown roles", strange, policy.ExtensionPut, ext, policy.RuleNotGranted, false},
		{"unknown action", adm, "extension.eat", ext, policy.RuleUnknownAction, false},
		{"empty action", adm, "", ext, policy.RuleUnknownAction, false},
		{"wrong kind", adm, policy.ExtensionPut, provisioning.Object{Domain: "a.example", Kind: "trunk"}, policy.RuleWrongKind, false},
		{"zero subject", provisioning.Subject{}, policy.ExtensionPut, provisioning.Object{}, policy.RuleNobody, false},
		{"the switch", provisioning.Subject{System: true}, policy.DomainDelete, provisioning.Object{Domain: "a.example", Kind: "domain"}, policy.RuleSystem, true},
		{
			"two roles, the second grants",
			provisioning.Subject{Domain: "a.example", User: "u", Roles: []provisioning.Role{provisioning.RoleStaff, provisioning.RoleAuditor}},
			policy.CDRRead, provisioning.Object{Domain: "a.example", Kind: policy.KindCDR},
			"auditor: cdr.read", true,
		},
	} {
		if d := table.Decide(c.s, c.a, c.o); d.Rule != c.rule || d.Allowed != c.allows {
			t.Errorf("%s: %+v; want %q, %v", c.name, d, c.rule, c.allows)
		}
	}
}

func TestExplainPrintsEveryActionAndRole(t *testing.T) {
	text := policy.New().Explain()
	for action := range want() {
		if !strings.Contains(text, "\n"+string(action)+" ") {
			t.Errorf("Explain leaves out %s", action)
		}
	}
	for role := range maps.Keys(letters()) {
		if !strings.Contains(text, string(role)) {
			t.Errorf("Explain leaves out role %s", role)
		}
	}
	if len(letters()) != len(provisioning.Roles()) {
		t.Error("the test does not know every role")
	}
}

// BenchmarkCan: a decision must stay under 20 µs.
func BenchmarkCan(b *testing.B) {
	table := policy.New()
	s := provisioning.Subject{Domain: "a.example", User: "u", Roles: provisioning.Roles()}
	o := provisioning.Object{Domain: "a.example", Kind: policy.KindAudit}
	for b.Loop() {
		_ = table.Can(s, policy.AuditDelete, o)
	}
}
