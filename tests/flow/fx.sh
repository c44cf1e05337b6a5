#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mete fx: the reference rates of a bank, what an amount comes to, and conversions that explain
# themselves; and the auditor agrees.
# covers: F-050 F-059
# shellcheck source=tests/flow/lib.sh
. "$ROOT/tests/flow/lib.sh"
m() {
    "$METE" --store book.db "$@"
}
day() { # DAY USD JPY
    cat <<XML
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
<gesmes:subject>Reference rates</gesmes:subject><Cube><Cube time='$1'>
<Cube currency='USD' rate='$2'/><Cube currency='JPY' rate='$3'/><Cube currency='QQQ' rate='2'/>
</Cube></Cube></gesmes:Envelope>
XML
}
today=$(date -u +%F)
before=$(date -u -d "$today -1 day" +%F)
old=$(date -u -d "$today -9 days" +%F)
m init --quiet
printf '%s\n' \
    '{"event_id":"b","event_type":"book.configured","occurred_at":"2025-01-01T00:00:00Z","payload":{"clear_after_days":0}}' \
    '{"event_id":"e","event_type":"revenue.received","occurred_at":"2025-01-01T00:00:00Z","payload":{"party":"did:a","amount":{"amount":"100.00","currency":"USD"}}}' >stream
m ingest stream >/dev/null 2>&1
is "$(m fx list 2>&1)" 'No rates are recorded: see mete fx import.' 'no rates yet'
day "$old" 1.5 100 >old.xml
day "$before" 1.25 160 >day.xml
is "$(m fx import old.xml)" "Rates up to $old: 2 set, 0 known already, 1 of currencies that this book does not know" 'an old file'
is "$(m fx quote 10 USD JPY 2>&1 | sed 1q)" 'mete: from USD to JPY: the rate is over 7 days old (rate_old) at /to' 'which converts nothing'
is "$(m fx list --json | jq -c '[.rates[] | [.quote, .is_old]]')" '[["JPY",true],["USD",true]]' 'and is shown as old'
is "$(m fx import day.xml --json | jq -c)" "{\"day\":\"$before\",\"set\":2,\"known\":0,\"unknown\":1}" 'the file of a day'
is "$(m fx import day.xml --json | jq -c .known)" 2 'again: known'
is "$(m fx import old.xml --json | jq -c .known)" 2 'an older one takes no place'
is "$(m fx quote 10 USD JPY --json | jq -c '[.converted, .rate, (.rates | length)]')" '[{"amount":"1280","currency":"JPY"},"128",2]' 'over the euro'
is "$(m fx quote 10 USD EUR | sed 1q)" '10.00 USD is 8.00 EUR' 'the other way round'
is "$(m fx quote 10 USD CHF 2>&1 | sed 1q)" 'mete: from USD to CHF: no rate is recorded, nor over EUR or USD (rate_missing) at /to' 'no rate'
is "$(m fx quote 1x USD EUR 2>&1 | sed 1q)" 'mete: "1x" is no amount of USD, which has 2 decimals (amount_invalid) at /amount' 'no amount'
m fx convert did:a 10 USD EUR --at-least 8.01 2>refused
is "$?/$(sed 1q refused)" '1/mete: it would come to 8.00 EUR (rate_worse) at /payload/at_least' 'less than wanted'
m fx convert did:a 10 USD EUR -n >/dev/null 2>&1
is "$(m parties --json | jq -c '[.parties[] | [.asset, .cleared]]')" '[["USD/2","10000"]]' 'a rehearsal moves nothing'
is "$(m fx convert did:a 10 USD EUR --at-least 8 --id c1 | sed 1q)" '10.00 USD is 8.00 EUR' 'a conversion'
is "$(m fx convert did:a 10 USD EUR --at-least 8 --id c1 2>&1)" 'Known already: nothing was moved again.' 'said again'
m fx convert did:a 90.01 USD EUR 2>refused
is "$?/$(sed 1q refused)" '1/mete: the party has less cleared USD than that (insufficient_funds) at /payload/amount/amount' 'more than there is'
is "$(m parties --json | jq -c '[.parties[] | [.asset, .cleared]]')" '[["EUR/2","800"],["USD/2","9000"]]' 'what it has now'
m explain c1 | grep -q "at 1 EUR = 1.25 USD, said by ECB of $before"
ok $? 'the rate, its source and its time are explained'
echo '<a/>' | m fx import - 2>refused
is "$?/$(sed 1q refused)" "1/mete: no rates of exchange stand in it; expected the ECB's eurofxref-daily.xml (bank_file)" 'another file'
m audit >/dev/null 2>&1
ok $? 'the auditor agrees'
finish
