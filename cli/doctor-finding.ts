import { toHoldfastError } from './output.ts';

/** What a check found. */
export interface Finding {
  readonly check: string;
  readonly status: 'ok' | 'warn' | 'fail';
  readonly message: string;
  /** What mends it; null when nothing needs mending. */
  readonly fix: string | null;
}

/** A finding that all is well. */
export function ok(check: string, message: string): Finding {
  return { check, status: 'ok', message, fix: null };
}

/** The finding for an error that a check ran into. */
export function failed(check: string, thrown: unknown): Finding {
  const { message, hint } = toHoldfastError(thrown);
  return { check, status: 'fail', message, fix: hint ?? null };
}

/** Runs a check and turns what it throws into a finding. */
export async function look(check: string, run: () => Promise<Finding>): Promise<Finding> {
  try {
    return await run();
  } catch (error) {
    return failed(check, error);
  }
}
