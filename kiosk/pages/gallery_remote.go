package pages

import "github.com/a-h/templ"

// selfFrame is the frame of a page of the unattended view.
func selfFrame(l Look, path string) Frame {
	f := desk(l)
	f.Officer, f.Post, f.Here = "", path, path
	f.Idle.Clear = true
	return f
}

func gallerySelf() []Sample {
	ask := func(ask SelfAsk, step int, value string, max int) Sample {
		return look("self-"+string(ask), func(l Look) templ.Component {
			return SelfQuestion(SelfAskView{Frame: selfFrame(l, "/"+string(ask)), Ask: ask,
				Pad: Pad{Value: value, Max: max}, Step: step, Steps: 5})
		})
	}
	start := func(l Look) SelfStartView {
		v := SelfStartView{Frame: selfFrame(l, PathHome), Site: "University of Macau",
			Desk: "ICTO Help Desk", Seconds: 90}
		v.Frame.Idle = Idle{}
		return v
	}
	return []Sample{
		look("self-start", func(l Look) templ.Component { return SelfStart(start(l)) }),
		look("self-closed", func(l Look) templ.Component {
			v := start(l)
			p, _ := Sentence(l.Lang, "directory_down", nil)
			v.Closed = p.Happened
			return SelfStart(v)
		}),
		look("self-officer", func(l Look) templ.Component {
			return SelfOfficer(SelfOfficerView{Frame: selfFrame(l, PathSelfOfficer),
				Site: "University of Macau", Desk: "ICTO Help Desk", Hours: sampleHours()})
		}),
		look("self-role", func(l Look) templ.Component {
			return SelfRole(SelfRoleView{Frame: selfFrame(l, PathSelfRole),
				Roles: []string{"staff", "student"}})
		}),
		ask(SelfAccount, 2, "dc126543", 24), ask(SelfBorn, 3, "24031999", 10),
		ask(SelfDocument, 4, "6(7)", 4),
		look("self-password", func(l Look) templ.Component { return SelfPassword(selfPassword(l)) }),
		look("self-no", func(l Look) templ.Component {
			v := selfPassword(l)
			v.Frame = withAlert(v.Frame, "recovery_no", nil)
			return SelfPassword(v)
		}),
	}
}

func selfPassword(l Look) SelfPasswordView {
	v := SelfPasswordView{Frame: selfFrame(l, PathSelfPassword), Account: "dc126543",
		Pad: Pad{Max: 128}, Step: 5, Steps: 5}
	v.Frame.Back = PathSelfDocument
	return v
}

func galleryShift() []Sample {
	shift := func(l Look) ShiftView {
		v := ShiftView{Frame: desk(l), Counted: &CountFact{At: "09:02", Officer: "M. Sousa",
			Counted: 12, Expected: 12}, Totals: []Total{
			{Key: "stock", N: 12}, {Key: "lent", N: 84}, {Key: "doubtful", Path: PathDoubtful},
			{Key: "tasks", N: 1, Path: PathTasks, Tone: Warn},
			{Key: "held", N: 1, Path: PathHeld}, {Key: "parked", Path: PathParked}, {Key: "fees"},
			{Key: "passcodes", N: 7}, {Key: "requests", N: 2, Path: PathRequests, Tone: Warn},
			{Key: "notices", N: 1}, {Key: "dead"}}}
		v.Frame.Post, v.Frame.Back = PathShift, PathHome
		return v
	}
	return []Sample{
		look("shift-empty", func(l Look) templ.Component {
			v := shift(l)
			v.Counted = nil
			return ShiftPage(v)
		}),
		look("shift", func(l Look) templ.Component {
			v := shift(l)
			v.More, v.Counted.Counted = true, 11
			v.Protection = "file"
			v.Totals[6].N = 2
			v.Totals = append(v.Totals, Total{Key: "due", Value: Amount(l.Lang, "MOP$", 47000)})
			v.Dead = []DeadRow{{ID: "n1", Name: "CHAN Lok Ching", About: "token_lent",
				Channel: "mail", At: "08:12", Why: "no_contact"}}
			v.Entries = []EntryRow{
				{At: "10:04", Officer: "M. Sousa", Act: "passcode_issue", Person: "DC126543",
					Outcome: "done"},
				{At: "09:58", Officer: "WONG Hoi Lam", Act: "loan_write", Person: "MB245010",
					Outcome: "intended"},
				{At: "09:02", Officer: "M. Sousa", Act: "drawer_count", Outcome: "done"}}
			return ShiftPage(v)
		}),
		look("shift-count", func(l Look) templ.Component {
			v := CountView{Frame: desk(l), Pad: Pad{Value: "12", Max: 4}}
			v.Frame.Post, v.Frame.Back = PathShiftCount, PathShift
			return Count(v)
		}),
	}
}

