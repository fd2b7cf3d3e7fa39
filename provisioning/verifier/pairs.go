package verifier

import (
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/tokendesk/tokendesk/provisioning/feed"
	"github.com/tokendesk/tokendesk/systemd"
)

// A certificate that is renewed gets a file of its own beside the old one: follower.crt, then
// follower.2.crt, with its key. The bundle says which of them is in use, so that replacing that one
// file is the switch.

// beside names the files of the first, second, ... of a kind that are there, oldest first.
func beside(dir, base, ext string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, missing(err)
	}
	numbers := map[int]string{}
	for _, entry := range entries {
		if n, ok := number(entry.Name(), base, ext); ok {
			numbers[n] = entry.Name()
		}
	}
	var names []string
	for _, n := range slices.Sorted(maps.Keys(numbers)) {
		names = append(names, numbers[n])
	}
	return names, nil
}

// number tells which of a kind a file is: base.ext is the first, base.2.ext the second.
func number(name, base, ext string) (int, bool) {
	if name == base+ext {
		return 1, true
	}
	middle, ok := strings.CutPrefix(name, base+".")
	if ok {
		middle, ok = strings.CutSuffix(middle, ext)
	}
	n, err := strconv.Atoi(middle)
	return n, ok && err == nil && n > 1
}

// unused is the base of the next of a kind.
func unused(dir, base, ext string) (string, error) {
	names, err := beside(dir, base, ext)
	if err == nil && len(names) == 0 && passed(base+ext) {
		return base + ".2", nil
	}
	if err != nil || len(names) == 0 {
		return base, err
	}
	n, _ := number(names[len(names)-1], base, ext)
	return fmt.Sprintf("%s.%d", base, n+1), nil
}

// pairs reads every certificate of a kind with its key, oldest first.
func pairs(dir, base string) (all []tls.Certificate, err error) {
	names, err := beside(dir, base, ".crt")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		pair, err := readPair(dir, name, strings.TrimSuffix(name, ".crt")+".key")
		if err != nil {
			return nil, err
		}
		all = append(all, pair)
	}
	return all, nil
}

// named finds the certificate of a pin.
func named(all []tls.Certificate, pin string) (tls.Certificate, bool) {
	for _, pair := range all {
		if feed.Pin(pair.Leaf) == pin {
			return pair, true
		}
	}
	return tls.Certificate{}, false
}

// dropPair removes the files of a certificate and its key. The certificate goes first: one without
// its key would keep the verifier from opening.
func dropPair(dir, base, pin string) error {
	names, err := beside(dir, base, ".crt")
	if err != nil {
		return err
	}
	for _, name := range names {
		key := strings.TrimSuffix(name, ".crt") + ".key"
		pair, err := readPair(dir, name, key)
		if err != nil || feed.Pin(pair.Leaf) != pin {
			continue
		}
		return errors.Join(os.Remove(filepath.Join(dir, name)), os.Remove(filepath.Join(dir, key)))
	}
	return nil
}

// openers reads the sealing keys: the one of the bundle, and those that were renewed and may still
// be sealed to.
func openers(dir string, current []byte) (use *feed.Opener, older []*feed.Opener, err error) {
	names, err := beside(dir, "feed", ".key")
	if err != nil {
		return nil, nil, err
	}
	if len(names) == 0 || passed(fileFeedKey) && names[0] != fileFeedKey {
		names = append([]string{fileFeedKey}, names...) // it says so if it is missing
	}
	for _, name := range names {
		private, err := readSecret(filepath.Join(dir, name))
		if err != nil {
			return nil, nil, err
		}
		opener, err := feed.NewOpener(private)
		private.Wipe()
		switch {
		case err != nil:
			return nil, nil, fmt.Errorf("read %s: %w", name, err)
		case feed.KeyID(opener.Public()) == feed.KeyID(current):
			use = opener
		default:
			older = append(older, opener)
		}
	}
	if use == nil {
		return nil, nil, fmt.Errorf("%s and %s do not belong together", fileFeedKey, FileBundle)
	}
	return use, older, nil
}

// secretPath is where a secret of the directory is read from: what systemd passes under its name,
// and the file otherwise.
func secretPath(path string) string {
	if passed, err := systemd.Credential(filepath.Base(path)); err == nil {
		return passed
	}
	return path
}

// passed says whether systemd passes a secret.
func passed(name string) bool {
	_, err := systemd.Credential(name)
	return err == nil
}

// dropOpeners removes the files of the sealing keys that are in use no more. What systemd passes is
// not among them: see stillPassed.
func dropOpeners(dir string, current []byte) error {
	names, err := beside(dir, "feed", ".key")
	if err != nil {
		return err
	}
	for _, name := range names {
		path := filepath.Join(dir, name)
		private, err := readKeyFile(path) // the file itself, whatever is passed under its name
		if err != nil {
			return err
		}
		opener, err := feed.NewOpener(private)
		private.Wipe()
		if err != nil || feed.KeyID(opener.Public()) == feed.KeyID(current) {
			continue
		}
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}

// stillPassed says how root gives up an old sealing key that systemd passes: nobody else may touch
// its file. The files that dropOpeners left hold the key in use.
func stillPassed(dir string) error {
	names, err := beside(dir, "feed", ".key")
	if err != nil || len(names) == 0 {
		return errors.Join(err, errors.New("the key in use has no file any more"))
	}
	return fmt.Errorf(`the old key is the credential %[1]s, and only root can take that away: put the
new one in its place, and keep its file off this machine from then on:
  systemd-creds encrypt --with-key=host+tpm2 --name=%[1]s %[2]s %[3]s/%[1]s
or remove %[3]s/%[1]s and both lines of verifierd.service.d/10-tpm.conf with %[1]s.
Then systemctl daemon-reload, restart verifierd, and give this order again`,
		fileFeedKey, filepath.Join(dir, names[0]), "/etc/tokendesk/sealed")
}
