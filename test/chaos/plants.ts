import type { Violation } from '../../chaos/check/subject.ts';

const own = `(select no from holdfast.tenant where id = 'default')`;
const noKeys = [
  'alter table holdfast.event drop constraint event_pkey',
  'alter table holdfast.event drop constraint event_tenant_stream_version_key',
];
/** SQL that plants the first event of a type once more, at another position. */
export const copyOf = (type: string, position: string): string =>
  `insert into holdfast.event select tenant, ${position}, stream, version, type, schema_version, subjects, recorded_at, data
   from holdfast.event where tenant = ${own} and type = '${type}' order by position limit 1`;

/** What is planted for each invariant, and a word of what must be said about it. */
export const plants: readonly (readonly [
  id: string,
  what: string,
  sql: readonly string[],
  says: RegExp,
  kind: Violation['kind'],
])[] = [
  [
    'I1',
    'a run of consolidation has no end',
    [`delete from holdfast.event where type = 'ConsolidationCompleted'`],
    /the end of run tidy was acknowledged and is not there/,
    'lost',
  ],
  [
    'I1',
    'a round of an import is gone',
    [`delete from holdfast.round where scope_user = 'importer' and message = 'Orinoco'`],
    /1 of 2 rounds of the import/,
    'partial',
  ],
  [
    'I1',
    'an acknowledged turn is gone',
    [`delete from holdfast.event where type = 'TurnCompleted' and data ->> 'turn' = 'five'`],
    /the end "completed" of turn five was acknowledged and is not there/,
    'lost',
  ],
  [
    'I1',
    'two of five memories are gone',
    [
      `delete from holdfast.event where position in (select position from holdfast.event where type = 'FactAsserted' order by position limit 2)`,
    ],
    /holds 3 of 5 memories/,
    'partial',
  ],
  [
    'I1',
    'another reply than was told',
    [`update holdfast.step set content = 'other' where turn = 'five' and to_pos is null`],
    /reply of turn five/,
    'lost',
  ],
  ['I1', 'a block is gone', [`delete from holdfast.block where value = 'note-1'`], /block value note-1/, 'lost'],
  [
    'I1',
    'a forgetting is gone',
    [`delete from holdfast.event where type = 'SubjectForgotten'`],
    /the forgetting of user-secret/,
    'lost',
  ],
  [
    'I1',
    'a chunk of a document is gone',
    [`delete from holdfast.document_chunk where source = 'notes.md' and ordinal = 1`],
    /document notes.md holds 2 chunks/,
    'partial',
  ],
  [
    'I1',
    'a chunk of a document is that of another version',
    [
      `update holdfast.memory_document set content = 'It said one.' where id in
         (select chunk from holdfast.document_chunk where source = 'notes.md' and ordinal = 0)`,
    ],
    /document notes.md holds 3 chunks on 3 places, says 3, 2 of them/,
    'partial',
  ],
  [
    'I1',
    'a memory stands twice',
    [
      `insert into holdfast.fact select (jsonb_populate_record(f, '{"fact": "copy"}')).* from holdfast.fact f
         where scope_user = 'user-five' and to_pos is null order by fact limit 1`,
    ],
    /one memory of user-five stands 2 times/,
    'duplicated',
  ],
  [
    'I1',
    'the proposal of a turn is gone',
    [`delete from holdfast.event where type = 'MemoryProposed'`],
    /proposal .* was acknowledged and is not there/,
    'lost',
  ],
  [
    'I1',
    'a document is gone',
    [
      `delete from holdfast.document_chunk where source = 'notes.md'`,
      `delete from holdfast.stored_document where source = 'notes.md'`,
    ],
    /document notes.md holds 0 chunks/,
    'lost',
  ],
  [
    'I1',
    'what was approved was not written',
    [`delete from holdfast.fact where scope_user = 'user-wish-approve'`],
    /decided with "approve" and 0 memories/,
    'lost',
  ],
  [
    'I1',
    'what was rejected was written',
    [`update holdfast.fact set scope_user = 'user-wish-reject' where scope_user = 'user-wish-approve'`],
    /decided with "reject" and 1 memories/,
    'other',
  ],
  [
    'I1',
    'a verdict is gone',
    [`delete from holdfast.event where type = 'ProposalDecided'`],
    /the verdict of mia about .* is not the one that stands/,
    'lost',
  ],
  [
    'I2',
    'half a command',
    [`delete from holdfast.event where type = 'RoundRecorded'`],
    /holds \d+ of \d+ events/,
    'partial',
  ],
  [
    'I2',
    'an event of no command',
    [`delete from holdfast.command where id = 'turn/five'`],
    /belongs to 0 commands/,
    'partial',
  ],
  ['I3', 'a hole', [`delete from holdfast.event where position = 3`], /positions 1\.\.\d+ hold/, 'lost'],
  ['I3', 'a position given twice', [...noKeys, copyOf('TurnRequested', 'position')], /given twice/, 'duplicated'],
  [
    'I3',
    'a version that is missing',
    [`update holdfast.stream set version = version + 1 where name = 'turn/five'`],
    /stream turn\/five is at version/,
    'other',
  ],
  [
    'I4',
    'a clock that ran backwards',
    [`update holdfast.event set recorded_at = recorded_at - interval '1 day' where position = 5`],
    /position 5 is of/,
    'other',
  ],
  [
    'I6',
    'a view that knows the future',
    [`update holdfast.turn set from_pos = 100000 where turn = 'five'`],
    /view turn stand outside/,
    'other',
  ],
  [
    'I8',
    'a changed text',
    [`update holdfast.event set data = (data::text || ' ')::json where position = 4`],
    /chain does not hold at command/,
    'other',
  ],
  ['I9', 'a table for everybody', ['alter table holdfast.turn disable row level security'], /table turn/, 'other'],
  [
    'I9',
    'a policy for everybody',
    ['create policy leak on holdfast.fact using (true)'],
    /table fact: a session of/,
    'other',
  ],
  [
    'I9',
    'a function that shows what it is asked for',
    [
      `create function holdfast.show(p_turn text) returns setof text language sql security definer set search_path = pg_catalog, holdfast
         as 'select content from holdfast.message where turn = p_turn'`,
      `grant execute on function holdfast.show(text) to holdfast_app`,
    ],
    /function (holdfast\.)?show\(text\) shows/,
    'other',
  ],
  [
    'I9',
    'a function that changes what it is asked to',
    [
      `create function holdfast.spoil(p_turn text) returns void language sql security definer set search_path = pg_catalog, holdfast
         as 'update holdfast.message set content = ''spoilt'' where turn = p_turn'`,
      `grant execute on function holdfast.spoil(text) to holdfast_app`,
    ],
    /changed table message of another one/,
    'other',
  ],
  [
    'I9',
    'a function that takes any search path',
    ['alter function holdfast.find_tenant(text) reset all'],
    /find_tenant/,
    'other',
  ],
  [
    'I10',
    'a forgotten word in a table',
    [`update holdfast.message set content = 'Zebulon77' where turn = 'five'`],
    /table (holdfast\.)?message holds what was forgotten/,
    'other',
  ],
  [
    'I10',
    'a key of somebody who was forgotten',
    [`update holdfast.subject_key set wrapped = '\\x00' where subject = 'user:user-secret'`],
    /key 1 of user:user-secret, who was forgotten, can be opened/,
    'other',
  ],
  [
    'I13',
    'a second end',
    [copyOf('TurnCompleted', '100000').replace(' version,', ' 99,')],
    /has 2 terminal events/,
    'duplicated',
  ],
  [
    'I13',
    'no end',
    [`delete from holdfast.event where type = 'TurnCompleted' and data ->> 'turn' = 'five'`],
    /turn\/five has no terminal event/,
    'partial',
  ],
  [
    'I13',
    'a turn that two compactions replace',
    [copyOf('ContextCompacted', '100000').replace(' version,', ' 99,')],
    /is replaced by 2 compactions/,
    'duplicated',
  ],
  [
    'I13',
    'a compaction that is missing in the row',
    [
      `delete from holdfast.event where position = (select min(position) from holdfast.event where type = 'ContextCompacted')`,
    ],
    /which is not the one before it/,
    'other',
  ],
  [
    'I13',
    'a second decision',
    [copyOf('ApprovalDecided', '100000').replace(' version,', ' 99,')],
    /was decided 2 times/,
    'duplicated',
  ],
];
