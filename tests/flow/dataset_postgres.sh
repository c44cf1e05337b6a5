#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# covers: M-082
# A dataset of a book in PostgreSQL is that of the same book in a file, byte for byte.
# shellcheck source=tests/flow/lib.sh
. "$ROOT/tests/flow/lib.sh"
: "${METE_PG_APP:?runs beside tests/pg/with_postgres}"
pg=$METE_PG_APP
METE_KEY_FILE=
export METE_KEY_FILE

psql -XqAt "$METE_PG_SUPER" -c 'set client_min_messages = error; drop schema if exists mete cascade' >/dev/null 2>&1
exits 0 'prepare' "$METE" --store "$METE_PG_OWNER" store prepare --role mete_app
{
    cat "$ROOT/src/http/openapi/examples.ndjson"
    python3 "$ROOT/tests/flow/economy_stream.py" 7 400
} >stream
exits 0 'a book in a file' "$METE" --store book.db init
"$METE" --store book.db ingest stream >/dev/null 2>&1
exits 0 'copied into PostgreSQL' "$METE" copy --from sqlite:book.db --to "$pg"
exits 0 'a dataset of the file' "$METE" --store book.db export dataset --out file --tier 1,2,3
METE_KEY_FILE=books.key
exits 0 'a dataset of the copy' "$METE" --store "$pg" export dataset --out copy --tier 1,2,3
for f in file/*; do
    cmp "$f" "copy/${f#file/}" || printf 'differs %s\n' "$f"
done >out 2>&1
is "$(cat out)" '' 'the same bytes'
is "$(cat copy/*.jsonl | wc -l | xargs test 300 -lt && echo many)" many 'of many rows'
exits 0 'once more' "$METE" --store "$pg" export dataset --out again --tier 1,2,3
diff -r copy again >out
ok $? 'and again'
finish
