#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Settings: the order of their sources, every mistake at once with its place, no secret shown; the
# example in deploy/ and mete.conf(5) know every setting.
# covers: F-081
. "$ROOT/tests/flow/lib.sh"
unset HOST PORT API_KEY PEER_API_KEY MANIFEST_REGISTRY_URL WALLET_SERVICE_URL CREDENTIALS_DIRECTORY

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
is "$(value listen)" '127.0.0.1:77 PORT' 'the environment says more than files'
printf '[server]\nlisten = [::1]:5\n' >six.conf
METE_CONFIG=six.conf PORT=77 exits 0 'half of an address' "$METE" config print --json
is "$(value listen)" '[::1]:77 PORT' 'PORT takes the host of the file'
METE_CONFIG=six.conf HOST=127.0.0.2 exits 0 'the other half' "$METE" config print --json
is "$(value listen)" '127.0.0.2:5 HOST' 'HOST takes its port'
HOST=::1 PORT=9 exits 0 'an address of IPv6' "$METE" config print --json
is "$(value listen)" '[::1]:9 HOST and PORT' 'is put in brackets'
HOST='' PORT='' exits 0 'set to nothing' "$METE" config print --json
is "$(value listen)" '127.0.0.1:8402 built in' 'is not set'
DATABASE_URL=postgres://me:secret@db/x API_KEY=hush exits 0 'secrets' "$METE" config print
says out 'postgres://me:\(set\)@db/x +DATABASE_URL' 'a password is not shown'
! grep -q 'hush\|secret' out err
ok $? 'no secret is shown'
says out 'api_key +\(set\) +API_KEY' 'a secret is said to be set'
DATABASE_URL='postgres://db/x?user=me&password=secret&sslmode=require' exits 0 'a password elsewhere' "$METE" config print
says out 'password=\(set\)&sslmode=require ' 'is not shown either'
! grep -q secret out err
ok $? 'no part of it'
METE_CONFIG=m.conf exits 0 'an option' "$METE" config print --json --store here.db
is "$(value store)" 'here.db --store' 'an option says more than all'

# other commands find the store by it, and slips elsewhere do not stop them
printf '[store]\nstore = there.db\nbook = side\n[server]\nlistn = x\n' >s.conf
exits 0 'init' "$METE" init --config s.conf
says err 's.conf has mistakes: see mete config check' 'a slip is told'
exits 0 'the book' "$METE" log head --store there.db --book side
exits 2 'a server does not start with a slip' "$METE" serve --config s.conf
says err 's.conf:5: there is no setting listn in \[server\]: did you mean listen in \[server\]' 'with the place'

# what cannot be read is no permission to guess which store is meant
mkdir folder.conf
for file in folder.conf gone.conf; do
    exits 1 "$file" "$METE" config check --config $file
    says err "^mete: $file: " "$file: is told"
    exits 2 "a store by guess: $file" "$METE" init --config $file
    says err 'say --store' "$file: nothing is opened by guess"
    exits 2 "a key by guess: $file" "$METE" key create --scopes admin --config $file
    exits 2 "a checkpoint by guess: $file" "$METE" log head --config $file
    exits 0 "a store that is said: $file" "$METE" init --config $file --store "said-$file.db"
    exits 0 "no store at all: $file" "$METE" version --config $file
done
[ ! -e mete.db ]
ok $? 'no store was made'
: >drop.conf
mkdir drop.conf.d
chmod 0 drop.conf.d
if [ "$(id -u)" = 0 ]; then
    chmod 755 .
    nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
else
    nobody() { "$@"; }
fi
exits 1 'drop-ins that may not be read' nobody "$METE" config check --config drop.conf
says err 'drop.conf.d: Permission denied' 'are told'
chmod 700 drop.conf.d

