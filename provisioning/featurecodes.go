package provisioning

import (
	"slices"
	"strconv"
	"strings"
)

// FeatureCodes is the table of what may be dialled to make the switch do something. A domain has one; what it leaves out is as the
// defaults say.
type FeatureCodes struct {
	Codes []FeatureCode `json:"codes"`
}

// FeatureCode is the code of one feature.
type FeatureCode struct {
	Feature  string `json:"feature"`
	Code     string `json:"code" doc:"* or #, and 1 to 6 of 0-9 * #. Where the feature takes a number, that is dialled behind it"`
	Disabled bool   `json:"disabled,omitempty" doc:"Cannot be dialled"`
}

// Feature is what a code can do.
type Feature struct {
	Name    string `json:"feature"`
	Code    string `json:"code"`                                                                  // the default
	Takes   string `json:"takes,omitempty" doc:"What is dialled behind the code; empty: nothing"` // a word for people
	Title   string `json:"title"`
	TitleJa string `json:"title_ja"`
}

// Features of the switch, by name.
const (
	FeatureForwardOn        = "forward-always-on"
	FeatureForwardOff       = "forward-always-off"
	FeatureForwardBusyOn    = "forward-busy-on"
	FeatureForwardBusyOff   = "forward-busy-off"
	FeatureForwardAnswerOn  = "forward-no-answer-on"
	FeatureForwardAnswerOff = "forward-no-answer-off"
	FeatureDNDOn            = "do-not-disturb-on"
	FeatureDNDOff           = "do-not-disturb-off"
	FeaturePickup           = "pick-up-group"
	FeaturePickupOf         = "pick-up"
	FeaturePark             = "park"
	FeatureCallTransfer     = "call-transfer" // pressed while one talks
	FeatureCallPark         = "call-park"     // so too, and the following
	FeatureCallConsult      = "call-consult"
	FeatureCallSwap         = "call-swap"
	FeatureCallJoin         = "call-join"
	FeatureCallComplete     = "call-complete"
	FeatureCallReturn       = "call-return"
	FeatureCallPause        = "call-record-pause"
	FeatureCallResume       = "call-record-resume"
	FeatureCallKeep         = "call-record-keep"
	FeatureCallMove         = "call-move-away"
	FeatureMove             = "call-move-here" // dialled, as those that follow
	FeatureNight            = "night-key"
	FeatureLastCaller       = "last-caller"
	FeatureTime             = "time"
	FeatureIntercom         = "intercom"
	FeaturePage             = "page"
	FeatureRecallOn         = "call-back-on"
	FeatureRecallOff        = "call-back-off"
	FeatureMessages         = "voicemail"
	FeatureMailbox          = "voicemail-of"
	FeatureLeave            = "voicemail-leave"
	FeatureEcho             = "echo-test"
	FeatureQuality          = "quality-test"
	FeatureWithPIN          = "call-with-pin"
	FeatureDeskIn           = "hot-desk-in"
	FeatureDeskOut          = "hot-desk-out"
	FeatureShow             = "caller-number"
	FeatureShort            = "short-number"
	FeatureShortSet         = "short-number-set"
	FeatureShortClear       = "short-number-clear"
	FeatureLock             = "lock"
	FeatureUnlock           = "unlock"
	FeatureAgentSign        = "agent-sign-in-or-out"
	FeatureAgentPause       = "agent-pause"
	FeatureAgentReady       = "agent-ready"
	FeatureListen           = "monitor-listen"
	FeatureWhisper          = "monitor-whisper"
	FeatureBarge            = "monitor-barge"
)

