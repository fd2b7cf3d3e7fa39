package pages

import "github.com/a-h/templ"

func sampleIdentify(theme, text string) IdentifyView {
	return IdentifyView{
		Frame: frameOf(theme, text), Card: sampleCard(),
		Documents: []Choice{
			{Key: "university_card", Selected: true}, {Key: "identity_card"},
			{Key: "passport"}, {Key: "supervisor"},
		},
		Tiles: []Tile{
			{Do: DoLoan, Reason: "phone_unsupported", Phone: true, First: true},
			{Do: DoLoan, Reason: "no_smartphone", Phone: true}, {Do: DoLoan, Reason: "no_phone"},
		},
	}
}

func sampleLent(theme, text string) IdentifyView {
	v := sampleIdentify(theme, text)
	v.Card = sampleLoanCard()
	v.Tiles = []Tile{
		{Do: DoReturn, First: true}, {Do: DoLost, Detail: "Fee MOP$235.00"}, {Do: DoVoid},
		{Do: DoDetail, Detail: "Due 23 May 2027"},
	}
	return v
}

func galleryPerson() []Sample {
	return []Sample{
		look("person", func(theme, text string) templ.Component {
			return Identify(sampleIdentify(theme, text))
		}),
		look("person-lent", func(theme, text string) templ.Component {
			v := sampleLent(theme, text)
			v.Checked, v.Evidence = true, "university_card"
			return Identify(v)
		}),
		look("person-six", func(theme, text string) templ.Component {
			v := sampleLent(theme, text)
			v.Card.Loan.Suspended = true
			v.Tiles = []Tile{
				{Do: DoReinstate, First: true}, {Do: DoLost}, {Do: DoReturn}, {Do: DoDetail},
				{Do: DoFee}, {Do: DoLoan, Closed: "This person has a token already."},
			}
			return Identify(v)
		}),
		look("person-long-name", func(theme, text string) templ.Component {
			v := sampleIdentify(theme, text)
			v.Card = PersonCard{
				Name: "João Maria Fernandes de Almeida Figueiredo", Role: "staff",
				Unit: "Centre for Teaching and Learning Enhancement", Number: "D 1 20 18 33",
				CardUntil: "31 August 2026", CardExpired: true, Devices: 2, Advise: 2,
			}
			v.Frame = withAlert(v.Frame, "match_missing", nil)
			return Identify(v)
		}),
		look("person-vouched", func(theme, text string) templ.Component {
			v := sampleIdentify(theme, text)
			v.Checked, v.Evidence, v.Voucher = true, "supervisor", "WONG Hoi Lam"
			return Identify(v)
		}),
		look("mismatch", func(theme, text string) templ.Component {
			return Mismatch(MismatchView{Frame: frameOf(theme, text), Card: sampleCard()})
		}),
		look("vouch", func(theme, text string) templ.Component {
			f := frameOf(theme, text)
			f.Back = f.Here
			return Vouch(VouchView{
				Frame: f, Card: sampleCard(), Supervisors: sampleOfficers()[:2], Pad: Pad{Max: 12},
			})
		}),
	}
}

func sampleCheck(theme, text string) CheckView {
	f := frameOf(theme, text)
	f.StepBack = true
	return CheckView{
		Frame: f, Card: sampleCard(), Serial: "2318 0447", Model: "YubiKey 5 NFC",
		Firmware: "5.4.3", Slot: 2, Due: "23 May 2027", Fee: "MOP$235.00",
		Reason: "phone_unsupported", Terms: "2026-09",
	}
}

func sampleAgree(theme, text string, stage AgreeStage) AgreeView {
	f := frameOf(theme, text)
	f.End, f.Officer = false, ""
	return AgreeView{
		Frame: f, Stage: stage, Site: "University of Macau", Name: "CHAN Lok Ching",
		Terms: "2026-09", Serial: "2318 0447", Due: "23 May 2027", Fee: "MOP$235.00",
		Cancel: f.Here + "?back=1", BackTo: f.Here, Pad: Pad{Max: 12},
	}
}

