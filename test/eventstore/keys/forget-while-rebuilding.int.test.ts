import { expect, test } from 'vitest';
import { rebuildViews } from '../../../eventstore/index.ts';
import type { ForgetReceipt, RebuildProgress } from '../../../eventstore/index.ts';
import { upTo } from '../shapes.ts';
import { forgetRig, problemsOf } from './forget-rig.ts';
import { schema } from './forget-schema.ts';

const steps: readonly RebuildProgress['step'][] = [
  'prepared',
  'folding',
  'indexing',
  'comparing',
  'handing over',
  'tidying',
];

test.each(steps)(
  'a subject that is forgotten during a rebuild (%s) does not come back with the new tables',
  async (step) => {
    await using rig = await forgetRig();
    for (const batch of upTo(6)) {
      await rig.store.append('default', {
        id: `${batch}`,
        streams: [{ name: 's', expectedVersion: 'any' }],
        events: upTo(1_000).map((n) => ({
          type: 'Said',
          stream: 's',
          subjects: [n % 2 === 0 ? 'user:ana' : 'user:bo'],
          data: { n: batch * 1_000 + n, text: n % 2 === 0 ? `anaq7z ${n}` : `boq7z ${n}` },
        })),
      });
    }
    const forgets: Promise<ForgetReceipt>[] = [];
    const report = await rebuildViews({
      adminUrl: rig.database.url,
      schema,
      onProgress: (progress) => {
        if (progress.step === step && forgets.length === 0) forgets.push(rig.forget('user:ana'));
      },
    });
    expect(await Promise.all(forgets)).toMatchObject([{ events: 3_000 }]);
    expect(report.pauseMs).not.toBeNull();
    expect(await rig.tablesWith('anaq7z')).toEqual([]);
    expect(await rig.tablesWith('boq7z')).toEqual(['last_saying', 'saying']);
    expect(await problemsOf(rig)).toEqual([]);
  },
);
