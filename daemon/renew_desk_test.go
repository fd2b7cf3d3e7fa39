package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tokendesk/tokendesk/provisioning"
)

// TestDeskKeyIsRenewedCrashSafe: whatever moment a power cut picks between the file of the key and
// the header of the store, the desk opens, and the renewal ends well when it is run again.
func TestDeskKeyIsRenewedCrashSafe(t *testing.T) {
	for _, at := range []string{"new key in the file", "header rewritten", "old key gone from the file"} {
		t.Run(at, func(t *testing.T) {
			c, bundle, card := newDesk(t)
			if _, err := Init(c, bundle, card); err != nil {
				t.Fatal(err)
			}
			p := &pair{t: t, config: c, clock: trustedClock{}, client: NewClient(c.Admin)}
			p.config.FeedURL = "https://127.0.0.1:0"
			p.startDesk()
			old := deskKeyID(p.desk.keys.now().Desk)
			p.cut(at)
			p.startDesk()
			if err := p.renewal().Run(t.Context(), RenewDesk); err != nil {
				t.Fatal(err)
			}
			p.stopDesk()
			text, err := os.ReadFile(filepath.Join(c.Credentials, credDesk))
			if err != nil || splitKeys(text).word != "" {
				t.Errorf("the credential holds two keys in the end, %v", err)
			}
			if id, err := keyID(credDesk, text); err != nil || id == old {
				t.Errorf("the key is the old one, %v", err)
			}
			p.startDesk()
		})
	}
}

// cut does a part of the renewal and stops there.
func (p *pair) cut(at string) {
	p.t.Helper()
	files := p.config.keyFiles()
	text, err := files.read(credDesk)
	if err != nil {
		p.t.Fatal(err)
	}
	k := keyText{splitKeys(text).first, randomKey(), wordNext}
	if err := files.replace(credDesk, k.join()); err != nil {
		p.t.Fatal(err)
	}
	if at != "new key in the file" {
		_, err := p.client.Renew(p.t.Context(), RenewDesk, RenewOrder{Credential: k.join()})
		if err != nil {
			p.t.Fatal(err)
		}
	}
	if at == "old key gone from the file" {
		if err := files.replace(credDesk, k.second); err != nil {
			p.t.Fatal(err)
		}
	}
	p.stopDesk()
}

// TestRenewedKeysAreOnRecord: each act carries the operator's name and names keys by public ids
// only.
func TestRenewedKeysAreOnRecord(t *testing.T) {
	p := newPair(t, nil)
	if err := p.renewal().Run(t.Context(), RenewFeed); err != nil {
		t.Fatal(err)
	}
	if err := p.renewal().RunSite(t.Context()); err != nil {
		t.Fatal(err)
	}
	var acts []string
	for logged, err := range p.desk.store.Newest(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		e := logged.Entry
		if strings.HasPrefix(string(e.Act), "key.") {
			acts = append(acts, e.Detail["what"]+" "+string(e.Act))
			if !strings.HasPrefix(e.Actor, "operator:") {
				t.Errorf("%s is by %q", e.Act, e.Actor)
			}
		}
	}
	want := "site-secret key.switch, feed key.retire, feed key.switch, feed key.announce"
	if got := strings.Join(acts, ", "); got != want {
		t.Errorf("on record: %s\nwant: %s", got, want)
	}
}

// TestSiteSecretGenerations: a generation that guards a slot is not given up, and its tokens are
// named.
func TestSiteGenerationIsKeptWhileItGuards(t *testing.T) {
	p := newPair(t, nil)
	put := func(row provisioning.Row) {
		t.Helper()
		_, err := p.desk.store.Do(t.Context(), func(provisioning.Snapshot) (provisioning.Change, error) {
			return provisioning.NewChange(provisioning.Entry{Act: "test.put"}).Put(row), nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	token := provisioning.Token{ID: "yubikey/17390101", Serial: "17390101",
		State: provisioning.TokenLoaned, Generation: 1}
	put(token)
	if err := p.renewal().RunSite(t.Context()); err != nil {
		t.Fatal(err)
	}
	old, err := p.desk.keys.Code(1, "17390101")
	if err != nil {
		t.Fatal(err)
	}
	err = p.renewal().RetireSite(t.Context(), 1)
	if err == nil || !strings.Contains(err.Error(), "17390101") {
		t.Errorf("a generation that guards a slot was given up: %v", err)
	}
	if err := p.renewal().RetireSite(t.Context(), 2); err == nil {
		t.Error("the current generation was given up")
	}
	if again, err := p.desk.keys.Code(1, "17390101"); err != nil || !again.Equal(old) {
		t.Errorf("the code of the generation changed, %v", err)
	}
	token.Generation, token.Previous = 2, 0
	put(token)
	if err := p.renewal().RetireSite(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := p.desk.keys.Code(1, "17390101"); err == nil {
		t.Error("the generation that was given up still gives codes")
	}
	p.stopDesk()
	p.startDesk()
	if got := p.desk.keys.now().Site.numbers(); len(got) != 1 || got[0] != 2 {
		t.Errorf("after a restart the generations are %v", got)
	}
}
