#!/bin/sh
# covers: F-023 F-027
# The door: duplicates, conflicts, waiting, refusals, shapes of streams, strictness, exit statuses.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

printf '{"id":"urn:p","kind":"single","party":"a"}' >policy.json
P='"policy":"urn:p"'
T=2025-01-01T00:00:00Z

{ revenue e1 $T 1.00 USD "$P"; revenue e1 $T 1.00 USD "$P"; revenue e1 $T 2.00 USD "$P"
  printf '{"payload":{"policy":"urn:p","amount":{"currency":"USD","amount":"1.00"}},  "occurred_at":"%s","event_type":"revenue.received","event_id":"e1"}\n' $T; } >s.ndjson
run --policy policy.json s.ndjson
is "$(q .events)" '{"applied":1,"duplicate":2,"refused":1,"waiting":0}' 'same content is a duplicate, other content is refused'
is "$(q .refused)" '[{"event_id":"e1","code":"conflict","pointer":"/event_id","message":"entry 2 of the log has this id and other bytes"}]' 'a conflict is listed'
is "$(q '.totals[0].gross')" '"100"' 'the money counts once'

# revenue before its policy
{ revenue e1 $T 1.00 USD '"policy":"urn:later"'; revenue e2 $T 2.00 USD '"policy":"urn:later"'; } >s.ndjson
run s.ndjson
is "$(q '[.events.waiting, .waiting]')" \
    '[2,[{"event_id":"e1","code":"policy_unknown","pointer":"/payload/policy"},{"event_id":"e2","code":"policy_unknown","pointer":"/payload/policy"}]]' 'it waits'
is "$(q '[.totals, .parties, .allocations]')" '[[],[],[]]' 'and is nobody s yet'
event p policy.published 2025-01-02T00:00:00Z '{"policy":{"id":"urn:later","kind":"single","party":"late"}}' >>s.ndjson
run s.ndjson
is "$(q '[.events, .waiting, (.allocations | map([.event_id, .amount]))]')" \
    '[{"applied":3,"duplicate":0,"refused":0,"waiting":0},[],[["e1","100"],["e2","200"]]]' 'when the policy comes both are booked, in their order'

# more than 4096 legs and a release of many
{ for i in 1 2 3; do revenue "w$i" $T 100.00 USD '"policy":"urn:wide"'; done
  printf '{"event_id":"p","event_type":"policy.published","occurred_at":"%s","payload":{"policy":{"id":"urn:wide","kind":"weights","shares":[' $T
  i=0
  while [ $i -lt 4000 ]; do
      [ $i = 0 ] || printf ','
      printf '{"party":"p%04d","weight":"1/4000"},{"party":"q","weight":"0"}' $i
      i=$((i + 2))
  done
  printf ']}}}\n'; } | sed 's/1\/4000/1\/2000/g' >s.ndjson
run s.ndjson
is "$(q '[.events, (.allocations | length), (.allocations | map(.amount | tonumber) | add), (.parties | length)]')" \
    '[{"applied":4,"duplicate":0,"refused":0,"waiting":0},12000,30000,2001]' 'wide decisions in several pages, released together'

# the same booked at once: pages without a release
wide() { # ID: a policy of 2500 parties
    printf '{"event_id":"%s","event_type":"policy.published","occurred_at":"%s","payload":{"policy":{"id":"urn:%s","kind":"weights","shares":[' "$1" $T "$1"
    i=0
    while [ $i -lt 2500 ]; do
        [ $i = 0 ] || printf ','
        printf '{"party":"%s%04d","weight":"1/2500"}' "$1" $i
        i=$((i + 1))
    done
    printf ']}}}\n'
}
{ wide l; wide m
  event n policy.published $T '{"policy":{"id":"urn:n","kind":"weights","shares":[{"policy":"urn:l","weight":"0.5"},{"policy":"urn:m","weight":"0.5"}]}}'
  revenue w $T 100.00 USD '"policy":"urn:n"'; } >s.ndjson
run s.ndjson
is "$(q '[.events.applied, (.allocations | length), (.allocations | map(.amount) | unique), .totals[0].allocated]')" \
    '[4,5000,["2"],"10000"]' 'five thousand lines in one decision of two pages'
"$METE" run s.ndjson >out
is "$(grep -c '^[lm][0-9]* .*0\.02 USD' out)" 5000 'as text too'

# what is refused, in input order, with code and pointer
{ revenue r1 $T 1.005 USD "$P"; revenue r2 $T 1.00 XYZ "$P"
  printf 'not json\n'
  event r4 no.such_type $T '{}'
  event r5 payout.batch_opened $T '{}'
  event r6 campaign.created $T '{}'
  printf '{"event_id":"r7","event_type":"revenue.received","occurred_at":"yesterday","payload":{}}\n'
  printf '{"event_id":"r8","event_type":"revenue.received","occurred_at":"%s","payload":{"amount":{"amount":"1.00","currency":"USD"}}}\n' $T
  revenue fine $T 1.00 USD "$P"; } >s.ndjson
run --policy policy.json s.ndjson
is "$(q '.refused | map([.event_id, .code, .pointer])')" \
    '[["r1","amount_scale","/payload/amount/amount"],["r2","currency_unknown","/payload/amount/currency"],[null,"json_syntax",""],["r4","type_unknown","/event_type"],["r5","reserved_type","/event_type"],["r6","member_missing","/payload/creator"],["r7","time_invalid","/occurred_at"],["r8","target_ambiguous","/payload"]]' \
    'refused in input order'
