package feed

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// PathSite takes a SiteIndex by PUT and answers with a SiteAnswer: the verifier tells a desk which
// tokens the desks of its site have lent.
const PathSite = "/sync/v1/site"

// The bounds of one telling.
const (
	MaxSite       = 1 << 20
	MaxSiteTokens = 500
)

// SiteIndex brings a desk's copy of its site's index from revision After to Rev. With After 0 the
// copy begins anew; with After -1 it is only asked how far it is.
type SiteIndex struct {
	// Index names the index; revisions of another mean nothing.
	Index string
	After int64
	Rev   int64
	// TagKey is what this desk's tags are made with. A desk keeps it in memory only.
	TagKey secret.Key
	Tokens []SiteToken
}

// SiteToken is one token of the site and what has become of it. Of its person there is a tag.
type SiteToken struct {
	Vendor     string `json:"vendor"`
	Serial     string `json:"serial"`
	Credential string `json:"credential"`
	// Desk lent it.
	Desk string `json:"desk"`
	Tag  string `json:"tag,omitempty"`
	// State is SiteActive, StateSuspended or StateRevoked.
	State State `json:"state"`
	// Held: an operator suspended it, because its desk is not trusted any more.
	Held bool `json:"held,omitempty"`
	// Order is the last one that changed it and did not come from its own desk.
	Order SiteOrder `json:"order,omitzero"`
}

// SiteActive is a token that works.
const SiteActive State = "active"

// SiteOrder is who ordered what about a token.
type SiteOrder struct {
	// ID is that of the record, or of what stands in its place.
	ID      string    `json:"id"`
	Act     OrderAct  `json:"act"`
	Desk    string    `json:"desk"`
	Officer string    `json:"officer,omitempty"`
	At      time.Time `json:"at"`
}

// SiteAnswer says how far a desk's copy is.
type SiteAnswer struct {
	Index string `json:"index"`
	Rev   int64  `json:"rev"`
	// Position counts the leaves the desk has now: what it publishes from there on, it publishes in
	// the knowledge of this revision.
	Position int64 `json:"position"`
}

// siteWire is a SiteIndex on the wire. The key passes in the clear of its own TLS connection.
type siteWire struct {
	Index  string      `json:"index"`
	After  int64       `json:"after"`
	Rev    int64       `json:"rev"`
	TagKey []byte      `json:"tag_key"`
	Tokens []SiteToken `json:"tokens,omitempty"`
}

// Encode writes the index as JSON. The caller wipes it.
func (i SiteIndex) Encode() ([]byte, error) {
	key := i.TagKey.Expose()
	defer clear(key)
	out, err := json.Marshal(siteWire{i.Index, i.After, i.Rev, key, i.Tokens})
	if err != nil {
		return nil, fmt.Errorf("encode a site index: %w", err)
	}
	return out, nil
}

// DecodeSiteIndex reads what Encode wrote and checks its shape.
func DecodeSiteIndex(data []byte) (SiteIndex, error) {
	var w siteWire
	if err := decodeOne(data, &w); err != nil {
		return SiteIndex{}, fmt.Errorf("read a site index: %w", err)
	}
	defer clear(w.TagKey)
	if !isName(w.Index) || w.After < -1 || w.Rev < w.After || len(w.TagKey) != sha256.Size ||
		len(w.Tokens) > MaxSiteTokens {
		return SiteIndex{}, fmt.Errorf("%w: site index", ErrMalformed)
	}
	for _, token := range w.Tokens {
		if err := token.check(); err != nil {
			return SiteIndex{}, err
		}
	}
	return SiteIndex{w.Index, w.After, w.Rev, secret.NewKey(w.TagKey), w.Tokens}, nil
}

func (t SiteToken) check() error {
	state := t.State == SiteActive || t.State == StateSuspended || t.State == StateRevoked
	named := t.Vendor != "" && len(t.Vendor) <= maxVendor && t.Serial != "" &&
		len(t.Serial) <= maxSerial && !strings.Contains(t.Vendor, "/")
	if !state || !named || !isHex(t.Credential, 16) || !isName(t.Desk) || len(t.Tag) > maxName {
		return fmt.Errorf("%w: token of a site index", ErrMalformed)
	}
	if o := t.Order; o.ID != "" && (!isHex(o.ID, 16) || !isName(o.Desk) ||
		orderByte(o.Act) == 0 || len(o.Officer) > MaxOfficer) {
		return fmt.Errorf("%w: order of a site index", ErrMalformed)
	}
	return nil
}

// DecodeSiteAnswer reads a SiteAnswer.
func DecodeSiteAnswer(data []byte) (SiteAnswer, error) {
	var a SiteAnswer
	if err := decodeOne(data, &a); err != nil {
		return SiteAnswer{}, fmt.Errorf("read a site answer: %w", err)
	}
	if a.Index != "" && !isName(a.Index) || a.Rev < 0 || a.Position < 0 {
		return SiteAnswer{}, fmt.Errorf("%w: site answer", ErrMalformed)
	}
	return a, nil
}

// Tag stands for a user in a site index: only who holds the key can tell whose it is, and only by
// asking about one user at a time. Sign-in names are compared without regard to case.
func Tag(key secret.Key, user string) string {
	raw := key.Expose()
	defer clear(raw)
	mac := hmac.New(sha256.New, raw)
	mac.Write([]byte("token desk site tag v1 " + strings.ToLower(user)))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}
