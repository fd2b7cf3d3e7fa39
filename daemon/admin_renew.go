package daemon

import (
	"context"
	"errors"
	"net/http"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// handleRenewals serves the orders about keys.
func (a admin) handleRenewals(mux *http.ServeMux) {
	mux.HandleFunc("GET /renew/{what}", a.renewal(
		func(_ context.Context, _, what string, _ RenewOrder) (any, error) {
			return a.desk.renewState(what)
		}))
	mux.HandleFunc("POST /renew/{what}", long(a.renewal(
		func(ctx context.Context, by, what string, o RenewOrder) (any, error) {
			if err := a.desk.renew(ctx, by, what, o); err != nil {
				return nil, err
			}
			return a.desk.renewState(what)
		})))
	mux.HandleFunc("GET /card", a.renewal(
		func(context.Context, string, string, RenewOrder) (any, error) { return a.desk.card() }))
}

func (a admin) renewal(
	do func(ctx context.Context, by, what string, o RenewOrder) (any, error),
) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var order RenewOrder
		if r.Method != http.MethodGet {
			if err := understand(r, maxAdminBody, &order); err != nil {
				a.fail(w, err)
				return
			}
		}
		defer clear(order.Credential)
		done, err := do(r.Context(), orderedBy(r), r.PathValue("what"), order)
		if err != nil {
			a.fail(w, renewSentence(err))
			return
		}
		answer(w, done)
	}
}

// renewSentence says in words what a rule about keys refused.
func renewSentence(err error) error {
	var refusal *provisioning.Refusal
	if !errors.As(err, &refusal) {
		return err
	}
	p := refusal.Params
	switch refusal.Code {
	case provisioning.CodeGenerationUsed:
		return AdminError{string(refusal.Code), "generation " + p["generation"] + " still guards " +
			p["count"] + " token(s): " + p["serials"] + "; each is free of it once it was returned and " +
			"wiped; nothing was changed"}
	case provisioning.CodeGenerationCurrent:
		return AdminError{string(refusal.Code), "generation " + p["generation"] +
			" is the current one, or not older; nothing was changed"}
	case provisioning.CodeKeyOrder:
		return AdminError{string(refusal.Code),
			"the credential does not go on from the key in use; nothing was changed"}
	case provisioning.CodeKeyNotTaken:
		return AdminError{string(refusal.Code),
			"the verifier does not know the next key yet; nothing was changed"}
	}
	return err
}

// RenewState asks how far the renewal of something is.
func (c *Client) RenewState(ctx context.Context, what string) (RenewState, error) {
	var s RenewState
	return s, c.call(ctx, http.MethodGet, "/renew/"+what, nil, &s)
}

// Renew orders one step of a renewal. A refusal is an AdminError.
func (c *Client) Renew(ctx context.Context, what string, o RenewOrder) (RenewState, error) {
	var s RenewState
	return s, c.call(ctx, http.MethodPost, "/renew/"+what, o, &s)
}

// Card asks for the desk's card as it is now.
func (c *Client) Card(ctx context.Context) (feed.DeskCard, error) {
	var card feed.DeskCard
	return card, c.call(ctx, http.MethodGet, "/card", nil, &card)
}
