/** How a model is asked to answer: what chat APIs compatible with OpenAI's take. What is absent is left to the model's server. */
export interface ModelOptions {
  /** How freely words are chosen, from 0 to 2. */
  readonly temperature?: number;
  /** Share of the likeliest words to choose from, from 0 to 1. */
  readonly topP?: number;
  /** Upper bound of a reply in tokens, those of reasoning included. A reply that runs into it ends as `MODEL_CUT_OFF`. */
  readonly maxOutputTokens?: number;
  /** A whole number: the same request is answered alike where the server can do that. */
  readonly seed?: number;
  /** How much a reasoning model thinks. */
  readonly reasoningEffort?: ReasoningEffort;
  /** 1 to 4 texts; a reply ends before the first of them. */
  readonly stop?: readonly string[];
  /** Makes words less likely the more often they stand there already, from -2 to 2. */
  readonly frequencyPenalty?: number;
  /** Makes words less likely that stand there already, from -2 to 2. */
  readonly presencePenalty?: number;
}

/** How much a reasoning model thinks; which of them a model knows is up to it. */
export type ReasoningEffort = (typeof reasoningEfforts)[number];

/** Options to ask with instead; null = as the server does it when nobody says. */
export type ModelOptionsChange = { readonly [Name in keyof ModelOptions]?: ModelOptions[Name] | null };

/** Why options cannot be used. */
export interface OptionFault {
  /** Name of the option; '' when the whole is not a set of options. */
  readonly option: string;
  /** What it must be, in words. */
  readonly expected: string;
  readonly given: unknown;
}

/** The efforts that can be asked for, least first. */
export const reasoningEfforts = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const;

interface Rule {
  readonly expected: string;
  readonly allows: (value: unknown) => boolean;
}

/** In the order in which options are recorded and hashed. */
const rules: Readonly<Record<keyof ModelOptions, Rule>> = {
  temperature: between(0, 2),
  topP: between(0, 1),
  maxOutputTokens: {
    expected: 'a whole number from 1',
    allows: (value) => Number.isSafeInteger(value) && (value as number) >= 1,
  },
  seed: { expected: 'a whole number', allows: Number.isSafeInteger },
  reasoningEffort: {
    expected: reasoningEfforts.map((one) => JSON.stringify(one)).join(' or '),
    allows: (value) => (reasoningEfforts as readonly unknown[]).includes(value),
  },
  stop: {
    expected: 'a list of 1 to 4 texts, none of them empty',
    allows: (value) =>
      Array.isArray(value) &&
      value.length >= 1 &&
      value.length <= 4 &&
      value.every((text) => typeof text === 'string' && text !== ''),
  },
  frequencyPenalty: between(-2, 2),
  presencePenalty: between(-2, 2),
};

const names = Object.keys(rules) as (keyof ModelOptions)[];

/**
 * Finds what is wrong with options, or gives null. Those that do not exist are wrong: a misspelt option must not be a missing one.
 * @param nulls `allowed` where null takes an option away
 */
export function findOptionFault(given: unknown, nulls: 'allowed' | 'refused' = 'refused'): OptionFault | null {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    return { option: '', expected: 'an object', given };
  for (const [option, value] of Object.entries(given)) {
    const rule = Object.hasOwn(rules, option) ? rules[option as keyof ModelOptions] : undefined;
    if (!rule) return { option, expected: `left out (known are ${names.join(', ')})`, given: value };
    const isAbsent = value === undefined || (value === null && nulls === 'allowed');
    if (!isAbsent && !rule.allows(value)) return { option, expected: rule.expected, given: value };
  }
  return null;
}

/** A fault as a sentence, with at most 80 characters of what was given. */
export function describeOptionFault({ option, expected, given }: OptionFault): string {
  // Functions have no JSON, whatever the declared type says.
  const text = (JSON.stringify(given) as string | undefined) ?? typeof given;
  return `${option === '' ? 'modelOptions' : `modelOptions.${option}`} must be ${expected}, but ${text.slice(0, 80)} was given.`;
}

/** The options with changes applied, one after the other: always in the same order, and without those that are absent. */
export function changeModelOptions(
  options: ModelOptions,
  ...changes: readonly (ModelOptionsChange | null | undefined)[]
): ModelOptions {
  const merged: ModelOptionsChange = Object.assign({}, options, ...changes.map(toChange)) as ModelOptionsChange;
  return Object.fromEntries(names.flatMap((name) => (merged[name] == null ? [] : [[name, merged[name]]])));
}

/** A change in its recorded form: always in the same order, and without what it does not speak of. */
export function toChange(change: ModelOptionsChange | null | undefined): ModelOptionsChange {
  return Object.fromEntries(names.flatMap((name) => (change?.[name] === undefined ? [] : [[name, change[name]]])));
}

function between(least: number, most: number): Rule {
  return {
    expected: `a number from ${least} to ${most}`,
    allows: (value) => typeof value === 'number' && value >= least && value <= most,
  };
}
