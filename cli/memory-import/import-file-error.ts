import { HoldfastError } from '../../errors/holdfast-error.ts';

/** A file that holds no messages in the format that was named. What came before the bad place may have been written. */
export class ImportFileInvalidError extends HoldfastError {
  constructor(message: string, cause: unknown) {
    super('IMPORT_FILE_INVALID', message, {
      cause,
      hint: 'Correct it and import the file again under the same key: what was written is passed over (docs/memory.md has the formats).',
    });
  }
}
