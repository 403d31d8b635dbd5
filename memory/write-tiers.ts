import type { FactKind } from './events.ts';
import { builtInKinds } from './kinds.ts';

/**
 * What happens to a memory that an agent would like to write. `auto`: it is written. `queue`: nothing is written until a person approves.
 * `block`: it is refused.
 */
export type WriteTier = 'auto' | 'queue' | 'block';

/** All tiers, from the freest on. */
export const writeTiers: readonly WriteTier[] = ['auto', 'queue', 'block'];

/** The tier of each kind; one that is not there is `auto`. */
export type WriteTiers = Readonly<Record<FactKind, WriteTier>>;

/** Every kind is written. */
export const allAuto: WriteTiers = Object.fromEntries(builtInKinds.map((kind) => [kind, 'auto']));

/** The tier of a kind. */
export function tierOf(writes: WriteTiers, kind: FactKind): WriteTier {
  return Object.hasOwn(writes, kind) ? (writes[kind] ?? 'auto') : 'auto';
}

/** True when an actor is, by any of its names, who a memory came from: the agent, its turn, or the user who said it. */
export function isProposer(
  actor: string,
  { agent, turn, user }: { readonly agent: string; readonly turn: string; readonly user: string | undefined },
): boolean {
  const names = [agent, `agent:${agent}`, turn, `turn:${turn}`, 'extraction'];
  if (user !== undefined) names.push(user, `user:${user}`);
  return names.some((name) => plain(name) === plain(actor));
}

/** Spellings that a reader takes for one name. */
function plain(name: string): string {
  return name.normalize('NFKC').trim().toLowerCase();
}
