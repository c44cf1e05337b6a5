#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# kill -9 at random moments of `mete ingest`: nothing is half-booked, what was told as durable is
# there, and the same stream sent again ends where an undisturbed run ends.
# covers: M-002 F-027
. "$ROOT/tests/flow/lib.sh"
kills=${KILLS:-25}
seed=${SEED:-$(date +%s)}
echo "# seed $seed"

awk 'BEGIN {
    srand(7)
    for (p = 0; p < 50; p++)
        printf "{\"event_id\":\"p%d\",\"event_type\":\"policy.published\",\"occurred_at\":\"2025-01-01T00:00:00Z\",\"payload\":{\"policy\":{\"id\":\"urn:%d\",\"kind\":\"weights\",\"rounding\":\"%s\",\"shares\":[{\"party\":\"a%d\",\"weight\":\"1/3\"},{\"party\":\"b%d\",\"weight\":\"0.5\"}]}}}\n", p, p, p % 2 ? "carry" : "largest", p % 7, p % 11
    for (i = 0; i < 60000; i++) {
        printf "{\"event_id\":\"e%d\",\"event_type\":\"revenue.received\",\"occurred_at\":\"2025-01-02T00:00:00Z\",\"payload\":{\"policy\":\"urn:%d\",\"amount\":{\"amount\":\"%d.%02d\",\"currency\":\"USD\"}}}\n", i, int(rand() * 52), int(rand() * 900) + 1, int(rand() * 100)
        if (i % 40 == 39)
            printf "{\"event_id\":\"r%d\",\"event_type\":\"revenue.reversed\",\"occurred_at\":\"2025-01-03T00:00:00Z\",\"payload\":{\"reverses\":\"e%d\"}}\n", i, i - int(rand() * 30)
    }
    for (p = 50; p < 52; p++)
        printf "{\"event_id\":\"p%d\",\"event_type\":\"policy.published\",\"occurred_at\":\"2025-01-01T00:00:00Z\",\"payload\":{\"policy\":{\"id\":\"urn:%d\",\"kind\":\"single\",\"party\":\"late\"}}}\n", p, p
}' >stream

"$METE" init --store whole.db --quiet >/dev/null
"$METE" ingest --store whole.db --quiet stream >whole.out 2>whole.err
whole=$("$METE" log verify --store whole.db --json 2>/dev/null | jq -r '.size // empty')
"$METE" parties --store whole.db --json --at 2030-01-01T00:00:00Z >whole.json

"$METE" init --store cut.db --quiet >/dev/null
before=0 inside=0 after=0 last=0
size_of() { sqlite3 -readonly cut.db 'select count(*) from event'; }
i=0
while [ "$i" -lt "$kills" ]; do
    i=$((i + 1))
    group=$(echo "1 7 64 512 4096" | cut -d' ' -f$((i % 5 + 1)))
    "$METE" ingest --store cut.db --quiet --group "$group" stream >/dev/null 2>&1 &
    pid=$!
    sleep "0.$(awk -v s="$seed" -v i="$i" 'BEGIN { srand(s + i); printf "%03d", 5 + int(rand() * (60 + 22 * i)) }')"
    kill -9 "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    size=$(size_of)
    if [ "$size" -eq "$last" ]; then
        before=$((before + 1))
    elif [ "$size" -lt "${whole:-61552}" ]; then
        inside=$((inside + 1))
    else
        after=$((after + 1))
    fi
    if [ "$size" -lt "$last" ]; then
        ok 1 "kill $i: the log went back from $last to $size"
    fi
    last=$size
    if [ $((i % 8)) -eq 0 ] || [ "$i" -eq "$kills" ]; then
        "$METE" audit --store cut.db >out 2>err
        is "$?" 0 "after kill $i, with $size events: the audit holds"
    fi
done
echo "# $kills kills: $before before anything new was durable, $inside in the middle, $after after the end"
[ "$inside" -gt 0 ]
ok $? 'kills hit the middle of the work'
"$METE" ingest --store cut.db --quiet stream >out 2>err
"$METE" parties --store cut.db --json --at 2030-01-01T00:00:00Z >cut.json
is "$(size_of)" "$(sqlite3 -readonly whole.db 'select count(*) from event')" 'sent again, the log is as long as undisturbed'
diff whole.json cut.json | sed "s/^/# /" | head -6
cmp -s whole.json cut.json
ok $? 'and everybody is owed the same'
"$METE" audit --store cut.db >out 2>err
is "$?" 0 'and the audit holds'
finish