func galleryOffer() []Sample {
	return []Sample{look("offer", func(l Look) templ.Component {
		return Offer(OfferView{Site: "University of Macau", Desk: "ICTO Help Desk",
			Hours: sampleHours(), Evidence: []string{"university_card", "passport"},
			Reasons: []string{"phone_unsupported", "no_phone"}, Phone: true,
			Fee: Amount(l.Lang, "MOP$", 23500), Days: 180, Mail: true, Second: 2,
			Passcodes: []OfferPasscode{
				{Terms: PasscodeTerms{Kind: "short", Hours: 24, Uses: 5, Count: 1},
					Situations: []string{"phone_forgotten"}},
				{Terms: PasscodeTerms{Kind: "long", Hours: 168, Count: 1}, Second: true,
					Situations: []string{"phone_lost", "app_deleted"}}},
			Recovery: &PasscodeTerms{Kind: "recovery", Hours: 24, Uses: 2, Count: 1}})
	})}
}

func sampleRequest() RequestRow {
	return RequestRow{ID: "9f", From: "dc126543@example.edu", Title: "Forgot my phone, exam at 14:00",
		At: "09:41", Text: "Good morning, I left my phone at home and need to sign in for an exam. " +
			"My number is DC126543, my identity card begins with 1234."}
}

func galleryRequests() []Sample {
	list := func(name string, rows ...RequestRow) Sample {
		return look("request-"+name, func(l Look) templ.Component {
			v := RequestsView{Frame: desk(l), Rows: rows, Box: true}
			v.Frame.Post, v.Frame.Back = PathRequests, PathHome
			return Requests(v)
		})
	}
	ask := func(ask RequestAsk, step int, value string, message bool) Sample {
		return look("request-"+string(ask), func(l Look) templ.Component {
			v := RequestAskView{Frame: desk(l), Ask: ask, Pad: Pad{Value: value, Max: 24},
				Number: "DC126543", Step: step, Steps: 3,
				Situations: []Choice{{Key: "phone_forgotten", Selected: true}}}
			if message {
				row := sampleRequest()
				v.Message = &row
			}
			v.Frame.Post, v.Frame.Back = PathRequestForm+"/"+string(ask), PathRequests
			return RequestForm(v)
		})
	}
	other := sampleRequest()
	other.ID, other.Officer, other.Cut = "a0", "Alice Officer", true
	return []Sample{
		list("none"), list("list", sampleRequest(), other),
		ask(RequestNumber, 1, "DC126543", true), ask(RequestHead, 2, "", true),
		ask(RequestWhy, 3, "Exam at 14:00", false),
		look("request-no-match", func(l Look) templ.Component {
			v := RequestAskView{Frame: desk(l), Ask: RequestWhy, Pad: Pad{Max: 200}, Step: 3, Steps: 3,
				Situations: []Choice{{Key: "phone_forgotten", Selected: true}}}
			v.Frame.Post = PathRequestForm + "/why"
			v.Frame = withAlert(v.Frame, "request_no_match", map[string]string{"left": "2"})
			return RequestForm(v)
		}),
		look("request-done", func(l Look) templ.Component {
			return RequestDone(RequestDoneView{Frame: desk(l),
				Terms: PasscodeTerms{Kind: "short", Hours: 24, Uses: 5, Count: 1},
				Until: "24 November 2026, 10:04"})
		}),
	}
}
