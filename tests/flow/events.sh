#!/bin/sh
# covers: M-040 M-041 M-095
# mete events: what people see of the catalog, verdicts on files, and the pictures of the machines,
# which are those of doc/machines.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

exits 0 'events list' "$METE" events list
is "$(sed -n 1p out | tr -s ' ')" 'TYPE FAMILY WHO MAY SAY IT SCOPE TIER' 'a head'
says out '^spend.executed  *spend  *the runtime, or validationengine  *revenue:write  *1$' 'a type'
says out '^ledger.accrued  *ledger  *mete itself' 'a reserved one'
exits 0 'events list --csv' "$METE" events list --family kpi --csv
says out '^kpi.reported,kpi,no,"the runtime, or validationengine",revenue:write,2,' 'a row'
exits 2 'events list of no family' "$METE" events list --family nonsense

exits 0 'events show' "$METE" events show campaign.created
says out '^Said by:  validationengine$' 'who says it'
says out '"\$id": "campaign.created.schema.json"' 'its schema'
says out '^\{"schema_version":"1.0","event_id":' 'an example'
exits 0 'events show of a reserved type' "$METE" events show settlement.paid
says out 'reserved for mete itself' 'nobody says it'

cat >bad.ndjson <<'END'
{"event_id":"e1","event_type":"campaign.paused","occurred_at":"2025-01-31T12:00:00Z","payload":{}}
{"event_id":"e2","event_type":"creative.launched","occurred_at":"2025-01-31T12:00:00Z","payload":{"creative_id":"c","format":"video","hook":"call +49 30 901820","cta":"t","offer_framing":"o","landing_page_type":"l"}}
{"event_id":"e3","event_type":"kpi.reported","occurred_at":"2025-01-31T12:00:00Z","payload":{"impressions":1}}
END
exits 1 'events validate' "$METE" events validate --json bad.ndjson
is "$(q '[.valid, .events, [.errors[] | [.line, .event_id, .code, .pointer]]]')" \
    '[false,3,[[2,"e2","pii_phone","/payload/hook"],[3,"e3","member_missing","/payload/clicks"]]]' \
    'each event has its error, its id and its place'
is "$(q '[.errors[] | .message != "" and .remediation != ""] | all')" true 'and a way out'
exits 1 'events validate, for people' "$METE" events validate bad.ndjson
says out 'e2 .*/payload/hook .*pii_phone' 'the same as a table'
says err '^3 events, 2 with an error\.$' 'and how many'
exits 0 'the examples' "$METE" events validate "$ROOT/src/http/openapi/examples.ndjson"

for machine in campaign round commitment grant royalty settlement batch transfer x402; do
    "$METE" events machine "$machine" | diff "$ROOT/doc/machines/$machine.dot" - >differences
    ok $? "doc/machines/$machine.dot is current (mete events machine $machine)"
    sed 's/^/# /' differences
done
"$METE" events machine --markdown | diff "$ROOT/doc/machines/README.md" - >differences
ok $? 'doc/machines/README.md is current (mete events machine --markdown)'
is "$(find "$ROOT/doc/machines" -name '*.dot' | wc -l)" 9 'and there are no other machines'
"$METE" events machine round --mermaid >out
is "$(sed -n 1,3p out)" 'stateDiagram-v2
  [*] --> ROUND_DRAFT: round.created
  [*] --> PENDING_APPROVAL: round.created (requires moderation)' 'as text'
exits 2 'no such machine' "$METE" events machine nonsense
exits 2 'no machine' "$METE" events machine
finish
