// SPDX-License-Identifier: Apache-2.0
// The usage cycle in SQL: node usage.mjs EVENTS.ndjson AMOUNTS.csv. One thread, a database file.
// Prints "load SECONDS" (reading and storing the records) and "cycle SECONDS" (who gets how much).
import { DuckDBInstance } from '@duckdb/node-api';

const [events, amounts] = process.argv.slice(2);
const instance = await DuckDBInstance.create(`${amounts}.duckdb`, { threads: '1' });
const db = await instance.connect();

async function timed(name, sql) {
  const begin = process.hrtime.bigint();
  await db.run(sql);
  console.log(name, (Number(process.hrtime.bigint() - begin) / 1e9).toFixed(3));
}

await timed('load', `
  create table usage as
  select event_id, payload.provider as provider, payload.calls as calls
  from read_json('${events}', format = 'newline_delimited', columns = {
    event_id: 'varchar', event_type: 'varchar',
    payload: 'struct(provider varchar, calls ubigint, bytes ubigint, batch_id varchar)' })
  where event_type = 'usage.reported'`);
await timed('cycle', `
  create table amount as
  with weight as (select provider, sum(calls)::hugeint as calls from usage group by provider),
       total as (select sum(calls)::hugeint as calls from weight),
       share as (select provider, 1234567890123 * w.calls // t.calls as floor,
                        1234567890123 * w.calls % t.calls as rest
                 from weight w, total t),
       ranked as (select *, row_number() over (order by rest desc, provider) as place,
                         1234567890123 - sum(floor) over () as left_over from share)
  select provider, floor + (place <= left_over)::int as amount from ranked`);
await db.run(`copy (select provider, amount from amount order by provider) to '${amounts}' (header false)`);
db.closeSync();
