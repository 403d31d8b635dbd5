import { holdsOf, relationKey } from './relations.ts';
import { compareTexts, normaliseContent, normaliseText } from './text.ts';

/** Kinds of memories that every agent knows. */
export const builtInKinds = ['preference', 'fact', 'task_state', 'feedback', 'procedure'] as const;

/** One of {@link builtInKinds}. */
export type BuiltInKind = (typeof builtInKinds)[number];

/** True for the name of a kind that every agent knows. */
export function isBuiltInKind(kind: string): kind is BuiltInKind {
  return (builtInKinds as readonly string[]).includes(kind);
}

/** A value of a kind of its author's own, as a proposal tells it. */
export interface TypedData {
  readonly data: unknown;
  /** The kind's name. */
  readonly relation: string;
  /** The data in words. */
  readonly value: string;
  /** The fields of it that tell values apart. @default every value stands for itself */
  readonly keyFields?: readonly string[];
}

/** What reads values of a kind: what `defineMemoryKind` gives. */
export interface KindReader<Data = unknown> {
  readonly name: string;
  /**
   * The value as the kind's schema gives it, or why it is none.
   * @param clean takes out what is not to be stored, before the schema looks at it
   */
  read(given: Data, clean?: (text: string) => string): Promise<TypedData | { readonly problem: string }>;
}

/** What decides which facts are about the same thing. */
export interface Told {
  readonly kind?: string;
  readonly subject: string;
  readonly relation: string;
  /** The value of a kind of its author's own, as its schema gave it. @default the kind is a built-in one */
  readonly data?: unknown;
  /** What tells values of such a kind apart; one holds at a time for each. @default every value stands for itself */
  readonly key?: string | null;
}

/** True for a fact of a kind of its author's own. */
export function isTyped({ data }: Pick<Told, 'data'>): boolean {
  return data !== undefined && data !== null;
}

/** What gives the name that stands for a subject. */
export interface SubjectNames {
  keyOf(name: string): string;
}

/** One text for the facts that can retire each other: of one subject and relation family, or of one kind of its author's own and one key. */
export function familyOf(fact: Told, names: SubjectNames = { keyOf: normaliseText }): string {
  const subject = names.keyOf(fact.subject);
  return isTyped(fact)
    ? JSON.stringify(['own', fact.kind, subject, fact.key ?? null])
    : JSON.stringify([subject, relationKey(fact.relation)]);
}

/** True when only one such fact holds at a time. */
export function holdsOne(fact: Told): boolean {
  return isTyped(fact) ? fact.key !== undefined && fact.key !== null : holdsOf(fact.relation) === 'one';
}

/** What tells a value of a kind apart, by the fields that its author named; null when every value stands for itself. */
export function keyOf(data: unknown, fields: readonly string[] | undefined): string | null {
  if (fields === undefined) return null;
  const all = isObject(data) ? data : {};
  return JSON.stringify(fields.map((field) => normalise(all[field] ?? null)));
}

/** A value as one text that is the same for different spellings of the same content. */
export function canonicalData(data: unknown): string {
  return JSON.stringify(normalise(data));
}

/** A value in words: what lists show, and what a message may speak of. */
export function dataText(data: unknown): string {
  if (Array.isArray(data)) return data.map(dataText).join(', ');
  if (typeof data === 'string') return data;
  if (!isObject(data)) return typeof data === 'number' || typeof data === 'boolean' ? `${data}` : '';
  return Object.entries(data)
    .map(([name, value]) => [name, dataText(value)] as const)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}: ${value}`)
    .join('; ');
}

/** Every text, number and yes or no in a value. */
export function leavesOf(data: unknown): string[] {
  if (Array.isArray(data)) return data.flatMap(leavesOf);
  if (isObject(data)) return Object.values(data).flatMap(leavesOf);
  return ['string', 'number', 'boolean'].includes(typeof data) ? [String(data)] : [];
}

/** A value with every text in it changed. */
export function mapTexts(data: unknown, change: (text: string) => string): unknown {
  if (typeof data === 'string') return change(data);
  if (Array.isArray(data)) return data.map((one) => mapTexts(one, change));
  if (!isObject(data)) return data;
  return Object.fromEntries(Object.entries(data).map(([name, value]) => [name, mapTexts(value, change)]));
}

function normalise(data: unknown): unknown {
  if (typeof data === 'string') return normaliseContent(data) || data.trim();
  if (Array.isArray(data)) return data.map(normalise);
  if (!isObject(data)) return data;
  return Object.fromEntries(
    Object.entries(data)
      .filter(([, value]) => value !== undefined)
      .sort(([a], [b]) => compareTexts(a, b))
      .map(([name, value]) => [name, normalise(value)]),
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
