package kiosk

import (
	"log/slog"
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

// NewDown answers on a screen as a Server that is Down, where the disk let nobody make one: in the
// language that was chosen last, for whose the screen is nobody knows.
func NewDown(log *slog.Logger) http.Handler {
	s := newServer(Config{Logger: log})
	s.Down()
	mux := http.NewServeMux()
	mux.Handle("GET "+assetsPath, s.page(s.getAsset))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		lang := oneOf(cookieValue(r, langCookie), pages.Langs()...)
		r = r.WithContext(pages.WithLang(r.Context(), lang))
		if !s.sayDown(w, r) {
			_ = s.lastWords(r, newEventWriter(w, r))
		}
	})
	return s.guard(mux)
}

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
