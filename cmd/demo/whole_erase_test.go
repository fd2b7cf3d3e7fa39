package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/daemon"
	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// personal is what names a person, in every form it could be written in.
func personal(p provisioning.Person) hoard {
	k, h := knows[p.ID], hoard{}
	born := strings.ReplaceAll(k.born, "-", "")
	for name, words := range map[string][]string{
		"the name":        {p.Name, strings.Join(strings.Fields(p.Name)[1:], " ")},
		"the native name": {p.Native},
		"the number":      {string(p.ID)}, "the account": {p.Account},
		"the card":     {p.Card, strings.ReplaceAll(p.Card, " ", "")},
		"the mail":     {p.Account + "@" + p.Site + ".example"},
		"the phone":    {k.phone, strings.TrimPrefix(k.phone, "+")},
		"the birthday": {k.born, born}, "the document": {k.identityCard, "12345678"},
	} {
		for _, word := range words {
			if word == "" {
				continue
			}
			for _, form := range []string{word, strings.ToLower(word), strings.ToUpper(word)} {
				h.add(name, []byte(form))
			}
		}
	}
	return h
}

// client is the operator's.
func (w *whole) client() *daemon.Client {
	return daemon.NewClient(w.adminSocket())
}

// erase has a person forgotten, and returns what was answered or refused.
func (w *whole) erase(p provisioning.Person, reason string) (id string, refused daemon.AdminError) {
	w.t.Helper()
	done, err := w.client().Erase(w.t.Context(), daemon.EraseOrder{Person: string(p.ID),
		Reason: reason})
	if err != nil && !errors.As(err, &refused) {
		w.t.Fatal(err)
	}
	return done.ID, refused
}

// refuses fails unless the erasure is refused with this code and a sentence that has these words.
func (w *whole) refuses(p provisioning.Person, code, words string) {
	w.t.Helper()
	_, no := w.erase(p, "asked for it")
	if no.Code != code || !strings.Contains(no.Message, words) ||
		!strings.Contains(no.Message, "nothing was erased") {
		w.t.Errorf("want %s with %q, got %+v", code, words, no)
	}
}

// fullLife is all that a person can have to do with a desk: loan, proof, sign-in, passcodes,
// requests, tries without an officer, slips, notices, the return. Meanwhile nobody forgets them.
func (w *whole) fullLife(p provisioning.Person) {
	w.t.Helper()
	key := w.key(17390102)
	w.lend(p, key)
	w.works(p, key)
	w.refuses(p, "erase_loan", "token 17390102 is on loan")
	b := w.alone()
	w.recover(b, p, "not the password")
	err := w.post.Write(p.Account+"@um.example", "Forgot my phone",
		"I am "+p.Name+", number "+string(p.ID)+", and have no phone.")
	if err != nil {
		w.t.Fatal(err)
	}
	w.until("the message is in the queue", func() bool {
		return len(provisioning.Requests(w.desk.Snapshot())) == 1
	})
	w.card(p)
	w.refuses(p, "erase_visit", "end it first")
	w.b.Press("End this visit")
	w.takeBack(p, key)
	code := w.passcode(p, "Forgot the phone today")[0]
	w.refuses(p, "erase_passcode", "short passcode of theirs still works")
	w.signIn(p, code, true)
	w.unlock()
	w.errand(p, "Open passcodes")
	w.b.Press("Revoke")
	w.sees("The sign-in service does not accept it any more.")
	w.finish()
	w.told(p.Account+"@um.example", "passcode")
	w.until("every notice is sent", func() bool {
		return provisioning.WaitingNotices(w.desk.Snapshot()) == 0
	})
}

