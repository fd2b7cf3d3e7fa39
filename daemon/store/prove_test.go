package store

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// rehash makes every hash of the file fit the leaves that are in it, as somebody with all keys of
// the desk could.
func rehash(tx *boltfile.Tx, n int64) error {
	for at := range n {
		data, err := tx.Get(leafBucket, boltfile.Number(uint64(at)))
		if err != nil {
			return err
		}
		hashes, err := tlog.StoredHashes(at, data, hashReader(tx))
		if err != nil {
			return err
		}
		if err := tx.Put(hashBucket, boltfile.Number(uint64(at)), joinHashes(hashes)); err != nil {
			return err
		}
	}
	return tx.Delete(signedBucket, []byte(signedKey))
}

// TestProveFindsWhatNoAuditCan: a log that was rewritten with every key of the desk in hand is
// whole in itself, and is not the one a verifier holds a checkpoint of.
func TestProveFindsWhatNoAuditCan(t *testing.T) {
	o := options(t)
	s := fillLog(t, o, 9)
	var kept []feed.Checkpoint
	for _, size := range []int64{2, 5, 9} {
		signed, err := s.Checkpoint(size)
		if err != nil {
			t.Fatal(err)
		}
		text, _, _ := strings.Cut(string(signed), "\n\n")
		c, err := feed.ParseCheckpoint(text + "\n")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Prove(c); err != nil {
			t.Error(err)
		}
		kept = append(kept, c)
	}
	closeStore(t, s)
	rewrite(t, o, func(tx *boltfile.Tx, _ *boltfile.File) error {
		entry := append(make([]byte, saltSize), `{"Act":"forged"}`...)
		data := feed.Commit([saltSize]byte{}, entry[saltSize:])
		return errors.Join(tx.Put(entryBucket, boltfile.Number(3), entry),
			tx.Put(leafBucket, boltfile.Number(3), data), rehash(tx, 9))
	})
	s = open(t, o)
	if _, err := s.Audit(t.Context()); err != nil {
		t.Errorf("the forgery is not whole: %v", err)
	}
	for i, want := range []error{nil, ErrLog, ErrLog} {
		if err := s.Prove(kept[i]); !errors.Is(err, want) {
			t.Errorf("%d leaves: %v", kept[i].Size, err)
		}
	}
	longer := kept[0]
	longer.Size = 10
	for _, c := range []feed.Checkpoint{{}, longer, {Origin: "else", Size: 2, Root: kept[0].Root}} {
		if err := s.Prove(c); !errors.Is(err, ErrLog) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
