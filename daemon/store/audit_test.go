package store

import "testing"

// TestAuditBetweenDiskAndMemory: a log that is signed anew on the disk, and not yet in memory, is
// the one that was signed.
func TestAuditBetweenDiskAndMemory(t *testing.T) {
	o := options(t)
	var s *Store
	audits := 0
	o.Commit = func(commit func() error) error {
		err := commit()
		if s == nil || s.Head() != checkpointEvery-1 {
			return err
		}
		audits++
		if a, err := s.Audit(t.Context()); err != nil || a.Leaves != checkpointEvery-1 {
			t.Errorf("the audit saw %d leaves, %v", a.Leaves, err)
		}
		return err
	}
	s = create(t, o)
	for range checkpointEvery {
		do(t, s, change("a"))
	}
	if audits != 1 {
		t.Errorf("%d audits", audits)
	}
}
