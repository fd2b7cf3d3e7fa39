package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// Copy is a consistent copy of the store, of the day it was begun.
type Copy struct {
	file *boltfile.Copy
	// Position counts the leaves in it, and Checkpoint is signed over them.
	Position   int64
	Checkpoint []byte
}

// Copy begins a copy. Whoever begins it closes it soon.
func (s *Store) Copy() (*Copy, error) {
	file, err := s.file.Copy()
	if err != nil {
		return nil, err
	}
	c := &Copy{file: file}
	leaves, err := file.Tx().Count(leafBucket)
	if err == nil {
		c.Position = int64(leaves)
		c.Checkpoint, err = s.checkpoint(file.Tx(), c.Position)
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("begin a copy: %w", err)
	}
	return c, nil
}

// Size is how many bytes WriteTo will give.
func (c *Copy) Size() int64 { return c.file.Size }

// WriteTo writes the copy as a file that the desk's own key opens.
func (c *Copy) WriteTo(w io.Writer) (int64, error) { return c.file.WriteTo(w) }

// Close ends the copy.
func (c *Copy) Close() { c.file.Close() }

// Rebirth is how a copy becomes the store of a desk that goes on elsewhere.
type Rebirth struct {
	// Key and Signer are new.
	Key    secret.Key
	Signer note.Signer
}

// Reborn says what a rebirth came to.
type Reborn struct {
	// Feed is new, From is the one before; Epoch counts how often that happened.
	Feed, From string
	Epoch      int
	// Last is the checkpoint the log goes on from.
	Last feed.Checkpoint
}

// Reborn gives a copy a new feed, a new key and a new signer: the log goes on under a new name,
// from a checkpoint that stands in the header, signed with the former key. The options are those of
// the copy. The whole log is checked first.
func (o Options) Reborn(ctx context.Context, to Rebirth) (Reborn, error) {
	s, err := Open(ctx, o)
	if err != nil {
		return Reborn{}, err
	}
	r, err := s.reborn(ctx, to)
	// Closing the store would sign the old log once more.
	return r, errors.Join(err, s.file.Close())
}

func (s *Store) reborn(ctx context.Context, to Rebirth) (Reborn, error) {
	if _, err := s.Audit(ctx); err != nil {
		return Reborn{}, err
	}
	var id [16]byte
	_, _ = rand.Read(id[:]) // never errs (crypto/rand)
	header := s.file.Header()
	r := Reborn{Feed: hex.EncodeToString(id[:]), From: header.Feed, Epoch: header.Epoch + 1}
	key := to.Key.Expose()
	defer clear(key)
	signed, err := s.Checkpoint(s.Head())
	if err != nil {
		return Reborn{}, err
	}
	birth := boltfile.Birth{Created: s.clock(), Feed: r.Feed, Epoch: r.Epoch,
		Continues: string(signed)}
	err = s.file.Rebirth(key, birth, func(tx *boltfile.Tx) error {
		root, err := tlog.TreeHash(s.Head(), hashReader(tx))
		if err != nil {
			return err
		}
		r.Last = feed.Checkpoint{Origin: s.Origin(), Size: s.Head(), Root: root}
		first := feed.Checkpoint{Origin: feed.Origin(string(s.desk), r.Feed), Size: s.Head(), Root: root}
		again, err := note.Sign(&note.Note{Text: first.Text()}, to.Signer)
		if err != nil {
			return err
		}
		return tx.Put(signedBucket, []byte(signedKey), again)
	})
	if err != nil {
		return Reborn{}, fmt.Errorf("begin a new feed: %w", err)
	}
	return r, nil
}

// Epoch counts how often the log was begun anew; Continues is the signed checkpoint it goes on
// from.
func (s *Store) Epoch() (epoch int, continues string) {
	h := s.file.Header()
	return h.Epoch, h.Continues
}
