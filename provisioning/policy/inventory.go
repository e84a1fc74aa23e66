package policy

import "naisen/provisioning"

// What may be done to the telephones of the inventory.
const (
	DeviceRead           provisioning.Action = "device.read" // with what the switch knows of it
	DevicePut            provisioning.Action = "device.put"
	DeviceDelete         provisioning.Action = "device.delete"
	DeviceParticulars    provisioning.Action = "device.particulars" // its serial number and the like
	DevicePutParticulars provisioning.Action = "device.put-particulars"
	DeviceState          provisioning.Action = "device.state"  // lock, quarantine, wipe it, and take it back
	DeviceClaim          provisioning.Action = "device.claim"  // make a code by which it gets its configuration
	DeviceRotate         provisioning.Action = "device.rotate" // bring in a new SIP password
)

// DeviceResync lets a telephone fetch its configuration now.
const DeviceResync provisioning.Action = "device.resync"

// What may be done with the firmware of telephones.
const (
	FirmwareRead    provisioning.Action = "firmware.read"
	FirmwarePut     provisioning.Action = "firmware.put"
	FirmwareDelete  provisioning.Action = "firmware.delete"
	FirmwareUpload  provisioning.Action = "firmware.upload"
	FirmwareRollout provisioning.Action = "firmware.rollout" // begin, halt, go on, roll back
)

// firmwareRows are about what telephones run.
func firmwareRows() []row {
	const kind = provisioning.KindFirmware
	return []row{
		grant(FirmwareRead, kind, admin, telephony, auditor),
		grant(FirmwarePut, kind, admin, telephony),
		grant(FirmwareDelete, kind, admin, telephony),
		grant(FirmwareUpload, kind, admin, telephony),
		grant(FirmwareRollout, kind, admin, telephony),
	}
}

// inventoryRows are about telephones as things. Who answers for one sees it; what it proves itself with nobody does.
func inventoryRows() []row {
	const kind = provisioning.KindDevice
	return []row{
		grant(DeviceRead, kind, admin, telephony, auditor).andOwn(staff),
		grant(DevicePut, kind, admin, telephony),
		grant(DeviceDelete, kind, admin, telephony),
		grant(DeviceParticulars, kind, admin, telephony),
		grant(DevicePutParticulars, kind, admin, telephony),
		grant(DeviceState, kind, admin, telephony),
		grant(DeviceClaim, kind, admin, telephony),
		grant(DeviceRotate, kind, admin, telephony),
		grant(DeviceResync, kind, admin, telephony),
	}
}
