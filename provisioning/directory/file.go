package directory

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/phc"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// maxPortrait bounds a picture: the box has little memory and a page has little room.
const maxPortrait = 4 << 20

// FileConfig says where a directory in files is.
type FileConfig struct {
	// Path is the CSV file of people; Portraits the folder of the pictures it names.
	Path, Portraits string
	// Roster is the CSV file of officers; empty means that there is none.
	Roster string
	// Strip are mail suffixes people type after their account name (the rest is the name).
	Strip []string
	Now   func() time.Time
	// Zone is where the last day of a card ends; UTC unless given.
	Zone *time.Location
}

// File is a directory in one CSV file. It is read again when the file changes.
type File struct {
	config FileConfig
	names  names
	hasher phc.Hasher

	mu    sync.Mutex
	stamp stamp
	book  book
	err   error
}

type stamp struct {
	modified time.Time
	size     int64
}

// book is the people, with the ways to ask for them.
type book struct {
	people               []Record
	accounts, ids, cards map[string]int
	someoneHasAPassword  bool
}

// NewFile returns the directory of a file. It reads nothing yet.
func NewFile(c FileConfig) *File {
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	return &File{config: c, names: names{c.Strip}, hasher: phc.NewHasher()}
}

// Run waits for ctx: a file needs no looking after.
func (f *File) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Up reports whether the directory can be read.
func (f *File) Up(context.Context) bool { return f.Check() == nil }

// Check reads the file and says what is wrong with it, for a start-up that refuses a broken one.
func (f *File) Check() error {
	_, err := f.load()
	return err
}

// Find looks a number up. It refuses with one of Codes, or with provisioning.CodePersonUnnamed.
func (f *File) Find(_ context.Context, number string) (provisioning.Person, error) {
	book, err := f.load()
	if err != nil {
		return provisioning.Person{}, provisioning.Refuse(CodeDown)
	}
	k, ok := f.names.ask(number)
	if !ok {
		return provisioning.Person{}, provisioning.Refuse(CodeUnknown)
	}
	found := book.claimants(k)
	if i, ok := book.cards[k.number]; ok {
		found[i] = true
	}
	if len(found) > 1 {
		return provisioning.Person{}, provisioning.Refuse(CodeAmbiguous)
	}
	for i := range found {
		_, byCard := f.names.finds(k, book.people[i])
		return admit(book.people[i], byCard, f.config.Now(), f.config.Zone)
	}
	return provisioning.Person{}, provisioning.Refuse(CodeUnknown)
}

// claimants are the people with this account name or person number.
func (b book) claimants(k key) map[int]bool {
	found := map[int]bool{}
	if i, ok := b.accounts[k.account]; ok {
		found[i] = true
	}
	if i, ok := b.ids[k.number]; ok {
		found[i] = true
	}
	return found
}

// claimant is the one person a claim is about, or the zero record.
func (f *File) claimant(b book, account string) Record {
	k, _ := f.names.ask(account)
	found := b.claimants(k)
	if len(found) == 1 {
		for i := range found {
			return b.people[i]
		}
	}
	return Record{}
}

// Matches answers a claim.
func (f *File) Matches(_ context.Context, c provisioning.Claim) (provisioning.Person, bool, error) {
	book, err := f.load()
	if err != nil {
		return provisioning.Person{}, false, provisioning.Refuse(CodeDown)
	}
	r := f.claimant(book, c.Account)
	if !r.answers(c, r.Role) {
		return provisioning.Person{}, false, nil
	}
	return r.Person, true, nil
}

// Authenticate checks a password. Somebody without one costs the same hash as everybody else. It
// refuses with CodeNoPasswords when the file has no password at all.
func (f *File) Authenticate(
	ctx context.Context, account string, password secret.Password,
) (bool, error) {
	book, err := f.load()
	if err != nil {
		return false, provisioning.Refuse(CodeDown)
	}
	if !book.someoneHasAPassword {
		return false, provisioning.Refuse(CodeNoPasswords)
	}
	if password.IsZero() || password.Len() > maxPassword {
		return false, nil
	}
	r := f.claimant(book, account)
	hash, has := phc.Parse(r.PasswordHash)
	if !has {
		hash = phc.Nobody()
	}
	right, err := f.hasher.Matches(ctx, hash, password)
	return right && has && !r.Left, err
}

// Staff are the officers of the roster.
func (f *File) Staff(context.Context) ([]provisioning.Officer, error) {
	return readRoster(f.config.Roster)
}

// Portrait returns a picture by the name a person's row gives, and its media type.
func (f *File) Portrait(_ context.Context, name string) ([]byte, string, error) {
	media, ok := map[string]string{".svg": "image/svg+xml", ".jpg": "image/jpeg", ".png": "image/png",
		".webp": "image/webp"}[filepath.Ext(name)]
	if !ok || name != filepath.Base(name) {
		return nil, "", fmt.Errorf("portrait: %w", os.ErrNotExist)
	}
	path := filepath.Join(f.config.Portraits, name)
	info, err := os.Stat(path)
	if err != nil || info.Size() > maxPortrait {
		return nil, "", fmt.Errorf("portrait: %w", os.ErrNotExist)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, "", fmt.Errorf("portrait: %w", os.ErrNotExist)
	}
	return data, media, nil
}

// load returns the people, reading the file again if it changed.
func (f *File) load() (book, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.config.Path)
	if err != nil {
		return book{}, fmt.Errorf("read the directory: %w", err)
	}
	now := stamp{info.ModTime(), info.Size()}
	if now == f.stamp {
		return f.book, f.err
	}
	f.book, f.err = f.names.open(f.config.Path)
	f.stamp = now
	return f.book, f.err
}

func (n names) open(path string) (b book, err error) {
	file, err := os.Open(path)
	if err != nil {
		return b, fmt.Errorf("read the directory: %w", err)
	}
	defer file.Close()
	if b.people, err = read(file, n); err != nil {
		return book{}, fmt.Errorf("read the directory: %w", err)
	}
	size := len(b.people)
	b.accounts, b.ids, b.cards = make(map[string]int, size), make(map[string]int, size),
		make(map[string]int, 2*size)
	for i, r := range b.people {
		enter(b.accounts, n.account(r.Account), i)
		enter(b.ids, n.number(string(r.ID)), i)
		enter(b.cards, n.number(r.Card), i)
		enter(b.cards, n.number(r.CardUID), i)
		b.someoneHasAPassword = b.someoneHasAPassword || r.PasswordHash != ""
	}
	return b, nil
}

func enter(index map[string]int, name string, i int) {
	if name != "" {
		index[name] = i
	}
}
