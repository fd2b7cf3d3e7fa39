package feed

import "fmt"

// KindOrder carries a sealed OrderBody: what any desk of a site orders about a token that another
// of its desks lent. Its Credential is the one the order is about, as the site index names it, so
// that an order that comes late never meets the next loan of the same token. Its verdict is InStep
// when the order is in force, whoever gave it first.
const KindOrder Kind = "order"

// OrderAct is what an order asks for.
type OrderAct string

// The orders. A revocation and a return beat a suspension; nothing beats them. What lifts a
// suspension is no order: only the desk that lent the token does, with card and token before it.
const (
	OrderSuspend OrderAct = "suspend"
	OrderRevoke  OrderAct = "revoke"
	OrderReturn  OrderAct = "return"
)

// OrderBody is the secret part of a KindOrder record: which token, so that the wire does not tell
// its serial, and which officer, so that the desk that lent it can say so.
type OrderBody struct {
	Vendor, Serial string
	Act            OrderAct
	Officer        string
}

// MaxOfficer bounds the name of an officer in an order, in bytes.
const MaxOfficer = 64

const tagOrder = 'O'

// orderActs are the acts by the byte they have in a body.
var orderActs = []OrderAct{1: OrderSuspend, 2: OrderRevoke, 3: OrderReturn}

func orderByte(act OrderAct) byte {
	for i, known := range orderActs {
		if i > 0 && known == act {
			return byte(i)
		}
	}
	return 0
}

// encode returns the fixed-size form of b.
func (b OrderBody) encode() ([]byte, error) {
	act := orderByte(b.Act)
	if act == 0 {
		return nil, fmt.Errorf("%w: act", ErrBody)
	}
	w := newBodyWriter(tagOrder)
	w.field("vendor", []byte(b.Vendor), maxVendor)
	w.field("serial", []byte(b.Serial), maxSerial)
	w.buf = append(w.buf, act)
	w.field("officer", []byte(b.Officer), MaxOfficer)
	return w.finish()
}

// decodeOrder reads what OrderBody.encode wrote, and nothing else.
func decodeOrder(data []byte) (OrderBody, error) {
	r := newBodyReader(data, tagOrder)
	b := OrderBody{Vendor: string(r.field(maxVendor)), Serial: string(r.field(maxSerial))}
	act := int(r.byte())
	b.Officer = string(r.field(MaxOfficer))
	if err := r.finish(); err != nil || act == 0 || act >= len(orderActs) {
		return OrderBody{}, ErrBody
	}
	b.Act = orderActs[act]
	return b, nil
}

// SealOrder returns rec as a KindOrder record that carries body sealed, as SealSeed does.
func (s *Sealer) SealOrder(rec Record, body OrderBody) (Record, error) {
	plain, err := body.encode()
	if err != nil {
		return Record{}, fmt.Errorf("encode an order: %w", err)
	}
	return s.seal(rec, KindOrder, plain)
}

// OpenOrder opens a KindOrder record.
func (o *Opener) OpenOrder(rec Record) (OrderBody, error) {
	plain, err := o.open(rec, KindOrder)
	if err != nil {
		return OrderBody{}, err
	}
	return decodeOrder(plain)
}

// Reason says why a record was refused, or, beside InStep on an order, that it came second.
type Reason string

// The reasons. One that a desk does not know is as good as none.
const (
	// ReasonExcluded: the desk may not bind this user.
	ReasonExcluded Reason = "excluded"
	// ReasonRevoked: the desk itself is revoked.
	ReasonRevoked Reason = "desk_revoked"
	// ReasonTooMany: the desk issued as many as an hour allows.
	ReasonTooMany Reason = "too_many"
	// ReasonLent: the user has a token already, from the desk in Verdict.Desk.
	ReasonLent Reason = "lent"
	// ReasonTaken: the token is another user's, by the desk in Verdict.Desk.
	ReasonTaken Reason = "taken"
	// ReasonSeed: the seed was used before, or no random source gave it.
	ReasonSeed Reason = "seed"
	// ReasonOver: the credential was suspended or ended meanwhile.
	ReasonOver Reason = "over"
	// ReasonUnknown: no desk of the site lent such a token.
	ReasonUnknown Reason = "unknown"
	// ReasonAlready: an order that came first did as much, or more.
	ReasonAlready Reason = "already"
)
