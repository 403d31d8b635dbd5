/** Place in a tenant's log: 1, 2, 3 … without holes. */
export type Position = number;

/** The least an event must be: a past-tense name and readonly data that survives JSON. */
export interface EventShape {
  readonly type: string;
  readonly data: object;
}

/** An event as a command carries it. */
export type NewEvent<E extends EventShape> = E & {
  /** Name of the stream it goes to; the command must state that stream's expected version. */
  readonly stream: string;
  /** Version of the data's shape. Another than the current one is refused. @default the current one (LogSchema.upcasters) */
  readonly schemaVersion?: number;
  /** Whom the event is about: the unit of erasure. @default nobody */
  readonly subjects?: readonly string[];
};

/** An event as the log holds it. */
export type StoredEvent<E extends EventShape> = E & {
  readonly position: Position;
  readonly stream: string;
  /** Place in its stream: 1, 2, 3 … */
  readonly version: number;
  /** The version its data was stored in; here the data has the current shape. */
  readonly schemaVersion: number;
  readonly subjects: readonly string[];
  /** When the log took it; never runs backwards along a log. */
  readonly recordedAt: Date;
  /** A subject of its personal fields was forgotten: tombstones stand in their place (LogSchema.personal). @default false */
  readonly forgotten?: boolean;
};

/**
 * What a stream must look like for a command to be accepted: an exact version, `'none'` (no event yet), `'some'` (at least
 * one) or `'any'` (no check; it cannot conflict, the log's lock is held).
 */
export type ExpectedVersion = number | 'none' | 'some' | 'any';

/** One stream a command writes to. */
export interface StreamExpectation {
  readonly name: string;
  readonly expectedVersion: ExpectedVersion;
  /** Close the stream for good after this command: every later append to it is refused. @default false */
  readonly seal?: boolean;
}

/** The unit of append: all of its events or none, at most once. */
export interface Command<E extends EventShape> {
  /** Chosen by the caller from what the command *is*, never from an attempt, run or random id: the idempotency key. */
  readonly id: string;
  readonly streams: readonly StreamExpectation[];
  readonly events: readonly NewEvent<E>[];
  /**
   * Position of the log that the content was derived from. If one of its subjects was forgotten after it, the command is refused
   * (SubjectForgottenError): nobody comes back through work that was under way. @default not checked
   */
  readonly readAt?: Position;
  /** Who and what caused it (actor, workflow, step). @default {} */
  readonly meta?: object;
  /** The caller's own answer, stored with the command and handed back when it is replayed. @default {} */
  readonly result?: object;
}

/** What the log says about an accepted (or earlier accepted) command. */
export interface Receipt<R = unknown> {
  readonly commandId: string;
  readonly firstPosition: Position;
  readonly lastPosition: Position;
  readonly recordedAt: Date;
  /** True when an earlier call had already stored this command: positions and `result` are those of the first. */
  readonly replayed: boolean;
  /** True when a replayed command came with another body than the stored one, which stands. */
  readonly bodyDiffers: boolean;
  /** The `result` stored with the command. */
  readonly result: R;
}
