#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Simulation, replay and explanation of books with campaigns: drafts of policies change what they are
# about and nothing of a campaign; the contract of one is nobody's to draft; the same events give the
# same head, read from a file, copied, or decided again from what the log has.
# covers: M-001 M-064 M-077
# shellcheck source=tests/flow/lib.sh
. "$ROOT/tests/flow/lib.sh"

head_of() { "$METE" --store "$1" log head --no-store --json | jq -r .root; }
book() { # STREAM: in book.db
    rm -f book.db*
    "$METE" --store book.db init --quiet
    "$METE" --store book.db ingest "$1" >/dev/null 2>&1
}

# --- by hand ------------------------------------------------------------------------------------------
revenue='{"event_id":"r1","event_type":"revenue.received","occurred_at":"2025-01-01T01:00:00Z","payload":{"policy":"urn:song","amount":{"amount":"10.00","currency":"USD"}}}'
published='{"event_id":"r0","event_type":"policy.published","occurred_at":"2025-01-01T00:59:00Z","payload":{"policy":{"id":"urn:song","kind":"single","party":"did:a"}}}'
{ cat "$ROOT/tests/data/query/campaign.ndjson" && echo "$published" && echo "$revenue"; } >stream
book stream
before=$(head_of book.db)
echo '{"id":"urn:song","kind":"single","party":"did:b"}' >song.json
exits 0 'simulate a policy beside campaigns' "$METE" --store book.db simulate --policy song.json --json
is "$(q '[.rows[] | select(.now != .then) | [.party, .now, .then]]')" '[["did:a","970","0"],["did:b","0","970"]]' \
    'the draft moves its own revenue, and nothing of the campaigns'
is "$(q .refused_count)" 0 'and makes no event impossible'
exits 0 'in words' "$METE" --store book.db simulate --policy song.json
says out '^did:b +0.00 USD +9.70 USD +9.70 USD' 'a row of the one who would gain'
echo '{"id":"mete:campaign:c1","kind":"single","party":"did:b"}' >contract.json
exits 1 "the contract of a campaign as a draft" "$METE" --store book.db simulate --policy contract.json
says err 'mete:campaign:c1 cannot be drafted.*contract of a campaign follows from its events.*party_reserved.*/id' \
    'it says why not'
echo '{"id":"urn:mine","kind":"contract"}' >contract.json
exits 1 "a contract of one's own" "$METE" --store book.db simulate --policy contract.json
says err 'contract.json: a contract is made of campaign.\* events.*policy_kind.*/kind' 'it says who makes contracts'
is "$(head_of book.db)" "$before" 'simulations leave the log as it was'

# --- what the book has is shown by its names --------------------------------------------------------------
exits 0 'an invoice explained' "$METE" --store book.db explain s13
for words in 'leaves 94.00 USD to share' 'marketplace_fee, to platform: 3 % of 100.00 = 3.00 exactly' \
    'offering_royalty_fee, to platform: 3 % of 100.00 = 3.00 exactly' \
    "the investors' pool: 20 % \(1/5\) of 94.00 = 18.80 exactly" '94.00 less 18.80 = 75.20' \
    'until they have had 28,000.00 USD'; do
    says out "$words" "$words"
done
exits 0 'as JSON' "$METE" --store book.db explain s18 --json
is "$(q '[.. | objects | select(.label == "pool") | [.amount, .cap_took]]')" '[["2794548","1576"]]' \
    'what the cap took is a member of its own'

# --- replay --------------------------------------------------------------------------------------------------
run_head() { "$METE" run --json "$1" 2>/dev/null | jq -r .log.head; }
is "$(run_head stream)" "$(run_head stream)" 'a stream gives the same head twice'
exits 0 'copy' "$METE" copy --from book.db --to copied.db
is "$(head_of copied.db)" "$before" 'a copy has the same head'
exits 0 'its audit' "$METE" --store copied.db audit
exits 0 'its log' "$METE" --store copied.db log verify

# --- random streams ------------------------------------------------------------------------------------------
seed=1
while [ $seed -le 12 ]; do
    python3 "$ROOT/tests/flow/economy_stream.py" $seed 250 >"economy-$seed"
    "$CAMPAIGN_STREAMS" --seed $seed --events 250 --dump 1 >"campaigns-$seed"
    seed=$((seed + 1))
done
"$QUERY_CAMPAIGN" economy-* campaigns-* >told 2>&1
ok $? 'of 24 random streams everything is explained, a replay has the same head, and a simulation without a draft changes nothing'
grep -v '^ok' told | sed 's/^/# /'
is "$(grep -c '^ok' told)" 24 'all of them'
finish
