package printer

import "github.com/tokendesk/tokendesk/provisioning/secret"

// noto is Debian's fonts-noto-cjk.
const (
	notoRegular = "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"
	notoBold    = "/usr/share/fonts/opentype/noto/NotoSansCJK-Bold.ttc"
)

func code(digits string) []secret.Passcode { return []secret.Passcode{secret.NewPasscode(digits)} }

// samples are a passcode's slip in each language, and a loan's.
func samples() map[string]Slip {
	return map[string]Slip{
		"en": {Site: "University of Macau", Desk: "ICTO Help Desk", Title: "Passcode",
			Lead: "Type it where the sign-in page asks for a passcode.", Codes: code("482913057"),
			Lines: []Line{
				{Label: "Valid until", Value: "26 November 2026 10:14"},
				{Label: "Uses", Value: "5"},
				{Label: "Reference", Value: "K7Q2 9M", Big: true}},
			Text: []string{
				"Nobody else may know it, the help desk neither. " +
					"Lost this paper? Come back: we revoke it at once."},
			Hours: []string{
				"Mon–Thu 09:00–13:00, 14:30–17:45", "Fri 09:00–13:00, 14:30–17:30"},
			HoursTitle: "Support hours",
			Note:       "Printed 25 November 2026 10:14"},
		"zh-Hant": {Site: "澳門大學", Desk: "資訊及通訊科技部服務台", Title: "通行碼",
			Lead: "登入頁面要求輸入通行碼時，請輸入以下號碼。", Codes: code("650178234"),
			Lines: []Line{{Label: "有效期至", Value: "2026年11月26日 10:14"}, {Label: "可用次數", Value: "5"},
				{Label: "參考編號", Value: "K7Q2 9M", Big: true}},
			Text: []string{"請勿向任何人透露此通行碼，服務台人員亦無從得知。如遺失本單據，請即返回服務台，我們會立即將其撤銷。"},
			Hours: []string{
				"星期一至四 09:00–13:00、14:30–17:45", "星期五 09:00–13:00、14:30–17:30"},
			HoursTitle: "服務時間",
			Note:       "列印於 2026年11月25日 10:14"},
		"pt": {Site: "Universidade de Macau", Desk: "Balcão de Apoio do ICTO", Title: "Código de acesso",
			Lead: "Introduza-o quando a página de início de sessão pedir um código.", Codes: code("907346182"),
			Lines: []Line{
				{Label: "Válido até", Value: "26 de novembro de 2026, 10:14"},
				{Label: "Utilizações", Value: "5"},
				{Label: "Referência", Value: "K7Q2 9M", Big: true}},
			Text: []string{
				"Ninguém mais o deve conhecer, nem o balcão de apoio. " +
					"Perdeu este papel? Volte cá: revogamo-lo de imediato."},
			Hours: []string{
				"Segunda a quinta 09:00–13:00, 14:30–17:45",
				"Sexta 09:00–13:00, 14:30–17:30"},
			HoursTitle: "Horário de apoio",
			Note:       "Impresso em 25 de novembro de 2026, 10:14"},
		"ms": {Site: "Universiti Malaysia Sarawak", Desk: "Kaunter Bantuan CITDS", Title: "Kod laluan",
			Lead: "Taipkannya apabila halaman log masuk meminta kod laluan.", Codes: code("731580264"),
			Lines: []Line{
				{Label: "Sah sehingga", Value: "26 November 2026 10:14"},
				{Label: "Kegunaan", Value: "5"},
				{Label: "Rujukan", Value: "K7Q2 9M", Big: true}},
			Text: []string{
				"Tiada orang lain boleh mengetahuinya, termasuk kaunter bantuan. " +
					"Hilang kertas ini? Datang semula: kami membatalkannya serta-merta."},
			Hours: []string{"Isnin–Khamis 08:00–13:00, 14:00–17:00"}, HoursTitle: "Waktu bantuan",
			Note: "Dicetak pada 25 November 2026 10:14"},
		"loan": {Site: "University of Macau", Desk: "ICTO Help Desk", Title: "Security key on loan",
			Lines: []Line{
				{Label: "Key", Value: "2318 0447", Big: true},
				{Label: "Reference", Value: "K7Q2 9M", Big: true},
				{Label: "Return by", Value: "23 May 2027"}, {Label: "Fee if it is lost", Value: "MOP 235.00"},
				{Label: "Lent", Value: "25 November 2026 10:14"}},
			Text: []string{
				"To sign in, type your password, then touch the key where the page asks for a code.",
				"Lost it? Tell us at once: we switch it off."},
			Hours: []string{"Mon–Thu 09:00–13:00, 14:30–17:45"}, HoursTitle: "Support hours"},
		"five": {Site: "University of Macau", Desk: "ICTO Help Desk", Title: "Passcodes",
			Codes: []secret.Passcode{secret.NewPasscode("482913057"), secret.NewPasscode("650178234"),
				secret.NewPasscode("907346182"),
				secret.NewPasscode("731580264"), secret.NewPasscode("111222333")},
			Lines: []Line{{Label: "Each works once, until", Value: "26 November 2026 10:14"}}},
	}
}
