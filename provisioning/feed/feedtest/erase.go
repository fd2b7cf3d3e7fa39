package feedtest

import (
	"slices"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// Hide shows every record about these credentials by its hash alone from now on, and lists them. An
// honest desk publishes an erasure of them in the same moment: see Erase.
func (d *Desk) Hide(credentials ...string) (list []feed.Erased) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, leaf := range d.leaves {
		for j, r := range leaf.Records {
			if r.Erased != nil || !slices.Contains(credentials, r.Credential) {
				continue
			}
			hash := r.Hash()
			list = append(list, feed.Erased{Record: r.ID, Credential: r.Credential, Hash: hash})
			// Pages that were handed out keep theirs.
			d.leaves[i].Records = slices.Clone(d.leaves[i].Records)
			d.leaves[i].Records[j] = feed.Record{Erased: hash[:]}
		}
	}
	return list
}

// Erasure is the record that closes a list, with the mark of whose it was.
func (d *Desk) Erasure(list []feed.Erased) (r feed.Record, mark string) {
	mark = RandomID()
	r, err := feed.Erasure(d.Record(mark), mark, list)
	if err != nil {
		panic("erase what was published: " + err.Error())
	}
	return r, mark
}

// Erase erases whoever these credentials are of, and returns their mark.
func (d *Desk) Erase(credentials ...string) (mark string) {
	r, mark := d.Erasure(d.Hide(credentials...))
	d.Commit(r)
	return mark
}
