package pages

import "github.com/a-h/templ"

func sampleShort() PasscodeTerms {
	return PasscodeTerms{Kind: "short", Hours: 24, Uses: 5, Count: 1}
}

func sampleLong() PasscodeTerms {
	return PasscodeTerms{Kind: "long", Hours: 168, Count: 1}
}

func sampleCodes() PasscodeTerms {
	return PasscodeTerms{Kind: "short", Hours: 24, Uses: 1, Count: 5}
}

func sampleRecovery() PasscodeTerms {
	return PasscodeTerms{Kind: "recovery", Hours: 24, Uses: 2, Count: 1}
}

// samplePasscodeCard is somebody who has two open passcodes.
func samplePasscodeCard() PersonCard {
	c := sampleCard()
	c.Passcodes = []string{"short", "long"}
	return c
}

func sampleSituation(l Look) SituationView {
	f := frameOf(l)
	f.StepBack, f.End = true, false
	return SituationView{Frame: f, Card: sampleCard(), Tiles: []SituationTile{
		{Key: "phone_forgotten", Terms: sampleShort(), First: true},
		{Key: "phone_lost", Terms: sampleLong(), Second: true},
		{Key: "app_deleted", Terms: sampleLong(), Second: true},
	}}
}

func galleryPasscode() []Sample {
	return []Sample{
		look("person-passcode", func(l Look) templ.Component {
			v := sampleIdentify(l)
			v.Card = samplePasscodeCard()
			v.Tiles = append([]Tile{{Do: DoPasscode, First: true}}, v.Tiles...)
			v.Tiles[1].First = false
			v.Tiles = append(v.Tiles, Tile{Do: DoPasscodes})
			return Identify(v)
		}),
		look("person-passcode-closed", func(l Look) templ.Component {
			v := sampleIdentify(l)
			why, _ := Sentence(l.Lang, "verifier_away", nil)
			v.Tiles = append(v.Tiles, Tile{Do: DoPasscode, Closed: why.Happened})
			return Identify(v)
		}),
		look("passcode-why", func(l Look) templ.Component { return Situation(sampleSituation(l)) }),
		look("passcode-why-strict", func(l Look) templ.Component {
			v := sampleSituation(l)
			v.Card, v.Codes = samplePasscodeCard(), "/visit/5f1c/passcodes"
			v.Tiles[0].Terms, v.Tiles[0].Replaces = sampleCodes(), true
			for i := range v.Tiles[1:] {
				v.Tiles[1+i].Terms.Enrol, v.Tiles[1+i].Justify = true, true
			}
			v.Frame = withAlert(v.Frame, "passcodes_of_person", map[string]string{"max": "3"})
			return Situation(v)
		}),
		look("passcode-justify", func(l Look) templ.Component {
			f := frameOf(l)
			f.Back, f.End = f.Here, false
			return Justify(JustifyView{Frame: f, Situation: "phone_lost", Terms: sampleLong(),
				Second: true, Pad: Pad{Value: "exam at 14:00", Max: 80}})
		}),
		look("passcode-second", func(l Look) templ.Component {
			f := frameOf(l)
			f.StepBack, f.End = true, false
			v := SecondView{Frame: f, Card: sampleCard(), Situation: "app_deleted",
				Justification: "exam at 14:00", Terms: sampleLong(), Until: "30 November 2026, 10:04"}
			v.Card.Devices = 2
			return Second(v)
		}),
		issued("waiting", IssuedView{State: IssuedWaiting}),
		issued("ready", IssuedView{State: IssuedReady}),
		issued("seen", IssuedView{State: IssuedSeen, SeenAt: "10:06", Again: true, Terms: sampleLong(),
			Situation: "phone_lost", Until: "30 November 2026, 10:04", Second: "WONG Hoi Lam"}),
		issued("revoking", IssuedView{State: IssuedRevoking, Codes: "/visit/5f1c/passcodes"}),
		issued("revoked", IssuedView{State: IssuedRevoked, Codes: "/visit/5f1c/passcodes"}),
		issued("ended", IssuedView{State: IssuedEnded}),
		look("passcode-list", func(l Look) templ.Component { return Passcodes(samplePasscodes(l)) }),
		look("passcode-list-none", func(l Look) templ.Component {
			v := samplePasscodes(l)
			v.Card, v.Rows = sampleCard(), nil
			return Passcodes(v)
		}),
		look("passcode-list-down", func(l Look) templ.Component {
			v := samplePasscodes(l)
			v.Down, v.Rows = true, v.Rows[:1]
			v.Rows[0].Waiting = true
			why, _ := Sentence(l.Lang, "verifier_away", nil)
			v.Closed = why.Happened
			return Passcodes(v)
		}),
		look("passcode-problem", func(l Look) templ.Component {
			v := sampleTrouble(l)
			v.Facts, v.Acts = nil, []Act{{Do: DoAnew, Main: true}, {Do: DoBack}, {Do: DoEnd}}
			v.Problem, _ = Sentence(l.Lang, "passcode_refused", nil)
			return Trouble(v)
		}),
	}
}

