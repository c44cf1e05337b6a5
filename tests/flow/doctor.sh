#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mete doctor finds what is planted, changes nothing, and says how to mend it.
. "$ROOT/tests/flow/lib.sh"
unset HOST PORT API_KEY PEER_API_KEY CREDENTIALS_DIRECTORY

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

"$METE" doctor --json --listen '[:8402' --store none.db >out 2>err
finds address '^error \[:8402: ' 'an address that is none is shown as it is'

"$METE" init --store m.db --preset fair --quiet >/dev/null
"$METE" ingest --store m.db --quiet "$ROOT/examples/streams/cli-usage.ndjson" >/dev/null 2>&1
"$METE" key create --store m.db --scopes earnings:read >/dev/null 2>&1
chmod 700 .
look() { # everything in this folder: names, modes, times, bytes
    find . -path ./out -prune -o -path ./err -prune -o -type f -printf '%p %m %T@ ' -exec sha256sum {} \; | sort
}
before=$(look)
doctor 0 'a healthy store' --store m.db
is "$(jq -r '[.[] | select(.finding == "error")] | length' <out)" 0 'no errors'
finds log '^ok main: [0-9]+ rows' 'the log is what its head says'
finds keys '^ok 1 that hold' 'keys'
finds settings '^ok' 'settings'
finds disk '^ok .*MiB free' 'disk'
finds clock '^ok' 'clock'
finds address '^ok .*is free' 'address'
finds 'open files' '^(ok|warning) ' 'open files'
finds schema '^ok version [0-9]+$' 'schema'
finds structure '^ok' 'structure'
finds journal '^ok write-ahead log' 'journal'
finds folder '^ok \., mode 700' 'folder'
finds waiting '^ok main: [0-9]+ events .policy., the oldest since' 'what waits, not for long'
is "$(look)" "$before" 'nothing was changed, and nothing is left there'
exits 0 'for people' "$METE" doctor --store m.db --listen 127.0.0.1:0
says out '^RESULT +CHECK +DETAIL$' 'as a table'
says err '^mete: all is well$' 'and a word at the end'

# modes
chmod 644 m.db.key
doctor 0 'a key file for all' --store m.db
finds 'key file' '^warning others can reach m.db.key .mode 644.: chmod 600 m.db.key' 'is told'
chmod 600 m.db.key
mv m.db.key away
doctor 1 'no key file' --store m.db
finds 'key file' '^error m.db.key: No such file .*no server starts; put back the copy' 'is told'
exits 1 'that is so' "$METE" serve --store m.db --listen 127.0.0.1:0
echo rubbish >m.db.key
chmod 600 m.db.key
doctor 1 'rubbish for a key file' --store m.db
finds book '^error main: .*m.db.key holds no keys' 'is told'
mv away m.db.key
chmod 666 m.db
doctor 0 'a store for all' --store m.db
finds store '^warning others can reach m.db .mode 666.: chmod 600 m.db' 'is told'
chmod 600 m.db
chmod 770 .
doctor 0 'a folder for a group' --store m.db
finds folder '^warning others may write into \. .mode 770.: chmod go-w \.' 'is told'
chmod 777 .
doctor 1 'a folder for all' --store m.db
finds folder '^error everybody may put another store into' 'is told'
chmod 700 .
doctor 1 'no folder' --store no/m.db
finds disk '^error no: No such file or directory: make this folder' 'is told'

