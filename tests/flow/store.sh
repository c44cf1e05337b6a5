#!/bin/sh
# covers: F-023 F-027
# A stored book: made, filled, interrupted, proven, audited, partly forgotten.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

mete() { "$METE" --store book.db "$@"; }
T=2025-01-01T00:00:00Z
P='"policy":"urn:p"'

# init
exits 1 'no store yet' "$METE" --store book.db log verify
says err '\(store_missing\)' 'it says so'
exits 0 'init' mete init --preset fair
says out '^Keys in book.db.key' 'init names the key file'
says out '^Checkpoints are signed by did:key:z6Mk' 'and the public key'
is "$(stat -c %a book.db.key)" 600 'the key file is its owner s alone'
is "$(stat -c %a book.db)" 600 'and so is the store'
before=$(cksum book.db.key)
exits 1 'init of a book that exists' mete init
says err '\(store_exists\)' 'it says so'
exits 0 'init of a second book' mete init --book other --json
is "$(q '[.book, .preset, .log.size]')" '["other",null,0]' 'init --json'
is "$(cksum book.db.key)" "$before" 'a second book keeps the key'
exits 2 'init with an unknown preset' "$METE" --store none.db init --preset nothing
[ ! -e none.db ]
ok $? 'and nothing is made'

# ingest
{ revenue e1 $T 1500.00 USD "$P"
  event p policy.published 2025-01-02T00:00:00Z '{"policy":{"id":"urn:p","kind":"weights","shares":[{"party":"a","weight":"0.6"},{"party":"b","weight":"0.4"}]}}'
  revenue e2 $T 0.001 USD "$P"; revenue e3 $T 1.00 USD '"policy":"urn:never"'; } >s.ndjson
exits 0 'dry run' mete ingest --dry-run --json s.ndjson
is "$(q '[.events, .log.size, .dry_run]')" '[{"applied":1,"duplicate":0,"waiting":2,"refused":1,"conflict":0},2,true]' 'a dry run answers'
exits 0 'quarantine after a dry run' mete quarantine list --json
is "$(q .)" '[]' 'and keeps nothing'
exits 0 'ingest' mete ingest --json s.ndjson
is "$(q '.results | map([.event_id, .status, .code, .pointer])')" \
    '[["e1","waiting","policy_unknown","/payload/policy"],["e2","refused","amount_scale","/payload/amount/amount"],["e3","waiting","policy_unknown","/payload/policy"]]' \
    'results of those that were not applied'
is "$(q '[.log.size, .dry_run, .interrupted]')" '[5,false,false]' 'the log has grown'
head=$(q .log.head)
exits 1 'ingest again, strictly' mete ingest --strict --json --group 1 s.ndjson
is "$(q '[.events, .log.head]')" "[{\"applied\":0,\"duplicate\":3,\"waiting\":0,\"refused\":1,\"conflict\":0},$head]" 'all are duplicates, the head stands'
exits 0 'ingest, as text' mete ingest s.ndjson
says out '^e2 +amount_scale +/payload/amount/amount ' 'refused ones are listed'
says out '^0 applied, 3 duplicate, 0 waiting, 1 refused, 0 in conflict$' 'and counted'
exits 0 'ingest quietly' mete ingest --quiet s.ndjson
is "$(wc -c <err)" 0 'quiet is quiet'
exits 2 'a group of nothing' mete ingest --group 0 s.ndjson
exits 1 'a missing stream' mete ingest nowhere

# quarantine
exits 0 'quarantine list' mete quarantine list --json
is "$(q 'map([.id, .event_id, .code, .attempts])')" '[[1,"e2","amount_scale",4]]' 'one row, tried four times'
exits 0 'quarantine show' mete quarantine show 1 --json
is "$(q '.body | fromjson | .event_id')" '"e2"' 'the body as it came'
exits 0 'quarantine show as text' mete quarantine show 1
says out '^To mend +Round at the source' 'it says how to mend it'
exits 1 'quarantine show of nothing' mete quarantine show 99
exits 2 'quarantine show of a word' mete quarantine show x
revenue x1 $T 1.00 EURX "$P" >x.ndjson
exits 0 'an unknown currency' mete ingest x.ndjson
event as asset.defined $T '{"code":"EURX","scale":2}' >a.ndjson
exits 0 'the currency' mete ingest a.ndjson
exits 1 'replay, strictly' mete quarantine replay --strict --json
is "$(q 'map([.event_id, .status])')" '[["e2","refused"],["x1","applied"]]' 'what is accepted now'
exits 0 'quarantine list' mete quarantine list --json
is "$(q 'map(.event_id)')" '["e2"]' 'has left the quarantine'
exits 1 'replay of a row that is gone' mete quarantine replay 2
revenue y1 $T 1.00 EURY "$P" >y.ndjson
event ay asset.defined $T '{"code":"EURY","scale":2}' >a.ndjson
exits 0 'refused, defined, sent again' mete ingest y.ndjson a.ndjson y.ndjson
exits 0 'replay of what is in the log by now' mete quarantine replay 3 --json
is "$(q 'map([.event_id, .status])')" '[["y1","duplicate"]]' 'is a duplicate'
exits 1 'and leaves the quarantine too' mete quarantine show 3
exits 0 'drop' mete quarantine drop 1
exits 1 'drop again' mete quarantine drop 1
exits 0 'quarantine list' mete quarantine list --csv
is "$(tr -d '\r' <out)" 'id,received_at,event_id,code,pointer,attempts,bytes,message' 'an empty table has its head'