// issued is a sample of the officer's page of a passcode.
func issued(name string, v IssuedView) Sample {
	return look("passcode-issued-"+name, func(l Look) templ.Component {
		v.Frame, v.Name, v.Reference, v.Passcode = liveFrame(l), "CHAN Lok Ching", "7K2Q", "5f1c"
		v.Frame.End = v.open() && v.State != IssuedSeen
		if v.Until == "" {
			v.Terms, v.Until, v.Situation = sampleShort(), "24 November 2026, 10:04", "phone_forgotten"
		}
		return Issued(v)
	})
}

func samplePasscodes(l Look) PasscodesView {
	f := frameOf(l)
	f.Back, f.End = f.Here, false
	recovery := sampleRecovery()
	return PasscodesView{Frame: f, Card: samplePasscodeCard(), Recovery: &recovery,
		Rows: []PasscodeRow{
			{ID: "1", Terms: sampleShort(), Situation: "phone_forgotten",
				Since: "23 November 2026, 10:04", Until: "24 November 2026, 10:04"},
			{ID: "2", Terms: sampleLong(), Situation: "app_deleted",
				Since: "23 November 2026, 10:04", Until: "30 November 2026, 10:04"},
		}}
}

func sampleReveal(l Look, stage RevealStage) RevealView {
	f := frameOf(l)
	f.End, f.Officer = false, ""
	f.Post, f.Here = "/person", "/person"
	if stage == RevealWait {
		f.Live = "/live"
	}
	return RevealView{Frame: f, Stage: stage, Site: "University of Macau", Name: "CHAN Lok Ching",
		Terms: sampleShort(), Until: "24 November 2026, 10:04", Reference: "7K2Q", Away: "/person?back=1"}
}

func galleryReveal() []Sample {
	shown := func(l Look) RevealView {
		v := sampleReveal(l, RevealShown)
		v.Codes, v.Left, v.All, v.Seen, v.Print = []string{"418205936"}, 22, 30, true, true
		return v
	}
	return []Sample{
		look("passcode-reveal-wait", func(l Look) templ.Component {
			return Reveal(sampleReveal(l, RevealWait))
		}),
		look("passcode-reveal-ready", func(l Look) templ.Component {
			return Reveal(sampleReveal(l, RevealReady))
		}),
		look("passcode-reveal-again", func(l Look) templ.Component {
			v := sampleReveal(l, RevealReady)
			v.Seen = true
			return Reveal(v)
		}),
		look("passcode-reveal-gone", func(l Look) templ.Component {
			v := sampleReveal(l, RevealReady)
			v.Seen, v.Gone = true, true
			return Reveal(v)
		}),
		look("passcode-reveal-shown", func(l Look) templ.Component { return Reveal(shown(l)) }),
		look("passcode-reveal-recovery", func(l Look) templ.Component {
			v := shown(l)
			v.Terms, v.Print = sampleRecovery(), false
			return Reveal(v)
		}),
		look("passcode-reveal-printed", func(l Look) templ.Component {
			v := shown(l)
			v.Terms, v.Until, v.Printed = sampleLong(), "30 November 2026, 10:04", true
			return Reveal(v)
		}),
		look("passcode-reveal-paper", func(l Look) templ.Component {
			v := shown(l)
			v.Frame = withAlert(v.Frame, "printer_paper", nil)
			return Reveal(v)
		}),
		look("passcode-reveal-many", func(l Look) templ.Component {
			v := shown(l)
			v.Terms = sampleCodes()
			v.Codes = []string{"418205936", "730916284", "295481607", "861037452", "504692718"}
			return Reveal(v)
		}),
		look("passcode-reveal-failed", func(l Look) templ.Component {
			v := sampleAgree(l, AgreeBack)
			v.Passcode, v.BackTo = PasscodeFailed, ""
			return Agree(v)
		}),
		look("passcode-reveal-back", func(l Look) templ.Component {
			v := sampleAgree(l, AgreeBack)
			v.Passcode = PasscodeBack
			return Agree(v)
		}),
		look("passcode-bye", func(l Look) templ.Component {
			f := desk(l)
			f.Officer, f.Idle = "", Idle{}
			return Bye(ByeView{Frame: f, Site: "University of Macau", Second: true})
		}),
	}
}
