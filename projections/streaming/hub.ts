/** What a model call of this process has written so far. */
export interface LiveText {
  readonly step: number;
  /** Tells the calls of a step apart, also those of other processes. */
  readonly attempt: string;
  readonly text: string;
}

/**
 * Words on their way inside one process: where worker and client share it, give both the same hub, and streams need not wait for rows.
 * It holds what is being written now, nothing else; the table and the log are read as well.
 */
export interface StreamHub {
  publish(place: StreamPlace, live: LiveText): void;
  /** Takes a call's words away; another call's stay. */
  withdraw(place: StreamPlace, attempt: string): void;
  look(place: StreamPlace): LiveText | undefined;
  /** Calls back at each change until the function it gives is called. */
  listen(place: StreamPlace, changed: () => void): () => void;
}

/** A turn of a tenant. */
export interface StreamPlace {
  readonly tenant: string;
  readonly turn: string;
}

/** Gives a hub for one process. */
export function createStreamHub(): StreamHub {
  const texts = new Map<string, LiveText>();
  const listeners = new Map<string, Set<() => void>>();
  const keyOf = ({ tenant, turn }: StreamPlace): string => JSON.stringify([tenant, turn]);
  const tell = (key: string): void => {
    for (const changed of listeners.get(key) ?? []) changed();
  };
  return {
    publish(place, live) {
      const key = keyOf(place);
      texts.set(key, live);
      tell(key);
    },
    withdraw(place, attempt) {
      const key = keyOf(place);
      if (texts.get(key)?.attempt === attempt) texts.delete(key);
      tell(key);
    },
    look: (place) => texts.get(keyOf(place)),
    listen(place, changed) {
      const key = keyOf(place);
      const set = listeners.get(key) ?? new Set();
      listeners.set(key, set.add(changed));
      return () => {
        set.delete(changed);
        if (set.size === 0 && listeners.get(key) === set) listeners.delete(key);
      };
    },
  };
}
