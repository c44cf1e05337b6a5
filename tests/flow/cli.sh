#!/bin/sh
# The command line itself: help, usage errors, colour, completion, output that cannot be written,
# generated pages that are current.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

printf '{"id":"urn:p","kind":"single","party":"a"}' >policy.json
revenue e1 2025-01-01T00:00:00Z 1.00 USD '"policy":"urn:p"' >s.ndjson

# help and version
exits 0 'help' "$METE" --help
says out '^Usage: mete ' 'help says how'
grep -E '^  [a-z]' out | cut -c3-20 | sed 's/ *$//' >commands
exits 0 'help as a word' "$METE" help
exits 0 'version' "$METE" --version
cp out version
exits 0 'version as a command' "$METE" version
cmp -s out version
ok $? 'both versions agree'
exits 0 'version --json' "$METE" version --json
is "$(q 'keys')" '["name","rules_version","version"]' 'version --json'
while read -r command; do
    # shellcheck disable=SC2086
    "$METE" $command --help >out 2>err </dev/null
    is "$?$(head -c 5 out)$(wc -c <err)" '0mete 0' "mete $command --help"
done <commands
is "$(grep -c . commands)" "$(grep -c '^\.Ss mete ' "$ROOT/man/mete.1")" 'as many commands in help as in the man page'

# usage errors
exits 2 'no command' "$METE"
exits 2 'an unknown command' "$METE" frobnicate
says err "no command 'frobnicate'" 'it is named'
exits 2 'half a command' "$METE" policy
says err 'See mete policy --help' 'it says where to look'
exits 0 'help of a family' "$METE" policy --help
exits 0 'help of a command' "$METE" help policy show
says out '^Usage: mete policy show ' 'help with words is help of that command'
exits 2 'help of nothing' "$METE" help frobnicate
exits 2 'an unknown second word' "$METE" policy frobnicate
says err "no command 'policy frobnicate'" 'both words are named'
exits 2 'CSV of no table' "$METE" version --csv
exits 2 'JSON of a format of its own' "$METE" completion bash --json
exits 2 'an unknown option' "$METE" run --nonsense s.ndjson
exits 2 'an unknown letter' "$METE" run -Z s.ndjson
exits 2 'an argument too many' "$METE" version 1
exits 2 'an argument for a flag' "$METE" run --strict=yes s.ndjson
exits 2 'JSON and CSV' "$METE" run --json --csv s.ndjson
is "$(wc -c <out)" 0 'usage errors go to stderr alone'
exits 0 'options behind operands' "$METE" run s.ndjson --policy policy.json --json
is "$(q .events.applied)" 1 'options may stand behind operands'
exits 0 'options before the command' "$METE" --json run --policy policy.json s.ndjson
is "$(q .events.applied)" 1 'and before the command'
exits 1 'behind -- there are operands' "$METE" run --policy policy.json -- --json

# the store: --store, else DATABASE_URL, else mete.db
exits 0 'DATABASE_URL' env DATABASE_URL=sqlite:env.db "$METE" init --quiet
[ -e env.db ]
ok $? 'DATABASE_URL names the store'
exits 0 '--store before DATABASE_URL' env DATABASE_URL=sqlite:env.db "$METE" init --quiet --store flag.db
[ -e flag.db ]
ok $? '--store wins'
exits 0 'neither' "$METE" init --quiet
[ -e mete.db ]
ok $? 'else mete.db'
exits 2 'a kind of store that is none' env DATABASE_URL=oracle://localhost/x "$METE" log head

# what cannot be done is said with its name, and nothing else is printed
exits 1 'a book that is not there' "$METE" parties --book nobody
says err 'nobody: there is no such book' 'the book is named'
exits 1 'a book that is there' "$METE" init
says err 'main: the book exists' 'the book that exists is named'
exits 2 'a kind of party that is none' "$METE" parties --kind nonsense
exits 2 'a key without what it signed' "$METE" log verify --key nonsense
exits 1 'a refused event that is not there' "$METE" quarantine replay 99
is "$(wc -c <out)" 0 'no head of a table without rows'
exits 0 'an empty quarantine' "$METE" quarantine list
is "$(wc -c <out)$(cat err)" '0The quarantine is empty.' 'an empty quarantine is a sentence for people'
exits 0 'an empty quarantine for programs' "$METE" quarantine list --json
is "$(q .)" '[]' 'and a list for programs'
: >empty.json
exits 1 'a draft that is none' "$METE" simulate --policy policy.json --policy empty.json
says err 'empty.json: byte 0' 'the draft is named'

