import { defineView, optional, required } from '../../eventstore/index.ts';

/** Turns that a timer starts. */
export const scheduleView = defineView({
  name: 'schedule',
  key: ['schedule'],
  columns: {
    schedule: required('text'),
    thread: required('text'),
    branch: required('text'),
    agent: required('text'),
    user_id: optional('text'),
    message: required('text'),
    timing: required('jsonb'),
  },
});

/** Schedules that do not fire for the time being. */
export const schedulePauseView = defineView({
  name: 'schedule_pause',
  key: ['schedule'],
  columns: { schedule: required('text'), actor: required('text') },
});
