package policy_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

const d = "a.example"

// ruled is a world with some policies; each is a domain's of its own name.
func ruled(t testing.TB, table *policy.Table, all ...provisioning.SitePolicy) *policy.Fixed {
	t.Helper()
	calendar := provisioning.Calendar{Name: "hall", Hours: []provisioning.Hours{{Days: []string{"mon", "tue", "wed", "thu", "fri"}, From: "08:30", To: "17:15"}}, Holidays: true}
	hall := provisioning.Site{Name: "hall", Networks: []string{"10.1.0.0/16"}}
	w, err := policy.NewFixed(table, all, []provisioning.Calendar{calendar}, []provisioning.Site{hall})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func forbids(name string, texts ...string) provisioning.SitePolicy {
	return provisioning.SitePolicy{Name: name, Forbid: texts}
}

var noon = time.Date(2026, 12, 1, 3, 0, 0, 0, time.UTC) // 12:00 in Japan, a Tuesday

// TestTableIsCedar: every grant of the table is a Cedar policy that the schema knows, with its name as @id.
func TestTableIsCedar(t *testing.T) {
	table := policy.New()
	if err := table.CheckTable(); err != nil {
		t.Error(err)
	}
	for _, a := range table.Actions() {
		for _, text := range table.Deciding(nil, "", a) {
			name, _, _ := strings.Cut(strings.TrimPrefix(text, "// "), "\n")
			if !strings.Contains(text, `@id("`+name+`")`) {
				t.Errorf("%s: %s", name, text)
			}
		}
	}
	if text := table.Cedar(); strings.Count(text, "permit (") < 350 || strings.Contains(text, "forbid") {
		t.Errorf("%d permits", strings.Count(text, "permit ("))
	}
}

func TestSitePolicies(t *testing.T) {
	table := policy.New()
	w := ruled(t, table,
		forbids("calls", `@id("night") forbid (principal, action == Action::"call.dial", resource) when { resource.class == "premium" } unless { context.open.contains("hall") };`,
			`@id("contractors") forbid (principal, action == Action::"call.dial", resource) when { principal.contractor && resource.class != "national" };`),
		forbids("files", `@id("inside") forbid (principal, action == Action::"recording.download", resource) unless { context has site && context.site == "hall" };`,
			`forbid (principal, action == Action::"recording.listen", resource) when { resource has label && resource.label == "restricted" } unless { context has acr && context.acr == "mfa" };`),
		forbids("age", `@id("fresh") forbid (principal, action == Action::"recording.export", resource) unless { context has age && context.age < 300 };`,
			`@id("posture") forbid (principal, action == Action::"recording.export", resource) unless { principal.hasTag("device_compliance") && principal.getTag("device_compliance") == "compliant" };`),
		provisioning.SitePolicy{Name: "more", Permit: []string{`@id("reports") permit (principal in Department::"税務課", action == Action::"queue.report", resource);`}})
	who := provisioning.Subject{Domain: d, User: "taro", Roles: []provisioning.Role{provisioning.RoleListener}}
	dial := func(class string) provisioning.Object {
		return provisioning.Object{Domain: d, Kind: policy.KindNumber, Key: "+81900000000", Class: class}
	}
	heard := func(label string) provisioning.Object {
		return provisioning.Object{Domain: d, Kind: policy.KindRecording, Key: "r", Label: label}
	}
	with := func(f func(*provisioning.Subject)) provisioning.Subject { s := who; f(&s); return s }
	inside := with(func(s *provisioning.Subject) { s.Address = netip.MustParseAddr("10.1.2.3") })
	evening := noon.Add(8 * time.Hour)
	for _, c := range []struct {
		name string
		s    provisioning.Subject
		a    provisioning.Action
		o    provisioning.Object
		at   time.Time
		rule string
		ok   bool
	}{
		{"open hours", who, policy.CallDial, dial("premium"), noon, "anybody: call.dial", true},
		{"evening", who, policy.CallDial, dial("premium"), evening, "site: calls/night", false},
		{"another class in the evening", who, policy.CallDial, dial("mobile"), evening, "anybody: call.dial", true},
		{"a contractor", with(func(s *provisioning.Subject) { s.Contractor = true }), policy.CallDial, dial("mobile"), noon, "site: calls/contractors", false},
		{"help", with(func(s *provisioning.Subject) { s.Contractor = true }), policy.CallDial, dial("emergency"), evening, policy.RuleEmergency, true},
		{"a file outside", who, policy.RecordingDownload, heard(""), noon, "site: files/inside", false},
		{"a file inside", inside, policy.RecordingDownload, heard(""), noon, "recording-listener: recording.download", true},
		{"restricted", who, policy.RecordingListen, heard("restricted"), noon, "site: files/forbid-2", false},
		{"restricted by two factors", with(func(s *provisioning.Subject) { s.ACR = "mfa" }), policy.RecordingListen, heard("restricted"), noon, "recording-listener: recording.listen", true},
		{"public", who, policy.RecordingListen, heard("public"), noon, "recording-listener: recording.listen", true},
		{"nobody knows the label", who, policy.RecordingListen, heard(""), noon, "recording-listener: recording.listen", true},
		{"an old sign-in", with(func(s *provisioning.Subject) {
			s.AuthTime, s.Attributes = noon.Add(-time.Hour), map[string]string{"device_compliance": "compliant"}
		}), policy.RecordingExport, heard(""), noon, "site: age/fresh", false},
		{"a fresh one on a bad device", with(func(s *provisioning.Subject) {
			s.AuthTime, s.Attributes = noon.Add(-time.Minute), map[string]string{"device_compliance": "x"}
		}), policy.RecordingExport, heard(""), noon, "site: age/posture", false},
		{"a fresh one", with(func(s *provisioning.Subject) {
			s.AuthTime, s.Attributes = noon.Add(-time.Minute), map[string]string{"device_compliance": "compliant"}
		}), policy.RecordingExport, heard(""), noon, "recording-listener: recording.export", true},
		{"nothing of that is told to who may not", with(func(s *provisioning.Subject) { s.Roles = nil }), policy.RecordingDownload, heard(""), noon, policy.RuleNotGranted, false},
		{"permitted besides", with(func(s *provisioning.Subject) { s.Department = "税務課" }), policy.QueueReport, provisioning.Object{Domain: d, Kind: policy.KindReport}, noon, "site: more/reports", true},
		{"not elsewhere", with(func(s *provisioning.Subject) { s.Department = "税務課" }), policy.QueueReport, provisioning.Object{Domain: "b.example", Kind: policy.KindReport}, noon, policy.RuleOtherDomain, false},
		{"not to others", with(func(s *provisioning.Subject) { s.Department = "福祉課" }), policy.QueueReport, provisioning.Object{Domain: d, Kind: policy.KindReport}, noon, policy.RuleNotGranted, false},
	} {
		if got := table.Judge(w, c.at, c.s, c.a, c.o); got.Rule != c.rule || got.Allowed != c.ok || got.Site != strings.HasPrefix(c.rule, "site: ") {
			t.Errorf("%s: %+v, want %q %v", c.name, got, c.rule, c.ok)
		}
	}
	engine := policy.NewEngine(table, func() policy.World { return w }, func() time.Time { return evening })
	err := engine.Can(inside, policy.RecordingExport, heard("public"))
	var no *provisioning.Denied
	if !errors.As(err, &no) || no.Rule != "site: age/fresh" || no.Inputs["site"] != "hall" || no.Inputs["label"] != "public" || no.Inputs["address"] != "10.1.2.3" || no.Inputs["time"] != "2026-12-01T11:00:00Z" {
		t.Errorf("%v %+v", err, no)
	}
}

// TestEmergencyIsNeverRefused: 110, 118 and 119 are called whatever any policy says, even one that cannot be read, and whoever asks.
func TestEmergencyIsNeverRefused(t *testing.T) {
	table := policy.New()
	everything := table.Compile([]provisioning.SitePolicy{forbids("all", "forbid (principal, action, resource);"), forbids("broken", "forbid (")})
	if everything.Unreadable() != "broken" {
		t.Fatal("the broken policy was read")
	}
	w := sitesOnly{everything}
	for _, s := range []provisioning.Subject{{Domain: d, User: "taro"}, {Domain: d}, {}, {Domain: "b.example", User: "x", Contractor: true}} {
		for _, number := range []string{"110", "118", "119", "0110"} {
			o := provisioning.Object{Domain: d, Kind: policy.KindNumber, Key: number, Class: provisioning.ClassEmergency}
			if got := table.Judge(w, noon, s, policy.CallDial, o); !got.Allowed || got.Rule != policy.RuleEmergency {
				t.Errorf("%+v %s: %+v", s, number, got)
			}
		}
	}
	o := provisioning.Object{Domain: d, Kind: policy.KindNumber, Key: "+81312345678", Class: provisioning.ClassNational}
	if got := table.Judge(w, noon, provisioning.Subject{Domain: d}, policy.CallDial, o); got.Allowed {
		t.Errorf("the policy forbids nothing: %+v", got)
	}
}

type sitesOnly struct{ sites *policy.Sites }

func (w sitesOnly) Sites(string) *policy.Sites                    { return w.sites }
func (sitesOnly) Modes(string, time.Time) (day, holiday []string) { return nil, nil }
func (sitesOnly) Departments(_, name string) []string             { return []string{name} }
func (sitesOnly) SiteFrom(string, netip.Addr) (provisioning.Site, bool) {
	return provisioning.Site{}, false
}

// TestUnreadable: what a policy that cannot be read may forbid is denied, telephones go on, and who can mend it is not locked out.
func TestUnreadable(t *testing.T) {
	table := policy.New()
	for name, p := range map[string]provisioning.SitePolicy{"no Cedar": forbids("x", "forbid everything"), "a permit among what forbids": forbids("x", "permit (principal, action, resource);"),
		"two in one": forbids("x", "forbid (principal, action, resource);forbid (principal, action, resource);")} {
		w := sitesOnly{table.Compile([]provisioning.SitePolicy{p})}
		admin := provisioning.Subject{Domain: d, User: "root", Roles: []provisioning.Role{provisioning.RoleAdmin}}
		for _, c := range []struct {
			a    provisioning.Action
			rule string
		}{{policy.ExtensionPut, policy.RuleUnreadable}, {policy.AuditRead, policy.RuleUnreadable}, {policy.RecordingListen, policy.RuleNotGranted},
			{policy.SitePolicyPut, "admin: site-policy.put"}, {policy.PhoneRegister, "anybody: phone.register"}, {policy.CallDial, "anybody: call.dial"}} {
			if got := table.Judge(w, noon, admin, c.a, provisioning.Object{Domain: d, Kind: table.ObjectKind(c.a), Class: "national"}); got.Rule != c.rule {
				t.Errorf("%s, %s: %+v, want %s", name, c.a, got, c.rule)
			}
		}
	}
}

// TestFixedAndClosed: nobody is locked out of the policies themselves, and what two people or an owner alone decide is opened by none.
func TestFixedAndClosed(t *testing.T) {
	table := policy.New()
	all := []provisioning.SitePolicy{{Name: "all", Forbid: []string{"forbid (principal, action, resource);"}}}
	w := ruled(t, table, all...)
	open := ruled(t, table, provisioning.SitePolicy{Name: "all", Permit: []string{"permit (principal, action, resource);"}})
	for _, a := range table.Actions() {
		o := provisioning.Object{Domain: d, Kind: table.ObjectKind(a), Key: "k", Owner: "hanako", Class: "national"}
		everybody := provisioning.Subject{Domain: d, User: "taro", Roles: provisioning.Roles()}
		before := table.Decide(everybody, a, o)
		still := a == policy.SitePolicyRead || a == policy.SitePolicyPut || a == policy.SitePolicyDelete
		if got := table.Judge(w, noon, everybody, a, o); got.Allowed != (before.Allowed && still) {
			t.Errorf("%s where everything is forbidden: %+v", a, got)
		}
		closed := still || a == policy.AuditDelete || a == policy.DomainDelete || a == policy.ProposalAgree || a == policy.MailboxSecret || strings.HasPrefix(string(a), "session.") || strings.HasPrefix(string(a), "message.")
		nobody := provisioning.Subject{Domain: d, User: "taro"}
		if got := table.Judge(open, noon, nobody, a, o); got.Allowed == closed {
			t.Errorf("%s where everything is permitted: %+v", a, got)
		}
	}
}

// TestFailsClosed: a statement that cannot be evaluated forbids.
func TestFailsClosed(t *testing.T) {
	table := policy.New()
	w := ruled(t, table, forbids("sum", `forbid (principal, action == Action::"alarm.read", resource) when { context.minute + 9223372036854775807 > 0 };`))
	who := provisioning.Subject{Domain: d, User: "taro", Roles: []provisioning.Role{provisioning.RoleAdmin}}
	if got := table.Judge(w, noon, who, policy.AlarmRead, provisioning.Object{Domain: d, Kind: policy.KindAlarm}); got.Allowed || got.Rule != "site: sum/forbid-1" {
		t.Errorf("%+v", got)
	}
}

// TestUnread: before an object was read, only what does not speak of it forbids; and what may permit it lets read on.
func TestUnread(t *testing.T) {
	table := policy.New()
	const put = `action == Action::"extension.put"`
	w := ruled(t, table, forbids("x",
		`@id("key") forbid (principal, `+put+`, resource == Extension::"2001");`,
		`@id("key-2") forbid (principal, `+put+`, resource) when { resource.key == "2002" };`,
		`@id("owner") forbid (principal, `+put+`, resource) unless { resource has owner };`,
		`@id("office") forbid (principal, `+put+`, resource in Department::"秘書課");`),
		provisioning.SitePolicy{Name: "more", Permit: []string{`@id("own") permit (principal, action == Action::"extension.secret", resource) when { resource has owner && resource.owner == principal };`}})
	adm := provisioning.Subject{Domain: d, User: "root", Roles: []provisioning.Role{provisioning.RoleAdmin}}
	taro := provisioning.Subject{Domain: d, User: "taro"}
	ext := func(key, owner string, unread bool, in ...string) provisioning.Object {
		return provisioning.Object{Domain: d, Kind: provisioning.KindExtension, Key: key, Owner: owner, Departments: in, Unread: unread}
	}
	for _, c := range []struct {
		s    provisioning.Subject
		a    provisioning.Action
		o    provisioning.Object
		rule string
	}{
		{adm, policy.ExtensionPut, ext("2001", "", true), "site: x/key"}, {adm, policy.ExtensionPut, ext("2002", "", true), "site: x/key-2"},
		{adm, policy.ExtensionPut, ext("2003", "", true), "admin: extension.put"}, {adm, policy.ExtensionPut, ext("2003", "", false), "site: x/owner"},
		{adm, policy.ExtensionPut, ext("2003", "taro", false), "admin: extension.put"}, {adm, policy.ExtensionPut, ext("2003", "taro", false, "秘書課"), "site: x/office"},
		{taro, policy.ExtensionSecret, ext("2003", "", true), "site: more/own"}, {taro, policy.ExtensionSecret, ext("2003", "taro", false), "site: more/own"},
		{taro, policy.ExtensionSecret, ext("2003", "hanako", false), policy.RuleNotGranted},
	} {
		if got := table.Judge(w, noon, c.s, c.a, c.o); got.Rule != c.rule {
			t.Errorf("%s %s %+v: %+v, want %s", c.s.User, c.a, c.o, got, c.rule)
		}
	}
}

// TestFaults: what is wrong with a policy is told with the statement, the line and the column.
func TestFaults(t *testing.T) {
	table := policy.New()
	for _, c := range []struct {
		name   string
		p      provisioning.SitePolicy
		field  string
		reason []string
	}{
		{"no statement", forbids("x", "hello"), "forbid[0]", []string{"line 1, column 1: "}},
		{"a bracket is missing", forbids("x", "forbid (principal, action, resource)\nwhen { context.minute > 3 ;"), "forbid[0]", []string{"line 2, column 27: "}},
		{"the second", forbids("x", "forbid (principal, action, resource);", "forbid (principal, action, resource) when {"), "forbid[1]", []string{"line 1"}},
		{"another effect", forbids("x", "permit (principal, action, resource);"), "forbid[0]", []string{"line 1, column 1: ", "begins with forbid"}},
		{"an action that there is not", forbids("x", "forbid (principal,\n  action == Action::\"call.eat\", resource);"), "forbid[0]", []string{"line 2, column ", "call.eat"}},
		{"an attribute that there is not", forbids("x", "forbid (principal, action == Action::\"call.dial\", resource)\nwhen { resource.colour == \"red\" };"), "forbid[0]", []string{"line 2, column 17: ", "colour"}},
		{"an attribute that may be missing", forbids("x", "forbid (principal, action == Action::\"call.dial\", resource)\nwhen { context.site == \"hall\" };"), "forbid[0]", []string{"line 2, column 16: ", "site"}},
		{"a type", forbids("x", "forbid (principal, action, resource) when { context.minute == \"noon\" };"), "forbid[0]", []string{"line 1, column 38: "}},
		{"a label where nobody looks at it", forbids("x", `forbid (principal, action == Action::"recording.list", resource) when { resource.label == "public" };`), "forbid[0]", []string{"label"}},
		{"what cannot be opened", provisioning.SitePolicy{Name: "x", Permit: []string{`permit (principal, action == Action::"message.listen", resource);`}}, "permit[0]", []string{"line 1, column 39: ", "opens"}},
		{"what cannot be decided", forbids("x", `forbid (principal, action == Action::"site-policy.put", resource);`), "forbid[0]", []string{"line 1, column 39: ", "decides"}},
		{"an id twice", forbids("x", `@id("a") forbid (principal, action, resource);`, `@id("a") forbid (principal, action, resource is Extension);`), "forbid[1]", []string{"@id"}},
		{"an id that is no name", forbids("x", `@id("a b") forbid (principal, action, resource);`), "forbid[0]", []string{"line 1, column 1: "}},
		{"too deep", forbids("x", "forbid (principal, action, resource) when { "+strings.Repeat("(", 40)+"true"+strings.Repeat(")", 40)+" };"), "forbid[0]", []string{"line 1, column 76: ", "deep"}},
		{"too many", provisioning.SitePolicy{Name: "x", Forbid: make([]string, 51)}, "forbid", []string{"50"}},
		{"too long", forbids("x", "forbid (principal, action, resource); //"+strings.Repeat("x", 5000)), "forbid[0]", []string{"4096"}},
		{"a template", forbids("x", `forbid (principal == ?principal, action, resource);`), "forbid[0]", []string{"line 1"}},
	} {
		err := table.Check(c.p)
		var bad *provisioning.Invalid
		if !errors.As(err, &bad) || bad.Field != c.field {
			t.Errorf("%s: %v, want a fault of %s", c.name, err, c.field)
			continue
		}
		for _, want := range c.reason {
			if !strings.Contains(bad.Reason, want) {
				t.Errorf("%s: %q has no %q", c.name, bad.Reason, want)
			}
		}
	}
	good := forbids("x", "forbid (principal, action, resource is Recording) when { context.minute < 300 };",
		`forbid (principal is User, action in [Action::"trunk.put", Action::"trunk.delete"], resource) unless { context has address && context.address.isInRange(ip("10.0.0.0/8")) };`)
	if err := table.Check(good); err != nil {
		t.Error(err)
	}
}

func BenchmarkSitePolicies(b *testing.B) {
	table := policy.New()
	var texts []string
	for i := range 10 {
		texts = append(texts, fmt.Sprintf(`forbid (principal, action == Action::"call.dial", resource) when { principal.contractor && resource.class == "premium" && context.minute < %d };`, i))
	}
	w := ruled(b, table, forbids("night", `forbid (principal, action == Action::"call.dial", resource) when { resource.class == "premium" } unless { context.open.contains("hall") };`),
		forbids("many", texts...))
	s := provisioning.Subject{Domain: d, User: "taro", Roles: []provisioning.Role{provisioning.RoleStaff}}
	o := provisioning.Object{Domain: d, Kind: policy.KindNumber, Key: "+81312345678", Class: "national"}
	b.ReportAllocs()
	began := processorTime(b)
	for b.Loop() {
		table.Judge(w, noon, s, policy.CallDial, o)
	}
	b.ReportMetric(float64(processorTime(b)-began)/float64(b.N), "cpu-ns/op") // which other work on the machine does not lengthen
}

// processorTime that the process has had.
func processorTime(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkNoSitePolicies(b *testing.B) {
	table := policy.New()
	s := provisioning.Subject{Domain: d}
	o := provisioning.Object{Domain: d, Kind: policy.KindNumber, Key: "+81312345678", Class: "national"}
	b.ReportAllocs()
	for b.Loop() {
		table.Judge(nil, noon, s, policy.CallDial, o)
	}
}

func BenchmarkOwn(b *testing.B) {
	table := policy.New()
	s := provisioning.Subject{Domain: d, User: "taro", Roles: []provisioning.Role{provisioning.RoleStaff}}
	o := provisioning.Object{Domain: d, Kind: provisioning.KindExtension, Key: "2001", Owner: "taro"}
	b.ReportAllocs()
	for b.Loop() {
		table.Decide(s, policy.ExtensionRead, o)
	}
}
