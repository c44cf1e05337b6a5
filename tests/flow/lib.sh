# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
# What the flow tests share: the built program is driven as its users drive it, answers are compared
# literally, and the outcome is TAP. Sourced; METE names the program, ROOT the sources.
: "${METE:?the program to test}" "${ROOT:?the source directory}"
unset DATABASE_URL NO_COLOR METE_AUDIT
METE_CONFIG= # not that of this machine
export METE_CONFIG
LC_ALL=C.UTF-8
export LC_ALL
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
tests=0

# ok RESULT DESCRIPTION: RESULT is the status of what was checked before
ok() {
    tests=$((tests + 1))
    if [ "$1" -eq 0 ]; then
        printf 'ok %s - %s\n' "$tests" "$2"
    else
        printf 'not ok %s - %s\n' "$tests" "$2"
    fi
}

# is GOT WANTED DESCRIPTION
is() {
    if [ "$1" = "$2" ]; then
        ok 0 "$3"
    else
        ok 1 "$3"
        printf '%s\n' "$1" | sed 's/^/# got:    /'
        printf '%s\n' "$2" | sed 's/^/# wanted: /'
    fi
}

# exits STATUS DESCRIPTION COMMAND...: leaves what it said in $dir/out and $dir/err
exits() {
    wanted=$1
    what=$2
    shift 2
    "$@" >"$dir/out" 2>"$dir/err" </dev/null
    is "$?" "$wanted" "$what: exit $wanted"
}

# says FILE PATTERN DESCRIPTION (an extended regular expression)
says() {
    grep -Eq "$2" "$dir/$1"
    result=$?
    ok "$result" "$3"
    [ "$result" -eq 0 ] || sed 's/^/# /' "$dir/$1"
}

# q FILTER: what jq makes of the last answer, on one line
q() {
    jq -c "$1" <"$dir/out"
}

# run OPTION...: mete run --json, expected to end well
run() {
    "$METE" run --json "$@" >"$dir/out" 2>"$dir/err" || printf '# run failed: %s\n' "$(cat "$dir/err")"
}

# revenue ID TIME AMOUNT CURRENCY TARGET [MORE]: TARGET as "policy":"urn:p", MORE begins with a comma
revenue() {
    printf '{"event_id":"%s","event_type":"revenue.received","occurred_at":"%s","payload":{"amount":{"amount":"%s","currency":"%s"},%s%s}}\n' \
        "$1" "$2" "$3" "$4" "$5" "${6:-}"
}

# event ID TYPE TIME PAYLOAD
event() {
    printf '{"event_id":"%s","event_type":"%s","occurred_at":"%s","payload":%s}\n' "$1" "$2" "$3" "$4"
}

# reversal ID TIME ORIGINAL [AMOUNT CURRENCY]
reversal() {
    amount=
    [ $# -lt 5 ] || amount=",\"amount\":{\"amount\":\"$4\",\"currency\":\"$5\"}"
    event "$1" revenue.reversed "$2" "{\"reverses\":\"$3\"$amount}"
}

finish() {
    printf '1..%s\n' "$tests"
}
