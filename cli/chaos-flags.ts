import type { Sabotage } from '../chaos/report.ts';
import type { TenantFlags } from './choose-tenants.ts';
import { UsageError } from './output.ts';

/** What `verify --chaos` takes. */
export interface ChaosFlags {
  readonly chaos?: boolean;
  readonly minutes?: number;
  readonly kills?: number;
  readonly seed?: number;
  readonly sabotage?: Sabotage;
  readonly faults?: string;
}

/** Throws UsageError for flags that make no sense together. */
export function assertChaosFlags({
  chaos = false,
  ...flags
}: ChaosFlags & TenantFlags & { readonly segments?: string }): void {
  const ofChaos = (['minutes', 'kills', 'seed', 'sabotage', 'faults'] as const).filter(
    (name) => flags[name] !== undefined,
  );
  const others = (['tenant', 'all', 'segments'] as const).filter((name) => flags[name] !== undefined);
  if (!chaos && ofChaos.length > 0)
    throw new UsageError(`--${ofChaos[0] ?? ''} belongs to --chaos.`, 'Add --chaos, or leave it out.');
  if (chaos && others.length > 0)
    throw new UsageError(
      `--chaos runs on a stack of its own, --${others[0] ?? ''} is about another one.`,
      'Leave one of them out.',
    );
  if (flags.minutes !== undefined && flags.kills !== undefined)
    throw new UsageError('--minutes and --kills both say when to stop.', 'Give one of them.');
}
