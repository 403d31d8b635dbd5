import { HoldfastError } from '../errors/holdfast-error.ts';

/** Thrown when an agent, a tool or a source of tools is declared in a way that cannot work. `given` never quotes more than 80 characters. */
export class InvalidDefinitionError extends HoldfastError {
  /** What is wrong, for example `limits.maxSteps of agent "support"`. */
  readonly what: string;
  readonly expected: string;
  readonly given: string;

  constructor(
    code: DefinitionCode,
    { what, expected, given, next }: { what: string; expected: string; given: string; next: string },
  ) {
    super(code, `${what} must be ${expected}, but ${given} was given.`, { hint: next });
    this.what = what;
    this.expected = expected;
    this.given = given;
  }
}

/** What kind of definition is wrong. */
export type DefinitionCode = 'AGENT_INVALID' | 'TOOL_INVALID' | 'MCP_INVALID' | 'KIND_INVALID';

/** Checks of one definition; each throws {@link InvalidDefinitionError}. */
export interface DefinitionChecks {
  text(option: string, value: unknown, limits?: { readonly min?: number; readonly max?: number }): void;
  /** A whole number, or a decimal one for `fraction`, above zero. */
  count(option: string, value: unknown, limits?: { readonly min?: number; readonly fraction?: 'allowed' }): void;
  fn(option: string, value: unknown): void;
  flag(option: string, value: unknown): void;
  oneOf(option: string, value: unknown, allowed: readonly string[]): void;
  object(option: string, value: unknown): void;
  list(option: string, value: unknown): void;
  /** Refuses options that do not exist: a misspelt guard must not be a guard that is missing. */
  known(option: string, value: object, allowed: readonly string[]): void;
  fail(option: string, expected: string, given: unknown, next?: string): never;
}

/**
 * Gives the checks for one definition.
 * @param owner what is defined, for example `agent "support"`
 */
export function definitionChecks(code: DefinitionCode, owner: string): DefinitionChecks {
  function fail(option: string, expected: string, given: unknown, next?: string): never {
    throw new InvalidDefinitionError(code, {
      what: option === '' ? owner : `${option} of ${owner}`,
      expected,
      given: describe(given),
      next: next ?? `Correct ${option === '' ? 'it' : `\`${option}\``} where ${owner} is defined.`,
    });
  }
  return {
    fail,
    text: (option, value, { min = 1, max = 1_000_000 } = {}) => {
      if (typeof value !== 'string' || value.length < min || value.length > max)
        fail(option, `text of ${min} to ${max} characters`, value);
    },
    count: (option, value, { min = 1, fraction } = {}) => {
      const isNumber = typeof value === 'number' && Number.isFinite(value);
      if (fraction === 'allowed' ? !isNumber || value <= 0 : !Number.isSafeInteger(value) || (value as number) < min)
        fail(option, fraction === 'allowed' ? 'a number above 0' : `a whole number from ${min}`, value);
    },
    fn: (option, value) => {
      if (typeof value !== 'function') fail(option, 'a function', value);
    },
    flag: (option, value) => {
      if (typeof value !== 'boolean') fail(option, 'true or false', value);
    },
    oneOf: (option, value, allowed) => {
      if (typeof value !== 'string' || !allowed.includes(value))
        fail(option, allowed.map((one) => JSON.stringify(one)).join(' or '), value);
    },
    object: (option, value) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) fail(option, 'an object', value);
    },
    list: (option, value) => {
      if (!Array.isArray(value)) fail(option, 'a list', value);
    },
    known: (option, value, allowed) => {
      const stranger = Object.keys(value).find((key) => !allowed.includes(key));
      if (stranger !== undefined) {
        const place = option === '' ? stranger : `${option}.${stranger}`;
        fail(place, `left out (known are ${allowed.join(', ')})`, (value as Record<string, unknown>)[stranger]);
      }
    },
  };
}

/** A value in a few words, for people. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'bigint' || typeof value === 'symbol') return String(value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = JSON.stringify(value);
  return text.length <= 80 ? text : `${text.slice(0, 60)}… (${text.length} characters)`;
}