exits 0 'a policy in words' "$METE" policy check "$ROOT/examples/fair/event-milestone.fair.json"
says out ' while early-bird and tickets-under-500 ' 'conditions that must hold together'

exits 0 'a book of API providers' "$METE" init --store usage.db --preset providers
exits 0 'their week' "$METE" ingest --store usage.db "$ROOT/examples/streams/providers.ndjson"
exits 0 'a pool explained' "$METE" explain --store usage.db cycle:2026-03-01
says out 'no fee schedule was in force: all of 8\.081720 USDC is to share' 'no fees are one sentence'
says out ': 95179 of 278959 units, that part of 8\.081720 = ' 'units are told once'

# colour: on a terminal only, and not against anybody's will
if command -v script >/dev/null; then
    tty_run() { script -qec "$1" /dev/null </dev/null; }
    escape=$(printf '\033')
    tty_run "$METE run --policy policy.json s.ndjson" >out
    says out "$escape\\[1m" 'bold on a terminal'
    tty_run "NO_COLOR=1 $METE run --policy policy.json s.ndjson" >out
    grep -q "$escape\\[1m" out
    is $? 1 'NO_COLOR is heeded'
    tty_run "NO_COLOR= $METE run --policy policy.json s.ndjson" >out
    says out "$escape\\[1m" 'an empty NO_COLOR is none'
    tty_run "$METE run --no-color --policy policy.json s.ndjson" >out
    grep -q "$escape\\[1m" out
    is $? 1 '--no-color is heeded'
fi
"$METE" run --policy policy.json s.ndjson >out
grep -q "$(printf '\033')" out
is $? 1 'no colour in a pipe'

# what parties are called cannot steer a terminal
revenue e1 2025-01-01T00:00:00Z 1.00 USD '"party":"a","source":"\u001b[2Jx"' >esc.ndjson
"$METE" run esc.ndjson >out 2>&1
grep -q "$(printf '\033')" out
is $? 1 'control characters are shown as ?'
revenue 'e"1,
' 2025-01-01T00:00:00Z 1.00 USD '"party":"p,q\"r"' | tr -d '\n' >quoted.ndjson
revenue e2 2025-01-01T00:00:00Z 1.00 USD '"party":"p,q\"r"' >quoted.ndjson
"$METE" run --csv quoted.ndjson | tr -d '\r' >out
says out '^"p,q""r",USD/2,1\.00,' 'CSV quotes what needs quoting'
revenue e2 2025-01-01T00:00:00Z 1.00 USD '"party":"日本語"' >wide.ndjson
{ revenue e3 2025-01-01T00:00:00Z 1.00 USD '"party":"abcdef"'; } >>wide.ndjson
"$METE" run wide.ndjson | grep -E '^(日本語|abcdef) ' | while read -r line; do
    printf '%s' "$line" | wc -m
done >out
is "$(sort -u out | wc -l)" 1 'columns are aligned by characters'

# output that does not arrive is no success
if [ -w /dev/full ]; then
    "$METE" run --policy policy.json s.ndjson >/dev/full 2>err
    is $? 1 'a full disk: exit 1'
    says err 'cannot write the output' 'it says so'
    "$METE" audit >/dev/full 2>err
    is $? 1 'a full disk below the auditor: exit 1'
fi

# more options than words
exits 0 'a hundred thousand options in one word' "$METE" "-$(head -c 100000 /dev/zero | tr '\0' q)" version

# a file that may not grow, as on a full disk: what was not stored is not called stored
full() { # COMMAND...: no file above 384 KiB
    (
        trap '' XFSZ
        ulimit -f 768
        "$@" >out 2>err </dev/null
    )
}
awk 'BEGIN { for (i = 1; i <= 5000; i++) printf "{\"event_id\":\"f%d\",\"event_type\":\"revenue.received\",\"occurred_at\":\"2025-01-01T00:00:00Z\",\"payload\":{\"amount\":{\"amount\":\"1.00\",\"currency\":\"USD\"},\"party\":\"a\"}}\n", i }' >long.ndjson
exits 0 'a store for a full disk' "$METE" init --store full.db
full "$METE" ingest --store full.db long.ndjson
is $? 1 'a full disk below the store: exit 1'
says err '^mete: stopped after [1-9][0-9]* events; the log has 0 entries' 'it says what is stored'
is "$(wc -c <out)" 0 'and does not call it applied'
full "$METE" ingest --json --store full.db long.ndjson
is "$(q '[.log.size, .failed]')" '[0,true]' 'so in JSON'
exits 0 'once there is room' "$METE" ingest --store full.db long.ndjson
says out '^5000 applied, 0 duplicate' 'all of it is stored'
full "$METE" export csv --store full.db --output full.csv
is $? 1 'a full disk below an export: exit 1'
says err '^mete: full.csv: File too large' 'file and reason are named'
[ ! -e full.csv ] && [ ! -e full.csv.part ]
ok $? 'half an export is none'

