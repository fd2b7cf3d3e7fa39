package feed

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// RestoreCard is what a desk restored from a backup asks its verifier to accept: its new keys and
// its new feed, in the place of the feed it was restored from. The proof is signed with the log key
// that the backup held and the verifier has pinned, so nobody makes one without such a backup.
type RestoreCard struct {
	Version int `json:"version"`
	// Card holds the new keys.
	Card DeskCard `json:"card"`
	// Feed is the new feed, and Epoch how often its log was begun anew.
	Feed  string `json:"feed"`
	Epoch int    `json:"epoch"`
	// From, Size and Root are the last checkpoint of the backup: the log goes on from there.
	From string `json:"from"`
	Size int64  `json:"size"`
	Root string `json:"root"`
	// Proof is a note over all of that.
	Proof []byte `json:"proof"`
}

// ErrRestoreProof says that the proof of a restore card was not made with the pinned log key.
var ErrRestoreProof = errors.New("the restore card was not made from a backup of this desk: its " +
	"proof is not by the log key that was pinned")

// Sign fills in the proof with the log key of the backup.
func (c *RestoreCard) Sign(former note.Signer) (err error) {
	if c.Proof, err = note.Sign(&note.Note{Text: c.statement()}, former); err != nil {
		return fmt.Errorf("prove a restore: %w", err)
	}
	return nil
}

// Proved checks the proof by the log keys that were pinned before: one of them is enough.
func (c RestoreCard) Proved(former ...note.Verifier) error {
	n, err := note.Open(c.Proof, note.VerifierList(former...))
	if err != nil || n.Text != c.statement() {
		return ErrRestoreProof
	}
	return nil
}

// Continues is the checkpoint the new log goes on from.
func (c RestoreCard) Continues() (Checkpoint, error) {
	root, err := tlog.ParseHash(c.Root)
	return Checkpoint{Origin: Origin(c.Card.Desk, c.From), Size: c.Size, Root: root}, err
}

// statement is the text of the proof. Every line is a name, a number or a hash: none can run into
// the next.
func (c RestoreCard) statement() string {
	card, err := json.Marshal(c.Card)
	if err != nil {
		panic("encode a card of plain strings: " + err.Error())
	}
	sum := sha256.Sum256(card)
	return strings.Join([]string{"token desk restore v1", c.Card.Desk, c.From,
		strconv.FormatInt(c.Size, 10), c.Root, c.Feed, strconv.Itoa(c.Epoch),
		hex.EncodeToString(sum[:])}, "\n") + "\n"
}

// Encode checks c and writes it as JSON.
func (c RestoreCard) Encode() ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	return encodeFile(c)
}

// DecodeRestoreCard reads what Encode wrote; unknown members are refused.
func DecodeRestoreCard(data []byte) (RestoreCard, error) {
	var c RestoreCard
	if err := decodeFile(data, &c); err != nil {
		return RestoreCard{}, fmt.Errorf("read a restore card: %w", err)
	}
	return c, c.check()
}

func (c RestoreCard) check() error {
	_, err := c.Continues()
	switch {
	case c.Version != Version:
		return fmt.Errorf("the restore card has version %d; this program reads %d", c.Version,
			Version)
	case !isName(c.Feed) || !isName(c.From) || c.Feed == c.From:
		return errors.New("the restore card does not name a new feed and an old one")
	case c.Epoch < 1 || c.Size < 0 || err != nil || len(c.Proof) == 0:
		return errors.New("the restore card does not say what it goes on from")
	}
	return c.Card.check()
}
