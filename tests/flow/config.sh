#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Settings: the order of their sources, every mistake at once with its place, no secret shown; the
# example in deploy/ and mete.conf(5) know every setting.
# covers: F-081
. "$ROOT/tests/flow/lib.sh"
unset HOST PORT API_KEY PEER_API_KEY MANIFEST_REGISTRY_URL WALLET_SERVICE_URL CREDENTIALS_DIRECTORY
METE_CONFIG=
export METE_CONFIG

# value SETTING: "value from"
value() {
    jq -r --arg s "$1" '.[] | select(.setting == $s) | "\(.value) \(.from)"' <out
}
exits 0 'what is built in' "$METE" config print --json
is "$(value listen)" '127.0.0.1:8402 built in' 'an address is built in'
is "$(value certificate)" 'null not set' 'a certificate is not'

# the order of the sources
mkdir m.conf.d
printf '[server]\nlisten = 127.0.0.1:1\nconnections = 11\nworkers = 3\n[keys]\nrate = 5 ; a comment\n' >m.conf
printf '# later\n[server]\nconnections=12\n' >m.conf.d/50-more.conf
printf '[server]\nconnections=13\n' >m.conf.d/60-last.conf
printf '[server]\nconnections=14\n' >m.conf.d/70-not.bak
exits 0 'a file' "$METE" config print --json --config m.conf
is "$(value workers)" '3 m.conf:4' 'the file says more than what is built in'
is "$(value connections)" '13 m.conf.d/60-last.conf:2' 'the last drop-in says more than the file'
is "$(value rate)" '5 m.conf:6' 'a comment may follow'
METE_CONFIG=m.conf PORT=77 exits 0 'the environment' "$METE" config print --json
is "$(value listen)" '127.0.0.1:77 HOST and PORT' 'the environment says more than files'
DATABASE_URL=postgres://me:secret@db/x API_KEY=hush exits 0 'secrets' "$METE" config print
says out 'postgres://me:\(set\)@db/x +DATABASE_URL' 'a password is not shown'
! grep -q 'hush\|secret' out err
ok $? 'no secret is shown'
says out 'api_key +\(set\) +API_KEY' 'a secret is said to be set'
METE_CONFIG=m.conf exits 0 'an option' "$METE" config print --json --store here.db
is "$(value store)" 'here.db --store' 'an option says more than all'

# other commands find the store by it, and slips elsewhere do not stop them
printf '[store]\nstore = there.db\nbook = side\n[server]\nlistn = x\n' >s.conf
exits 0 'init' "$METE" init --config s.conf
says err 's.conf has mistakes: see mete config check' 'a slip is told'
exits 0 'the book' "$METE" log head --store there.db --book side
exits 2 'a server does not start with a slip' "$METE" serve --config s.conf
says err 's.conf:5: there is no setting listn in \[server\]: did you mean listen in \[server\]' 'with the place'

# every mistake at once, each with its place
openssl req -x509 -newkey rsa:2048 -nodes -keyout a.key -out a.pem -days 2 -subj /CN=a >/dev/null 2>&1
openssl req -x509 -newkey rsa:2048 -nodes -keyout b.key -out b.pem -days 99 -subj /CN=b >/dev/null 2>&1
chmod 644 a.key
chmod 600 b.key
cat >bad.conf <<'END'
[server]
listen = nowhere
roles = all,sundry
connections = many
connections = 3
  idle_time_s = 3
plaintext_behind_proxy = perhaps
[tls]
certificate = gone.pem
client_ca = a.pem
[keys]
api_key = hush
rate = 1000001
[services]
wallet_service_url = ftp://x
[keyz]
rate = 1
nonsense
END
exits 1 'mistakes' "$METE" config check --config bad.conf
while IFS='|' read -r place what; do
    says err "bad.conf:$place: .*$what" "line $place: $what"
