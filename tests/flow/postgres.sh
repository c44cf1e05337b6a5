#!/bin/sh
# The same commands on SQLite and on PostgreSQL, as people give them: what is printed is the same to
# the last byte, log heads, proofs and exports included. Clock and random numbers stand still for
# that (tests/pg/fixed_world.c). Then what only a database has: roles, rights, passwords.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
: "${METE_PG_APP:?runs beside tests/pg/with_postgres}" "${FIXED_WORLD:?}"
METE_TEST_NOW=1748779200000000
export METE_TEST_NOW
S=$ROOT/examples/streams
T=2025-01-01T00:00:00Z
P='"policy":"urn:p"'

db() { psql -XqAt "$METE_PG_SUPER" -c "$1" 2>&1; }
prepare() {
    db 'set client_min_messages = error; drop schema if exists mete cascade' >/dev/null
    "$METE" --store "$METE_PG_OWNER" store prepare --role mete_app
}

# told NAME COMMAND...: what it said and how it ended, in the folder of the store
told() {
    name=$1
    shift
    LD_PRELOAD=$FIXED_WORLD "$METE" "$@" >"$place/$name.out" 2>"$place/$name.err" </dev/null
    echo "$?" >"$place/$name.exit"
}

scenario() { # everything that a store does
    told init init --preset fair --json
    for f in "$ROOT"/examples/fair/*.json "$ROOT"/examples/manifests/*.json; do
        told "publish-$(basename "$f")" policy publish "$f"
    done
    told streams ingest --json "$S/cli-usage.ndjson" "$S/streaming.ndjson" "$S/tickets.ndjson"
    told book ingest --json --group 7 "$ROOT/tests/data/query/book.ndjson"
    told broken ingest --json "$place/../broken.ndjson"
    told private ingest --json "$place/../private.ndjson"
    told many ingest --json --group 512 "$place/../many.ndjson"
    told again ingest --json "$place/../many.ndjson"
    told parties parties --json
    told csv parties --csv --at 2099-01-01
    told statement statement did:fair:foundation --json
    told page statement did:fair:foundation --json --limit 3
    told explain explain t1/3.3 --json
    told explain-party explain did:ethr:0xA
    told report report --by party --json
    told quarantine quarantine list --json
    told show quarantine show 1
    told replay quarantine replay --json
    told drop quarantine drop 1
    told head log head --json
    told note log head
    told proof log proof i17
    told grown log consistency 5 100
    told verify log verify --json
    told audit audit --json
    told export export audit
    told ledger export hledger
    told simulate simulate "$ROOT/examples/fair/event-milestone.fair.json" --json
    told erase party erase alice --yes --json
    told audit-erased audit --json
    told other init --book other
    told other-in ingest --book other --json "$S/tickets.ndjson"
    told other-head log head --book other --json
    told head-after log head --json --no-store
    told missing parties --book nothing
    told exists init
    told policies policy list --json
}

i=0
while [ $i -lt 3000 ]; do
    revenue "i$i" $T "$((i % 90 + 1)).$((i % 10))1" USD "$P"
    [ $((i % 50)) -ne 49 ] || reversal "r$i" $T "i$i"
    i=$((i + 1))
done >many.ndjson
{ printf '{"no":"event"}\n{"event_id":"b1\n'; revenue b2 $T 0.001 USD "$P"; revenue b3 $T 1.00 EURX "$P"; } >broken.ndjson
{ event d1 party.registered $T '{"party":"alice","kind":"human","display_name":"Alice Adams"}'
  event d2 party.destination_set $T '{"party":"alice","rail":"lightning","destination":"alice@wallet.example"}'
  event p1 policy.published $T '{"policy":{"id":"urn:p","kind":"weights","rounding":"carry","shares":[{"party":"alice","weight":"1/3"},{"party":"bob","weight":"1/3"}]}}'
} >private.ndjson

exits 0 'prepare' prepare
mkdir sqlite postgres
place=$dir/sqlite
DATABASE_URL=book.db METE_KEY_FILE=sqlite.key
export DATABASE_URL METE_KEY_FILE
scenario
place=$dir/postgres
DATABASE_URL=$METE_PG_APP METE_KEY_FILE=postgres.key
scenario
# addresses differ, and what a store is called in a sentence
label=$(jq -r '.store? // empty' <postgres/init.out)
for f in postgres/*; do
    sed "s|$label|book.db|g; s|postgres\.key|sqlite.key|g" "$f" >f
    mv f "$f"
done
same=0
for f in sqlite/*; do
    if cmp -s "$f" "postgres/${f#*/}"; then
        same=$((same + 1))
    else
        ok 1 "$f"
        diff "$f" "postgres/${f#*/}" | head -5 | sed 's/^/# /'
    fi
done
is "$same" "$(find sqlite -type f | grep -c .)" 'every answer is the same on both'
[ "$same" -ge 70 ]
ok $? "there are answers to compare: $same"
is "$(grep -lx 0 postgres/*.exit | grep -c .)" "$(($(find postgres -name '*.exit' | grep -c .) - 3))" 'all but three commands ended well'
is "$(jq -r '.root // empty' postgres/head.out)" "$(jq -r '.root // empty' sqlite/head.out)" 'the heads are equal'
[ "$(jq -r '.size // empty' postgres/head.out)" -gt 3000 ]
ok $? 'of a log of some length'

