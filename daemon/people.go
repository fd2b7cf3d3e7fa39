package daemon

import (
	"context"
	"time"

	"github.com/tokendesk/tokendesk/kiosk"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/directory"
	"github.com/tokendesk/tokendesk/provisioning/officer"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// people is the directory of a desk, whatever it is kept in.
type people interface {
	kiosk.People
	knowledge
	upkeep
}

// upkeep is what the desk itself wants of a directory.
type upkeep interface {
	// Up says whether people can be looked up. It waits for no network.
	Up(ctx context.Context) bool
	// Staff are the officers the directory names.
	Staff(ctx context.Context) ([]provisioning.Officer, error)
	// Run looks after it until ctx ends.
	Run(ctx context.Context) error
}

// knowledge answers for people who are not at the counter.
type knowledge interface {
	// Matches says whether all of a claim is right, and never which part was wrong.
	Matches(ctx context.Context, c provisioning.Claim) (provisioning.Person, bool, error)
	// Authenticate checks the password of an account.
	Authenticate(ctx context.Context, account string, password secret.Password) (bool, error)
}

var (
	_ people = (*directory.File)(nil)
	_ people = (*directory.LDAP)(nil)
)

// rostered is the university's directory at a site that keeps its officers in a file.
type rostered struct {
	*directory.LDAP
	roster *directory.File
}

// Staff implements people.
func (r rostered) Staff(ctx context.Context) ([]provisioning.Officer, error) {
	return r.roster.Staff(ctx)
}

// How often the desk asks who its officers are: on its own, and at the most when it is unlocked
// again and again. One asking may take so long.
const (
	staffEvery    = time.Minute
	staffSoonest  = 5 * time.Second
	staffPatience = 20 * time.Second
)

// gate tells the staff keeper that somebody unlocked the desk.
type gate struct {
	*officer.Officers
	opened chan<- struct{}
}

// Check implements kiosk.Officers. The desk is opened on what it knows, and asks behind the
// officer's back: a slow directory keeps nobody waiting, and somebody who left is out in a moment.
func (g gate) Check(
	ctx context.Context, id provisioning.OfficerID, pin secret.PIN,
) (provisioning.Officer, error) {
	row, err := g.Officers.Check(ctx, id, pin)
	if err == nil {
		g.poke()
	}
	return row, err
}

// Unlock implements kiosk.Officers, as Check does.
func (g gate) Unlock(
	ctx context.Context, id provisioning.OfficerID, pin secret.PIN,
	tell func(provisioning.KeyWait),
) (provisioning.Officer, error) {
	row, err := g.Officers.Unlock(ctx, id, pin, tell)
	if err == nil {
		g.poke()
	}
	return row, err
}

func (g gate) poke() {
	select {
	case g.opened <- struct{}{}:
	default:
	}
}

// keepStaff makes the officers of this desk those the directory names, now and then and whenever the
// desk is unlocked. What cannot be read changes nobody.
func (d *Desk) keepStaff(ctx context.Context) error {
	if !d.parts.Config.hasStaff() {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(staffEvery)
	defer tick.Stop()
	said := ""
	for {
		began := time.Now()
		err := d.matchStaff(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if now := told(err); now != said {
			d.log.Info("officers", "list", now, "err", err)
			said = now
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-d.opened:
			if !wait(ctx, staffSoonest-time.Since(began)) {
				return nil
			}
		}
	}
}

func told(err error) string {
	if err != nil {
		return "not read; nobody was changed"
	}
	return "followed"
}

func (d *Desk) matchStaff(ctx context.Context) error {
	asking, cancel := context.WithTimeout(ctx, staffPatience)
	defer cancel()
	staff, err := d.people.Staff(asking)
	if err != nil {
		return err
	}
	return d.officers.Match(ctx, staff)
}

// wait reports false when ctx ended first.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
