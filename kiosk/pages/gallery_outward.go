package pages

import "github.com/a-h/templ"

func galleryOutward() []Sample {
	anonymous := func(name string, v OutwardView) Sample {
		return look("outward-"+name, func(l Look) templ.Component {
			v.Frame = Frame{Lang: l.Lang, Theme: l.Theme, Text: l.Text, Here: PathOutward, Live: "/live"}
			v.Site = "University of Macau"
			return Outward(v)
		})
	}
	of := func(name string, v OutwardView) Sample {
		v.Name, v.Native, v.NativeLang = "CHAN Lok Ching", "陳樂晴", "zh-Hant"
		return anonymous(name, v)
	}
	return []Sample{
		anonymous("idle", OutwardView{State: OutwardIdle, Hours: sampleHours()}),
		anonymous("check", OutwardView{State: OutwardServed, Doing: "check"}),
		of("loan", OutwardView{State: OutwardServed, Doing: "loan"}),
		of("passcode", OutwardView{State: OutwardServed, Doing: "passcode"}),
		of("problem", OutwardView{State: OutwardServed, Doing: "problem"}),
		of("writing", OutwardView{State: OutwardTouch, Stage: WriteWriting}),
		of("touch", OutwardView{State: OutwardTouch, Stage: WriteTouch}),
		of("proven", OutwardView{State: OutwardTouch, Stage: WriteProven}),
		of("look", OutwardView{State: OutwardLook, Doing: "look"}),
		of("done-loan", OutwardView{State: OutwardDone, Doing: "done_loan", Token: true,
			Second: true}),
		of("done-return", OutwardView{State: OutwardDone, Doing: "done_return", Second: true}),
		of("done-lost", OutwardView{State: OutwardDone, Doing: "done_lost_waiting"}),
	}
}
