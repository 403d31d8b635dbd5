import type { Said } from './scenario.ts';

/** A turn, and whether its client was told that it is done. */
export interface Asked extends Said {
  readonly acknowledged: boolean;
}

/** What was found to be wrong, in turns. */
export interface Losses {
  readonly turns: number;
  readonly acknowledged: number;
  /** Acknowledged, and an insight is missing. */
  readonly lost: number;
  /** An insight is there more than once. */
  readonly duplicated: number;
  /** Not acknowledged, and some insights are there and others are not. */
  readonly partial: number;
}

/**
 * The checker: knows what clients asked for and were told, and the texts that a memory now holds. It is the same for every contender.
 *
 * @param stored the text of every memory, one entry for each row.
 */
export function countLosses(asked: readonly Asked[], stored: readonly string[]): Losses {
  const times = (insight: string): number => stored.filter((text) => text.includes(insight)).length;
  const turns = asked.map(({ insights, acknowledged }) => ({ acknowledged, found: insights.map(times) }));
  return {
    turns: turns.length,
    acknowledged: turns.filter(({ acknowledged }) => acknowledged).length,
    lost: turns.filter(({ acknowledged, found }) => acknowledged && found.includes(0)).length,
    duplicated: turns.filter(({ found }) => found.some((n) => n > 1)).length,
    partial: turns.filter(({ acknowledged, found }) => !acknowledged && found.includes(0) && found.some((n) => n > 0))
      .length,
  };
}
