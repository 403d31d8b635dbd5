import { readFileSync } from 'node:fs';
import pg from 'pg';
import { readHistory } from '../history.ts';
import { invariants } from './invariants.ts';
import type { CheckAnswer, CheckInput } from './answer.ts';
import type { Payment, Subject, Violation } from './subject.ts';

/** Checks a run: `main.ts <file of a CheckInput>`. Prints one line, a CheckAnswer. Knows SQL, histories, and nothing else. */
async function main(file: string): Promise<void> {
  const input = JSON.parse(readFileSync(file, 'utf8')) as CheckInput; // written by whoever starts us
  const client = new pg.Client({ connectionString: input.adminUrl, application_name: 'chaos check' });
  await client.connect();
  const query: Subject['query'] = async <Row extends object>(sql: string, values: readonly unknown[] = []) =>
    (await client.query<Row>(sql, [...values])).rows;
  const number = async (id: string): Promise<number> =>
    (await query<{ no: number }>('select no from holdfast.tenant where id = $1', [id]))[0]?.no ?? 0;
  await query('create extension if not exists amcheck');
  const subject: Subject = {
    query,
    tenant: await number(input.tenant),
    neighbour: await number(input.neighbour),
    operations: readHistory(input.history),
    payments: JSON.parse(readFileSync(input.payments, 'utf8')) as Payment[], // the shop's own list
    files: input.files,
    exports: { tenant: input.tenant, folders: input.segments },
  };
  const results: CheckAnswer['invariants'][number][] = [];
  for (const { id, says, check } of invariants) {
    // Each in a transaction that is rolled back: the check changes nothing, whatever it asks.
    await query('begin');
    const violations = await check(subject)
      .catch((error: unknown): Violation[] => [
        {
          kind: 'other',
          what: `the check failed: ${error instanceof Error ? error.message : String(error)}`,
          about: [],
        },
      ])
      .finally(() => query('rollback'));
    results.push({ id, says, violations });
  }
  const [log] = await query<{ events: number; commands: number }>(
    `select (select count(*)::int from holdfast.event where tenant = $1) as events,
       (select count(*)::int from holdfast.command where tenant = $1) as commands`,
    [subject.tenant],
  );
  await client.end();
  const answer: CheckAnswer = {
    invariants: results,
    events: log?.events ?? 0,
    commands: log?.commands ?? 0,
    operations: subject.operations.length,
  };
  console.log(JSON.stringify(answer));
}

await main(process.argv[2] ?? '');
