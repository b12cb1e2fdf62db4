/** What is told of what happened, and of how the cluster was. Pure. */
import { eventKinds } from '../model/transitions.js'
import { text, whole, type Fields } from './field.js'
import type { ClusterEvent, Sample } from './shapes.js'

export const eventFields: Fields<ClusterEvent, ClusterEvent> = {
  sequence: whole('Counts the events of this master from 1.', ({ sequence }) => sequence),
  atMs: whole('When it was seen, in ms since 1970.', ({ atMs }) => atMs),
  kind: {
    schema: { type: 'string', enum: eventKinds, description: 'What happened to what.' },
    of: ({ kind }) => kind,
  },
  id: text(
    'Of the worker, application or driver; of executors that of their application, of a master its URL.',
    ({ id }) => id,
  ),
  text: text('One line for people.', ({ text: line }) => line),
}

export const sampleFields: Fields<Sample, Sample> = {
  atMs: whole('In ms since 1970; of a minute: when it began.', ({ atMs }) => atMs),
  cores: whole('Of workers that are ALIVE.', ({ cores }) => cores),
  coresUsed: whole('Of these.', ({ coresUsed }) => coresUsed),
  memoryMb: whole('Of workers that are ALIVE, in MiB.', ({ memoryMb }) => memoryMb),
  memoryUsedMb: whole('Of these, in MiB.', ({ memoryUsedMb }) => memoryUsedMb),
  executors: whole('Of active applications.', ({ executors }) => executors),
  workersAlive: whole('Workers that are ALIVE.', ({ workersAlive }) => workersAlive),
  applicationsActive: whole('Not ended.', ({ applicationsActive }) => applicationsActive),
  applicationsWaiting: whole(
    'Without an executor yet.',
    ({ applicationsWaiting }) => applicationsWaiting,
  ),
  driversWaiting: whole('Without a worker yet.', ({ driversWaiting }) => driversWaiting),
  mainThreadAnswerMs: {
    schema: {
      type: 'number',
      minimum: 0,
      description: 'How long the thread that schedules took to answer; of a minute: the longest.',
    },
    of: ({ mainThreadAnswerMs }) => mainThreadAnswerMs,
  },
  schedulingP99Us: {
    schema: {
      type: ['integer', 'null'],
      minimum: 0,
      description:
        'Of 100 decisions since the sample before 99 took no longer, in us, rounded up to the bounds of ' +
        'magneto_scheduling_latency_seconds; null: nothing was decided; of a minute: the longest.',
    },
    of: ({ schedulingP99Us }) => schedulingP99Us,
  },
}
