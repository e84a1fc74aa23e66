package main

import (
	"strings"

	"naisen/sip/stack"
)

// autoAnswers are the words by which makers' telephones are asked to answer by themselves. A phone takes those that it knows and ignores the
// rest, so that all are sent; @ stands for the domain. They go to registered telephones of our own alone, and only where the plan says so.
var autoAnswers = []struct{ who, name, value string }{
	{"RFC 5373 section 4: baresip from its version 1.1 on", "Answer-Mode", "Auto"},
	{"Snom, Yealink, Grandstream, Gigaset, what is made with liblinphone; baresip too", "Call-Info", "<sip:@>;answer-after=0"},
	{"Panasonic, Mitel, Yealink; Polycom by a ring class of that name", "Alert-Info", "<http://@>;info=alert-autoanswer;delay=0"},
}

// autoAnswer asks a telephone of a domain to answer by itself.
func autoAnswer(domain string) (h []stack.Header) {
	for _, a := range autoAnswers {
		h = append(h, stack.Header{Name: a.name, Value: strings.ReplaceAll(a.value, "@", domain)})
	}
	return h
}
