#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# covers: M-094 M-080 M-082 M-083 M-084 M-085
# mete export dataset: what is in it, that it hides people, that it is the same each time, whole or
# not at all.
# shellcheck source=tests/flow/lib.sh
. "$ROOT/tests/flow/lib.sh"
CHECK="$ROOT/tests/flow/dataset_check.py"
bad=

dataset() { # OPTION...: of book.db
    "$METE" --store book.db export dataset "$@" >"$dir/out" 2>"$dir/err" </dev/null
}
# book COMMAND...: a book of the stream that the command prints
book() {
    rm -rf book.db* ds
    "$@" >stream || bad="$bad made"
    "$METE" --store book.db init --quiet
    "$METE" --store book.db ingest stream >/dev/null 2>&1
}
# told FAMILY FILTER: what jq makes of the family's rows, on one line
told() {
    jq -cs "$2" "ds/$1.jsonl"
}

# --- the story of the catalog -------------------------------------------------------------------------
book cat "$ROOT/src/http/openapi/examples.ndjson"
printf '%s\n' '{"event_id":"more-1","event_type":"book.configured","occurred_at":"2025-01-04T00:00:00Z","payload":{"tier3":true}}' \
    '{"event_id":"more-2","event_type":"creative.launched","occurred_at":"2025-01-04T00:00:01Z","correlation":{"campaign_id":"camp_1"},"payload":{"creative_id":"=1+1","format":"a,\"b\"","hook":"-x","cta":"@c","offer_framing":"o","landing_page_type":"l","creative_asset":{"html":"<b>","user_id":"enduser_555","by":{"ownerIds":["enduser_555",7]}}}}' \
    '{"event_id":"more-3","event_type":"attribution.assigned","occurred_at":"2025-01-04T00:00:02Z","source":{"app_id":"app_123"},"payload":{"user_id":"enduser_555","campaign_id":"camp_9","session_trace":[{"userId":"enduser_555"}]}}' |
    "$METE" --store book.db ingest - >/dev/null 2>&1
exits 0 'a dataset' dataset --out ds
says err '^Written: ds, 60 rows in 13 families$' 'what was written'
exits 0 'it holds together' python3 "$CHECK" ds
is "$(jq -c '[.format,.schema_version,.tiers,.log.size,.from,.campaign]' ds/manifest.json)" '["mete-dataset",1,[1,2],75,null,null]' 'the manifest'
is "$(jq -r .log.head ds/manifest.json)" "$("$METE" --store book.db log head --no-store --json | jq -r .root)" 'the head of the log'

# the minimum that the source wants kept for optimization: descriptors, segments, pacing, experiments, snapshots
is "$(told creatives '.[1]|[.creative_id,.format,.hook,.cta,.offer_framing,.landing_page_type,.experiment_id,.variant_id,.segment_country,.segment_age_bucket]')" \
    '["cr_1","video_15s","before_after","install_now","free_trial","short_form","exp_1","a","US","25-34"]' 'what a creative is'
is "$(told spend '.[2]|[.platform,.amount,.currency,.pacing_decision_id,.pacing_objective,.pacing_constraints,.pacing_reason]')" \
    '["META","500000","USD","pace_1","installs",{"daily_minor":50000},"shift_budget_to_meta"]' 'what was decided on pacing'
is "$(told spend '.[3]|[.platform_campaign_id,.adset_id,.ad_id,.window_start,.window_end,.amount]')" \
    '["23851234567890123","6012345678901","6012345678902","2025-01-02T00:00:00Z","2025-01-03T00:00:00Z","48210"]' 'what was spent on'
is "$(told kpis '.[0]|[.impressions,.clicks,.conversions,.spend,.ctr,.cpc,.cpa,.segment_device,.segment_channel,.experiment_id,.variant_id]')" \
    '[52000,1040,26,"47000","0.02","0.45","18.08","mobile","paid_social","exp_1","a"]' 'what came of it'
is "$(told attributions '.[0]|[.campaign_id,.channel,.ad_id,.segment_country,.segment]')" \
    '["camp_2","paid_social","6012345678902","US",{"country":"US"}]' 'whose user somebody is, with coarse segments'
