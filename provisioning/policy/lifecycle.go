package policy

import "naisen/provisioning"

// lifecycleRows are about who tells by SCIM who comes and goes, and what becomes of them.
func lifecycleRows() []row {
	return []row{
		grant(ProvisionerRead, provisioning.KindProvisioner, admin, auditor),
		grant(ProvisionerPut, provisioning.KindProvisioner, admin),
		grant(ProvisionerDelete, provisioning.KindProvisioner, admin),
		grant(ProvisionerSecret, provisioning.KindProvisioner, admin),
		grant(LifecycleRead, provisioning.KindLifecycle, admin, telephony, auditor, manager),
		grant(LifecyclePut, provisioning.KindLifecycle, admin),
	}
}
