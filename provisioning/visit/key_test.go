package visit

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/oath"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// key is a small software token: what it was programmed with is what it types.
type key struct {
	bench *bench
	id    string // of this plugging
	info  provisioning.TokenInfo

	mu     sync.Mutex
	open   bool
	seed   []byte
	next   uint64
	guard  []byte
	writes int
	// tried are the access codes presented.
	tried [][]byte
	// onProgram, onErase and onIdentify stand for what may go wrong: effect says whether the token
	// did it all the same.
	onProgram, onErase func(n int) (effect bool, err error)
	onIdentify         error
	touches            chan string
	pulled             chan struct{}
}

func newKey(serial string) *key {
	return &key{info: provisioning.TokenInfo{Vendor: "yubikey", Model: "Test key", Serial: serial,
		Digits: []int{6, 8}, Slots: []provisioning.SlotInfo{{Number: 1}, {Number: 2}}},
		touches: make(chan string, 8)}
}

func (k *key) Identify(context.Context) (provisioning.TokenInfo, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.onIdentify != nil {
		return provisioning.TokenInfo{}, k.onIdentify
	}
	if k.isPulled() {
		return provisioning.TokenInfo{}, provisioning.ErrGone
	}
	return k.describe(), nil
}

func (k *key) describe() provisioning.TokenInfo {
	info := k.info
	info.Slots = []provisioning.SlotInfo{{Number: 1}, {Number: 2, Configured: k.seed != nil}}
	return info
}

func (k *key) isPulled() bool {
	select {
	case <-k.pulled:
		return true
	default:
		return false
	}
}

func (k *key) Program(_ context.Context, c provisioning.SlotConfig) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.opens(c.Current) {
		return errors.Join(provisioning.ErrProtected, provisioning.ErrUntouched)
	}
	k.writes++
	effect, err := true, error(nil)
	if k.onProgram != nil {
		effect, err = k.onProgram(k.writes)
	}
	if effect {
		k.seed, k.next, k.guard = c.Seed.Expose(), 0, c.New.Expose()
	}
	return err
}

func (k *key) opens(code secret.AccessCode) bool {
	k.tried = append(k.tried, code.Expose())
	return len(k.guard) == 0 || code.Equal(secret.NewAccessCode(k.guard))
}

func (k *key) Erase(_ context.Context, _ int, code secret.AccessCode) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.opens(code) {
		return errors.Join(provisioning.ErrProtected, provisioning.ErrUntouched)
	}
	effect, err := true, error(nil)
	if k.onErase != nil {
		effect, err = k.onErase(1)
	}
	if effect {
		k.seed, k.guard = nil, nil
	}
	return err
}

func (k *key) ReadOTP(ctx context.Context, _ int) (secret.OTP, error) {
	select {
	case typed := <-k.touches:
		return secret.NewOTP(typed), nil
	case <-k.pulled:
		return secret.OTP{}, provisioning.ErrGone
	case <-ctx.Done():
		return secret.OTP{}, errors.Join(provisioning.ErrNoTouch, ctx.Err())
	}
}

func (k *key) Close() error {
	k.bench.closed(k)
	return nil
}

// press is a touch: the token types its next code.
func (k *key) press() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.seed == nil {
		return ""
	}
	codes, err := oath.Codes(secret.NewSeed(k.seed), k.next, 1, 6)
	if err != nil {
		panic(err)
	}
	k.next++
	return string(codes[0].Expose())
}

// bench holds keys that are plugged in, and are identified at once.
type bench struct {
	mu      sync.Mutex
	plugs   []*key
	n       int
	opened  int
	onOpen  error
	changed chan struct{}
}

func (b *bench) announce() {
	close(b.changed)
	b.changed = make(chan struct{})
}

func (b *bench) plug(k *key) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n++
	k.bench, k.id, k.pulled = b, string(rune('A'+b.n)), make(chan struct{})
	b.plugs = append(b.plugs, k)
	b.announce()
}

func (b *bench) pull(k *key) {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(k.pulled)
	b.plugs = slices.DeleteFunc(b.plugs, func(p *key) bool { return p == k })
	b.announce()
}

func (b *bench) Plugs() []provisioning.Plug {
	b.mu.Lock()
	defer b.mu.Unlock()
	var plugs []provisioning.Plug
	for _, k := range b.plugs {
		k.mu.Lock()
		info := k.describe()
		k.mu.Unlock()
		plugs = append(plugs, provisioning.Plug{ID: k.id, Usable: true, Info: &info})
	}
	return plugs
}

func (b *bench) Changed() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changed
}

func (b *bench) Open(_ context.Context, id string) (provisioning.Device, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.onOpen != nil {
		return nil, b.onOpen
	}
	for _, k := range b.plugs {
		if k.id == id {
			if k.open {
				return nil, provisioning.ErrHeld
			}
			k.open = true
			b.opened++
			return k, nil
		}
	}
	return nil, provisioning.ErrGone
}

func (b *bench) closed(k *key) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !k.open {
		panic("a token was closed twice")
	}
	k.open = false
	b.announce()
}
