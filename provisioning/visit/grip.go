package visit

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// How long hardware may take. A write or wipe is not given up because somebody left: it ends by
// itself, or by this.
const (
	openFor  = 3 * time.Second
	writeFor = 10 * time.Second
)

// grip is one token taken over and asked who it is.
type grip struct {
	dev  provisioning.Device
	plug string
	info provisioning.TokenInfo
}

// grasp takes over the token an order is about. When it cannot, the refusal says why; the rules put
// it on record.
func (r *Runner) grasp(
	ctx context.Context, want provisioning.TokenID,
) (*grip, *provisioning.Refusal) {
	plug, no := r.find(want)
	if no != nil {
		return nil, no
	}
	ctx, cancel := context.WithTimeout(ctx, openFor)
	defer cancel()
	dev, err := r.bench.Open(ctx, plug)
	if err != nil {
		return nil, cannotOpen(err)
	}
	info, err := dev.Identify(ctx)
	if err != nil {
		if cerr := dev.Close(); cerr != nil {
			r.log.Debug("close token", "plug", plug, "err", cerr)
		}
		return nil, cannotOpen(err)
	}
	return &grip{dev, plug, info}, nil
}

// find looks for the plugging of a token.
func (r *Runner) find(want provisioning.TokenID) (string, *provisioning.Refusal) {
	other := ""
	for _, p := range r.bench.Plugs() {
		switch {
		case !p.Usable || p.Info == nil:
		case want != "" && p.Info.ID() == want && r.isBusy(p.ID):
			return "", provisioning.Refuse(provisioning.CodeTokenBusy, "serial", p.Info.Serial)
		case want != "" && p.Info.ID() == want:
			return p.ID, nil
		case !r.isBusy(p.ID):
			other = p.Info.Serial
		}
	}
	if other != "" && want != "" {
		return "", provisioning.Refuse(provisioning.CodeTokenOther,
			"serial", other, "expected", provisioning.SerialOf(want))
	}
	return "", provisioning.Refuse(provisioning.CodeTokenAbsent)
}

func cannotOpen(err error) *provisioning.Refusal {
	switch {
	case errors.Is(err, provisioning.ErrGone):
		return provisioning.Refuse(provisioning.CodeTokenAbsent)
	case errors.Is(err, provisioning.ErrHeld):
		return provisioning.Refuse(provisioning.CodeTokenHeld)
	case errors.Is(err, provisioning.ErrNotOTP):
		return provisioning.Refuse(provisioning.CodeTokenNotOTP)
	}
	return provisioning.Refuse(provisioning.CodeTokenSilent)
}

// release gives a token back that no job took over.
func (r *Runner) release(g *grip) {
	if g == nil {
		return
	}
	if err := g.dev.Close(); err != nil {
		r.log.Debug("close token", "plug", g.plug, "err", err)
	}
}

// generation is that of the code a slot is guarded with from now on; 0 is none.
func (r *Runner) generation() int {
	if !r.site.AccessCodes || r.codes == nil {
		return 0
	}
	return r.codes.Generation()
}

// openers are the codes that may open a slot of this token, each to be tried once: see guards. A
// slot without protection ignores what is presented.
func (r *Runner) openers(t provisioning.Token) []secret.AccessCode {
	var codes []secret.AccessCode
	for _, generation := range r.guards(t) {
		code, err := r.codes.Code(generation, t.Serial)
		if err != nil {
			r.log.Warn("derive an access code", "generation", generation, "err", err)
			continue
		}
		codes = append(codes, code)
	}
	if len(codes) == 0 {
		codes = append(codes, secret.AccessCode{})
	}
	return codes
}

// guards are the generations that may guard a slot of a token, two at most: that which the row
// says we last set, and the one before, which a write that was cut short may have left; and where
// the row knows fewer, the current one and the one before it, because another desk of the site, or
// this one before it was restored, may have set them.
func (r *Runner) guards(t provisioning.Token) []int {
	if r.codes == nil {
		return nil
	}
	var list []int
	newest := r.generation()
	for _, generation := range []int{t.Generation, t.Previous, newest, newest - 1} {
		if generation > 0 && len(list) < 2 && !slices.Contains(list, generation) {
			list = append(list, generation)
		}
	}
	return list
}

// tryEach calls act with one code after another while the slot refuses them.
func tryEach(codes []secret.AccessCode, act func(secret.AccessCode) error) error {
	var err error
	for _, code := range codes {
		if err = act(code); !errors.Is(err, provisioning.ErrProtected) {
			return err
		}
	}
	return err
}
