//go:build rig && linux

package systemd_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokendesk/tokendesk/daemon"
	"github.com/tokendesk/tokendesk/daemon/store"
	"github.com/tokendesk/tokendesk/devices/usb/usbtest"
	"github.com/tokendesk/tokendesk/devices/virtual"
	"github.com/tokendesk/tokendesk/kiosk/kiosktest"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/directory"
	"github.com/tokendesk/tokendesk/provisioning/verifier"
)

// The one officer, and how many people and tokens there are in the guest.
const (
	officerID  = "help"
	officerPIN = "274963"
	// officerHash is argon2id of it.
	officerHash = "$argon2id$v=19$m=8,t=1,p=1$Y3Jhc2ggdGVzdCBzYWx0IQ$lDDZtkh0BEIhUH4Leudkv3kOdG28IdV4inF+HgFTRAQ"
	crowd       = 400
	slot        = 2 // the one the site writes
)

// world is a desk and a verifier in the guest, worked from outside: by their commands, their pages
// and their API, with tokens on the kernel's own bus.
type world struct {
	t *testing.T
	// bin has the programs.
	bin     string
	at      places
	tokens  *virtual.Remote
	browser *kiosktest.Browser
	signIn  *http.Client
}

func serial(i int) uint32     { return 30_000_001 + uint32(i) }
func account(i int) string    { return fmt.Sprintf("user%02d", i) }
func cardOf(i int) string     { return fmt.Sprintf("0412 7%03d", i) }
func deskScreen() string      { return "http://127.0.0.1:8440" }
func tokenState(i int) string { return fmt.Sprintf("%s/tokens/%d.json", usbtest.Work, serial(i)) }

