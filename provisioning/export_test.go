package provisioning

// Counted counts one more passcode of a day.
func Counted(day Issuance, person PersonID, by OfficerID) Issuance { return day.plus(person, by) }
