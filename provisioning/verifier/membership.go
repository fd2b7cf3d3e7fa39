package verifier

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/BurntSushi/toml"
)

// GroupAdministrators is the group whose users no desk binds, unless its bounds name it.
const GroupAdministrators = "administrators"

// Membership says which groups a user is in. It is read from files at this machine, exported by the
// site from its directory: what a desk says of its users is worth nothing here.
//
// The groups file is TOML, one list for each group: sign-in names, or patterns with * and ? of
// them. The administrators file is one sign-in name on each line. Both are read again when they
// change; one that is broken or gone leaves what was read before in force. Whoever writes one renames
// it into place: half a file may be whole groups and half the names.
type Membership struct {
	groups, administrators string
	log                    *slog.Logger

	mu     sync.Mutex
	stamps [2]string
	seen   time.Time
	lists  map[string]nameList
	admins nameList
}

// lookEvery is how often the files are looked at, at most: many records come at once.
const lookEvery = 200 * time.Millisecond

// NewMembership reads the files; an empty path is no file. What cannot be read the first time is an
// error.
func NewMembership(groups, administrators string, log *slog.Logger) (*Membership, error) {
	m := &Membership{groups: groups, administrators: administrators, log: log}
	if m.log == nil {
		m.log = slog.New(slog.DiscardHandler)
	}
	if err := m.read(); err != nil {
		return nil, err
	}
	return m, nil
}

// read takes the stamp first: what changes while it reads is read again.
func (m *Membership) read() error {
	stamps := m.stamp()
	lists, admins := map[string]nameList{}, nameList{}
	if m.groups != "" {
		text, err := os.ReadFile(m.groups)
		if err != nil {
			return fmt.Errorf("read the groups: %w", err)
		}
		if lists, err = parseGroups(text); err != nil {
			return fmt.Errorf("read the groups in %s: %w", m.groups, err)
		}
	}
	if m.administrators != "" {
		text, err := os.ReadFile(m.administrators)
		if err != nil {
			return fmt.Errorf("read the administrators: %w", err)
		}
		admins = parseNames(text)
	}
	m.lists, m.admins, m.stamps = lists, admins, stamps
	return nil
}

// stamp changes when a file does.
func (m *Membership) stamp() (stamps [2]string) {
	for i, name := range []string{m.groups, m.administrators} {
		if info, err := os.Stat(name); err == nil {
			stamps[i] = fmt.Sprint(info.ModTime().UnixNano(), info.Size())
		}
	}
	return stamps
}

// In says whether a user is in a group now.
func (m *Membership) In(user, group string) bool {
	if m == nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if now := time.Now(); now.Sub(m.seen) > lookEvery {
		m.seen = now
		if stamps := m.stamp(); stamps != m.stamps {
			if err := m.read(); err != nil {
				m.stamps = stamps // say it once, and look again when it changes
				m.log.Error("the groups stay as they were", "err", err)
			}
		}
	}
	user = strings.ToLower(user)
	return m.lists[group].has(user) || group == GroupAdministrators && m.admins.has(user)
}

// nameList is names in lower case, and patterns of them.
type nameList struct {
	names    map[string]bool
	patterns []string
}

func (l nameList) has(user string) bool {
	if l.names[user] {
		return true
	}
	for _, pattern := range l.patterns {
		if ok, err := path.Match(pattern, user); ok && err == nil {
			return true
		}
	}
	return false
}

func (l *nameList) add(name string) {
	name = strings.ToLower(name)
	if strings.ContainsAny(name, "*?[") {
		l.patterns = append(l.patterns, name)
		return
	}
	if l.names == nil {
		l.names = map[string]bool{}
	}
	l.names[name] = true
}

// parseGroups reads the groups file.
func parseGroups(text []byte) (map[string]nameList, error) {
	var file map[string][]string
	if _, err := toml.NewDecoder(bytes.NewReader(text)).Decode(&file); err != nil {
		return nil, errors.New("a group is a name and a list of sign-in names in quotes")
	}
	lists := map[string]nameList{}
	for group, names := range file {
		list := nameList{}
		for _, name := range names {
			if _, err := path.Match(name, ""); err != nil || name == "" {
				return nil, fmt.Errorf("group %s: %q is neither a name nor a pattern", group, name)
			}
			list.add(name)
		}
		lists[group] = list
	}
	return lists, nil
}

// parseNames reads one name a line; empty lines and what follows a # are passed over. There are no
// patterns: an administrator is a name.
func parseNames(text []byte) nameList {
	list := nameList{names: map[string]bool{}}
	for line := range strings.Lines(string(text)) {
		name, _, _ := strings.Cut(line, "#")
		if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
			list.names[name] = true
		}
	}
	return list
}
