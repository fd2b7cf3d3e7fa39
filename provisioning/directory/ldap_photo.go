package directory

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/tokendesk/tokendesk/provisioning"
)

// maxPhoto bounds a picture from the directory: a page has little room.
const maxPhoto = 512 << 10

// photoPrefix begins the names of pictures. The rest is the person number, in hex: a name stays good
// over a restart, and is nothing a path could be made of.
const photoPrefix = "photo-"

// portrait names the picture of an entry, if it has one. The picture itself is not fetched: the
// types of the attributes are enough (RFC 4511 4.5.1.6).
func (l *LDAP) portrait(ctx context.Context, dn string, id provisioning.PersonID) (string, error) {
	if l.config.Attributes.Photo == "" {
		return "", nil
	}
	has := false
	err := l.ask(ctx, func(c *ldap.Conn) error {
		request := l.request(dn, ldap.ScopeBaseObject, "(objectClass=*)", 1,
			[]string{l.config.Attributes.Photo})
		request.TypesOnly = true
		result, err := c.Search(request)
		has = err == nil && len(result.Entries) == 1 && len(result.Entries[0].Attributes) > 0
		return err
	})
	if !has {
		return "", err
	}
	return photoPrefix + hex.EncodeToString([]byte(id)), err
}

// Portrait returns a picture by the name Find gave, and its media type, which its first bytes say.
func (l *LDAP) Portrait(ctx context.Context, name string) ([]byte, string, error) {
	missing := fmt.Errorf("portrait: %w", os.ErrNotExist)
	code, ok := strings.CutPrefix(name, photoPrefix)
	id, err := hex.DecodeString(code)
	if !ok || err != nil || l.config.Attributes.Photo == "" {
		return nil, "", missing
	}
	k, ok := l.names.ask(string(id))
	if !ok {
		return nil, "", missing
	}
	a := l.config.Attributes
	filter := "(&" + l.config.Filter + "(" + a.ID + "=" + ldap.EscapeFilter(string(id)) + "))"
	entries, err := l.search(ctx, filter, []string{a.ID, a.Photo})
	if err != nil {
		return nil, "", err
	}
	for _, e := range entries {
		photo := e.GetEqualFoldRawAttributeValue(a.Photo)
		media := picture(photo)
		if l.names.number(l.single(e, a.ID)) == k.number && media != "" && len(photo) <= maxPhoto {
			return photo, media, nil
		}
	}
	return nil, "", missing
}

// picture tells the media type of a picture, or nothing for anything else.
func picture(data []byte) string {
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xd8, 0xff}):
		return "image/jpeg"
	case bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")):
		return "image/png"
	case len(data) > 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP":
		return "image/webp"
	}
	return ""
}
