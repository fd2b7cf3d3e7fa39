package kiosk

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// closedRefresh is after how many seconds a closed view looks again whether somebody can be served.
const closedRefresh = 5

func (s *Self) getStart(w http.ResponseWriter, r *http.Request) error {
	s.underWay.end(s.screenOf(r))
	v := pages.SelfStartView{Frame: s.frameOf(r, pages.PathHome, recovery{}), Site: s.site.Name,
		Desk: s.site.Desk, Seconds: int(selfIdle / time.Second)}
	if why := s.recoveries.Closed(r.Context()); why != nil {
		v.Closed = s.scenery(r, pages.PathHome).problem(why.Code, why.Params).Happened
		refresh(w, closedRefresh, pages.PathHome)
	}
	return s.show(w, r, pages.SelfStart(v))
}

// postStart begins a recovery, or forgets one that was begun.
func (s *Self) postStart(w http.ResponseWriter, r *http.Request) error {
	id := s.screenOf(r)
	switch r.PostForm.Get("do") {
	case pages.DoSelfStart:
		if why := s.recoveries.Closed(r.Context()); why != nil {
			return why
		}
		if !s.underWay.begin(id, addressOf(r)) {
			return provisioning.Refuse(CodeRecoveryBusy)
		}
		return redirect(w, r, pages.PathSelfRole)
	case pages.DoSelfEnd:
		s.underWay.end(id)
		s.screens.forget(id)
		return redirect(w, r, pages.PathHome)
	}
	return errBadForm
}

// postHere says that somebody is still there.
func (s *Self) postHere(w http.ResponseWriter, r *http.Request) error {
	s.underWay.edit(s.screenOf(r), func(*recovery) {})
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Self) getOfficer(w http.ResponseWriter, r *http.Request) error {
	return s.show(w, r, pages.SelfOfficer(pages.SelfOfficerView{
		Frame: s.frameOf(r, pages.PathSelfOfficer, recovery{}), Site: s.site.Name,
		Desk: s.site.Desk, Hours: hours(s.site)}))
}

func (s *Self) getRole(w http.ResponseWriter, r *http.Request, f recovery) error {
	return s.show(w, r, pages.SelfRole(pages.SelfRoleView{
		Frame: s.frameOf(r, pages.PathSelfRole, f), Roles: s.site.Roles}))
}

func (s *Self) postRole(w http.ResponseWriter, r *http.Request, _ recovery) error {
	role := r.PostForm.Get("role")
	if !slices.Contains(s.site.Roles, role) {
		return errBadForm
	}
	s.underWay.edit(s.screenOf(r), func(f *recovery) { f.role = role })
	return redirect(w, r, pages.PathSelfAccount)
}

// question is one thing that is asked before the password.
type question struct {
	ask        pages.SelfAsk
	path, next string
	longest    int
	field      func(*recovery) *string
}

// questions in their order (S59). Going back keeps the answers, but the password.
var questions = []question{
	{pages.SelfAccount, pages.PathSelfAccount, pages.PathSelfBorn, maxNumber,
		func(f *recovery) *string { return &f.account }},
	{pages.SelfBorn, pages.PathSelfBorn, pages.PathSelfDocument, len("24 03 1999"),
		func(f *recovery) *string { return &f.born }},
	{pages.SelfDocument, pages.PathSelfDocument, pages.PathSelfPassword, 4,
		func(f *recovery) *string { return &f.document }},
}

// selfSteps are the questions with the role before them and the password after.
const selfSteps = 5

func (s *Self) getQuestion(q question) recoveryHandler {
	return func(w http.ResponseWriter, r *http.Request, f recovery) error {
		value := s.typed(r, q.path)
		if value == "" {
			value = *q.field(&f)
		}
		step := 2 + slices.IndexFunc(questions, func(each question) bool { return each.ask == q.ask })
		return s.show(w, r, pages.SelfQuestion(pages.SelfAskView{Frame: s.frameOf(r, q.path, f),
			Ask: q.ask, Pad: pages.Pad{Value: value, Max: q.longest}, Step: step, Steps: selfSteps}))
	}
}

