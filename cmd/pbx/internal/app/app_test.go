package app

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/prompts"
	"naisen/provisioning"
	"naisen/sip"
)

type library map[string]prompts.Info

var errMissing = errors.New("missing")

func (l library) Open(domain, name, lang string, c media.Codec) (media.Source, prompts.Info, error) {
	info, ok := l[domain+"|"+name+"|"+lang]
	if !ok {
		return nil, prompts.Info{}, errMissing
	}
	return source(c), info, nil
}

func (l library) Loop(domain, name, lang string, c media.Codec) (media.Source, prompts.Info, error) {
	src, info, err := l.Open(domain, name, lang, c)
	return endless{src}, info, err
}

type endless struct{ media.Source }

type source media.Codec

func (s source) Codec() media.Codec   { return media.Codec(s) }
func (s source) Next() ([]byte, bool) { return nil, false }

func TestAnnounceNamesWhatItPlayed(t *testing.T) {
	p := Programs{Prompts: library{"d|notice/recording|ja": {Name: "notice/recording", Language: "ja", SHA256: "ab"}}}
	prog := p.Announce("d", "notice/recording", "ja")
	src, spoken, err := prog.Open(media.PCMA)
	if err != nil || src.Codec() != media.PCMA || spoken.SHA256 != "ab" || spoken.Language != "ja" {
		t.Fatalf("got %v %+v %v", src, spoken, err)
	}
	if _, again := src.(endless); again {
		t.Error("a notice is played once")
	}
	if _, _, err := p.Announce("d", "none", "ja").Open(media.PCMU); !errors.Is(err, errMissing) {
		t.Errorf("missing prompt: %v", err)
	}
	if _, _, err := (Programs{}).Announce("d", "n", "ja").Open(media.PCMU); err == nil {
		t.Error("no library must be an error, not silence")
	}
}

func TestMusicAndRingback(t *testing.T) {
	p := Programs{
		Prompts:  library{"d|music/hold|": {Name: "music/hold"}},
		Ringtone: func(c media.Codec) (media.Source, error) { return source(c), nil },
	}
	src, _, err := p.Music("d").Open(media.PCMU)
	if _, again := src.(endless); err != nil || !again {
		t.Errorf("music: %v %v", src, err)
	}
	if _, _, err := (Programs{}).Music("d").Open(media.PCMU); err == nil {
		t.Error("no library must be an error, not silence")
	}
	if src, _, err := p.Ringback().Open(media.G722); err != nil || src.Codec() != media.G722 {
		t.Errorf("ringback: %v %v", src, err)
	}
}

// kinds are the types of orders, for what a script wants without the details.
func kinds(orders []call.Order) string {
	var out []string
	for _, o := range orders {
		out = append(out, strings.TrimPrefix(fmt.Sprintf("%T", o), "call."))
	}
	return strings.Join(out, " ")
}

func TestAnnouncing(t *testing.T) {
	p := Programs{Prompts: library{}}
	busy := route.Announce(route.Plan{}, "call/unallocated", sip.StatusCause(404)).Steps[0].Run
	for _, c := range []struct {
		facts call.Facts
		want  int
	}{{call.Facts{Run: busy}, 404}, {call.Facts{Failure: sip.CauseBusy}, 486}, {call.Facts{}, 480}} {
		s, ok := p.Script("d", busy)
		if !ok {
			t.Fatal("no script")
		}
		if got := kinds(s.On(c.facts, call.Began{})); got != "Wake Play" {
			t.Errorf("it begins with %s", got)
		}
		end, ok := s.On(c.facts, call.Played{Complete: true})[0].(call.Finish)
		if !ok || end.Cause.Status != c.want {
			t.Errorf("it ends with %+v, want %d", end, c.want)
		}
		if got := s.On(c.facts, call.Left{}); got != nil {
			t.Errorf("afterwards: %v", got)
		}
	}
	open, _ := p.Script("d", route.Run{Verb: route.VerbAnnounce})
	if got := kinds(open.On(call.Facts{Run: route.Run{Data: map[string]string{route.ThenNext: "yes"}}}, call.Played{})); got != "Next" {
		t.Errorf("it goes on by %s", got)
	}
	if _, ok := p.Script("d", route.Run{Verb: "nonsense"}); ok {
		t.Error("a verb that nobody knows is no script")
	}
}

