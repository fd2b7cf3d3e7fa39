package pages

import (
	"time"

	"github.com/a-h/templ"
)

// sampleEnd is when the certificates of the gallery end.
var sampleEnd = time.Date(2026, 12, 14, 0, 0, 0, 0, time.UTC)

func galleryEnding() []Sample {
	return []Sample{
		look("ready-ending", func(l Look) templ.Component {
			v := sampleReady(l)
			v.Endings = []EndingView{{What: "mail", Date: Date(l.Lang, sampleEnd), Over: true},
				{What: "feed", Date: Date(l.Lang, sampleEnd)}}
			return Ready(v)
		}),
	}
}
