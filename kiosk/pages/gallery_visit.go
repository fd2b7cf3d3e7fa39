package pages

import "github.com/a-h/templ"

func sampleIdentify(l Look) IdentifyView {
	return IdentifyView{
		Frame: frameOf(l), Card: sampleCard(),
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

func sampleLent(l Look) IdentifyView {
	v := sampleIdentify(l)
	v.Card = sampleLoanCard()
	v.Tiles = []Tile{
		{Do: DoReturn, First: true}, {Do: DoLost, Detail: "Fee MOP$235.00"}, {Do: DoVoid},
		{Do: DoDetail, Detail: "Due 23 May 2027"},
	}
	return v
}

func galleryPerson() []Sample {
	return []Sample{
		look("person", func(l Look) templ.Component {
			return Identify(sampleIdentify(l))
		}),
		look("person-lent", func(l Look) templ.Component {
			v := sampleLent(l)
			v.Checked, v.Evidence = true, "university_card"
			return Identify(v)
		}),
		look("person-six", func(l Look) templ.Component {
			v := sampleLent(l)
			v.Card.Loan.Suspended = true
			v.Tiles = []Tile{
				{Do: DoReinstate, First: true}, {Do: DoLost}, {Do: DoReturn}, {Do: DoDetail},
				{Do: DoFee}, {Do: DoLoan, Closed: "This person has a token already."},
			}
			return Identify(v)
		}),
		look("person-long-name", func(l Look) templ.Component {
			v := sampleIdentify(l)
			v.Card = PersonCard{
				Name: "João Maria Fernandes de Almeida Figueiredo", Role: "staff",
				Unit: "Centre for Teaching and Learning Enhancement", Number: "D 1 20 18 33",
				CardUntil: "31 August 2026", CardExpired: true, Devices: 2, Advise: 2,
			}
			v.Frame = withAlert(v.Frame, "match_missing", nil)
			return Identify(v)
		}),
		look("person-vouched", func(l Look) templ.Component {
			v := sampleIdentify(l)
			v.Checked, v.Evidence, v.Voucher = true, "supervisor", "WONG Hoi Lam"
			return Identify(v)
		}),
		look("mismatch", func(l Look) templ.Component {
			return Mismatch(MismatchView{Frame: frameOf(l), Card: sampleCard()})
		}),
		look("vouch", func(l Look) templ.Component {
			f := frameOf(l)
			f.Back = f.Here
			return Vouch(VouchView{
				Frame: f, Card: sampleCard(), Supervisors: sampleOfficers()[:2], Pad: Pad{Max: 12},
			})
		}),
	}
}

func sampleCheck(l Look) CheckView {
	f := frameOf(l)
	f.StepBack = true
	return CheckView{
		Frame: f, Card: sampleCard(), Serial: "2318 0447", Model: "YubiKey 5 NFC",
		Firmware: "5.4.3", Slot: 2, Due: "23 May 2027", Fee: "MOP$235.00",
		Reason: "phone_unsupported", Terms: "2026-09",
	}
}

func sampleAgree(l Look, stage AgreeStage) AgreeView {
	f := frameOf(l)
	f.End, f.Officer = false, ""
	return AgreeView{
		Frame: f, Stage: stage, Site: "University of Macau", Name: "CHAN Lok Ching",
		Terms: "2026-09", Serial: "2318 0447", Due: "23 May 2027", Fee: "MOP$235.00",
		Cancel: f.Here + "?back=1", BackTo: f.Here, Pad: Pad{Max: 12},
	}
}

func galleryLoan() []Sample {
	return []Sample{
		look("ask", func(l Look) templ.Component {
			f := frameOf(l)
			f.StepBack = true
			return Ask(AskView{Frame: f, Card: sampleCard(),
				Reasons: []Tile{{Do: DoAsk, Reason: "no_phone"},
					{Do: DoAsk, Reason: "phone_unsupported", Phone: true},
					{Do: DoAsk, Reason: "not_allowed", Phone: true},
					{Do: DoAsk, Reason: "phone_broken", Phone: true}}})
		}),
		look("check", func(l Look) templ.Component {
			return Check(sampleCheck(l))
		}),
		look("check-ready", func(l Look) templ.Component {
			v := sampleCheck(l)
			v.Ready, v.AgreedAt, v.Holds = true, "10:03", "other"
			v.Slots = []Choice{{Key: "1", Label: "Slot 1 · in use"},
				{Key: "2", Label: "Slot 2 · in use", Selected: true}}
			return Check(v)
		}),
		look("check-no-clock", func(l Look) templ.Component {
			v := sampleCheck(l)
			v.Due, v.NoDue, v.Holds = "", true, "ours"
			return Check(v)
		}),
		look("agree", func(l Look) templ.Component {
			return Agree(sampleAgree(l, AgreeRead))
		}),
		look("agree-thanks", func(l Look) templ.Component {
			v := sampleAgree(l, AgreeThanks)
			v.BackTo = ""
			return Agree(v)
		}),
		look("agree-write", func(l Look) templ.Component {
			v := sampleAgree(l, AgreeThanks)
			v.BackTo, v.Write, v.Slot, v.Token = "", true, 2, "yubikey/23180447"
			return Agree(v)
		}),
		look("agree-back", func(l Look) templ.Component {
			return Agree(sampleAgree(l, AgreeBack))
		}),
	}
}

func galleryWrite() []Sample {
	plug := func(name string, v PlugView) Sample {
		return look("plug-"+name, func(l Look) templ.Component {
			v.Frame = liveFrame(l)
			v.Frame.StepBack = true
			return Plug(v)
		})
	}
	write := func(stage WriteStage) Sample {
		return look("write-"+string(stage), func(l Look) templ.Component {
			return Write(WriteView{Frame: liveFrame(l), Stage: stage, Serial: "2318 0447",
				TouchBy: "10:05"})
		})
	}
	return []Sample{
		plug("none", PlugView{State: PlugNone}),
		plug("identifying", PlugView{State: PlugIdentifying, Name: "YubiKey OTP+FIDO+CCID"}),
		plug("found", PlugView{State: PlugFound, Serial: "2318 0447"}),
		look("plug-wrong", func(l Look) templ.Component {
			v := PlugView{Frame: liveFrame(l), State: PlugWrong, Name: "Security Key"}
			v.Frame.StepBack = true
			why, _ := Sentence(l.Lang, "not_otp", nil)
			v.Why = &why
			return Plug(v)
		}),
		plug("two", PlugView{State: PlugTwo}),
		plug("held", PlugView{State: PlugHeld, Name: "YubiKey OTP+FIDO+CCID"}),
		plug("permission", PlugView{State: PlugPermission, Name: "YubiKey OTP+FIDO+CCID"}),
		plug("return", PlugView{State: PlugNone, Return: true, Expect: "2318 0447"}),
		write(WritePreparing), write(WriteWriting), write(WriteTouch), write(WriteWrongTouch),
		write(WriteProven), write(WriteSlow),
		look("problem", func(l Look) templ.Component {
			return Trouble(sampleTrouble(l))
		}),
		look("problem-alone", func(l Look) templ.Component {
			v := sampleTrouble(l)
			v.Card, v.Facts = nil, nil
			v.Problem, _ = Sentence(l.Lang, "pulled_writing", nil)
			v.Acts = []Act{{Do: DoAgain, Main: true}, {Do: DoAside}}
			return Trouble(v)
		}),
	}
}

func sampleTrouble(l Look) ProblemView {
	card := sampleCard()
	p, _ := Sentence(l.Lang, "token_loaned", map[string]string{"serial": "2318 0447", "due": "3 March 2027"})
	return ProblemView{
		Frame: frameOf(l), Card: &card, Problem: p, Reference: "E-4412",
		Facts: []Chip{{Text: "2318 0447", ID: true}, {Text: "YubiKey 5 NFC"}},
		Acts:  []Act{{Do: DoAnother, Main: true}, {Do: DoReturn}},
	}
}
