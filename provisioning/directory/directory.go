// Package directory finds people: by the number on their card, by their person number, or by their
// account name. This source is a CSV file the university exports, with portraits beside it.
//
// It refuses to know what a person may do, and it never writes.
package directory

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
)

// The refusals of this package; the kiosk's catalogue has a sentence for each.
const (
	// CodeUnknown: nobody has this number.
	CodeUnknown provisioning.Code = "person_unknown"
	// CodeCardExpired: param until is the card's last day.
	CodeCardExpired provisioning.Code = "card_expired"
	// CodeCardReplaced: the person has a newer card.
	CodeCardReplaced provisioning.Code = "card_replaced"
	// CodeDown: the directory cannot be read now.
	CodeDown provisioning.Code = "directory_down"
)

// Codes lists the refusals.
func Codes() []provisioning.Code {
	return []provisioning.Code{CodeUnknown, CodeCardExpired, CodeCardReplaced, CodeDown}
}

// maxPortrait bounds a picture: the box has little memory and a page has little room.
const maxPortrait = 4 << 20

// File is a directory in one CSV file. It is read again when the file changes.
type File struct {
	path, portraits string
	strip           []string
	now             func() time.Time

	mu      sync.Mutex
	stamp   stamp
	numbers map[string]provisioning.Person
	err     error
}

type stamp struct {
	modified time.Time
	size     int64
}

// New returns the directory of a file; portraits is the folder of the pictures it names, and strip
// are mail suffixes people type after their account name (the rest is the name).
func New(path, portraits string, strip []string, now func() time.Time) *File {
	return &File{path: path, portraits: portraits, strip: strip, now: now}
}

// Up reports whether the directory can be read.
func (f *File) Up(context.Context) bool {
	_, err := f.load()
	return err == nil
}

// Check reads the file and says what is wrong with it, for a start-up that refuses a broken one.
func (f *File) Check() error {
	_, err := f.load()
	return err
}

// Find looks a number up. It refuses with CodeUnknown, CodeCardExpired, CodeCardReplaced or
// CodeDown. An expired or replaced card is refused only when it was the card's number that was
// asked for: the person number still finds its owner, on another document.
func (f *File) Find(_ context.Context, number string) (provisioning.Person, error) {
	people, err := f.load()
	if err != nil {
		return provisioning.Person{}, provisioning.Refuse(CodeDown)
	}
	key := normal(number)
	for _, suffix := range f.strip {
		key = strings.TrimSuffix(key, normal(suffix))
	}
	person, ok := people[key]
	if !ok {
		return provisioning.Person{}, provisioning.Refuse(CodeUnknown)
	}
	if key != normal(person.Card) {
		return person, nil
	}
	if person.CardReplacedBy != "" {
		return provisioning.Person{}, provisioning.Refuse(CodeCardReplaced)
	}
	// A card is good to the end of its last day, wherever the desk stands.
	if !person.CardUntil.IsZero() && f.now().After(person.CardUntil.AddDate(0, 0, 1)) {
		return provisioning.Person{}, provisioning.Refuse(CodeCardExpired,
			"until", person.CardUntil.Format(day))
	}
	return person, nil
}

// Portrait returns a picture by the name a person's row gives, and its media type.
func (f *File) Portrait(_ context.Context, name string) ([]byte, string, error) {
	media, ok := map[string]string{".svg": "image/svg+xml", ".jpg": "image/jpeg", ".png": "image/png",
		".webp": "image/webp"}[filepath.Ext(name)]
	if !ok || name != filepath.Base(name) {
		return nil, "", fmt.Errorf("portrait: %w", os.ErrNotExist)
	}
	info, err := os.Stat(filepath.Join(f.portraits, name))
	if err != nil || info.Size() > maxPortrait {
		return nil, "", fmt.Errorf("portrait: %w", os.ErrNotExist)
	}
	data, err := os.ReadFile(filepath.Join(f.portraits, name))
	if err != nil {
		return nil, "", fmt.Errorf("portrait: %w", os.ErrNotExist)
	}
	return data, media, nil
}

// load returns the people by number, reading the file again if it changed.
func (f *File) load() (map[string]provisioning.Person, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.path)
	if err != nil {
		return nil, fmt.Errorf("read the directory: %w", err)
	}
	now := stamp{info.ModTime(), info.Size()}
	if now == f.stamp {
		return f.numbers, f.err
	}
	f.numbers, f.err = read(f.path)
	f.stamp = now
	return f.numbers, f.err
}

func read(path string) (map[string]provisioning.Person, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the directory: %w", err)
	}
	defer file.Close()
	people, err := Read(file)
	if err != nil {
		return nil, fmt.Errorf("read the directory: %w", err)
	}
	byNumber := make(map[string]provisioning.Person, 3*len(people))
	for _, p := range people {
		for _, number := range numbers(p) {
			byNumber[number] = p
		}
	}
	return byNumber, nil
}

// numbers are all the ways to ask for a person.
func numbers(p provisioning.Person) []string {
	list := []string{normal(string(p.ID)), normal(p.Account)}
	if card := normal(p.Card); card != "" {
		list = append(list, card)
	}
	return list
}

// normal is how numbers are compared: cards are printed with spaces and dashes, and letters are
// typed in either case.
func normal(number string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '\t' {
			return -1
		}
		return r
	}, strings.ToLower(strings.TrimSpace(number)))
}
