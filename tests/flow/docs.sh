#!/bin/sh
# What the program says of itself (--help) and what mete(1) says are the same commands, operands and
# options, in the same spelling; and the tour of the README is real.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

# One line a command, "policy show ID", and one an option, "policy show -v, --version N".
of_man() {
    awk '
    /^\.Sh/ { here = $2; command = "*" }
    here == "COMMANDS" && sub(/^\.Ss mete /, "") {
        gsub(/ *Oo Ar option \.\.\. Oc| *Op Ar option \.\.\./, "")
        gsub(/Op Ar [^ ]+( \.\.\.)?/, "[&]")
        gsub(/Op |Ar /, "")
        print
        command = $1 ($2 ~ /^[a-z-]+$/ ? " " $2 : "")
    }
    (here == "COMMANDS" || here == "OPTIONS") && sub(/^\.It Fl /, "") {
        gsub(/Fl /, "-"); gsub(/ Ar /, " "); gsub(/ , /, ", ")
        print command " -" $0
    }' "$ROOT/man/mete.1" | sed 's/ \.\.\./.../g' | sort
}
of_help() {
    "$METE" --help | sed -n '/^Options of every/,$ s/^ *\(-.*[^ ]\)   *[^ ].*/* \1/p'
    "$METE" --help | sed -n '/^Commands:/,/^$/ s/^  \([a-z][a-z0-9 -]*[a-z0-9]\)   *.*/\1/p' >commands
    while read -r command; do
        # shellcheck disable=SC2086
        "$METE" $command --help >help
        sed -n 's/^Usage: mete \(.*\) \[OPTION\]\.\.\./\1/p' help
        sed -n "/^Options:/,/^\$/ s/^ *\(-.*[^ ]\)   *[^ ].*/$command \1/p" help
    done <commands
}

of_man >man
of_help | sort >help.all
is "$(grep -c . help.all)" "$(grep -c . man)" 'mete(1) has as many commands and options as --help'
diff man help.all >differences
ok $? 'mete(1) and --help name the same commands, operands and options'
sed -n 's/^[<>]/# &/p' differences | sed 's/^# </# only in the man page:/; s/^# >/# only in --help:/'
[ "$(grep -c . commands)" -gt 20 ]
ok $? 'there are commands to compare'
[ "$(grep -c ' -' man)" -gt 50 ]
ok $? 'there are options to compare'

# every exit status that src/cli/cli.h names is told
for status in $(sed -nE 's/^    CLI_[A-Z]+ = ([0-9]+).*/\1/p' "$ROOT/src/cli/cli.h"); do
    sed -n '/^\.Sh EXIT STATUS/,/^\.Sh EX/p' "$ROOT/man/mete.1" | grep -q "^\.It $status$"
    ok $? "mete(1) tells of exit status $status"
done

# every type of event that is handled stands in mete-formats(5), and no other
tr -d '\\\n' <"$ROOT/src/core/event_type.h" | grep -oE 'X\([A-Z_0-9]+, "[a-z_.0-9]+", HANDLED' |
    sed 's/.*"\(.*\)".*/\1/' | sort >handled
sed -n '/^The types that bring/,/^\.Ss/ s/^\.Li \([a-z0-9]*\.[a-z_]*\).*/\1/p' "$ROOT/man/mete-formats.5" | sort >told
diff handled told >differences
ok $? 'mete-formats(5) has the event types that are handled'
sed -n 's/^[<>]/# &/p' differences
[ "$(grep -c . handled)" -gt 20 ]
ok $? 'there are event types to compare'

# the tour of the README is what the program says; only hashes and the hour are others each time
masked() {
    sed -E 's/[0-9a-f]{64}/HASH/g; s/[0-9-]{10}T[0-9:]{8}\.[0-9]+Z/NOW/g'
}
mkdir tour
ln -s "$ROOT/examples" tour/examples
sed -n '/^```console/,/^```$/ { /^```/d; p }' "$ROOT/README.md" >told
sed -n '/^\$ cat events.ndjson/,/^\$ build/ { /^\$/d; p }' told >tour/events.ndjson
mkdir tour/build
ln -s "$METE" tour/build/mete
ln -s "$(dirname "$METE")/mete-audit" tour/build/mete-audit
grep '^\$ ' told | cut -c3- | while read -r line; do
    printf '$ %s\n' "$line"
    (cd tour && sh -c "$line" 2>/dev/null </dev/null)
done >done
masked <told >told.masked
masked <done >done.masked
diff told.masked done.masked >differences
ok $? 'the tour of the README'
sed 's/^/# /' differences
[ "$(grep -c '^\$ build/mete' told)" -ge 5 ]
ok $? 'there is a tour'
finish
