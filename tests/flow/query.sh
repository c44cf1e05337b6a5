#!/bin/sh
# What people ask of a stored book, by the built program: statements page by page, explanations,
# reports, exports read by the programs they are for, simulations.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
data=$ROOT/tests/data/query/book.ndjson
store=$dir/book.db
mete() {
    "$METE" "$@" --store "$store"
}
mete init --quiet
mete ingest --quiet "$data" >/dev/null 2>&1
is "$(mete log head --json | jq .size)" 33 'the book is there: the transfer was refused, for nothing has cleared today'

# parties
exits 0 'parties' mete parties --json
is "$(q '[.parties[] | select(.asset == "USD/2") | (.pending, .disputed, .cleared | tonumber)] | add')" \
    "$(q '[.totals[] | select(.asset == "USD/2") | (.pending, .disputed, .cleared | tonumber)] | add')" 'rows sum to the totals'
is "$(q '[.parties[] | select(.party == "did:ethr:0xA")][0] | .cleared, .pending' | tr '\n' ' ')" '"0" "1208" ' 'the clock: booked now, pending for 7 days'
exits 0 'parties later' mete parties --at 2099-01-01 --json
is "$(q '[.parties[].pending] | unique')" '["0"]' 'all clears with time'
exits 0 'parties in one asset' mete parties --asset SAT --csv
is "$(cut -d, -f1 out | tr '\n' ' ')" 'party did:fair:foundation did:ethr:0xWeR1Protocol did:key:author did:key:second did:key:editor external:fee ' 'one asset alone'
exits 1 'an unknown asset' mete parties --asset XYZ
exits 2 'a time that is none' mete parties --at yesterday

# statements: pages make the whole
mete statement did:fair:foundation --json >whole
jq -c '.accounts[].lines[]' whole >lines
after=
: >paged
for _ in 1 2 3 4 5 6 7 8 9 10; do
    # shellcheck disable=SC2086
    mete statement did:fair:foundation --json --limit 3 $after >page
    jq -c '.accounts[].lines[]' page >>paged
    next=$(jq -r '.next // empty' page)
    [ -n "$next" ] || break
    after="--after $next"
done
cmp -s lines paged
ok $? 'the pages of three lines are the whole statement'
is "$(jq '[.accounts[] | .opening as $o | ([.lines[].amount | tonumber] | add) + ($o | tonumber) == (.closing | tonumber)] | all' whole)" true 'opening + lines = closing'
is "$(jq -r '.accounts[0].closing' whole)" "$(mete parties --json | jq -r '.parties[] | select(.party == "did:fair:foundation" and .asset == "USD/2") | .cleared')" 'closing = parties'
is "$(mete statement did:fair:foundation --asset USD --newest 1 --csv | tail -1 | cut -d, -f4,6,7,9)" 't3,fee,t3/f1,1.20' 'the newest'
mete statement did:fair:foundation --ndjson >records
is "$(jq -r .kind records | sort | uniq -c | tr -s ' ' | tr '\n' ';')" "$(printf ' 3 closing; %s line; 3 opening; 1 pages;' "$(grep -c . lines)")" 'NDJSON records'
exits 1 'a statement of nobody' mete statement did:nobody
says err 'not_found' 'it says so'
exits 1 'a cursor of another' mete statement did:ethr:0xA --after "$next$(jq -r .last page)x"
exits 2 'NDJSON and CSV' mete statement did:ethr:0xA --ndjson --csv

# explanations
exits 0 'explain' mete explain t1/3.3 --at 2099-01-01
says out '4/7 of 588\.01 = 336\.00 and 4/7 of 0\.01; rounded up to 336\.01' 'the arithmetic is written out'
says out '336\.01/1,500\.01, of 10\.00 = 2\.24' 'and that of the refund'
exits 0 'explain as JSON' mete explain t1/3.3 --json
is "$(q '[.. | objects | select(.label == "share") | .weight]')" '["2/5","4/7"]' 'exact weights'
is "$(q '.. | objects | select(.label == "state") | .amount')" '"32593"' 'what it is worth now'
exits 1 'explain what is not there' mete explain nothing
exits 2 'explain as CSV' mete explain t1 --csv