# a store whose address has a password
printf '[store]\nstore = postgres://me:hush@db/x\n' >password.conf
chmod 640 password.conf
exits 0 'a password in the file' "$METE" config check --config password.conf
says err 'warning: password.conf:2: others may read this password .mode 640.: chmod 600 password.conf' 'is told'
chmod 600 password.conf
exits 0 'for its owner alone' "$METE" config check --config password.conf
is "$(grep -c warning err)" 0 'is as good as any'
exits 0 'a password among the arguments' "$METE" config check --store postgres://me:hush@db/x
says err 'warning: --store: everybody on this machine sees the password' 'is told'
echo postgres://me:hush@db/x >url
chmod 600 url
printf '[store]\nstore_file = url\n' >file.conf
exits 0 'a password in a file of its own' "$METE" config print --json --config file.conf
is "$(value store)" 'postgres://me:(set)@db/x file.conf:2' 'names the store'
DATABASE_URL=env.db exits 0 'beside the environment' "$METE" config print --json --config file.conf
is "$(value store)" 'env.db DATABASE_URL' 'the environment says more'
printf '[store]\nstore = a.db\nstore_file = url\n' >both.conf
exits 1 'both' "$METE" config check --config both.conf
says err 'both.conf:3: store says it already, in both.conf:2' 'are one too many'
rm url
exits 1 'a file that is gone' "$METE" config check --config file.conf
is "$(grep -c 'url: No such file' err)" 1 'is told once'
exits 2 'and no store is guessed' "$METE" init --config file.conf

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
tls gone.pem b.key
is "$(grep -c 'gone.pem' err)" 1 'a file that is not there is told once'
echo rubbish >rubbish.pem
printf '[tls]\ncertificate = b.pem\ncertificate_key = b.key\nclient_ca = rubbish.pem\n' >ca.conf
exits 1 'rubbish for an authority' "$METE" config check --config ca.conf
says err 'ca.conf:4: client_ca: .* holds no PEM certificate' 'is told'
tls rubbish.pem b.key
is "$?" 1 'no certificate'

# what other services are shown
services() { # URL
    printf '[services]\nmanifest_registry_url = %s\n' "$1" >services.conf
    "$METE" config check --config services.conf >out 2>err
}
API_KEY=hush services http://registry:8001
is "$?" 0 'another service'
says err 'warning: services.conf:2: this service is shown API_KEY' 'that may do everything here'
! grep -q clear err
ok $? 'a name of our own network is not overheard'
for url in http://registry.example http://registry.example:80/x http://192.0.2.1 'http://[2001:db8::1]/' http://127.0.0.1.example.org; do
    PEER_API_KEY=hush services "$url"
    says err 'goes over the net in the clear' "$url"
    ! grep -q 'shown API_KEY' err
    ok $? 'a key of its own'
done
for url in https://registry.example http://127.0.0.1:1 'http://[::1]:1/' http://localhost:1; do
    PEER_API_KEY=hush services "$url"
    ! grep -q warning err
    ok $? "$url: fine"
done
for address in 127.0.0.1.example.org:80 127.example.org:80 localhost.example.org:80 '[::1].example.org:80'; do
    printf '[server]\nlisten = %s\n' "$address" >near.conf
    exits 1 "$address is not this machine" "$METE" config check --config near.conf
    says err 'can be reached from elsewhere' 'but anybody'
done

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

# files of networks and metrics that are none
: >networks.json
exits 2 'an empty file of networks' "$METE" serve --config "" --store m.db --listen 127.0.0.1:0 --networks networks.json
says err '^mete: networks.json: it is empty; it has to be .*"networks": .*"rpc"' 'names it, and says what belongs there'
echo '{' >networks.json
exits 1 'half a file of networks' "$METE" serve --config "" --store m.db --listen 127.0.0.1:0 --networks networks.json
says err '^mete: networks.json: byte 2: .*it has to be .*"networks": .*"rpc"' 'and so does it'
echo '{"networks":[{"network":"atlantis"}]}' >networks.json
exits 2 'no such network' "$METE" serve --config "" --store m.db --listen 127.0.0.1:0 --networks networks.json
says err '^mete: networks.json: /networks/0/network: a name such as base' 'names file and place'
: >metrics.json
printf '[metrics]\nfile = metrics.json\n' >metrics.conf
exits 1 'an empty file of metrics' "$METE" serve --config metrics.conf --store m.db --listen 127.0.0.1:0
says err '^mete: metrics.json: byte 0' 'is named'

