/** Where our Master is meant to differ from Apache's, and why. Whatever is not listed here is a fault. */

export interface MeantDifference {
  /** Part of the scenario's title. */
  readonly scenario: string
  /** The action of the row. */
  readonly row: string
  readonly why: string
}

const SESSION =
  'a session of ours speaks for one worker or one application; Apache believes whoever names an id'
const ONE_APPLICATION =
  'a driver address stands for one application; Apache answers a second one and then forgets it'

const LEFT_CONNECTION = 'we close the connection that the worker left; Apache keeps sending to it'
const LOST_WITH_CONNECTION =
  'what was lost with an old connection is made good; Apache waits for it for ever'
const NAME_AS_ID =
  'a name that is taken as an id, or can be none, is refused; Apache mixes up both applications'

const SAME_PROCESS =
  'the same worker id is the same process, which takes no work any more; Apache gives it some'

/** The rows of a scenario that differ for one reason. */
function rows(scenario: string, why: string, ...all: readonly string[]): MeantDifference[] {
  return all.map((row) => ({ scenario, row, why }))
}

export const MEANT: readonly MeantDifference[] = [
  ...rows('M1, L4: a worker registers', SESSION, 'worker w3 from=w1'),
  ...rows('L4: the same worker over a new connection', LEFT_CONNECTION, 'worker w1 from=w1b'),
  ...rows(
    'L4: the same worker over a new connection',
    'the new connection holds the worker; Apache drops it together with the old one',
    'beat w1 from=w1b',
  ),
  ...rows('L1, Y4: an application registers', SESSION, 'app a1 driver=d:2'),
  ...rows('L1, Y4: an application registers', ONE_APPLICATION, 'app a4 driver=d:1'),
  ...rows('S: what an earlier connection was told', LEFT_CONNECTION, 'worker w1 from=w1b'),
  ...rows('S: what an earlier connection was told', LOST_WITH_CONNECTION, 'latest w1 from=w1b'),
  ...rows('KillApplication, from the web only', SESSION, 'webkill a1 from=a2'),
  ...rows('a session speaks for itself only', SESSION, 'beat w1 from=w2', 'app a1 from=w1'),
  ...rows('an application session speaks', SESSION, 'request a1 0=1 from=a2'),
  ...rows("an executor's state comes", SESSION, 'state w1 a1/0 RUNNING', 'state a1 a1/0 RUNNING'),
  ...rows(
    'S6, L10: RUNNING only',
    'we answer it; in Apache an assertion fails, and its worker asks again and then exits',
    'state w1 a1/0 RUNNING',
  ),
  ...rows(
    'S6, L10: RUNNING only',
    'no Spark worker reports it, and a driver has no use for it; Apache passes it on',
    'state w1 a1/0 LAUNCHING',
  ),
  ...rows('M7, A21: a report of RUNNING', LEFT_CONNECTION, 'worker w1 from=w1b'),
  ...rows(
    'M7, A21: a report of RUNNING',
    'the driver hears what its worker says of itself; Apache leaves the executor LAUNCHING',
    'latest w1 a1/0:RUNNING from=w1b',
    'state w1b a1/0 RUNNING',
  ),
  ...rows('D3, L4: a decommissioned worker that', LEFT_CONNECTION, 'worker w1 from=w1b'),
  ...rows(
    'D3, L4: a decommissioned worker that',
    'an executor that is not there any more is not lost again with its worker',
    'drop w1b',
  ),
  ...rows('D3, L4: a decommissioned worker that', SAME_PROCESS, 'worker w1'),
  ...rows('M20: a worker speaks for itself only', SESSION, 'decommissioning w1 from=w2'),
  ...rows('D2, M19: an order to leave', LEFT_CONNECTION, 'worker w1 from=w1b'),
  ...rows(
    'D2, D3: a worker that is lost while it leaves',
    SAME_PROCESS,
    'worker w1 from=w1b',
    'app a1 cores=1',
    'drop w1b',
    'worker w1 from=w1c',
  ),
  ...rows(
    'M12: only the worker that has a driver',
    SESSION,
    'driverstate w2 d1 FINISHED',
    'driverstate client d1 FINISHED',
    'driverstate w1 d2 FINISHED',
  ),
  ...rows('M7: a worker that registers again', LEFT_CONNECTION, 'worker w1 from=w1b'),
  ...rows('M7: a worker that registers again', LOST_WITH_CONNECTION, 'latest w1 d3 from=w1b'),
  ...rows(
    'M12: only its own worker may say',
    SESSION,
    'driverstate x d1 FAILED request=1',
    'driverstate w2 d1 FAILED request=2',
    'status d1',
    'driverstate w1 d2 FAILED request=3',
  ),
  ...rows('M7, L6: a driver that was launched over a', LEFT_CONNECTION, 'worker w1 from=w1b'),
  ...rows(
    'M7, L6: a driver that was launched over a',
    LOST_WITH_CONNECTION,
    'latest w1 from=w1b',
    'status d1',
    'status d2',
  ),
  ...rows('M7: a driver that was launched over this', LEFT_CONNECTION, 'worker w1 from=w1b'),
  ...rows('M7: a driver that was launched over this', LEFT_CONNECTION, 'submit d1'),
  ...rows('M7, M12: a report that comes before the list', LEFT_CONNECTION, 'worker w1 from=w1b'),
  ...rows('L8, M16: a kill that may be lost', LEFT_CONNECTION, 'worker w1 from=w1b'),
  ...rows(
    'a supervised driver whose kill was acknowledged',
    'a driver that somebody killed is not started again elsewhere; Apache does',
    'status d1',
  ),
  ...rows(
    'P29, Y3: a name that is an id already',
    NAME_AS_ID,
    'app a2 name=ONE',
    'app a3 name=One',
    'app a5 name=a/b',
    'app a6 name=..',
    'app a7 name=+',
  ),
]