is "$(q '[.events.applied, .events.refused]')" '[1,8]' 'a refused event never spoils the others'
exits 0 'refused events' "$METE" run --policy policy.json s.ndjson
exits 1 'refused events under --strict' "$METE" run --strict --policy policy.json s.ndjson
revenue fine $T 1.00 USD "$P" >f.ndjson
exits 0 'nothing refused under --strict' "$METE" run --strict --policy policy.json f.ndjson

# shapes of streams
revenue e1 $T 1.00 USD "$P" >one
revenue e2 $T 2.00 USD "$P" >two
printf '[%s,\n%s]' "$(cat one)" "$(cat two)" >array.json
printf '{"appId":"shop","env":"prod","events":[%s,%s]}' "$(cat one)" "$(cat two)" >body.json
printf '{"specversion":"1.0","id":"c1","source":"/shop","type":"revenue.received","time":"%s","data":{"amount":{"amount":"3.00","currency":"USD"},"policy":"urn:p"}}\n' $T >cloud.json
for f in array.json body.json; do
    run --policy policy.json $f
    is "$(q '[.events.applied, .totals[0].gross]')" '[2,"300"]' "$f"
done
run --policy policy.json cloud.json
is "$(q '[.allocations[0].event_id, .allocations[0].amount]')" '["c1","300"]' 'a CloudEvent'
run --policy policy.json one two cloud.json
is "$(q '[.events.applied, .totals[0].gross]')" '[3,"600"]' 'several streams'
"$METE" run --json --policy policy.json - <two >out
is "$(q '.totals[0].gross')" '"200"' 'standard input'
: >empty
run empty
is "$(q '[.events.applied, .totals, .parties, .log.size]')" '[0,[],[],0]' 'an empty stream'

# metering: exact costs, the part below a cent goes to the next day
{ event m1 usage.metered 2025-01-01T10:00:00Z '{"policy":"urn:p","endpoint":"/v1","cost":{"amount":"0.005","currency":"USD"},"calls":1}'
  event m2 usage.metered 2025-01-01T11:00:00Z '{"policy":"urn:p","endpoint":"/v1","cost":{"amount":"0.009","currency":"USD"},"calls":1}'
  event c1 metering.closed 2025-01-02T00:00:00Z '{"policy":"urn:p","day":"2025-01-01"}'
  event m3 usage.metered 2025-01-02T10:00:00Z '{"policy":"urn:p","endpoint":"/v1","cost":{"amount":"0.006","currency":"USD"},"calls":1}'
  event c2 metering.closed 2025-01-03T00:00:00Z '{"policy":"urn:p","day":"2025-01-02"}'; } >s.ndjson
run --policy policy.json s.ndjson
is "$(q '.allocations | map([.event_id, .amount])')" '[["c1","1"],["c2","1"]]' 'metered costs add up exactly'

# usage cycles
{ event u1 usage.reported 2025-01-01T12:00:00Z '{"platform_id":"x","provider":"p1","window_start":"2025-01-01T00:00:00Z","window_end":"2025-01-01T12:00:00Z","calls":2}'
  event u2 usage.reported 2025-01-01T12:00:00Z '{"platform_id":"x","provider":"p2","window_start":"2025-01-01T00:00:00Z","window_end":"2025-01-01T12:00:00Z","calls":1}'
  event c cycle.closed 2025-01-02T00:00:00Z '{"policy":"urn:mete:usage","window_start":"2025-01-01T00:00:00Z","window_end":"2025-01-02T00:00:00Z","pool":{"amount":"1.000000","currency":"USDC"}}'; } >s.ndjson
run --preset providers s.ndjson
is "$(q '.allocations | map([.party, .amount, .role, .asset])')" '[["p1","666667",null,"USDC/6"],["p2","333333",null,"USDC/6"]]' 'a pool by usage'

# text and CSV
run --policy policy.json one
"$METE" run --policy policy.json one >text
says text '^1 applied, 0 duplicate, 0 refused, 0 waiting$' 'text: the counts'
says text '^a +1\.00 USD +0\.00 USD +0\.00 USD +0\.00 USD +0\.00 USD$' 'text: amounts as decimals with their code'
says text "^Log: 2 entries, head $(jq -r .log.head out)\$" 'text: the same head'
"$METE" run --csv --policy policy.json one | tr -d '\r' >csv
is "$(cat csv)" 'party,asset,pending,disputed,cleared,paid,debt
a,USD/2,1.00,0.00,0.00,0.00,0.00' 'CSV: the parties'

# exit statuses
exits 2 'no stream' "$METE" run
exits 2 'an unknown option' "$METE" run --polcy x one
exits 2 'an unknown preset' "$METE" run --preset nothing one
says err 'fair, agents, providers or economy' 'it names the presets'
exits 2 'a bad time' "$METE" run --at noon one
exits 2 'a missing argument' "$METE" run one --at
exits 1 'a missing file' "$METE" run nowhere.ndjson
says err '^mete: nowhere.ndjson: No such file or directory \(file\)$' 'it names file and code'
exits 1 'a missing policy' "$METE" run --policy nowhere.json one
finish
