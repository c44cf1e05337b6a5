#!/bin/sh
# mete store distribute, by a double of Citus (tests/pg/citus_double.sql): what is said, what is
# refused, that it goes on where it was broken off, and that the program works afterwards.
# covers: F-104 V-080
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
: "${METE_PG_APP:?runs beside tests/pg/with_postgres}"

db() { psql -XqAt "$METE_PG_SUPER" -c "$1" 2>&1; }
distribute() { "$METE" --store "$METE_PG_OWNER" store distribute "$@"; }
placed="select count(*) from pg_dist_partition"

exits 2 'a file' "$METE" --store book.db store distribute
exits 0 'prepare' "$METE" --store "$METE_PG_OWNER" store prepare --role mete_app
exits 1 'no extension' distribute
says err 'has no Citus' 'it says so'
exits 1 'no extension, dry' distribute --dry-run
DATABASE_URL=$METE_PG_APP METE_KEY_FILE=$dir/book.key
export DATABASE_URL METE_KEY_FILE
exits 0 'a book of before' "$METE" init --quiet --book before

psql -XqAt -v ON_ERROR_STOP=1 "$METE_PG_SUPER" -f "$ROOT/tests/pg/citus_double.sql"
ok $? 'the double of Citus'
exits 0 'dry' distribute --dry-run
cp out dry
is "$(grep -c '^select create_' dry)" "$(db "select count(*) from pg_tables where schemaname = 'mete'")" 'the dry run names every table'
is "$(db "$placed")" 0 'and changes nothing'
exits 1 'by the role of the program' "$METE" store distribute
is "$(db "$placed")" 0 'it is not allowed to'

mkfifo slow
"$METE" ingest --book before slow >/dev/null 2>&1 &
pid=$!
exec 9>slow
until [ -n "$(db "select 1 from mete.lease where owner like '%/$pid/%'")" ] || ! kill -0 $pid; do sleep 0.05; done
exits 1 'while a process writes' distribute
says err 'stop all of them first' 'it says so'
says err "/$pid/" 'and which'
exec 9>&-
wait $pid

db 'create function public.mine() returns trigger language plpgsql as $$ begin return new; end $$; create trigger mine before insert on mete.meta for each row execute function public.mine()'
exits 1 'a trigger of somebody else' distribute
says err 'mete.meta.*has triggers' 'Citus says which table'
cp out first
is "$(db "$placed")" 11 'what comes before it is distributed'
db 'drop trigger mine on mete.meta'
exits 0 'again' distribute
cat first out >both
diff dry both >differences
ok $? 'the two together said what the dry run had printed'
is "$(db "select count(*) from pg_tables where schemaname = 'mete' and not exists (select from pg_dist_partition where logicalrelid = ('mete.' || tablename)::regclass)")" 0 'every table is distributed'
is "$(db "select string_agg(cast(logicalrelid as text), ' ' order by cast(logicalrelid as text)) from pg_dist_partition where partmethod = 'n'")" 'mete.api_key mete.book mete.schema_migrations' 'three are everywhere'
is "$(db "select count(distinct colocationid) from pg_dist_partition where partmethod = 'h' and partkey = 'book_id'")" 1 'the others by book, in one group'
is "$(db "select count(*) from pg_trigger t join pg_class c on c.oid = tgrelid where not tgisinternal and relnamespace = 'mete'::regnamespace")" 0 'no trigger is left'
exits 0 'once more' distribute
is "$(cat out)" '' 'there is nothing left to do'
exits 0 'prepare again' "$METE" --store "$METE_PG_OWNER" store prepare --role mete_app
is "$(db "select count(*) from pg_trigger t join pg_class c on c.oid = tgrelid where not tgisinternal and relnamespace = 'mete'::regnamespace")" 0 'brings no trigger back'

# the program, and its rights
exits 0 'init' "$METE" init --quiet --preset fair
exits 0 'ingest' "$METE" ingest --json "$ROOT/examples/streams/streaming.ndjson"
exits 0 'ingest into the book of before' "$METE" ingest --book before --json "$ROOT/examples/streams/streaming.ndjson"
exits 0 'a key' "$METE" key create --scopes earnings:read
exits 0 'audit' "$METE" audit
exits 0 'audit of the other' "$METE" audit --book before
for t in event page tree_node checkpoint; do
    for sql in "update mete.$t set book_id = 7" "delete from mete.$t" "truncate mete.$t"; do
        psql -XqAt "$METE_PG_APP" -c "$sql" >out 2>err
        says err 'permission denied' "refused: $sql"
    done
done

# what is distributed in another way is not touched
db 'drop schema mete cascade' >/dev/null
is "$(db "$placed")" 0 'everything is gone'
exits 0 'prepare' "$METE" --store "$METE_PG_OWNER" store prepare --role mete_app
is "$(db "select count(*) from pg_trigger where not tgisinternal")" 0 'where Citus is, there are no triggers from the start'
db "select create_reference_table('mete.book'); select create_reference_table('mete.meta')" >/dev/null
exits 1 'a table in another place' distribute
says err 'mete.meta is distributed in another way' 'it says which'
is "$(db "$placed")" 2 'and leaves all as it was'
finish