func galleryLoan() []Sample {
	return []Sample{
		look("ask", func(theme, text string) templ.Component {
			f := frameOf(theme, text)
			f.StepBack = true
			return Ask(AskView{Frame: f, Card: sampleCard(),
				Reasons: []Tile{{Do: DoAsk, Reason: "no_phone"},
					{Do: DoAsk, Reason: "phone_unsupported", Phone: true},
					{Do: DoAsk, Reason: "not_allowed", Phone: true},
					{Do: DoAsk, Reason: "phone_broken", Phone: true}}})
		}),
		look("check", func(theme, text string) templ.Component {
			return Check(sampleCheck(theme, text))
		}),
		look("check-ready", func(theme, text string) templ.Component {
			v := sampleCheck(theme, text)
			v.Ready, v.AgreedAt, v.Holds = true, "10:03", "other"
			v.Slots = []Choice{{Key: "1", Label: "Slot 1 · in use"},
				{Key: "2", Label: "Slot 2 · in use", Selected: true}}
			return Check(v)
		}),
		look("check-no-clock", func(theme, text string) templ.Component {
			v := sampleCheck(theme, text)
			v.Due, v.NoDue, v.Holds = "", true, "ours"
			return Check(v)
		}),
		look("agree", func(theme, text string) templ.Component {
			return Agree(sampleAgree(theme, text, AgreeRead))
		}),
		look("agree-thanks", func(theme, text string) templ.Component {
			v := sampleAgree(theme, text, AgreeThanks)
			v.BackTo = ""
			return Agree(v)
		}),
		look("agree-write", func(theme, text string) templ.Component {
			v := sampleAgree(theme, text, AgreeThanks)
			v.BackTo, v.Write, v.Slot, v.Token = "", true, 2, "yubikey/23180447"
			return Agree(v)
		}),
		look("agree-back", func(theme, text string) templ.Component {
			return Agree(sampleAgree(theme, text, AgreeBack))
		}),
	}
}

func galleryWrite() []Sample {
	plug := func(name string, v PlugView) Sample {
		return look("plug-"+name, func(theme, text string) templ.Component {
			v.Frame = liveFrame(theme, text)
			v.Frame.StepBack = true
			return Plug(v)
		})
	}
	write := func(stage WriteStage) Sample {
		return look("write-"+string(stage), func(theme, text string) templ.Component {
			return Write(WriteView{Frame: liveFrame(theme, text), Stage: stage, Serial: "2318 0447",
				TouchBy: "10:05"})
		})
	}
	wrong, _ := Sentence("not_otp", nil)
	return []Sample{
		plug("none", PlugView{State: PlugNone}),
		plug("identifying", PlugView{State: PlugIdentifying, Name: "YubiKey OTP+FIDO+CCID"}),
		plug("found", PlugView{State: PlugFound, Serial: "2318 0447"}),
		plug("wrong", PlugView{State: PlugWrong, Name: "Security Key", Why: &wrong}),
		plug("two", PlugView{State: PlugTwo}),
		plug("held", PlugView{State: PlugHeld, Name: "YubiKey OTP+FIDO+CCID"}),
		plug("permission", PlugView{State: PlugPermission, Name: "YubiKey OTP+FIDO+CCID"}),
		plug("return", PlugView{State: PlugNone, Return: true, Expect: "2318 0447"}),
		write(WritePreparing), write(WriteWriting), write(WriteTouch), write(WriteWrongTouch),
		write(WriteProven), write(WriteSlow),
		look("problem", func(theme, text string) templ.Component {
			return Trouble(sampleTrouble(theme, text))
		}),
		look("problem-alone", func(theme, text string) templ.Component {
			v := sampleTrouble(theme, text)
			v.Card, v.Facts = nil, nil
			v.Problem, _ = Sentence("pulled_writing", nil)
			v.Acts = []Act{{Do: DoAgain, Main: true}, {Do: DoAside}}
			return Trouble(v)
		}),
	}
}

func sampleTrouble(theme, text string) ProblemView {
	card := sampleCard()
	p, _ := Sentence("token_loaned", map[string]string{"serial": "2318 0447", "due": "3 March 2027"})
	return ProblemView{
		Frame: frameOf(theme, text), Card: &card, Problem: p, Reference: "E-4412",
		Facts: []Chip{{Text: "2318 0447", ID: true}, {Text: "YubiKey 5 NFC"}},
		Acts:  []Act{{Do: DoAnother, Main: true}, {Do: DoReturn}},
	}
}