# off loopback
exits 2 'off loopback' "$METE" serve --config "" --listen 0.0.0.0:0
says err '0.0.0.0:0 can be reached from elsewhere' 'wants TLS'
exits 2 'a bad option' "$METE" serve --config "" --rate many
says err "^mete: --rate wants a number from 0 to 1000000, not 'many'" 'names the option'

# the example and the man page have every setting
"$METE" serve --help >help
"$METE" config example | sed -n 's/.*Option: \(--[a-z-]*\)\..*/\1/p' >named
while read -r option; do
    grep -q -- " $option " help
    ok $? "mete serve has $option"
done <named
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
is "$(($(cat count) + 5))" "$(grep -c . settings)" 'so has the example, but for secrets'
# the names by which the sources of rails know their settings
printf '[rails]\nrails = stripe\n' >stripe.conf
STRIPE_KEY=sk_test_of_the_environment BANKING_API=https://bank.example/files \
    exits 0 'settings of the environment' "$METE" config print --config stripe.conf
says out 'url *= *https://bank.example/files|bank.example/files' 'BANKING_API is where files for the bank go'
grep -q sk_test_of out err
is $? 1 'STRIPE_KEY is not shown'
STRIPE_KEY=sk_test_of_the_environment "$METE" doctor --json --listen 127.0.0.1:0 --config stripe.conf >out 2>err
is "$(jq -c '[.[] | select(.what == "rails") | .finding]' <out)" '["ok"]' 'STRIPE_KEY is the key of the account'
"$METE" doctor --json --listen 127.0.0.1:0 --config stripe.conf >out 2>err
is "$(jq -c '[.[] | select(.what == "rails") | .finding]' <out)" '["error"]' 'without it there is none'
STRIPE_KEY=nonsense "$METE" doctor --json --listen 127.0.0.1:0 --config stripe.conf >out 2>err
is "$(jq -c '[.[] | select(.what == "rails") | .finding]' <out)" '["error"]' 'nor with what is no key'
grep -q nonsense out err
is $? 1 'and it is not repeated'
# installing leaves an operator's file alone
for time in first second; do
    MESON_SOURCE_ROOT=$ROOT DESTDIR=$dir/root exits 0 "installed, the $time time" "$ROOT/tools/install_settings"
    [ "$time" = second ] || {
        cmp -s root/etc/mete/mete.conf "$ROOT/deploy/mete.conf"
        ok $? 'the example is there'
        exits 0 'it says nothing' "$METE" config check --config root/etc/mete/mete.conf
        echo '# mine' >root/etc/mete/mete.conf
    }
done
is "$(cat root/etc/mete/mete.conf)" '# mine' 'what an operator wrote stays'

# the service and the settings know each other
while read -r name; do
    "$METE" config print --json | jq -e --arg s "$name" 'any(.[]; .setting == $s)' >found
    ok $? "deploy/mete.service: there is a setting $name"
done <<END
$(grep '^#' "$ROOT/deploy/mete.service" | grep -oE '[a-z_]+(_file|_key) =|store =$' | sed 's/ =//' | sort -u)
END

# what the example shows is what is built in
sed -n '/^\[/p; s/^#\([a-z_]* = ..*\)/\1/p' example >uncommented.conf
exits 0 'the example with its marks taken away' "$METE" config check --config uncommented.conf
"$METE" config print --json --config "" | jq -c '.[] | [.setting, .value]' >before
"$METE" config print --json --config uncommented.conf | jq -c '.[] | [.setting, .value]' >after
diff before after >differences
ok $? 'it says what holds without it'
finish
