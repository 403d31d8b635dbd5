import { expect, test } from 'vitest';
import { history } from '../projections/history.ts';
import { withDatabase } from '../support/with-database.ts';
import { cliEnvironment, documentOf, runCli } from './run-cli.ts';

const database = withDatabase();

test('rebuild --check says which views drifted and changes nothing; rebuild mends them', async () => {
  const { admin, store } = database;
  for (const command of history({ seed: 5, turns: 12 })) await store.append('default', command);
  const cli = (...args: string[]) => runCli(['rebuild', ...args], { env: cliEnvironment(database) });

  const clean = documentOf(await cli('--check', '--json'));
  expect(clean).toMatchObject({ ok: true, data: { equal: true, handedOver: false, pauseMs: null } });

  await admin.query(`update fact set value = 'forged' where from_pos = (select min(from_pos) from fact)`);
  const checked = await cli('--check');
  expect(checked.code).toBe(6);
  expect(checked.stdout).toMatch(/^fact +\d+ +\d+ +tenant "default": 1 rows only live, 1 only in the log$/m);
  expect(checked.stdout).toMatch(/^turn +(\d+) +\1 +ok$/m);
  expect(checked.stdout).toMatch(/events in .* s; nothing was changed$/m);
  expect(checked.stderr).toMatch(/^building \d+ views/m);
  expect(checked.stderr).toMatch(/VIEWS_DRIFTED: .*\n→ Run `.*rebuild` to put/);
  const difference = { tenant: 'default', onlyLive: 1, onlyRebuilt: 1 };
  expect(documentOf(await cli('--check', '--json'))).toMatchObject({ ok: false, data: { equal: false } });

  const mended = documentOf(await cli('--view', 'fact', 'turn', '--json'));
  expect(mended).toMatchObject({
    ok: true,
    data: {
      views: [
        { name: 'turn', equal: true },
        { name: 'fact', equal: false, differences: [difference] },
      ],
      equal: false,
      handedOver: true,
    },
  });
  expect((await admin.query(`select from fact where value = 'forged'`)).rowCount).toBe(0);

  const unknown = await cli('--view', 'facts');
  expect(unknown.code).toBe(3);
  expect(unknown.stderr).toMatch(/UNKNOWN_VIEW: There is no view "facts"\.\n→ The views are approval, /);
});
