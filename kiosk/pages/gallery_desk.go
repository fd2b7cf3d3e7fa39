package pages

import "github.com/a-h/templ"

func sampleLocked(l Look) LockedView {
	f := desk(l)
	f.Officer, f.Idle = "", Idle{}
	return LockedView{
		Frame: f, Site: "University of Macau", Desk: "ICTO Help Desk", Clock: "10:04",
		Officers: sampleOfficers(), Pad: Pad{Pressed: 3, Max: 12},
		Hours: sampleHours(),
	}
}

func sampleReady(l Look) ReadyView {
	f := desk(l)
	f.Live = "/live"
	return ReadyView{Frame: f, Tokens: 41}
}

func galleryDesk() []Sample {
	return []Sample{
		look("locked", func(l Look) templ.Component {
			return Locked(sampleLocked(l))
		}),
		look("locked-wrong", func(l Look) templ.Component {
			v := sampleLocked(l)
			v.Pad.Pressed, v.Held = 0, 1
			v.Officers[3].Until = "10:19"
			v.Frame = withAlert(v.Frame, "pin_wrong", map[string]string{"left": "3"})
			return Locked(v)
		}),
		look("locked-until", func(l Look) templ.Component {
			v := sampleLocked(l)
			v.Pad.Pressed = 0
			v.Frame = withAlert(v.Frame, "pin_locked", map[string]string{"until": "10:19"})
			return Locked(v)
		}),
		look("locked-nobody", func(l Look) templ.Component {
			v := sampleLocked(l)
			v.First, v.Officers = true, nil
			return Locked(v)
		}),
		look("ready", func(l Look) templ.Component {
			return Ready(sampleReady(l))
		}),
		look("ready-busy", func(l Look) templ.Component {
			v := sampleReady(l)
			v.Held, v.Parked, v.ParkedReady, v.Doubtful, v.Unfinished = 1, 2, 1, 3, 1
			v.Tokens = 1
			return Ready(v)
		}),
		look("ready-down", func(l Look) templ.Component {
			v := sampleReady(l)
			v.VerifierDown, v.VerifierSince, v.Behind = true, "09:41", 12
			v.DirectoryDown, v.ClockUnset, v.ReaderDown, v.Tokens = true, true, true, 0
			v.Frame = withAlert(v.Frame, "directory_down", nil)
			return Ready(v)
		}),
		look("ready-restored", func(l Look) templ.Component {
			v := sampleReady(l)
			v.VerifierDown, v.VerifierSince, v.BackupFailed, v.Stopped = true, "09:41", true, true
			v.Frame = withAlert(v.Frame, "desk_restored", nil)
			return Ready(v)
		}),
		look("ready-plugged", func(l Look) templ.Component {
			v := sampleReady(l)
			v.Plug = &PlugOffer{ID: "p1", Serial: "2318 0447", Name: "YubiKey OTP+FIDO+CCID"}
			return Ready(v)
		}),
		look("number", func(l Look) templ.Component {
			return Number(sampleNumber(l, false))
		}),
		look("number-letters", func(l Look) templ.Component {
			return Number(sampleNumber(l, true))
		}),
		look("number-unknown", func(l Look) templ.Component {
			v := sampleNumber(l, false)
			v.Frame = withAlert(v.Frame, "person_unknown", nil)
			return Number(v)
		}),
		look("display", func(l Look) templ.Component {
			f := desk(l)
			f.Back = PathHome
			return Display(DisplayView{Frame: f})
		}),
	}
}

func sampleNumber(l Look, letters bool) NumberView {
	f := desk(l)
	f.Post, f.Here, f.Back = PathNumber, PathNumber, PathHome
	return NumberView{
		Frame: f, Letters: letters, Toggle: PathNumber + "?letters=1",
		Pad: Pad{Value: "DC1265", Max: 24},
	}
}

func galleryLists() []Sample {
	frame := func(l Look) Frame {
		f := desk(l)
		f.Back = PathHome
		return f
	}
	return []Sample{
		look("held", func(l Look) templ.Component {
			return Held(HeldView{Frame: frame(l), Rows: []HeldRow{
				{Visit: "1", Name: "CHAN Lok Ching", Errand: DoLoan, Step: "check", Until: "10:14"},
				{Visit: "2", Name: "Nurul Huda binti Ismail", Step: "choose", Until: "10:09",
					Officer: "WONG Hoi Lam"},
			}})
		}),
		look("held-none", func(l Look) templ.Component {
			return Held(HeldView{Frame: frame(l)})
		}),
		look("parked-list", func(l Look) templ.Component {
			return ParkedList(ParkedListView{Frame: frame(l), Rows: sampleParked()})
		}),
		look("doubtful", func(l Look) templ.Component {
			return Doubtful(DoubtfulView{Frame: frame(l), Rows: sampleDoubtful()})
		}),
		look("token-search", func(l Look) templ.Component {
			f := frame(l)
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
		look("doubtful-none", func(l Look) templ.Component {
			return Doubtful(DoubtfulView{Frame: frame(l)})
		}),
	}
}

func sampleToken(stage TokenStage, v TokenView) Sample {
	return look("token-"+string(stage), func(l Look) templ.Component {
		v.Frame = desk(l)
		v.Frame.Back, v.Frame.Live = PathDoubtful, "/live"
		v.Stage, v.Serial, v.Model = stage, "2318 0447", "YubiKey 5 NFC"
		if v.State == "doubtful" {
			why, _ := Sentence(l.Lang, "pulled_wiping", nil)
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
		return look(name, func(l Look) templ.Component {
			f := desk(l)
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
		simple("simple-down", SimpleDown, ""),
	}
}
