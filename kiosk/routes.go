package kiosk

import (
	"io/fs"
	"net/http"
	"strings"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// Paths of the screen beside those the frame of every page links.
const (
	readyPath  = "/ready"
	endedPath  = "/ended"
	personPath = "/person"
	livePath   = "/live"
	assetsPath = pages.PathAssets
)

func visitPath(id provisioning.VisitID) string { return "/visit/" + string(id) }

// routes is the table of everything that can be asked for. desk routes want an unlocked officer,
// person routes the turned screen; neither opens the other's.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	open := func(pattern string, h handler) { mux.Handle(pattern, s.page(h)) }
	desk := func(pattern string, h deskHandler) { open(pattern, s.unlocked(h)) }
	person := func(pattern string, h deskHandler) { open(pattern, s.turned(h)) }

	open("GET /{$}", s.getLocked)
	open("POST /{$}", s.postUnlock)
	open("GET "+livePath, s.liveLocked)
	open("GET "+pages.PathTouch, s.getTouch)
	open("POST "+pages.PathTouch, s.postTouch)
	open("GET "+pages.PathTouch+"/live", s.liveTouch)
	open("GET "+pages.PathDisplay, s.getDisplay)
	open("POST "+pages.PathDisplay, s.postDisplay)
	open("POST "+pages.PathLanguage, s.postLanguage)
	open("GET "+pages.PathText, s.getText)
	open("GET "+endedPath, s.getEnded)
	open("GET "+pages.PathBye, s.getBye)
	open("POST "+pages.PathAlive, s.postAlive)
	open("POST "+pages.PathLock, s.postLock)
	open("GET "+assetsPath, s.getAsset)
	open("/", func(http.ResponseWriter, *http.Request) error { return errNotFound })

	desk("GET "+readyPath, s.getReady)
	desk("POST "+readyPath, s.postReady)
	desk("GET "+readyPath+"/live", s.liveReady)
	desk("GET "+pages.PathNumber, s.getNumber)
	desk("POST "+pages.PathNumber, s.postNumber)
	desk("GET "+pages.PathHeld, s.getHeld)
	desk("POST "+pages.PathHeld, s.postWaiting)
	desk("GET "+pages.PathParked, s.getParked)
	desk("POST "+pages.PathParked, s.postWaiting)
	desk("GET "+pages.PathDoubtful, s.getDoubtful)

	desk("GET "+pages.PathTasks, s.getTasks)
	desk("POST "+pages.PathTasks, s.postTasks)

	desk("GET "+pages.PathLockedOut, s.getLockedOut)
	desk("POST "+pages.PathLockedOut, s.postLockedOut)
	desk("GET "+pages.PathKey, s.getKey)
	desk("POST "+pages.PathKey, s.postKey)
	desk("GET "+pages.PathKey+"/live", s.liveKey)

	desk("GET "+pages.PathShift, s.getShift)
	desk("POST "+pages.PathShift, s.postShift)
	desk("GET "+pages.PathShiftTotals, s.getShiftTotals)
	desk("GET "+pages.PathShiftCount, s.getCount)
	desk("POST "+pages.PathShiftCount, s.postCount)
	desk("GET "+pages.PathRequests, s.getRequests)
	desk("POST "+pages.PathRequests, s.postRequests)
	desk("GET "+pages.PathRequestForm+"/{ask}", s.getRequestForm)
	desk("POST "+pages.PathRequestForm+"/{ask}", s.postRequestForm)

	desk("GET "+pages.PathTokens, s.getTokens)
	desk("POST "+pages.PathTokens, s.postTokens)
	desk("GET "+pages.PathTokens+"/{vendor}/{serial}", s.getToken)
	desk("POST "+pages.PathTokens+"/{vendor}/{serial}", s.postToken)
	desk("GET "+pages.PathTokens+"/{vendor}/{serial}/live", s.liveToken)

	desk("GET /visit/{id}", s.getVisit)
	desk("POST /visit/{id}", s.postVisit)
	desk("GET /visit/{id}/live", s.liveVisit)
	desk("GET /visit/{id}/portrait", s.getPortrait)
	desk("GET /visit/{id}/{sub}", s.getSub)
	desk("POST /visit/{id}/{sub}", s.postSub)

	person("GET "+personPath, s.getPerson)
	person("POST "+personPath, s.postPerson)
	person("GET "+personPath+"/live", s.livePerson)
	return s.remembering(s.spending(s.speaking(mux)))
}

// deskHandler is a handler that knows whose hands the screen is in.
type deskHandler func(http.ResponseWriter, *http.Request, hands) error

// unlocked lets the session of the unlocked officer through; all others go home.
func (s *Server) unlocked(h deskHandler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		who := s.counter.now()
		id := s.screenOf(r)
		switch {
		case who.Facing != "" && who.Facing == id:
			return redirect(w, r, personPath)
		case who.Owner == "" || who.Owner != id:
			return turnedAway(w, r)
		case s.dismissed(who.Officer):
			s.counter.lock(who)
			return redirect(w, r, pages.PathHome)
		}
		return h(w, r, who)
	}
}

// dismissed says whether the officer may not work here any more.
func (s *Server) dismissed(id provisioning.OfficerID) bool {
	o, ok := provisioning.Get[provisioning.Officer](s.visits.Snapshot(), string(id))
	return !ok || o.Disabled
}

// turned lets the session of the turned screen through, as long as its visit is at the counter.
func (s *Server) turned(h deskHandler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		who := s.counter.now()
		if who.Facing == "" || who.Facing != s.screenOf(r) {
			return turnedAway(w, r)
		}
		if _, here := current(s.visits.Snapshot(), who); !here {
			s.counter.lock(who)
			return redirect(w, r, pages.PathHome)
		}
		return h(w, r, who)
	}
}

// redirect answers with 303: whatever was asked, the browser gets its page with a GET.
func redirect(w http.ResponseWriter, r *http.Request, to string) error {
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// spending makes the next rendering of a posted form a new act.
func (s *Server) spending(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			id := s.screenOf(r)
			defer s.screens.spend(id, provisioning.OpID(r.PostForm.Get("op")))
		}
		next.ServeHTTP(w, r)
	})
}

// opOf is the op id of a posted form. Its characters are those newID makes.
func opOf(r *http.Request) (provisioning.OpID, error) {
	op := r.PostForm.Get("op")
	if len(op) != 32 || strings.Trim(op, "0123456789abcdef") != "" {
		return "", errBadForm
	}
	return provisioning.OpID(op), nil
}

// getAsset serves a file that was compiled in. Its address has its version, so it never changes.
func (s *Server) getAsset(w http.ResponseWriter, r *http.Request) error {
	name := strings.TrimPrefix(r.URL.Path, assetsPath)
	if info, err := fs.Stat(pages.Assets(), name); err != nil || info.IsDir() {
		return errNotFound
	}
	if r.URL.Query().Get("v") != "" {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.StripPrefix(assetsPath, http.FileServerFS(pages.Assets())).ServeHTTP(w, r)
	return nil
}
