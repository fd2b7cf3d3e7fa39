package kiosk

import (
	"net/http"
	"strings"

	"github.com/tokendesk/tokendesk/kiosk/pages"
)

// downAgain is after how many seconds a browser asks whether the desk is back.
const downAgain = "5"

// Down tells every open page, and whoever asks from now on, that the disk failed and that the desk
// starts anew. Nothing else is answered after that: nobody knows what is true before the file is
// read again.
func (s *Server) Down() { s.downOnce.Do(func() { close(s.down) }) }

func (s *Server) isDown() bool {
	select {
	case <-s.down:
		return true
	default:
		return false
	}
}

// sayDown answers a request with that, if it is so. A stream is left to say it itself: a browser
// asks no more for one that was once refused. Styles and scripts stay what they are.
func (s *Server) sayDown(w http.ResponseWriter, r *http.Request) bool {
	asset := strings.HasPrefix(r.URL.Path, assetsPath)
	if !s.isDown() || asset || r.Header.Get("Accept") == "text/event-stream" {
		return false
	}
	w.Header().Set("Refresh", downAgain+"; url="+pages.PathHome)
	w.Header().Set("Retry-After", downAgain)
	s.simple(w, r, http.StatusServiceUnavailable, pages.SimpleDown, "")
	return true
}

// lastWords ends a stream. A page that is open is told why, if the disk failed.
func (s *Server) lastWords(r *http.Request, out *eventWriter) error {
	if s.isDown() {
		lang := pages.LangOf(r.Context())
		_ = out.event("down", pages.Text(lang, "simple.down_title")+". "+
			pages.Text(lang, "simple.down_lead"))
	}
	return nil
}
