package daemon

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
	"github.com/tokendesk/tokendesk/systemd"
)

// keyFiles are the credentials where they lie at rest, for the operator's command: plain files, or
// files that systemd-creds encrypted to this box. The daemon itself cannot write them.
type keyFiles struct{ plain, sealed string }

func (c Config) keyFiles() keyFiles { return keyFiles{c.Credentials, c.SealedCredentials} }

// Where the daemon has a credential from, as it says itself. It cannot say of one that systemd
// passed without the encrypted file beside it.
const (
	fromPlain  = "plain"
	fromSealed = "sealed"
)

// sourceOf a credential, for the daemon.
func sourceOf(name string) string {
	if _, err := systemd.Credential(name); err != nil {
		return fromPlain
	}
	if systemd.IsSealed(name) {
		return fromSealed
	}
	return ""
}

// from are the files the daemon loads a credential from. Another one would be renewed in vain: the
// next start would load the old key.
func (k keyFiles) from(source, name string) (keyFiles, error) {
	_, sealed := k.path(name)
	switch {
	case source == fromPlain:
		k.sealed = ""
	case source == fromSealed && !sealed:
		return k, fmt.Errorf("the daemon loads an encrypted %s, and there is none in %s; nothing was "+
			"changed", name, k.sealed)
	case source == "" && sealed && boltfile.Exists(filepath.Join(k.plain, name)):
		return k, fmt.Errorf("%s lies in %s and, encrypted, in %s, and the daemon does not say which "+
			"one it loads: take the one away that it does not (tokendeskd-tpm.conf has it say so); "+
			"nothing was changed", name, k.plain, k.sealed)
	}
	return k, nil
}

// noneSealed refuses to make keys where encrypted ones lie: the daemon may load those, and would
// not open what was made.
func (c Config) noneSealed() error {
	for _, name := range neededCredentials {
		path := filepath.Join(c.SealedCredentials, name)
		if c.SealedCredentials == "" || !boltfile.Exists(path) {
			continue
		}
		keep := ""
		if name == credSite {
			keep = fmt.Sprintf(" (to keep it, first: systemd-creds decrypt --name=%s %s %s)", name, path,
				filepath.Join(c.Credentials, name))
		}
		return fmt.Errorf("the encrypted credential %s is there already, and a daemon with "+
			"tokendeskd-tpm.conf loads it and not the one made here: put it away%s, and when the desk "+
			"is made encrypt the new ones as that file says; nothing was changed", path, keep)
	}
	return nil
}

// path of a credential, and whether it is encrypted there.
func (k keyFiles) path(name string) (path string, sealed bool) {
	if k.sealed != "" {
		path := filepath.Join(k.sealed, name)
		if _, err := os.Stat(path); err == nil {
			return path, true
		}
	}
	return filepath.Join(k.plain, name), false
}

// read returns a credential in clear.
func (k keyFiles) read(name string) ([]byte, error) {
	path, sealed := k.path(name)
	if !sealed {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("read the credential %s: %w", name, err)
		}
		return data, nil
	}
	data, err := creds(nil, "decrypt", "--name="+name, path, "-")
	if err != nil {
		return nil, fmt.Errorf("decrypt the credential %s: %w", name, err)
	}
	return data, nil
}

// replace puts a credential in the place of the one there, durably and as a whole, encrypted to the
// same keys if it was.
func (k keyFiles) replace(name string, data []byte) error {
	path, sealed := k.path(name)
	if sealed {
		old, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("replace the credential %s: %w", name, err)
		}
		with := systemd.SealedWith(old)
		if with == systemd.SealUnknown {
			return fmt.Errorf("replace the credential %s: it is encrypted in a way this program does "+
				"not know", name)
		}
		data, err = creds(data, "encrypt", "--name="+name, "--with-key="+string(with), "-", "-")
		if err != nil {
			return fmt.Errorf("encrypt the credential %s: %w", name, err)
		}
	}
	if err := boltfile.Replace(path, 0o600, data); err != nil {
		return fmt.Errorf("replace the credential %s: %w", name, err)
	}
	return nil
}

// creds runs systemd-creds. What it says on its error stream names keys and files, never contents.
func creds(in []byte, args ...string) ([]byte, error) {
	cmd := exec.Command("systemd-creds", args...)
	var out, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("systemd-creds %s: %w: %s", args[0], err,
			bytes.TrimSpace(stderr.Bytes()))
	}
	return out.Bytes(), nil
}

// PlainKeys names the keys that lie in clear where the configuration says credentials do.
func (c Config) PlainKeys() (names []string) {
	for _, name := range []string{credDesk, credLog, credFeed, credSite} {
		if _, err := os.Stat(filepath.Join(c.Credentials, name)); err == nil {
			names = append(names, name)
		}
	}
	return names
}