func TestSpeak(t *testing.T) {
	p := Programs{Prompts: library{"d|call/parked|ja": {}, "d|number/7|ja": {}, "d|number/0|ja": {}}}
	src, _, err := p.Speak("d", "ja", Say("call/parked"), Spell("70-0")).Open(media.PCMA)
	if err != nil || src.Codec() != media.PCMA {
		t.Errorf("%v %v", src, err)
	}
	if _, _, err := p.Speak("d", "ja", Spell("71")).Open(media.PCMA); !errors.Is(err, errMissing) {
		t.Errorf("half a number: %v", err)
	}
	if _, _, err := p.Speak("d", "ja").Open(media.PCMA); err == nil {
		t.Error("nothing to say must be an error")
	}
}

// A notice is heard in the wording that is in effect, with its version in the receipt; audio that was not approved is not heard in its place.
func TestAnnounceInTheWordingOfToday(t *testing.T) {
	ja := provisioning.NoticeVersion{Number: 3, Language: "ja", Audio: "notices/ward/1", SHA256: "11"}
	books := library{"d|notice/ward|en": {Name: "notice/ward", Language: "en", SHA256: "en"}, "d|notices/ward/1|ja": {Name: "notices/ward/1", Language: "ja", SHA256: "11"}}
	for _, c := range []struct {
		name, prompt, language string
		audio                  string // of the wording in the library
		want                   call.Spoken
		err                    error
	}{
		{"in its language", "notice/ward", "ja", "11", call.Spoken{Prompt: "notice/ward", Version: 3, Language: "ja", SHA256: "11"}, nil},
		{"the library's in another", "notice/ward", "en", "11", call.Spoken{Prompt: "notice/ward", Language: "en", SHA256: "en"}, nil},
		{"better in Japanese than nothing", "notice/ward", "ko", "11", call.Spoken{Prompt: "notice/ward", Version: 3, Language: "ja", SHA256: "11"}, nil},
		{"other audio", "notice/ward", "ja", "22", call.Spoken{}, errOtherAudio},
		{"no notice", "greeting/open", "ja", "11", call.Spoken{}, errMissing},
	} {
		books["d|notices/ward/1|ja"] = prompts.Info{Name: "notices/ward/1", Language: "ja", SHA256: c.audio}
		p := Programs{Prompts: books, Wording: func(_, prompt, language string) (provisioning.NoticeVersion, bool, bool) {
			return ja, language == "ja" && prompt == "notice/ward", prompt == "notice/ward"
		}}
		src, got, err := p.Announce("d", c.prompt, c.language).Open(media.PCMU)
		if !errors.Is(err, c.err) || err == nil && (got != c.want || src == nil) || err != nil && src != nil && errors.Is(err, errOtherAudio) {
			t.Errorf("%s: %+v %v", c.name, got, err)
		}
	}
}

// A pause is as long as it shall be, and sent.
func TestPause(t *testing.T) {
	src, _, err := Programs{}.Pause(3 * time.Second).Open(media.PCMU)
	if err != nil {
		t.Fatal(err)
	}
	frames := 0
	for _, more := src.Next(); more; _, more = src.Next() {
		frames++
	}
	if frames != 150 {
		t.Errorf("%d frames of 20 ms", frames)
	}
}

// The notices that a recording policy may name without anybody's approval are built in, in both languages.
func TestBuiltinNotices(t *testing.T) {
	l, err := prompts.New(prompts.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	built := map[string]bool{}
	for _, p := range l.List("d") {
		built[p.Name+" "+p.Language] = true
	}
	for _, name := range provisioning.BuiltinNotices {
		for _, language := range []string{"ja", "en"} {
			if prompt := provisioning.NoticePrefix + name; !built[prompt+" "+language] || !provisioning.TellsRecording(prompt) {
				t.Errorf("%s in %s", prompt, language)
			}
		}
	}
	for p := range built { // and what else is built in there tells nobody of a recording
		name, _, _ := strings.Cut(p, " ")
		if notice, ok := strings.CutPrefix(name, provisioning.NoticePrefix); ok && slices.Contains(provisioning.BuiltinNotices, notice) != provisioning.TellsRecording(name) {
			t.Errorf("%s: a notice or not", name)
		}
	}
}
