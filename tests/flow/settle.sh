#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mete campaigns, mete settle and mete settlements: the same book, the same rules as over HTTP; and
# the auditor agrees.
# covers: M-043 M-071
# shellcheck source=tests/flow/lib.sh
. "$ROOT/tests/flow/lib.sh"
told=0
say() { # TYPE CORRELATION PAYLOAD
    told=$((told + 1))
    printf '{"event_id":"s%d","event_type":"%s","occurred_at":"2025-01-01T00:00:%02dZ","source":{"app_id":"app1"},"correlation":{%s},"payload":{%s}}\n' \
        $told "$1" $told "$2" "$3"
}
C='"campaign_id":"c1"'
{
    say book.configured '' '"clear_after_days":0'
    say campaign.created "$C" '"creator":"did:maker","currency":"USD","funding_mode":"self","contract":{"off_ramps":["done"]}'
    say campaign.activated "$C" ''
    say campaign.created '"campaign_id":"c2"' '"creator":"did:maker","currency":"USD","contract":{"raise_amount":"10.00","cap_multiple":"4/3","revenue_share_bps":1000}'
    say campaign.opened_for_funding '"campaign_id":"c2"' ''
    say commitment.created '"campaign_id":"c2","commitment_id":"k1"' '"investor_id":"did:i1","amount_minor":500,"currency":"USD"'
    say attribution.assigned '' '"user_id":"u1","campaign_id":"c1"'
    say revenue.invoice_paid '"user_id":"u1"' '"gross_amount_cents":10000,"currency":"usd","stripe_payment_intent_id":"pi"'
} >stream
"$METE" --store book.db init --quiet
is "$("$METE" --store book.db campaigns 2>&1)" 'There are no such campaigns.' 'no campaigns yet'
"$METE" --store book.db ingest stream >/dev/null 2>&1
ok $? 'two campaigns'
m() {
    "$METE" --store book.db "$@"
}
state() {
    m campaigns c1 --json | jq -r .state
}
# what the party has: cleared, paid
has() {
    m parties --json | jq -r '.parties[] | select(.party == "did:maker") | .cleared + " " + .paid'
}

is "$(m campaigns --json | jq -c '[.campaigns[] | [.campaign_id, .state, .contract.cap_multiple, .cap_minor]]')" \
    '[["c1","ACTIVE",null,null],["c2","OPEN_FOR_FUNDING","4/3","1333"]]' 'campaigns --json'
is "$(m campaigns --csv | tr -d '\r' | cut -d, -f1,2,10)" 'campaign_id,state,creator_minor
c1,ACTIVE,100.00
c2,OPEN_FOR_FUNDING,0.00' 'campaigns --csv'
is "$(m campaigns | awk '{print $1, $2}')" 'CAMPAIGN STATE
c1 ACTIVE
c2 OPEN_FOR_FUNDING' 'campaigns'
is "$(m campaigns --state ACTIVE --csv | wc -l)" 2 'campaigns --state'
is "$(m campaigns --app app2 --csv | wc -l)" 1 'campaigns --app'
m campaigns c2 >out
grep -q '^k1 *did:i1 *5.00 USD *CREATED' out && grep -q '^Cap *13.33 USD' out
ok $? 'campaigns ID'
exits 1 'a campaign that there is not' m campaigns c3
exits 2 'a state that there is not' m campaigns --state DONE
exits 2 'one campaign is no table' m campaigns c1 --csv

m settle did:maker 60.00 USD --provider bank --ref w1 --campaign c1 --dry-run --quiet >out
is "$? $(has)" '0 10000 0' 'settle --dry-run'
m settle did:maker 60.00 USD --provider bank --ref w1 --campaign c1 --id p1 --reason 'week 1' \
    --at 2025-02-01T00:00:00Z >out