# the file
copy() { # NAME: a copy to plant something in; its triggers are gone
    rm -f "$1" "$1"-*
    cp m.db "$1"
    cp m.db.key "$1.key"
    chmod 600 "$1"
    sqlite3 "$1" "select 'drop trigger ' || name || ';' from sqlite_master where type = 'trigger'" | sqlite3 "$1"
}
copy old.db
sqlite3 old.db 'drop table api_key; drop table kpi; drop table insight; delete from schema_migrations where version > 1'
rm -f old.db-*
doctor 0 'an older schema' --store old.db
finds schema '^warning version 1: the next start of the server makes it [0-9]+; copy the store before' 'is told'
"$METE" party erase nobody --yes --store old.db >/dev/null 2>&1 # opens it for writing
doctor 0 'made newer by who writes it' --store old.db
finds schema '^ok +version [0-9]+' 'is told'
finds insights '0 points of 0 series, 0 events' 'its new tables are there'
copy new.db
sqlite3 new.db "insert into schema_migrations select 99, name, sha256, applied_at from schema_migrations limit 1"
doctor 1 'a newer schema' --store new.db
finds schema '^error .*schema version 99.*Upgrade this program' 'is told'
copy journal.db
sqlite3 journal.db 'pragma journal_mode = delete' >/dev/null
doctor 0 'another journal' --store journal.db
finds journal '^warning not a write-ahead log' 'is told'
copy pages.db
sqlite3 pages.db "pragma writable_schema = on; update sqlite_master set rootpage = 2 where name = 'quarantine'"
doctor 1 'pages in two places' --store pages.db
finds structure '^error .*keep the file, restore a copy' 'are told'
echo 'dear diary' >diary.db
doctor 1 'no store at all' --store diary.db
finds schema '^error .*not a database' 'is told'

# quarantine
echo '{"event_id":"q","event_type":"nothing.such"}' | "$METE" ingest --store m.db --quiet - >/dev/null 2>&1
doctor 0 'a refused event' --store m.db
finds quarantine '^warning main: 1 refused events: mete quarantine list' 'is told'

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
copy head.db
exits 0 'a checkpoint' "$METE" log head --store head.db
sqlite3 head.db 'update checkpoint set root = zeroblob(32)'
doctor 1 'a checkpoint of another head' --store head.db
finds log '^error main: .*restore a copy' 'is told'

# every book, or the one that is asked for
"$METE" init --store two.db --quiet >/dev/null
"$METE" init --store two.db --book side --quiet >/dev/null
doctor 0 'two books' --store two.db
is "$(finding book | cut -d, -f1 | tr '\n' ' ')" 'ok main ok side ' 'both are looked at'
echo '{"event_id":"q","event_type":"nothing.such"}' | "$METE" ingest --store two.db --book side --quiet - >/dev/null 2>&1
doctor 0 'a refused event in the other' --store two.db
finds quarantine '^warning side: 1 refused' 'is told'
doctor 0 'one book' --store two.db --book main
is "$(finding book | cut -d, -f1 | tr '\n' ' ')" 'ok main ' 'the other is not looked at'
doctor 0 'no such book' --store two.db --book none
finds book '^warning none: .*mete init makes it' 'is told'

# what waits for long
"$METE" init --store waits.db --quiet >/dev/null
revenue early 2025-01-02T00:00:00Z 1.00 USD '"policy":"urn:p"' |
    faketime '2025-02-01 12:00:00' "$METE" ingest --store waits.db --quiet - >/dev/null 2>&1
doctor 0 'an event that waits for long' --store waits.db
finds waiting '^warning main: 1 events .policy., the oldest since 2025-02-01T.*: mete explain early --book main' 'is told'

# newest event ahead of the clock
"$METE" init --store ahead.db --quiet >/dev/null
revenue late 2025-01-02T00:00:00Z 1.00 USD '"party":"did:p"' |
    faketime '2100-01-01 12:00:00' "$METE" ingest --store ahead.db --quiet - >/dev/null 2>&1
doctor 1 'a clock that went back' --store ahead.db
finds clock '^error .*2100-01-01T.*set the clock' 'is told'
faketime '2001-01-01 12:00:00' "$METE" doctor --json --listen 127.0.0.1:0 --store m.db >out 2>err
is $? 1 'a clock that was never set: exit 1'
finds clock '^error it says 2001-01-01T.*set the clock' 'is told'

# the machine
(ulimit -n 200; "$METE" doctor --json --listen 127.0.0.1:0 --store m.db >out 2>err)
finds 'open files' '^warning at most 200, 1024 connections want 1224: ulimit -n, or LimitNOFILE' 'too few open files'
mkdir small
if unshare -rm mount -t tmpfs -o size=2m none small 2>/dev/null; then
    unshare -rm sh -c 'mount -t tmpfs -o size=2m,mode=700 none small && "$METE" doctor --json --listen 127.0.0.1:0 --store small/m.db' >out 2>err
    is $? 1 'a disk that is full: exit 1'
    finds disk '^error [012] MiB free in small: make room' 'is told'
    unshare -rm sh -c 'mount -t tmpfs -o size=2g,ro,mode=700 none small && "$METE" doctor --json --listen 127.0.0.1:0 --store small/m.db' >out 2>err
    is $? 1 'a disk for reading only: exit 1'
    finds disk '^error small is mounted for reading only' 'is told'
