#!/bin/sh
# covers: R-001
# Contributions by role: 70/10/20 after the fee, remainders to the first author.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

contribution() { # ID ITEM PARTY ROLE WEIGHT
    event "$1" contribution.recorded 2025-01-01T00:00:00Z \
        "{\"content_item_id\":\"$2\",\"party\":\"$3\",\"role\":\"$4\",\"weight\":$5}"
}
item() { # ITEM: one author, one editor, one distributor
    contribution "$1a" "$1" alice author 1
    contribution "$1e" "$1" ed editor 1
    contribution "$1d" "$1" dora distributor 1
}
amounts() { q '.allocations | map([.role, .amount])'; }

{ item i; revenue r 2025-01-02T00:00:00Z 101 SAT '"content_item_id":"i"'; } >s.ndjson
run --preset agents s.ndjson
is "$(amounts)" '[["author","71"],["editor","10"],["distributor","20"]]' '101 sat are 71, 10 and 20'
is "$(q '.allocations[0] | [.policy, .root_policy, .policy_version, .asset]')" \
    '["mete:roles","mete:roles",0,"SAT/0"]' 'the built-in roles have a name of their own'

{ item i; revenue r 2025-01-02T00:00:00Z 1000 SAT '"content_item_id":"i"' ',"fee":{"amount":"50","currency":"SAT"}'; } >s.ndjson
run --preset agents s.ndjson
is "$(amounts)" '[["author","665"],["editor","95"],["distributor","190"]]' '1000 sat less a fee of 50: 665, 95 and 190'
is "$(q '.fees')" '[{"event_id":"r","label":"fee","payee":"external:fee","amount":"50","reversed":"0","asset":"SAT/0"}]' 'the fee of the payload'

{ item i; revenue r 2025-01-02T00:00:00Z 1 SAT '"content_item_id":"i"'; } >s.ndjson
run --preset agents s.ndjson
is "$(amounts)" '[["author","1"],["editor","0"],["distributor","0"]]' 'one sat is the author s, zero amounts are shown'

# without a preset too; and a roles policy of one's own
run s.ndjson
is "$(q '.allocations[0] | [.policy, .root_policy, .policy_version]')" '["mete:roles","mete:roles",0]' 'they hold in every book'
printf '{"id":"urn:r","kind":"roles","shares_bps":{"editor":5000,"author":4000}}' >roles.json
{ item i; revenue r 2025-01-02T00:00:00Z 101 SAT '"content_item_id":"i"'; } >s.ndjson
run --policy roles.json s.ndjson
is "$(q '.allocations | map([.role, .amount, .policy, .policy_version])')" \
    '[["author","51","urn:r",1],["editor","50","urn:r",1]]' 'a roles policy of one s own, its roles in the order of the canonical bytes'

# two authors by weight, floors, rest to the first
{ contribution c1 j a1 author 1; contribution c2 j a2 author 2
  contribution c3 j e1 editor 1
  revenue r 2025-01-02T00:00:00Z 100 SAT '"content_item_id":"j"'; } >s.ndjson
run s.ndjson
is "$(q '.allocations | map([.party, .amount])')" '[["a1","44"],["a2","46"],["e1","10"]]' 'floor by weight; the absent distributor and remainders go to the first author'

# nobody to take what is left
{ contribution c3 k e1 editor 1; revenue r 2025-01-02T00:00:00Z 100 SAT '"content_item_id":"k"'
  revenue r2 2025-01-02T00:00:00Z 100 SAT '"content_item_id":"nobody"'; } >s.ndjson
run s.ndjson
is "$(q '[.totals[0].allocated, .totals[0].unallocated]')" '["10","190"]' 'without an author the rest is unallocated'

# one party
revenue r 2025-01-02T00:00:00Z 7 SAT '"party":"solo"' >s.ndjson
run s.ndjson
is "$(q '.allocations[0]')" \
    '{"allocation_id":"r/1","event_id":"r","party":"solo","amount":"7","reversed":"0","asset":"SAT/0","role":null,"policy":null,"root_policy":null,"policy_version":null,"state":"pending"}' \
    'a single party has no policy'
finish