// must runs a command and returns what it says.
func must(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// within tries until it is so or the time is over.
func within(d time.Duration, so func() bool) bool {
	for until := time.Now().Add(d); time.Now().Before(until); time.Sleep(250 * time.Millisecond) {
		if so() {
			return true
		}
	}
	return so()
}

func write(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// places are where the parts of a desk and a verifier lie.
type places struct{ etc, desk, central, deskSocket, centralSocket string }

// configure writes both configurations into a folder, for parts that lie at p.
func (p places) configure(t *testing.T, into string) {
	t.Helper()
	write(t, into+"/verifier.toml", fmt.Sprintf("state = %q\nadmin = %q\nlisten = \"127.0.0.1:8444\"\n",
		p.central, p.centralSocket), 0o644)
	write(t, into+"/desk.toml", fmt.Sprintf("desk = \"icto-1\"\nsite = \"um\"\nstate = %q\n"+
		"credentials = %q\ndirectory = %q\nportraits = %q\nverifier = %q\nadmin = %q\n"+
		"feed = \"127.0.0.1:8443\"\nfeed_url = \"https://127.0.0.1:8443\"\npin_alone = true\n", p.desk,
		p.etc+"/credentials", p.etc+"/people.csv", p.etc+"/portraits", p.etc+"/verifier.json",
		p.deskSocket), 0o644)
}

// prepare makes a verifier and a desk as an operator does, has the one trust the other, and leaves
// them below root in etc, desk and verifier, configured for where they will lie. Out of the guest
// this takes no time.
func prepare(t *testing.T, bin, root string, at places) {
	t.Helper()
	etc := root + "/etc"
	here := places{etc, root + "/desk", root + "/verifier", root + "/desk.sock", root + "/verifier.sock"}
	here.configure(t, etc)
	people(t, etc)
	must(t, bin+"/verifierd", "init", "--dir", here.central, "--host", "127.0.0.1", "--escrow",
		root+"/escrow.key")
	must(t, bin+"/tokendesk", "init", "--config", etc+"/desk.toml", "--verifier",
		filepath.Join(here.central, verifier.FileBundle), "--card", etc+"/card.json")
	must(t, bin+"/verifierd", "--config", etc+"/verifier.toml", "desk", "trust", etc+"/card.json")
	must(t, bin+"/verifierd", "--config", etc+"/verifier.toml", "caller", "add", "sign-in", "--role",
		"verify", "--out", etc)
	must(t, "cp", filepath.Join(here.central, verifier.FileAPICert), etc+"/api.crt")
	letIn(t, etc+"/desk.toml")
	at.configure(t, etc)
}

// people writes the directory: a crowd with one face.
func people(t *testing.T, etc string) {
	t.Helper()
	var face, text bytes.Buffer
	if err := png.Encode(&face, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	write(t, etc+"/portraits/face.png", face.String(), 0o644)
	rows := make([]directory.Record, crowd)
	for i := range rows {
		rows[i] = directory.Record{Person: provisioning.Person{ID: provisioning.PersonID(fmt.Sprintf("P%02d", i)),
			Site: "um", Name: "Person of the rig", Role: "student", Account: account(i), Card: cardOf(i),
			CardUntil: time.Now().AddDate(1, 0, 0), Portrait: "face.png", Lang: "en"}}
	}
	if err := directory.Write(&text, rows); err != nil {
		t.Fatal(err)
	}
	write(t, etc+"/people.csv", text.String(), 0o644)
}

// letIn makes the officer, with a PIN hashed at the lowest cost that is read: emulated, the usual
// one takes longer than all of a loan.
func letIn(t *testing.T, path string) {
	t.Helper()
	config, err := daemon.ReadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := daemon.ReadKeys(config)
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), store.Options{Path: filepath.Join(config.State, "desk.db"),
		Key: keys.Desk, Desk: provisioning.DeskID(config.Desk), Signer: keys.Log, Clock: time.Now,
		Fatal: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Do(t.Context(), func(provisioning.Snapshot) (provisioning.Change, error) {
		return provisioning.NewChange(provisioning.Entry{At: time.Now(), Actor: "operator:rig",
			Act: "officer.add", Rule: "operator", Outcome: "done", Desk: "icto-1"}).Put(
			provisioning.Officer{ID: officerID, Name: "Help", PINHash: officerHash}), nil
	})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
}

// plug starts the process that is a token on this kernel's bus. Its memory outlives it, and the
// box.
func (w *world) plug(i int) (unplug func()) {
	cmd := exec.Command(w.bin+"/virtualusb", "run", "--socket=/tmp/token.sock",
		"--state="+filepath.Dir(tokenState(i)), fmt.Sprintf("--serial=%d", serial(i)))
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.tokens = virtual.Dial("/tmp/token.sock")
	if !within(20*time.Second, func() bool {
		_, err := w.tokens.Keys(w.soon())
		return err == nil
	}) {
		w.t.Fatalf("the token does not answer:\n%s", said.String())
	}
	return func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	}
}

// follow waits until the verifier follows the desk.
func (w *world) follow() {
	w.t.Helper()
	admin := verifier.NewAdminClient(w.at.centralSocket)
	var status verifier.Status
	var err error
	if !within(60*time.Second, func() bool {
		status, err = admin.Status()
		return err == nil && len(status.Desks) == 1 && !status.Desks[0].Seen.IsZero() &&
			status.Desks[0].Trouble == ""
	}) {
		w.t.Fatalf("the desk is not followed: %+v, %v", status, err)
	}
}

// accepted asks the verifier's API as a sign-in service does, until it answers.
func (w *world) accepted(account, otp string) (accepted bool) {
	w.t.Helper()
	var err error
	if !within(30*time.Second, func() bool {
		accepted, err = w.ask(account, otp)
		return err == nil
	}) {
		w.t.Fatalf("ask the verifier: %v", err)
	}
	return accepted
}

// ask asks once.
func (w *world) ask(account, otp string) (accepted bool, err error) {
	if w.signIn == nil {
		w.signIn = w.caller()
	}
	body, err := json.Marshal(map[string]string{"user": account, "otp": otp})
	if err != nil {
		return false, err
	}
	resp, err := w.signIn.Post("https://127.0.0.1:8444"+verifier.PathVerify, "application/json",
		bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	var answer verifier.VerifyAnswer
	err = json.NewDecoder(resp.Body).Decode(&answer)
	if resp.StatusCode != http.StatusOK {
		err = errors.Join(err, errors.New(resp.Status))
	}
	return answer.Accepted, err
}

// caller is the client of a sign-in service.
func (w *world) caller() *http.Client {
	etc := w.at.etc
	cert, err := tls.LoadX509KeyPair(etc+"/sign-in.crt", etc+"/sign-in.key")
	if err != nil {
		w.t.Fatal(err)
	}
	pem, err := os.ReadFile(etc + "/api.crt")
	if err != nil {
		w.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{cert}}}}
}

// status is what the desk tells the operator.
func (w *world) status() daemon.Status {
	w.t.Helper()
	status, err := daemon.NewClient(w.at.deskSocket).Status(w.soon())
	if err != nil {
		w.t.Fatal(err)
	}
	return status
}

// soon is the time that an order to a token may take.
func (w *world) soon() context.Context {
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	w.t.Cleanup(cancel)
	return ctx
}

// press has the token type in the hands of its person: out of the box, from its own memory.
func (w *world) press(i int) (string, error) {
	bus := virtual.NewBus()
	key, err := virtual.Open(tokenState(i), virtual.Options{Serial: serial(i)})
	if err != nil {
		return "", err
	}
	if err := bus.Add(key); err != nil {
		return "", err
	}
	bus.Plug(key)
	return key.Touch(slot)
}
