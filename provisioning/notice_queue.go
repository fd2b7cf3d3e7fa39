package provisioning

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"
)

// told is one thing a person is told, on every channel that reaches them.
type told struct {
	kind   NoticeKind
	person PersonID
	params map[string]string
}

// actsTold are the acts that the person of the entry is told of. What happens to a token or a
// passcode is told by its effect, see teller: whatever act brought it about, nobody can forget to
// list it here.
var actsTold = map[Act]NoticeKind{
	ActRecoveryFailed: NoticeRecoveryFailed,
	ActRecoveryDone:   NoticeRecoveryDone,
}

// endsTold are the words for a credential that ends, by the act that ended it.
var endsTold = map[Act]NoticeKind{
	"loan.lost":   NoticeTokenLost,
	"loan.return": NoticeTokenReturned,
	"loan.void":   NoticeTokenVoid,
}

// detailsTold are the details of such an entry that its notice may repeat.
var detailsTold = []string{"kind", "until", "uses"}

// NoticesOf are the notices a change queues: a pure function of its entry, its rows and what stood
// before. It is the one place that knows what people are told of. A change built outside this
// package puts them beside its own rows; see NoticeChannels for when there are none.
func NoticesOf(s Snapshot, e Entry, rows []Row) []Row {
	channels, _ := Get[NoticeChannels](s, NoticeChannels{}.Key())
	if !channels.Mail && !channels.SMS {
		return nil
	}
	var notices []Row
	for _, t := range toldOf(s, e, rows) {
		person, known := rowOf[Person](s, rows, string(t.person))
		if !known {
			continue
		}
		for _, channel := range AllNoticeChannels() {
			if channels.Has(channel) && channel.contact(person) != "" {
				notices = append(notices, t.notice(s, e, channel, langOf(person, channels)))
			}
		}
	}
	return notices
}

func (t told) notice(s Snapshot, e Entry, channel NoticeChannel, lang string) Notice {
	n := Notice{Person: t.person, About: t.kind, Channel: channel, Lang: lang, Params: t.params,
		State: NoticeQueued, Next: e.At, At: e.At, Position: s.Position()}
	n.ID = n.derive(e.Desk)
	return n
}

// derive makes the id. One change tells one person one thing about one token once on each channel,
// and a position is committed once per feed.
func (n Notice) derive(desk DeskID) NoticeID {
	h := sha256.New()
	for _, part := range []string{"notice", string(desk), string(n.Person), string(n.About),
		string(n.Channel), n.Params["serial"]} {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
		h.Write([]byte(part))
	}
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(n.Position)))
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(n.At.UnixNano())))
	return NoticeID(hex.EncodeToString(h.Sum(nil)[:16]))
}

func langOf(p Person, c NoticeChannels) string {
	if p.Lang != "" {
		return p.Lang
	}
	return c.Lang
}

// rowOf finds a row as the change will leave it.
func rowOf[R Row](s Snapshot, rows []Row, key string) (R, bool) {
	var zero R
	for _, row := range rows {
		if row.Kind() == zero.Kind() && row.Key() == key {
			return row.(R), true
		}
	}
	return Get[R](s, key)
}

// teller is a row whose steps are news to its person.
type teller interface {
	// told says what this row, in its new form, tells: nothing when ok is false.
	told(s Snapshot, e Entry, rows []Row) (t told, ok bool)
}

// toldOf finds what a change tells, and whom, each once: what becomes of its rows, and the act
// itself.
func toldOf(s Snapshot, e Entry, rows []Row) []told {
	var all []told
	seen := map[string]bool{}
	for _, row := range rows {
		r, ok := row.(teller)
		if !ok {
			continue
		}
		t, ok := r.told(s, e, rows)
		once := strings.Join([]string{string(t.kind), string(t.person), t.params["serial"]}, "\x00")
		if ok && t.person != "" && !seen[once] {
			seen[once] = true
			all = append(all, t)
		}
	}
	kind, ok := actsTold[e.Act]
	if !ok || e.Person == "" || !tells(e) {
		return all
	}
	params := map[string]string{}
	for _, name := range detailsTold {
		if value := e.Detail[name]; value != "" {
			params[name] = value
		}
	}
	return append(all, told{kind, e.Person, params})
}

// tells: what was refused is not told, but for a recovery that failed: the person must hear of it.
func tells(e Entry) bool { return e.Outcome != OutcomeRefused || e.Act == ActRecoveryFailed }

// told implements teller.
func (c Credential) told(s Snapshot, e Entry, rows []Row) (told, bool) {
	before, _ := Get[Credential](s, c.Key())
	kind, ok := credentialTold(e.Act, before.State, c.State)
	return told{kind, c.Person, tokenParams(s, rows, c)}, ok
}

// credentialTold is what a credential's step means to its person. One that never worked is nobody's
// news.
func credentialTold(act Act, before, after CredentialState) (NoticeKind, bool) {
	worked := before == CredentialActive || before == CredentialSuspended
	switch after {
	case CredentialActive:
		if before == CredentialSuspended {
			return NoticeTokenReinstated, true
		}
		return NoticeTokenLent, before != CredentialActive
	case CredentialSuspended:
		return NoticeTokenSuspended, before == CredentialActive
	case CredentialRevoked, CredentialDoubtful:
		if kind, ok := endsTold[act]; ok {
			return kind, worked
		}
		return NoticeTokenRevoked, worked
	}
	return "", false
}

func tokenParams(s Snapshot, rows []Row, c Credential) map[string]string {
	params := map[string]string{"serial": SerialOf(c.Token)}
	if loan, ok := rowOf[Loan](s, rows, string(c.Loan)); ok && loan.Open() && !loan.Due.IsZero() {
		params["due"] = loan.Due.Format(time.RFC3339)
	}
	return params
}

// notify queues the notices of a draft and says in its entry on which channels the people are told.
func (d *draft) notify() {
	on := map[NoticeChannel]bool{}
	for _, row := range NoticesOf(d.s, d.entry, d.rows) {
		on[row.(Notice).Channel] = true
		d.put(row)
	}
	var names []string
	for _, channel := range AllNoticeChannels() {
		if on[channel] {
			names = append(names, string(channel))
		}
	}
	d.detail("told", strings.Join(names, " "))
}
