import type { Position } from '../event.ts';

/** How far a long operation on a log has come. */
export interface LogProgress {
  readonly doing: 'export' | 'import' | 'verify' | 'compare views' | 'verify segments' | 'archive';
  readonly tenant: string;
  readonly position: Position;
  /** Position at which this part ends. */
  readonly of: Position;
}

/** Told of progress every few thousand events. What it throws ends the operation. */
export type OnLogProgress = (progress: LogProgress) => void;

/** Passes on one report in `every` positions, and the last. */
export function everyPositions(
  onProgress: OnLogProgress | undefined,
  about: Pick<LogProgress, 'doing' | 'tenant' | 'of'>,
  every = 2_000,
): (position: Position) => void {
  let told = -Infinity;
  return (position) => {
    if (position - told < every && position !== about.of) return;
    told = position;
    onProgress?.({ ...about, position });
  };
}
