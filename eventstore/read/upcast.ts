import { InvalidCommandError } from '../errors.ts';
import { UnknownSchemaVersionError, UpcastFailedError } from '../errors-read.ts';
import type { Command, EventShape } from '../event.ts';

/**
 * For each type of event whose data changed shape: one pure function per change, oldest first. The first takes version 1 to version 2,
 * the last gives the shape that the type says. So the current version is one more than there are functions, and no step can be
 * missing. They meet tombstones where a personal field was forgotten. A type that is not listed is at version 1.
 */
export type Upcasters<E extends EventShape> = {
  readonly [Type in E['type']]?: readonly [
    ...((data: never) => object)[],
    (data: never) => Extract<E, { readonly type: Type }>['data'],
  ];
};

/** What upcasting takes. */
export interface Versioned<E extends EventShape> {
  readonly upcasters?: Upcasters<E>;
}

/** The version in which this process writes events of a type. */
export function currentVersion<E extends EventShape>(schema: Versioned<E>, type: string): number {
  return stepsOf(schema, type).length + 1;
}

/** Writes the current version into the events of a command. Throws InvalidCommandError when one claims another. */
export function stampVersions<E extends EventShape>(schema: Versioned<E>, command: Command<E>): Command<E> {
  const events = command.events.map((event) => {
    const current = currentVersion(schema, event.type);
    if (event.schemaVersion !== undefined && event.schemaVersion !== current) {
      throw new InvalidCommandError(
        `An event ${event.type} of command "${command.id}" has schema version ${event.schemaVersion}; expected ${current}, the current one.`,
        'Leave `schemaVersion` out, and write the data in the shape the type has now.',
      );
    }
    return { ...event, schemaVersion: current };
  });
  return { ...command, events };
}

/** A stored event, as far as its shape goes. */
export interface VersionedRow {
  readonly type: string;
  readonly schema_version: number;
  readonly position: number;
  readonly data: object;
}

/**
 * Gives the data of a stored event in the current shape of its type. Throws UnknownSchemaVersionError, or UpcastFailedError when
 * an upcaster throws.
 */
export function upcast<E extends EventShape>(schema: Versioned<E>, row: VersionedRow): object {
  const { type, schema_version: version, position } = row;
  const steps = stepsOf(schema, type);
  if (version > steps.length + 1 || version < 1) {
    throw new UnknownSchemaVersionError({ type, position, found: version, known: steps.length + 1 });
  }
  try {
    return steps.slice(version - 1).reduce((data, step) => step(data as never), row.data);
  } catch (error) {
    throw new UpcastFailedError({ type, position, found: version }, error);
  }
}

function stepsOf<E extends EventShape>(
  { upcasters }: Versioned<E>,
  type: string,
): readonly ((data: never) => object)[] {
  // Types of events are data: one may be called `constructor`.
  if (!upcasters || !Object.hasOwn(upcasters, type)) return [];
  return (upcasters as Readonly<Record<string, readonly ((data: never) => object)[]>>)[type] ?? [];
}