# reports against statements
exits 0 'report' mete report --by party --json
is "$(q '[.rows[] | select(.party == null) ] | length')" 0 'every party has a name'
jq -r '.rows[] | select(.party != "mete:suspense") | [.party, .asset, .net] | @tsv' out | sort >report
jq -r '.parties[] | [.party, .asset, ((.pending, .cleared, .disputed) | tonumber)] | [.[0], .[1], (.[2] + .[3] + .[4])] | @tsv' >ledger <<EOF2
$(mete parties --json)
EOF2
sort -o ledger ledger
grep -v '^mete:' report >named
cmp -s named ledger
ok $? 'the report by party is what parties have'
exits 0 'report of a month' mete report --period 2025-03 --by source --csv
says out '^streaming,USD/2,5,60.00,' 'music_streams is streaming'
exits 0 'report of a range' mete report --period 2025-03-01..2025-04-01 --by source --csv
cp out range
exits 0 'the month again' mete report --period 2025-03 --by source --csv
cmp -s out range
ok $? 'the range is the month'
exits 2 'a period that is none' mete report --period soon
exits 2 'an unknown grouping' mete report --by moon

# exports
exits 0 'export csv' mete export csv
is "$(awk -F, 'NR > 1 {s[$1 "." $2 "." $11] += $12} END {for (k in s) if (s[k] != 0) n++; print n + 0}' out)" 0 'every decision sums to zero'
exits 0 'export hledger' mete export hledger -o book.journal
if command -v hledger >/dev/null; then
    exits 0 'hledger accepts it strictly' hledger -f book.journal check --strict ordereddates
    hledger -f book.journal balance --flat --no-total -O csv liabilities:parties 2>/dev/null >hb
    mete parties --json | jq -r '.parties[] | "\(.party) \(.asset) \((.pending | tonumber) + (.disputed | tonumber) + (.cleared | tonumber) - (.debt | tonumber))"' | sort >ours
    mete parties --json | jq -r '[.parties[].party] | unique[]' | while read -r party; do
        name=liabilities:parties:$(printf %s "$party" | sed 's/:/%3A/g')
        for asset in USD/2 SAT/0 USDC/6; do
            amount=$(hledger -f book.journal balance --flat --no-total --depth 9 -N "^$name\$" "cur:^${asset%/*}\$" -O csv 2>/dev/null | tail -n +2 | sed 's/.*,"\{0,1\}//; s/[^0-9.-]//g' | tr -d .)
            [ -z "$amount" ] || printf '%s %s %s\n' "$party" "$asset" "$(printf %s "$amount" | awk '{printf "%d", -$1}')"
        done
    done | sort >theirs
    grep -v ' 0$' ours >ours0
    grep -v ' 0$' theirs >theirs0
    cmp -s ours0 theirs0
    ok $? 'its balances are those of mete parties'
    sed 's/= -356\.48 USD/= -356.49 USD/' book.journal >wrong.journal
    hledger -f wrong.journal check >/dev/null 2>&1
    is "$?" 1 'and it sees one cent too much'
    mete export hledger --from 2025-01-01 --to 2098-01-01 >part.journal
    exits 0 'a part with opening balances' hledger -f part.journal check --strict
fi
exits 0 'export beancount' mete export beancount -o book.beancount
if command -v bean-check >/dev/null; then
    exits 0 'beancount accepts it' bean-check book.beancount
    sed '/balance.*0xOther/s/356\.48/356.49/' book.beancount >wrong.beancount
    exits 1 'and sees one cent too much' bean-check wrong.beancount
