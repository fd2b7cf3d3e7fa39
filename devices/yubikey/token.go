package yubikey

import (
	"context"
	"errors"
	"fmt"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// Token is one open YubiKey. It has one owner, as provisioning.Device says.
type Token struct {
	wire wire
	info devices.Info
}

var _ provisioning.Device = (*Token)(nil)

// New takes over an open keyboard interface. Nothing is asked of the token yet.
func New(hid devices.HID, info devices.Info) *Token {
	return &Token{wire: wire{hid: hid}, info: info}
}

// Settings are what Update sets anew in a slot that keeps its secret.
type Settings struct {
	Slot int
	// Enter types a return after the OTP.
	Enter bool
	// Current opens a guarded slot; New guards it from now on. Either may be zero.
	Current, New secret.AccessCode
}

var (
	errOldFirmware = errors.New("the token's firmware is too old for this")
	errCodeBug     = errors.New(
		"this firmware loses access codes when they are replaced: erase the slot first")
	errRejected = errors.New("the token refused")
)

// Program writes a HOTP credential and confirms it by the token's own sequence.
//
// Where a new access code is given and no current one, the new one is presented as well: a slot
// without a code ignores it, and a slot that an earlier write, whose outcome nobody learned,
// already guards with it opens.
func (t *Token) Program(ctx context.Context, c provisioning.SlotConfig) error {
	if err := checkConfig(c); err != nil {
		return fmt.Errorf("program slot %d: %w: %w", c.Slot, provisioning.ErrUntouched, err)
	}
	if c.Current.IsZero() {
		c.Current = c.New
	}
	w := write{slot: c.Slot, cmd: [2]command{cmdConfig1, cmdConfig2}, needs: firmwareHOTP,
		recodes: !c.Current.Equal(c.New),
		payload: func(fw firmware) *payload { return hotpPayload(c, fw) }}
	if err := t.write(ctx, w); err != nil {
		return fmt.Errorf("program slot %d: %w", c.Slot, err)
	}
	return nil
}

// Update sets the flags and the access code of a slot without touching its secret, and confirms it.
// The slot must have been programmed to allow it, as Program does.
func (t *Token) Update(ctx context.Context, s Settings) error {
	err := errors.Join(checkSlot(s.Slot), checkCode(s.Current), checkCode(s.New))
	if err != nil {
		return fmt.Errorf("update slot %d: %w: %w", s.Slot, provisioning.ErrUntouched, err)
	}
	w := write{slot: s.Slot, cmd: [2]command{cmdUpdate1, cmdUpdate2}, needs: firmwareUpdate,
		recodes: !s.Current.Equal(s.New),
		payload: func(fw firmware) *payload { return updatePayload(s, fw) }}
	if err := t.write(ctx, w); err != nil {
		return fmt.Errorf("update slot %d: %w", s.Slot, err)
	}
	return nil
}

// Erase empties a slot and confirms it. A token that does not move its sequence for an empty slot
// while the other is in use is reported as having refused: the bits that say "empty" are known to
// be wrong on some tokens (yubikey-manager issue 738).
func (t *Token) Erase(ctx context.Context, slot int, current secret.AccessCode) error {
	if err := errors.Join(checkSlot(slot), checkCode(current)); err != nil {
		return fmt.Errorf("erase slot %d: %w: %w", slot, provisioning.ErrUntouched, err)
	}
	w := write{slot: slot, cmd: [2]command{cmdConfig1, cmdConfig2}, needs: firmwareHOTP,
		erases:  true,
		payload: func(firmware) *payload { return erasePayload(current) }}
	if err := t.write(ctx, w); err != nil {
		return fmt.Errorf("erase slot %d: %w", slot, err)
	}
	return nil
}

// Close gives the interface back.
func (t *Token) Close() error {
	if err := t.wire.hid.Close(); err != nil {
		return fmt.Errorf("close token: %w", mapped(err))
	}
	return nil
}

// write is one change of a slot.
type write struct {
	slot    int
	cmd     [2]command
	payload func(firmware) *payload
	// needs is the oldest firmware that can do it; recodes says that a code gives way to another.
	needs   firmware
	recodes bool
	erases  bool
}

// write sends a change and finds out what became of it. Every error wraps ErrUntouched or
// ErrUnknownOutcome.
func (t *Token) write(ctx context.Context, w write) error {
	before, err := t.ready(ctx)
	if err != nil {
		return untouched(err)
	}
	if before.firmware < w.needs {
		return untouched(errOldFirmware)
	}
	if w.recodes && before.firmware >= firmwareBadCode && before.firmware < firmwareGoodCode {
		return untouched(errCodeBug)
	}
	p := w.payload(before.firmware)
	defer p.wipe()
	f := newFrame(w.cmd[w.slot-1], p[:])
	defer f.wipe()
	complete, sent := t.wire.send(ctx, f)
	if !complete {
		t.wire.abort(ctx)
		return untouched(sent)
	}
	return t.confirm(ctx, before, w, sent)
}

// ready returns the status to compare with. A NEO may answer with a sequence it remembers from
// before; asking for something it must refuse, a scan map of the wrong length, makes it look
// (yubikit/core/otp.py).
func (t *Token) ready(ctx context.Context) (status, error) {
	st, err := t.wire.begin(ctx)
	if err != nil || st.firmware.major() != 3 {
		return st, err
	}
	probe := make([]byte, 51)
	for i := range probe {
		probe[i] = 'c'
	}
	if _, err := t.wire.send(ctx, newFrame(cmdScanMap, probe)); err != nil {
		t.wire.abort(ctx)
		return st, err
	}
	if _, err := t.wire.outcome(ctx, st, false); err != nil {
		return st, err
	}
	t.wire.abort(ctx)
	return t.wire.begin(ctx)
}

// confirm asks the token what became of a complete frame; sent is what the bus said of its last
// part. It goes on for a moment after ctx has ended: not to know costs more than the moment.
func (t *Token) confirm(ctx context.Context, before status, w write, sent error) error {
	if final(sent) {
		return unknown(sent)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), confirmTime)
	defer cancel()
	v, err := t.wire.outcome(ctx, before, w.erases)
	if err == nil && v == refused {
		t.wire.abort(ctx)
		if sent != nil {
			return t.lost(ctx, before, w, sent)
		}
	}
	switch {
	case err != nil:
		t.wire.clean = false
		return unknown(err)
	case v == accepted:
		return nil
	case v == unclear:
		return unknown(errRejected)
	case before.configured(w.slot):
		// The token never says why. A guarded slot is the reason in practice.
		return fmt.Errorf("%w: %w", provisioning.ErrUntouched, provisioning.ErrProtected)
	}
	return untouched(errRejected)
}

// lost finds out about a last part that the bus failed to deliver and the token shows no sign of.
// Transfers stay in order: once the reset is taken, the part can no longer arrive.
func (t *Token) lost(ctx context.Context, before status, w write, sent error) error {
	if !t.wire.clean {
		return unknown(sent)
	}
	v, err := t.wire.outcome(ctx, before, w.erases)
	switch {
	case err != nil:
		return unknown(err)
	case v == accepted:
		return nil
	case v == refused:
		return untouched(sent)
	}
	return unknown(sent)
}

func untouched(err error) error {
	return fmt.Errorf("%w: %w", provisioning.ErrUntouched, mapped(err))
}

func unknown(err error) error {
	return fmt.Errorf("%w: %w", provisioning.ErrUnknownOutcome, mapped(err))
}

// mapped names the errors of the wire in the words of the desk. Others stay as they are.
func mapped(err error) error {
	switch {
	case errors.Is(err, devices.ErrUnplugged):
		return provisioning.ErrGone
	case errors.Is(err, devices.ErrBusy):
		return provisioning.ErrHeld
	}
	return err
}
