import { appendFileSync, readFileSync } from 'node:fs';

/** What clients do in a run. */
export const workKinds = [
  'plain',
  'remember',
  'correct',
  'lookup',
  'pay_once',
  'child',
  'approval',
  'cancel',
  'block',
  'import',
  'consolidate',
  'document',
  'proposal',
  'talk',
  'forget',
  'rebuild',
  'export',
  'neighbour',
] as const;
/** What follows another work, when that was acknowledged. */
export const followUps = ['decision', 'undo', 'revision', 'removal', 'verdict', 'correction'] as const;
/** One of {@link followUps}. */
export type FollowUp = (typeof followUps)[number];
/** One of {@link workKinds} or of {@link followUps}. */
export type WorkKind = (typeof workKinds)[number] | FollowUp;

/** What a client knows of what it asked for, besides the time. All fields are as it sent them or was told. */
export interface Facts {
  readonly turn?: string;
  readonly thread?: string;
  readonly user?: string;
  readonly approval?: string;
  readonly actor?: string;
  readonly decision?: string;
  /** A text that is nowhere else. */
  readonly token?: string;
  /** How many memories one step has to write. */
  readonly memories?: number;
  /** How many rounds were imported. */
  readonly rounds?: number;
  /** Name of a run of consolidation. */
  readonly run?: string;
  /** Name of a document, as its client and as Holdfast call it. */
  readonly source?: string;
  readonly document?: string;
  /** How many chunks a document has. */
  readonly chunks?: number;
  /** Words that so many of its chunks hold. */
  readonly says?: string;
  readonly times?: number;
  /** Name of a memory that waits. */
  readonly proposal?: string;
  /** An amount that no other payment has. */
  readonly amount?: number;
  readonly status?: string;
  readonly code?: string | null;
  readonly reply?: string | null;
  readonly applied?: boolean;
  /** Why it failed. */
  readonly error?: string;
}

/** One line of a client's history. */
export interface Entry extends Facts {
  /** Milliseconds of one clock, which all clients of a run share. */
  readonly at: number;
  readonly op: string;
  readonly kind: WorkKind;
  readonly what: 'asked' | 'acknowledged' | 'failed';
  /** From 1. */
  readonly attempt: number;
}

/** One thing that a client wanted, over all attempts. */
export interface Operation extends Facts {
  readonly op: string;
  readonly kind: WorkKind;
  /** When it was first asked for. */
  readonly askedAt: number;
  /** When it was first acknowledged; null = never. */
  readonly acknowledgedAt: number | null;
  readonly attempts: number;
  readonly entries: readonly Entry[];
}

/** Writes a history, line by line. */
export interface HistoryWriter {
  write(entry: Omit<Entry, 'at'>): void;
}

/** Opens a history for writing. Each line is in the file before the call returns. */
export function openHistory(file: string): HistoryWriter {
  return {
    write: (entry) => appendFileSync(file, `${JSON.stringify({ at: performance.now(), ...entry })}\n`),
  };
}

/** Reads a history and puts the lines of each operation together; what was told last stands over what was asked. */
export function readHistory(file: string): Operation[] {
  const byOp = new Map<string, Entry[]>();
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (line === '') continue;
    const entry = JSON.parse(line) as Entry; // our own writer's promise
    const entries = byOp.get(entry.op) ?? [];
    byOp.set(entry.op, entries);
    entries.push(entry);
  }
  return [...byOp.values()].map((entries) => operationOf(entries));
}

/** Puts the lines of one operation together. */
export function operationOf(entries: readonly Entry[]): Operation {
  const [first] = entries;
  if (!first) throw new RangeError('An operation has at least one entry.');
  const told = entries.find(({ what }) => what === 'acknowledged');
  const { at: askedAt, what: _what, attempt: _attempt, ...asked } = first;
  const { op, kind } = first;
  const facts: Facts = told ? { ...asked, ...told } : asked;
  return {
    ...facts,
    op,
    kind,
    askedAt,
    acknowledgedAt: told?.at ?? null,
    attempts: entries.filter(({ what }) => what === 'asked').length,
    entries,
  };
}
