#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mete doctor finds what is planted, changes nothing, and says how to mend it.
. "$ROOT/tests/flow/lib.sh"
unset HOST PORT API_KEY PEER_API_KEY CREDENTIALS_DIRECTORY
METE_CONFIG=
export METE_CONFIG

doctor() { # STATUS DESCRIPTION OPTION...
    wanted=$1
    what=$2
    shift 2
    "$METE" doctor --json --listen 127.0.0.1:0 "$@" >out 2>err
    is "$?" "$wanted" "$what: exit $wanted"
}
# finding WHAT: "finding message" of each line about it
finding() {
    jq -r --arg w "$1" '.[] | select(.what == $w) | "\(.finding) \(.message)"' <out
}
# finds WHAT PATTERN DESCRIPTION
finds() {
    finding "$1" | grep -Eq "$2"
    result=$?
    ok "$result" "$3"
    [ "$result" -eq 0 ] || sed 's/^/# /' out
}

doctor 0 'no store yet' --store none.db
finds book '^warning .*mete serve or mete init makes it' 'says who makes it'
[ ! -e none.db ]
ok $? 'and makes none'

"$METE" init --store m.db --preset fair --quiet >/dev/null
"$METE" ingest --store m.db --quiet "$ROOT/examples/streams/cli-usage.ndjson" >/dev/null 2>&1
"$METE" key create --store m.db --scopes earnings:read >/dev/null 2>&1
chmod 700 .
before=$(sha256sum m.db m.db.key)
doctor 0 'a healthy store' --store m.db
is "$(jq -r '[.[] | select(.finding == "error")] | length' <out)" 0 'no errors'
finds log '^ok [0-9]+ rows' 'the log is what its head says'
finds keys '^ok 1 that hold' 'keys'
finds settings '^ok' 'settings'
finds disk '^ok .*MiB free' 'disk'
finds clock '^ok' 'clock'
finds address '^ok .*is free' 'address'
finds 'open files' '^(ok|warning) ' 'open files'
is "$(sha256sum m.db m.db.key)" "$before" 'nothing was changed'

# modes
chmod 644 m.db.key
doctor 0 'a key file for all' --store m.db
finds 'key file' '^warning others can reach m.db.key .mode 644.: chmod 600 m.db.key' 'is told'
chmod 600 m.db.key
mv m.db.key away
doctor 0 'no key file' --store m.db
finds 'key file' '^warning m.db.key: No such file' 'is told'
mv away m.db.key

# quarantine
echo '{"event_id":"q","event_type":"nothing.such"}' | "$METE" ingest --store m.db --quiet - >/dev/null 2>&1
doctor 0 'a refused event' --store m.db
finds quarantine '^warning 1 refused events: mete quarantine list' 'is told'

# one flipped byte in the log
cp m.db flipped.db
cp m.db.key flipped.db.key
chmod 600 flipped.db
{
    sqlite3 flipped.db "select 'drop trigger ' || name || ';' from sqlite_master where type = 'trigger'"
    echo 'update event set recorded_at = recorded_at + 1 where key & 65535 = 40'
} | sqlite3 flipped.db
doctor 1 'a changed log' --store flipped.db
finds book '^error .*damaged.*restore a backup' 'is told'

# newest event ahead of the clock
"$METE" init --store ahead.db --quiet >/dev/null
revenue late 2025-01-02T00:00:00Z 1.00 USD '"party":"did:p"' |
    faketime '2100-01-01 12:00:00' "$METE" ingest --store ahead.db --quiet - >/dev/null 2>&1
doctor 1 'a clock that went back' --store ahead.db
finds clock '^error .*2100-01-01T.*set the clock' 'is told'

# an address that is taken, by a stranger and by mete
"$METE" init --store served.db --quiet >/dev/null
"$METE" serve --store served.db --listen 127.0.0.1:0 >serve.log 2>&1 &
server=$!
for _ in $(seq 200); do
    port=$(sed -n 's/.*listening on http:..127.0.0.1:\([0-9]*\).*/\1/p' serve.log)
    [ -z "$port" ] || break
    sleep 0.05
done
doctor 0 'beside a server' --store served.db --listen "127.0.0.1:$port"
finds address '^ok .*a server answers there, and is well' 'it is recognised'
kill "$server"
wait "$server" 2>/dev/null
python3 -c 'import socket,sys,time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); print(s.getsockname()[1], flush=True); time.sleep(60)' >port &
stranger=$!
for _ in $(seq 200); do
    [ ! -s port ] || break
    sleep 0.05
done
doctor 1 'a stranger has the address' --store served.db --listen "127.0.0.1:$(cat port)"
finds address '^error .*choose another' 'is told'
kill "$stranger"

# settings, off loopback, no keys
doctor 1 'a bad setting' --store served.db --listen 0.0.0.0:0
finds settings '^error .*can be reached from elsewhere' 'is told'
finds keys '^warning none, and 0.0.0.0:0 is not loopback' 'so is that nobody may do anything'
finish