# contract variants and outcomes
is "$(told campaigns '[.[]|select(.campaign_id=="camp_1" and .duration_days)|[.event_type,.raise_amount,.revenue_share_bps,.cap_multiple,.cap_amount,.duration_days,.off_ramps]]')" \
    '[["campaign.created","20000.00",2000,"1.4","28000.00",180,["qualified_financing"]],["campaign.updated",null,null,null,null,150,["qualified_financing","acquisition"]]]' 'variants of a contract'
is "$(told outcomes '.[0]|[.campaign_id,.state,.raise,.confirmed,.investors,.cap,.accrued,.duration_days,.days_run,.completed_reason,.off_ramp,.contract_versions]')" \
    '["camp_1","CLOSED","2000000","2000000",2,"2800000","0",150,2,"off_ramp","qualified_financing",1]' 'and what came of it'
is "$(told accruals '[.[]|[.kind,.source_event_id,.gross,.marketplace_fee,.royalty_fee,.shareable,.creator]]')" \
    '[["accrued","stripe:in_1Example","10000","300","300","9400","9400"],["adjusted","stripe:in_1Example","-2500","-75","-75","-2350","-2350"],["adjusted","stripe:in_1Example","-7500","-225","-225","-7050","-7050"]]' 'what an invoice accrued, and what went back'
is "$(told attributions '.[-1]|[.campaign_id,.status]')" '["camp_9","campaign_unknown"]' 'what still waits says so'

# people and private values
grep -rqE 'enduser_555|user_456|did:example|commit:|pi_3Example|sub_1Example|txn_444|week without|too expensive' ds
is $? 1 'nobody and nothing private is named'
is "$(jq -r .user ds/attributions.jsonl ds/revenue.jsonl | sort -u | wc -l)" 1 'a user is the same in every file'
is "$(jq -rs '[.[].subscription|select(.)]|unique|length' ds/revenue.jsonl)" 1 'so is a subscription'

# formulas and separators
is "$(sed -n 4p ds/creatives.csv | tr -d '\r' | cut -d, -f9-13)" "'=1+1,\"a,\"\"b\"\"\",'-x,'@c" 'what a spreadsheet would compute is text'
is "$(told creatives '.[2]|[.creative_id,.format,.hook]')" '["=1+1","a,\"b\"","-x"]' 'in JSON it stands as it came'

# --- tiers ---------------------------------------------------------------------------------------------
exits 0 'tier 1' dataset --out one --tier 1
is "$(ls one | grep -cE '^(kpis|creatives)')" 0 'has no performance and no creatives'
is "$(head -1 one/spend.csv | grep -c pacing)" 0 'nor pacing'
exits 0 'tier 2' dataset --out two --tier 2
is "$(cd two && ls *.csv | tr '\n' ' ')" 'creatives.csv kpis.csv spend.csv ' 'has what growth did'
is "$(head -1 two/spend.csv | tr -d '\r')" 'seq,event_id,event_type,occurred_at,recorded_at,app_id,environment,campaign_id,allocation_id,pacing_decision_id,pacing_objective,pacing_constraints,pacing_reason' 'beside keys'
exits 0 'tier 3' dataset --out three --tier 1,2,3
exits 0 'holds together' python3 "$CHECK" three
u=$(jq -r .user ds/attributions.jsonl | head -1)
is "$(jq -cs '.[-1].creative_asset' three/creatives.jsonl | sed "s/$u/U/g")" '{"by":{"ownerIds":["U","'"$(jq -rs '.[-1].creative_asset.by.ownerIds[1]' three/creatives.jsonl)"'"]},"html":"<b>","user_id":"U"}' 'users in raw content are the same pseudonyms'
is "$(jq -cs '.[-1].session_trace' three/attributions.jsonl)" "[{\"userId\":\"$u\"}]" 'also in lists'
python3 "$CHECK" columns three >columns
sed '1,/^## Columns/d' "$ROOT/doc/dataset.md" | sed '1d' | diff - columns >out
ok $? 'doc/dataset.md has these columns'
sed 's/^/# /' out
for list in '' 0 4 1,,2 1, '1 2' 12; do
    exits 2 "--tier '$list'" dataset --out four --tier "$list"
done
[ ! -e four ]
ok $? 'leaves nothing'

