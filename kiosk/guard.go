package kiosk

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/tokendesk/tokendesk/kiosk/pages"
)

// maxForm is the largest body of a form: the longest field is a note of a few hundred characters.
const maxForm = 16 << 10

// guard sets the headers of every answer, refuses foreign names of the desk and whatever pages of other
// origins ask for, and caps bodies.
func (s *Server) guard(next http.Handler) http.Handler {
	forbidden := s.page(func(http.ResponseWriter, *http.Request) error { return errForbidden })
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(forbidden)
	checked := protection.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", pages.Policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), usb=(), hid=()")
		h.Set("Cache-Control", "no-store") // a versioned asset says otherwise.
		if !s.ours(r.Host) {
			s.simple(w, r, http.StatusMisdirectedRequest, pages.SimpleAccess, "")
			return
		}
		if foreign(r) {
			forbidden.ServeHTTP(w, r)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		checked.ServeHTTP(w, r)
	})
}

// ours says whether the desk is called by an address of its own. The browser stands on the same
// machine, so that is a number or localhost; whoever calls it by a name has had that name pointed
// here, to read the desk as a page of theirs.
func (s *Server) ours(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	_, err = netip.ParseAddr(name)
	return err == nil || strings.EqualFold(name, "localhost") ||
		slices.ContainsFunc(s.hosts, func(known string) bool { return strings.EqualFold(name, known) })
}
