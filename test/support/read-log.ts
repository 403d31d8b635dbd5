import type pg from 'pg';

/** An event as it stands in the table, with the command that wrote it. */
export interface LoggedEvent {
  readonly position: number;
  readonly type: string;
  readonly stream: string;
  readonly command: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The whole log of a tenant, by SQL past every view and policy. Throws when its positions are not 1, 2, 3 …. */
export async function readLog(admin: pg.Pool, tenant = 'default'): Promise<LoggedEvent[]> {
  const { rows } = await admin.query<LoggedEvent>(
    `select e.position::int, e.type, s.name as stream, c.id as command, e.data
     from holdfast.tenant t
     join holdfast.event e on e.tenant = t.no
     join holdfast.stream s on s.tenant = e.tenant and s.no = e.stream
     join holdfast.command c on c.tenant = e.tenant and e.position between c.first_position and c.last_position
     where t.id = $1 order by e.position`,
    [tenant],
  );
  rows.forEach(({ position }, index) => {
    if (position !== index + 1) throw new Error(`Position ${position} stands where ${index + 1} must.`);
  });
  return rows;
}

/** The events that one turn brought about, by the ids of their commands. */
export async function readTurnLog(admin: pg.Pool, turn: string): Promise<LoggedEvent[]> {
  const log = await readLog(admin);
  return log.filter(
    ({ command }) =>
      command === `turn/${turn}` || command.startsWith(`turn/${turn}/`) || command.startsWith(`approval/${turn}.`),
  );
}

/** Events that end a turn. */
export function terminals(events: readonly LoggedEvent[]): LoggedEvent[] {
  return events.filter(({ type }) => type === 'TurnCompleted' || type === 'TurnFailed' || type === 'TurnAborted');
}

/** How many events of each type there are. */
export function countTypes(events: readonly LoggedEvent[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { type } of events) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
}
