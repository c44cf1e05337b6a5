#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The distribution service of the .fair architecture on a stored book: batches merged per payee and
# currency, sources in reports, metered calls by customer, daily closes, profiles with sealed names.
# covers: F-013 F-015 F-016 F-021 F-022 R-002
. "$ROOT/tests/flow/lib.sh"
"$METE" init --store a.db --preset fair --quiet >/dev/null
{
    event p1 policy.published 2025-01-01T00:00:00Z '{"policy":{"id":"urn:a","kind":"weights","shares":[{"party":"x","weight":"0.6"},{"party":"y","weight":"0.4"}]}}'
    event p2 policy.published 2025-01-01T00:00:00Z '{"policy":{"id":"urn:b","kind":"weights","shares":[{"party":"x","weight":"0.5"},{"party":"z","weight":"0.5"}]}}'
    event n1 party.registered 2025-01-01T00:00:00Z '{"party":"x","kind":"human","display_name":"Xenia Xylander"}'
    revenue e1 2025-01-10T00:00:00Z 100.00 USD '"policy":"urn:a"' ',"source":"streaming"'
    revenue e2 2025-01-11T00:00:00Z 100.00 USD '"policy":"urn:b"' ',"source":"ticket_sales"'
    revenue e3 2025-01-12T00:00:00Z 100.00 EUR '"policy":"urn:a"' ',"source":"music_streams"'
    for hour in 01 02; do
        for customer in acme globex; do
            event "m-$hour-$customer" usage.metered "2025-02-01T$hour:59:59Z" \
                "{\"policy\":\"urn:a\",\"endpoint\":\"/v1/charge\",\"cost\":{\"amount\":\"0.6275\",\"currency\":\"USD\"},\"calls\":25,\"customer_wallet\":\"did:web:$customer\"}"
        done
    done
    event d1 metering.closed 2025-02-02T00:05:00Z '{"policy":"urn:a","day":"2025-02-01"}'
} >stream
exits 0 'the batch is taken' "$METE" ingest --store a.db stream

# one balance a payee and currency, over all policies: 58.80 + 49.00 + the metered parts
"$METE" parties --store a.db --json --at 2030-01-01T00:00:00Z >out
is "$(q '[.. | objects | select(.party == "x") | [.asset, .cleared]] | sort')" '[["EUR/2","5880"],["USD/2","10928"]]' \
    'a batch is merged per payee and currency'

# two customers, each 1.255 a day: 1.25 booked for each, half a cent carried for each
"$METE" export csv --store a.db >out
is "$(grep -c '^.*d1' out | sed 's/^[1-9][0-9]*$/some/')" some 'the daily close is booked'
"$METE" report --store a.db --period 2025-02 --by policy --json >out
is "$(q '[.. | objects | select(.name? == "urn:a") | .gross][0]')" '"250"' \
    'the close books one revenue a customer, whole cents, the rest is carried'
event d2 metering.closed 2025-02-03T00:05:00Z '{"policy":"urn:a","day":"2025-02-02"}' >next
event m3 usage.metered 2025-02-02T01:00:00Z '{"policy":"urn:a","endpoint":"/v1/charge","cost":{"amount":"0.005","currency":"USD"},"customer_wallet":"did:web:acme"}' >first
"$METE" ingest --store a.db first next >/dev/null 2>&1
"$METE" report --store a.db --period 2025-02 --by policy --json >out
is "$(q '[.. | objects | select(.name? == "urn:a") | .gross][0]')" '"251"' 'and joins the next close of that customer'

"$METE" report --store a.db --period 2025-01 --by source --json >out
is "$(q '[.. | objects | select(.gross? and .name?) | [.name, .asset, .gross]] | sort')" \
    '[["streaming","EUR/2","10000"],["streaming","USD/2","10000"],["ticket_sales","USD/2","10000"]]' \
    'reports total by source, under one name for its aliases'

# the name of a profile is nowhere in the log, and can be forgotten
"$METE" audit --store a.db --export log.ndjson >/dev/null 2>&1
! grep -q Xylander log.ndjson
ok $? 'a display name is not in the export of the log'
head=$("$METE" log verify --store a.db --json 2>/dev/null)
exits 0 'it is erased' "$METE" party erase x --yes --store a.db
is "$("$METE" log verify --store a.db --json 2>/dev/null)" "$head" 'and the head is the same'
exits 0 'and the audit holds' "$METE" audit --store a.db

# weights that need whole numbers of 2^120 and more: the cycle waits, and the auditor knows why
# 2^119 for one provider fits; for two, or twice the price, it does not
half=664613997892457936451903530140172288
cycle() { # NAME CALLS_WEIGHT MORE PROVIDER...
    event "p-$1" policy.published 2025-01-01T00:00:00Z "{\"policy\":{\"id\":\"urn:$1\",\"kind\":\"usage\",\"calls_weight\":\"$2\"$3}}"
    day=$((day + 1)) name=$1
    shift 3
    for provider; do
        event "u-$name-$provider" usage.reported 2025-02-01T00:00:00Z "{\"platform_id\":\"p\",\"provider\":\"$provider\",\"calls\":1,\"bytes\":1024,\"window_start\":\"2025-01-0${day}T00:00:00Z\",\"window_end\":\"2025-01-0${day}T01:00:00Z\"}"
    done
    event "c-$name" cycle.closed 2025-02-01T00:00:00Z "{\"policy\":\"urn:$name\",\"window_start\":\"2025-01-0${day}T00:00:00Z\",\"window_end\":\"2025-01-0${day}T02:00:00Z\",\"pool\":{\"amount\":\"1.00\",\"currency\":\"USD\"}}"
}
day=0
"$METE" init --store w.db --quiet >/dev/null
{
    cycle fits $half '' a
    cycle sum $half '' a b
    cycle third $half ',"tiers":{"a":"1/3","b":"1/2"}' a b
    cycle twice $half ',"tiers":{"a":"2"}' a
    cycle kib $half ',"kib_weight":"1"' a
    cycle small 1/1024 ',"kib_weight":"1/1024"' a b
} >stream
exits 0 'cycles with large weights' "$METE" ingest --store w.db stream
is "$("$METE" report --store w.db --json | jq -c '[.. | objects | select(.code? == "weight_range") | .policy] | sort')" \
    '["urn:kib","urn:sum","urn:third","urn:twice"]' 'those wait whose whole numbers are too large'
exits 0 'and the audit says the same' "$METE" audit --store w.db
finish
