import { HoldfastError } from '../errors/holdfast-error.ts';

/**
 * The two parts of Standard Schema (standardschema.dev) that tools need: validation and a JSON Schema for the model. zod ≥ 4.2,
 * ArkType ≥ 2.1.28 and Valibot ≥ 1.2 fit. Restated here so that no schema library is required.
 */
export interface InputSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => ValidationResult<Output> | Promise<ValidationResult<Output>>;
    readonly jsonSchema: { readonly input: (options: { readonly target: 'draft-2020-12' }) => Record<string, unknown> };
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
  const result = await schema['~standard'].validate(value);
  if (result.issues === undefined) return result.value;
  throw new InvalidArgumentsError(
    tool,
    result.issues.map(({ message, path }) => {
      const at = (path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
      return at === '' ? message : `${at}: ${message}`;
    }),
  );
}

/** The JSON Schema a model gets for a tool's arguments. */
export function argumentsSchema(schema: InputSchema): Record<string, unknown> {
  const { $schema: _dialect, ...rest } = schema['~standard'].jsonSchema.input({ target: 'draft-2020-12' });
  return rest;
}
