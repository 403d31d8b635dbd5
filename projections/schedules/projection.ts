import { close, ensure, open } from '../../eventstore/index.ts';
import type { Projection } from '../../eventstore/index.ts';
import type { MemoryEvent } from '../../memory/events.ts';
import { schedulePauseView, scheduleView } from './views.ts';

/** Schedules, and which of them are paused. */
export const schedulesProjection: Projection<MemoryEvent> = {
  name: 'schedules',
  version: 1,
  views: [scheduleView, schedulePauseView],
  project({ type, data }) {
    switch (type) {
      case 'ScheduleDefined':
        return open(scheduleView, {
          schedule: data.schedule,
          thread: data.thread,
          branch: data.branch,
          agent: data.agent,
          user_id: data.user,
          message: data.message,
          timing: data.timing,
        });
      case 'ScheduleChanged': {
        const { schedule, actor } = data;
        if (data.state === 'paused') return ensure(schedulePauseView, { schedule, actor });
        const resumed = close(schedulePauseView, { schedule });
        return data.state === 'deleted' ? [...resumed, ...close(scheduleView, { schedule })] : resumed;
      }
      default:
        return [];
    }
  },
};
