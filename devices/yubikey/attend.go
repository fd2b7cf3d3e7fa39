package yubikey

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/tokendesk/tokendesk/devices"
	"github.com/tokendesk/tokendesk/provisioning"
)

// How an identification that did not succeed is repeated. Permissions may be given a moment after
// the node exists, and another program may hold the token for as long as it likes.
const (
	openTime     = 5 * time.Second
	identifyTime = 2 * time.Second
	firstRetry   = 50 * time.Millisecond
	longestRetry = time.Second
)

// A token whose FIDO or smart-card side was just used answers no OTP command for up to three
// seconds, its serial included (yubikey-manager issue 34).
const (
	reclaimTries = 6
	reclaimRetry = 500 * time.Millisecond
)

// errReclaim is a serial that was not told, and may be in a moment.
var errReclaim = errors.New("the token does not tell its serial yet")

// attend identifies one token when it was plugged in and whenever it was given back, until it is
// pulled out or ctx ends.
func (b *Bench) attend(ctx context.Context, p *place) {
	for b.identifyUntilKnown(ctx, p) {
		select {
		case <-ctx.Done():
			return
		case <-p.gone:
			return
		case <-p.again:
		}
	}
}

// identifyUntilKnown tries again and again, ever more slowly. It returns false when there is nobody
// to identify any more.
func (b *Bench) identifyUntilKnown(ctx context.Context, p *place) bool {
	unsettled := 0
	for wait := firstRetry; ; wait = min(2*wait, longestRetry) {
		err := b.identifyOnce(ctx, p, unsettled < reclaimTries)
		if err == nil {
			return true
		}
		if errors.Is(err, errReclaim) {
			unsettled++
			wait = reclaimRetry
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-p.gone:
		case <-timer.C:
			continue
		}
		timer.Stop()
		return false
	}
}

// identifyOnce waits for its turn, opens, asks, shows the answer and closes. The answer is shown
// before closing, which gives the keyboard back to the kernel and takes its time on a real bus.
func (b *Bench) identifyOnce(ctx context.Context, p *place, patient bool) error {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-p.gone:
		return provisioning.ErrGone
	case <-ctx.Done():
		return ctx.Err()
	}
	select { // whatever was asked for until now, this answers
	case <-p.again:
	default:
	}
	return b.identify(ctx, p, patient)
}

func (b *Bench) identify(ctx context.Context, p *place, patient bool) error {
	// A bus may open one device at a time: to wait for its turn is not the token's fault.
	opening, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	hid, err := b.bus.Open(opening, p.info)
	if err != nil {
		b.showTrouble(ctx, p, mapped(err))
		return err
	}
	token := New(hid, p.info)
	defer token.Close()
	bounded, cancel := context.WithTimeout(ctx, identifyTime)
	defer cancel()
	info, err := askTwice(bounded, token)
	switch {
	case errors.Is(err, errUnsteady), err == nil && !b.keepsSerial(p, info.Serial):
		b.forsake(p)
		return nil
	case err != nil:
		b.showTrouble(ctx, p, err)
		return err
	case patient && info.Serial == "" && len(info.Others) > 0:
		return errReclaim
	}
	b.show(p, info)
	return nil
}

// errUnsteady is a token that tells another serial each time. What is written on it could not be
// said to be on it.
var errUnsteady = errors.New("the token tells one serial and then another")

// askTwice identifies a token, and makes sure of its serial.
func askTwice(ctx context.Context, token *Token) (provisioning.TokenInfo, error) {
	info, err := token.Identify(ctx)
	if err != nil || info.Serial == "" {
		return info, err
	}
	again, err := token.Identify(ctx)
	if err == nil && again.Serial != "" && again.Serial != info.Serial {
		err = errUnsteady
	}
	return info, err
}

// keepsSerial says whether a serial is the one that was told before in this plugging. One that is
// not told any more is no other: what is written on a token can hide it.
func (b *Bench) keepsSerial(p *place, serial string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p.serial == "" {
		p.serial = serial
	}
	return serial == "" || serial == p.serial
}

// forsake shows a token as one that is not for use, until it is pulled out.
func (b *Bench) forsake(p *place) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p.forsaken = true
	p.plug.Usable, p.plug.Why, p.plug.Info = false, provisioning.CodeTokenUnsteady, nil
	p.plug.Err = errUnsteady
	b.announce()
}

// show puts an identified token on the list.
func (b *Bench) show(p *place, info provisioning.TokenInfo) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p.plug.Usable, p.plug.Why, p.plug.Info, p.plug.Err = true, "", &info, nil
	p.known = b.opts.OnlySerial == "" || info.Serial == b.opts.OnlySerial
	if !p.known {
		p.leaveAlone()
	}
	b.announce()
}

// showTrouble puts on the list why a token could not be identified, unless it is only that it was
// pulled out or that the desk stops.
func (b *Bench) showTrouble(ctx context.Context, p *place, err error) {
	if ctx.Err() != nil || errors.Is(err, provisioning.ErrGone) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	why := provisioning.CodeTokenSilent
	switch {
	case errors.Is(err, devices.ErrPermission):
		why = provisioning.CodeTokenNoPermission
	case errors.Is(err, provisioning.ErrHeld):
		why = provisioning.CodeTokenHeld
	}
	changed := p.plug.Usable || p.plug.Why != why
	p.plug.Usable, p.plug.Why, p.plug.Err = false, why, err
	if changed {
		b.announce()
	}
}

// tokensIn picks one interface of each of Yubico's devices: the first, which is the keyboard where
// the product has one.
func tokensIn(infos []devices.Info) []devices.Info {
	var tokens []devices.Info
	for _, info := range infos {
		if info.Vendor != vendorID {
			continue
		}
		i := slices.IndexFunc(tokens, func(t devices.Info) bool {
			return deviceOf(t) == deviceOf(info)
		})
		switch {
		case i < 0:
			tokens = append(tokens, info)
		case info.Interface < tokens[i].Interface:
			tokens[i] = info
		}
	}
	return tokens
}

// deviceOf is the part of a path that all interfaces of a device share: "1-1" of "1-1:1.0".
func deviceOf(info devices.Info) string {
	device, _, _ := strings.Cut(info.Path, ":")
	return device
}

// nameOf is what to call a device that was not asked yet.
func nameOf(info devices.Info) string {
	if name := devices.Label(info.Name); name != "" {
		return name
	}
	if p, ok := products[info.Product]; ok {
		return p.name()
	}
	return "Yubico device"
}
