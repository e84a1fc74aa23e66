package provisioning

import "testing"

func TestSupervise(t *testing.T) {
	all := []Supervision{
		{Name: "never", Never: true, Extensions: []string{"2009"}, DIDs: []string{"+81311110000"}, Queues: []string{"7009"}},
		{Name: "hall", Supervisors: []string{"boss"}, Extensions: []string{"2001", "2009"}, Modes: []string{MonitorListen, MonitorBarge}},
		{Name: "queue", Supervisors: []string{"boss"}, Queues: []string{"7001"}, Tone: true},
	}
	queue := Queue{Number: "7001", Supervisors: []string{"chief"}}
	for _, c := range []struct {
		name, user, mode string
		call             SupervisedCall
		rule             string
		tone, ok         bool
	}{
		{"his extension", "boss", MonitorBarge, SupervisedCall{Agent: "2001"}, "supervision: hall", false, true},
		{"another mode", "boss", MonitorWhisper, SupervisedCall{Agent: "2001"}, "no supervision", false, false},
		{"no mode is listen", "boss", MonitorListen, SupervisedCall{Agent: "2005", Queue: "7001"}, "supervision: queue", true, true},
		{"and nothing else", "boss", MonitorWhisper, SupervisedCall{Agent: "2005", Queue: "7001"}, "no supervision", false, false},
		{"both: the tone of one", "boss", MonitorListen, SupervisedCall{Agent: "2001", Queue: "7001"}, "supervision: queue", true, true},
		{"another extension", "boss", MonitorListen, SupervisedCall{Agent: "2005", Extensions: []string{"2005", "2001"}}, "no supervision", false, false},
		{"another user", "clerk", MonitorListen, SupervisedCall{Agent: "2001"}, "no supervision", false, false},
		{"nobody", "", MonitorListen, SupervisedCall{Agent: "2001"}, "nobody's telephone", false, false},
		{"supervisor of the queue", "chief", MonitorWhisper, SupervisedCall{Agent: "2005", Queue: "7001"}, "supervisor of queue 7001", false, true},
		{"not of this call", "chief", MonitorWhisper, SupervisedCall{Agent: "2005"}, "no supervision", false, false},
		{"not of this queue", "chief", MonitorWhisper, SupervisedCall{Agent: "2005", Queue: "7002"}, "no supervision", false, false},
		{"never that agent", "boss", MonitorListen, SupervisedCall{Agent: "2009"}, "never: never", false, false},
		{"never whom he talks with", "boss", MonitorListen, SupervisedCall{Agent: "2001", Extensions: []string{"2001", "2009"}}, "never: never", false, false},
		{"never that number", "boss", MonitorListen, SupervisedCall{Agent: "2001", Numbers: []string{"+81311110000"}}, "never: never", false, false},
		{"never that queue", "boss", MonitorListen, SupervisedCall{Agent: "2001", Queue: "7009"}, "never: never", false, false},
		{"never an earlier queue", "boss", MonitorListen, SupervisedCall{Agent: "2001", Queue: "7001", Queues: []string{"7009", "7001"}}, "never: never", false, false},
		{"an earlier queue allows nothing", "boss", MonitorListen, SupervisedCall{Agent: "2005", Queue: "7002", Queues: []string{"7001", "7002"}}, "no supervision", false, false},
	} {
		if rule, tone, ok := Supervise(all, queue, c.user, c.call, c.mode); rule != c.rule || tone != c.tone || ok != c.ok {
			t.Errorf("%s: %q %v %v", c.name, rule, tone, ok)
		}
	}
}
