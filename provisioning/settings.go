package provisioning

// Settings are what the owner of an extension decides about its calls, by REST or from the phone: one state for all its devices. An extension
// without them rings. They go with their extension.
type Settings struct {
	Extension     string     `json:"extension"`
	Forward       Forwarding `json:"forward"`
	DoNotDisturb  bool       `json:"do_not_disturb"`
	CallerID      string     `json:"caller_id,omitempty" doc:"Number that outside calls show, of those that the extension may show; left out: its own"`
	Locked        bool       `json:"locked" doc:"Only numbers inside and emergency numbers can be dialled; forwards that were set before go on"`
	CallCodes     bool       `json:"call_codes" doc:"Codes pressed while talking transfer and park the call, ask somebody else, bring three together, pause the recording and have a call recorded: for telephones without such keys. Menus of others get these keys too"`
	NoCallWaiting bool       `json:"no_call_waiting" doc:"Who talks is busy: a second call is not put through"`
	Ring          Ringing    `json:"ring,omitzero" doc:"Which of its telephones ring when; left out: all at once"`
	Mobile        *Mobile    `json:"mobile,omitempty" doc:"A mobile number that rings as one of its telephones"`
	FMC           *FMCTimes  `json:"fmc,omitempty" doc:"When the mobile rings that its carrier brings (fmc_number of the extension); left out: always, with the other telephones"`
}

// Forwarding says where calls go that are not taken. A call that is forwarded is paid and answered for by this extension.
type Forwarding struct {
	Always       *Destination `json:"always,omitempty"`
	Busy         *Destination `json:"busy,omitempty" doc:"Also while do-not-disturb is on"`
	NoAnswer     *Destination `json:"no_answer,omitempty"`
	Seconds      int          `json:"seconds,omitempty" doc:"How long it rings before no_answer; 0: 20"`
	Unregistered *Destination `json:"unregistered,omitempty" doc:"No phone is there; left out: as no_answer"`
}

// defaultForward is how long a telephone rings before its no-answer forward, in seconds.
const defaultForward = 20

// RingSeconds is how long its telephones ring before no_answer.
func (f Forwarding) RingSeconds() int {
	if f.Seconds == 0 {
		return defaultForward
	}
	return f.Seconds
}

// Kind, Key: see Entity.
func (Settings) Kind() string  { return KindSettings }
func (s Settings) Key() string { return s.Extension }

// Refs of settings: their extension, and where calls are sent.
func (s Settings) Refs() []Ref {
	out := []Ref{{"extension", KindExtension, s.Extension}}
	out = append(out, s.Forward.Always.refs("forward.always")...)
	out = append(out, s.Forward.Busy.refs("forward.busy")...)
	out = append(out, s.Forward.NoAnswer.refs("forward.no_answer")...)
	return append(out, s.Forward.Unregistered.refs("forward.unregistered")...)
}

// Validate: see Entity.
func (s Settings) Validate() error {
	var c check
	extensionNumber(&c, "extension", s.Extension)
	for field, d := range s.Forward.all {
		d.check(&c, field)
		c.must(d == nil || d.Extension != s.Extension, field+".extension", "is the extension itself")
	}
	if s.CallerID != "" {
		c.e164("caller_id", s.CallerID)
	}
	c.between("forward.seconds", s.Forward.Seconds, 0, 300)
	s.Ring.check(&c, s.Forward)
	s.Mobile.check(&c, s.Forward)
	s.FMC.check(&c, s.Forward)
	return c.result()
}

// all goes through the four cases in one order.
func (f Forwarding) all(yield func(field string, d *Destination) bool) {
	_ = yield("forward.always", f.Always) && yield("forward.busy", f.Busy) && yield("forward.no_answer", f.NoAnswer) && yield("forward.unregistered", f.Unregistered)
}

// Check refuses a circle of extensions that forward whatever comes: no call would ever ring. Circles that take somebody to be busy or away
// are common (two colleagues stand in for each other) and are left to the call, which goes to nobody twice. Its caller number is one that it may show.
func (s Settings) Check(r Reader, domain string) error {
	if err := s.checkShown(r, domain); err != nil {
		return err
	}
	return circle(r, domain, "forward.always", Destination{Extension: s.Extension}, s.Forward.Always)
}
