#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The same seed is the same life: the same heads, the same faults in the same places. SIM, AUDITOR.
echo 1..5
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
export TMPDIR="$dir"
life() { "$SIM" --seed "$1" --events 3000 --auditor "$AUDITOR" | sed 's/, [0-9.]* s, [0-9]* events.s//'; }
ok() { if [ "$1" -eq 0 ]; then echo "ok $2 - $3"; else echo "not ok $2 - $3"; fi; }
life 41 >"$dir/one"
life 41 >"$dir/two"
life 42 >"$dir/other"
grep -q 'no difference' "$dir/one"
ok $? 1 'a life ends with what it has checked'
cmp "$dir/one" "$dir/two"
ok $? 2 'the same seed ends at the same heads, after the same faults'
diff "$dir/one" "$dir/two" | sed 's/^/# /' | head -20
[ "$(grep -c ', head ' "$dir/one")" -eq 3 ] && ! [ "$(grep trace "$dir/one")" = "$(grep trace "$dir/other")" ]
ok $? 3 'another seed is another life'
"$SIM" --seed 41 --lives 2 --events 3000 --auditor "$AUDITOR" >"$dir/both"
[ $? -eq 0 ] && grep 'seed 42' "$dir/other" >"$dir/alone" && grep 'seed 42' "$dir/both" >"$dir/second"
cmp "$dir/alone" "$dir/second"
ok $? 4 'after another life it is the same one'
"$SIM" --seed x >/dev/null 2>&1
[ $? -eq 2 ] && "$SIM" --help | grep -q 'Exit status'
ok $? 5 'usage is said, with status 2'