is "$? $(cat out) $(has)" '0 p1: 60.00 USD to did:maker, PAID 4000 6000' 'settle'
m settle did:maker 60 USD --provider bank --ref w1 --campaign c1 --id p1 >out
is "$? $(cat out) $(has)" '0 Known already: p1: 60.00 USD to did:maker, PAID 4000 6000' 'said again'
exits 1 'another amount' m settle did:maker 61 USD --provider bank --ref w1 --id p1
exits 1 'more than there is' m settle did:maker 40.01 USD --provider bank --ref w2
m settle did:maker 40.01 USD --provider bank --ref w2 2>&1 | grep -q "40.00 USD are payable to the party"
ok $? 'what is payable is said'
exits 2 'an outcome that there is not' m settle did:maker 1 USD --provider bank --ref w2 --outcome sent
exits 2 'a failure that is none' m settle did:maker 1 USD --provider bank --ref w2 --failure-reason x
exits 2 'no amount' m settle did:maker
is "$(has)" '4000 6000' 'nothing else has left'
m settle did:maker 40.00 USD --provider bank --ref w2 --id p2 --outcome initiated >out
is "$(has)" '0 6000' 'on its way'
m settle did:maker 40.00 USD --id p2 --outcome failed --failure-reason closed >out
is "$? $(has)" '0 4000 6000' 'failed, and payable again'
say campaign.completed "$C" '"reason":"off_ramp","off_ramp":"done"' | m ingest - >/dev/null 2>&1
is "$(state)" COMPLETED 'completed'
m settle did:maker 40.00 USD --provider bank --ref w3 --json >out
is "$(jq -r '.state + " " + .status + " " + (.history | length | tostring)' <out) $(state)" \
    'PAID applied 2 CLOSED' 'closed when all is settled'
is "$(m settlements --json | jq -c '[.settlements[] | [.settlement_id[0:2], .state, .amount_minor]]')" \
    '[["p1","PAID","6000"],["p2","FAILED","4000"],["se","PAID","4000"]]' 'settlements --json'
is "$(m settlements --state FAILED --csv | tail -1 | cut -d, -f1-5)" 'p2,FAILED,did:maker,USD/2,40.00' \
    'settlements --csv --state'
is "$(m settlements --campaign c1 --csv | wc -l)" 2 'settlements --campaign'
m settlements p1 | grep -q '^PAID *2025-02-01T00:00:00Z *settlement.paid:p1 *w1 *- *week 1'
ok $? 'settlements ID'
exits 1 'a settlement that there is not' m settlements p9
exits 0 'the auditor agrees' m audit

# a completed campaign some of whose money clears later that day: rows stay what they are
{
    printf '%s\n' '{"event_id":"b","event_type":"book.configured","occurred_at":"2025-01-01T00:00:00Z","payload":{"clear_after_days":1}}'
    n=0
    for at in 08 09 10 11 12; do
        n=$((n + 1))
        printf '{"event_id":"%s","event_type":"%s","occurred_at":"2025-01-0%sZ","source":{"app_id":"app1"},"correlation":{"campaign_id":"the-campaign-%s","user_id":"u%s"},"payload":{%s}}\n' \
            c$n campaign.created "1T$at:00:00" $n $n '"creator":"did:maker","currency":"USD","funding_mode":"self","contract":{"off_ramps":["done"]}' \
            a$n campaign.activated "1T$at:00:01" $n $n '' \
            u$n attribution.assigned "1T$at:00:02" $n $n "\"user_id\":\"u$n\",\"campaign_id\":\"the-campaign-$n\"" \
            i$n revenue.invoice_paid "1T$at:00:03" $n $n '"gross_amount_cents":10000,"currency":"usd"' \
            d$n campaign.completed "1T$at:00:04" $n $n '"reason":"off_ramp","off_ramp":"done"'
    done
    printf '%s\n' '{"event_id":"last","event_type":"book.configured","occurred_at":"2025-01-02T07:00:00Z","payload":{"clear_after_days":1}}'
} >stream
is "$("$METE" run stream --json 2>/dev/null | jq -r '.campaigns[] | .campaign_id + " " + .state' | tr '\n' ' ')" \
    "$(for n in 1 2 3 4 5; do printf 'the-campaign-%s COMPLETED ' $n; done)" \
    'campaigns whose money clears later today'
m export audit >book.ndjson 2>/dev/null
for kind in settlement paid; do
    at=$(jq -r .kind <book.ndjson | grep -nx "$kind" | head -1 | cut -d: -f1)
    sed "${at}"'s/"amount":"\([0-9]*\)"/"amount":"1\1"/' book.ndjson >changed.ndjson
    "${METE%/*}/mete-audit" changed.ndjson >out 2>err
    is "$?" 3 "a change in a line of kind $kind is found"
done
finish