// Features lists all, in the order in which people read them. The codes are those that most systems use.
func Features() []Feature {
	return []Feature{
		{FeatureForwardOn, "*72", "number", "Forward all calls", "転送（無条件）の設定"},
		{FeatureForwardOff, "*73", "", "Forward all calls: off", "転送（無条件）の解除"},
		{FeatureForwardBusyOn, "*90", "number", "Forward when busy", "転送（話中）の設定"},
		{FeatureForwardBusyOff, "*91", "", "Forward when busy: off", "転送（話中）の解除"},
		{FeatureForwardAnswerOn, "*92", "number", "Forward when not answered", "転送（不応答）の設定"},
		{FeatureForwardAnswerOff, "*93", "", "Forward when not answered: off", "転送（不応答）の解除"},
		{FeatureDNDOn, "*78", "", "Do not disturb", "着信拒否の設定"},
		{FeatureDNDOff, "*79", "", "Do not disturb: off", "着信拒否の解除"},
		{FeaturePickup, "*8", "", "Pick up a call that rings in the group", "代理応答（グループ）"},
		{FeaturePickupOf, "**", "extension", "Pick up the call that rings there", "代理応答（指定）"},
		{FeaturePark, "*70", "slot", "Park the call that is held; without a slot in the next free one", "パーク保留"},
		{FeatureCallTransfer, "##", "", "While talking: transfer the call; the number is asked for", "通話中：転送"},
		{FeatureCallPark, "#72", "", "While talking: park the call; the slot is said", "通話中：パーク保留"},
		{FeatureCallConsult, "#70", "", "While talking: hold the call and ring somebody else; the number is asked for", "通話中：保留して問い合わせ"},
		{FeatureCallSwap, "#71", "", "While consulting: talk with the one who waits", "問い合わせ中：相手の切替"},
		{FeatureCallJoin, "#73", "", "While consulting, or while another call is on hold: all three talk", "問い合わせ中：三者通話"},
		{FeatureCallComplete, "#74", "", "While consulting: connect the two others", "問い合わせ中：転送の完了"},
		{FeatureCallReturn, "#75", "", "While consulting: let the one who was rung go, and talk with the one who waits", "問い合わせ中：元の通話に戻る"},
		{FeatureCallPause, "#76", "", "While talking: record nothing, as long as a card number is given", "通話中：録音の一時停止"},
		{FeatureCallResume, "#77", "", "While talking: record again", "通話中：録音の再開"},
		{FeatureCallKeep, "#78", "", "While talking: keep this call, where it is recorded on demand", "通話中：この通話を録音"},
		{FeatureCallMove, "#79", "", "While talking: ring your other telephones, and talk on at the one that answers", "通話中：別の自分の電話機へ移す"},
		{FeatureMove, "*36", "", "Talk on here with whom you talk at another telephone of yours", "自分の通話をこの電話機へ移す"},
		{FeatureNight, "*28", "number of the calendar", "Day or night mode", "夜間切替"},
		{FeatureLastCaller, "*69", "", "Who called last; 1 calls back", "最後の着信、1で発信"},
		{FeatureIntercom, "*55", "extension", "Intercom: the other telephone answers by itself", "インターホン（自動応答）"},
		{FeaturePage, "*56", "paging group; empty: the one that you may speak to", "Speak to all telephones of a paging group", "一斉呼び出し"},
		{FeatureRecallOn, "*37", "extension; empty: the last one that was not reached", "Ring when that telephone is free", "呼び返しの予約"},
		{FeatureRecallOff, "*38", "", "Ring when free: cancel all", "呼び返しの取消"},
		{FeatureMessages, "*97", "", "Messages in the own mailbox", "留守番電話の再生"},
		{FeatureMailbox, "*98", "mailbox", "Messages in any mailbox, by its PIN", "留守番電話の再生（番号指定）"},
		{FeatureLeave, "*96", "mailbox", "Leave a message without ringing", "伝言の吹き込み"},
		{FeatureTime, "*60", "", "The time", "時刻"},
		{FeatureEcho, "*43", "", "Echo test", "通話試験（エコー）"},
		{FeatureDeskIn, "*31", "your number", "Sign in at this telephone, with your PIN", "この電話機にログイン"},
		{FeatureDeskOut, "*32", "", "Sign out", "ログアウト"},
		{FeatureShow, "*65", "place of the number, or the number itself, and whom to call", "Call with another number of yours", "発信者番号を選んで発信"},
		{FeatureShort, "*0", "code", "Abbreviated number", "短縮ダイヤル"},
		{FeatureShortSet, "*75", "code", "Put a number into the own list of abbreviated numbers", "短縮ダイヤルの登録"},
		{FeatureShortClear, "*76", "code", "Take a number out of the own list of abbreviated numbers", "短縮ダイヤルの取消"},
		{FeatureWithPIN, "*33", "number", "Call with your PIN", "暗証番号による発信"},
		{FeatureLock, "*34", "", "Lock this telephone", "電話機のロック"},
		{FeatureUnlock, "*35", "", "Unlock this telephone, with your PIN", "電話機のロック解除"},
		{FeatureQuality, "*44", "", "Quality test: record and hear", "通話品質試験（録音再生）"},
		{FeatureAgentSign, "*45", "queue", "Agent: sign in or out, of one queue or of all", "エージェントの受付開始・終了"},
		{FeatureAgentPause, "*46", "reason", "Agent: pause with the reason of that number, or end the pause", "エージェントの休止"},
		{FeatureAgentReady, "*47", "", "Agent: ready for the next call", "エージェントの受付再開"},
		{FeatureListen, "*51", "extension", "Listen to the call of an extension", "モニター"},
		{FeatureWhisper, "*52", "extension", "Whisper to who talks there", "ささやき"},
		{FeatureBarge, "*53", "extension", "Join the call of an extension", "三者通話（割り込み）"},
	}
}

const featureTable = "table"

// Kind, Key: see Entity. A domain has one table.
func (FeatureCodes) Kind() string { return KindFeatureCodes }
func (FeatureCodes) Key() string  { return featureTable }

// Refs of the table: none.
func (FeatureCodes) Refs() []Ref { return nil }

func (f FeatureCodes) normal() Entity { f.Codes = list(f.Codes); return f }

