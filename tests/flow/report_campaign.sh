#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mete report campaign, as people and programs see it: the story of tests/data/campaign, whose
# numbers tests/unit/test_campaign_report.c works out by hand. METE_BLESS=1 writes the texts anew.
# covers: M-077 M-081 M-082
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
golden=$ROOT/tests/golden
report() {
    "$METE" --store book.db report campaign "$@"
}

# same GOLDEN COMMAND...
same() {
    name=$1
    shift
    exits 0 "$name" "$@"
    [ "${METE_BLESS:-}" != 1 ] || cp out "$golden/$name"
    diff -u "$golden/$name" out >difference 2>&1
    ok $? "$name: as it was"
    sed 's/^/# /' difference
}

"$METE" --store book.db init --quiet
"$METE" --store book.db ingest "$ROOT/tests/data/campaign/book.ndjson" >/dev/null 2>&1
same report_campaign.txt report c1 --at 2025-04-10
same report_campaign.json report c1 --at 2025-04-10 --json
is "$(q '[.cac.num, .cac.den, .cac.minor]')" '["34000","3","11333"]' 'cost per customer, exactly'
is "$(q .expected_days)" '{"from":120,"to":180,"is_promise":false}' 'expected days are no promise'
is "$(q '[.. | numbers | select(. != floor)]')" '[]' 'no number has a fraction'
is "$(q '[.contract.variants[].contract.duration_days]')" '[180,150]' 'each version of the terms'
same report_campaign_other.json report c2 --at 2025-04-10 --json
exits 0 'in the past' report c1 --at 2025-01-08 --json
is "$(q '[.state.name, .elapsed_days, .revenue.gross, .funding.confirmed]')" \
    '["FUNDED",null,"0","100000"]' 'as it was before it was active'
exits 0 'the whole last day counts' report c1 --at 2025-01-15 --json
is "$(q .revenue.gross)" '"10000"' 'to its last moment'

# the report is of the log: a copy that is read in anew says the same
"$METE" --store again.db init --quiet
"$METE" --store again.db ingest "$ROOT/tests/data/campaign/book.ndjson" >/dev/null 2>&1
"$METE" --store again.db report campaign c1 --at 2025-04-10 --json >again
diff "$golden/report_campaign.json" again >/dev/null
ok $? 'the same log, the same report'
exits 0 'the log is whole' "$METE" --store book.db log verify

exits 1 'before it was created' report c1 --at 2025-01-01
says err 'was not created by then' 'says so'
exits 1 'another id' report c3
says err 'no campaign c3' 'says so'
exits 2 'no id' report
exits 2 'no table' report c1 --csv
exits 2 'no moment' report c1 --at yesterday

# Random streams: what the report adds up from events is what the book keeps in its state.
compared=0
# agrees WHAT: ./stream
agrees() {
    rm -f random.db*
    "$METE" --store random.db init --quiet
    "$METE" --store random.db ingest stream >/dev/null 2>&1
    "$METE" run stream --json --at 2027-01-01 >ran 2>/dev/null
    jq -r '.campaigns[].campaign_id' <ran >campaigns
    : >said
    while read -r campaign; do
        "$METE" --store random.db report campaign "$campaign" --at 2027-01-01 --json |
            jq -c '[.campaign_id, .state.name, .revenue.net_pool, (.contract.cap // null), .asset,
                (.revenue.months | map(.net_pool | tonumber) | add // 0 | tostring),
                (.revenue.months | map(.net | tonumber) | add // 0 | tostring) == .revenue.net]' >>said
        compared=$((compared + 1))
    done <campaigns
    jq -c '.campaigns[] | [.campaign_id, .state, .accrued, (.cap // null), .asset, .accrued, true]' <ran >kept
    diff kept said >difference
    ok $? "$1: state and accruals, as the book keeps them"
    sed 's/^/# /' difference
}
: "${CAMPAIGN_STREAMS:?the program that makes random campaigns}"
seed=${METE_TEST_SEED:-1}
echo "# seed $seed"
last=$((seed + 6))
while [ "$seed" -lt "$last" ]; do
    python3 "$ROOT/tests/flow/economy_stream.py" "$seed" 400 >stream
    agrees "seed $seed"
    "$CAMPAIGN_STREAMS" --seed "$seed" --events 300 --dump 1 >stream
    agrees "campaign of seed $seed"
    seed=$((seed + 1))
done
[ "$compared" -gt 10 ]
ok $? "$compared campaigns were compared"
finish
