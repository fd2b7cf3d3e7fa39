package pages

import "github.com/a-h/templ"

func sampleLocked(theme, text string) LockedView {
	f := desk(theme, text)
	f.Officer, f.Idle = "", Idle{}
	return LockedView{
		Frame: f, Site: "University of Macau", Desk: "ICTO Help Desk", Clock: "10:04",
		Officers: sampleOfficers(), Pad: Pad{Pressed: 3, Max: 12},
		Hours: sampleHours(),
	}
}

func sampleReady(theme, text string) ReadyView {
	f := desk(theme, text)
	f.Live = "/live"
	return ReadyView{Frame: f, Tokens: 41}
}

func galleryDesk() []Sample {
	return []Sample{
		look("locked", func(theme, text string) templ.Component {
			return Locked(sampleLocked(theme, text))
		}),
		look("locked-wrong", func(theme, text string) templ.Component {
			v := sampleLocked(theme, text)
			v.Pad.Pressed, v.Held = 0, 1
			v.Officers[3].Until = "10:19"
			v.Frame = withAlert(v.Frame, "pin_wrong", map[string]string{"left": "3"})
			return Locked(v)
		}),
		look("locked-until", func(theme, text string) templ.Component {
			v := sampleLocked(theme, text)
			v.Pad.Pressed = 0
			v.Frame = withAlert(v.Frame, "pin_locked", map[string]string{"until": "10:19"})
			return Locked(v)
		}),
		look("locked-nobody", func(theme, text string) templ.Component {
			v := sampleLocked(theme, text)
			v.First, v.Officers = true, nil
			return Locked(v)
		}),
		look("ready", func(theme, text string) templ.Component {
			return Ready(sampleReady(theme, text))
		}),
		look("ready-busy", func(theme, text string) templ.Component {
			v := sampleReady(theme, text)
			v.Held, v.Parked, v.ParkedReady, v.Doubtful, v.Unfinished = 1, 2, 1, 3, 1
			v.Tokens = 1
			return Ready(v)
		}),
		look("ready-down", func(theme, text string) templ.Component {
			v := sampleReady(theme, text)
			v.VerifierDown, v.VerifierSince, v.Behind = true, "09:41", 12
			v.DirectoryDown, v.ClockUnset, v.ReaderDown, v.Tokens = true, true, true, 0
			v.Frame = withAlert(v.Frame, "directory_down", nil)
			return Ready(v)
		}),
		look("ready-plugged", func(theme, text string) templ.Component {
			v := sampleReady(theme, text)
			v.Plug = &PlugOffer{ID: "p1", Serial: "2318 0447", Name: "YubiKey OTP+FIDO+CCID"}
			return Ready(v)
		}),
		look("number", func(theme, text string) templ.Component {
			return Number(sampleNumber(theme, text, false))
		}),
		look("number-letters", func(theme, text string) templ.Component {
			return Number(sampleNumber(theme, text, true))
		}),
		look("number-unknown", func(theme, text string) templ.Component {
			v := sampleNumber(theme, text, false)
			v.Frame = withAlert(v.Frame, "person_unknown", nil)
			return Number(v)
		}),
		look("display", func(theme, text string) templ.Component {
			f := desk(theme, text)
			f.Back = PathHome
			return Display(DisplayView{Frame: f})
		}),
	}
}

func sampleNumber(theme, text string, letters bool) NumberView {
	f := desk(theme, text)
	f.Post, f.Here, f.Back = PathNumber, PathNumber, PathHome
	return NumberView{
		Frame: f, Letters: letters, Toggle: PathNumber + "?letters=1",
		Pad: Pad{Value: "DC1265", Max: 24},
	}
}

