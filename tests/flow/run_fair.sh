#!/bin/sh
# covers: F-010 F-011 F-012 F-024 F-027 F-004
# .fair manifests through `mete run`: the published vectors, fees, temporal windows.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

P='"policy":"urn:p"'
weights() { # SHARES
    printf '{"id":"urn:p","kind":"weights","shares":%s}' "$1" >policy.json
}

# 1500.00 USD, 60/40, two percent of infrastructure
weights '[{"party":"did:ethr:0xA","weight":"0.6","role":"artist"},{"party":"did:ethr:0xB","weight":"0.4"}]'
revenue e1 2025-01-31T00:00:00Z 1500.00 USD "$P" >s.ndjson
run --preset fair --policy policy.json s.ndjson
is "$(q '.allocations | map([.party, .amount, .role])')" \
    '[["did:ethr:0xA","88200","artist"],["did:ethr:0xB","58800",null]]' '1500.00 USD at 0.6/0.4 after fees'
is "$(q '.fees')" \
    '[{"event_id":"e1","label":"infrastructure","payee":"did:fair:foundation","amount":"2250","reversed":"0","asset":"USD/2"},{"event_id":"e1","label":"infrastructure_pattern_attribution","payee":"did:ethr:0xWeR1Protocol","amount":"750","reversed":"0","asset":"USD/2"}]' \
    'the fee of 30.00 and its quarter'
is "$(q '.parties | map([.party, .cleared])')" \
    '[["did:ethr:0xA","88200"],["did:ethr:0xB","58800"],["did:ethr:0xWeR1Protocol","750"],["did:fair:foundation","2250"]]' \
    'parties by id, fee payees among them, cleared at once'
is "$(q .totals)" \
    '[{"asset":"USD/2","gross":"150000","fees":"3000","allocated":"147000","unallocated":"0","carried":"0","reversed":"0"}]' \
    'gross is fees and allocations'
is "$(q .allocations[0])" \
    '{"allocation_id":"e1/1","event_id":"e1","party":"did:ethr:0xA","amount":"88200","reversed":"0","asset":"USD/2","role":"artist","policy":"urn:p","root_policy":"urn:p","policy_version":1,"state":"cleared"}' \
    'an allocation has its members in their order'
is "$(q 'keys_unsorted')" \
    '["events","refused","waiting","totals","parties","allocations","fees","campaigns","log"]' 'the object has its members in their order'
is "$(q '[.events, .campaigns, .log.size]')" \
    '[{"applied":1,"duplicate":0,"refused":0,"waiting":0},[],4]' 'presets and --policy are in the log, but not submitted'

# without fees: 5000 at 0.6/0.4
revenue e1 2025-01-31T00:00:00Z 5000.00 USD "$P" >s.ndjson
run --policy policy.json s.ndjson
is "$(q '.allocations | map(.amount)')" '["300000","200000"]' '5000 at 0.6/0.4 without fees is 3000 and 2000'
is "$(q '[.allocations[0].state, .parties[0].pending, .parties[0].cleared]')" '["pending","300000","0"]' 'without a preset it is pending for 7 days'
run --policy policy.json --at 2025-02-06T23:59:59.999999Z s.ndjson
is "$(q .allocations[0].state)" '"pending"' 'a microsecond before the seven days'
run --policy policy.json --at 2025-02-07T00:00:00Z s.ndjson
is "$(q '[.allocations[0].state, .parties[0].cleared]')" '["cleared","300000"]' 'seven days, inclusive'

# largest remainder, and what stays unallocated
weights '[{"party":"a","weight":"1/3"},{"party":"b","weight":"1/3"},{"party":"c","weight":"1/3"}]'
revenue e1 2025-01-31T00:00:00Z 1.00 USD "$P" >s.ndjson
run --policy policy.json s.ndjson
is "$(q '.allocations | map(.amount)')" '["34","33","33"]' 'ties go in listed order'
weights '[{"party":"a","weight":"0.5"},{"party":"b","weight":"0.25"}]'
run --policy policy.json s.ndjson
is "$(q '[.totals[0].allocated, .totals[0].unallocated, (.parties | length)]')" '["75","25",2]' 'what is missing to 1 is unallocated, and nobody else has it'
weights '[{"party":"a","weight":"0.75"},{"party":"b","weight":"0.75"}]'
run --policy policy.json s.ndjson
is "$(q '[.events.refused, .refused[0].code, .events.waiting]')" '[1,"weight_above_one",1]' 'above 1 is refused, and the revenue waits'

# nested policies split again, each by its own rule
cat >nested.ndjson <<'END'
{"event_id":"p1","event_type":"policy.published","occurred_at":"2025-01-01T00:00:00Z","payload":{"policy":{"id":"urn:leaf","kind":"weights","shares":[{"party":"x","weight":"0.5","role":"writer"},{"party":"y","weight":"0.5"}]}}}
{"event_id":"p2","event_type":"policy.published","occurred_at":"2025-01-01T00:00:00Z","payload":{"policy":{"id":"urn:root","kind":"weights","shares":[{"party":"a","weight":"0.9"},{"policy":"urn:leaf","weight":"0.1"}]}}}
END
{ cat nested.ndjson; revenue e1 2025-01-31T00:00:00Z 0.99 USD '"policy":"urn:root"'; } >s.ndjson
run s.ndjson
is "$(q '.allocations | map([.allocation_id, .party, .amount, .role, .policy, .root_policy])')" \
    '[["e1/1","a","89",null,"urn:root","urn:root"],["e1/2.1","x","5","writer","urn:leaf","urn:root"],["e1/2.2","y","5",null,"urn:leaf","urn:root"]]' \
    'a nested policy splits the whole units that it was given'

