// Package workbench is the other side of the demonstration's counter: virtual tokens to plug in and
// touch, cards to lay on the reader, switches for what can go wrong, and a sign-in form that asks the
// real verifier. It shows what a person at a counter would have in their hands.
//
// It refuses to know the desk: it reaches it only as a person could, by plug, touch and card.
package workbench

import (
	"context"
	"crypto/rand"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/kiosk/pages"
)

//go:embed assets
var embedded embed.FS

// Card is one sample card that can be laid on the reader.
// Head is what their identity card begins with.
type Card struct{ Name, Native, NativeLang, Role, Number, Account, Head string }

// Reader is where cards are laid.
type Reader interface {
	// Tap lays the card with that printed number on the reader until somebody took notice.
	Tap(ctx context.Context, number string) error
}

// Switch is something that can go wrong, with its state.
type Switch struct {
	Name, Label string
	// On and Off say in words what holds.
	On, Off string
	Get     func() bool
	Set     func(bool)
}

// Letter is one message that was delivered to a person.
type Letter struct{ By, To, Title, Text, At string }

// Post is the post office.
type Post interface {
	// Letters are those that were delivered, newest first.
	Letters() []Letter
	// Write mails something to the desk.
	Write(from, title, text string) error
}

// Config is what a workbench needs.
type Config struct {
	Bus *virtual.Bus
	// Names says which model each token is, by serial.
	Names  map[uint32]string
	Reader Reader
	Cards  []Card
	// SignIn asks the verifier whether an OTP is accepted.
	SignIn func(ctx context.Context, account, otp string) (accepted bool, err error)
	// Switches are shown in order.
	Switches []Switch
	// Paper is the virtual printer.
	Paper *virtual.Paper
	// Post is where the desk's messages arrive, and where people write to it.
	Post Post
	// SelfURL is where people recover access without an officer; empty without such a view.
	SelfURL string
	// DeskURL is where the counter's screen is.
	DeskURL string
}

// Bench serves the workbench.
type Bench struct {
	Config
	// home is the person's own computer.
	home *virtual.Bus
	mu   sync.Mutex
	// typed is what the sign-in form holds; said is what happened last.
	account, typed string
	said           said
	ops            map[string]bool
}

// said is one line about what happened last.
type said struct{ kind, text string }

// New returns a workbench.
func New(c Config) *Bench { return &Bench{Config: c, home: virtual.NewBus(), ops: map[string]bool{}} }

// Handler serves the page and its forms.
func (b *Bench) Handler() http.Handler {
	mux := http.NewServeMux()
	own, err := fs.Sub(embedded, "assets")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	mux.Handle("GET "+pages.PathAssets, http.StripPrefix(pages.PathAssets, http.FileServerFS(pages.Assets())))
	mux.Handle("GET /bench/", http.StripPrefix("/bench/", http.FileServerFS(own)))
	mux.HandleFunc("GET /{$}", b.page)
	mux.HandleFunc("GET "+pathPaper, b.lastSlip)
	for path, act := range map[string]func(*http.Request) said{
		"plug": b.plug, "touch": b.touch, "type": b.typeHere, "card": b.card, "switch": b.turn,
		"fault": b.fault, "signin": b.signIn, "write": b.write,
	} {
		mux.HandleFunc("POST /"+path, b.form(act))
	}
	return http.NewCrossOriginProtection().Handler(guard(mux))
}

// guard puts the policy of the kiosk's pages on every answer.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", pages.Policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		if r.URL.Path == "/" {
			h.Set("Cache-Control", "no-store")
		}
		next.ServeHTTP(w, r)
	})
}

func (b *Bench) page(w http.ResponseWriter, r *http.Request) {
	if err := view(b.model()).Render(r.Context(), w); err != nil {
		http.Error(w, "the page could not be written", http.StatusInternalServerError)
	}
}

// noticeTime is how long the desk may take to notice a card.
const noticeTime = 3 * time.Second

// maxForm bounds a form: its longest field is an account name.
const maxForm = 4 << 10

// form carries out one act once, however often its form is posted, and goes back to the page.
func (b *Bench) form(act func(*http.Request) said) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if b.first(r.PostFormValue("op")) {
			result := act(r)
			b.mu.Lock()
			b.said = result
			b.mu.Unlock()
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
}

func (b *Bench) first(op string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if op == "" || b.ops[op] {
		return false
	}
	b.ops[op] = true
	return true
}

func newOp() string {
	var raw [8]byte
	_, _ = rand.Read(raw[:])
	return hex.EncodeToString(raw[:])
}

