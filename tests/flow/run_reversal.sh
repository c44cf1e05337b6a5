#!/bin/sh
# covers: F-012
# Reversals are apportioned over what is left, never below zero, and exactly zero at the end.
# Disputes move money between pending, disputed and cleared.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

printf '{"id":"urn:p","kind":"weights","shares":[{"party":"a","weight":"6/14"},{"party":"b","weight":"6/14"},{"party":"c","weight":"2/14"}]}' >policy.json
P='"policy":"urn:p"'
T=2025-01-0

# lines 6, 6, 2: minus 10, then 1, then 3
revenue r ${T}1T00:00:00Z 14 SAT "$P" >s.ndjson
run --policy policy.json s.ndjson
is "$(q '.allocations | map(.amount)')" '["6","6","2"]' 'lines of 6, 6 and 2'
reversal x1 ${T}2T00:00:00Z r 10 SAT >>s.ndjson
run --policy policy.json s.ndjson
is "$(q '.allocations | map(.reversed)')" '["4","4","2"]' 'minus 10: 4.29, 4.29 and 1.43 by largest remainder'
is "$(q '.parties | map(.pending)')" '["2","2","0"]' 'minus 10: what is left is pending'
reversal x2 ${T}3T00:00:00Z r 1 SAT >>s.ndjson
run --policy policy.json s.ndjson
is "$(q '.allocations | map(.reversed)')" '["5","4","2"]' 'then minus 1: the first of equals'
reversal x3 ${T}4T00:00:00Z r 3 SAT >>s.ndjson
run --policy policy.json s.ndjson
is "$(q '[(.allocations | map(.reversed)), .totals[0].reversed, (.parties | map(.pending))]')" \
    '[["6","6","2"],"14",["0","0","0"]]' 'then minus 3: exactly zero at the end'
reversal x4 ${T}5T00:00:00Z r 1 SAT >>s.ndjson
run --policy policy.json s.ndjson
is "$(q '[.refused[0].event_id, .refused[0].code]')" '["x4","reversal_exceeds"]' 'nothing is left to reverse'

# all at once, with fees
{ revenue r ${T}1T00:00:00Z 1500.00 USD "$P"; reversal x ${T}2T00:00:00Z r; } >s.ndjson
run --preset fair --policy policy.json s.ndjson
is "$(q '[.fees[].reversed, .allocations[].reversed]')" '["2250","750","63000","63000","21000"]' 'a full reversal takes back every line, fees too'
is "$(q '[.parties[] | .pending, .cleared, .debt] | unique')" '["0"]' 'nobody is left with anything'

# cleared and moved on: debt
{ revenue r ${T}1T00:00:00Z 14 SAT "$P"
  event w wallet.transferred 2025-01-09T00:00:00Z '{"from":"a","to":"z","amount":{"amount":"6","currency":"SAT"}}'
  reversal x 2025-01-10T00:00:00Z r; } >s.ndjson
run --policy policy.json s.ndjson
is "$(q '[.parties[] | [.party, .cleared, .debt]]')" '[["a","0","6"],["b","0","0"],["c","0","0"],["z","6","0"]]' 'what was moved on is a debt'
# later earnings recover it
revenue r2 2025-01-11T00:00:00Z 14 SAT "$P" >>s.ndjson
run --policy policy.json --at 2025-02-01T00:00:00Z s.ndjson
is "$(q '.parties[0] | [.party, .cleared, .debt]')" '["a","0","0"]' 'later earnings recover the debt'

# a reversal that comes before its original waits
{ reversal x ${T}2T00:00:00Z r 4 SAT; revenue r ${T}1T00:00:00Z 14 SAT "$P"; } >s.ndjson
run --policy policy.json s.ndjson
is "$(q '[.events, (.allocations | map(.reversed))]')" '[{"applied":2,"duplicate":0,"refused":0,"waiting":0},["2","2","0"]]' \
    'a reversal waits for its original and is booked after it'

# disputes
dispute() { event "$1" "allocation.$2" "$3" "{\"allocation_id\":\"$4\",\"reason\":\"wrong\"${5:-}}"; }
{ revenue r ${T}1T00:00:00Z 14 SAT "$P"; dispute d1 disputed ${T}2T00:00:00Z r/1; } >s.ndjson
run --policy policy.json --at ${T}3T00:00:00Z s.ndjson
is "$(q '[.allocations[0].state, .parties[0].pending, .parties[0].disputed, .parties[1].pending]')" '["disputed","0","6","6"]' 'disputed money is held'
run --policy policy.json --at 2025-01-16T00:00:00Z s.ndjson
is "$(q '[.allocations[0].state, .allocations[1].state]')" '["disputed","cleared"]' 'fourteen days: still disputed'
run --policy policy.json --at 2025-01-16T00:00:00.000001Z s.ndjson
is "$(q '[.allocations[0].state, .parties[0].cleared]')" '["cleared","6"]' 'more than fourteen days: it clears by itself'
dispute d2 escalated ${T}3T00:00:00Z r/1 >>s.ndjson
run --policy policy.json --at 2025-06-01T00:00:00Z s.ndjson
is "$(q '[.allocations[0].state, .parties[0].disputed]')" '["disputed","6"]' 'escalated: never by itself'
cp s.ndjson escalated.ndjson
dispute d3 overridden ${T}4T00:00:00Z r/1 >>s.ndjson
run --policy policy.json --at ${T}4T00:00:00Z s.ndjson
is "$(q '[.allocations[0].state, .parties[0].cleared, .parties[0].disputed, .parties[0].pending]')" '["cleared","6","0","0"]' 'overridden: cleared now'
{ cat escalated.ndjson; dispute d3 upheld ${T}4T00:00:00Z r/1 ',"reallocate_to":"new"'; } >s.ndjson
run --policy policy.json --at ${T}4T00:00:00Z s.ndjson
is "$(q '[.allocations[0].state, (.parties[] | select(.party == "a" or .party == "new") | [.party, .pending, .disputed, .cleared])]')" \
    '["upheld",["a","0","0","0"],["new","0","0","6"]]' 'upheld: it changes hands'
{ cat escalated.ndjson; reversal x ${T}4T00:00:00Z r 7 SAT; } >s.ndjson
run --policy policy.json --at ${T}5T00:00:00Z s.ndjson
is "$(q '[(.allocations | map(.reversed)), (.parties | map([.pending, .disputed]))]')" \
    '[["3","3","1"],[["0","3"],["3","0"],["1","0"]]]' 'a reversal takes from what is disputed too'
{ cat s.ndjson; dispute d4 overridden ${T}5T00:00:00Z r/1; } >t.ndjson
run --policy policy.json --at ${T}5T00:00:00Z t.ndjson
is "$(q '.parties[0] | [.pending, .disputed, .cleared]')" '["0","0","3"]' 'and the rest of it is cleared by the override'
revenue r2 2025-01-06T00:00:00Z 14 SAT "$P" >>t.ndjson
dispute d5 disputed 2025-01-20T00:00:00Z r2/1 >>t.ndjson
run --policy policy.json t.ndjson
is "$(q '.refused | map([.event_id, .code])')" '[["d5","state_forbids"]]' 'what has cleared cannot be disputed'
finish
