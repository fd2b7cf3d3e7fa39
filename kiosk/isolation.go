package kiosk

import (
	"net/http"
	"net/url"
)

// foreign says whether a page of another origin asks for something of ours: a form, a fetch, a stream,
// a picture, a frame (Fetch Metadata Request Headers, sections 2.1 to 2.3). Another port of this
// machine is another origin, though browsers send it our cookies. What is left is a link to us that
// somebody followed, which is a page of its own then.
func foreign(r *http.Request) bool {
	reading := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return false
	case "":
		from, err := url.Parse(r.Header.Get("Origin"))
		return err != nil || from.String() != "" && from.Host != r.Host
	}
	return !reading || r.Header.Get("Sec-Fetch-Mode") != "navigate" ||
		r.Header.Get("Sec-Fetch-Dest") != "document"
}
