package main

import (
	"strings"
	"time"

	"github.com/tokendesk/tokendesk/provisioning"
	"github.com/tokendesk/tokendesk/provisioning/directory"
)

// samplePassword is the password of every sample person, and sampleHash its hash: made once, because
// a good hash takes its time.
const (
	samplePassword = "demo password"
	sampleHash     = "$argon2id$v=19$m=47104,t=2,p=1$o2EY4YF4pRiBgEooYQDf1A$MlRywV" +
		"ETesBTTCLm3554/Lh8psaLe5dnhr0016Fu1sk"
)

// knowledge is what a sample person knows about themselves. It is as invented as they are.
type knowledge struct{ born, identityCard, passport, lang, phone string }

var knows = map[provisioning.PersonID]knowledge{
	"DC126543": {"2004-02-29", "1234567(8)", "", "zh-Hant", "+85366000001"},
	"MB245010": {"2001-11-05", "1357924(6)", "", "zh-Hant", "+85366000002"},
	"D3001177": {"1984-06-17", "7654321(0)", "N998877", "pt", "+85366000003"},
	"V9900321": {"1979-01-23", "", "A01234567", "en", "+85366000004"},
	"E1004402": {"1980-12-01", "5566778(9)", "", "pt", "+85366000005"},
	"E1004519": {"1975-08-30", "1122334(4)", "", "zh-Hant", "+85366000006"},
	"74120":    {"2003-04-12", "030412-13-5678", "", "ms", "+60120000001"},
	"74385":    {"2002-09-09", "020909-13-1234", "", "zh-Hant", "+60120000002"},
	"2291":     {"1971-03-03", "710303-13-4321", "", "ms", "+60120000003"},
	"3310":     {"1995-07-21", "950721-13-8765", "", "en", "+60120000004"},
	"4402":     {"1988-10-10", "881010-13-2468", "", "en", "+60120000005"},
	"4519":     {"1990-05-25", "900525-13-1357", "", "ms", "+60120000006"},
}

// record is the sample person as the directory has them.
func (s sample) record() directory.Record {
	k := knows[s.ID]
	r := directory.Record{Person: s.Person, IdentityCard: k.identityCard, Passport: k.passport,
		PasswordHash: sampleHash}
	r.CardUntil = s.CardUntil.UTC().Truncate(24 * time.Hour)
	r.Phone = k.phone
	r.Mail = strings.ToLower(s.Account) + "@" + s.Site + ".example"
	r.Born, _ = time.Parse(time.DateOnly, k.born)
	return r
}
