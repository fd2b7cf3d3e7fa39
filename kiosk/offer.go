package kiosk

import (
	"net/http"

	"github.com/tokendesk/tokendesk/kiosk/pages"
	"github.com/tokendesk/tokendesk/provisioning"
)

// getText shows the text-only page, in the language of its address if there is one.
func (s *Server) getText(w http.ResponseWriter, r *http.Request) error {
	if lang := oneOf(r.URL.Query().Get("lang"), pages.Langs()...); lang != "" {
		r = r.WithContext(pages.WithLang(r.Context(), lang))
	}
	return s.show(w, r, pages.Offer(offerView(s.site, pages.LangOf(r.Context()), s.requests != nil)))
}

// offerView is the site's profile for reading.
func offerView(site provisioning.Site, lang string, mail bool) pages.OfferView {
	v := pages.OfferView{Site: site.Name, Desk: site.Desk, Hours: hours(site), Reasons: site.Reasons,
		Phone: site.PhoneSeen, Days: site.LoanDays, Mail: mail && site.MailRequests,
		Fee: pages.Amount(lang, site.Fee.Label, site.Fee.Minor), Second: site.AdviseDevices}
	for _, rule := range site.Evidence {
		if rule.Loan && rule.Kind != provisioning.EvidenceSupervisor {
			v.Evidence = append(v.Evidence, string(rule.Kind))
		}
	}
	for _, terms := range site.Passcodes {
		page := pageTerms(terms)
		if terms.Type == provisioning.PasscodeRecovery {
			v.Recovery = &page
			continue
		}
		offer := pages.OfferPasscode{Terms: page, Second: terms.SecondOfficer}
		for _, each := range site.Situations {
			if each.Passcode == terms.Type {
				offer.Situations = append(offer.Situations, each.Key)
			}
		}
		v.Passcodes = append(v.Passcodes, offer)
	}
	return v
}
