#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The auditor and campaigns: every story of tests/unit/test_campaign.c, random streams of both
# generators, and one change in each kind of line that the economy adds to the export.
# covers: M-001 M-002 M-040 M-041 M-064
# shellcheck source=tests/flow/lib.sh
. "$ROOT/tests/flow/lib.sh"
AUDITOR=${METE%/*}/mete-audit
told=0

# say TYPE CORRELATION PAYLOAD: an event of app1, a second later each time
say() {
    told=$((told + 1))
    printf '{"event_id":"s%d","event_type":"%s","occurred_at":"2025-01-01T00:%02d:%02dZ","source":{"app_id":"app1"},"correlation":{%s},"payload":{%s}}\n' \
        $told "$1" $((told / 60)) $((told % 60)) "$2" "$3"
}
C='"campaign_id":"c1"'
U='"user_id":"u1"'
invoice() { # CENTS PAYMENT
    say revenue.invoice_paid "$U" "\"gross_amount_cents\":$1,\"currency\":\"usd\",\"stripe_payment_intent_id\":\"$2\""
}
refund() {
    say revenue.refund_issued '' "\"refund_amount_cents\":$1,\"currency\":\"usd\",\"stripe_payment_intent_id\":\"$2\""
}
fees() {
    say fees.scheduled '' '"fees":[{"label":"marketplace_fee","bps":300,"payee":"platform"}]'
    say book.configured '' '"clear_after_days":0'
}
created() {
    say campaign.created "$C" "\"creator\":\"did:creator\",\"currency\":\"USD\",\"contract\":{$1}"
}
owner() {
    say app.registered '' '"app_id":"app1","owner":"did:owner"'
}
assigned() { # [CAMPAIGN [TYPE]]
    say "${2:-attribution.assigned}" '' "\"user_id\":\"u1\",\"campaign_id\":\"${1:-c1}\""
}
pledged() { # ID INVESTOR AMOUNT
    say commitment.created "$C,\"commitment_id\":\"$1\"" "\"investor_id\":\"$2\",\"amount_minor\":$3,\"currency\":\"USD\""
}
confirmed() {
    say commitment.confirmed "\"commitment_id\":\"$1\"" ''
}
offering() {
    fees
    created '"raise_amount":"20000.00","revenue_share_bps":2000,"cap_multiple":"1.4","duration_days":180'
    say campaign.opened_for_funding "$C" ''
    pledged k1 did:i1 1500000
    pledged k2 did:i2 500000
    confirmed k1
    say campaign.funding_closed "$C" '' # too early
    confirmed k2
    say campaign.funding_closed "$C" ''
    say campaign.activated "$C" ''
}

# story NAME PARTIES: books ./stream; PARTIES as "party amount, ..." of those named did:
story() {
    rm -f book.db*
    "$METE" --store book.db init --quiet
    "$METE" --store book.db ingest stream >/dev/null 2>&1
    "$METE" --store book.db parties --json >out
    is "$(jq -r '(.parties // .) | map(select(.party | startswith("did:")) | .party[4:] + " " + ((.pending | tonumber) + (.cleared | tonumber) - (.debt | tonumber) | tostring)) | sort | join(", ")' <out)" \
        "$2" "$1: who has what"
    exits 0 "$1: audit" "$METE" --store book.db audit
    told=0
}

{ fees && owner && invoice 10000 pi; } >stream
story 'no campaign' 'owner 9700'
{ offering && assigned && invoice 10000 pi; } >stream
story 'with royalty' 'creator 7520, i1 1410, i2 470'
{
    fees
    created '"revenue_share_bps":2000'
    say campaign.opened_for_funding "$C" '' # refused
    say campaign.activated "$C" ''
    assigned
    invoice 10000 pi
} >stream
story 'self-funded' 'creator 9700'
{
    offering
    assigned
    invoice 14893000 a
    invoice 10000 b
    invoice 10000 c
    say campaign.completed "$C" '"reason":"off_ramp","off_ramp":"x"' # refused
    refund 10000 b
    invoice 10000 d
} >stream
story 'the cap' 'creator 11218336, i1 2099913, i2 699971'
{
    offering
    assigned
    invoice 10000 pi
    refund 5000 pi
    refund 5001 pi # refused
} >stream
story 'a refund' 'creator 3760, i1 705, i2 235'
say revenue.chargeback '' '"stripe_payment_intent_id":"pi"' | sed 's/"s1"/"all"/' >>stream
story 'all of it goes back' 'creator 0, i1 0, i2 0'
{ offering && assigned && refund 5000 pi && invoice 10000 pi; } >stream
story 'a refund that comes first' 'creator 3760, i1 705, i2 235'
{ fees && invoice 10000 pi && owner; } >stream
story 'waiting for an owner' 'owner 9700'
{ offering && invoice 10000 pi && assigned && owner; } >stream
story 'waiting for a user' 'creator 7520, i1 1410, i2 470'
{ fees && owner && invoice 10000 pi && assigned && created '"purpose":"ads"'; } >stream
story 'an attribution that waits' 'creator 9700, owner 0'
thrice() {
    for p in 10001 3333 9999; do
        invoice $p p$p
        refund $((p / 7)) p$p
        refund $((p / 3)) p$p
    done
}
{ offering && owner && assigned && thrice; } >stream
story 'attributed, invoiced, refunded' 'creator 9195, i1 1724, i2 574'
{ offering && owner && thrice && assigned; } >stream
story 'the same, attributed last' 'creator 9195, i1 1724, i2 574, owner 0'
{
    offering
    say campaign.created '"campaign_id":"c2"' '"creator":"did:other","currency":"USD"'
    assigned
    invoice 10000 pi
    assigned c2 attribution.updated
    refund 1000 pi
    say book.configured '' '"attribution_corrections":false'
    assigned c1 attribution.updated # refused
} >stream
story 'a correction' 'creator 0, i1 0, i2 0, other 8460'
{
    fees
    owner
    for what in disabled enabled disabled; do say app.royalty_$what '' ''; done
    invoice 10000 a
    say app.economic_terms_set '' '"marketplace_fee_bps":250'
    invoice 10000 b
    say app.royalty_disabled '' '"force":true,"reason":"a court said so"'
    invoice 10000 c
} >stream
story 'a royalty' 'owner 28600'
{
    offering
    pledged k3 did:i3 1 # refused
    confirmed k1 # refused
} >stream
story 'only confirmed money' ''
# who promised first is listed first, also when the money comes while the campaign runs
{
    fees
    created '"raise_amount":"1","revenue_share_bps":10000'
    say campaign.opened_for_funding "$C" ''
    pledged k1 did:i1 100
    pledged k2 did:i2 100
    confirmed k2
    say campaign.funding_closed "$C" ''
    say campaign.activated "$C" ''
    confirmed k1
    assigned
    invoice 1 pi
} >stream
story 'the odd unit' 'creator 0, i1 1, i2 0'

# --- random streams ---------------------------------------------------------------------------------
# random NAME COMMAND...: the stream that the command prints, audited
bad=
random() {
    name=$1
    shift
    rm -f book.db*
    "$@" >stream || bad="$bad made:$name"
    "$METE" --store book.db init --quiet
    "$METE" --store book.db ingest stream >/dev/null 2>&1
    "$METE" --store book.db audit >out 2>&1 || { bad="$bad $name"; tail -3 out | sed 's/^/# /'; }
}
seed=1
while [ $seed -le 12 ]; do
    random "seed:$seed" "$CAMPAIGN_STREAMS" --seed $seed --events 300 --dump 1
    seed=$((seed + 1))
done
is "$bad" '' "the auditor agrees with 12 streams of test_campaigns"
seed=1
bad=
while [ $seed -le 25 ]; do
    random "seed:$seed" python3 "$ROOT/tests/flow/economy_stream.py" $seed 300
    seed=$((seed + 1))
done
is "$bad" '' "the auditor agrees with 25 streams of economy_stream.py"

# --- one change in each kind of line ----------------------------------------------------------------
random 'with every kind of line' python3 "$ROOT/tests/flow/economy_stream.py" 2 300
"$METE" --store book.db export audit >book.ndjson 2>/dev/null
[ "$(grep -c '"kind":"page"' book.ndjson)" -gt 20 ]
ok $? "much of the last stream was decided anew"
exits 0 "its export as it is" "$AUDITOR" book.ndjson
for kind in app terms campaign investment round commitment grant; do
    case $kind in
    app) change='s/"owner":"\(.\)/"owner":"x\1/' ;;
    terms) change='s/"fees":"\([0-9]*\)"/"fees":"1\1"/' ;;
    campaign) change='s/"creators":"\(-\{0,1\}\)\([0-9]*\)"/"creators":"\11\2"/' ;;
    round) change='s/"state":"[A-Z_]*"/"state":"CANCELLED"/' ;;
    *) change='s/"amount":"\([0-9]*\)"/"amount":"1\1"/' ;;
    esac
    at=$(jq -r .kind <book.ndjson | grep -nx "$kind" | tail -1 | cut -d: -f1)
    [ -n "$at" ] || { ok 1 "there is a line of kind $kind" && continue; }
    sed "${at}$change" book.ndjson >changed.ndjson
    cmp -s book.ndjson changed.ndjson && ok 1 "the line of kind $kind did not change" && continue
    "$AUDITOR" changed.ndjson >out 2>err
    is "$?" 3 "a change in the last line of kind $kind is found"
    awk -v at="$at" 'NR != at' book.ndjson >changed.ndjson
    "$AUDITOR" changed.ndjson >out 2>err
    result=$?
    grep -q 'is missing' out
    is "$result $?" '3 0' "a line of kind $kind that is missing is found"
done
finish
