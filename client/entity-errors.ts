import { HoldfastError } from '../errors/holdfast-error.ts';

/** Thrown when a scope sees no entity of this id or name. */
export class EntityNotFoundError extends HoldfastError {
  constructor(entity: string) {
    super('ENTITY_NOT_FOUND', `No entity "${entity.slice(0, 200)}" is named by a memory of this scope.`, {
      hint: 'List them by id and name: `holdfast memory entities`.',
    });
  }
}

/** Thrown when no merge of this id was ever made in exactly this scope. */
export class MergeNotFoundError extends HoldfastError {
  constructor(merge: string) {
    super('MERGE_NOT_FOUND', `No merge "${merge.slice(0, 200)}" was made in this scope.`, {
      hint: '`holdfast memory entity <entity>` shows the merges of an entity, and the scopes they were made in.',
    });
  }
}

/** Thrown when a merge or a split breaks a rule. Nothing happens. */
export class InvalidMergeError extends HoldfastError {
  constructor(message: string) {
    super('INVALID_MERGE', message, { hint: 'Correct the request; docs/entities.md says what a merge is.' });
  }
}
