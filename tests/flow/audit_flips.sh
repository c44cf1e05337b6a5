#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The audit can fail: one byte or one unit is changed in each table of a real book, and in each kind
# of line of its export; every single change must be found.
# covers: R-031 B-045 M-001
. "$ROOT/tests/flow/lib.sh"
AUDITOR=${METE%/*}/mete-audit

"$METE" init --store a.db --preset fair --quiet >/dev/null
for f in "$ROOT"/examples/fair/*.fair.json "$ROOT"/examples/manifests/*.fair.json; do
    "$METE" policy publish "$f" --store a.db --quiet >/dev/null
done
{
    event p1 party.registered 2025-01-01T00:00:00Z '{"party":"did:ethr:0xVenueWallet","kind":"org","display_name":"Venue Ltd"}'
    event c1 policy.published 2025-01-01T00:00:00Z '{"policy":{"id":"urn:carry","kind":"weights","rounding":"carry","shares":[{"party":"ca","weight":"1/3"},{"party":"cb","weight":"2/3"}]}}'
    revenue c2 2025-01-02T00:00:00Z 10.00 USD '"policy":"urn:carry"'
    revenue w1 2025-01-02T00:00:00Z 3.00 USD '"policy":"urn:unknown"'
    revenue w2 2025-01-02T00:00:00Z 4.00 USD '"policy":"urn:late"'
    event c3 policy.published 2025-01-01T00:00:00Z '{"policy":{"id":"urn:late","kind":"weights","shares":[{"party":"la","weight":"1"}]}}'
    echo 'rubbish'
    awk 'BEGIN { for (i = 0; i < 30000; i++) printf "{\"event_id\":\"bulk%d\",\"event_type\":\"revenue.received\",\"occurred_at\":\"2025-01-02T00:00:00Z\",\"payload\":{\"amount\":{\"amount\":\"1.00\",\"currency\":\"USD\"},\"party\":\"bulk:%d\"}}\n", i, i % 9973 }'
    cat "$ROOT/examples/streams/cli-usage.ndjson" "$ROOT/examples/streams/streaming.ndjson" "$ROOT/examples/streams/tickets.ndjson"
} >stream
"$METE" ingest --store a.db --quiet stream >/dev/null 2>&1
"$METE" log head --store a.db --quiet >/dev/null 2>&1
exits 0 'the book as it is' "$METE" audit --store a.db
"$METE" audit --store a.db --export book.ndjson >/dev/null 2>&1
exits 0 'its export as it is' "$AUDITOR" book.ndjson

# UPDATE and DELETE are refused by the database itself
for table in event page tree_node checkpoint; do
    [ "$(sqlite3 a.db "select count(*) from $table")" -gt 0 ] || continue
    sqlite3 a.db "update $table set key = key + 1000000" 2>/dev/null || sqlite3 a.db "update $table set size = size" 2>/dev/null
    [ "$?" -ne 0 ]
    ok "$?" "UPDATE of $table is refused"
    ! sqlite3 a.db "delete from $table" 2>/dev/null
    ok "$?" "DELETE from $table is refused"
done

flipped=0
# flip TABLE WHAT SQL: with the triggers out of the way, as somebody with the file would do it
flip() {
    cp a.db b.db
    cp a.db.key b.db.key
    rm -f b.db-wal b.db-shm
    {
        sqlite3 b.db "select 'drop trigger ' || name || ';' from sqlite_master where type = 'trigger'"
        echo "pragma foreign_keys = off; $3; select 'changed ' || changes();"
    } | sqlite3 b.db >flip.log 2>&1
    if ! grep -q 'changed [1-9]' flip.log; then
        ok 1 "$1: $2 (nothing was changed: $(tr '\n' ' ' <flip.log))"
        return
    fi
    "$METE" audit --store b.db >out 2>err </dev/null
    status=$?
    [ "$status" -ne 0 ]
    ok $? "$1: $2 is found"
    [ "$status" -ne 0 ] && flipped=$((flipped + 1)) && printf '# %s\n' "$(grep -hE . err out | head -1 | cut -c1-160)"
}
byte() { # COLUMN: SQL for the column with its middle byte exchanged

    printf "cast(substr(%s, 1, length(%s)/2) || (case when substr(%s, length(%s)/2 + 1, 1) = x'41' then x'42' else x'41' end) || substr(%s, length(%s)/2 + 2) as blob)" "$1" "$1" "$1" "$1" "$1" "$1"
}
last='where key = (select max(key) from'
flip event 'a byte of the event' "update event set event = $(byte event) where key & 65535 = 40"
flip event 'a byte of the decision' "update event set decision = $(byte decision) where key & 65535 = 40"
flip event 'one unit of time' 'update event set recorded_at = recorded_at + 1 where key & 65535 = 40'
flip event 'a byte of the leaf' "update event set leaf = $(byte leaf) where key & 65535 = 40"
flip event 'an event removed at the end' "delete from event $last event)"
flip page 'a byte of a page' "update page set decision = $(byte decision)"
flip page 'one unit of its time' 'update page set recorded_at = recorded_at + 1'
flip tree_node 'a byte of a stored node' "update tree_node set hash = $(byte hash)"
flip checkpoint 'a signed size' 'update checkpoint set size = size - 1'
flip checkpoint 'a byte of the root' "update checkpoint set root = $(byte root)"
flip checkpoint 'a byte of the note' "update checkpoint set note = substr(note, 1, length(note) - 8) || (case when substr(note, -8, 1) = 'A' then 'B' else 'A' end) || substr(note, -7)"
flip sealed 'a byte of a sealed value' "update sealed set sealed = $(byte sealed) where pointer like '%display_name'"
flip sealed 'a byte of its commitment' "update sealed set commitment = $(byte commitment) where pointer like '%display_name'"
flip quarantine 'a byte of a body' "update quarantine set body = $(byte body)"
flip block 'a byte of the state' "update block set data = $(byte data) $last block)"
flip segment 'a run that is forgotten' "delete from segment $last segment)"
flip book_state 'one event more than was flushed' 'update book_state set flushed_seq = flushed_seq - 1'
flip schema_migrations 'a byte of the checksum' "update schema_migrations set sha256 = replace(sha256, substr(sha256, 1, 1), 'x')"
printf '# %s changes of the store found\n' "$flipped"

# one unit in each kind of line of the export
kinds=$(jq -r .kind <book.ndjson | sort -u)
found=0
for kind in $kinds; do
    case $kind in
    book) change='s/"size":"\([0-9]*\)"/"size":"1\1"/' ;;
    event) change='s/"recorded_at":"20\([0-9][0-9]\)/"recorded_at":"21\1/' ;;
    page) change='s/"decision":"AQ/"decision":"Ag/' ;;
    party) change='s/"id":"\(.\)/"id":"x\1/' ;;
    account) change='s/"credits_posted":"\([0-9]*\)"/"credits_posted":"1\1"/' ;;
    pending | net | quantity | residue | balance)
        change='s/"\(amount\|quantity\|num\|cleared\)":"\([0-9]*\)"/"\1":"1\2"/' ;;
    event_id) change='s/"seq":"\([0-9]*\)"/"seq":"1\1"/' ;;
    waiting) change='s/"code":"[a-z_]*"/"code":"usage_none"/' ;;
    quarantine) change='s/"body":"r/"body":"s/' ;;
    tile) change='{s/"hashes":"A/"hashes":"B/;t;s/"hashes":"./"hashes":"A/}' ;;
    checkpoint) change='s/"size":"\([0-9]*\)"/"size":"1\1"/' ;;
    end) change='s/"lines":"\([0-9]*\)"/"lines":"1\1"/' ;;
    *)
        ok 1 "export: no change is known for a line of kind $kind"
        continue
        ;;
    esac
    at=$(jq -r .kind <book.ndjson | grep -nx "$kind" | tail -1 | cut -d: -f1)
    sed "${at}$change" book.ndjson >flipped.ndjson
    cmp -s book.ndjson flipped.ndjson && ok 1 "export: the line of kind $kind did not change" && continue
    "$AUDITOR" flipped.ndjson >out 2>err
    is "$?" 3 "export: a change in the last line of kind $kind is found"
    found=$((found + 1))
    printf '# %s\n' "$(grep -hE . err out | head -1 | cut -c1-160)"
done
printf '# %s changes of the export found\n' "$found"
finish
