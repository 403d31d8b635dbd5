import { isRecord } from './conversation.ts';

/** Gives the emptiest value that satisfies a simple JSON Schema: defaults, first enum values, empty lists, zeros. */
export function emptyValueOf(schema: unknown, depth = 0): unknown {
  if (!isRecord(schema) || depth > 12) return null;
  if ('default' in schema) return schema['default'];
  if ('const' in schema) return schema['const'];
  if (Array.isArray(schema['enum'])) return (schema['enum'] as unknown[])[0] ?? null;
  const choices = schema['anyOf'] ?? schema['oneOf'];
  if (Array.isArray(choices)) return emptyValueOf(choices[0], depth + 1);
  const given = schema['type'];
  const type: unknown = Array.isArray(given) ? (given.includes('null') ? 'null' : (given as unknown[])[0]) : given;
  if (type === 'null') return null;
  if (type === 'boolean') return false;
  if (type === 'string') return 'x'.repeat(Math.min(1_000, numberIn(schema, 'minLength', 0)));
  if (type === 'number' || type === 'integer') return smallestNumber(schema);
  if (type === 'array') {
    const length = Math.min(100, numberIn(schema, 'minItems', 0));
    return Array.from({ length }, () => emptyValueOf(schema['items'], depth + 1));
  }
  if (type === 'object' || 'properties' in schema) {
    const properties = isRecord(schema['properties']) ? schema['properties'] : {};
    return Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, emptyValueOf(value, depth + 1)]));
  }
  return null;
}

function smallestNumber(schema: Readonly<Record<string, unknown>>): number {
  const least = numberIn(schema, 'minimum', numberIn(schema, 'exclusiveMinimum', Number.NEGATIVE_INFINITY - 1) + 1);
  const most = numberIn(schema, 'maximum', Number.POSITIVE_INFINITY);
  return Math.min(most, Math.max(0, least));
}

function numberIn(schema: Readonly<Record<string, unknown>>, key: string, otherwise: number): number {
  const value = schema[key];
  return typeof value === 'number' ? value : otherwise;
}