// postQuestion takes an answer as it is typed: whether it is right is judged with all the others,
// at the end. Only what cannot be an answer at all is said here.
func (s *Self) postQuestion(q question) recoveryHandler {
	return func(w http.ResponseWriter, r *http.Request, _ recovery) error {
		answer, done := s.field(r, "answer", q.longest)
		if !done {
			return redirect(w, r, q.path)
		}
		answer = strings.TrimSpace(answer)
		if answer == "" || q.ask == pages.SelfBorn && birthDate(answer).IsZero() ||
			q.ask == pages.SelfDocument && len([]rune(answer)) != q.longest {
			return provisioning.Refuse(CodeAnswerMissing)
		}
		s.underWay.edit(s.screenOf(r), func(f *recovery) { *q.field(f) = answer })
		s.screens.edit(s.screenOf(r), func(sc *screen) { sc.number, sc.numberPath = "", "" })
		return redirect(w, r, q.next)
	}
}

// birthDate reads day, month and year as people type them; the zero time is none.
func birthDate(text string) time.Time {
	digits := strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' {
			return c
		}
		return -1
	}, text)
	born, err := time.Parse("02012006", digits)
	if err != nil {
		return time.Time{}
	}
	return born
}

func (s *Self) getPassword(w http.ResponseWriter, r *http.Request, f recovery) error {
	if f.document == "" {
		return redirect(w, r, pages.PathSelfRole)
	}
	v := pages.SelfPasswordView{Frame: s.frameOf(r, pages.PathSelfPassword, f), Account: f.account,
		Pad: pages.Pad{Pressed: f.password.Len(), Max: maxPassword}, Step: selfSteps, Steps: selfSteps}
	v.Frame.Back = pages.PathSelfDocument
	return s.show(w, r, pages.SelfPassword(v))
}

// maxPassword is in bytes.
const maxPassword = 128

// postPassword judges everything at once. It answers no sooner and no later for one reason than for
// another.
func (s *Self) postPassword(w http.ResponseWriter, r *http.Request, f recovery) error {
	id := s.screenOf(r)
	password, done := s.password(r)
	if !done {
		s.underWay.edit(id, func(f *recovery) { f.password = password })
		return redirect(w, r, pages.PathSelfPassword)
	}
	defer password.Wipe()
	claim := provisioning.Claim{Account: f.account, Role: f.role, Born: birthDate(f.born),
		DocumentTail: f.document}
	code, err := s.recoveries.Recover(r.Context(), claim, password, addressOf(r))
	if err != nil {
		return err
	}
	var before provisioning.PasscodeID
	here := s.underWay.edit(id, func(f *recovery) {
		before = f.passcode
		*f = recovery{passcode: code, from: f.from}
	})
	if !here {
		// They stopped while it was judged: nobody is left to show it to.
		before = code
	}
	if before != "" {
		s.recoveries.Forget(before)
	}
	return redirect(w, r, pages.PathSelfPasscode)
}

// password takes the field, or one key where scripts are off, and what was typed before out of the
// recovery; it is never sent back.
func (s *Self) password(r *http.Request) (typed secret.Password, done bool) {
	text := []byte(r.PostForm.Get("password"))
	defer clear(text)
	r.PostForm.Del("password")
	r.Form.Del("password")
	var before []byte
	s.underWay.edit(s.screenOf(r), func(f *recovery) {
		before = f.password.Expose()
		f.password.Wipe()
		f.password = secret.Password{}
	})
	defer clear(before)
	kept := slices.Concat(before, text)
	defer func() { clear(kept) }()
	key := r.PostForm.Get("k")
	switch {
	case key == "" || key == "ok":
		done = true
	case key == "del" && len(kept) > 0:
		kept = kept[:len(kept)-1]
	case key == "space":
		kept = append(kept, ' ')
	case len(key) == 1:
		kept = append(kept, key[0])
	}
	return secret.NewPassword(string(kept[:min(len(kept), maxPassword)])), done
}