// Validate: see Entity. No code may be read in two ways.
func (f FeatureCodes) Validate() error {
	var c check
	c.list("codes", len(f.Codes), 0, maxList)
	known := map[string]int{}
	for i, code := range f.Codes {
		at := "codes[" + strconv.Itoa(i) + "]"
		_, twice := known[code.Feature]
		c.must(featureNamed(code.Feature) != nil, at+".feature", "is no feature")
		c.must(!twice, at+".feature", "is there twice")
		c.must(featureCode(code.Code), at+".code", "must be * or # and 1 to 6 of 0-9 * #")
		known[code.Feature] = i
	}
	if c.err != nil {
		return c.err
	}
	all := f.All()
	for _, a := range all {
		i, own := known[a.Feature]
		for _, b := range all {
			if own && a.Feature != b.Feature && overlap(a, b) {
				c.fail("codes["+strconv.Itoa(i)+"].code", "overlaps with "+b.Code+" of "+b.Feature)
			}
		}
	}
	return c.result()
}

// overlap: what is dialled could mean either.
func overlap(a, b FeatureCode) bool {
	if a.Disabled || b.Disabled || DuringCall(a.Feature) != DuringCall(b.Feature) {
		return false
	}
	if DuringCall(a.Feature) { // keys come one by one: the shorter one would be done before the longer one is known
		return strings.Contains(a.Code, b.Code) || strings.Contains(b.Code, a.Code)
	}
	reads := func(a, b FeatureCode) bool {
		return a.Code == b.Code || strings.HasPrefix(b.Code, a.Code) && featureNamed(a.Feature).Takes != ""
	}
	return reads(a, b) || reads(b, a)
}

func featureCode(s string) bool {
	return len(s) >= 2 && len(s) <= 7 && (s[0] == '*' || s[0] == '#') && only(s, digits+"*#") && (strings.Trim(s, "*#") != "" || s == "**" || s == "##")
}

func featureNamed(name string) *Feature {
	for _, f := range Features() {
		if f.Name == name {
			return &f
		}
	}
	return nil
}

// All is the whole table as it holds, with the defaults of what was left out.
func (f FeatureCodes) All() []FeatureCode {
	var out []FeatureCode
	for _, d := range Features() {
		code := FeatureCode{Feature: d.Name, Code: d.Code, Disabled: offAtFirst(d.Name)}
		i := slices.IndexFunc(f.Codes, func(c FeatureCode) bool { return c.Feature == d.Name })
		if i >= 0 {
			code = f.Codes[i]
		}
		out = append(out, code)
	}
	return out
}

// CodeOf a feature as it holds; empty: it cannot be dialled.
func (f FeatureCodes) CodeOf(feature string) string {
	for _, c := range f.All() {
		if c.Feature == feature && !c.Disabled {
			return c.Code
		}
	}
	return ""
}

// Dialled finds the feature that a number means, and what was dialled behind its code.
func (f FeatureCodes) Dialled(number string) (feature, argument string, ok bool) {
	if number == "" || number[0] != '*' && number[0] != '#' {
		return "", "", false
	}
	number = strings.TrimSuffix(number, "#")
	for _, c := range f.All() {
		rest, found := strings.CutPrefix(number, c.Code)
		switch {
		case c.Disabled, !found, DuringCall(c.Feature):
		case rest == "":
			return c.Feature, "", true
		case featureNamed(c.Feature).Takes != "" && only(rest, digits+"+"):
			return c.Feature, rest, true
		}
	}
	return "", "", false
}

// offAtFirst tells of a feature that nobody can dial until the table of the domain names it.
func offAtFirst(feature string) bool {
	return feature == FeatureShortSet || feature == FeatureShortClear
}

// AtOwnTelephone tells of a feature that only somebody does who dials it, and nobody who is sent there.
func AtOwnTelephone(feature string) bool {
	return feature == FeatureShortSet || feature == FeatureShortClear
}

// SendsOut tells of a feature that it sends calls elsewhere later on: who may not call may not set it.
func SendsOut(feature string) bool {
	return feature == FeatureForwardOn || feature == FeatureForwardBusyOn || feature == FeatureForwardAnswerOn
}

// Confides tells of a feature that it asks for a PIN: what was dialled behind its code stands in no record.
func Confides(feature string) bool {
	return feature == FeatureWithPIN || feature == FeatureUnlock || feature == FeatureDeskIn
}

// DuringCall tells of a feature that its code is pressed while one talks, and is nothing that can be dialled.
func DuringCall(feature string) bool {
	switch feature {
	case FeatureCallTransfer, FeatureCallPark, FeatureCallConsult, FeatureCallSwap, FeatureCallJoin, FeatureCallComplete, FeatureCallReturn, FeatureCallMove, FeatureCallPause, FeatureCallResume,
		FeatureCallKeep:
		return true
	}
	return false
}

// During are the codes that can be pressed while one talks.
func (f FeatureCodes) During() []FeatureCode {
	return slices.DeleteFunc(f.All(), func(c FeatureCode) bool { return c.Disabled || !DuringCall(c.Feature) })
}