else
    ok 0 'disks # SKIP this user may mount nothing'
fi

# the certificate
openssl req -x509 -newkey rsa:2048 -nodes -keyout c.key -out c.pem -days 99 -subj /CN=c >/dev/null 2>&1
openssl req -x509 -newkey rsa:2048 -nodes -keyout s.key -out s.pem -days 5 -subj /CN=s >/dev/null 2>&1
chmod 600 c.key s.key
printf '[tls]\ncertificate = c.pem\ncertificate_key = c.key\n' >c.conf
printf '[tls]\ncertificate = s.pem\ncertificate_key = s.key\n' >s.conf
printf '[tls]\ncertificate = c.pem\ncertificate_key = s.key\n' >odd.conf
doctor 0 'a certificate' --store none.db --config c.conf
finds certificate '^ok 9[89] days left, until 20' 'how long it holds'
doctor 0 'one that ends soon' --store none.db --config s.conf
finds certificate '^warning the certificate ends in [45] days.*renew it' 'is told'
doctor 1 'one that is not of its key' --store none.db --config odd.conf
finds settings '^error odd.conf:2: .*do not go together' 'is told'
faketime -f '+200d' "$METE" doctor --json --listen 127.0.0.1:0 --store none.db --config c.conf >out 2>err
is $? 1 'one that has ended: exit 1'
finds certificate '^error the certificate has ended at' 'is told'
faketime -f '-200d' "$METE" doctor --json --listen 127.0.0.1:0 --store none.db --config c.conf >out 2>err
is $? 1 'one that is yet to begin: exit 1'
finds certificate '^error the certificate begins at' 'is told'

# a file of settings that cannot be read, and which store is meant
exits 1 'settings that are not there' "$METE" doctor --json --listen 127.0.0.1:0 --config gone.conf
finds settings '^error gone.conf: No such file' 'are told'
finds store '^error which one is meant cannot be told' 'no store is looked at by guess'

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
finds address '^ok .*mete [0-9.]+ answers there, and is well' 'it is recognised'
finds log '^ok main: ' 'its books are read beside it'
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
finds address '^error .*another program listens there' 'is told'
kill "$stranger"
: >port
python3 -c 'import http.server
class Yes(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"{\"status\":\"ok\",\"name\":\"other\",\"version\":\"1\"}")
    def log_message(self, *_): pass
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Yes); print(s.server_address[1], flush=True); s.serve_forever()' >port &
stranger=$!
for _ in $(seq 200); do
    [ ! -s port ] || break
    sleep 0.05
done
doctor 1 'a stranger that says yes to everything' --store served.db --listen "127.0.0.1:$(cat port)"
finds address '^error .*another program listens there' 'is told'
kill "$stranger"

# backups
mkdir backups
doctor 1 'no folder of backups' --store served.db --backups nowhere
finds backup '^error nowhere: No such file' 'is told'
doctor 0 'an empty one' --store served.db --backups backups
finds backup '^warning backups has none: run mete backup' 'is told, and what to do'
"$METE" backup --quiet --store served.db backups >/dev/null
doctor 0 'a backup of today' --store served.db --backups backups
finds backup '^ok served-.*[.]db of 20.*: [0-9]+ events of 1 book$' 'is told, and how much is in it'
echo rubbish >backups/other.db
doctor 0 'with something else beside it' --store served.db --backups backups
finds backup '^warning 1 file is no backup, other.db: ' 'is told'
finds backup '^ok served-' 'the backup still counts'
faketime -f '+3d' "$METE" doctor --json --listen 127.0.0.1:0 --store served.db --backups backups >out 2>err
finds backup '^warning the newest, .*, is 3 days old: ' 'three days later it is too old'

# settings, off loopback, no keys
doctor 1 'a bad setting' --store served.db --listen 0.0.0.0:0
finds settings '^error .*can be reached from elsewhere' 'is told'
finds keys '^warning none, and 0.0.0.0:0 is not loopback' 'so is that nobody may do anything'
finish