done <<'END'
2|listen wants HOST:PORT
3|sundry
4|connections wants a number from 1 to 60000, not 'many'
6|begin at the margin
7|plaintext_behind_proxy wants yes or no, not 'perhaps'
9|gone.pem: No such file
9|belong together
12|a secret does not stand in a configuration file: use api_key_file or API_KEY
13|rate wants a number from 0 to 1000000
15|wallet_service_url wants a URL
17|there is no setting rate in .keyz.: did you mean rate in .keys.
18|neither .section. nor name = value
END
says err 'to mend' 'how many there are'
! grep -q hush err
ok $? 'not even a misplaced secret is shown'
exits 1 'as JSON' "$METE" config check --config bad.conf --json
is "$(jq -r '[.valid, (.problems | length > 10), (.problems[0] | has("where"))] | tostring' <out)" '[false,true,true]' 'for programs'
exits 1 'a file that is not there' "$METE" config check --config none.conf
says err 'none.conf: No such file' 'is named'

printf '[keys]\nrate = 1\nrate = 2\n' >twice.conf
exits 1 'twice' "$METE" config check --config twice.conf
says err 'twice.conf:3: rate stands in line 2 already' 'both places'
printf '[server]\nlisten = %0200d\n' 1 >long.conf
exits 1 'a long line' "$METE" config check --config long.conf
says err 'long.conf:2: a line has at most 198' 'its place'

# certificates
tls() { # CERTIFICATE KEY
    printf '[tls]\ncertificate = %s\ncertificate_key = %s\n' "$1" "$2" >tls.conf
    "$METE" config check --config tls.conf >out 2>err
}
tls b.pem b.key
is "$?" 0 'a pair'
tls b.pem a.key
is "$?" 1 'no pair'
says err 'tls.conf:2: certificate and certificate_key do not go together' 'is told'
tls a.pem a.key
is "$?" 0 'warnings are no failure'
says err 'warning: tls.conf:2: the certificate ends in [12] days' 'an end that is near'
says err 'warning: tls.conf:3: .*others may read a.key .mode 644.: chmod 600 a.key' 'a key that others can read'
tls rubbish.pem b.key
is "$?" 1 'no certificate'

# secrets by file, and systemd's credentials
mkdir credentials
echo 'from-a-credential' >credentials/api_key
printf '[keys]\napi_key_file = api_key\n' >key.conf
CREDENTIALS_DIRECTORY=$dir/credentials exits 0 'a credential' "$METE" config check --config key.conf
exits 1 'no credential' "$METE" config check --config key.conf
: >api_key
chmod 600 api_key
exits 1 'an empty secret' "$METE" config check --config key.conf
says err 'its first line is empty' 'is told'

# off loopback
exits 2 'off loopback' "$METE" serve --config "" --listen 0.0.0.0:0
says err '0.0.0.0:0 can be reached from elsewhere' 'wants TLS'
exits 2 'a bad option' "$METE" serve --config "" --rate many
says err "^mete: --rate wants a number from 0 to 1000000, not 'many'" 'names the option'

# the example and the man page have every setting
"$METE" config example >example
diff example "$ROOT/deploy/mete.conf" >differences
ok $? 'deploy/mete.conf is what mete config example writes'
sed 's/^/# /' differences
sed -n 's/^#\([a-z_]* =\)/\1/p; /^\[/p' example >plain.conf
sed -i '/=$/s/$/ /' plain.conf
"$METE" config print --json | jq -r '.[].setting' | sort >settings
sed -n 's/^\.It Ic \([a-z_]*\)$/\1/p' "$ROOT/man/mete.conf.5" | sort >told
diff settings told >differences
ok $? 'mete.conf(5) has every setting'
sed 's/^/# /' differences
sed -n 's/^#\([a-z_]*\) =.*/\1/p; s/^# Never here.*/x/p' example | grep -cv '^x$' >count
is "$(($(cat count) + 2))" "$(grep -c . settings)" 'so has the example, but for secrets'
# what the example shows is what is built in
sed -n '/^\[/p; s/^#\([a-z_]* = ..*\)/\1/p' example >uncommented.conf
exits 0 'the example with its marks taken away' "$METE" config check --config uncommented.conf
"$METE" config print --json --config "" | jq -c '.[] | [.setting, .value]' >before
"$METE" config print --json --config uncommented.conf | jq -c '.[] | [.setting, .value]' >after
diff before after >differences
ok $? 'it says what holds without it'
finish
