package daemon

import (
	"errors"
	"strings"
)

// BackupConfig says where backups go and who can open them.
type BackupConfig struct {
	// Recovery is the file of the public half of the offline recovery key; without it there is no
	// backup.
	Recovery string `toml:"recovery_key"`
	// Directory is where the nightly ones are kept, and Keep how many of them; 0 keeps all.
	Directory string `toml:"directory"`
	Keep      int    `toml:"keep"`
	// After is a command that carries a backup off the box, with {file} in its words. No shell runs
	// it.
	After string `toml:"after"`
}

func defaultBackups() BackupConfig {
	return BackupConfig{Recovery: "/etc/tokendesk/recovery.pub", Directory: "/var/backups/tokendesk",
		Keep: 14}
}

func (c BackupConfig) check() error {
	if c.Keep < 0 {
		return errors.New(`[backup] "keep" is a number of files, or 0 for all of them`)
	}
	if c.After != "" && !strings.Contains(c.After, "{file}") {
		return errors.New(`[backup] "after" does not say {file}: it would carry nothing away`)
	}
	return nil
}

// Command is After as words, for one file; none if there is nothing to run.
func (c BackupConfig) Command(file string) []string {
	words := strings.Fields(c.After)
	for i := range words {
		words[i] = strings.ReplaceAll(words[i], "{file}", file)
	}
	return words
}
