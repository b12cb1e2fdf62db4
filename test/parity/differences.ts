/** Where our Master is meant to differ from Apache's, and why. Whatever is not listed here is a fault. */

export interface MeantDifference {
  /** The scenario's title, from its start. */
  readonly scenario: string
  /** The action of the row. */
  readonly row: string
  readonly why: string
}

const SESSION =
  'a session of ours speaks for one worker or one application; Apache believes whoever names an id'
const ONE_APPLICATION =
  'a driver address stands for one application; Apache answers a second one and then forgets it'

export const MEANT: readonly MeantDifference[] = [
  { scenario: 'M1, L4: a worker registers', row: 'worker w3 from=w1', why: SESSION },
  {
    scenario: 'L4: the same worker over a new connection',
    row: 'worker w1 from=w1b',
    why: 'we close the connection that the worker left; Apache keeps sending to it',
  },
  {
    scenario: 'L4: the same worker over a new connection',
    row: 'beat w1 from=w1b',
    why: 'the new connection holds the worker; Apache drops it together with the old one',
  },
  { scenario: 'L1, Y4: an application registers', row: 'app a1 driver=d:2', why: SESSION },
  { scenario: 'L1, Y4: an application registers', row: 'app a4 driver=d:1', why: ONE_APPLICATION },
  {
    scenario: 'S: what an earlier connection was told',
    row: 'worker w1 from=w1b',
    why: 'we close the connection that the worker left; Apache keeps sending to it',
  },
  {
    scenario: 'S: what an earlier connection was told',
    row: 'latest w1 from=w1b',
    why: 'a launch that was lost with the old connection is made again; Apache waits for it for ever',
  },
  { scenario: 'a session speaks for itself only', row: 'beat w1 from=w2', why: SESSION },
  { scenario: 'a session speaks for itself only', row: 'app a1 from=w1', why: SESSION },
  { scenario: 'an application session speaks', row: 'request a1 0=1 from=a2', why: SESSION },
  { scenario: "an executor's state comes", row: 'state w1 a1/0 RUNNING', why: SESSION },
  { scenario: "an executor's state comes", row: 'state a1 a1/0 RUNNING', why: SESSION },
  {
    scenario: 'S6, L10: RUNNING only',
    row: 'state w1 a1/0 RUNNING',
    why: 'we answer and note it; in Apache an assertion fails, and its worker asks again and then exits',
  },
  {
    scenario: 'S6, L10: RUNNING only',
    row: 'state w1 a1/0 LAUNCHING',
    why: 'no Spark worker reports it, and a driver has no use for it; Apache passes it on',
  },
]
