import { InvalidCommandError } from './errors.ts';

/** How deep JSON may be nested: PostgreSQL and V8 read it recursively, and a stack is finite. */
export const maxJsonDepth = 1_000;

/**
 * Writes an object as JSON text that reads back as the same object: whatever JSON would silently turn into something else is
 * refused, so that a projection sees the same data when it is folded with the append and when it is rebuilt from the log. Properties
 * that are `undefined` are left out, and -0 is written as 0. Any string survives: NUL and lone surrogates are written as escapes.
 * Throws InvalidCommandError that names the place.
 * @param value an object; whatever else a program without types may send is refused
 * @param what is written, for the error
 */
export function exactJson(value: unknown, what: string): string {
  let text: string;
  try {
    if (typeof value !== 'object' || value === null) throw new Refusal(`is ${nameOf(value)}, not an object`, []);
    text = JSON.stringify(value);
    check(value, []);
  } catch (error) {
    if (error instanceof Refusal) throw error.about(what);
    throw new InvalidCommandError(`The ${what} cannot be written as JSON: ${firstLine(error)}.`);
  }
  return text;
}

/** Thrown on the way down, turned into an error of ours at the top, where it is known what is written. */
class Refusal extends Error {
  readonly #found: string;
  readonly #path: readonly string[];
  readonly #hint: string | undefined;
  constructor(found: string, path: readonly string[], hint?: string) {
    super(found);
    this.#found = found;
    this.#path = [...path];
    this.#hint = hint;
  }

  about(what: string): InvalidCommandError {
    const shown = this.#path.length > 8 ? [...this.#path.slice(0, 8), '…'] : this.#path;
    const place = shown.length === 0 ? '' : ` at ${JSON.stringify(shown.join('.').slice(0, 200))}`;
    return new InvalidCommandError(
      `The ${what} ${this.#found}${place}; expected plain JSON values, nested at most ${maxJsonDepth} levels.`,
      this.#hint,
    );
  }
}

/** `path` is shared on the way down; it says where we are. */
function check(value: unknown, path: string[]): void {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return;
    case 'number':
      if (!Number.isFinite(value)) throw new Refusal(`holds ${value}`, path, 'Leave the property out, or use null.');
      return;
    case 'object':
      break;
    default:
      throw new Refusal(`holds ${nameOf(value)}`, path);
  }
  if (value === null) return;
  if (path.length >= maxJsonDepth) {
    throw new Refusal('is nested too deep', path, 'Store it as text, or flatten it.');
  }
  if (Array.isArray(value)) {
    // By number: an iteration by key would pass over holes.
    for (let index = 0; index < value.length; index++) descend(value[index], String(index), path);
    return;
  }
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    throw new Refusal(
      `holds ${article(kindOf(value))}, which writes itself as something else`,
      path,
      'Write it as the text or number that is to be read back, for example `date.toISOString()`.',
    );
  }
  const kind = Object.prototype.toString.call(value);
  if (kind !== '[object Object]') {
    throw new Refusal(`holds ${article(kindOf(value))}`, path, 'Write it as plain objects and arrays.');
  }
  for (const [name, inner] of Object.entries(value)) if (inner !== undefined) descend(inner, name, path);
}

function descend(value: unknown, name: string, path: string[]): void {
  path.push(name);
  check(value, path);
  path.pop();
}

function nameOf(value: unknown): string {
  return value === null || value === undefined ? String(value) : `a ${typeof value}`;
}

function kindOf(value: object): string {
  const kind = Object.prototype.toString.call(value).slice('[object '.length, -1);
  return kind === 'Object' ? 'object with toJSON()' : kind;
}

function article(noun: string): string {
  return `${/^[AEIOUaeiou]/.test(noun) ? 'an' : 'a'} ${noun}`;
}

/** V8 describes a cycle on several lines. */
function firstLine(error: unknown): string {
  return String(error).split('\n')[0] ?? '';
}
