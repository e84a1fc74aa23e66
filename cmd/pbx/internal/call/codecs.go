package call

import (
	"slices"

	"naisen/media"
)

// everyCodec is what we can make of anything and play prompts in, cheapest first. What is agreed before the other side is known must be one
// of these: the relay makes it what the other side wants.
var everyCodec = []media.Codec{media.PCMU, media.PCMA, media.G722, media.Opus}

// offerable are the codecs that a called leg may use: first what the caller has, so that packets can be relayed untouched, then what can be
// made of that.
func (c *Call) offerable() []media.Codec {
	switch o := c.ringsFor(); {
	case o.agreed:
		return c.within([]media.Codec{o.ep.Codec()})
	case o.offer != nil:
		return c.within(o.speaks)
	}
	return everyCodec // nobody knows yet what the caller speaks
}

// within is what a leg may speak so that one who speaks one of the list hears it: the list, the other G.711 law wherever one is in it, and, if
// anything in it can be transcoded, whatever else can. A call that is recorded, or may be, has nothing that cannot be decoded. Who is a fax now will speak
// whatever it is asked for.
func (c *Call) within(list []media.Codec) []media.Codec {
	if slices.Contains(list, media.T38) {
		return everyCodec
	}
	out := withTwin(list)
	if c.plan.Record.On || c.plan.Record.OnDemand {
		out = slices.DeleteFunc(out, func(codec media.Codec) bool { return !codec.Transcodes() })
	}
	if slices.ContainsFunc(out, media.Codec.Transcodes) {
		for _, codec := range everyCodec {
			if !slices.Contains(out, codec) {
				out = append(out, codec)
			}
		}
	}
	return out
}

// withTwin adds the other G.711 law wherever one is in the list: the relay translates by table.
func withTwin(list []media.Codec) []media.Codec {
	var out []media.Codec
	for _, codec := range list {
		if !slices.Contains(out, codec) {
			out = append(out, codec)
		}
	}
	for _, law := range [][2]media.Codec{{media.PCMU, media.PCMA}, {media.PCMA, media.PCMU}} {
		if slices.Contains(out, law[0]) && !slices.Contains(out, law[1]) {
			out = append(out, law[1])
		}
	}
	return out
}

// relays says that packets of one codec can go out as the other without being decoded: the same one, or the other G.711 law.
func relays(a, b media.Codec) bool {
	law := func(c media.Codec) bool { return c == media.PCMU || c == media.PCMA }
	return a == b || law(a) && law(b)
}

// transcodes says that the relay can make the one of the other.
func transcodes(a, b media.Codec) bool { return a.Transcodes() && b.Transcodes() }

// lacks says that a party is known not to speak a codec, nor its twin: it was asked for it, or made the offer, and did not name it.
func (p *party) lacks(codec media.Codec) bool {
	for _, c := range withTwin([]media.Codec{codec}) {
		if p.speaks == nil || p.asked != nil && !slices.Contains(p.asked, c) || slices.Contains(p.speaks, c) {
			return false
		}
	}
	return true
}
