import { isDeepStrictEqual } from 'node:util';
import { builtInKinds, dataText, mapTexts } from '../memory/kinds.ts';
import type { KindReader, TypedData } from '../memory/kinds.ts';
import { recallKinds } from '../memory/recall/policy.ts';
import { definitionChecks } from './definition-checks.ts';
import { argumentsSchema, checkValue } from './schema.ts';
import type { InputSchema, JsonSchema } from './schema.ts';

/** A kind of memories of your own. */
export interface MemoryKindOptions<Data> {
  /** snake_case; none of the built-in ones. It is stored with every memory of the kind. */
  readonly name: string;
  /** What belongs there and when to use it, for the model that reads turns. */
  readonly description: string;
  /** What a value of it must be: any Standard Schema. What it gives is stored, and must be JSON. */
  readonly schema: InputSchema<Data>;
  /** JSON Schema of the value, for the model. @default the one `schema` gives; needed where its library gives none */
  readonly jsonSchema?: JsonSchema;
  /**
   * The fields that tell values of one subject apart: a newer value with the same ends the older one. `[]` = a subject has one value at a
   * time. @default a subject has many values, and each stands for itself
   */
  readonly key?: readonly (keyof Data & string)[];
}

/** A kind of memories of your own, for `memory.kinds` of agents and `kinds` of recall. */
export interface OwnMemoryKind<Data = unknown> extends KindReader<Data> {
  readonly description: string;
  readonly schema: InputSchema<Data>;
  readonly jsonSchema: JsonSchema;
  /** Null = every value stands for itself. */
  readonly key: readonly string[] | null;
  /** True for a memory of this kind, whose `data` is then typed: `(await client.memory.list({ scope })).filter(address.is)`. */
  readonly is: <Memory extends { readonly kind: string; readonly data: unknown }>(
    memory: Memory,
  ) => memory is Memory & { readonly data: Data };
}

/** Names that no kind of your own may have: those of built-in kinds and of what else is recalled. */
const taken: readonly string[] = [...builtInKinds, ...recallKinds, 'episode', 'none'];

/** Declares a kind of memories. Throws InvalidDefinitionError KIND_INVALID that names the option, what it must be and what was given. */
export function defineMemoryKind<Data>(given: MemoryKindOptions<Data>): OwnMemoryKind<Data> {
  const named: unknown = (given as Partial<MemoryKindOptions<Data>> | undefined)?.name;
  const checks = definitionChecks(
    'KIND_INVALID',
    typeof named === 'string' ? `memory kind "${named.slice(0, 80)}"` : 'a memory kind',
  );
  checks.object('', given);
  checks.known('', given, ['name', 'description', 'schema', 'jsonSchema', 'key']);
  const { name, description, schema, key } = given;
  if (typeof named !== 'string' || !/^[a-z][a-z0-9_]{0,49}$/.test(named))
    checks.fail('name', '1 to 50 small letters, digits and "_", beginning with a letter', named);
  if (taken.includes(name)) checks.fail('name', `none of ${taken.join(', ')}`, name, 'Give your kind another name.');
  checks.text('description', description, { max: 2_000 });
  checks.object('schema', schema);
  if (!('~standard' in schema)) checks.fail('schema', 'a Standard Schema (zod, ArkType, Valibot …)', schema);
  const jsonSchema = given.jsonSchema ?? argumentsSchema(schema);
  if (jsonSchema === undefined)
    return checks.fail('jsonSchema', 'given, because the library of `schema` gives none', jsonSchema);
  checks.object('jsonSchema', jsonSchema);
  if (key !== undefined) {
    checks.list('key', key);
    const { properties } = jsonSchema as { readonly properties?: object };
    for (const [at, field] of key.entries())
      if (typeof field !== 'string' || (properties !== undefined && !Object.hasOwn(properties, field)))
        checks.fail(`key[${at}]`, `a field of the schema (${Object.keys(properties ?? {}).join(', ')})`, field);
  }
  return {
    ...{ name, description, schema, jsonSchema, key: key ?? null },
    read: (value, clean) => readValue({ name, schema, key }, value, clean),
    is: (memory): memory is typeof memory & { readonly data: Data } => memory.kind === name && memory.data !== null,
  };
}

/** Longest value of a kind, in characters of JSON. */
const longestData = 20_000;

async function readValue(
  { name, schema, key }: Pick<MemoryKindOptions<never>, 'name' | 'key'> & { readonly schema: InputSchema },
  given: unknown,
  clean: (text: string) => string = (text) => text,
): Promise<TypedData | { readonly problem: string }> {
  const checked = await checkValue(schema, mapTexts(unwrap(given), clean)).catch((error: unknown) => ({
    problems: [`its schema failed (${error instanceof Error ? error.name : 'error'})`],
  }));
  if ('problems' in checked)
    return { problem: `the data does not fit the schema of "${name}": ${checked.problems.join('; ')}` };
  const { value: data } = checked;
  const json = JSON.stringify(data) as string | undefined;
  if (json === undefined || data === null || !isDeepStrictEqual(JSON.parse(json), data))
    return { problem: `the schema of "${name}" gives something that is no JSON` };
  if (json.length > longestData) return { problem: `the data is longer than ${longestData} characters` };
  return { data, relation: name, value: dataText(data), ...(key === undefined ? {} : { keyFields: key }) };
}

/** Models often write JSON as text: that is taken, too. */
function unwrap(given: unknown): unknown {
  if (typeof given !== 'string' || !/^\s*[{[]/.test(given)) return given;
  try {
    return JSON.parse(given) as unknown;
  } catch {
    return given;
  }
}