func (b *Bench) key(r *http.Request) (*virtual.Key, bool) {
	serial, err := strconv.ParseUint(r.PostFormValue("serial"), 10, 32)
	if err != nil {
		return nil, false
	}
	return b.Bus.Key(uint32(serial))
}

var noKey = said{"bad", "There is no such token on the workbench."}

// write mails a request to the desk.
func (b *Bench) write(r *http.Request) said {
	err := b.Post.Write(r.PostFormValue("from"), r.PostFormValue("title"), r.PostFormValue("text"))
	if err != nil {
		return said{"bad", "The message could not be sent."}
	}
	return said{"ok", "The message is in the desk's mailbox. The desk looks every ten seconds."}
}

func (b *Bench) plug(r *http.Request) said {
	key, ok := b.key(r)
	if !ok {
		return noKey
	}
	if key.Plugged() {
		b.Bus.Unplug(key)
		return said{"ok", fmt.Sprintf("Token %d was pulled out of the desk.", key.Serial())}
	}
	b.Bus.Plug(key)
	return said{"ok", fmt.Sprintf("Token %d is in the desk's port.", key.Serial())}
}

// touch presses the gold disc while the token is in the desk: what it types goes to the desk, and
// what the desk asked it is answered.
func (b *Bench) touch(r *http.Request) said {
	key, ok := b.key(r)
	if !ok {
		return noKey
	}
	typed, err := press(key)
	switch {
	case err != nil:
		return said{"warn", fmt.Sprintf("Token %d typed nothing: %v.", key.Serial(), err)}
	case typed == "":
		return said{"ok", fmt.Sprintf("Token %d was touched and answers the desk.", key.Serial())}
	}
	return said{"ok", fmt.Sprintf("Token %d was touched and types into the desk.", key.Serial())}
}

// typeHere presses the gold disc on the person's own computer: it types into the sign-in form.
func (b *Bench) typeHere(r *http.Request) said {
	key, ok := b.key(r)
	if !ok {
		return noKey
	}
	b.Bus.Unplug(key)
	b.home.Plug(key)
	otp, err := press(key)
	b.home.Unplug(key)
	if err != nil {
		return said{"warn", fmt.Sprintf("Token %d typed nothing: %v.", key.Serial(), err)}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.typed = otp
	return said{"ok", fmt.Sprintf("Token %d typed an OTP into the sign-in form.", key.Serial())}
}

// press touches a slot that types an OTP, or slot 1.
func press(key *virtual.Key) (string, error) {
	for i, slot := range key.Slots() {
		if slot.HOTP {
			return key.Touch(i + 1)
		}
	}
	return key.Touch(1)
}

func (b *Bench) card(r *http.Request) said {
	number := r.PostFormValue("number")
	for _, card := range b.Cards {
		if card.Number == number {
			ctx, cancel := context.WithTimeout(r.Context(), noticeTime)
			defer cancel()
			if err := b.Reader.Tap(ctx, number); err != nil {
				return said{"bad", "The desk takes no notice of its card reader."}
			}
			b.mu.Lock()
			b.account = card.Account
			b.mu.Unlock()
			return said{"ok", "The card of " + card.Name + " was laid on the reader."}
		}
	}
	return said{"bad", "There is no such card."}
}

func (b *Bench) turn(r *http.Request) said {
	for _, s := range b.Switches {
		if s.Name == r.PostFormValue("name") {
			s.Set(!s.Get())
			if s.Get() {
				return said{"ok", s.On}
			}
			return said{"warn", s.Off}
		}
	}
	return said{"bad", "There is no such switch."}
}

func (b *Bench) fault(r *http.Request) said {
	key, ok := b.key(r)
	if !ok {
		return noKey
	}
	for _, f := range faults {
		if f.name == r.PostFormValue("fault") {
			key.Misbehave(f.fault)
			return said{"warn", fmt.Sprintf("Token %d: %s.", key.Serial(), f.label)}
		}
	}
	return said{"bad", "There is no such misbehaviour."}
}

func (b *Bench) signIn(r *http.Request) said {
	account := r.PostFormValue("account")
	otp := strings.ReplaceAll(r.PostFormValue("otp"), " ", "") // a passcode is read in groups
	b.mu.Lock()
	b.account, b.typed = account, ""
	b.mu.Unlock()
	accepted, err := b.SignIn(r.Context(), account, otp)
	switch {
	case err != nil:
		return said{"bad", "The sign-in service does not answer."}
	case accepted:
		return said{"ok", "Signed in. The verifier accepted this OTP; it will not accept it again."}
	}
	return said{"bad", "Not signed in. The verifier refused this OTP."}
}
