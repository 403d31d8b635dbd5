import { acknowledgedIsThere, allOrNothing, oneEnd, onceOnly, realTimeOrder } from './client-invariants.ts';
import { chainHolds, dense, monotone, replaysToReceipt, storageIsSound, viewsWithinHead } from './log-invariants.ts';
import { forgottenIsGone, tenantsAreApart } from './privacy-invariants.ts';
import type { Invariant } from './subject.ts';
import { verifies } from './verify-command.ts';

/** What must hold in the log of every tenant. */
function ofBoth(check: Invariant): Invariant {
  return async (subject) => [...(await check(subject)), ...(await check({ ...subject, tenant: subject.neighbour }))];
}

/** The published invariants (docs/crash-safety.md), with what each of them says. */
export const invariants: readonly { readonly id: string; readonly says: string; readonly check: Invariant }[] = [
  { id: 'I1', says: 'acknowledged is there, exactly once', check: acknowledgedIsThere },
  { id: 'I2', says: 'not acknowledged is wholly there or wholly absent', check: allOrNothing },
  { id: 'I3', says: 'positions and versions are dense', check: ofBoth(dense) },
  { id: 'I4', says: 'time never runs backwards', check: ofBoth(monotone) },
  { id: 'I5', says: 'asked after an answer stands after it', check: realTimeOrder },
  { id: 'I6', says: 'no view is beyond the head', check: ofBoth(viewsWithinHead) },
  { id: 'I7', says: 'views are a fresh fold of the log', check: verifies },
  { id: 'I8', says: 'the chain verifies', check: ofBoth(chainHolds) },
  { id: 'I9', says: 'tenants are apart', check: tenantsAreApart },
  { id: 'I10', says: 'the forgotten is nowhere', check: forgottenIsGone },
  { id: 'I11', says: 'every command replays to its first receipt', check: ofBoth(replaysToReceipt) },
  { id: 'I12', says: 'tables and indexes are sound', check: storageIsSound },
  { id: 'I13', says: 'one end for each turn, one effect for each approval', check: oneEnd },
  { id: 'I14', says: 'what must not run twice had no effect twice', check: onceOnly },
];
