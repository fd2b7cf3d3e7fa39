package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os/user"
	"strconv"

	"github.com/tokendesk/tokendesk/daemon/operator"
)

// maxAdminBody bounds a request on the admin socket.
const maxAdminBody = 64 << 10

type operatorKey struct{}

// withOperator puts the operator's name into the context of a connection's requests, or nothing if
// it is not an operator's.
func withOperator(ctx context.Context, conn net.Conn) context.Context {
	uid, ok := operator.Of(conn)
	if !ok {
		return ctx
	}
	name := strconv.Itoa(uid)
	if u, err := user.LookupId(name); err == nil {
		name = u.Username
	}
	return context.WithValue(ctx, operatorKey{}, "operator:"+name)
}

// forOperators refuses everybody else before a handler sees the request.
func forOperators(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if orderedBy(r) == "" {
			refuse(w, http.StatusForbidden, AdminError{"forbidden", "only root may ask or order"})
			return
		}
		h.ServeHTTP(w, r)
	})
}

// orderedBy is the operator's name as entries have it.
func orderedBy(r *http.Request) string {
	name, _ := r.Context().Value(operatorKey{}).(string)
	return name
}

// errMalformed refuses an order that is none.
var errMalformed = AdminError{"malformed", "the order is not understood"}

// understand reads an order of at most so many bytes.
func understand(r *http.Request, limit int64, order any) error {
	if err := strictly(io.LimitReader(r.Body, limit), order); err != nil {
		return errMalformed
	}
	return nil
}

// strictly decodes one value and refuses what it does not know, and whatever comes after it.
func strictly(from io.Reader, into any) error {
	dec := json.NewDecoder(from)
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something comes after the order")
	}
	return nil
}
