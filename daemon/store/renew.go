package store

import (
	"fmt"

	"golang.org/x/mod/sumdb/note"

	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// SignWith has checkpoints signed by other keys from now on: by the new one and the old one while a
// follower may know only one of them.
func (s *Store) SignWith(signers ...note.Signer) { s.signers.Store(&signers) }

// Rekey makes another key the one that opens the file, durably. Nothing but the file's header
// changes: see boltfile.File.Rekey. After an error of the disk the store takes no more changes.
func (s *Store) Rekey(key secret.Key) error {
	err := s.rekey(key)
	s.stopAfter(err)
	return err
}

func (s *Store) rekey(key secret.Key) error {
	s.writer.Lock()
	defer s.writer.Unlock()
	if s.stopped {
		return ErrStopped
	}
	raw := key.Expose()
	defer clear(raw)
	if err := s.file.Rekey(raw); err != nil {
		return fmt.Errorf("open the file with another key from now on: %w", err)
	}
	return nil
}
