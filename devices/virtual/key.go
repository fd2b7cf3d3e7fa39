package virtual

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tokendesk/tokendesk/devices"
)

// ErrSilent means that touching the slot types nothing: it is empty, or of a kind this key only
// stores (static, challenge-response).
var ErrSilent = errors.New("the slot types nothing")

// Options say which key to make. The zero value is a YubiKey 5.4.3 with two empty slots.
type Options struct {
	// Serial defaults to 12345678.
	Serial uint32 `json:",omitempty"`
	// Firmware defaults to 5.4.3.
	Firmware Version
	// Product is the USB product id: which interfaces are enabled. It defaults to 0407.
	Product uint16 `json:",omitempty"`
	// Delivered fills slot 1 with a Yubico OTP credential, as keys come from the factory.
	Delivered bool `json:",omitempty"`
	// Sequence is pgmSeq to start with, when a slot is configured or not.
	Sequence byte `json:",omitempty"`
}

func (o Options) withDefaults() Options {
	if o.Serial == 0 {
		o.Serial = 12345678
	}
	if o.Firmware == (Version{}) {
		o.Firmware = Version{5, 4, 3}
	}
	if o.Product == 0 {
		o.Product = 0x0407
	}
	return o
}

// check refuses what no key can be.
func (o Options) check() error {
	if _, ok := models[o.withDefaults().Product]; !ok {
		return fmt.Errorf("no YubiKey has product id %04x", o.Product)
	}
	return nil
}

// Key is a software YubiKey. Its methods may be called from anywhere at any time; what a person
// does to a key is here, what a host does goes through a Bus or USB.
type Key struct {
	opts Options
	// file is where the memory is kept; empty for a key that lives in this process only.
	file string
	// changed tells waiting hosts that something happened to the key.
	changed signal

	mu             sync.Mutex
	memory         memory
	fault          Fault
	forbiddenUntil time.Time
	wire           wire
	typing         []timedReport
	usb            usbQueues
	socket         socket
}

// New makes a key that is not plugged in. It panics on a product id no YubiKey has.
func New(o Options) *Key {
	if err := o.check(); err != nil {
		panic(err)
	}
	k := &Key{opts: o.withDefaults()}
	if o.Delivered {
		k.memory.slots[0] = &slot{config: deliveredConfig(k.opts.Serial)}
		k.memory.sequence = 1
	}
	if o.Sequence != 0 {
		k.memory.sequence = o.Sequence
	}
	return k
}

// deliveredConfig is slot 1 of a key from the factory. Its secret is of no use to anybody.
func deliveredConfig(serial uint32) config {
	c := config{fixedSize: 6, ext: extSerialAPI | extAllowUpdate, tkt: tktAppendCR}
	binary.BigEndian.PutUint32(c.fixed[2:], serial)
	copy(c.key[:], "as delivered key")
	return c
}

// Serial is the number on the key.
func (k *Key) Serial() uint32 { return k.opts.Serial }

// Touch is a finger on the key, short for slot 1 and long for slot 2. It returns what the key
// types, without tabs and Enter, and spends a counter whether anybody reads it or not. While a
// challenge waits for it, any touch is the answer to that, and types nothing.
func (k *Key) Touch(slotNumber int) (string, error) {
	if slotNumber != 1 && slotNumber != 2 {
		return "", fmt.Errorf("touch slot %d: a key has slots 1 and 2", slotNumber)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.socket.plugged {
		return "", fmt.Errorf("touch slot %d: %w", slotNumber, devices.ErrUnplugged)
	}
	now := time.Now()
	k.settle(now)
	if k.holding(now) {
		k.letAnswer(now)
		return "", nil
	}
	s := k.memory.slots[slotNumber-1]
	if s == nil {
		return "", fmt.Errorf("touch slot %d: %w", slotNumber, ErrSilent)
	}
	id, otp := s.speak()
	if otp == "" {
		return "", fmt.Errorf("touch slot %d: %w", slotNumber, ErrSilent)
	}
	next := k.memory
	next.slots[slotNumber-1] = &slot{config: s.config, counter: s.counter + 1}
	if !k.remember(next) {
		return "", fmt.Errorf("touch slot %d: the state file cannot be written", slotNumber)
	}
	k.enqueue(s.config, s.config.ticket(id, otp), now)
	k.changed.notify()
	return id + otp, nil
}

// speak is what the slot says at its counter.
func (s *slot) speak() (id, otp string) {
	switch s.config.kind() {
	case kindHOTP:
		return s.config.tokenID(), hotp(s.config.secret(), s.counter, s.config.digits())
	case kindYubicoOTP:
		return "", s.config.yubicoOTP(s.counter)
	default:
		return "", ""
	}
}

// longPress is where a touch stops being for slot 1 (the technical manual says about 3 s; older
// pages 2.5 s).
const longPress = 2500 * time.Millisecond

// Press is Touch by how long the finger stays: it does not wait that long.
func (k *Key) Press(hold time.Duration) (string, error) {
	if hold >= longPress {
		return k.Touch(2)
	}
	return k.Touch(1)
}

// SlotState is what an examiner may know of a slot: everything but its secret.
type SlotState struct {
	Configured bool
	// HOTP is whether a touch types an OTP of RFC 4226; Digits and Counter are of the next one.
	HOTP bool
	// Challenge is whether the slot answers challenges; NeedsTouch whether each answer needs a touch.
	Challenge, NeedsTouch bool
	Digits                int
	Counter               uint64
	Enter                 bool
	// Protected is whether an access code guards the slot.
	Protected bool
	// SerialVisible and AllowUpdate are extended flags.
	SerialVisible, AllowUpdate bool
}

// Slots peeks into both slots, past everything a host could ask.
func (k *Key) Slots() [2]SlotState {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.settle(time.Now())
	var states [2]SlotState
	for i, s := range k.memory.slots {
		if s == nil {
			continue
		}
		c := s.config
		states[i] = SlotState{
			Configured: true, HOTP: c.kind() == kindHOTP, Digits: c.digits(), Counter: s.counter,
			Challenge:  c.kind() == kindChallenge,
			NeedsTouch: c.kind() == kindChallenge && c.needsTouch(),
			Enter:      c.tkt&tktAppendCR != 0, Protected: c.access != [6]byte{},
			SerialVisible: c.ext&extSerialAPI != 0, AllowUpdate: c.ext&extAllowUpdate != 0,
		}
	}
	return states
}

// Sequence peeks at the programming sequence.
func (k *Key) Sequence() byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.settle(time.Now())
	return k.memory.sequence
}

// remember makes next the memory, durably first where there is a file. It reports whether it did.
func (k *Key) remember(next memory) bool {
	if k.file != "" && writeState(k.file, k.opts, next) != nil {
		return false
	}
	k.memory = next
	return true
}
