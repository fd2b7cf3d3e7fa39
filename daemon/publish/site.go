package publish

import (
	"context"
	"net/http"

	"github.com/tokendesk/tokendesk/provisioning/feed"
)

// Site takes what the verifier tells of the desks of a site. The same may come again.
type Site interface {
	Hear(ctx context.Context, index feed.SiteIndex) (feed.SiteAnswer, error)
}

// site answers only once what it was told is durable.
func (s *Server) site(w http.ResponseWriter, r *http.Request) error {
	if s.Site == nil {
		return feed.ProblemNowhere
	}
	body, err := read(w, r, feed.MaxSite)
	if err != nil {
		return err
	}
	defer clear(body)
	index, err := feed.DecodeSiteIndex(body)
	if err != nil {
		return feed.ProblemRequest.With(err.Error())
	}
	defer index.TagKey.Wipe()
	answer, err := s.Site.Hear(r.Context(), index)
	if err != nil {
		return err
	}
	return send(w, answer)
}
