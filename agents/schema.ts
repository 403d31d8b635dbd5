import { HoldfastError } from '../errors/holdfast-error.ts';

/** A JSON Schema object, as models and people get it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * The parts of Standard Schema (standardschema.dev) that tools need: validation and, where the library has it, a JSON Schema for
 * the model. zod ≥ 4.2, ArkType ≥ 2.1.28 and Valibot ≥ 1.2 fit as they are; every other Standard Schema, also one written by hand,
 * fits together with `parameters` of the tool. Restated here so that no schema library is required.
 */
export interface InputSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => ValidationResult<Output> | Promise<ValidationResult<Output>>;
    readonly jsonSchema?:
      { readonly input: (options: { readonly target: 'draft-2020-12' }) => Record<string, unknown> } | undefined;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

export type ValidationResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | {
      readonly issues: readonly {
        readonly message: string;
        readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
      }[];
    };

/** Thrown when arguments of a tool do not fit its schema. */
export class InvalidArgumentsError extends HoldfastError {
  constructor(tool: string, problems: readonly string[]) {
    super('INVALID_ARGUMENTS', `The arguments of "${tool}" do not fit its schema: ${problems.join('; ')}.`, {
      hint: 'Correct the named fields and send the arguments again.',
    });
  }
}

/** Gives the validated value. Throws InvalidArgumentsError that names each problem with its path. */
export async function validateArguments<Output>(
  tool: string,
  schema: InputSchema<Output>,
  value: unknown,
): Promise<Output> {
  const checked = await checkValue(schema, value);
  if ('value' in checked) return checked.value;
  throw new InvalidArgumentsError(tool, checked.problems);
}

/** Gives the validated value, or every problem with its path. */
export async function checkValue<Output>(
  schema: InputSchema<Output>,
  value: unknown,
): Promise<{ readonly value: Output } | { readonly problems: readonly string[] }> {
  const result = await schema['~standard'].validate(value);
  if (result.issues === undefined) return { value: result.value };
  return {
    problems: result.issues.map(({ message, path }) => {
      const at = (path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
      return at === '' ? message : `${at}: ${message}`;
    }),
  };
}

/** The JSON Schema a model gets for a tool's arguments; undefined where the schema's library has none. */
export function argumentsSchema(schema: InputSchema): JsonSchema | undefined {
  const { $schema: _dialect, ...rest } = schema['~standard'].jsonSchema?.input({ target: 'draft-2020-12' }) ?? {};
  return schema['~standard'].jsonSchema === undefined ? undefined : rest;
}
