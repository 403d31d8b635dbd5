import type { Trust } from './events.ts';

const order: readonly Trust[] = ['tool_external', 'model_inference', 'tool_internal', 'direct_user'];

/** Place of a trust class from 0, higher is better; -1 for a name that is none. */
export function trustRank(trust: string): number {
  return (order as readonly string[]).indexOf(trust);
}

/** The lower of two trust classes: what rests on both is trusted no more than the worse of them. */
export function lessTrusted(a: Trust, b: Trust): Trust {
  return trustRank(a) <= trustRank(b) ? a : b;
}

/** The lowest of several trust classes; null, for the user and the model alone, where none is given. */
export function leastTrusted(...given: readonly (Trust | null | undefined)[]): Trust | null {
  return given.reduce<Trust | null>(
    (least, one) => (one == null ? least : least === null ? one : lessTrusted(least, one)),
    null,
  );
}

/** True when somebody of this trust may not end what is known with that one: what an outside tool says ends nothing that is better vouched for. */
export function mayNotEnd(trust: Trust, known: Trust): boolean {
  return trust === 'tool_external' && trustRank(known) > trustRank(trust);
}