// TestWholeErase: after a person is erased nothing of theirs is in the files of desk and verifier,
// nor in a new backup, whoever opens them with whatever key is left, nor in the journal; the log
// verifies, and both a follower that holds the old tail and one that knows nothing go on without an
// alarm. A desk that is restored from a backup of before erases them again.
func TestWholeErase(t *testing.T) {
	t.Parallel()
	w := unlocked(t, settings{site: "um", state: t.TempDir()})
	gone, stays := w.person("CHAN"), w.person("WONG")
	key := w.recoveryKey()
	w.lend(stays, w.key(17390103))
	w.fullLife(gone)
	w.settled()
	old := w.backup("before.backup")
	_, no := w.erase(gone, "asked by "+gone.Name)
	if no.Code != "erase_reason" {
		t.Errorf("a reason that names the person: %+v", no)
	}
	if _, no = w.erase(provisioning.Person{ID: "nobody"}, "asked"); no.Code != "erase_unknown" {
		t.Errorf("somebody nobody knows: %+v", no)
	}
	before := w.kept()
	id, no := w.erase(gone, "left the university in 2019")
	if id == "" {
		t.Fatalf("refused: %+v", no)
	}
	w.refuses(gone, "erase_unknown", "knows nobody")
	w.until("the verifier has forgotten the same, and the file is written anew", func() bool {
		rows, err := w.client().Erasures(t.Context())
		return err == nil && len(rows) == 1 && rows[0].ID == id && rows[0].Told && rows[0].Gone &&
			strings.Contains(w.log.String(), "the file was written anew after an erasure")
	})

	w.lend(w.person("LEONG"), w.key(17390102)) // the old follower goes on, and so does the token
	w.unalarmed()
	check, err := w.client().AuditVerify(t.Context(), []string{before, w.kept()})
	if err != nil || len(check.Kept) != 2 || check.Kept[0] >= check.Kept[1] || check.Erased < 20 ||
		check.ErasedRecords != 5 {
		t.Errorf("the log after the erasure: %+v, %v", check, err)
	}
	fresh := w.backup("after.backup")
	w.b.Client().CloseIdleConnections()
	w.stop()
	w.nothingOf(gone, stays, 4) // the seeds of the two who stay, for either key
	w.backupWithout(fresh, key, gone, stays)
	w.restoredFrom(old, key).erasedAgain(id, gone, stays)
	w = w.followedFromZero()
	w.unalarmed()
	if n := w.held("active"); n != 2 {
		t.Errorf("a verifier that begins at nothing holds %d active credentials", n)
	}
	if names := personal(gone).found([]byte(w.log.String())); names != nil {
		t.Errorf("the journal has %q", names)
	}
}

// kept is the newest checkpoint the verifier has.
func (w *whole) kept() string {
	w.t.Helper()
	signed, err := w.central.verifier.Checkpoint("demo-1")
	if err != nil {
		w.t.Fatal(err)
	}
	return string(signed)
}

// unalarmed waits until the verifier holds all that was published, and fails if it raised an alarm.
func (w *whole) unalarmed() {
	w.t.Helper()
	w.until("the verifier holds all that was published", func() bool {
		status, err := w.central.verifier.Status()
		if err != nil || len(status.Desks) != 1 {
			w.t.Fatal(err)
		}
		if d := status.Desks[0]; d.Alarm.What != "" {
			w.t.Fatalf("the verifier raised an alarm: %s", d.Alarm.What)
		}
		v, _ := provisioning.Get[provisioning.Verifier](w.desk.Snapshot(),
			provisioning.Verifier{}.Key())
		return status.Desks[0].Position >= v.Published
	})
}

// nothingOf opens everything there is, so many sealed bodies among it, and looks for the one who is
// gone, and for the one who stays.
func (w *whole) nothingOf(gone, stays provisioning.Person, sealed int) {
	w.t.Helper()
	desk, central := w.everything(sealed)
	for where, all := range map[string][]byte{"desk": desk, "verifier": central,
		"journal": []byte(w.log.String())} {
		if names := personal(gone).found(all); names != nil {
			w.t.Errorf("the %s has %q", where, names)
		}
		if where == "journal" {
			if names := personal(stays).found(all); names != nil {
				w.t.Errorf("the journal has %q of the one who stays", names)
			}
			continue
		}
		if names := personal(stays).found(all); !slices.Contains(names, "the account") {
			w.t.Errorf("the %s has of the one who stays only %q: the search proves nothing", where,
				names)
		}
	}
	if !slices.Equal(personal(stays).found(desk), []string{"the account", "the card", "the mail",
		"the name", "the native name", "the number", "the phone"}) {
		w.t.Errorf("of the one who stays: %q", personal(stays).found(desk))
	}
	for _, dir := range []string{"desk", "verifier"} {
		h := personal(gone)
		_, names := h.searchFolder(w.t, filepath.Join(w.settings.state, dir))
		names = slices.DeleteFunc(names, func(name string) bool {
			// The directory is not the desk's.
			return strings.HasSuffix(name, "people.csv") || strings.HasSuffix(name, ".svg")
		})
		if len(names) > 0 {
			w.t.Errorf("the files of the %s have %q", dir, names)
		}
	}
}

