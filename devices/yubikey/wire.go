package yubikey

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tokendesk/tokendesk/devices"
)

// How long things may take. Vendor code gives a part one second and a write 1150 ms (ykcore.c,
// yubikit/core/otp.py); this is a little more, because it is an upper bound and never waited out.
const (
	readyTime   = 1500 * time.Millisecond // until the token can take a part
	confirmTime = 3 * time.Second         // until it has said what became of the last part
	answerTime  = 1500 * time.Millisecond // until a response is complete
	abortTime   = 250 * time.Millisecond  // to leave a frame that is not going to be finished
	// settleTime is how long an unchanged status must stand before it counts as a refused write;
	// silentTime is the same for a question. A token is flagged busy while it writes, and not
	// always while it prepares an answer.
	settleTime = 50 * time.Millisecond
	silentTime = 500 * time.Millisecond
)

// Polling waits 1 ms at first, because a token polled sooner after a part may still answer from
// before it (yubikey-personalization NEWS 1.14.2), then doubles: polling hard can wedge a token
// until it is replugged (python-yubico issue 18).
const (
	firstWait = time.Millisecond
	longWait  = 16 * time.Millisecond
)

var (
	errBusy    = errors.New("the token stays busy")
	errNoData  = errors.New("the token has no answer to that")
	errGarbled = errors.New("the token's answer is garbled")
	errShort   = errors.New("a report came short")
)

// wire speaks frames over feature reports.
type wire struct {
	hid devices.HID
	// clean is false while a frame or a response may be left over in the token: at first, because
	// who held it before us may have been killed, and after anything that went wrong.
	clean bool
}

// pace is a wait that grows.
type pace time.Duration

// wait sleeps for the next step of the pace, or until ctx ends.
func (p *pace) wait(ctx context.Context) error {
	*p = min(max(*p*2, pace(firstWait)), max(*p, pace(longWait)))
	timer := time.NewTimer(time.Duration(*p))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func (w *wire) get(ctx context.Context) (report [reportSize]byte, err error) {
	n, err := w.hid.GetFeature(ctx, report[:])
	if err == nil && n != reportSize {
		err = errShort
	}
	return report, err
}

// final says whether an error leaves nothing to wait for.
func final(err error) bool {
	return errors.Is(err, devices.ErrUnplugged) || errors.Is(err, devices.ErrClosed)
}

// idle polls until the token has taken what was sent, and returns its report. A poll that fails on
// a token that is still there is repeated.
func (w *wire) idle(ctx context.Context) ([reportSize]byte, error) {
	bounded, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	last := errBusy
	for p := pace(0); ; {
		if err := p.wait(bounded); err != nil {
			if ctx.Err() != nil {
				return [reportSize]byte{}, ctx.Err()
			}
			return [reportSize]byte{}, last
		}
		report, err := w.get(bounded)
		switch {
		case err == nil && report[partSize]&flagWrite == 0:
			return report, nil
		case final(err):
			return report, err
		case err != nil:
			last = err
		}
	}
}

// reset ends whatever exchange the token is in.
func (w *wire) reset(ctx context.Context) error {
	report := [reportSize]byte{partSize: resetNumber}
	if err := w.hid.SetFeature(ctx, report[:]); err != nil {
		return fmt.Errorf("reset the exchange: %w", err)
	}
	w.clean = true
	return nil
}

// abort leaves a frame or a response in the middle. It is done even when ctx has ended, and when it
// fails the next exchange does it again.
func (w *wire) abort(ctx context.Context) {
	w.clean = false
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTime)
	defer cancel()
	_ = w.reset(ctx)
}

// begin brings the token to the start of an exchange and returns its status.
func (w *wire) begin(ctx context.Context) (status, error) {
	if !w.clean {
		if err := w.reset(ctx); err != nil {
			return status{}, err
		}
	}
	for range 2 {
		report, err := w.idle(ctx)
		if err != nil {
			return status{}, err
		}
		if report[partSize]&(flagPending|flagTouch) == 0 {
			return parseStatus(report), nil
		}
		if err := w.reset(ctx); err != nil {
			return status{}, err
		}
	}
	return status{}, errBusy
}

// send sends a frame. The token acts on the last part and on nothing before it, so complete says
// whether it can have acted: it is true as soon as the last part was handed to the bus, whatever
// the bus said of it.
func (w *wire) send(ctx context.Context, f *frame) (complete bool, err error) {
	var report [reportSize]byte
	defer clear(report[:])
	for n := range lastPart + 1 {
		if !f.part(n, &report) {
			continue
		}
		if n > 0 { // begin has just seen the token ready for the first part
			if _, err := w.idle(ctx); err != nil {
				return false, err
			}
		}
		if err := w.hid.SetFeature(ctx, report[:]); err != nil {
			return n == lastPart, err
		}
	}
	return true, nil
}

// outcome polls for what became of a complete frame and judges it by the status before. That the
// token did not act is believed once the status has stood still for a moment.
func (w *wire) outcome(ctx context.Context, before status, erasing bool) (verdict, error) {
	var since time.Time
	for p := pace(0); ; {
		if err := p.wait(ctx); err != nil {
			return unclear, err
		}
		report, err := w.get(ctx)
		if final(err) {
			return unclear, err
		}
		if err != nil || report[partSize]&(flagWrite|flagPending|flagTouch) != 0 {
			since = time.Time{}
			continue
		}
		v := judge(before, parseStatus(report), erasing)
		if v == accepted {
			return v, nil
		}
		if since.IsZero() {
			since = time.Now()
		} else if time.Since(since) >= settleTime {
			return v, nil
		}
	}
}

// ask sends a command that changes nothing and returns the response, padding included.
func (w *wire) ask(ctx context.Context, cmd command, args ...byte) ([]byte, error) {
	if _, err := w.begin(ctx); err != nil {
		return nil, err
	}
	_, err := w.send(ctx, newFrame(cmd, args))
	if err != nil {
		w.abort(ctx)
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	data, err := w.receive(bounded, nil)
	w.abort(ctx) // a response, too, ends with the reset (yubikit/core/otp.py, _reset_state)
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	return data, err
}

// receive collects the chunks of a response. They are numbered from zero; zero again ends them. An
// answer that needs a touch is waited for where awaited is not nil.
func (w *wire) receive(ctx context.Context, awaited *touch) ([]byte, error) {
	var data []byte
	var since time.Time
	for p := pace(0); ; {
		if len(data) == 0 {
			if err := p.wait(ctx); err != nil {
				return nil, errBusy
			}
		}
		report, err := w.get(ctx)
		if err != nil {
			return nil, err
		}
		flags, number := report[partSize], int(report[partSize]&maskNumber)
		switch {
		case flags&flagPending != 0 && number == 0 && len(data) > 0:
			return data, nil
		case flags&flagPending != 0 && number*partSize == len(data):
			data = append(data, report[:partSize]...)
		case flags&flagPending != 0 || len(data) > 0:
			return nil, errGarbled
		case flags&flagTouch != 0 && awaited == nil:
			return nil, errNoData // it wants a touch, which nothing else we ask may need
		case flags&flagTouch != 0:
			awaited.begin()
			p, since = pace(touchWait), time.Time{}
		case flags&flagWrite != 0:
		case since.IsZero():
			since = time.Now()
		case time.Since(since) >= silentTime:
			return nil, errNoData
		}
	}
}

// checked returns the first n bytes of a response after checking the CRC that follows them.
func checked(data []byte, n int) ([]byte, error) {
	if n+2 > len(data) || crc16(data[:n+2]) != crcResidual {
		return nil, errGarbled
	}
	return data[:n], nil
}
