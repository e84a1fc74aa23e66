package trunk

import (
	"strings"
	"testing"

	"naisen/sip"
	"naisen/sip/number"
	"naisen/sip/stack"
)

func request(t *testing.T, uri string, headers ...string) *stack.Request {
	t.Helper()
	u, err := sip.ParseURI(uri)
	if err != nil {
		t.Fatal(err)
	}
	r := stack.NewRequest("INVITE", u)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Add(headers[i], headers[i+1])
	}
	return r
}

func TestCalledNumber(t *testing.T) {
	all := []Place{PlaceCalledParty, PlaceRequestURI, PlaceTo}
	for name, tc := range map[string]struct {
		req   *stack.Request
		order []Place
		want  string
		ok    bool
	}{
		"NGN: DID in P-Called-Party-ID, random contact in the Request-URI": {
			request(t, "sip:r4nd0m@192.0.2.1", "P-Called-Party-ID", "<sip:0312345678@ntt.example;user=phone>", "To", "<sip:main@ntt.example>"), all, "0312345678", true},
		"Request-URI": {request(t, "sip:+81312345678@pbx.example;user=phone", "To", "<sip:+81399999999@x>"), all, "+81312345678", true},
		"order decides": {request(t, "sip:+81311111111@pbx.example", "P-Called-Party-ID", "<sip:0322222222@x>", "To", "<tel:+81333333333>"),
			[]Place{PlaceTo, PlaceRequestURI}, "+81333333333", true},
		"To after a random Request-URI":      {request(t, "sip:abc123@192.0.2.1", "To", "<sip:03-1234-5678@x>"), all, "0312345678", true},
		"phone-context of a tel URI":         {request(t, "tel:312345678;phone-context=+81"), all, "+81312345678", true},
		"phone-context in the user part":     {request(t, "sip:0312345678;phone-context=+81@x;user=phone"), all, "+810312345678", true},
		"no number anywhere":                 {request(t, "sip:pbx@192.0.2.1", "To", "<sip:main@x>"), all, "", false},
		"two P-Called-Party-ID are nobody's": {request(t, "sip:0311111111@x", "P-Called-Party-ID", "<sip:0322222222@x>, <sip:0333333333@x>"), all, "0311111111", true},
	} {
		if got, ok := CalledNumber(tc.req, tc.order); got != tc.want || ok != tc.ok {
			t.Errorf("%s: %q %v, want %q %v", name, got, ok, tc.want, tc.ok)
		}
	}
}

func TestCallerNumber(t *testing.T) {
	const from = "From"
	for name, tc := range map[string]struct {
		headers []string
		trusted bool
		want    Caller
	}{
		"From": {[]string{from, `"Taro" <sip:0312345678@x>;tag=1`}, false, Caller{Number: "+81312345678", Display: "Taro"}},
		"PAI of a trusted carrier": {[]string{from, `<sip:0399999999@x>;tag=1`, "P-Asserted-Identity", "<sip:+81312345678@x>"}, true,
			Caller{Number: "+81312345678", Asserted: true}},
		"PAI of a stranger counts for nothing": {[]string{from, `<sip:0399999999@x>;tag=1`, "P-Asserted-Identity", "<sip:+81312345678@x>"}, false,
			Caller{Number: "+81399999999"}},
		"184: identity known, not to be shown": {[]string{from, `"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1`,
			"P-Asserted-Identity", "<tel:+81312345678>", "Privacy", "id"}, true, Caller{Number: "+81312345678", Asserted: true, Withheld: WithheldByCaller}},
		"anonymous":         {[]string{from, `Anonymous <sip:anonymous@anonymous.invalid>;tag=1`}, false, Caller{Withheld: WithheldByCaller}},
		"out of area":       {[]string{from, `"Unavailable" <sip:anonymous@anonymous.invalid>;tag=1`}, false, Caller{Withheld: WithheldUnavailable}},
		"pay phone":         {[]string{from, `"Coin line/payphone" <sip:anonymous@anonymous.invalid>;tag=1`}, false, Caller{Withheld: WithheldPayphone}},
		"other service":     {[]string{from, `"Interaction with other service" <sip:anonymous@anonymous.invalid>;tag=1`}, false, Caller{Withheld: WithheldService}},
		"Privacy user;id":   {[]string{from, `"Taro" <sip:0312345678@x>;tag=1`, "Privacy", "user;id"}, false, Caller{Number: "+81312345678", Withheld: WithheldByCaller}},
		"Privacy none":      {[]string{from, `"Taro" <sip:0312345678@x>;tag=1`, "Privacy", "none"}, false, Caller{Number: "+81312345678", Display: "Taro"}},
		"no number in From": {[]string{from, `<sip:trunk@x>;tag=1`}, false, Caller{Withheld: WithheldUnavailable}},
		"a person called Unavailable": {[]string{from, `"Unavailable" <sip:0312345678@x>;tag=1`}, false,
			Caller{Number: "+81312345678", Display: "Unavailable"}},
	} {
		r := request(t, "sip:x@y", tc.headers...)
		if got := CallerNumber(&r.Headers, tc.trusted, &number.Japan); got != tc.want {
			t.Errorf("%s: %+v, want %+v", name, got, tc.want)
		}
	}
}

