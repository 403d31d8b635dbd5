import { loadConfig, usesDemoModel } from '../../config/config.ts';
import { createTenant } from '../../eventstore/index.ts';
import { connect } from '../connect.ts';
import { audit } from './audit.ts';
import { jsonPresenter, textPresenter } from './presenter.ts';
import type { Tally } from './scenario.ts';
import { approve, converse, kill, travel } from './scenario.ts';
import { openStage } from './stage.ts';
import { asTyped, invocation } from '../invocation.ts';
import { describeModel, openLocalStack } from '../local-stack.ts';

/** Shows the demo; the process ends with 1 when a part of it was not as promised. Throws what starting the stack throws. */
export async function runDemo({ json = false }: { json?: boolean }): Promise<void> {
  const started = performance.now();
  const base = loadConfig();
  const presenter = json ? jsonPresenter() : textPresenter();
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stopping.abort(signal));
  const interrupted = new Promise<never>((_, reject) => {
    stopping.signal.addEventListener('abort', () => reject(new Error(`stopped by ${String(stopping.signal.reason)}`)), {
      once: true,
    });
  });

  const stack = await openLocalStack({ config: base, onProgress: (line) => presenter.progress(line) });
  try {
    // A tenant and a queue of its own: the demo neither sees nor touches what else is in the log.
    const id = `demo-${new Date().toISOString().replace(/\D/g, '').slice(0, 14)}`;
    const config = {
      ...base,
      tenant: id,
      heartbeatMs: 2_000,
      temporal: { ...base.temporal, address: stack.temporalAddress, taskQueue: id },
    };
    await createTenant(stack.adminUrl, id);
    presenter.note(`model: ${describeModel(config, stack)}`);
    presenter.note(`log: tenant ${id}${stack.temporalUi === null ? '' : `; workflows: ${stack.temporalUi}`}`);
    const client = await connect(config, { ...stack, from: base.stateDir });
    const stage = await openStage({ stack, client, presenter, taskQueue: id, isScripted: usesDemoModel(config) });
    try {
      const tally: Tally = { acknowledged: new Set(), kills: 0, approvals: 0, replayed: 0, complaints: [] };
      for (const part of [converse, kill, approve, travel]) await Promise.race([part(stage, tally), interrupted]);
      const figures = await audit(stage, tally);
      const ok =
        tally.complaints.length === 0 &&
        figures.kills === 3 &&
        figures.lost + figures.duplicated + figures.partial === 0;
      for (const complaint of tally.complaints) presenter.note(`NOT as promised: ${complaint}`);
      presenter.close(ok, figures, (performance.now() - started) / 1000, [
        asTyped('Look further: `npm run dev` in one terminal, then in another'),
        `  HOLDFAST_TENANT=${id} ${invocation} why t-recall`,
      ]);
      if (!ok) process.exitCode = 1;
    } finally {
      await stage.close();
      await client.close();
    }
  } finally {
    await stack.stop();
  }
}