fi
exits 1 'a place that cannot be written' mete export csv -o "$dir/no/such/place"
exits 2 'an unknown format' mete export cobol
exits 2 'a part for the auditor' mete export audit --from 2025-01-01
exits 0 'export audit' mete export audit
is "$(tail -1 out | jq -r .lines)" "$(($(grep -c . out) - 1))" 'it ends with the number of lines before'

# simulations
printf '{"id":"urn:band:seven","kind":"weights","shares":[{"party":"did:ethr:0xBass","weight":"1/2"},{"party":"did:ethr:0xVoice","weight":"1/4"}]}' >band.json
before=$(mete log head --json --no-store | jq -r .root)
exits 0 'simulate' mete simulate --policy band.json --json
is "$(q '[.changed, .left_out, .refused_count]')" '[4,2,0]' 'four accounts differ'
q '.rows[] | select(.now != .then or true) | [.party, .asset, .then]' | sort >simulated
is "$(q '[.totals[] | .now == .then] | all')" true 'what one has less others have more'
is "$(mete log head --json --no-store | jq -r .root)" "$before" 'nothing was written'
grep -v '"pub-band-' "$data" >rest
{
    printf '{"event_id":"band","event_type":"policy.published","occurred_at":"2025-01-01T00:00:00Z","payload":{"policy":%s}}\n' "$(cat band.json)"
    cat rest
} >fresh
"$METE" init --quiet --store fresh.db
"$METE" ingest --quiet --store fresh.db fresh >/dev/null 2>&1
"$METE" parties --json --store fresh.db | jq -c '.parties[] | [.party, .asset, ((.pending | tonumber) + (.disputed | tonumber) + (.cleared | tonumber) - (.debt | tonumber) | tostring)]' | sort >fresh.parties
grep -v '"mete:' simulated | grep -vF '"did:ethr:0xDrums"' >simulated.parties
cmp -s simulated.parties fresh.parties
ok $? 'a simulation is what a fresh book has'
printf '{"id":"urn:late","kind":"single","party":"did:ethr:0xLate"}' >late.json
exits 0 'simulate what holds already' mete simulate --policy late.json --json
is "$(q '[.changed, .left_out]')" '[0,1]' 'nobody has anything else'
exits 2 'simulate without a draft' mete simulate
printf '{"id":"urn:p","kind":"weights","shares":[{"party":"x","weight":"2"}]}' >wrong.json
exits 1 'a draft that is wrong' mete simulate --policy wrong.json
says err 'weight' 'it says why'

# what waits says what it waits for now, not what it first did
"$METE" init --quiet --store wait.db
{ revenue r1 2025-01-01T00:00:00Z 5.00 USD '"policy":"urn:w"'
  event w1 policy.published 2025-01-01T00:00:00Z '{"policy":{"id":"urn:w","kind":"usage"}}'; } |
    "$METE" ingest --quiet --store wait.db - >/dev/null
exits 0 'a report of what waits' "$METE" report --store wait.db --json
is "$(q '.waiting | map([.policy, .code, .amount])')" '[["urn:w","policy_kind","500"]]' 'the reason that holds now'

# sums of usage leave 64 bits before anybody is surprised
awk 'BEGIN { for (i = 1; i <= 1100; i++) printf "{\"event_id\":\"u%d\",\"event_type\":\"usage.reported\",\"occurred_at\":\"2025-01-02T00:00:00Z\",\"payload\":{\"platform_id\":\"p\",\"provider\":\"x\",\"window_start\":\"2025-01-01T00:00:00Z\",\"window_end\":\"2025-01-02T00:00:00Z\",\"calls\":9007199254740991}}\n", i }' |
    "$METE" ingest --quiet --store wait.db - >/dev/null
exits 0 'a report of much usage' "$METE" report --store wait.db --json
is "$(q '.usage[0].calls')" '"9907919180215090100"' 'every call counts'
exits 0 'a report of much usage for people' "$METE" report --store wait.db
says out ' 9907919180215090100 ' 'every call counts'
finish