func TestWriteHeaders(t *testing.T) {
	base := Fields{Name: "c", Host: "carrier.example", CallerID: "0399990000", Identity: IdentityAsserted, UserPhone: off()}
	for name, tc := range map[string]struct {
		change  func(*Fields)
		call    Call
		uri     string
		from    string
		headers []stack.Header
	}{
		"plain": {nil, Call{Called: "0312345678", Caller: "0311112222", Display: "Taro"}, "sip:+81312345678@carrier.example",
			`"Taro" <sip:+81311112222@carrier.example>`, []stack.Header{{Name: "P-Asserted-Identity", Value: "<sip:+81311112222@carrier.example>"}}},
		"trunk's number": {nil, Call{Called: "0312345678"}, "sip:+81312345678@carrier.example", "<sip:+81399990000@carrier.example>",
			[]stack.Header{{Name: "P-Asserted-Identity", Value: "<sip:+81399990000@carrier.example>"}}},
		"184": {nil, Call{Called: "0312345678", Wish: number.PresentWithheld}, "sip:+81312345678@carrier.example", `"Anonymous" <sip:anonymous@anonymous.invalid>`,
			[]stack.Header{{Name: "Privacy", Value: "id"}, {Name: "P-Asserted-Identity", Value: "<sip:+81399990000@carrier.example>"}}},
		"184 to an untrusted carrier": {func(f *Fields) { f.Identity = IdentityNone }, Call{Called: "0312345678", Wish: number.PresentWithheld},
			"sip:+81312345678@carrier.example", `"Anonymous" <sip:anonymous@anonymous.invalid>`, []stack.Header{{Name: "Privacy", Value: "id"}}},
		"186": {nil, Call{Called: "0312345678", Wish: number.PresentShown}, "sip:+81312345678@carrier.example", "<sip:+81399990000@carrier.example>",
			[]stack.Header{{Name: "Privacy", Value: "none"}, {Name: "P-Asserted-Identity", Value: "<sip:+81399990000@carrier.example>"}}},
		"emergency is never withheld": {nil, Call{Called: "110", Wish: number.PresentWithheld}, "sip:110@carrier.example", "<sip:+81399990000@carrier.example>",
			[]stack.Header{{Name: "P-Asserted-Identity", Value: "<sip:+81399990000@carrier.example>"}}},
		"nobody's number": {func(f *Fields) { f.CallerID = "" }, Call{Called: "0312345678"}, "sip:+81312345678@carrier.example",
			`"Anonymous" <sip:anonymous@anonymous.invalid>`, []stack.Header{{Name: "Privacy", Value: "id"}}},
		"national, preferred, port": {func(f *Fields) {
			f.Format, f.Identity, f.Host, f.FromHost = number.FormatNational, IdentityPreferred, "carrier.example:5070", "pbx.example"
		}, Call{Called: "+81312345678"}, "sip:0312345678@carrier.example:5070", "<sip:0399990000@pbx.example>",
			[]stack.Header{{Name: "P-Preferred-Identity", Value: "<sip:0399990000@pbx.example>"}}},
		"184 dialled": {nil, Call{Called: "184-03-1234-5678", Caller: "0311112222", Display: "Taro"}, "sip:+81312345678@carrier.example",
			`"Anonymous" <sip:anonymous@anonymous.invalid>`,
			[]stack.Header{{Name: "Privacy", Value: "id"}, {Name: "P-Asserted-Identity", Value: "<sip:+81311112222@carrier.example>"}}},
		"186 dialled wins over a standing wish": {nil, Call{Called: "1860312345678", Caller: "0311112222", Wish: number.PresentWithheld},
			"sip:+81312345678@carrier.example", "<sip:+81311112222@carrier.example>",
			[]stack.Header{{Name: "Privacy", Value: "none"}, {Name: "P-Asserted-Identity", Value: "<sip:+81311112222@carrier.example>"}}},
		"screening: a number outside the contract becomes the trunk's": {func(f *Fields) { f.CallerRanges = []string{"+8139999XXXX"} },
			Call{Called: "0312345678", Caller: "0311112222"}, "sip:+81312345678@carrier.example", "<sip:+81399990000@carrier.example>",
			[]stack.Header{{Name: "P-Asserted-Identity", Value: "<sip:+81399990000@carrier.example>"}}},
		"screening: a contracted number stays": {func(f *Fields) { f.CallerRanges = []string{"+8139999XXXX"} },
			Call{Called: "0312345678", Caller: "0399991234"}, "sip:+81312345678@carrier.example", "<sip:+81399991234@carrier.example>",
			[]stack.Header{{Name: "P-Asserted-Identity", Value: "<sip:+81399991234@carrier.example>"}}},
		"screening: an extension is no number": {func(f *Fields) { f.CallerRanges, f.CallerID = []string{"+8139999XXXX"}, "" },
			Call{Called: "0312345678", Caller: "2001"}, "sip:+81312345678@carrier.example", `"Anonymous" <sip:anonymous@anonymous.invalid>`,
			[]stack.Header{{Name: "Privacy", Value: "id"}}},
		"forwarded, own number": {func(f *Fields) { f.Divert = DivertBoth }, Call{Called: "09012345678", Caller: "+81612345678", Diverter: "0399991111", Reason: "no-answer"},
			"sip:+819012345678@carrier.example", "<sip:+81399991111@carrier.example>", []stack.Header{
				{Name: "P-Asserted-Identity", Value: "<sip:+81399991111@carrier.example>"},
				{Name: "Diversion", Value: "<sip:+81399991111@carrier.example>;reason=no-answer;counter=1"},
				{Name: "History-Info", Value: "<sip:+81399991111@carrier.example?reason=SIP%3Bcause%3D302>;index=1"},
				{Name: "History-Info", Value: "<sip:+819012345678@carrier.example>;index=1.1;mp=1"}}},
		"forwarded, original caller": {func(f *Fields) { f.ForwardedCaller, f.CallerRanges = on(), []string{"+8139999XXXX"} },
			Call{Called: "09012345678", Caller: "+81612345678", Diverter: "0399991111"},
			"sip:+819012345678@carrier.example", "<sip:+81612345678@carrier.example>",
			[]stack.Header{{Name: "P-Asserted-Identity", Value: "<sip:+81399991111@carrier.example>"}}},
		"forwarded, the original caller is a colleague": {func(f *Fields) { f.ForwardedCaller = on() }, Call{Called: "09012345678", Caller: "2001", Diverter: "0399991111"},
			"sip:+819012345678@carrier.example", "<sip:+81399991111@carrier.example>",
			[]stack.Header{{Name: "P-Asserted-Identity", Value: "<sip:+81399991111@carrier.example>"}}},
		"emergency: the site's number, whatever is contracted": {func(f *Fields) { f.CallerRanges = []string{"+8139999XXXX"} },
			Call{Called: "184119", Caller: "+81451234567", Emergency: true}, "sip:119@carrier.example", "<sip:+81451234567@carrier.example>",
			[]stack.Header{{Name: "P-Asserted-Identity", Value: "<sip:+81451234567@carrier.example>"}}},
		"user=phone": {func(f *Fields) { f.UserPhone, f.Identity = on(), IdentityNone }, Call{Called: "0312345678"},
			"sip:+81312345678@carrier.example;user=phone", "<sip:+81399990000@carrier.example;user=phone>", nil},
	} {
		f := base
		if tc.change != nil {
			tc.change(&f)
		}
		p, err := New(f)
		if err != nil {
			t.Fatal(name, err)
		}
		w := p.Write(tc.call)
		if w.URI.String() != tc.uri || w.From.String() != tc.from {
			t.Errorf("%s: %s from %s, want %s from %s", name, w.URI, w.From, tc.uri, tc.from)
		}
		if len(w.Headers) != len(tc.headers) {
			t.Errorf("%s: headers %v, want %v", name, w.Headers, tc.headers)
			continue
		}
		for i := range w.Headers {
			if w.Headers[i] != tc.headers[i] {
				t.Errorf("%s: header %v, want %v", name, w.Headers[i], tc.headers[i])
			}
		}
	}
}

