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

# --- the log, and what follows from it -----------------------------------------------------------------------
# from the feed's own book: its places and ids are those of the server (tests/http/test_derived.py)
exits 0 'log show' "$METE" --store book.db log show --csv
tr -d '\r' <out >rows
is "$(sed 1d rows | cut -d, -f1 | grep -vc '[.]')" "$(grep -c . stream)" 'every event of the log is in it'
is "$(cut -d, -f1,4,6,7 rows | grep '[.]0[.]\|[.]1[.]' | tr '\n' ' ')" \
    '13.0.1,ledger.accrued,s13,c1 14.0.1,ledger.accrued,s14, 15.0.1,ledger.adjusted,s15, 16.1.1,ledger.adjusted,s16, 16.1.2,ledger.accrued,s16,c1 16.1.3,ledger.adjusted,s16,c1 17.0.1,ledger.accrued,s17,c1 18.0.1,ledger.accrued,s18,c1 18.0.2,campaign.completed,s18,c1 19.0.1,ledger.accrued,s19,c1 21.0.1,ledger.accrued,s21,c2 ' \
    'behind each event stands what follows from it'
"$METE" --store book.db log show --json | jq -c '.events[]' >all
after=0
: >paged
while [ -n "$after" ]; do
    "$METE" --store book.db log show --json --limit 1 --after "$after" >page
    jq -c '.events[]' <page >>paged
    after=$(jq -r 'if .more then .next else empty end' <page)
done
cmp -s all paged
ok $? "one by one it is the same, from $(grep -c . all) places"
uuid=$(python3 -c 'import hashlib, uuid
h = bytearray(hashlib.sha256(b"mete:derived\ncampaign.completed\nc1").digest()[:16])
h[6], h[8] = h[6] & 15 | 128, h[8] & 63 | 128
print(uuid.UUID(bytes=bytes(h)))')
exits 0 'one type' "$METE" --store book.db log show --type campaign.completed --json
is "$(q '[.events[].event | [.event_id, .caused_by, .payload.reason]]')" \
    "[[\"$uuid\",\"s18\",\"cap_reached\"]]" \
    'its id is made as doc/format.md says'
exits 0 'the log alone' "$METE" --store book.db log show --stored --json
is "$(q '[.events[] | select(has("derived"))] | length')" 0 'nothing derived is in it'
exits 2 'no such type' "$METE" --store book.db log show --type no.such
exits 2 'no such place' "$METE" --store book.db log show --after 1.2

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
