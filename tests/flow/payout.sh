#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mete payout: a plan, a batch, one payout of several sources, holds and cancelling, and a schedule
# whose periods exist once; the auditor agrees.
# covers: F-043 F-044 F-053 F-055 F-058 F-113 R-009 R-010 R-021 R-032
# shellcheck source=tests/flow/lib.sh
. "$ROOT/tests/flow/lib.sh"
told=0
say() { # TYPE PAYLOAD
    told=$((told + 1))
    printf '{"event_id":"s%d","event_type":"%s","occurred_at":"2025-01-01T00:00:%02dZ","payload":{%s}}\n' \
        $told "$1" $told "$2"
}
earn() { # PARTY AMOUNT SOURCE
    say revenue.received "\"party\":\"$1\",\"amount\":{\"amount\":\"$2\",\"currency\":\"USD\"},\"source\":\"$3\""
}
live() { # PARTY ACCOUNT
    say party.destination_set "\"party\":\"$1\",\"rail\":\"bank\",\"destination\":\"$2\""
}
{
    say book.configured '"clear_after_days":0,"payout_minimum":{"amount":"10.00","currency":"USD"},"payout_schedules":[{"id":"monthly","every":"month","asset":"USD","rail":"bank","minimum":"20.00"},{"id":"weekly","every":"week","asset":"USD","rail":"bank"}]'
    earn did:creator 245.20 music_streaming
    earn did:creator 432.10 cli_usage
    earn did:creator 170.20 event_revenue
    live did:creator DE02120300000000202051
    earn did:small 9.99 cli_usage
    live did:small DE02500105170137075030
    earn did:middle 15.00 cli_usage
    live did:middle DE02100500000054540402
    earn did:none 50.00 cli_usage
} >stream
m() {
    "$METE" --store book.db "$@"
}
m init --quiet
m ingest stream >/dev/null 2>&1
ok $? 'four parties'
is "$(m payout status 2>&1)" 'There are no batches.' 'no batch yet'
is "$(m payout plan --asset USD --rail bank --csv | tr -d '\r' | cut -d, -f1-4)" 'party,is_paid,amount_minor,code
did:creator,yes,847.50,
did:small,no,9.99,below_minimum
did:middle,yes,15.00,
did:none,no,50.00,destination_missing' 'payout plan --csv'
is "$(m payout plan --asset USD --rail bank --totals 2>&1)" \
    '2 would be paid 862.50 USD; 2 left out, 59.99 USD carried on.' 'payout plan --totals'
m payout plan --schedule monthly --json >out
is "$(q '[.parties[] | [.party, .code]]')" \
    '[["did:creator",null],["did:small","below_minimum"],["did:middle","below_minimum"],["did:none","destination_missing"]]' \
    'a schedule has a minimum of its own'
m payout plan --asset USD --rail bank | grep -q 'does not reach the minimum yet'
ok $? 'in plain words'
exits 1 'an asset that there is not' m payout plan --asset XYZZY --rail bank
exits 2 'a plan of nothing' m payout plan
exits 2 'a schedule says its rail' m payout plan --schedule monthly --rail bank
exits 1 'a schedule that there is not' m payout plan --schedule daily

exits 1 'a period that is not over' m payout run --schedule monthly --period 2999-01
exits 1 'a period of another kind' m payout run --schedule monthly --period 2025-W01
m payout run --schedule monthly --period 2025-01 --json >out 2>/dev/null
is "$? $(q '[.batch_id, .status, .transfers, .amount_minor]')" \
    '0 ["monthly/2025-01","under way","1","84750"]' 'payout run --schedule'
m payout run --schedule monthly --period 2025-01 --json >out 2>err
is "$(q .transfers) $(cat err)" '"1" The batch was there already.' 'a period exists once'
earn did:creator 100.00 cli_usage | m ingest - >/dev/null 2>&1
m payout run --schedule monthly --period 2025-01 --json >out 2>/dev/null
is "$(q .transfers)" '"1"' 'and pays a party once'
m payout run --batch own --asset USD --rail bank --json >out 2>/dev/null
is "$(q '[.batch_id, .transfers, .amount_minor]')" '["own","2","11500"]' 'payout run --batch'
is "$(m payout status --csv | tr -d '\r' | cut -d, -f1,2,6,8)" 'batch_id,status,transfers,amount_minor
monthly/2025-01,under way,1,847.50
own,under way,2,115.00' 'payout status --csv'
m payout status own | grep -Eq '^queued +2 +115.00 USD'
ok $? 'payout status BATCH'

id=$(m payout list --batch monthly/2025-01 --json | jq -r '.payouts[0].transfer_id')
m payout show "$id" --json >out
is "$(q '[.lines[] | [.source, .amount_minor]]')" \
    '[["music_streaming","24520"],["cli_usage","43210"],["event_revenue","17020"]]' \
    'three sources, one payout'
is "$(q '([.lines[].amount_minor | tonumber] | add) == (.amount_minor | tonumber)')" true \
    'lines come to its amount'
is "$(q .destination)" '"…2051"' 'the destination is masked'
m explain "$id" | grep -q '245.20 USD of it: music_streaming, earned'
ok $? 'explain ID'
own=$(m payout list --batch own --party did:creator --json | jq -r '.payouts[0].transfer_id')
m payout show "$own" --json >out
is "$(q '[.lines[] | [.source, .amount_minor]]')" '[["cli_usage","10000"]]' \
    'the next payout has what came since'

exits 2 'cancelling wants a reason' m payout cancel "$own"
m payout cancel "$own" --reason 'wrong rail' --quiet
is "$? $(m payout list --state cancelled --json | jq -c '[.payouts[].transfer_id]')" "0 [\"$own\"]" \
    'payout cancel'
m payout hold did:creator --reason 'under review' --quiet
is "$? $(m payout plan --asset USD --rail bank --party did:creator --json | jq -r '.parties[0].code')" \
    '0 party_held' 'payout hold'
m payout release "$id" --reason checked --quiet
is "$? $(m payout plan --asset USD --rail bank --party did:creator --json | jq -r '.parties[0].code')" \
    '0 null' 'payout release ID'
exits 1 'nobody is held twice over' m payout release did:creator --reason checked
exits 1 'a party that there is not' m payout hold did:nobody --reason x
exits 1 'a payout that there is not' m payout show po_1
m audit --quiet >/dev/null 2>&1
ok $? 'the auditor agrees'
finish
