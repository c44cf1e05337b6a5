#!/bin/sh
# covers: F-001 F-002 F-005 F-014
# Policies on the command line: checked, published, shown, compared, signed.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

mete() { "$METE" --store book.db "$@"; }

for f in "$ROOT"/examples/fair/*.json "$ROOT"/examples/manifests/*.json; do
    exits 0 "check $(basename "$f")" "$METE" policy check "$f"
done
exits 0 'check --json' "$METE" policy check --json "$ROOT/examples/fair/software-vesting.fair.json"
is "$(q '[.valid, .id, .kind, .generation, .signature, .sum]')" '[true,"urn:fair:software-001","weights","0.2","none","0"]' 'what it is'
is "$(q '.shares[1]')" \
    '{"payee":"github:founder","kind":"party","role":"founder","effective_from":"2025-01-01T00:00:00Z","effective_until":"2025-12-31T23:59:59Z","conditions":null,"version":1,"percent":"25%","weight":"1/4","held":false}' \
    'a window as data'
printf '{"id":"urn:t","kind":"weights","shares":[{"party":"a","weight":"1/3"},{"party":"b","weight":"0.5"}]}' >third.json
exits 0 'check' "$METE" policy check third.json
says out '^a +- +- +33\.333333\.\.\.% +1/3 +no$' 'percent and exact fraction'
says out '^Sum +83\.333333\.\.\.%; 16\.666666\.\.\.% stays unallocated$' 'the sum, and what is missing'

# every problem at once
printf '{"id":"urn:x","kind":"weights","rounding":"foo","shares":[{"party":"a","weigth":"0.5"},{"party":"mete:x","weight":"1.5"},{"party":"b","weight":"x"},{"party":"c","weight":"0.8"},{"party":"d","weight":"0.8"}]}' >bad.json
exits 1 'check of a bad document' "$METE" policy check bad.json --json
is "$(q '[.valid, (.problems | map([.code, .pointer]))]')" \
    '[false,[["member_value","/rounding"],["member_unknown","/shares/0/weigth"],["member_missing","/shares/0/weight"],["party_reserved","/shares/1/party"],["weight_invalid","/shares/2/weight"],["weight_above_one","/shares"]]]' \
    'all that is wrong with it'
exits 1 'check of a bad document, as text' "$METE" policy check bad.json
says out '^6 problems in bad.json$' 'counted'
printf '{' >broken.json
exits 1 'check of no JSON' "$METE" policy check broken.json --json
is "$(q '.problems | map(.code)')" '["json_syntax"]' 'one problem'
exits 1 'check of no file' "$METE" policy check nowhere.json
exits 2 'check of nothing' "$METE" policy check

printf '{"id":"urn:x","title":"t","context":"c","contributors":[{"actor":{"id":"a"},"role":"r","weight":0.6},{"actor":{"id":"b"},"role":"r","weight":0.5}],"created_by":"a","created_at":"2025-01-01T00:00:00Z"}' >heavy.json
exits 1 'check of a manifest that shares too much' "$METE" policy check heavy.json --json
is "$(q '.problems | map([.code, .pointer])')" '[["weight_above_one","/contributors"]]' 'it stays a manifest while it is judged'

cat >sum.json <<'END'
{"fair":"1.1","id":"urn:fair:sum","type":"music","owner":"did:ex:a","created":"2025-01-01T00:00:00Z",
 "attribution":[{"did":"did:ex:a","role":"artist","share":"much"},{"did":"did:ex:b","role":"label","share":0.4}]}
END
exits 1 'check of a manifest with a share that is none' "$METE" policy check sum.json --json
is "$(q '.problems | length')" 1 'the sum of what is left means nothing and is not reported'
sed 's/"much"/0.5/' sum.json >short.json
exits 1 'check of a 1.1 manifest that sums to 0.9' "$METE" policy check short.json --json
is "$(q '.problems | map(.code)')" '["weight_sum"]' 'a sum that does mean something is'

# publish, show, list, diff
exits 0 'init' mete init --quiet
is "$(wc -c <out)" 0 'a quiet init says nothing'
exits 0 'list of none' mete policy list --json
is "$(q .)" '[]' 'no policy yet'
exits 0 'publish' mete policy publish third.json --json
is "$(q '[.status, .seq]')" '["applied",1]' 'published'
cp out first
exits 0 'publish it again' mete policy publish third.json
is "$(cat out)" 'already published, entry 1 of the log' 'it is there already'
exits 0 'publish it again, as data' mete policy publish third.json --json
is "$(q '[.status, .seq, .event_id]')" "[\"duplicate\",1,\"$(jq -r .event_id first)\"]" 'it is there already, as data'
jq . third.json >pretty.json
exits 0 'publish it again in other bytes' mete policy publish pretty.json
says out '^already published, entry 1 ' 'it means the same'
exits 1 'publish it as of another moment' mete policy publish third.json --effective-from 2021-01-01
says err 'as entry 1, .*--event-id' 'it says how'
exits 0 'nothing was stored' mete log head --no-store --json
is "$(q .size)" 1 'one entry'
exits 1 'publish a bad one' mete policy publish bad.json
exits 0 'the quarantine' mete quarantine list --json
is "$(q .)" '[]' 'a refused file is not kept'
exits 1 'diff of one version' mete policy diff urn:t
printf '{"id":"urn:t","kind":"weights","rounding":"carry","shares":[{"party":"a","weight":"1/4"},{"party":"c","weight":"0.5"}]}' >second.json
exits 0 'publish a second version' mete policy publish second.json --effective-from 2025-06-01
exits 0 'show' mete policy show urn:t --json
is "$(q '[.version, .versions, .effective_from, .rounding, (.shares | map([.payee, .weight]))]')" \
    '[2,2,"2025-06-01T00:00:00Z","carry",[["a","1/4"],["c","1/2"]]]' 'the newest'
exits 0 'show the first' mete policy show urn:t --version 1
says out '^Version +1 of 2, in force from the beginning$' 'the first'
exits 1 'show a version that is not there' mete policy show urn:t --version 3
exits 1 'show an unknown policy' mete policy show urn:nothing
says err '\(policy_unknown\)' 'it says so'
exits 0 'list' mete policy list --csv
is "$(tr -d '\r' <out)" 'id,kind,rounding,versions,shares,from,title
urn:t,weights,carry,2,2,2025-06-01,' 'the list'
exits 0 'diff' mete policy diff urn:t --json
is "$(q 'map([.payee, .before_weight, .after_weight, .change])')" \
    '[["a","1/3","1/4","-8.333333...%"],["c",null,"1/2","new"],["b","1/2",null,"gone"]]' 'share by share'
cp out diff
exits 0 'diff of two files' "$METE" policy diff third.json second.json --json
cmp -s out diff
ok $? 'two files compare as two versions'
exits 0 'diff backwards' mete policy diff urn:t --from 2 --to 1 --json
is "$(q '.[0].change')" '"+8.333333...%"' 'backwards'
printf '{"id":"urn:r","kind":"roles","shares_bps":{"author":7000,"editor":1000}}' >roles.json
exits 0 'publish a third time under another id' mete policy publish third.json --event-id again
exits 0 'a rollback is a third version' mete policy show urn:t --json
is "$(q '[.version, .rounding]')" '[3,"largest"]' 'a rollback is a third version'
exits 0 'publish with that id again' mete policy publish third.json --event-id again
says out '^already published, entry 3 ' 'the id is known'
exits 0 'publish the newest' mete policy publish third.json
says out '^already published, entry 3 ' 'entry 1 published it too, but the newest is entry 3'
exits 0 'publish the newest in other bytes' mete policy publish pretty.json
says out '^already published, entry 3 ' 'entry 3 here too'
exits 1 'publish something else with that id' mete policy publish roles.json --event-id again
exits 1 'publish an earlier version' mete policy publish second.json
says err 'as entry 2, .*--event-id' 'it says how to go back'
exits 1 'publish it as of another moment' mete policy publish third.json --effective-from 2021-01-01 --event-id again
exits 0 'nothing was stored, nothing is kept' mete log head --no-store --json
is "$(q .size)" 3 'three entries'
exits 0 'the quarantine' mete quarantine list --json
is "$(q .)" '[]' 'and no refused one'

printf '{"id":"urn:u","kind":"usage","calls_weight":"2","tiers":{"p":"3/2"}}' >usage.json
# a manifest with private values, and one in force later
jq '.contributors[0].notes = "a note"' "$ROOT/examples/fair/collaboration.fair.json" >noted.json
exits 0 'publish a manifest with a note' mete policy publish noted.json
exits 0 'publish it again' mete policy publish noted.json
says out '^already published, entry 4 ' 'its note is compared with the sealed one'
exits 0 'publish for later' mete policy publish usage.json --effective-from 2999-01-01
exits 0 'publish for later again' mete policy publish usage.json --effective-from 2999-01-01
says out '^already published, entry 5 ' 'it is there already'
exits 1 'publish it for now' mete policy publish usage.json
says err 'in force from another moment' 'it is not in force yet'
jq . usage.json >usage2.json
exits 0 'publish it for now, in other bytes' mete policy publish usage2.json
says out '^applied: .*, entry 6 ' 'as of now it is another version'

# roles and usage
exits 0 'check roles' "$METE" policy check roles.json
says out '^Sum +80%; 20% goes to the first author$' 'roles: the rest is the first author s'
exits 0 'check usage' "$METE" policy check usage.json --json
is "$(q '.shares | map([.payee, .weight])')" '[["(each call)","2"],["(each KiB)","0"],["p","3/2"]]' 'usage: factors'

# the book keeps its list of roles policies where no policy can be
exits 0 'publish roles' mete policy publish roles.json
exits 1 'show the policy of no id' mete policy show ''
says err 'policy_unknown' 'there is none'
exits 1 'show a policy with an id that none can have' mete policy show "$(printf '%0300d' 0)"
says err 'policy_unknown' 'there is none'
printf '{"kind":"single","party":"a"}' >nameless.json
exits 1 'publish a document without an id' mete policy publish nameless.json
says err 'member_missing' 'it needs one'

# sign
cat >manifest.json <<'END'
{"fair":"1.0","id":"urn:fair:signed","type":"music","owner":"did:ex:a","created":"2025-01-01T00:00:00Z",
 "attribution":[{"did":"did:ex:a","role":"artist","share":0.6},{"did":"did:ex:b","role":"label","share":0.4}]}
END
printf '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60\n' >seed
exits 0 'sign' "$METE" policy sign manifest.json --key seed --at 2025-01-01
cp out signed.json
exits 0 'check the signed one' "$METE" policy check signed.json --json
is "$(q '[.generation, .signature]')" '["1.0","verified"]' 'the signature is verified'
sed 's/0\.6/0.5/; s/0\.4/0.5/' signed.json >forged.json
exits 1 'check a forged one' "$METE" policy check forged.json --json
is "$(q '.problems | map(.code)')" '["signature_invalid"]' 'a forged manifest is refused'
exits 0 'sign again' "$METE" policy sign manifest.json --key seed --at 2025-01-01
cmp -s out signed.json
ok $? 'the same moment gives the same bytes'
exits 2 'sign without a key' "$METE" policy sign manifest.json
printf 'short' >seed
exits 1 'sign with a bad key' "$METE" policy sign manifest.json --key seed
finish
