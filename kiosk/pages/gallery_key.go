package pages

import "github.com/a-h/templ"

func galleryKey() []Sample {
	touch := func(name string, v TouchView) Sample {
		return look("touch-"+name, func(l Look) templ.Component {
			v.Frame = desk(l)
			v.Live = "/live"
			if v.Act == "unlock" {
				v.Officer, v.Idle = "", Idle{}
			}
			return Touch(v)
		})
	}
	own := func(name string, v KeyView) Sample {
		return look("own-token-"+name, func(l Look) templ.Component {
			v.Frame = desk(l)
			v.Frame.Back = PathHome
			if v.Slot == 0 {
				v.Slot = 1
			}
			return OwnToken(v)
		})
	}
	return []Sample{
		touch("plug", TouchView{Act: "unlock", Stage: TouchPlug}),
		touch("once", TouchView{Act: "unlock", Stage: TouchOnce}),
		touch("twice", TouchView{Act: "unlock", Stage: TouchTwice}),
		touch("enrol", TouchView{Act: "enrol", Stage: TouchOnce}),
		touch("void", TouchView{Act: "void", Stage: TouchOnce}),
		touch("waive", TouchView{Act: "waive", Stage: TouchPlug}),
		touch("other-plug", TouchView{Act: "long", Other: true, Stage: TouchPlug}),
		touch("other", TouchView{Act: "long", Other: true, Stage: TouchOnce}),
		touch("other-twice", TouchView{Act: "long", Other: true, Stage: TouchTwice}),
		own("none", KeyView{State: KeyNotLent}),
		own("plug", KeyView{State: KeyPlug, Serial: "2318 0447"}),
		own("plugged", KeyView{State: KeyPlugged, Serial: "2318 0447"}),
		own("overwrite", KeyView{State: KeyPlugged, Serial: "2318 0447", Overwrites: true}),
		own("doubtful", KeyView{State: KeyPlugged, Serial: "2318 0447", Doubtful: true}),
		own("ready", KeyView{State: KeyPlugged, Serial: "2318 0447",
			Since: "23 November 2026, 10:04"}),
		own("low", KeyView{State: KeyPlug, Serial: "2318 0447", Low: true,
			Since: "23 November 2026, 10:04"}),
		look("locked-out-list", func(l Look) templ.Component {
			v := LockedOutView{Frame: desk(l), Rows: []LockedOutRow{{"hwong", "WONG Hoi Lam"}}}
			v.Frame.Back = PathHome
			return LockedOut(v)
		}),
		look("locked-out", func(l Look) templ.Component {
			v := sampleLocked(l)
			v.Pad.Pressed, v.Officers[1].LockedOut = 0, true
			v.Frame = withAlert(v.Frame, "officer_locked", nil)
			return Locked(v)
		}),
		look("locked-plugged", func(l Look) templ.Component {
			v := sampleLocked(l)
			v.Pad.Pressed = 0
			v.Officers[0].Plugged = true
			return Locked(v)
		}),
	}
}
