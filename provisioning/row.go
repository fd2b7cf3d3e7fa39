package provisioning

import (
	"iter"
	"strings"
)

// Kind names a table of rows.
type Kind string

// The tables of live rows.
const (
	KindPerson     Kind = "person"
	KindOfficer    Kind = "officer"
	KindToken      Kind = "token"
	KindCredential Kind = "credential"
	KindLoan       Kind = "loan"
	KindVisit      Kind = "visit"
	KindOp         Kind = "op"
	KindVerifier   Kind = "verifier"
	KindPasscode   Kind = "passcode"
	KindApproval   Kind = "approval"
	KindIssuance   Kind = "issuance"
)

// Index is one way to find rows other than by key.
type Index string

// The indexes rows may have.
const (
	ByPerson  Index = "person"
	ByState   Index = "state"
	ByToken   Index = "token"
	ByOfficer Index = "officer"
	ByProof   Index = "proof"
	BySerial  Index = "serial"
)

// Tag is one value a row can be found under.
type Tag struct {
	Index Index
	Value string
}

// Row is one live thing the store keeps. Rows are values: a changed row is put again as a whole.
type Row interface {
	// Kind is the table.
	Kind() Kind
	// Key is unique within the table.
	Key() string
	// Subject is the person whose key seals the row on disk; "" means the desk's own key.
	Subject() PersonID
	// Tags are the values it is found under.
	Tags() []Tag
	// Live says whether the row belongs in memory. A row put with Live false moves to the archive
	// in the file: a closed loan, a revoked credential.
	Live() bool
}

// Snapshot is a consistent view of all live rows.
type Snapshot interface {
	// Get returns one row.
	Get(kind Kind, key string) (Row, bool)
	// Find yields the rows of a table with a tag, in key order; an empty index yields the whole
	// table in key order.
	Find(kind Kind, index Index, value string) iter.Seq[Row]
	// Position is the number of leaves committed so far. A Change decided on this snapshot becomes
	// the leaf at Position, so the verifier holds it once it has acked Position+1.
	Position() int64
}

// Get returns one row of type R.
func Get[R Row](s Snapshot, key string) (R, bool) {
	var zero R
	row, ok := s.Get(zero.Kind(), key)
	if !ok {
		return zero, false
	}
	return row.(R), true
}

// Find yields the rows of type R that carry a tag.
func Find[R Row](s Snapshot, index Index, value string) iter.Seq[R] {
	var zero R
	return func(yield func(R) bool) {
		for row := range s.Find(zero.Kind(), index, value) {
			if !yield(row.(R)) {
				return
			}
		}
	}
}

// All yields every live row of type R.
func All[R Row](s Snapshot) iter.Seq[R] { return Find[R](s, "", "") }

// Rows lists one zero value per table, so that a store can build its tables and decode what it
// reads without knowing the nouns one by one.
func Rows() []Row {
	return []Row{Person{}, Officer{}, Token{}, Credential{}, Loan{}, Visit{}, OpResult{}, Verifier{},
		Passcode{}, Approval{}, Issuance{}, Tries{}, Drawer{}, OfficerKey{}, NoticeChannels{},
		Notice{}, Request{}, Mailbox{}, HeldBundle{}, Standing{}, Backup{},
		Task{}, SiteToken{}, SiteHeard{}, SiteOrder{}, Erasure{}}
}

// Kind implements Row.
func (Person) Kind() Kind { return KindPerson }

// Key implements Row.
func (p Person) Key() string { return string(p.ID) }

// Subject implements Row.
func (p Person) Subject() PersonID { return p.ID }

// Tags implements Row.
func (p Person) Tags() []Tag { return nil }

// Live implements Row.
func (Person) Live() bool { return true }

// Kind implements Row.
func (Officer) Kind() Kind { return KindOfficer }

// Key implements Row.
func (o Officer) Key() string { return string(o.ID) }

// Subject implements Row.
func (Officer) Subject() PersonID { return "" }

// Tags implements Row.
func (Officer) Tags() []Tag { return nil }

// Live implements Row.
func (Officer) Live() bool { return true }

// Kind implements Row.
func (Token) Kind() Kind { return KindToken }

// Key implements Row.
func (t Token) Key() string { return string(t.ID) }

// Subject implements Row.
func (Token) Subject() PersonID { return "" }

// Tags implements Row.
func (t Token) Tags() []Tag {
	return []Tag{{ByState, string(t.State)}, {BySerial, t.Serial}}
}

// Live implements Row.
func (Token) Live() bool { return true }

// Kind implements Row.
func (Credential) Kind() Kind { return KindCredential }

// Key implements Row.
func (c Credential) Key() string { return string(c.ID) }

// Subject implements Row.
func (c Credential) Subject() PersonID { return c.Person }

// Tags implements Row.
func (c Credential) Tags() []Tag {
	return []Tag{{ByState, string(c.State)}, {ByToken, string(c.Token)},
		{ByPerson, string(c.Person)}, {ByProof, c.Proof}}
}

// Live implements Row.
func (c Credential) Live() bool { return c.State != CredentialRevoked }

// Kind implements Row.
func (Loan) Kind() Kind { return KindLoan }

// Key implements Row.
func (l Loan) Key() string { return string(l.ID) }

// Subject implements Row.
func (l Loan) Subject() PersonID { return l.Person }

// Tags implements Row.
func (l Loan) Tags() []Tag {
	return []Tag{{ByPerson, string(l.Person)}, {ByToken, string(l.Token)}, {ByState, string(l.State)}}
}

// Live implements Row: an open or suspended loan, and one whose fee can still move.
func (l Loan) Live() bool {
	return l.Open() || l.Fee.State == FeeDue || l.Fee.State == FeePaid
}

// Open reports whether the person still answers for the token.
func (l Loan) Open() bool { return l.State == LoanOpen || l.State == LoanSuspended }

// Kind implements Row.
func (OpResult) Kind() Kind { return KindOp }

// Key implements Row.
func (o OpResult) Key() string { return string(o.ID) }

// Subject implements Row.
func (OpResult) Subject() PersonID { return "" }

// Tags implements Row.
func (OpResult) Tags() []Tag { return nil }

// Live implements Row.
func (OpResult) Live() bool { return true }

// Kind implements Row.
func (Verifier) Kind() Kind { return KindVerifier }

// Key implements Row: there is one.
func (Verifier) Key() string { return "verifier" }

// Subject implements Row.
func (Verifier) Subject() PersonID { return "" }

// Tags implements Row.
func (Verifier) Tags() []Tag { return nil }

// Live implements Row.
func (Verifier) Live() bool { return true }

// SerialOf returns the serial part of a token id.
func SerialOf(id TokenID) string {
	_, serial, _ := strings.Cut(string(id), "/")
	return serial
}