# a word of a supervisor is called applied when it is stored
exits 0 'a store for a dispute' "$METE" init --store said.db
printf '%s\n' '{"event_id":"s1","event_type":"revenue.received","occurred_at":"2025-01-01T00:00:00Z","payload":{"amount":{"amount":"1.00","currency":"USD"},"party":"a"}}' |
    sed "s/2025-01-01T00:00:00Z/$(date -u +%Y-%m-%dT%H:%M:%SZ)/" >said.ndjson
exits 0 'with a share' "$METE" ingest --store said.db said.ndjson
(
    trap '' XFSZ
    ulimit -f 96 # 48 KiB: enough to open the store, too little for these words
    "$METE" dispute open s1/1 --store said.db --reason "$(head -c 60000 /dev/zero | tr '\0' r)" >out 2>err </dev/null
)
is $? 1 'a dispute on a full disk: exit 1'
says err 'store_full|too large|full' 'it says so'
is "$(wc -c <out)" 0 'and calls nothing applied'
exits 0 'once there is room' "$METE" dispute open s1/1 --store said.db --reason short
says out '^applied: entry [0-9]+ of the log' 'it is'

# a key that has ended is not followed by another that has
exits 0 'a key of yesterday' "$METE" key create --store full.db --scopes audit:read --expires 2020-01-01 --json
exits 1 'is not rotated' "$METE" key rotate --store full.db "$(jq -r .key_id out)"
says err 'there is no valid key' 'it says so'

# completion
for shell in bash zsh fish; do
    exits 0 "completion $shell" "$METE" completion $shell
    cp out "completion.$shell"
done
exits 2 'completion of another shell' "$METE" completion tcsh
exits 2 'completion of no shell' "$METE" completion
bash -n completion.bash
ok $? 'the bash script parses'
complete_words() { # WORD...: what bash offers for the last one
    bash -c '. ./completion.bash; COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _mete; printf "%s " "${COMPREPLY[@]}"' bash "$@"
}
is "$(complete_words mete ru)" 'run ' 'bash: a command'
is "$(complete_words mete policy s)" 'show sign ' 'bash: a second word'
is "$(complete_words mete --store x.db policy di)" 'diff ' 'bash: behind an option'
is "$(complete_words mete policy show --v)" '--version ' 'bash: an option'
is "$(complete_words mete run --st)" '--store --strict ' 'bash: options of one command'
is "$(complete_words mete --st)" '--store ' 'bash: an option before the command'
is "$(complete_words mete ingest '')" ' ' 'bash: operands are files, not options'
is "$(complete_words mete run --policy '')" ' ' 'bash: so is the argument of an option'
is "$(complete_words mete run --policy x --st)" '--store --strict ' 'bash: behind the argument of an option'
is "$(complete_words mete export b)" 'beancount ' 'bash: an operand that is a word'
is "$(complete_words mete export csv '')" ' ' 'bash: one of them is enough'
is "$(complete_words mete help po)" 'policy ' 'bash: help'
is "$(bash -c '. ./completion.bash; complete -p mete')" 'complete -o default -F _mete mete' 'bash: it is for mete'
if command -v zsh >/dev/null; then
    zsh -n completion.zsh
    ok $? 'the zsh script parses'
fi
if command -v fish >/dev/null; then
    fish -n completion.fish
    ok $? 'the fish script parses'
fi
is "$(grep -c "'policy show'" completion.zsh)" 1 'zsh: every command'
says completion.fish "__fish_seen_subcommand_from policy' -a show " 'fish: every command'

# generated pages
exits 0 'errors --markdown' "$METE" errors --markdown
cmp -s out "$ROOT/doc/errors.md"
ok $? 'doc/errors.md is current (mete errors --markdown > doc/errors.md)'
exits 0 'errors --json' "$METE" errors --json
is "$(q 'map(select(.code == "weight_above_one")) | .[0] | [.number, .status, .retryable]')" '[92,422,false]' 'errors --json'
exits 0 'errors' "$METE" errors
says out '^conflict +36 +409 +no ' 'errors as text'
if command -v mandoc >/dev/null; then
    exits 0 'man pages' mandoc -Tlint -W warning "$ROOT/man/mete.1" "$ROOT/man/mete-formats.5"
fi
finish
