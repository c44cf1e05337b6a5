#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A store kept, checked and brought back: all of it and nothing else comes out, what is there already
# is never replaced, and the restored store goes on. On SQLite, and beside tests/pg/with_postgres on
# PostgreSQL.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
T=2025-01-01T00:00:00Z
P='"policy":"urn:p"'
pg=${METE_PG_APP:-}
store=live.db
unset METE_KEY_FILE
on() { "$METE" --store "$store" "$@"; }
head_of() { "$METE" --store "$1" log head --no-store --json --book "${2:-main}" 2>/dev/null | jq -c '[.size, .root]'; }
empty_database() {
    psql -XqAt "$METE_PG_SUPER" -c 'set client_min_messages = error; drop schema if exists mete cascade' >/dev/null
    "$METE" --store "$METE_PG_OWNER" store prepare --role mete_app --quiet
}
remains() { find "${1:-.}" -name '.*partial*' | wc -l; }

if [ -n "$pg" ]; then
    store=$pg
    METE_KEY_FILE=live.db.key
    export METE_KEY_FILE
    empty_database
fi

on init --preset fair --quiet >/dev/null
on init --book second --quiet >/dev/null
for f in "$ROOT"/examples/fair/*.json; do on policy publish "$f" --quiet >/dev/null; done
{ event d1 party.registered $T '{"party":"alice","kind":"human","display_name":"Alice Adams"}'
  event d2 party.destination_set $T '{"party":"alice","rail":"lightning","destination":"alice@wallet.example"}'
  event d3 party.registered $T '{"party":"bob","display_name":"Bob Brown"}'
  event p1 policy.published $T '{"policy":{"id":"urn:p","kind":"weights","rounding":"carry","shares":[{"party":"alice","weight":"1/3"},{"party":"bob","weight":"1/3"}]}}'
  revenue bad $T 0.001 USD "$P"; printf '{"no":"event"}\n'
  i=0
  while [ $i -lt 1500 ]; do
      revenue "i$i" $T "$((i % 90 + 1)).$((i % 10))1" USD "$P"
      i=$((i + 1))
  done; } >first.ndjson
on ingest --quiet first.ndjson >/dev/null 2>&1
on ingest --quiet --book second "$ROOT/examples/streams/streaming.ndjson" >/dev/null 2>&1
on log head >/dev/null 2>&1
on party erase bob --yes >/dev/null 2>&1
on key create --scopes earnings:read --note one >/dev/null
on parties --json --at 2030-01-01 >parties.first

# kept
exits 0 'backup' on backup one.db --json
is "$(q '[.file, .key_file, .audited]')" '["one.db","one.db.key",true]' 'with the keys, and the audit holds'
is "$(q .bytes)" "$(stat -c %s one.db)" 'so many bytes'
is "$(q '[.books[] | [.book, .size, .root]]')" \
    "$(printf '[["main",%s],["second",%s]]' "$(head_of "$store" | tr -d '[]')" "$(head_of "$store" second | tr -d '[]')")" \
    'all books with the heads of the store'
jq -j '.books[0].checkpoint' out >note
exits 0 'the heads are signed' on log verify --checkpoint note
is "$(stat -c %a one.db one.db.key | tr '\n' ' ')" '400 600 ' 'nobody writes the one, nobody else reads either'
cmp -s live.db.key one.db.key
ok $? 'the key file is the store s'
exits 0 'verify' "$METE" backup verify one.db --against "$store" --json
is "$(q '[.holds, .keys, .audited, .against.books[].newer]')" '[true,"beside",true,0,0]' 'it is whole, and the store is as far'
exits 0 'verify, for people' "$METE" backup verify one.db
says out '^Whole: a backup of 20[0-9TZ:.-]+, [0-9]+ bytes; the audit holds$' 'says so'
exits 0 'the file is a store' "$METE" --store one.db parties --json --at 2030-01-01
cmp -s out parties.first
ok $? 'that answers as the living one'
grep -qa 'Bob Brown' one.db
is "$?" 1 'private values are no plain text in it'
mkdir kept
exits 0 'into a directory' on backup kept --no-audit
is "$(find kept -name '*-20[0-9][0-9][0-9][0-9][0-9][0-9]T[0-9][0-9][0-9][0-9][0-9][0-9]Z.db' | wc -l)" 1 'the name is the store s and the date'
says out '^Keys kept/.*\.key: ' 'with the keys beside'
is "$(q . 2>/dev/null | wc -l; remains .)" "$(printf '0\n0')" 'nothing else is left'

exits 0 'said quietly' on backup quiet.db --quiet
is "$(cat out err)" '' 'cron has nothing to mail'

# never over something
exits 1 'a second one of that name' on backup one.db
says err 'one.db is there already.*\(store_exists\)' 'does not replace the first'
cp one.db before.db
exits 0 'with --force' on backup --force one.db
cmp -s one.db before.db
is "$?" 1 'it does'
printf 'mine' >mine.txt
exits 1 '--force on a file that is no backup' on backup --force mine.txt
says err 'is no whole backup' 'leaves that alone'
is "$(cat mine.txt)" mine 'as it was'
if [ -z "$pg" ]; then
    head_of live.db >a
    exits 1 '--force on the store itself' on backup --force live.db
    head_of live.db >b
    cmp -s a b
    ok $? 'leaves it alone'
fi
printf '# other keys\n' >two.db.key
exits 1 'beside the key file of another' on backup two.db
says err '\(seal_key\)' 'is refused'
is "$(cat two.db.key; ls two.db 2>/dev/null)" '# other keys' 'and it stays'
exits 1 'where there is no folder' on backup nowhere/x.db
exits 1 'of no store' "$METE" --store nothing.db backup x.db --without-keys
printf 'no store at all' >text.db
exits 3 'of another file' "$METE" --store text.db backup x.db --without-keys
exits 2 'of memory' "$METE" --store memory: backup x.db --without-keys
is "$(ls x.db 2>/dev/null; remains .)" 0 'nothing comes of these'

# keys elsewhere
exits 0 '--without-keys' on backup --without-keys bare.db --json
is "$(q .key_file), $(ls bare.db.key 2>/dev/null)" 'null, ' 'leaves them out'
exits 0 'verify without any key' env METE_KEY_FILE= "$METE" backup verify bare.db --json
is "$(q '[.holds, .keys]')" '[true,"none"]' 'is what can be told without them'
exits 0 'verify with the keys of this machine' env METE_KEY_FILE=live.db.key "$METE" backup verify bare.db --json
is "$(q .keys)" '"elsewhere"' 'opens what is private, too'
METE_KEY_FILE= "$METE" --store other.db init --quiet >/dev/null
exits 1 'with keys of another store' env METE_KEY_FILE=other.db.key "$METE" backup verify bare.db
says err '\(seal_key\)' 'they are not taken'
mv one.db.key away
exits 1 'keys that were there and are gone' env METE_KEY_FILE= "$METE" backup verify one.db
says err 'one.db.key that was copied.*\(seal_key\)' 'are missed'
sed 's/seal-key ./seal-key x/' away >one.db.key
exits 3 'keys that are others' "$METE" backup verify one.db
says err 'one.db.key is not the key file' 'are found'
mv away one.db.key
mv live.db.key gone.key
exits 1 'a store whose keys are not here' on backup x.db
says err 'no key file to copy.*--without-keys' 'says what to do'
mv gone.key live.db.key

# later
revenue later $T 7.00 USD "$P" >later.ndjson
on ingest --quiet later.ndjson >/dev/null
exits 0 'against the store as it went on' "$METE" backup verify one.db --against "$store" --json
is "$(q '[.against.books[].newer]')" '[1,0]' 'it is one event behind'
METE_KEY_FILE= "$METE" --store third.db init --book third --quiet >/dev/null
exits 1 'against a store without the book' "$METE" backup verify one.db --against third.db
METE_KEY_FILE= "$METE" --store other.db init --book second --quiet >/dev/null
exits 3 'against another store' "$METE" backup verify one.db --against other.db
says err '\(proof_failed\)' 'it is none of that'

# brought back
unset METE_KEY_FILE
exits 0 'restore' "$METE" --store back.db restore one.db --json
is "$(q '[.audited, .key_file, (.books | length)]')" '[true,"back.db.key",2]' 'with books and keys'
is "$(stat -c %a back.db back.db.key | tr '\n' ' ')" '600 600 ' 'its owner s alone'
is "$(head_of back.db)$(head_of back.db second)" "$(head_of one.db)$(head_of one.db second)" 'the heads are equal'
is "$("$METE" --store back.db key list --json | jq -c 'map(.note)')" '["one"]' 'keys of users are there'
is "$("$METE" --store back.db quarantine list --json | jq length)" "$(METE_KEY_FILE=live.db.key "$METE" --store "$store" quarantine list --json | jq length)" 'so is the quarantine'
exits 0 'the same events again, and the later one' "$METE" --store back.db ingest --json first.ndjson later.ndjson
is "$(q '.events | [.duplicate, .applied, .refused]')" '[1504,1,2]' 'are duplicates but for the one that was missing'
METE_KEY_FILE=live.db.key "$METE" --store "$store" parties --json --at 2030-01-01 >a
"$METE" --store back.db parties --json --at 2030-01-01 >b
cmp -s a b
ok $? 'and everybody is owed the same'
exits 0 'a backup of the old one' env METE_KEY_FILE=live.db.key "$METE" --store "$store" backup fork.db --no-audit
exits 3 'against the restored one' "$METE" backup verify fork.db --no-audit --against back.db
says err 'book main of the store is not a continuation.*\(proof_failed\)' 'they have parted'
exits 0 'the audit of it' "$METE" --store back.db audit --json
sealed=$(q .book.sealed)
[ "$sealed" -gt 0 ]
ok $? 'private values open'
exits 0 'said to people' "$METE" --store said.db restore one.db
says out '^  events: producers send again what they sent from a little before 20' 'with what is to be done'
exits 1 'over a store' "$METE" --store back.db restore one.db
says err 'back.db is there already.*\(store_exists\)' 'is refused'
is "$(head_of back.db | cut -d, -f1)" '[1513' 'and it stays'
touch left.db-wal
exits 1 'beside what another store left' "$METE" --store left.db restore one.db
cp other.db.key keyed.db.key
exits 1 'beside the keys of another' "$METE" --store keyed.db restore one.db
says err '\(seal_key\)' 'is refused'
cmp -s other.db.key keyed.db.key && [ ! -e keyed.db ]
ok $? 'they stay, and no store is made'
(flock 9; exec "$METE" --store held.db restore one.db) 9>held.db.lock >out 2>err
is "$?" 1 'where another process writes: exit 1'
says err '\(store_busy\)' 'is refused'
exits 0 'without keys' env METE_KEY_FILE= "$METE" --store bare.back.db restore bare.db
says err 'Put the key file at bare.back.db.key' 'says what is missing'
cp live.db.key bare.back.db.key
exits 0 'put there' "$METE" --store bare.back.db audit --json
is "$(q .book.sealed)" "$sealed" 'they open what is private'
exits 1 'of no file' "$METE" --store x.db restore nothing.db
exits 3 'of a file that is no backup' "$METE" --store x.db restore other.db
exits 2 'into memory' "$METE" --store memory: restore one.db
is "$(ls x.db left.db 2>/dev/null; remains .)" 0 'nothing comes of these'

if [ -n "$pg" ]; then
    METE_KEY_FILE=pg.key
    export METE_KEY_FILE
    exits 1 'restore over a database with books' "$METE" --store "$pg" restore one.db
    says err 'there are 2 books already.*\(store_exists\)' 'is refused'
    empty_database
    exits 0 'restore into an empty database' "$METE" --store "$pg" restore one.db --json
    is "$(q '[.audited, .key_file]')" '[true,"pg.key"]' 'audited, with the keys'
    is "$(head_of "$pg")$(head_of "$pg" second)" "$(head_of one.db)$(head_of one.db second)" 'the heads are equal'
    cmp -s pg.key one.db.key
    ok $? 'and the keys'
    exits 0 'the same events again' "$METE" --store "$pg" ingest --json first.ndjson later.ndjson
    is "$(q '.events | [.duplicate, .applied, .refused]')" '[1504,1,2]' 'are duplicates but for the one that was missing'
fi
finish
