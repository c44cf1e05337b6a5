#!/bin/sh
# What is decided in memory and what is stored are the same: every example stream through `mete run`
# and through a book, compared party by party and by what the auditor says; and random streams of
# the oracle's generator, which the auditor must find booked as it would book them.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

net='map({party, asset, net: ((.pending | tonumber) + (.disputed | tonumber) + (.cleared | tonumber) - (.debt | tonumber))}) | sort_by(.party, .asset)'

agree() { # NAME PRESET STREAM...
    name=$1
    preset=$2
    shift 2
    policies=
    rm -f book.db*
    exits 0 "$name: init" "$METE" --store book.db init --preset "$preset" --quiet
    if [ "$preset" = fair ]; then
        for f in "$ROOT"/examples/fair/*.json "$ROOT"/examples/manifests/*.json; do
            "$METE" --store book.db policy publish "$f" --quiet || echo "# cannot publish $f"
            policies="$policies --policy $f"
        done
    fi
    exits 0 "$name: ingest" "$METE" --store book.db ingest --json --strict "$@"
    counts=$(q '.events | [.applied + .waiting, .duplicate]')
    exits 0 "$name: parties" "$METE" --store book.db parties --json
    jq -c "(.parties // .) | $net" <out >stored
    # shellcheck disable=SC2086
    run --preset "$preset" $policies "$@"
    jq -c ".parties | $net" <out >decided
    is "$(cat stored)" "$(cat decided)" "$name: the same parties have the same"
    [ "$(jq length <decided)" -ge 3 ]
    ok $? "$name: there are parties"
    is "$(q '.events | [.applied + .waiting, .duplicate]')" "$counts" "$name: the same events count"
    is "$(q '.totals | map((.gross | tonumber) == ([.fees, .allocated, .unallocated, .carried] | map(tonumber) | add)) | all')" true "$name: gross is the sum of its parts"
    is "$(q '[.allocations[], .fees[] | (.amount | tonumber) >= (.reversed | tonumber)] | all')" true "$name: no line is reversed beyond itself"
    exits 0 "$name: audit" "$METE" --store book.db audit
}

S=$ROOT/examples/streams
agree fair fair "$S/cli-usage.ndjson" "$S/streaming.ndjson" "$S/tickets.ndjson"
agree agents agents "$S/agents.ndjson"
agree providers providers "$S/providers.ndjson"

# A batch of usage that is told again, under another event id.
rm -f book.db*
sed -n '1{p;s/"event_id":"[^"]*"/"event_id":"again"/;p;}' "$S/providers.ndjson" >stream
"$METE" --store book.db init --quiet
exits 0 "a repeated batch is taken" "$METE" --store book.db ingest --strict --quiet stream
exits 0 "a repeated batch is explained" "$METE" --store book.db explain again
says out "batch flowmcp-eu-01-etherscan of flowmcp-eu was counted with log entry 1: this changes nothing" "it says which entry counted"

# A cycle whose policy turns out to be of another kind waits on, until a version fits.
rm -f book.db*
publish() { # ID DAY POLICY
    event "$1" policy.published "2025-01-$2T00:00:00Z" "{\"policy\":{\"id\":\"urn:u\",$3},\"effective_from\":\"2025-01-01\"}"
}
{
    event u1 usage.reported 2025-01-02T00:00:00Z '{"platform_id":"f","provider":"b","window_start":"2025-01-01T00:00:00Z","window_end":"2025-01-02T00:00:00Z","calls":1}'
    event k1 cycle.closed 2025-01-02T00:00:00Z '{"policy":"urn:u","window_start":"2025-01-01T00:00:00Z","window_end":"2025-01-02T00:00:00Z","pool":{"amount":"7","currency":"SAT"}}'
    publish p1 03 '"kind":"single","party":"a"'
} >stream
publish p2 04 '"kind":"usage"' >fitting
"$METE" --store book.db init --quiet
exits 0 "kinds: ingest" "$METE" --store book.db ingest --quiet stream
exits 0 "kinds: audit while it waits" "$METE" --store book.db audit
exits 0 "kinds: export" "$METE" --store book.db export audit
says out '"kind":"waiting","seq":"2","code":"policy_kind"' "the pool waits, and for what"
exits 0 "kinds: a version that fits" "$METE" --store book.db ingest --quiet --strict fitting
exits 0 "kinds: audit" "$METE" --store book.db audit
says out "0 events wait" "nothing waits any more"

# What waits below a policy is booked when that policy does without, and so it is in a simulation.
rm -f book.db*
{
    event p1 policy.published 2025-01-01T00:00:00Z '{"policy":{"id":"urn:root","kind":"weights","shares":[{"policy":"urn:leaf","weight":"1"}]}}'
    revenue e 2025-02-01T00:00:00Z 5 SAT '"policy":"urn:root"'
    event p2 policy.published 2025-02-02T00:00:00Z '{"policy":{"id":"urn:root","kind":"single","party":"a"},"effective_from":"2025-01-01"}'
} >stream
echo '{"id":"urn:other","kind":"single","party":"z"}' >draft
"$METE" --store book.db init --quiet
exits 0 "a parent: ingest" "$METE" --store book.db ingest --quiet stream
exits 0 "a parent: parties" "$METE" --store book.db parties --csv
says out "^a,.*5" "it was booked"
exits 0 "a parent: simulate" "$METE" --store book.db simulate --policy draft
says out "No account would differ" "a draft of another policy changes nothing"
exits 0 "a parent: audit" "$METE" --store book.db audit

# Members that are null are as good as absent, for both.
rm -f book.db*
{
    event p policy.published 2025-01-01T00:00:00Z '{"manifest":{"id":"urn:m","title":"t","contributors":[{"actor":{"id":"x"},"role":null,"weight":0.75,"temporal_splits":null},{"actor":{"id":"y"},"role":"r","weight":null},{"actor":null,"id":"z","role":"r","weight":0.125,"attestation":null}]}}'
    revenue e 2025-01-02T00:00:00Z 80 SAT '"policy":"urn:m"'
} >stream
"$METE" --store book.db init --quiet
exits 0 "nulls: ingest" "$METE" --store book.db ingest --quiet --strict stream
exits 0 "nulls: audit" "$METE" --store book.db audit
exits 0 "nulls: parties" "$METE" --store book.db parties --json
is "$(q '(.parties // .) | map(.party + " " + .pending) | sort | join(", ")')" '"x 60, y 0, z 10"' "nulls: who has what"

# A dispute does not countersign.
rm -f book.db*
{
    event p policy.published 2025-01-01T00:00:00Z '{"manifest":{"id":"urn:m","title":"t","created_by":"me","created_at":"2025-01-01T00:00:00Z","contributors":[{"actor":{"id":"x"},"role":"r","weight":1,"attestation":{"issuer":"i"}}]}}'
    revenue e 2025-01-02T00:00:00Z 5 SAT '"policy":"urn:m"'
    event d allocation.disputed 2025-01-03T00:00:00Z '{"allocation_id":"e/1","reason":"r"}'
} >stream
"$METE" --store book.db init --quiet
exits 0 "held: ingest" "$METE" --store book.db ingest --quiet --strict stream
exits 0 "held: explain" "$METE" --store book.db explain e/1 --at 2099-01-01
says out "held back while the dispute lasts" "it is held back long after"
says out "it does not clear by itself: nobody has countersigned" "and why"
exits 0 "held: audit" "$METE" --store book.db audit

# In numbers that jq adds exactly.
exact='map(select(.net < 9e15 and .net > -9e15))'
seed=1
bad=
while [ $seed -le 40 ]; do
    rm -f book.db*
    "$DUMP" $seed 250 >stream || bad="$bad dump:$seed"
    "$METE" --store book.db init --quiet
    "$METE" --store book.db ingest stream >/dev/null 2>&1
    [ "$("$METE" --store book.db export audit | grep -c '"kind":"event"')" -gt 150 ] || bad="$bad short:$seed"
    "$METE" --store book.db audit >out 2>&1 || { bad="$bad seed:$seed"; tail -3 out | sed 's/^/# /'; }
    "$METE" --store book.db parties --json | jq -c "(.parties // .) | $net | $exact" >stored
    "$METE" run --json stream 2>/dev/null | jq -c ".parties | $net | $exact" >decided
    cmp -s stored decided || bad="$bad run:$seed"
    seed=$((seed + 1))
done
is "$bad" "" "the auditor, and what is decided in memory, agree with 40 random streams"
finish
