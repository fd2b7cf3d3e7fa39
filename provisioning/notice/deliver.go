package notice

import (
	"context"
	"crypto/rand"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/secret"
)

// The refusals of a delivery; the kiosk's catalogue has a sentence for each.
const (
	// CodeDeliveryOff: this desk sends no mail.
	CodeDeliveryOff provisioning.Code = "delivery_off"
	// CodeDeliveryNoContact: the person has no registered address, or one that is none.
	CodeDeliveryNoContact provisioning.Code = "delivery_no_contact"
	// CodeDeliveryFailed: the mail server did not take it; nothing was delivered.
	CodeDeliveryFailed provisioning.Code = "delivery_failed"
	// CodeDeliveryUnknown: the connection was lost at the last moment; it may have been delivered.
	CodeDeliveryUnknown provisioning.Code = "delivery_unknown"
)

// Codes lists the refusals.
func Codes() []provisioning.Code {
	return []provisioning.Code{CodeDeliveryOff, CodeDeliveryNoContact, CodeDeliveryFailed,
		CodeDeliveryUnknown}
}

// Terms are what a delivered passcode is good for.
type Terms struct {
	// Type is "short", "long" or "recovery".
	Type string
	// Uses is 0 when they are not counted; Until is zero when it is not known.
	Uses  int
	Until time.Time
}

// Deliver mails a passcode, or several single-use ones, to the person's registered address, and
// nowhere else, while the caller waits. It is sent once, from memory: it is never queued, stored or
// tried again. The refusals say whether something may have been delivered; whoever gets one replaces
// or revokes the passcode. The caller keeps and wipes the passcode; the message and what the mail
// library makes of it are out of reach once sent.
func (r *Runner) Deliver(
	ctx context.Context, person provisioning.Person, codes []secret.Passcode, t Terms,
) error {
	sender := r.senders[provisioning.NoticeByMail]
	if sender == nil {
		return provisioning.Refuse(CodeDeliveryOff)
	}
	to, ok := contact(provisioning.NoticeByMail, person.Mail)
	if !ok {
		return provisioning.Refuse(CodeDeliveryNoContact)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := sender.Send(ctx, r.delivery(person, to, codes, t))
	var f *Failure
	switch {
	case err == nil:
		return nil
	case errors.As(err, &f) && f.End != provisioning.DeliveryUnknown:
		return provisioning.Refuse(CodeDeliveryFailed)
	}
	return provisioning.Refuse(CodeDeliveryUnknown)
}

func (r *Runner) delivery(
	p provisioning.Person, to string, codes []secret.Passcode, t Terms,
) Message {
	lang := p.Lang
	if lang == "" {
		lang = r.lang
	}
	l, at := languageOf(lang), r.clock.Now()
	params := map[string]string{"kind": t.Type, "uses": strconv.Itoa(t.Uses)}
	if !t.Until.IsZero() {
		params["until"] = t.Until.Format(time.RFC3339)
	}
	w := l.words(r.site, p, lang, at, params)
	var list []string
	for _, code := range codes {
		digits := code.Expose()
		list = append(list, string(digits))
		clear(digits)
	}
	w["code"] = strings.Join(list, "\n    ")
	return Message{ID: rand.Text(), To: to, At: at, Subject: fill(l.Delivery.Subject, w),
		Text: l.mail(l.Delivery.Mail, w, false)}
}
