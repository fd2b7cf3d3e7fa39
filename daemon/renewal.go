package daemon

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Renewal renews a key of a running desk from the operator's side: it writes the credential's file
// and orders the daemon to follow, one step after the other. Each file it writes is one the desk
// starts and is followed with, so it may be cut short anywhere; the next run goes on from there.
type Renewal struct {
	Config Config
	Client *Client
	// Patience is how long the verifier may take to know a new key.
	Patience time.Duration
	// Say tells the operator what was done.
	Say func(line string)
}

// ErrVerifierAway says that a renewal stopped half-way, in order.
var ErrVerifierAway = errors.New("the verifier does not know the new key yet; nothing is lost and " +
	"the desk is followed as before: run the same command again when it is back")

// saidKnown is what the operator reads when the verifier has the new key.
const saidKnown = "the verifier knows it"

// askEvery is how often the daemon is asked whether the verifier knows the new key.
const askEvery = 50 * time.Millisecond

// Run renews one of "feed", "log" and "desk".
func (r Renewal) Run(ctx context.Context, what string) error {
	name, ok := renewedIn(what)
	if !ok || what == RenewSite {
		return fmt.Errorf("there is no key %q", what)
	}
	state, files, text, err := r.open(ctx, what, name)
	if err != nil {
		return err
	}
	step := renewing{Renewal: r, what: what, name: name, files: files, keys: splitKeys(text)}
	defer step.wipe()
	if step.keys.word == "" && state.Beside == "" {
		if err := step.begin(); err != nil {
			return err
		}
	}
	if what == RenewDesk {
		return step.desk(ctx, state)
	}
	return step.public(ctx)
}

// open asks the daemon how far the renewal is, and reads the credential from where the daemon has
// it.
func (r Renewal) open(ctx context.Context, what, name string) (s RenewState, files keyFiles,
	text []byte, err error) {
	if s, err = r.Client.RenewState(ctx, what); err != nil {
		return s, files, nil, err
	}
	if files, err = r.Config.keyFiles().from(s.Source, name); err != nil {
		return s, files, nil, err
	}
	text, err = files.read(name)
	return s, files, text, err
}

// renewing is one renewal under way.
type renewing struct {
	Renewal
	what, name string
	files      keyFiles
	keys       keyText
}

func (r *renewing) wipe() {
	clear(r.keys.first)
	clear(r.keys.second)
}

// begin makes the new key and puts it beside the old one.
func (r *renewing) begin() error {
	second, err := r.make()
	if err != nil {
		return err
	}
	return r.write(keyText{r.keys.first, second, wordNext},
		"made a new key beside the old one in the credential "+r.name)
}

func (r *renewing) make() ([]byte, error) {
	switch r.what {
	case RenewFeed:
		return makeCertificate(r.Config.Desk)
	case RenewLog:
		private, public, err := note.GenerateKey(rand.Reader, r.Config.Desk)
		return []byte(private + "\n" + public + "\n"), err
	}
	return randomKey(), nil
}

func (r *renewing) write(keys keyText, line string) error {
	text := keys.join()
	defer clear(text)
	if err := r.files.replace(r.name, text); err != nil {
		return err
	}
	r.keys = keys
	r.Say(line)
	return nil
}

func (r *renewing) order(ctx context.Context, line string) (RenewState, error) {
	text := r.keys.join()
	defer clear(text)
	state, err := r.Client.Renew(ctx, r.what, RenewOrder{Credential: text})
	if err == nil {
		r.Say(line)
	}
	return state, err
}

// public renews a key that the verifier has pinned: announced, known there, in use, alone.
func (r *renewing) public(ctx context.Context) error {
	if r.keys.word == wordNext {
		state, err := r.order(ctx, "announced it in the feed")
		if err != nil {
			return err
		}
		if err := r.await(ctx, state); err != nil {
			return err
		}
		err = r.write(keyText{r.keys.second, r.keys.first, wordOld}, saidKnown)
		if err != nil {
			return err
		}
	}
	if r.keys.word == wordOld {
		if _, err := r.order(ctx, "the desk uses it"); err != nil {
			return err
		}
		if err := r.write(r.keys.single(), "the old one is gone from the credential"); err != nil {
			return err
		}
	}
	state, err := r.order(ctx, "the old one is good for nothing any more")
	if err != nil {
		return err
	}
	r.Say("the key of the " + r.what + " is renewed: " + state.Use)
	return nil
}

// await waits until the verifier has the announcement.
func (r *renewing) await(ctx context.Context, state RenewState) error {
	over := time.Now().Add(r.Patience)
	for !state.Taken {
		if time.Now().After(over) {
			return ErrVerifierAway
		}
		select {
		case <-time.After(askEvery):
		case <-ctx.Done():
			return ctx.Err()
		}
		var err error
		if state, err = r.Client.RenewState(ctx, r.what); err != nil {
			return err
		}
	}
	return nil
}

// desk renews the key that opens the store.
func (r *renewing) desk(ctx context.Context, state RenewState) error {
	if r.keys.word == wordNext {
		second, err := keyID(credDesk, r.keys.second)
		if err != nil {
			return err
		}
		if state.Use != second {
			if _, err := r.order(ctx, "the store opens with the new key"); err != nil {
				return err
			}
		}
		err = r.write(keyText{first: r.keys.second}, "the old one is gone from the credential")
		if err != nil {
			return err
		}
	}
	_, err := r.order(ctx, "the old one opens nothing any more, but copies of the file from before")
	if err != nil {
		return err
	}
	r.Say("the key of the desk is renewed")
	return nil
}

// RunSite adds a generation to the site secret.
func (r Renewal) RunSite(ctx context.Context) error {
	state, files, text, err := r.open(ctx, RenewSite, credSite)
	if err != nil {
		return err
	}
	defer clear(text)
	have, err := parseSiteSecret(text)
	if err != nil {
		return err
	}
	if have.Generation() == state.Generation {
		next := strconv.Itoa(have.Generation() + 1)
		text = slices.Concat(ended(text), []byte(next+" "), randomKey())
		if err := files.replace(credSite, text); err != nil {
			return err
		}
	}
	if state, err = r.Client.Renew(ctx, RenewSite, RenewOrder{Credential: text}); err != nil {
		return err
	}
	path, _ := files.path(credSite)
	r.Say(fmt.Sprintf("generation %d of the site secret is in force: tokens get it at their next "+
		"write", state.Generation))
	r.Say("next: copy " + path + " to the other desks of the site and restart them, before a token")
	r.Say("      of this desk is written there, and put a copy with the recovery kit")
	return nil
}

// RetireSite gives a generation of the site secret up, once no token carries it.
func (r Renewal) RetireSite(ctx context.Context, generation int) error {
	state, files, text, err := r.open(ctx, RenewSite, credSite)
	if err != nil {
		return err
	}
	defer clear(text)
	if slices.Contains(state.Generations, generation) {
		if _, err := r.Client.Renew(ctx, RenewSite, RenewOrder{Generation: generation}); err != nil {
			return err
		}
	}
	rest, err := dropGeneration(text, generation)
	if err != nil {
		return err
	}
	if err := files.replace(credSite, rest); err != nil {
		return err
	}
	r.Say(fmt.Sprintf("generation %d of the site secret is given up on this desk", generation))
	return nil
}