func galleryLists() []Sample {
	frame := func(theme, text string) Frame {
		f := desk(theme, text)
		f.Back = PathHome
		return f
	}
	return []Sample{
		look("held", func(theme, text string) templ.Component {
			return Held(HeldView{Frame: frame(theme, text), Rows: []HeldRow{
				{Visit: "1", Name: "CHAN Lok Ching", Errand: DoLoan, Step: "check", Until: "10:14"},
				{Visit: "2", Name: "Nurul Huda binti Ismail", Step: "choose", Until: "10:09",
					Officer: "WONG Hoi Lam"},
			}})
		}),
		look("held-none", func(theme, text string) templ.Component {
			return Held(HeldView{Frame: frame(theme, text)})
		}),
		look("parked-list", func(theme, text string) templ.Component {
			return ParkedList(ParkedListView{Frame: frame(theme, text), Rows: sampleParked()})
		}),
		look("doubtful", func(theme, text string) templ.Component {
			return Doubtful(DoubtfulView{Frame: frame(theme, text), Rows: sampleDoubtful()})
		}),
		look("token-search", func(theme, text string) templ.Component {
			f := frame(theme, text)
			f.Post, f.Here = PathTokens, PathTokens
			f = withAlert(f, "token_unknown", nil)
			return TokenSearch(TokenSearchView{Frame: f, Pad: Pad{Value: "231804", Max: 24}})
		}),
		sampleToken(TokenStock, TokenView{State: "stock"}),
		sampleToken(TokenLent, TokenView{State: "loaned", Holder: "CHAN Lok Ching",
			Due: "23 May 2027"}),
		sampleToken(TokenBusy, TokenView{State: "busy"}),
		sampleToken(TokenPlug, TokenView{State: "aside", Note: "The casing is cracked."}),
		sampleToken(TokenReady, TokenView{State: "doubtful", Since: "23 November 2026, 10:02",
			Holder: "CHAN Lok Ching", Due: "23 May 2027"}),
		sampleToken(TokenWiping, TokenView{State: "busy"}),
		look("doubtful-none", func(theme, text string) templ.Component {
			return Doubtful(DoubtfulView{Frame: frame(theme, text)})
		}),
	}
}

func sampleToken(stage TokenStage, v TokenView) Sample {
	return look("token-"+string(stage), func(theme, text string) templ.Component {
		v.Frame = desk(theme, text)
		v.Frame.Back, v.Frame.Live = PathDoubtful, "/live"
		v.Stage, v.Serial, v.Model = stage, "2318 0447", "YubiKey 5 NFC"
		if v.State == "doubtful" {
			why, _ := Sentence("pulled_wiping", nil)
			v.Why = &why
		}
		return Token(v)
	})
}

func sampleParked() []ParkedRow {
	return []ParkedRow{
		{Visit: "1", Name: "João Maria de Almeida Figueiredo", Serial: "2318 0451",
			Reference: "P-4M8T", Since: "09:52", State: "ready"},
		{Visit: "2", Name: "CHAN Lok Ching", Serial: "2318 0447", Reference: "P-7K2Q",
			Since: "10:01", State: "waiting"},
		{Visit: "3", Name: "Nurul Huda binti Ismail", Serial: "2318 0460", Reference: "P-9C3X",
			Since: "22 November 2026, 16:30", State: "rejected"},
	}
}

func sampleDoubtful() []DoubtfulRow {
	return []DoubtfulRow{
		{Serial: "2318 0447", Model: "YubiKey 5 NFC", Name: "CHAN Lok Ching",
			Why: "Pulled out while it was being written.", Since: "23 November 2026, 10:02",
			Todo: "rewrite", Path: PathTokens + "/yubikey/23180447"},
		{Serial: "2318 0460", Model: "YubiKey 5 NFC",
			Why: "The sign-in service says its code is wrong.", Since: "22 November 2026, 16:31",
			Todo: "verify", Path: PathTokens + "/yubikey/23180460"},
	}
}

func gallerySimple() []Sample {
	simple := func(name string, kind SimpleKind, event string) Sample {
		return look(name, func(theme, text string) templ.Component {
			f := desk(theme, text)
			f.Officer, f.Idle = "", Idle{}
			return Simple(SimpleView{Frame: f, Kind: kind, Event: event})
		})
	}
	return []Sample{
		simple("simple-not-found", SimpleNotFound, ""),
		simple("simple-error", SimpleError, "8F31-20C4"),
		simple("simple-ended", SimpleEnded, ""),
		simple("simple-access", SimpleAccess, ""),
		simple("simple-bye", SimpleBye, ""),
	}
}