// The second point of a carrier is named in Request-URI and To.
func TestWriteToPoint(t *testing.T) {
	p, err := New(Fields{Profile: "teams", ContactHost: "sbc1.example.jp", CallerID: "+81398765432"})
	if err != nil {
		t.Fatal(err)
	}
	w := p.WriteTo(p.Points[1], Call{Called: "0312345678"})
	if w.URI.String() != "sip:+81312345678@sip2.pstnhub.microsoft.com;user=phone" || w.From.String() != "<sip:+81398765432@sbc1.example.jp;user=phone>" ||
		w.To.URI.Host != "sip2.pstnhub.microsoft.com" {
		t.Errorf("%+v", w)
	}
}

// TestMobile: a carrier names one mobile in the header that was agreed on, however often it does; which Privacy hides from others, and not from us.
func TestMobile(t *testing.T) {
	p, err := New(Fields{Name: "mobiles", Profile: "fmc", Host: "192.0.2.60"})
	if err != nil {
		t.Fatal(err)
	}
	const from = `"x" <sip:09011112222@x>;tag=1`
	for name, tc := range map[string]struct {
		headers []string
		in      string
		want    string
	}{
		"asserted, twice":  {[]string{"From", "<sip:anonymous@anonymous.invalid>;tag=1", "P-Asserted-Identity", "<sip:+819011112222@x;user=phone>, <tel:+81-90-1111-2222>", "Privacy", "id"}, "p-asserted-identity", "+819011112222"},
		"as in Japan":      {[]string{"From", from, "P-Asserted-Identity", "<tel:09011112222;phone-context=ims.example>"}, "p-asserted-identity", "+819011112222"},
		"in another one":   {[]string{"From", "<sip:x@x>;tag=1", "Remote-Party-ID", "<sip:09011112222@x>;party=calling"}, "remote-party-id", "+819011112222"},
		"in From":          {[]string{"From", from, "P-Asserted-Identity", "<tel:+819099999999>"}, "from", "+819011112222"},
		"nobody":           {[]string{"From", from}, "p-asserted-identity", ""},
		"two":              {[]string{"From", from, "P-Asserted-Identity", "<tel:+819011112222>, <tel:+819099999999>"}, "p-asserted-identity", ""},
		"no number beside": {[]string{"From", from, "P-Asserted-Identity", "<tel:+819011112222>, <sip:bob@x>"}, "p-asserted-identity", ""},
		"an extension":     {[]string{"From", from, "P-Asserted-Identity", "<sip:2002@x>"}, "p-asserted-identity", ""},
		"too many":         {[]string{"From", from, "P-Asserted-Identity", strings.Repeat("<tel:+819011112222>, ", maxIdentities) + "<tel:+819011112222>"}, "p-asserted-identity", ""},
		"nonsense":         {[]string{"From", from, "P-Asserted-Identity", "<<"}, "p-asserted-identity", ""},
	} {
		r := request(t, "sip:2001@x", tc.headers...)
		if got, ok := p.Mobile(&r.Headers, tc.in); got != tc.want || ok != (tc.want != "") {
			t.Errorf("%s: %q %v", name, got, ok)
		}
	}
	for dialled, want := range map[string]string{"sip:2001@x": "2001", "sip:*65@x;user=phone": "*65", "tel:0312345678;phone-context=x.example": "0312345678", "sip:%2A60%23@x": "*60#"} {
		if got, _ := p.Dialled(request(t, dialled)); got != want {
			t.Errorf("%s is dialled as %q", dialled, got)
		}
	}
	w := p.Write(Call{Called: "+819011112222", Caller: "2001"})
	if w.From.URI.String() != "sip:2001@192.0.2.60" || w.URI.String() != "sip:+819011112222@192.0.2.60;user=phone" {
		t.Errorf("%s calls %s", w.From.URI, w.URI)
	}
}
