/** Kinds of memories that can be recalled. */
export const recallKinds = [
  'fact',
  'preference',
  'feedback',
  'task_state',
  'observation',
  'procedure',
  'document',
  'round',
  'reply',
] as const;

/** Where a memory lives: with its user, agent or thread, or with nobody in particular. */
export const recallPlaces = ['user', 'agent', 'thread', 'shared'] as const;

/** A kind of memories in a filter: a built-in one by its name, one of your own by its definition (`defineMemoryKind`). */
export type RecallKind = (typeof recallKinds)[number] | { readonly name: string };

/** Names of kinds, as memories bear them. */
export function kindNames(kinds: readonly RecallKind[]): string[] {
  return kinds.map((kind) => (typeof kind === 'string' ? kind : kind.name));
}

/** What may be recalled, and how it is weighed. */
export interface RecallPolicy {
  /** Kinds: `round` is what a person said, `reply` what was answered, `document` a chunk of one. @default all */
  readonly kinds?: readonly RecallKind[];
  /** Only memories that are bound to one of these; `shared`: to none of user, agent and thread. @default all that the scope sees */
  readonly scopes?: readonly (typeof recallPlaces)[number][];
  /** How far back, in days before the question. @default no bound */
  readonly sinceDays?: number;
  /** How much recency counts against relevance, 0 to 1. @default 0.1 */
  readonly recency?: number;
  /** Below this confidence (0 to 1) nothing is recalled. @default 0 */
  readonly minConfidence?: number;
}

/** Its options. */
export const recallOptions = ['kinds', 'scopes', 'sinceDays', 'recency', 'minConfidence'] as const;

/** What is wrong with an option: which, what it must be, what was given. */
export interface PolicyFault {
  readonly what: string;
  readonly expected: string;
  readonly given: unknown;
}

/** Finds what is wrong with a policy, if anything: a filter that is misspelt must not be one that is missing. */
export function findPolicyFault(policy: object): PolicyFault | null {
  const { kinds, scopes, sinceDays, recency, minConfidence } = policy as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(policy))
    if (!(recallOptions as readonly string[]).includes(name))
      return { what: 'the recall option', expected: `one of ${recallOptions.join(', ')}`, given: name };
  return (
    listFault('kinds', kinds, recallKinds, isDefinition) ??
    listFault('scopes', scopes, recallPlaces) ??
    numberFault('sinceDays', sinceDays, Infinity) ??
    numberFault('recency', recency, 1) ??
    numberFault('minConfidence', minConfidence, 1)
  );
}

/** A definition names its kind: a name by itself may be misspelt. */
export function isDefinition(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'name' in value && 'schema' in value;
}

function listFault(
  what: string,
  value: unknown,
  allowed: readonly string[],
  also: (one: unknown) => boolean = () => false,
): PolicyFault | null {
  if (value === undefined) return null;
  const list: readonly unknown[] = Array.isArray(value) ? value : [];
  if (list.length === 0) return { what, expected: `a list of ${allowed.join(', ')}`, given: value };
  const wrong = list.find((one) => !also(one) && (typeof one !== 'string' || !allowed.includes(one)));
  return wrong === undefined
    ? null
    : {
        what: `one of ${what}`,
        expected: `one of ${allowed.join(', ')}${what === 'kinds' ? ', or what defineMemoryKind gives' : ''}`,
        given: wrong,
      };
}

function numberFault(what: string, value: unknown, most: number): PolicyFault | null {
  if (value === undefined) return null;
  if (typeof value === 'number' && value >= 0 && value <= most) return null;
  return { what, expected: most === Infinity ? 'a number from 0 on' : `a number from 0 to ${most}`, given: value };
}
