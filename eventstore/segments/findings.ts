import type { Position } from '../event.ts';

/** What `verifyLog` looks at, in order. */
export const checkNames = [
  'positions',
  'commands',
  'chain',
  'times',
  'streams',
  'head',
  'views',
  'segments',
  'seals',
] as const;

/** One of {@link checkNames}. */
export type CheckName = (typeof checkNames)[number];

/** What one check came to. */
export interface VerifyCheck {
  readonly name: CheckName;
  /** How many things were looked at: events, commands, streams, rows, files. */
  readonly checked: number;
  readonly problems: number;
  /** Why it was left out, wholly or in part; null = it was not. */
  readonly skipped: string | null;
}

/** Something that is not as the log was written. */
export interface LogProblem {
  readonly check: CheckName;
  /** Where in the log; null where it has no position. */
  readonly position: Position | null;
  readonly what: string;
  /** What to do about it. */
  readonly todo: string;
}

/** Problems told of per check; more are only counted, so that a log that is wrong everywhere fits in memory. */
const mostPerCheck = 20;

/** Collects what a verification finds. */
export interface Findings {
  checked(check: CheckName, count?: number): void;
  problem(check: CheckName, position: Position | null, what: string): void;
  skip(check: CheckName, why: string): void;
  /** Number of problems of a check so far. */
  count(check: CheckName): number;
  checks(): VerifyCheck[];
  problems(): LogProblem[];
}

const restore =
  'Stop writers, keep this database as it is for inspection, and import the log from segments into another one.';
const todos: Readonly<Record<CheckName, string>> = {
  positions: restore,
  commands: restore,
  chain: restore,
  times: restore,
  streams: restore,
  head: restore,
  views: 'The log is what counts: build the view from it again with `holdfast rebuild`.',
  segments:
    'Take the file from another copy; if the log is whole, remove it from the folder with those after it and export again.',
  seals: restore,
};

/** Starts without any finding. */
export function createFindings(): Findings {
  const found = new Map<CheckName, { checked: number; problems: number; skipped: string | null }>();
  const kept: LogProblem[] = [];
  const of = (check: CheckName): { checked: number; problems: number; skipped: string | null } => {
    const entry = found.get(check) ?? { checked: 0, problems: 0, skipped: null };
    found.set(check, entry);
    return entry;
  };
  return {
    checked: (check, count = 1) => void (of(check).checked += count),
    problem(check, position, what) {
      const entry = of(check);
      entry.problems += 1;
      if (entry.problems <= mostPerCheck) kept.push({ check, position, what, todo: todos[check] });
    },
    skip: (check, why) => void (of(check).skipped ??= why),
    count: (check) => of(check).problems,
    checks: () => checkNames.map((name) => ({ name, ...of(name) })),
    problems: () => kept.toSorted((a, b) => (a.position ?? 0) - (b.position ?? 0)),
  };
}
