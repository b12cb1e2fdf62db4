/** How often what happened: a simulation in which little happens proves little. */

/** Everything that a run of many seeds must have seen; simulator.test.ts asserts it. */
export const expectedEvents = [
  'the gateway crashes',
  'a worker crashes',
  'a worker vanishes',
  'a worker stops',
  'a worker is decommissioned by its operator',
  'a worker falls ill',
  'a worker is healthy again',
  'a connection of a worker breaks',
  'a link of a worker stalls',
  'a worker registers twice',
  'a worker reports before it is registered',
  'an application ends',
  'an application crashes',
  'an application vanishes',
  'an application registers twice',
  'a connection of an application breaks',
  'a link of an application stalls',
  'an application floods with requests',
  'an executor is killed while it launches',
  'an executor fails to start',
  'an executor ends by itself',
  'an executor is lost with its worker',
  'an executor is decommissioned',
  'an executor holds addresses of a resource',
  'a second profile is asked for',
  'a driver holds addresses of a resource',
  'a worker of ours hosts a driver',
  'a driver is killed while it launches',
  'a driver fails to start',
  'a driver ends by itself',
  'a supervised driver starts again under a new id',
  'a queued driver is killed',
  'a running driver is killed',
  'an unknown driver is killed',
  'a submission is refused in standby',
  'a registration is refused in standby',
  'a master is elected',
  'the clock jumps forward',
  'the clock jumps back',
  'a timer is late',
  'a hostile stranger',
  'a broken driver',
  'a reader is lost',
] as const

/** What a run of masters that are killed and started again must have seen besides. */
export const expectedOfRestarts = [
  'a master crashes',
  'a master vanishes',
  'a master starts again',
  'a leader crashes',
  'a master crashes in the midst of a step',
  'a leader steps down',
  'a reader meets another core',
  'a leader takes up records',
  'a master is stopped',
  'a master is frozen',
  'a master is cut off from its peers',
  'a store can not be read',
  'a sync fails',
  'the disk is full',
  'a commit that nobody waited for is on disk',
  'a torn write is set aside',
  'a peer hears of a new leader',
  'an application tells a new leader that it is there',
] as const

/** What a run of several masters must have seen besides. */
export const expectedOfElections = [
  'all masters crash at once',
  'a leader is suspended',
  'a suspended leader goes on',
  'a leader is deposed',
  'a standby takes over at once',
  'a standby takes over after a lease',
  'a master is cut off from ZooKeeper',
  'ZooKeeper is away',
  'masters are cut off from each other',
  'an answer of ZooKeeper is lost',
  'a commit of a deposed leader is refused',
] as const

export type SimulatedEvent =
  | (typeof expectedEvents)[number]
  | (typeof expectedOfRestarts)[number]
  | (typeof expectedOfElections)[number]

/** Messages that a run of many seeds must have seen enter the master. */
export const expectedReceived = [
  'DecommissionWorkersOnHosts',
  'DriverStateChanged',
  'ExecutorStateChanged',
  'KillApplication',
  'KillExecutors',
  'RegisterApplication',
  'RegisterWorker',
  'RequestClearCompletedDriversAndApps',
  'RequestDriverStatus',
  'RequestExecutors',
  'RequestKillAllDrivers',
  'RequestKillDriver',
  'RequestReadyz',
  'RequestSubmitDriver',
  'UnregisterApplication',
  'WorkerDecommissioning',
  'WorkerHealth',
  'WorkerHeartbeat',
  'WorkerLatestState',
]

/** Messages that a run of masters that are killed and started again must have seen besides. */
export const expectedAfterFailovers = [
  'MasterChangeAcknowledged',
  'MasterChanged',
  'WorkerSchedulerStateResponse',
]

/** Messages that a run of many seeds must have seen leave the master. */
export const expectedSent = [
  'ApplicationFinished',
  'ApplicationRegistered',
  'ApplicationRemoved',
  'DecommissionWorker',
  'DriverStatusResponse',
  'ExecutorAdded',
  'ExecutorUpdated',
  'KillDriver',
  'KillExecutor',
  'LaunchDriver',
  'LaunchExecutor',
  'MasterInStandby',
  'ReconnectWorker',
  'Refused',
  'RegisterWorkerFailed',
  'Reply',
  'WorkerRegistered',
  'WorkerRemoved',
]

type Counts = Map<string, number>

function increment(counts: Counts, what: string, by = 1): void {
  counts.set(what, (counts.get(what) ?? 0) + by)
}

function listed(counts: Counts): string {
  return [...counts]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([what, number]) => `${what} ${number}`)
    .join(', ')
}

export class Coverage {
  readonly events: Counts = new Map()
  readonly received: Counts = new Map()
  readonly sent: Counts = new Map()

  happened(event: SimulatedEvent): void {
    increment(this.events, event)
  }

  entered(body: object): void {
    increment(this.received, typeName(body))
  }

  left(body: object): void {
    increment(this.sent, typeName(body))
  }

  add(other: Coverage): void {
    for (const [what, number] of other.events) increment(this.events, what, number)
    for (const [what, number] of other.received) increment(this.received, what, number)
    for (const [what, number] of other.sent) increment(this.sent, what, number)
  }

  /** @returns what should have happened and never did */
  missing(
    events: readonly SimulatedEvent[],
    received: readonly string[] = [],
    sent: readonly string[] = [],
  ): string[] {
    return [
      ...events.filter((each) => !this.events.has(each)),
      ...received.filter((each) => !this.received.has(each)),
      ...sent.filter((each) => !this.sent.has(each)),
    ]
  }

  text(): string {
    return [
      `events: ${listed(this.events)}`,
      `to the master: ${listed(this.received)}`,
      `from the master: ${listed(this.sent)}`,
    ].join('\n')
  }
}

/** The schema's name of a message. */
export function typeName(body: object): string {
  return body.constructor.name.replace(/T$/, '')
}