# --- stretches, campaigns, apps ------------------------------------------------------------------------
exits 0 'a campaign' dataset --out camp --campaign camp_1
is "$(cat camp/*.jsonl | jq -r .campaign_id | sort | uniq -c | tr -s ' ' | tr '\n' ';')" ' 33 camp_1; 4 null;' 'and the terms of its app'
exits 0 'an app' dataset --out app --app app_123
is "$(cat app/*.jsonl | jq -r .app_id | sort -u)" app_123 'and nothing else'
exits 0 'another app' dataset --out none --app other
is "$(cat none/*.jsonl | wc -c)" 0 'has nothing'
exits 1 'a campaign that is not there' dataset --out gone --campaign camp_77
says err 'there is no campaign .camp_77.' 'is told'
exits 0 'until yesterday' dataset --out past --to 2020-01-01
is "$(cat past/[a-n]*.jsonl past/[p-z]*.jsonl | wc -c) $(wc -l <past/outcomes.jsonl)" '0 3' 'nothing had come; outcomes are those of today'
is "$(jq -r .to past/manifest.json)" 2020-01-01T23:59:59.999999Z 'the manifest says until when'

# --- the same each time --------------------------------------------------------------------------------
exits 0 'again' dataset --out again
diff -r ds again >out
ok $? 'the same bytes'
printf 'a key of sixteen' >key
exits 0 'with a key of ones own' dataset --out own --pseudonym-key key
[ "$(jq -r .pseudonyms.key_id own/manifest.json)" != "$(jq -r .pseudonyms.key_id ds/manifest.json)" ] && ! grep -rq "$u" own
ok $? 'other pseudonyms'
exits 0 'and again' dataset --out own2 --pseudonym-key key
diff -r own own2 >out
ok $? 'the same with the same key'
mv book.db.key away
exits 1 'without the key file' dataset --out nokey
says err 'pseudonym-key' 'what helps'
exits 0 'it does' dataset --out own3 --pseudonym-key key
diff -r own own3 >out
ok $? 'as before'
mv away book.db.key
printf 'short' >key
exits 2 'a key that is too short' dataset --out nokey --pseudonym-key key
[ ! -e nokey ]
ok $? 'leaves nothing'

# --- whole or not at all -------------------------------------------------------------------------------
exits 1 'a folder that has one' dataset --out ds
says err 'a dataset already: --force' 'how to replace it'
exits 0 'with --force' dataset --out ds/ --tier 1 --force
diff -r ds one >out
ok $? 'it is replaced, whole'
touch ds/mine
exits 1 'a folder with other files' dataset --out ds --force
[ -e ds/mine ] && [ -e ds/manifest.json ]
ok $? 'loses none'
mkdir empty
exits 0 'an empty folder' dataset --out empty --tier 1
exits 1 'a place that is not there' dataset --out no/such/place
exits 1 'a file' dataset --out stream
exits 2 'no folder' "$METE" --store book.db export dataset
exits 2 'a file instead' dataset --out x --output y
exits 2 'another format' "$METE" --store book.db export csv --tier 1
is "$(find . -maxdepth 1 -name '*.??????' -type d | wc -l)" 0 'nothing half is left'

# --- random streams ------------------------------------------------------------------------------------
# random COMMAND...: the dataset of that stream agrees with the book
random() {
    book "$@"
    "$METE" --store book.db export audit >audit.ndjson 2>/dev/null
    dataset --out ds --tier 1,2,3 || bad="$bad export:$*"
    python3 "$CHECK" ds stream audit.ndjson >out 2>&1 || { bad="$bad $*"; sed 's/^/# /' out; }
}
for seed in 1 2 3 4 5 6; do
    random "$CAMPAIGN_STREAMS" --seed $seed --events 300 --dump 1
    random python3 "$ROOT/tests/flow/economy_stream.py" $seed 300
done
is "$bad" '' 'datasets of 12 streams agree with their books'
[ -e a_cap_was_met ]
ok $? 'a cap was met in one of them'
(
    trap '' XFSZ
    ulimit -f 64
    dataset --out full
)
is $? 1 'a full disk below an export: exit 1'
says err '^mete: full: File too large' 'folder and reason are named'
is "$(find . -name 'full*' | wc -l)" 0 'half a dataset is none'
finish
