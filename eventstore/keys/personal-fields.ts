import type { EventShape } from '../event.ts';

/** What stands in the place of a personal field after its subject was forgotten. */
export type Tombstone =
  string | number | boolean | null | readonly Tombstone[] | { readonly [name: string]: Tombstone };

/**
 * Which fields of an event type's data are personal, each with what stands in its place when it is forgotten. Paths have dots
 * (`message.text`); `*` stands for every item of an array (`parts.*.text`). A whole object or array may be one field. Null is
 * stored as it is: it says only that there is nothing. Fields of older schema versions stay declared as long as they are stored.
 */
export type PersonalFields<E extends EventShape> = {
  readonly [Type in E['type']]?: Readonly<Record<string, Tombstone>>;
};

/** The personal fields that were taken out of an event's data: where they were, and what they said. */
export interface TakenFields {
  /** Path of each field, array indexes instead of `*`. */
  readonly at: readonly string[];
  readonly values: readonly unknown[];
}

type Container = Record<string, unknown> | unknown[];

/** Moves the declared fields out of the data, which is changed. */
export function takeFields(data: object, paths: readonly string[]): TakenFields {
  const at: string[] = [];
  const values: unknown[] = [];
  const visit = (container: unknown, [name, ...rest]: readonly string[], path: readonly string[]): void => {
    if (!isContainer(container) || name === undefined) return;
    if (name === '*') {
      if (Array.isArray(container)) container.forEach((item, index) => visit(item, rest, [...path, String(index)]));
      return;
    }
    const value = valueAt(container, name);
    if (rest.length > 0) {
      visit(value, rest, [...path, name]);
      return;
    }
    if (value === undefined || value === null || Array.isArray(container)) return;
    at.push([...path, name].join('.'));
    values.push(value);
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- the data is ours: parsed from its own text
    delete container[name];
  };
  for (const path of paths) visit(data, path.split('.'), []);
  return { at, values };
}

/**
 * Gives the data with fields back in their places. The data itself stays as it is: objects that change are copied. Null when the data has
 * no place for one of them.
 */
export function putFields(data: object, { at, values }: TakenFields): object | null {
  const copies = new Set<unknown>();
  const copy = <C extends object>(container: C): C => {
    if (copies.has(container)) return container;
    const copied = (Array.isArray(container) ? [...(container as unknown[])] : { ...container }) as C;
    copies.add(copied);
    return copied;
  };
  const root = copy(data);
  const done = at.every((path, index) => {
    const names = path.split('.');
    const last = names.pop() ?? '';
    let container = root as Record<string, unknown>;
    for (const name of names) {
      const inner = valueAt(container, name);
      if (!isContainer(inner)) return false;
      container = container[name] = copy(inner) as Record<string, unknown>;
    }
    if (Array.isArray(container) || last === '__proto__') return false;
    container[last] = values[index];
    return true;
  });
  return done ? root : null;
}

/** What stands at these places when they are forgotten; null where a place is not declared (any more). */
export function tombstonesAt(
  at: readonly string[],
  declared: Readonly<Record<string, Tombstone>> | undefined,
): TakenFields {
  return { at, values: at.map((path) => structuredClone(declared?.[path.replace(/\.\d+(?=\.)/g, '.*')] ?? null)) };
}

/** Throws when a declaration cannot be followed: one field inside another, or an item of an array as a field of its own. */
export function checkPersonalFields(
  personal: Readonly<Record<string, Readonly<Record<string, Tombstone>> | undefined>>,
): void {
  for (const [type, fields] of Object.entries(personal)) {
    const paths = Object.keys(fields ?? {});
    for (const path of paths) {
      const names = path.split('.');
      const inside = paths.find((other) => other !== path && path.startsWith(`${other}.`));
      if (inside !== undefined) throw new Error(`Personal field "${path}" of ${type} lies inside "${inside}".`);
      if (names.at(-1) === '*' || names.some((name) => name === '' || name === '__proto__' || /^\d+$/.test(name))) {
        throw new Error(`Personal field "${path}" of ${type} does not name a property.`);
      }
    }
  }
}

function isContainer(value: unknown): value is Container {
  return typeof value === 'object' && value !== null;
}

function valueAt(container: unknown, name: string): unknown {
  return isContainer(container) && Object.hasOwn(container, name)
    ? (container as Record<string, unknown>)[name]
    : undefined;
}
