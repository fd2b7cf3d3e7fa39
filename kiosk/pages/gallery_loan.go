package pages

import "github.com/a-h/templ"

func sampleDone(l Look, errand string) DoneView {
	f := frameOf(l)
	f.End = false
	return DoneView{
		Frame: f, Errand: errand, Name: "CHAN Lok Ching", Serial: "2318 0447",
		Reference: "L-7K2Q",
	}
}

func galleryReturn() []Sample {
	done := func(name, errand string, more func(*DoneView)) Sample {
		return look("done-"+name, func(l Look) templ.Component {
			v := sampleDone(l, errand)
			more(&v)
			return Done(v)
		})
	}
	return []Sample{
		done("loan", DoLoan, func(v *DoneView) {
			v.Due, v.Fee, v.AdviseSecond = "23 May 2027", "MOP$235.00", true
			v.HasSlip, v.Slip, v.SlipPath = true, sampleSlip(), "/visit/5f1c/slip"
		}),
		done("return", DoReturn, func(v *DoneView) { v.Others = []string{"FIDO2", "PIV", "OpenPGP"} }),
		done("by-hand", DoReturn, func(v *DoneView) { v.ByHand = true }),
		done("lost-waiting", DoLost, func(v *DoneView) {
			v.Waiting, v.Fee, v.Live = true, "MOP$235.00", "/visit/5f1c/live"
		}),
		done("lost", DoLost, func(v *DoneView) { v.Fee = "MOP$235.00" }),
		done("suspended", DoLost, func(v *DoneView) { v.Suspended = true }),
		done("suspended-waiting", DoLost, func(v *DoneView) { v.Suspended, v.Waiting = true, true }),
		done("void", DoVoid, func(*DoneView) {}),
		done("reinstate", DoReinstate, func(v *DoneView) { v.Waiting = true }),
		done("fee", DoFee, func(v *DoneView) { v.Fee, v.FeeState = "MOP$235.00", "paid" }),
		look("parked", func(l Look) templ.Component {
			f := frameOf(l)
			f.End = false
			s := sampleSlip()
			s.Waiting, s.Due = true, ""
			return Parked(ParkedView{Frame: f, Serial: "2318 0447", Reference: "P-7K2Q",
				Name: "CHAN Lok Ching", Since: "10:04", Slip: s, SlipPath: "/visit/5f1c/slip"})
		}),
		look("slip", func(l Look) templ.Component {
			f := frameOf(l)
			f.End, f.Back = false, "/visit/5f1c"
			return SlipPage(SlipView{Frame: f, Slip: sampleSlip()})
		}),
		look("return-ready", func(l Look) templ.Component {
			return Return(sampleReturn(l, "ready"))
		}),
		look("return-wiping", func(l Look) templ.Component {
			v := sampleReturn(l, "wiping")
			v.Frame = liveFrame(l)
			return Return(v)
		}),
		look("return-hand", func(l Look) templ.Component {
			return Return(sampleReturn(l, "hand"))
		}),
	}
}

func sampleReturn(l Look, stage string) ReturnView {
	f := frameOf(l)
	f.StepBack = stage != "wiping"
	return ReturnView{
		Frame: f, Card: sampleLoanCard(), Serial: "2318 0447", Stage: stage,
		Others: []string{"FIDO2", "PIV"}, Pad: Pad{Value: "2318", Max: 16},
	}
}

func galleryFee() []Sample {
	fee := func(l Look, mode string) FeeView {
		f := frameOf(l)
		f.Back = f.Here
		return FeeView{
			Frame: f, Card: sampleLoanCard(), Serial: "2318 0447", Amount: "MOP$235.00",
			State: "due", Mode: mode, Modes: []string{DoPaid, DoWaive}, Pad: Pad{Max: 80},
		}
	}
	lost := func(l Look) LostView {
		f := frameOf(l)
		f.StepBack = true
		return LostView{Frame: f, Card: sampleLoanCard(), Serial: "2318 0447",
			Since: "23 November 2026", Fee: "MOP$235.00"}
	}
	return []Sample{
		look("lost", func(l Look) templ.Component { return Lost(lost(l)) }),
		look("lost-suspend", func(l Look) templ.Component {
			v := lost(l)
			v.Suspend, v.VerifierDown = true, true
			return Lost(v)
		}),
		look("void", func(l Look) templ.Component {
			f := frameOf(l)
			f.StepBack = true
			return Void(VoidView{Frame: f, Card: sampleLoanCard(), Serial: "2318 0447",
				At: "23 November 2026, 10:04", Reasons: []Choice{{Key: "wrong_person"},
					{Key: "wrong_token"}, {Key: "changed_mind"}, {Key: "mistake"}}})
		}),
		look("reinstate", func(l Look) templ.Component {
			v := ReinstateView{Frame: frameOf(l), Card: sampleLoanCard(),
				Serial: "2318 0447", Since: "20 November 2026"}
			v.Card.Loan.Suspended = true
			return Reinstate(v)
		}),
		look("fee", func(l Look) templ.Component { return Fee(fee(l, "")) }),
		look("fee-paid", func(l Look) templ.Component {
			return Fee(fee(l, DoPaid))
		}),
		look("detail", func(l Look) templ.Component {
			f := frameOf(l)
			f.Back = f.Here
			return Detail(DetailView{Frame: f, Card: sampleLoanCard(), Serial: "2318 0447",
				Model: "YubiKey 5 NFC", Firmware: "5.4.3", Slot: 2, State: "open",
				Credential: "active", Reason: "no_phone", Evidence: "university_card",
				PhoneSeen: true, Terms: "2026-09", At: "23 November 2026, 10:04",
				Due: "23 May 2027", Officer: "Maria Sousa", Fee: "MOP$235.00", FeeState: "due",
				Acts: []Act{{Do: DoReturn}, {Do: DoLost}, {Do: DoFee}}})
		}),
		look("detail-restored", func(l Look) templ.Component {
			f := frameOf(l)
			f.Back = f.Here
			return Detail(DetailView{Frame: f, Card: sampleLoanCard(), Serial: "2318 0447",
				State: "open", Credential: "active", Reason: "restored", At: "23 November 2026, 10:04",
				Due: "23 May 2027", Fee: "MOP$235.00", Acts: []Act{{Do: DoReturn}, {Do: DoLost}}})
		}),
	}
}
