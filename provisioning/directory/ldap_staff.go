package directory

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/tokendesk/tokendesk/provisioning"
)

// pageSize is how many entries come at a time (RFC 2696).
const pageSize = 100

// errCrowd says that a group is larger than any desk's staff: it is the wrong group.
var errCrowd = fmt.Errorf("a group has more than %d members", maxStaff)

// Staff are the members of the two groups, as they are now. A group that cannot be read is an error,
// and so is nobody at all: whoever matches officers with this list must not dismiss anybody for it.
func (l *LDAP) Staff(ctx context.Context) ([]provisioning.Officer, error) {
	staff := map[provisioning.OfficerID]provisioning.Officer{}
	for _, group := range []struct {
		dn         string
		supervisor bool
	}{{l.config.Officers, false}, {l.config.Supervisors, true}} {
		if group.dn == "" {
			continue
		}
		members, err := l.members(ctx, group.dn)
		if err != nil {
			return nil, fmt.Errorf("read a staff group: %w", err)
		}
		for _, r := range members {
			o := provisioning.Officer{ID: provisioning.OfficerID(l.names.account(r.Account)),
				Name: r.Name, Person: r.ID, Supervisor: group.supervisor}
			if o.ID != "" && o.Name != "" && o.Person != "" && !r.Left {
				staff[o.ID] = o
			}
		}
	}
	if len(staff) == 0 {
		return nil, ErrNoStaff
	}
	return slices.SortedFunc(maps.Values(staff), func(a, b provisioning.Officer) int {
		return strings.Compare(string(a.ID), string(b.ID))
	}), nil
}

// members are the people of a group.
func (l *LDAP) members(ctx context.Context, group string) ([]Record, error) {
	var entries []*ldap.Entry
	var err error
	if groups := l.config.Attributes.Groups; groups != "" {
		entries, err = l.pages(ctx, "(&"+l.config.Filter+"("+groups+"="+ldap.EscapeFilter(group)+"))")
	} else {
		entries, err = l.listed(ctx, group)
	}
	records := make([]Record, len(entries))
	for i, e := range entries {
		records[i], _ = l.record(e)
	}
	return records, err
}

// pages asks for all people a filter finds, a page at a time.
func (l *LDAP) pages(ctx context.Context, filter string) (found []*ldap.Entry, err error) {
	crowd := false
	err = l.ask(ctx, func(c *ldap.Conn) error {
		found, crowd = nil, false
		paging := ldap.NewControlPaging(pageSize)
		request := l.request(l.config.Base, ldap.ScopeWholeSubtree, filter, 0, l.wanted())
		request.Controls = []ldap.Control{paging}
		for {
			result, err := c.Search(request)
			if err != nil {
				return err
			}
			found = append(found, result.Entries...)
			if crowd = len(found) > maxStaff; crowd {
				return nil
			}
			next, ok := ldap.FindControl(result.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging)
			if !ok || len(next.Cookie) == 0 {
				return nil
			}
			paging.SetCookie(next.Cookie)
		}
	})
	if crowd && err == nil {
		err = errCrowd
	}
	return found, err
}

// listed reads the members a group's own entry names, by DN or by account.
func (l *LDAP) listed(ctx context.Context, group string) ([]*ldap.Entry, error) {
	e, err := l.entry(ctx, group, "(objectClass=*)", []string{l.config.GroupMember})
	if err != nil {
		return nil, err
	}
	if e == nil {
		return nil, errors.New("there is no such group")
	}
	names := e.GetEqualFoldAttributeValues(l.config.GroupMember)
	if len(names) > maxStaff {
		return nil, errCrowd
	}
	var found []*ldap.Entry
	for _, name := range names {
		member, err := l.member(ctx, name)
		if err != nil {
			return nil, err
		}
		found = append(found, member...)
	}
	return found, nil
}

// member finds one member. A group may name somebody who is gone.
func (l *LDAP) member(ctx context.Context, name string) ([]*ldap.Entry, error) {
	if dn, err := ldap.ParseDN(name); err == nil && len(dn.RDNs) > 0 {
		e, err := l.entry(ctx, name, l.config.Filter, l.wanted())
		if e == nil || err != nil {
			return nil, err
		}
		return []*ldap.Entry{e}, nil
	}
	k, ok := l.names.ask(name)
	if !ok {
		return nil, nil
	}
	filter := l.either(key{typed: k.typed, account: k.account}, l.config.Attributes.Account)
	return l.search(ctx, filter, l.wanted())
}

// entry reads one entry by its name; nil means that it is not there.
func (l *LDAP) entry(
	ctx context.Context, dn, filter string, attributes []string,
) (found *ldap.Entry, err error) {
	err = l.ask(ctx, func(c *ldap.Conn) error {
		result, err := c.Search(l.request(dn, ldap.ScopeBaseObject, filter, 1, attributes))
		if ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) {
			return nil
		}
		if err == nil && len(result.Entries) == 1 {
			found = result.Entries[0]
		}
		return err
	})
	return found, err
}