# proofs
exits 0 'log head' mete log head --json
key=$(q .key | tr -d '"')
is "$(q '[.size, .origin, .stored]')" '[9,"mete/main",true]' 'log head --json'
exits 0 'log head as a note' mete log head
cp out note
is "$(head -2 note)" 'mete/main
9' 'a checkpoint begins with origin and size'
exits 0 'log proof' mete log proof e1
cp out proof
is "$(q '[.kind, .seq, .size, .event_id]')" '["inclusion",3,9,"e1"]' 'a proof by event id'
exits 0 'log proof by number' mete log proof 3 --size 4
is "$(q '[.seq, .size]')" '[3,4]' 'in an earlier tree'
cp out proof4
exits 1 'a proof of what is not there' mete log proof e99
exits 1 'a proof beyond the log' mete log proof 10
exits 0 'log consistency' mete log consistency 4 7
cp out grown
exits 2 'sizes the wrong way round' mete log consistency 7 4
exits 1 'a size that is not there' mete log consistency 4 70
mkdir away
cd away || exit 1
for f in proof proof4 grown; do
    exits 0 "offline: $f" "$METE" log verify --proof ../$f --key "$key" --json
    is "$(q '[.holds, .signed]')" '[true,true]' "offline: $f holds and is signed"
done
exits 0 'offline: proof and checkpoint' "$METE" log verify --proof ../proof --checkpoint ../note --key "$key"
says out '^Holds: entry 3 is among the first 9' 'it says what holds'
exits 3 'offline: a checkpoint of another size' "$METE" log verify --proof ../proof4 --checkpoint ../note --key "$key"
exits 0 'offline: without a key' "$METE" log verify --proof ../proof
says err 'Nobody vouches' 'the root is not vouched for'
exits 3 'offline: another key' "$METE" log verify --proof ../proof --key did:key:z6MkehRgf7yJbgaGfYsdoAsKdBPE3dj2CYhowQdcjqSJgvVd
exits 2 'offline: no key at all' "$METE" log verify --proof ../proof --key nonsense
for member in event_sha256 decision_sha256 leaf root; do
    sed "s/\"$member\": \"\(.\)/\"$member\": \"$(grep -q "\"$member\": \"0" ../proof && echo 1 || echo 0)/" ../proof >bad
    exits 3 "offline: another $member" "$METE" log verify --proof bad --key "$key"
done
sed 's/"seq": 3/"seq": 4/' ../proof >bad
exits 3 'offline: another place' "$METE" log verify --proof bad --key "$key"
sed 's/"first": 4/"first": 5/' ../grown >bad
exits 3 'offline: another beginning' "$METE" log verify --proof bad --key "$key"
printf '{"kind":"inclusion"}' >bad
exits 1 'offline: no proof at all' "$METE" log verify --proof bad --key "$key"
cd ..
mv book.db.key hidden.key
exits 0 'a proof beside a store without its keys' mete log verify --proof proof
says err 'Nobody vouches' 'nobody vouches for it, but it is not wrong'
mv hidden.key book.db.key
exits 0 'log verify' mete log verify
says out '^Holds: 9 entries, 2 checkpoints' 'rows, tree, checkpoints'
exits 0 'log verify of a checkpoint' mete log verify --checkpoint note
exits 0 'log head without storing' mete log head --no-store --json
is "$(q .stored)" false 'not stored'

# private values, erasure
{ event d1 party.registered $T '{"party":"a","kind":"human","display_name":"Alice Adams"}'
  event d2 party.destination_set $T '{"party":"a","rail":"lightning","destination":"alice@wallet.example"}'
  event d3 party.destination_set $T '{"party":"a","rail":"lightning"}'
  event d4 party.registered $T '{"party":"b","display_name":"Bob"}'; } >d.ndjson
