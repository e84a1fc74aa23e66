package policy

import "naisen/provisioning"

// queueRows are about the call centre. Own is: the supervisor's queue, the agent's own extension.
func queueRows() []row {
	return []row{
		grant(QueueRead, provisioning.KindQueue, admin, telephony),
		grant(QueuePut, provisioning.KindQueue, admin, telephony),
		grant(QueueDelete, provisioning.KindQueue, admin, telephony),
		grant(QueueWatch, provisioning.KindQueue, admin, telephony).andOwn(staff),
		grant(QueueReport, KindReport, admin, telephony, auditor),

		grant(AgentRead, provisioning.KindAgent, admin, telephony).andOwn(staff),
		grant(AgentPut, provisioning.KindAgent, admin, telephony),
		grant(AgentDelete, provisioning.KindAgent, admin, telephony),
		grant(AgentState, provisioning.KindAgent, admin, telephony).andOwn(staff),

		grant(SupervisionRead, provisioning.KindSupervision, admin, auditor),
		grant(SupervisionPut, provisioning.KindSupervision, admin), // who keeps the telephones does not decide who hears them
		grant(SupervisionDelete, provisioning.KindSupervision, admin),

		grant(CallBackRead, provisioning.KindCallBack, admin, telephony),
		grant(CallBackDelete, provisioning.KindCallBack, admin, telephony),
	}
}
