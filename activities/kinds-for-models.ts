import type { OwnMemoryKind } from '../agents/define-memory-kind.ts';
import type { JsonSchema } from '../agents/schema.ts';
import { builtInKinds } from '../memory/kinds.ts';

/** The kinds in words, for a model: what each is for; null when there are none. */
export function kindsInWords(kinds: readonly OwnMemoryKind[]): string | null {
  if (kinds.length === 0) return null;
  const lines = kinds.map((kind) => {
    const schema = refersToItself(kind.jsonSchema) ? `; schema of its data: ${JSON.stringify(kind.jsonSchema)}` : '';
    return `- "${kind.name}": ${kind.description}${schema}`;
  });
  return `Further kinds, whose value is in "data" (null for all others):\n${lines.join('\n')}`;
}

/**
 * A JSON schema of items with a `kind`, with an author's own kinds added: their names, and `data` for their values.
 * @param item the schema of one item
 */
export function withOwnKinds(item: JsonSchema, kinds: readonly OwnMemoryKind[]): JsonSchema {
  if (kinds.length === 0) return item;
  const properties = item['properties'] as Readonly<Record<string, JsonSchema>>;
  const required = item['required'] as readonly string[];
  const names = kinds.map(({ name }) => name);
  return {
    ...item,
    properties: {
      ...properties,
      kind: { ...properties['kind'], enum: [...builtInKinds, ...names] },
      data: {
        description: `the value of ${names.join(', ')}; null for other kinds`,
        anyOf: [
          { type: 'null' },
          ...kinds.map((kind) => ({
            ...(refersToItself(kind.jsonSchema) ? { type: 'object' } : kind.jsonSchema),
            description: `for kind "${kind.name}": ${kind.description}`,
          })),
        ],
      },
    },
    required: [...required, 'data'],
  };
}

/** References are to the root of their own document: inside another one they would point elsewhere. */
function refersToItself(schema: JsonSchema): boolean {
  return JSON.stringify(schema).includes('"$ref"');
}
