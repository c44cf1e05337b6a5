#!/bin/sh
# Moving house: a store on SQLite into PostgreSQL and back, interrupted and continued, while it is in
# use, after erasures; it ends with the same heads, and the audit holds.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
: "${METE_PG_APP:?runs beside tests/pg/with_postgres}"
T=2025-01-01T00:00:00Z
P='"policy":"urn:p"'
pg=$METE_PG_APP
METE_KEY_FILE=
export METE_KEY_FILE

db() { psql -XqAt "$METE_PG_SUPER" -c "$1" 2>&1; }
sq() { "$METE" --store book.db "$@"; }
in_pg() { METE_KEY_FILE=books.key "$METE" --store "$pg" "$@"; }
head_of() { "$METE" --store "$1" log head --no-store --json --book "${2:-main}" | jq -c '[.size, .root]'; }

db 'set client_min_messages = error; drop schema if exists mete cascade' >/dev/null
exits 0 'prepare' "$METE" --store "$METE_PG_OWNER" store prepare --role mete_app
sq init --preset fair --quiet >/dev/null
sq init --book second --quiet >/dev/null
for f in "$ROOT"/examples/fair/*.json; do sq policy publish "$f" --quiet >/dev/null; done
sq ingest --quiet "$ROOT"/examples/streams/tickets.ndjson "$ROOT/tests/data/query/book.ndjson" >/dev/null 2>&1
{ event copy-d1 party.registered $T '{"party":"alice","kind":"human","display_name":"Alice Adams"}'
  event copy-d2 party.destination_set $T '{"party":"alice","rail":"lightning","destination":"alice@wallet.example"}'
  event copy-d3 party.registered $T '{"party":"bob","display_name":"Bob"}'
  event copy-p1 policy.published $T '{"policy":{"id":"urn:p","kind":"weights","rounding":"carry","shares":[{"party":"alice","weight":"1/3"},{"party":"bob","weight":"1/3"}]}}'
  revenue bad $T 0.001 USD "$P"; printf '{"no":"event"}\n'; } >some.ndjson
sq ingest --quiet some.ndjson >/dev/null 2>&1
# one decision of many pages, and events after it
awk 'BEGIN { printf "{\"event_id\":\"wide\",\"event_type\":\"policy.published\",\"occurred_at\":\"2025-01-01T00:00:00Z\",\"payload\":{\"policy\":{\"id\":\"urn:wide\",\"kind\":\"weights\",\"shares\":["
    for (i = 0; i < 3000; i++) printf "%s{\"party\":\"w%d\",\"weight\":\"1/4000\"}", i ? "," : "", i
    print "]}}}"
    for (i = 0; i < 3; i++) printf "{\"event_id\":\"r%d\",\"event_type\":\"revenue.received\",\"occurred_at\":\"2025-01-02T00:00:00Z\",\"payload\":{\"policy\":\"urn:outer\",\"amount\":{\"amount\":\"99999.99\",\"currency\":\"USD\"}}}\n", i
    print "{\"event_id\":\"outer\",\"event_type\":\"policy.published\",\"occurred_at\":\"2025-01-01T00:00:00Z\",\"payload\":{\"policy\":{\"id\":\"urn:outer\",\"kind\":\"weights\",\"shares\":[{\"policy\":\"urn:wide\",\"weight\":\"0.4\"},{\"policy\":\"urn:wide\",\"weight\":\"0.6\"}]}}}" }' >wide.ndjson
sq ingest --quiet wide.ndjson >/dev/null
i=0
while [ $i -lt 9000 ]; do
    revenue "i$i" $T "$((i % 90 + 1)).$((i % 10))1" USD "$P"
    i=$((i + 1))
done >many.ndjson
sq ingest --quiet many.ndjson >/dev/null
sq ingest --quiet --book second "$ROOT"/examples/streams/streaming.ndjson >/dev/null
sq log head >/dev/null
sq key create --scopes earnings:read --note one >/dev/null
id=$(sq key create --scopes revenue:write --book second --json | jq -r .key_id)
sq key revoke "$id" >/dev/null
[ "$(sqlite3 book.db 'select count(*) from page')" -gt 0 ]
ok $? 'there are decisions of several pages'

# there
exits 0 'copy into PostgreSQL' "$METE" copy --from sqlite:book.db --to "$pg" --json
is "$(q '[.books[] | [.book, .audited]]')" '[["main",true],["second",true]]' 'both books, and the audits hold'
is "$(q '[.keys, .key_file_copied]')" '[2,true]' 'keys of users and the key file'
cmp -s book.db.key books.key
ok $? 'the same key file'
is "$(stat -c %a books.key)" 600 'its owner s alone'
is "$(head_of "$pg")" "$(head_of book.db)" 'the same head'
is "$(head_of "$pg" second)" "$(head_of book.db second)" 'of the second book too'
for what in 'parties' 'statement alice' 'statement w17' 'policy list' 'report --by party' 'explain i17/1'; do
    # shellcheck disable=SC2086
    sq $what --json --at 2030-01-01 >a 2>&1 || sq $what --json >a 2>&1
    # shellcheck disable=SC2086
    in_pg $what --json --at 2030-01-01 >b 2>&1 || in_pg $what --json >b 2>&1
    cmp -s a b
    ok $? "the same answer: $what"
done
is "$(in_pg quarantine list --json | jq -c 'map(.event_id)')" "$(sq quarantine list --json | jq -c 'map(.event_id)')" 'the same quarantine'
is "$(in_pg key list --json --book second | jq -c 'map([.key_id, .revoked_at])')" "$(sq key list --json --book second | jq -c 'map([.key_id, .revoked_at])')" 'the key that ended has ended there'
is "$(in_pg log head --no-store | head -3)" "$(sq log head --no-store | head -3)" 'and so is what is signed'
exits 0 'private values open there' in_pg audit --json
is "$(q .book.sealed)" "$(sqlite3 book.db 'select count(*) from sealed where book_id = 1')" 'all of them'
exits 0 'copy again' "$METE" copy --from book.db --to "$pg" --json
is "$(q '[.books[].new | add]')" '[0,0]' 'nothing is new'
is "$(q .keys)" 0 'not even a key'

# in use: more events, an erasure, quarantine that went
sq party erase alice --yes >/dev/null
sq quarantine drop 1 >/dev/null
revenue late $T 5.00 USD "$P" | sq ingest --quiet - >/dev/null
exits 0 'copy what was done since' "$METE" copy --from book.db --to "$pg" --json --book main
is "$(q '.books[0] | [.new.events, .erased, .audited]')" '[1,2,true]' 'one event, two erasures'
is "$(in_pg quarantine list --json | jq length)" "$(sq quarantine list --json | jq length)" 'what was dropped is dropped'
is "$(db "select count(*) from mete.sealed where party = 'alice'"), $(db "select count(*) from mete.sealed where party = 'bob'")" '0, 1' 'what was erased is erased'

# interrupted
db 'drop schema mete cascade' >/dev/null 2>&1
"$METE" --store "$METE_PG_OWNER" store prepare --role mete_app --quiet
kills=0
parts=0
pause=0
while [ $parts -lt 2 ] && [ $pause -lt 600 ]; do # each a little later, until some had stored a part
    had=$(db 'select count(*) from mete.event')
    "$METE" copy --from book.db --to "$pg" --quiet --no-audit >/dev/null 2>&1 &
    pid=$!
    sleep "$((pause / 100)).$(printf %02d $((pause % 100)))"
    kill -9 $pid 2>/dev/null && kills=$((kills + 1))
    wait $pid 2>/dev/null
    [ "$(db 'select count(*) from mete.event')" = "$had" ] || parts=$((parts + 1))
    pause=$((pause + 5))
    [ "$(db 'select count(*) from mete.event')" -lt "$(sqlite3 book.db 'select count(*) from event')" ] || break
done
echo "# $kills copies were killed, the last after $((pause - 5))0 ms; $parts had stored a part"
[ $kills -gt 0 ]
ok $? 'copies were killed'
echo "# $kills killed while they wrote, $(db 'select count(*) from mete.event') events there"
exits 0 'continued' "$METE" copy --from book.db --to "$pg" --json
is "$(q '[.books[].audited]')" '[true,true]' 'it ends with audits that hold'
is "$(head_of "$pg")" "$(head_of book.db)" 'and the same head'

# and back, after the database went on
revenue later $T 7.00 USD "$P" >later.ndjson
exits 0 'events there' in_pg ingest --quiet later.ndjson
mkdir back
exits 0 'copy back' "$METE" copy --from "$pg" --to sqlite:back/book.db --json
is "$(q '[.books[].audited]')" '[true,true]' 'the audits hold'
is "$(head_of back/book.db)" "$(head_of "$pg")" 'the same head again'
"$METE" --store back/book.db parties --json --at 2030-01-01 >a
in_pg parties --json --at 2030-01-01 >b
cmp -s a b
ok $? 'and everybody is owed the same'
exits 0 'SQLite into SQLite' "$METE" copy --from back/book.db --to again.db --json
is "$(head_of again.db)" "$(head_of "$pg")" 'is the same too'

# refused
exits 1 'backwards' "$METE" copy --from book.db --to "$pg"
says err '\(store_exists\)' 'the destination has more'
"$METE" init --store other.db --quiet >/dev/null
cp book.db.key other.db.key
revenue other $T 1.00 USD "$P" >other.ndjson
"$METE" ingest --store other.db --quiet other.ndjson >/dev/null
exits 1 'another book of that name' "$METE" copy --from book.db --to other.db --book main
says err '\(store_exists\)' 'is not overwritten'
"$METE" init --store keyed.db --quiet >/dev/null
exits 1 'another key file' "$METE" copy --from book.db --to keyed.db
says err '\(seal_key\)' 'is not overwritten'
exits 1 'a store that is not there' "$METE" copy --from nowhere.db --to x.db
exits 1 'a book that is not there' "$METE" copy --from book.db --to x.db --book nothing
exits 2 'without a destination' "$METE" copy --from book.db
finish
