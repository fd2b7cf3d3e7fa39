package daemon

import (
	"fmt"
	"path/filepath"

	"github.com/tokendesk/tokendesk/daemon/boltfile"
)

// unfinished is the file that stands while init is at work: first made, last removed. Where it
// stands, keys without a store are those of an init that was cut short, and nobody used them; where
// it does not, their store was lost, and a new one under the old keys would hide that.
func (c Config) unfinished() string { return filepath.Join(c.State, "init.unfinished") }

// beginInit refuses a desk that exists, and says on the disk that one is being made.
func beginInit(c Config) error {
	if err := c.noneSealed(); err != nil {
		return err
	}
	again := boltfile.Exists(c.unfinished())
	if !again && boltfile.Exists(c.file()) {
		return fmt.Errorf("%s is there already: a desk is made once; nothing was changed", c.file())
	}
	for _, name := range []string{credDesk, credLog, credFeed} {
		if !again && boltfile.Exists(filepath.Join(c.Credentials, name)) {
			return fmt.Errorf("the credential %s is there already; nothing was changed", name)
		}
	}
	left := []string{c.unfinished()}
	if again {
		left = []string{filepath.Join(c.State, "*"), filepath.Join(c.Credentials, "*")}
	}
	for _, drafts := range left {
		if err := boltfile.RemoveDrafts(drafts); err != nil {
			return fmt.Errorf("remove what was half made: %w", err)
		}
	}
	if err := boltfile.MakeDir(c.State); err != nil {
		return fmt.Errorf("make the state folder: %w", err)
	}
	if err := writeNew(c.unfinished(), 0o600, nil); err != nil && !again {
		return err
	}
	return nil
}