// everything is what the keys of desk, verifier and escrow open together.
func (w *whole) everything(sealed int) (desk, central []byte) {
	w.t.Helper()
	config, err := w.stage.config()
	if err != nil {
		w.t.Fatal(err)
	}
	dir, holders := filepath.Join(w.settings.state, "verifier"), w.holders()
	key := w.hexKey(filepath.Join(dir, "state.key"))
	text, err := os.ReadFile(filepath.Join(config.Credentials, "desk-key"))
	if err != nil {
		w.t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil {
		w.t.Fatal(err)
	}
	desk = decrypted(w.t, filepath.Join(config.State, "desk.db"), "desk", raw, holders)
	if holders.n != sealed {
		w.t.Errorf("%d sealed bodies were opened, want %d", holders.n, sealed)
	}
	return desk, decrypted(w.t, filepath.Join(dir, "verifier.db"), "verifier", key, nil)
}

// holders have the keys of verifier and escrow.
func (w *whole) holders() *bodies {
	w.t.Helper()
	return &bodies{openers: []*feed.Opener{
		w.opener(filepath.Join(w.settings.state, "verifier", "feed.key")),
		w.opener(filepath.Join(w.settings.state, "escrow.key"))}}
}

func (w *whole) hexKey(path string) []byte {
	w.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	raw, err := hex.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil {
		w.t.Fatal(err)
	}
	return raw
}

func (w *whole) opener(path string) *feed.Opener {
	w.t.Helper()
	opener, err := feed.NewOpener(secret.NewKey(w.hexKey(path)))
	if err != nil {
		w.t.Fatal(err)
	}
	return opener
}

// bodies counts the sealed bodies that were opened with any of these, and writes what was in them.
type bodies struct {
	openers []*feed.Opener
	n       int
}

func (b *bodies) open(out io.Writer, r feed.Record) {
	for _, opener := range b.openers {
		if seed, err := opener.OpenSeed(r); err == nil {
			fmt.Fprintf(out, "%s %s %s\n", seed.User, seed.Vendor, seed.Serial)
			b.n++
		}
		if code, err := opener.OpenPasscode(r); err == nil {
			fmt.Fprintf(out, "%s %s\n", code.User, code.Type)
			b.n++
		}
	}
}

// decrypted is every value of a file that its key opens, and what of its records the holders open.
func decrypted(t testing.TB, path, kind string, key []byte, holders *bodies) []byte {
	t.Helper()
	file, err := boltfile.Open(boltfile.Options{Path: path, Kind: kind}, key)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all bytes.Buffer
	err = file.View(func(tx *boltfile.Tx) error {
		buckets, err := tx.Buckets()
		for _, bucket := range buckets {
			err = errors.Join(err, tx.ForEach(bucket, nil, nil, func(i boltfile.Item) error {
				fmt.Fprintf(&all, "%s %s\n%s\n", bucket, i.Key, i.Value)
				var r feed.Record
				if holders != nil && !i.Erased && json.Unmarshal(i.Value, &r) == nil {
					holders.open(&all, r)
				}
				return nil
			}))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.Bytes()
}

// followedFromZero starts everything again, with a verifier that has its keys and knows nothing.
func (w *whole) followedFromZero() *whole {
	w.t.Helper()
	dir := filepath.Join(w.settings.state, "verifier")
	path := filepath.Join(dir, "verifier.db")
	if err := os.Remove(path); err != nil {
		w.t.Fatal(err)
	}
	err := boltfile.Create(boltfile.Options{Path: path, Kind: "verifier"},
		w.hexKey(filepath.Join(dir, "state.key")), boltfile.Birth{Created: time.Now()})
	if err != nil {
		w.t.Fatal(err)
	}
	return begin(w.t, w.settings, nil)
}