exits 0 'private values' mete ingest d.ndjson
cat book.db* | grep -aq 'Alice Adams\|alice@wallet'
is $? 1 'they stand nowhere in the clear'
exits 0 'audit' mete audit
says out 'book agrees with itself' 'the book agrees with itself'
says out '^all holds: ' 'and so does the auditor'
head=$("$METE" --store book.db log head --no-store --json | jq -c .root)
exits 2 'erase wants to be sure' mete party erase a
exits 0 'erase' mete party erase a --yes --json
is "$(q '[.party, .erased, .quarantined, .log.head]')" "[\"a\",2,1,$head]" 'two values and a refused event are gone, the head stands'
exits 0 'erase again' mete party erase a --yes --json
is "$(q '[.erased, .quarantined]')" '[0,0]' 'nothing is left'
sed -n '1,2p;4p' d.ndjson >again.ndjson
exits 0 'what was erased is sent again' mete ingest again.ndjson --json
is "$(q '[.events.duplicate, .events.conflict, .events.applied]')" '[3,0,0]' 'it is known, and stays erased'
exits 1 'erase nobody' mete party erase nobody --yes
printf '{"bob":1,"party":"bobby"}\n{"to":"b\\u006fb"}\n{"x":"bob",}\n{"bob":\n' >bobs.ndjson
mete ingest bobs.ndjson >/dev/null 2>&1
before=$(mete quarantine list --json | jq length)
exits 1 'a part of a name is nobody' mete party erase bo --yes
exits 0 'erase by whole names' mete party erase bob --yes --json
is "$(q .quarantined)" 4 'as member, as text, escaped, and in what is no JSON'
is "$(mete quarantine list --json | jq length)" $((before - 4)) 'and nothing else is gone'
exits 0 'audit after erasing' mete audit --json
is "$(q '[.book.holds, .book.sealed, .book.erased, .auditor.ok, .status]')" '[true,1,2,true,0]' 'audit after erasing'
exits 0 'audit with an export' mete audit --export audit.ndjson
is "$(tail -1 audit.ndjson | jq -r .kind)" end 'the export is whole'
exits 1 'no auditor' env METE_AUDIT=/nonexistent "$METE" --store book.db audit
says err 'METE_AUDIT' 'it says what to do'
printf '#!/bin/sh
cat >/dev/null
exit 3
' >objects
printf '#!/bin/sh
exit 3
' >early
chmod +x objects early
exits 3 'an auditor that objects' env METE_AUDIT="$dir/objects" "$METE" --store book.db audit
exits 3 'an auditor that has seen enough early' env METE_AUDIT="$dir/early" "$METE" --store book.db audit

# an interruption keeps what was decided, and nothing else
mkfifo pipe
i=0
while [ $i -lt 500 ]; do
    revenue "i$i" $T 1.00 USD "$P"
    i=$((i + 1))
done >many.ndjson
"$METE" --store book.db ingest --json pipe >out 2>err &
pid=$!
exec 9>pipe
cat many.ndjson >&9
printf '{"event_id":"half","event_ty' >&9
sleep 1
kill -INT $pid
wait $pid
is $? 130 'an interruption: exit 130'
exec 9>&-
is "$(q '[.events.applied, .events.refused, .interrupted]')" '[500,0,true]' 'what came is stored, half an event is no broken event'
says err '^mete: interrupted after 500 events' 'it says how far it came'
exits 0 'the same again' mete ingest --json many.ndjson
is "$(q '[.events.applied, .events.duplicate]')" '[0,500]' 'goes on where it stopped'

# damage is found
damage() { # DESCRIPTION TABLE SQL PATTERN
    rm -f bad.db*
    cp book.db bad.db
    cp book.db.key bad.db.key
    sqlite3 bad.db "drop trigger $2_no_update; drop trigger $2_no_delete; $3" ||
        printf '# cannot damage\n'
    exits 3 "$1" "$METE" --store bad.db audit
    says err "$4" "$1: it says what is wrong"
}
exits 0 'log head' mete log head
damage 'another amount in an event' event \
    "update event set event = cast(replace(cast(event as text), '1500.00', '1600.00') as blob)" '(entry|event) 3'
damage 'a shorter log' event 'delete from event where key = (select max(key) from event)' \
    'checkpoint speaks of [0-9]+ entries|store_corrupt'
damage 'an unsigned checkpoint' checkpoint "update checkpoint set note = replace(note, 'mete/main', 'mete/niam')" \
    'signature of the checkpoint'
damage 'a checkpoint of another head' checkpoint 'update checkpoint set root = zeroblob(32)' 'another root than the rows'
damage 'another hash in the tree' tree_node \
    'update tree_node set hash = zeroblob(32)' 'hash 0 of level 8 of the tree'
damage 'a sealed value of another event' event \
    "drop trigger sealed_no_update; update sealed set pointer = '/payload/kind'" 'sealed value'

# one writer
mkfifo slow
"$METE" --store book.db ingest slow >/dev/null 2>&1 &
pid=$!
exec 9>slow
sleep 0.3
exits 1 'a second writer' mete ingest s.ndjson
says err '\(store_busy\)' 'is told to come later'
exits 0 'a reader' mete log verify
exits 0 'log head beside a writer' mete log head --json
is "$(q .stored)" false 'signs, but does not store'
exec 9>&-
wait $pid

# a place where nothing may be written: another user reads the store that its owner left there
mkdir -p still
cp book.db still/book.db
head=$(mete log head --no-store --json | jq -c .root)
chmod 0444 still/book.db
chmod 0555 still
if [ "$(id -u)" = 0 ]; then
    chmod 0755 "$dir"
    nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
else
    nobody() { "$@"; }
fi
exits 0 'a store that nobody may write is read' nobody "$METE" --store still/book.db log verify --json
is "$(q .root)" "$head" 'and it is the same'
is "$(q .signatures)" false 'but nobody can tell who signed'
chmod 0755 still
finish
