package pages

import "github.com/a-h/templ"

func gallerySite() []Sample {
	reported := &Report{Act: "suspend", Desk: "um-library", Officer: "WONG Hoi Lam", At: "10:02"}
	return []Sample{
		sampleElsewhere(ElsewhereView{Stage: ElsewhereLent}),
		sampleElsewhere(ElsewhereView{Stage: ElsewhereSuspended, Last: reported}),
		sampleElsewhere(ElsewhereView{Stage: ElsewhereWaiting, VerifierDown: true}),
		sampleElsewhere(ElsewhereView{Stage: ElsewhereOver,
			Last: &Report{Act: "revoke", Desk: "um-icto", Officer: "M. Sousa", At: "10:04"}}),
		look("tasks", func(l Look) templ.Component {
			return Tasks(TasksView{Frame: listFrame(l), Rows: sampleTasks(l)})
		}),
		look("tasks-none", func(l Look) templ.Component {
			return Tasks(TasksView{Frame: listFrame(l)})
		}),
		look("ready-tasks", func(l Look) templ.Component {
			v := sampleReady(l)
			v.Tasks = 2
			v.Plug = &PlugOffer{ID: "p1", Serial: "2318 0447", Name: "YubiKey OTP+FIDO+CCID",
				Desk: "um-library", Path: PathTokens + "/yubikey/23180447"}
			return Ready(v)
		}),
		look("token-reported", func(l Look) templ.Component {
			v := TokenView{Frame: listFrame(l), Stage: TokenPlug, Serial: "2318 0447",
				Model: "YubiKey 5 NFC", State: "lost", Holder: "CHAN Lok Ching", Reported: reported}
			return Token(v)
		}),
		look("identify-reported", func(l Look) templ.Component {
			c := sampleLoanCard()
			c.Loan.Suspended, c.Loan.Reported = true, reported
			return Identify(IdentifyView{Frame: frameOf(l), Card: c, Checked: true,
				Evidence: "university_card",
				Tiles:    []Tile{{Do: DoReinstate, First: true}, {Do: DoLost}, {Do: DoReturn}}})
		}),
		look("identify-elsewhere", func(l Look) templ.Component {
			closed, _ := Sentence(l.Lang, "loan_elsewhere", map[string]string{"desk": "um-library"})
			return Identify(IdentifyView{Frame: frameOf(l), Card: sampleCard(), Checked: true,
				Evidence: "university_card", Tiles: []Tile{{Do: DoElsewhere, First: true,
					Detail: "2318 0447 · um-library"}, {Do: DoLoan, Closed: closed.Happened}}})
		}),
	}
}

func listFrame(l Look) Frame {
	f := desk(l)
	f.Back = PathHome
	return f
}

func sampleElsewhere(v ElsewhereView) Sample {
	return look("elsewhere-"+string(v.Stage), func(l Look) templ.Component {
		v.Frame = listFrame(l)
		v.Frame.Live, v.Serial, v.Desk = "/live", "2318 0447", "um-library"
		return Elsewhere(v)
	})
}

func sampleTasks(l Look) []TaskRow {
	why := func(code string) Problem {
		p, _ := Sentence(l.Lang, code, map[string]string{"name": "CHAN Lok Ching",
			"desk": "um-library", "serial": "2318 0447"})
		return p
	}
	return []TaskRow{
		{ID: "1", Serial: "2318 0447", Name: "CHAN Lok Ching", Officer: "M. Sousa", Since: "10:02",
			Path: PathTokens + "/yubikey/23180447", Why: why("verdict_lent")},
		{ID: "2", Name: "João Maria de Almeida Figueiredo", Officer: "WONG Hoi Lam", Since: "09:40",
			Why: why("passcode_excluded")},
	}
}
