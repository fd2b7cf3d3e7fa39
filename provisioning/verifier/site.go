package verifier

import (
	"encoding/binary"
	"encoding/hex"
	"errors"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// The index of a site is which token of it stands where. Each change gets the next revision, and a
// token keeps its last one only, so that a desk is told each token once however long it was away.
const (
	// siteTable holds site -> siteHead, and under an empty site whether the index was ever made, and
	// what the indexes are named after since the state was put back.
	siteTable = "site"
	// siteTokenTable holds a blinded site and token -> siteEntry.
	siteTokenTable = "site.token"
	// siteRevTable holds site, zero, revision in 8 bytes -> the key in siteTokenTable.
	siteRevTable = "site.rev"
)

type siteHead struct {
	Rev int64 `json:"rev"`
}

type siteEntry struct {
	Rev        int64  `json:"rev"`
	Credential string `json:"credential"`
	// Vendor and Serial are set once the credential itself says nothing any more: its person was
	// erased. They go with the next loan of the token.
	Vendor string `json:"vendor,omitempty"`
	Serial string `json:"serial,omitempty"`
}

// moved saves a credential whose state changed, and gives its token the next revision of the index.
func (s *State) moved(tx *boltfile.Tx, c credential) error {
	// One that never worked is nobody's news.
	if err := saveCredential(tx, c); err != nil || c.Issued.IsZero() {
		return err
	}
	head, _, err := load[siteHead](tx, siteTable, []byte(c.Site))
	if err != nil {
		return err
	}
	key := s.file.Blind("site token", c.Site, c.Vendor, c.Serial)
	entry, known, err := load[siteEntry](tx, siteTokenTable, key)
	if err != nil {
		return err
	}
	if known {
		if stale, err := s.staleFor(tx, entry, c); stale || err != nil {
			return err
		}
		if err := tx.Delete(siteRevTable, siteRevKey(c.Site, entry.Rev)); err != nil {
			return err
		}
	}
	head.Rev++
	return errors.Join(save(tx, siteTable, []byte(c.Site), head),
		save(tx, siteTokenTable, key, siteEntry{Rev: head.Rev, Credential: c.ID}),
		tx.Put(siteRevTable, siteRevKey(c.Site, head.Rev), key))
}

// nobodys keeps in the index which token a credential was on, if it is listed with this one: the
// credential is about to lose that.
func (s *State) nobodys(tx *boltfile.Tx, c credential) error {
	key := s.file.Blind("site token", c.Site, c.Vendor, c.Serial)
	entry, known, err := load[siteEntry](tx, siteTokenTable, key)
	if err != nil || !known || entry.Credential != c.ID {
		return err
	}
	entry.Vendor, entry.Serial = c.Vendor, c.Serial
	return save(tx, siteTokenTable, key, entry)
}

// staleFor: the end of an older loan does not hide the one the token is on now.
func (s *State) staleFor(tx *boltfile.Tx, entry siteEntry, c credential) (bool, error) {
	if entry.Credential == c.ID || c.State != revoked {
		return false, nil
	}
	now, known, err := loadCredential(tx, entry.Credential)
	return known && now.live(), err
}

func siteRevKey(site string, rev int64) []byte {
	return binary.BigEndian.AppendUint64([]byte(site+"\x00"), uint64(rev))
}

// makeSites makes the index of a state that was kept before there was one.
func (s *State) makeSites() error {
	var made bool
	err := s.file.View(func(tx *boltfile.Tx) (err error) {
		_, made, err = load[siteHead](tx, siteTable, []byte("\x00made"))
		return err
	})
	if made || err != nil {
		return err
	}
	return s.file.Update(func(tx *boltfile.Tx) error {
		var live []credential
		err := each(tx, credentialTable, func(_ string, c credential) error {
			if c.live() {
				live = append(live, c)
			}
			return nil
		})
		for _, c := range live {
			err = errors.Join(err, s.moved(tx, c))
		}
		return errors.Join(err, save(tx, siteTable, []byte("\x00made"), siteHead{}))
	})
}

// siteBirth is the row of siteTable that changes the names of the indexes.
var siteBirth = []byte("\x00birth")

// renameSites makes every desk take its index anew: revisions it was told since the state was put
// aside are counted again from here, and are not the same.
func renameSites(tx *boltfile.Tx) error { return save(tx, siteTable, siteBirth, randomExport()) }

// indexName changes with the key of the state, and when it is put back: whoever has another key, or
// lost some revisions, counts anew.
func (s *State) indexName(site string) (string, error) {
	names := []string{"site index", site}
	err := s.file.View(func(tx *boltfile.Tx) error {
		birth, reborn, err := load[string](tx, siteTable, siteBirth)
		if reborn {
			names = append(names, birth)
		}
		return err
	})
	return hex.EncodeToString(s.file.Blind(names...)), err
}

// tagKey is the key of one desk's tags. No two desks have the same: what one was told means nothing
// beside what another was told.
func (s *State) tagKey(desk string) secret.Key {
	raw := append(s.file.Blind("site tags", desk, "1"), s.file.Blind("site tags", desk, "2")...)
	defer clear(raw)
	return secret.NewKey(raw)
}

// siteRev is the newest revision of a site.
func (s *State) siteRev(site string) (rev int64, err error) {
	err = s.file.View(func(tx *boltfile.Tx) error {
		head, _, err := load[siteHead](tx, siteTable, []byte(site))
		rev = head.Rev
		return err
	})
	return rev, err
}

// siteSince is what a desk is told after a revision, as much as one telling holds.
func (s *State) siteSince(desk, site string, after int64) (feed.SiteIndex, error) {
	name, err := s.indexName(site)
	if err != nil {
		return feed.SiteIndex{}, err
	}
	index := feed.SiteIndex{Index: name, After: after, Rev: after, TagKey: s.tagKey(desk)}
	from := siteRevKey(site, after+1)
	err = s.file.View(func(tx *boltfile.Tx) error {
		head, _, err := load[siteHead](tx, siteTable, []byte(site))
		if err != nil {
			return err
		}
		index.Rev = max(head.Rev, after)
		return tx.ForEach(siteRevTable, from, []byte(site+"\x01"), func(i boltfile.Item) error {
			if len(index.Tokens) == feed.MaxSiteTokens {
				return errDone
			}
			c, known, err := entryAt(tx, i.Value)
			if err != nil {
				return err
			}
			if known {
				index.Tokens = append(index.Tokens, c.tell(index.TagKey))
			}
			index.Rev = int64(binary.BigEndian.Uint64(i.Key[len(site)+1:]))
			return nil
		})
	})
	if errors.Is(err, errDone) {
		err = nil
	}
	return index, err
}

// entryAt finds the credential of an entry; one whose tombstone was removed is nobody's news.
func entryAt(tx *boltfile.Tx, key []byte) (credential, bool, error) {
	entry, _, err := load[siteEntry](tx, siteTokenTable, key)
	if err != nil {
		return credential{}, false, err
	}
	c, known, err := loadCredential(tx, entry.Credential)
	if c.Vendor == "" {
		c.Vendor, c.Serial = entry.Vendor, entry.Serial
	}
	return c, known && c.Vendor != "", err
}

// tell is what a desk hears of a credential.
func (c credential) tell(key secret.Key) feed.SiteToken {
	token := feed.SiteToken{Vendor: c.Vendor, Serial: c.Serial, Credential: c.ID, Desk: c.Desk,
		State: feed.SiteActive, Held: c.Held}
	switch c.State {
	case suspended:
		token.State = feed.StateSuspended
	case revoked:
		token.State = feed.StateRevoked
	}
	if token.State != feed.StateRevoked {
		token.Tag = feed.Tag(key, c.User)
	}
	if c.Ordered.ID != "" {
		token.Order = c.Ordered.SiteOrder
	}
	return token
}
