#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# covers: M-080 M-083 M-084
# Data tiers: what growth reports is kept; raw content is refused, and no byte of it stays, unless the
# book keeps tier 3.
# shellcheck source=tests/flow/lib.sh
. "$ROOT/tests/flow/lib.sh"
told=0
RAW='SECRETCLICK'

# say TYPE PAYLOAD: an event of campaign c1, a second later each time
say() {
    told=$((told + 1))
    printf '{"event_id":"%s","event_type":"%s","occurred_at":"2025-01-01T00:00:%02dZ","source":{"app_id":"app1"},"correlation":{"campaign_id":"c1"},"payload":{%s}}\n' \
        "${3:-s$told}" "$1" $told "$2"
}
KPI='"impressions":1,"clicks":1,"conversions":0,"spend_minor":1,"currency":"usd"'
CREATIVE='"creative_id":"cr","format":"video","hook":"h","cta":"c","offer_framing":"o","landing_page_type":"l","experiment_id":"x","variant_id":"a","segment":{"country":"US"}'
SPEND='"platform":"META","amount_minor":5,"currency":"USD","ad_id":"a","window_start":"2025-01-01","window_end":"2025-01-02","pacing_decision_id":"p","pacing":{"objective":"installs","constraints":{"daily":1},"reason":"r"}'

# kept EVENT: what the log holds of it
kept() {
    "$METE" --store book.db export audit | jq -c "select(.kind == \"event\").event | select(.event_id == \"$1\").payload"
}
quarantined() {
    "$METE" --store book.db quarantine list --json >out
    q "$1"
}
nowhere() { # DESCRIPTION
    grep -rqa "$RAW" book.db*
    is "$?" 1 "$1"
}

exits 0 'a book' "$METE" --store book.db init
{
    say campaign.created '"creator":"did:c","currency":"USD"'
    say creative.generated "$CREATIVE" creative
    say creative.launched "$CREATIVE"
    say spend.executed "$SPEND" spend
    say kpi.reported "$KPI" kpi
} >stream
exits 0 'tiers 1 and 2 are kept without asking' "$METE" --store book.db ingest stream --strict --json
is "$(q '.events|[.applied,.refused]')" '[5,0]' 'all of them'
is "$(kept creative | jq -c '[.format,.hook,.cta,.segment.country,.variant_id]')" '["video","h","c","US","a"]' 'descriptors of a creative'
is "$(kept spend | jq -c '[.pacing_decision_id,.pacing.objective]')" '["p","installs"]' 'a pacing decision'

# --- refused, and not kept ----------------------------------------------------------------------------
{
    say kpi.reported "$KPI,\"clickstream\":[\"$RAW\"]" raw1
    say creative.launched "$CREATIVE,\"creative_asset\":\"$RAW\"" raw2
    say kpi.reported "$KPI,\"deep\":[{\"sessionTraces\":{\"x\":\"$RAW\"}}]" raw3
    say kpi.reported "\"clicks\":1,\"clickstream\":[\"$RAW\"]" raw4 # refused for what it lacks
    printf '{"event_id":"raw5","clickstream":["%s"\n' "$RAW"        # no JSON
} >stream
exits 0 'raw content' "$METE" --store book.db ingest stream --json
is "$(q '.events|[.applied,.refused]')" '[0,5]' 'is refused'
is "$(quarantined '[.[]|[.event_id,.code,.pointer]]')" \
    '[["raw1","tier_off","/payload/clickstream"],["raw2","tier_off","/payload/creative_asset"],["raw3","tier_off","/payload/deep/0/sessionTraces"],["raw4","member_missing","/payload/impressions"],["raw5","json_syntax",""]]' \
    'with the place'
exits 0 'what was kept' "$METE" --store book.db quarantine show 1 --json
is "$(q '.body|fromjson|[.event_id,.payload.clicks,.payload.clickstream]')" '["raw1",1,null]' 'all but the raw content'
exits 0 'for people' "$METE" --store book.db quarantine show 1
says out 'tier3 with book.configured' 'how to opt in'
nowhere 'no byte of it is in the store'
exits 0 'sent again' "$METE" --store book.db quarantine replay 1 3 5 --json
is "$(q '[.[]|[.id,.status,.code]]')" '[[1,"applied",null],[3,"applied",null],[5,"refused","event_too_large"]]' 'what is left of it is accepted'
is "$(kept raw1 | jq -c '[.clicks,.clickstream]')" '[1,null]' 'without the raw content'

# --- opted in ----------------------------------------------------------------------------------------
say book.configured '"tier3":true' >stream
say kpi.reported "$KPI,\"clickstream\":[{\"at\":\"$RAW\"}],\"session_trace\":{\"n\":1}" in1 >>stream
say creative.launched "$CREATIVE,\"creative_asset\":{\"html\":\"<b>\"}" in2 >>stream
say kpi.reported "$KPI,\"clickstream\":[\"who@example.org\"]" in3 >>stream
say kpi.reported "\"clickstream\":[\"$RAW\"]" in4 >>stream
exits 0 'a book that keeps tier 3' "$METE" --store book.db ingest stream --json
is "$(q '.events|[.applied,.refused]')" '[3,2]' 'takes it'
is "$(kept in1 | jq -c '[.clickstream,.session_trace]')" "[[{\"at\":\"$RAW\"}],{\"n\":1}]" 'and keeps it'
is "$(quarantined '[.[]|select(.event_id|startswith("in"))|[.event_id,.code]]')" '[["in3","pii_email"],["in4","member_missing"]]' 'personal data is refused all the same'
is "$(quarantined '.[-1].id' | xargs "$METE" --store book.db quarantine show --json | jq -c '.body|fromjson|.payload.clickstream')" "[\"$RAW\"]" 'what it agreed to keep stays in quarantine'
say book.configured '"tier3":false' >stream
say kpi.reported "$KPI,\"clickstream\":[1]" out1 >>stream
exits 0 'a book that has changed its mind' "$METE" --store book.db ingest stream --json
is "$(q '.events|[.applied,.refused]')" '[1,1]' 'refuses it again'
exits 0 'the auditor agrees' "$METE" --store book.db audit
finish