# carry: fractions are remembered, and evened out
printf '{"id":"urn:p","kind":"weights","rounding":"carry","shares":[{"party":"a","weight":"1/3"},{"party":"b","weight":"2/3"}]}' >policy.json
for i in 1 2 3; do revenue "e$i" 2025-01-31T00:00:00Z 0.01 USD "$P"; done >s.ndjson
run --policy policy.json s.ndjson
is "$(q '[(.parties | map([.party, .pending])), .totals[0].carried]')" '[[["a","1"],["b","2"]],"0"]' 'three cents at 1/3 and 2/3 by carry'
sed -n 1p s.ndjson >one.ndjson
run --policy policy.json one.ndjson
is "$(q '[.totals[0].allocated, .totals[0].carried]')" '["0","1"]' 'the first cent is carried, visibly'

# music-temporal: 50/50 until 5000 USD are recouped, then 20/80
{ revenue m1 2025-04-02T00:00:00Z 4000.00 USD '"policy":"urn:fair:music-002"'
  revenue m2 2025-04-03T00:00:00Z 2000.00 USD '"policy":"urn:fair:music-002"'
  revenue m3 2025-04-04T00:00:00Z 1000.00 USD '"policy":"urn:fair:music-002"'; } >s.ndjson
run --policy "$ROOT/examples/fair/music-temporal.fair.json" s.ndjson
is "$(q '.allocations | map(.amount)')" '["200000","200000","100000","100000","20000","80000"]' \
    'music-temporal: the event that recoups is not split, the next one is 0.2/0.8'
{ revenue m1 2025-03-31T23:59:59Z 100.00 USD '"policy":"urn:fair:music-002"'; } >s.ndjson
run --policy "$ROOT/examples/fair/music-temporal.fair.json" s.ndjson
is "$(q '.totals[0].unallocated')" '"10000"' 'music-temporal: before April nothing is in force'

# software-vesting: four windows, ends included
: >s.ndjson
for t in 2025-01-01T00:00:00Z 2025-12-31T23:59:59Z 2026-01-01T00:00:00Z 2026-12-31T23:59:59Z \
    2027-06-30T12:00:00Z 2028-01-01T00:00:00Z 2099-01-01T00:00:00Z; do
    revenue "v$t" "$t" 1000.00 USD '"policy":"urn:fair:software-001"' >>s.ndjson
done
run --policy "$ROOT/examples/fair/software-vesting.fair.json" s.ndjson
is "$(q '[.allocations[] | select(.party == "github:founder") | .amount]')" \
    '["25000","25000","37500","37500","50000","62500","62500"]' 'software-vesting: the founder in every window'
is "$(q '[.allocations[] | select(.party == "github:investor") | .amount]')" \
    '["75000","75000","62500","62500","50000","37500","37500"]' 'software-vesting: the investor in every window'

# event-milestone: tickets sold before decide, periods by date
E='"policy":"urn:fair:event-002"'
{ revenue t1 2025-02-01T00:00:00Z 1000.00 USD "$E" ',"quantity":499'
  revenue t2 2025-03-01T00:00:00Z 1000.00 USD "$E" ',"quantity":1'
  revenue t3 2025-05-31T23:59:59Z 1000.00 USD "$E" ',"quantity":100'
  revenue t4 2025-06-01T00:00:00Z 1000.00 USD "$E" ',"quantity":400'
  revenue t5 2025-08-14T23:59:59Z 1000.00 USD "$E" ',"quantity":1'
  revenue t6 2025-08-15T00:00:00Z 1000.00 USD "$E" ',"quantity":1'; } >s.ndjson
run --policy "$ROOT/examples/fair/event-milestone.fair.json" s.ndjson
is "$(q '[.allocations[] | .amount] | [_nwise(3)]')" \
    '[["70000","25000","5000"],["70000","25000","5000"],["65000","30000","5000"],["60000","35000","5000"],["55000","40000","5000"],["0","0","0"]]' \
    'event-milestone: early bird and standard, below and above the thresholds'

# every fee has the label that its schedule gave it, however long the result is
run --preset fair --policy "$ROOT/examples/fair/music.fair.json" --policy "$ROOT/examples/fair/software-vesting.fair.json" \
    --policy "$ROOT/examples/fair/opensource.fair.json" --policy "$ROOT/examples/fair/event-milestone.fair.json" \
    "$ROOT"/examples/streams/cli-usage.ndjson "$ROOT"/examples/streams/streaming.ndjson "$ROOT"/examples/streams/tickets.ndjson
is "$(q '[.fees[].label] | unique - ["fee"]')" '["infrastructure","infrastructure_pattern_attribution"]' 'the labels of fees'
[ "$(q '.fees | length')" -gt 100 ]
ok $? 'of more than a hundred'

# the same input gives the same bytes
run --policy "$ROOT/examples/fair/event-milestone.fair.json" --preset fair s.ndjson
cp out first
run --policy "$ROOT/examples/fair/event-milestone.fair.json" --preset fair s.ndjson
cmp -s out first
ok $? 'a second run gives the same bytes'
finish
