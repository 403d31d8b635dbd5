import type { Arena } from '../arena.ts';
import type { Clients } from '../clients.ts';
import type { Random } from '../random.ts';

/** What a fault acts on. */
export interface FaultContext {
  readonly arena: Arena;
  readonly clients: Clients;
  readonly random: Random;
}

/** What became of one fault. */
export interface FaultOutcome {
  /** It struck what it was meant for. One that did not proves nothing and is not counted. */
  readonly landed: boolean;
  /** Processes ended by it without warning. */
  readonly kills: number;
}

/** One way to break the stack. When `inject` is over, all parts run again. */
export interface Fault {
  readonly kind: string;
  /** How often chance picks it, relative to the others. */
  readonly share: number;
  /** Why it cannot be had on this machine; null = it can. @default always */
  readonly unavailable?: (arena: Arena) => string | null;
  inject(context: FaultContext): Promise<FaultOutcome>;
}

/** A fault that struck nothing. */
export const missed: FaultOutcome = { landed: false, kills: 0 };

/** A fault that struck. */
export function landed(kills = 0): FaultOutcome {
  return { landed: true, kills };
}

/** Waits for something to become true; false when it did not in time. */
export async function within(ms: number, holds: () => boolean | Promise<boolean>, everyMs = 20): Promise<boolean> {
  const deadline = performance.now() + ms;
  for (;;) {
    if (await holds()) return true;
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** Resolves after the time given: a fault that lasts. */
export function last(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits until PostgreSQL answers, for 30 s at most. False: it does not. */
export function answersAgain({ query }: Arena): Promise<boolean> {
  return within(30_000, () =>
    query('select 1').then(
      () => true,
      () => false,
    ),
  );
}
