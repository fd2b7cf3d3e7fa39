// Package yubikey drives the OTP application of a YubiKey over its keyboard interface: HID feature
// reports to ask and to program, the keyboard's own input reports to read what a touch types. On
// one side it needs a devices.HID, on the other it is a provisioning.Device and a
// provisioning.Bench.
//
// It refuses to know people, loans and verifiers; it has no logger, keeps no seed after Program
// returns, and never guesses an access code. It says of every failure whether the slot can have
// changed, because only this package knows which report makes the token act.
//
// The protocol is public: Yubico's yubikey-personalization (ykcore/ykdef.h, ykcore/ykcore.c) and
// yubikey-manager (yubikit/core/otp.py, yubikit/yubiotp.py, yubikit/management.py) are the
// documents the comments name.
package yubikey

// vendor is how the desk writes this maker in ids and in key derivation.
const vendor = "yubikey"