# passwords
secret=pass/word:of@tests
quoted='pass%2Fword%3Aof%40tests'
grep -rFl -e "$secret" -e "$quoted" sqlite postgres >found
is "$(cat found)" '' 'the password stands in no answer and no error'
hidden() { # DESCRIPTION COMMAND...
    what=$1
    shift
    "$METE" "$@" >out 2>err </dev/null
    cat out err >said
    grep -Fq -e "$secret" -e "$quoted" -e 'word:of' said
    is $? 1 "$what: no password"
    [ -s err ]
    ok $? "$what: but an error"
}
unset DATABASE_URL
hidden 'an address in place of a command' "$METE_PG_APP"
hidden 'an address as a superfluous argument' parties "$METE_PG_APP"
hidden 'a wrong password' parties --store "$(echo "$METE_PG_APP" | sed "s/$quoted/x$quoted/")"
hidden 'a broken escape in it' parties --store "$(echo "$METE_PG_APP" | sed "s/$quoted/pass%zzword:of/")"
hidden 'a host that is none' parties --store "postgres://u:$quoted@nowhere.invalid/x"
hidden 'a query that is none' parties --store "postgres://u:$quoted@localhost/x?nonsense"
hidden 'an unknown kind of store' parties --store "oracle://u:$quoted@h/x"

# rights
DATABASE_URL=$METE_PG_APP
export DATABASE_URL
refused() { # SQL ROLE PATTERN
    psql -XqAt "$2" -c "$1" >out 2>err
    says err "$3" "refused: $1"
}
for t in event page tree_node checkpoint; do
    refused "update mete.$t set book_id = 7" "$METE_PG_APP" 'permission denied'
    refused "delete from mete.$t" "$METE_PG_APP" 'permission denied'
    refused "truncate mete.$t" "$METE_PG_APP" 'permission denied'
    refused "update mete.$t set book_id = 7" "$METE_PG_OWNER" 'append-only'
    refused "delete from mete.$t" "$METE_PG_OWNER" 'append-only'
    refused "truncate mete.$t cascade" "$METE_PG_OWNER" 'append-only'
done
refused 'update mete.sealed set seq = 7' "$METE_PG_APP" 'permission denied'
refused 'update mete.sealed set seq = 7' "$METE_PG_OWNER" 'append-only'
refused 'delete from mete.api_key' "$METE_PG_APP" 'permission denied'
refused 'create table mete.mine ()' "$METE_PG_APP" 'permission denied'
refused 'drop table mete.event' "$METE_PG_APP" 'must be owner'
is "$(db "select string_agg(privilege_type, ' ' order by privilege_type) from information_schema.role_table_grants where grantee = 'mete_app' and table_name = 'event'")" \
    'INSERT SELECT' 'the application may insert and select events, nothing else'

# keys
exits 0 'key create' "$METE" key create --scopes earnings:read --json
id=$(jq -r .key_id out)
exits 0 'key list' "$METE" key list --json
is "$(q 'map(.scopes)')" '["earnings:read"]' 'the key is there'
exits 0 'key revoke' "$METE" key revoke "$id"
exits 1 'key revoke of none' "$METE" key revoke key_none
refused 'update mete.api_key set revoked_at = null' "$METE_PG_OWNER" 'never ends later'
refused "update mete.api_key set note = 'x', book = 'y'" "$METE_PG_OWNER" 'only ends'

# another key file is not taken for the first
exits 0 'the key file of the book' "$METE" ingest --quiet private.ndjson
METE_KEY_FILE=$dir/elsewhere.key
exits 1 'no key file' "$METE" ingest --quiet private.ndjson
says err 'seal_key' 'it says so'
sed 's/log-seed ./log-seed 0/; s/log-seed 0\(.\)/log-seed \1f/' postgres.key >elsewhere.key
exits 1 'another key file' "$METE" ingest --quiet private.ndjson
says err 'made with another key file' 'it says so'
sed 's/seal-key ./seal-key 0/; s/seal-key 0\(.\)/seal-key \1f/' postgres.key >elsewhere.key
exits 1 'a key file that seals otherwise' "$METE" ingest --quiet private.ndjson
says err 'made with another key file' 'it says so'
exits 0 'reading needs none' "$METE" parties --json
METE_KEY_FILE=$dir/postgres.key

# one writer a book, found out to be alive or dead
mkfifo slow
"$METE" ingest slow >/dev/null 2>&1 &
pid=$!
exec 9>slow
until [ -n "$(db "select 1 from mete.lease where owner like '%/$pid/%'")" ]; do sleep 0.05; done
exits 1 'a second writer' "$METE" ingest --quiet private.ndjson
says err 'store_busy' 'is told to come later'
says err "/$pid/" 'and who writes'
exits 0 'another book has its own writer' "$METE" ingest --book other --quiet private.ndjson
exits 0 'a reader' "$METE" log verify
kill -9 $pid
wait $pid 2>/dev/null
exec 9>&-
exits 0 'a writer after one that was killed' "$METE" ingest --quiet private.ndjson
exits 0 'audit' "$METE" audit

# versions
exits 0 'prepare again' "$METE" --store "$METE_PG_OWNER" store prepare --role mete_app
db "insert into mete.schema_migrations values (900, 'later', 'x', 1)" >/dev/null
exits 1 'a newer store' "$METE" parties
says err 'store_newer' 'is refused'
db "delete from mete.schema_migrations where version = 900; update mete.schema_migrations set sha256 = 'x' where version = 1" >/dev/null
exits 3 'another history' "$METE" parties
says err 'store_corrupt' 'is refused'
db 'drop schema mete cascade' >/dev/null 2>&1
exits 1 'a database without a store' "$METE" parties
says err 'store_missing' 'it says so'
exits 1 'init by a role that may not make tables' "$METE" init
says err 'store prepare' 'it says who can'
exits 2 'prepare without a database' "$METE" --store book.db store prepare
exits 2 'rights for the owner itself' "$METE" --store "$METE_PG_OWNER" store prepare --role mete_owner
exits 0 'one role for all' "$METE" --store "$METE_PG_OWNER" init --json
is "$(q .log.size)" 0 'is possible as well'
finish
