package systemd

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Protection is what keeps the secrets of a service from whoever has the disk of its box. It claims
// no more than was seen.
type Protection string

// The protections, weakest first.
const (
	// ProtectionFile: they are files on the disk: a stolen disk gives them away.
	ProtectionFile Protection = "file"
	// ProtectionHost: they are encrypted with a key that lies on the same disk.
	ProtectionHost Protection = "host"
	// ProtectionTPM: it takes this box's TPM to decrypt them.
	ProtectionTPM Protection = "tpm"
)

// The place of the box's TPM, as the kernel shows it.
const tpmClass = "/sys/class/tpm/tpm0"

// sealedSuffix names a second credential with the encrypted file itself, from which the service
// can read how it is encrypted: LoadCredential=NAME.sealed:FILE beside
// LoadCredentialEncrypted=NAME:FILE.
const sealedSuffix = ".sealed"

// IsSealed says whether the unit passes the encrypted file of a credential beside it.
func IsSealed(name string) bool {
	_, err := Credential(name + sealedSuffix)
	return err == nil
}

// ProtectionOf says how the named credentials of this service are protected: the weakest of them
// counts. A credential without its encrypted file beside it counts as a file.
func ProtectionOf(names ...string) Protection {
	return protectionIn(os.Getenv("CREDENTIALS_DIRECTORY"), tpmClass, names)
}

func protectionIn(dir, tpm string, names []string) Protection {
	if dir == "" || len(names) == 0 || !inMemory(dir) {
		return ProtectionFile
	}
	_, noTPM := os.Stat(tpm)
	weakest := ProtectionTPM
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return ProtectionFile
		}
		sealed, _ := os.ReadFile(filepath.Join(dir, name+sealedSuffix))
		switch seal := SealedWith(sealed); {
		case seal.TPM() && noTPM == nil:
		case seal == SealHost:
			weakest = ProtectionHost
		default:
			return ProtectionFile
		}
	}
	return weakest
}

// inMemory says whether a folder is on a file system that no disk holds: where systemd puts what it
// decrypted (systemd.exec(5), LoadCredential=).
func inMemory(dir string) bool {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return false
	}
	return stat.Type == unix.RAMFS_MAGIC || stat.Type == unix.TMPFS_MAGIC
}

// Sentence is the protection in words, for operators.
func (p Protection) Sentence() string {
	switch p {
	case ProtectionTPM:
		return "bound to this box's TPM: a disk without the box opens nothing"
	case ProtectionHost:
		return "encrypted with a key on the same disk: a stolen disk opens the store"
	}
	return "keys are files on this disk: a stolen disk opens the store"
}
