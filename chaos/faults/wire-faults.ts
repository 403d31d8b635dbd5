import type { Misbehaviour } from '../../llm/demo-model/misbehaviour.ts';
import type { SwallowingProxy } from '../swallowing-proxy.ts';
import type { Fault, FaultContext, FaultOutcome } from './fault.ts';
import { landed, last, missed, within } from './fault.ts';

/** Faults between the parts: sockets, and a model that goes wrong. */
export const wireFaults: readonly Fault[] = [
  { kind: 'cut_before_commit', share: 4, inject: (context) => trap(context, 'cutRequestAt') },
  { kind: 'cut_after_commit', share: 4, inject: (context) => trap(context, 'cutAnswerTo') },
  {
    // Nothing is carried and nobody is told; after a while the ends find out.
    kind: 'half_open',
    share: 2,
    inject: async (context) => {
      const proxy = either(context);
      const open = proxy.connections();
      proxy.freeze();
      await last(1_000 + context.random.below(1_500));
      proxy.cut();
      return open > 0 ? landed() : missed;
    },
  },
  model('model_slow', { kind: 'slow', latencyMs: 120 }),
  model('model_429', { kind: 'status', status: 429, retryAfter: '0' }),
  model('model_500', { kind: 'status', status: 500 }),
  model('model_garbage', { kind: 'garbage' }),
  model('model_hang', { kind: 'hang' }),
  model('model_torn', { kind: 'truncate', reset: true }),
];

async function trap(context: FaultContext, kind: 'cutRequestAt' | 'cutAnswerTo'): Promise<FaultOutcome> {
  const proxy = either(context);
  const trapped = proxy[kind](context.arena.appendMarker).then(() => true);
  const passed = await Promise.race([trapped, last(5_000).then(() => false)]);
  if (!passed) proxy.disarm();
  return passed ? landed() : missed;
}

function either({ arena: { proxies }, random }: FaultContext): SwallowingProxy {
  return random.pick([proxies.workers, proxies.clients]);
}

function model(kind: string, how: Misbehaviour): Fault {
  return {
    kind,
    share: 1,
    inject: async ({ arena, clients, random }) => {
      const count = 1 + random.below(3);
      const struck = arena.misbehave(how, count);
      clients.demand('plain', 1);
      await within(6_000, () => struck() === count);
      const times = struck();
      arena.misbehave(how, 0);
      return times > 0 ? landed() : missed;
    },
  };
}
