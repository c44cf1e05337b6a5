#!/bin/sh
# What every command answers with --json, byte for byte: the files of tests/golden/answers. Moments
# of booking, hashes, keys and durations are put as words first. METE_BLESS=1 writes the files anew.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
golden=$ROOT/tests/golden/answers
mete() {
    "$METE" "$@" --store book.db
}

# What differs from run to run; dates of the data are of 2025 and those asked for of 2099.
settle() {
    sed -E -e 's/[0-9a-f]{64}/HASH/g' -e 's/did:key:z6Mk[1-9A-Za-z]{40,}/DID/g' \
        -e 's/20(2[6-9]|[3-8][0-9])-[0-9T:.-]+Z/NOW/g' \
        -e 's/("checkpoint": ")[^"]*/\1NOTE/' -e 's/("key": ")mete_[^"]*/\1KEY/' \
        -e 's/("key_id": ")[^"]*/\1KEY_ID/' -e 's/("(milliseconds|events_per_second|state_keys)": )[0-9]+/\1N/' \
        -e "s#$dir#DIR#g"
}

# same NAME STATUS COMMAND...: the answer is the golden one
same() {
    name=$1
    shift
    wanted=$1
    shift
    "$@" --json >out 2>err </dev/null
    is "$?" "$wanted" "$name: exit $wanted"
    settle <out >"$name.json"
    [ "${METE_BLESS:-}" != 1 ] || cp "$name.json" "$golden/$name.json"
    diff -u "$golden/$name.json" "$name.json" >difference 2>&1
    ok $? "$name: as it was"
    sed 's/^/# /' difference
    produced="$produced $name.json"
}
produced=

printf '{"id":"urn:band:seven","kind":"weights","shares":[{"party":"did:ethr:0xBass","weight":"1/2"},{"party":"did:ethr:0xVoice","weight":"1/4"}]}' >band.json
printf '{"id":"urn:waits","kind":"single","party":"did:ethr:0xLate"}' >late.json
printf '{"id":"urn:x","kind":"weights","rounding":"foo","shares":[{"party":"mete:x","weight":"1.5"}]}' >bad.json
{
    revenue more-1 2025-06-01T00:00:00Z 7.77 USD '"policy":"urn:waits"'
    revenue more-2 2025-06-01T00:00:00Z x USD '"party":"a"'
    printf '{"event_type":"revenue.received"}\n'
    revenue t1 2025-06-01T00:00:00Z 1.00 USD '"party":"a"'
    event more-3 usage.reported 2025-06-02T00:00:00Z '{"platform_id":"p","provider":"did:ethr:0xProvider","window_start":"2025-06-01T00:00:00Z","window_end":"2025-06-02T00:00:00Z","calls":12,"bytes":3456,"latency_ms_sum":78}'
    printf '{"event_id":"more-4","event_type":"policy.published","occurred_at":"2025-01-01T00:00:00Z","payload":{"manifest":%s}}\n' \
        "$(jq -c . "$ROOT/tests/data/manifests/v0_4.fair.json")"
    revenue more-5 2025-06-01T00:00:00Z 10.00 USD "\"policy\":$(jq .id "$ROOT/tests/data/manifests/v0_4.fair.json")"
    head -n 1 "$ROOT/tests/data/query/book.ndjson"
} >more.ndjson
same init 0 mete init
same ingest 0 mete ingest "$ROOT/tests/data/query/book.ndjson"
same ingest_more 0 mete ingest more.ndjson
same ingest_dry 1 mete ingest --dry-run --strict more.ndjson
same parties 0 mete parties --at 2099-01-01
same parties_usd 0 mete parties --at 2099-01-01 --asset USD
same statement 0 mete statement did:ethr:0xA
same statement_upheld 0 mete statement did:ethr:0xVoice
same statement_held 0 mete statement did:imajin:b
same statement_page 0 mete statement did:fair:foundation --limit 2
same statement_records 0 mete statement did:fair:foundation --limit 2 --ndjson
same statement_none 1 mete statement did:nobody
same explain 0 mete explain t1/3.3 --at 2099-01-01
for by in policy party source currency role; do
    same "report_$by" 0 mete report --by $by
done
same report_period 0 mete report --period 2025-06 --recorded
same quarantine_list 0 mete quarantine list
same quarantine_show 0 mete quarantine show 2
same quarantine_replay 0 mete quarantine replay
same simulate 0 mete simulate --policy band.json
same simulate_late 0 mete simulate --policy late.json --from 2025-06-01
same log_proof 0 mete log proof t1
same log_consistency 0 mete log consistency 3 30
same log_head 0 mete log head
same log_verify 0 mete log verify
mete log proof t1 >proof
same log_verify_proof 0 mete log verify --proof proof
same policy_check 0 mete policy check "$ROOT/examples/fair/event-milestone.fair.json"
same policy_check_bad 1 mete policy check bad.json
same policy_publish 0 mete policy publish band.json --effective-from 2099-01-01
same policy_publish_again 0 mete policy publish band.json --effective-from 2099-01-01
same policy_show 0 mete policy show urn:band:seven
same policy_list 0 mete policy list
same policy_diff 0 mete policy diff urn:band:seven
same audit 0 mete audit
same party_erase 0 mete party erase did:ethr:0xA --yes
same run 0 "$METE" run "$ROOT/tests/data/query/book.ndjson" --policy late.json
same key_create 0 mete key create --scopes audit:read
same key_list 0 mete key list

# no golden answer is left that nobody gives
ls "$golden" >kept
# shellcheck disable=SC2086
printf '%s\n' $produced | sort >given
is "$(sort kept | comm -23 - given)" '' 'every golden answer was given'
finish
