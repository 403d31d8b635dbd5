import { expect, test } from 'vitest';
import { listConsumers, runConsumer } from '../../eventstore/index.ts';
import { holdfastSchema } from '../../projections/index.ts';
import { history } from '../projections/history.ts';
import { until } from '../support/until.ts';
import { withDatabase } from '../support/with-database.ts';
import { cliEnvironment, documentOf, runCli } from './run-cli.ts';

const database = withDatabase();

test('consumers lists places and parked events; retry and skip decide about these', async () => {
  const { pool, store, url } = database;
  for (const command of history({ seed: 5, turns: 3 })) await store.append('default', command);
  const cli = (...args: string[]) => runCli(['consumers', ...args], { env: cliEnvironment(database) });
  expect(await cli()).toMatchObject({ code: 0, stdout: '' });

  const stopping = new AbortController();
  const ended = runConsumer({
    ...{ pool, schema: holdfastSchema, name: 'mail', pollMs: 20, maxAttempts: 1, signal: stopping.signal },
    handle: ({ events }) => {
      if (events.some(({ position }) => position === 3)) throw new Error('no such\naddress');
      return Promise.resolve(undefined);
    },
  });
  const place = () => listConsumers({ adminUrl: url }).then(([state]) => state);
  await until('it is stopped', async () => ((await place())?.state === 'stopped' ? true : undefined));

  const listed = await cli();
  expect(listed.stdout).toMatch(
    /^CONSUMER +TENANT +POSITION +LAG +STATE +LAST ERROR\nmail +default +2 +\d+ +stopped +no such address\n/,
  );
  expect(listed.stdout).toMatch(/\nmail +default +3 +parked +1 +no such address\n$/);
  expect(documentOf(await cli('list', '--json'))).toMatchObject({
    data: [{ consumer: 'mail', tenant: 'default', position: 2, parked: [{ position: 3, state: 'parked' }] }],
  });

  const wrong = await cli('skip', 'mail', '2', '--reason', 'x');
  expect(wrong.code).toBe(3);
  expect(wrong.stderr).toMatch(/PARKED_EVENT_NOT_FOUND/);
  expect((await cli('skip', 'mail', '3')).code).toBe(2);

  expect(documentOf(await cli('retry', 'mail', '3', '--reason', 'again', '--json'))).toMatchObject({
    ok: true,
    data: { consumer: 'mail', tenant: 'default', position: 3, action: 'retry', actor: 'ana', reason: 'again' },
  });
  await until('it has failed again', async () => {
    const state = await place();
    return state?.state === 'stopped' && state.parked[0]?.attempts === 2 ? true : undefined;
  });
  const skipped = await cli('skip', 'mail', '3', '--reason', 'no such address', '--actor', 'ben');
  expect(skipped).toMatchObject({ code: 0, stdout: 'ok skipped: position 3 of tenant "default" by "mail"\n' });
  await until('it is through', async () => ((await place())?.lag === 0 ? true : undefined));
  expect((await place())?.parked).toMatchObject([
    { state: 'skipped', decisions: [{ actor: 'ana' }, { actor: 'ben' }] },
  ]);
  stopping.abort();
  await ended;
});
