package kiosk

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/provisioningtest"
)

var (
	zone   = time.FixedZone("MO", 8*3600)
	moment = time.Date(2026, 11, 22, 20, 30, 0, 0, time.UTC)
)

func sceneryWith(rows ...provisioning.Row) scenery {
	return scenery{
		snap: provisioningtest.NewLedger(rows...).Snapshot(), now: moment,
		site: provisioning.Site{Location: zone, Roles: []string{"student"}, LoanDays: 10,
			Reasons: []string{"phone_unsupported", "no_phone"}, NoPhone: []string{"no_phone"},
			PhoneSeen: true,
			Fee:       provisioning.Money{Minor: 23500, Label: "MOP$"}},
		health: provisioning.Health{VerifierUp: true, DirectoryUp: true, ClockSynced: true},
	}
}

func TestFormats(t *testing.T) {
	sc := sceneryWith()
	for _, c := range []struct{ got, want string }{
		{sc.date(moment), "23 November 2026"},
		{sc.moment(moment), "23 November 2026, 04:30"},
		{sc.date(time.Time{}), ""},
		{sc.money(provisioning.Money{Minor: 23505, Label: "MOP$"}), "MOP$235.05"},
		{sc.money(provisioning.Money{Label: "MOP$"}), ""},
		{grouped("20250001"), "2025 0001"}, {grouped("12345"), "12345"}, {grouped("陳樂晴陳樂晴"), "陳樂晴陳樂晴"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestTimesInSentencesAreInTheSitesZone(t *testing.T) {
	got := sceneryWith().inZone(map[string]string{"since": "2026-07-31", "until": "2026-11-22T20:30:00Z",
		"due": "2026-11-22T20:30:00Z", "at": "2026-11-22T20:30:00Z", "serial": "123"})
	want := map[string]string{"since": "31 July 2026", "until": "04:30", "due": "23 November 2026",
		"at": "23 November 2026, 04:30", "serial": "123"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPlugStates(t *testing.T) {
	info := &provisioning.TokenInfo{Vendor: "yubikey", Serial: "1"}
	two := []provisioning.Plug{{ID: "1", Info: info, Usable: true},
		{ID: "2", Info: info, Usable: true}}
	alone := provisioning.Plug{ID: "3", Why: provisioning.CodeTokenLeftAlone,
		Err: errors.New("left alone")}
	unfit := provisioning.Plug{ID: "4", Why: provisioning.CodeTokenNotOTP,
		Err: provisioning.ErrNotOTP}
	for name, c := range map[string]struct {
		plugs   []provisioning.Plug
		problem provisioning.Code
		want    pages.PlugState
	}{
		"nothing":     {nil, "", pages.PlugNone},
		"identifying": {[]provisioning.Plug{{ID: "1", Usable: true}}, "", pages.PlugIdentifying},
		"found":       {two[:1], "", pages.PlugFound},
		"two":         {two, "", pages.PlugTwo},
		"loaned":      {two[:1], provisioning.CodeTokenLoaned, pages.PlugWrong},
		"held": {[]provisioning.Plug{{ID: "1", Err: provisioning.ErrHeld}}, "",
			pages.PlugHeld},
		"not otp": {[]provisioning.Plug{{ID: "1", Err: provisioning.ErrNotOTP}}, "",
			pages.PlugWrong},
		"permission": {[]provisioning.Plug{{ID: "1", Why: provisioning.CodeTokenNoPermission}}, "",
			pages.PlugPermission},
		"silent": {[]provisioning.Plug{{ID: "1", Err: errors.New("x")}}, "",
			pages.PlugWrong},
		"left alone":                    {[]provisioning.Plug{alone}, "", pages.PlugWrong},
		"two that are of no use":        {[]provisioning.Plug{alone, unfit}, "", pages.PlugWrong},
		"one of use beside one of none": {[]provisioning.Plug{alone, two[0]}, "", pages.PlugFound},
		"being read beside one of none": {[]provisioning.Plug{unfit, {ID: "1", Usable: true}}, "",
			pages.PlugIdentifying},
		"two of use beside one of none": {append(two[:2:2], alone), "", pages.PlugTwo},
	} {
		sc := sceneryWith()
		sc.plugs = c.plugs
		v := plugView(sc, facts{visit: provisioning.Visit{Step: provisioning.StepPlug,
			Problem: c.problem}})
		if v.State != c.want {
			t.Errorf("%s: %s, want %s", name, v.State, c.want)
		}
		if v.State == pages.PlugWrong && (v.Why == nil || v.Why.Happened == "") {
			t.Errorf("%s: no reason", name)
		}
	}
}

// TestAReturnMindsOnlyWhatCanBeUsed: a key the desk leaves alone does not stand in its way.
func TestAReturnMindsOnlyWhatCanBeUsed(t *testing.T) {
	lent := provisioning.Plug{ID: "1", Usable: true,
		Info: &provisioning.TokenInfo{Vendor: "yubikey", Serial: "1"}}
	other := provisioning.Plug{ID: "2", Usable: true,
		Info: &provisioning.TokenInfo{Vendor: "yubikey", Serial: "2"}}
	alone := provisioning.Plug{ID: "3", Why: provisioning.CodeTokenLeftAlone}
	f := facts{loan: provisioning.Loan{Token: "yubikey/1"}}
	for name, c := range map[string]struct {
		plugs []provisioning.Plug
		want  bool
	}{
		"nothing": {nil, false}, "the token": {[]provisioning.Plug{lent}, true},
		"beside one left alone": {[]provisioning.Plug{alone, lent}, true},
		"beside another":        {[]provisioning.Plug{other, lent}, false},
		"only one left alone":   {[]provisioning.Plug{alone}, false},
	} {
		sc := sceneryWith()
		if sc.plugs = c.plugs; returnReady(sc, f) != c.want {
			t.Errorf("%s: ready is %v", name, !c.want)
		}
	}
}

func TestTilesFollowTheLoan(t *testing.T) {
	loan := func(state provisioning.LoanState, at time.Time) provisioning.Loan {
		return provisioning.Loan{ID: "l", Person: "p", State: state, At: at}
	}
	fee := provisioning.Loan{ID: "f", State: provisioning.LoanLost,
		Fee: provisioning.Fee{Amount: provisioning.Money{Minor: 1}, State: provisioning.FeeDue}}
	old := moment.AddDate(0, -1, 0)
	for name, c := range map[string]struct {
		f    facts
		want []string
	}{
		"none": {facts{}, []string{"loan:phone_unsupported", "loan:no_phone"}},
		"fresh": {facts{loan: loan(provisioning.LoanOpen, moment)},
			[]string{pages.DoReturn, pages.DoLost, pages.DoVoid, pages.DoDetail}},
		"old": {facts{loan: loan(provisioning.LoanOpen, old)},
			[]string{pages.DoReturn, pages.DoLost, pages.DoDetail}},
		"suspended": {facts{loan: loan(provisioning.LoanSuspended, old)},
			[]string{pages.DoReinstate, pages.DoLost, pages.DoReturn, pages.DoDetail}},
		"fee": {facts{loan: fee, fee: &fee},
			[]string{"loan:phone_unsupported", "loan:no_phone", pages.DoFee}},
	} {
		c.f.person.Role = "student"
		var got []string
		first := 0
		for _, tile := range tiles(sceneryWith(), c.f) {
			if tile.Reason != "" {
				tile.Do += pages.DoFor + tile.Reason
			}
			if tile.Phone != (tile.Reason == "phone_unsupported") {
				t.Errorf("%s: phone seen is %v for %q", name, tile.Phone, tile.Reason)
			}
			got = append(got, tile.Do)
			if tile.First {
				first++
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" || first != 1 {
			t.Errorf("%s: %d are first\n%s", name, first, diff)
		}
	}
}

func TestClosedLoanTileSaysWhy(t *testing.T) {
	for name, change := range map[string]func(*scenery, *facts){
		"role":      func(_ *scenery, f *facts) { f.person.Role = "visitor" },
		"directory": func(sc *scenery, _ *facts) { sc.health.DirectoryUp = false },
	} {
		sc, f := sceneryWith(), facts{person: provisioning.Person{Role: "student"}}
		change(&sc, &f)
		if tile := tiles(sc, f)[0]; tile.Closed == "" || tile.First {
			t.Errorf("%s: %+v", name, tile)
		}
	}
}

func TestNoDueDateFromAClockThatWasNotSet(t *testing.T) {
	sc := sceneryWith()
	if got := due(sc); got != "3 December 2026" || noDue(sc) {
		t.Errorf("due %q, none: %v", got, noDue(sc))
	}
	sc.health.ClockSynced = false
	if got := due(sc); got != "" || !noDue(sc) {
		t.Errorf("due %q, none: %v", got, noDue(sc))
	}
}

func TestWriteStages(t *testing.T) {
	at := func(
		step provisioning.Step, p provisioning.Progress, code provisioning.Code,
	) provisioning.Visit {
		return provisioning.Visit{Step: step, Progress: p, Problem: code}
	}
	write, verify := provisioning.StepWrite, provisioning.StepVerify
	for _, c := range []struct {
		visit provisioning.Visit
		since time.Duration
		want  pages.WriteStage
	}{
		{at(write, provisioning.ProgressNone, ""), 0, pages.WritePreparing},
		{at(write, provisioning.ProgressWriting, ""), 0, pages.WriteWriting},
		{at(write, provisioning.ProgressTouch, ""), 0, pages.WriteTouch},
		{at(write, provisioning.ProgressTouch, provisioning.CodeOTPUnknown), 0, pages.WriteWrongTouch},
		{at(verify, provisioning.ProgressProven, ""), 0, pages.WriteProven},
		{at(verify, provisioning.ProgressProven, ""), time.Minute, pages.WriteSlow},
	} {
		f := facts{visit: c.visit}
		f.credential.Since = moment.Add(-c.since)
		if got := writeView(sceneryWith(), f).Stage; got != c.want {
			t.Errorf("%s %s: %s, want %s", c.visit.Step, c.visit.Progress, got, c.want)
		}
	}
}

// TestALossWorksUntilTheVerifierHasIt: only an acknowledgement past the order ends the warning.
func TestALossWorksUntilTheVerifierHasIt(t *testing.T) {
	v := provisioning.Visit{Position: 7}
	for acked, want := range map[int64]bool{0: true, 7: true, 8: false} {
		if got := waiting(sceneryWith(provisioning.Verifier{Acked: acked}).snap, v); got != want {
			t.Errorf("acked %d: waiting %v", acked, got)
		}
	}
	if !waiting(sceneryWith().snap, v) {
		t.Error("a verifier that never called has the order")
	}
	if v.Position = -1; waiting(sceneryWith().snap, v) {
		t.Error("a visit without an order waits")
	}
}

func TestScreensAreBounded(t *testing.T) {
	s := newScreens()
	first := s.op("a", "/x", "page")
	if s.op("a", "/x", "page") != first {
		t.Error("a rendering again is a new act")
	}
	s.spend("a", first)
	if s.op("a", "/x", "page") == first {
		t.Error("a posted form is the same act again")
	}
	for range 2 * maxScreens {
		s.op(newID(), "/x", "page")
	}
	for range 2 * maxOps {
		s.op("a", newID(), "page")
	}
	if len(s.byID) > maxScreens || len(s.byID["a"].ops) > maxOps {
		t.Errorf("%d screens, %d ops", len(s.byID), len(s.byID["a"].ops))
	}
}

// TestTheScreenInUseIsKept: however many come and go, the one somebody stands at keeps what it shows.
func TestTheScreenInUseIsKept(t *testing.T) {
	s := newScreens()
	s.edit("counter", func(sc *screen) { sc.number = "4711" })
	for range 8 * maxScreens {
		s.read(newID())
		if s.read("counter").number != "4711" {
			t.Fatal("the screen in use was forgotten for one that only looked in")
		}
	}
}

func TestPostsAreBoundedAndForgotten(t *testing.T) {
	p := newPosts()
	for i := range 3 * maxPosts {
		key := postKey{path: "/", op: provisioning.OpID(newID())}
		first, mine := p.claim(key, [32]byte{}, moment.Add(time.Duration(i)*time.Second))
		if !mine {
			t.Fatal("a new op is known")
		}
		p.settle(key, first, &answer{location: "/"})
	}
	if len(p.kept) > maxPosts {
		t.Errorf("%d posts are kept", len(p.kept))
	}
}
