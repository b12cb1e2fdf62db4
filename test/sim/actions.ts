/** What may happen to a cluster, and how often in one seed. */
import { SessionSource } from '../../src/control/records.js'
import { encode } from '../../src/control/codec.js'
import {
  DriverState,
  DriverStateChangedT,
  ExecutorAddedT,
  KillApplicationT,
  WorkerDecommissioningT,
  WorkerHealthT,
  WorkerHeartbeatT,
  WorkerLatestStateT,
} from '../../src/schema/magneto.js'
import { registrationOf } from './application.js'
import type { Chaos } from './chaos.js'
import type { SimulatedHost } from './host.js'
import { masterFaults } from './master-actions.js'
import type { Random } from './random.js'
import type { Kind } from './world.js'

const stallMaxMs = 40_000
const absenceMaxMs = 20_000
const clientStaysMaxMs = 30_000
const replacementMaxMs = 60_000
const gatewayDownMaxMs = 5_000
const jumpMaxMs = 300_000
const exitStatuses = [0, 1, 52, 137]
const sources = [SessionSource.CONTROL, SessionSource.GATEWAY, SessionSource.WEB]

export type Action = (chaos: Chaos) => void

/** Each seed has its own kinds of trouble: rare mixtures come up that an even mixture hides. */
export function actionsOf(random: Random, kind: Kind): Action[] {
  return [
    ...ordinary,
    ...faults.filter(() => random.chance(0.5)),
    ...masterFaults[kind].filter(() => random.chance(0.6)),
  ]
}

const ordinary: Action[] = [
  (chaos) => chaos.startApplication(),
  (chaos) => chaos.startApplication(),
  (chaos) => chaos.someApplication()?.finish(),
  requestExecutors,
  killSomeExecutor,
  endSomeExecutor,
  submitDriver,
  submitDriver,
  endSomeDriver,
  operate,
]

const faults: Action[] = [
  endSomeExecutor,
  endSomeDriver,
  (chaos) => chaos.someApplication()?.crash(false),
  (chaos) => chaos.someApplication()?.crash(true),
  (chaos) => chaos.someApplication()?.cut(),
  (chaos) => chaos.someApplication()?.stall(chaos.world.random.between(100, stallMaxMs)),
  (chaos) => chaos.someApplication()?.flood(),
  (chaos) => chaos.someHost().cut(),
  (chaos) => chaos.someHost().stall(chaos.world.random.between(100, stallMaxMs)),
  (chaos) => loseHost(chaos, false),
  (chaos) => loseHost(chaos, true),
  (chaos) => chaos.someHost().stop(),
  decommissionHost,
  decommissionHosts,
  changeHealth,
  changeHealth,
  killDrivers,
  crashGateway,
  jump,
  killThroughWeb,
  hostileStranger,
  brokenDriver,
]

function requestExecutors(chaos: Chaos): void {
  const { random } = chaos.world
  const application = chaos.someApplication()
  const last = (application?.demand.profiles.length ?? 1) - 1
  application?.request(random.between(0, last), random.between(0, 5))
}

function killSomeExecutor(chaos: Chaos): void {
  const application = chaos.someApplication()
  const known = [...(application?.believed.keys() ?? [])]
  if (known.length === 0) return
  application?.kill([String(chaos.world.random.pick(known)), 'no number', '4000000'])
}

function endSomeExecutor(chaos: Chaos): void {
  const { random } = chaos.world
  const host = chaos.someHost()
  const keys = [...host.executors.keys()]
  if (keys.length > 0) host.endExecutor(random.pick(keys), random.pick(exitStatuses))
}

function endSomeDriver(chaos: Chaos): void {
  const { random } = chaos.world
  const host = chaos.someHost()
  const ids = [...host.drivers.keys()]
  if (ids.length > 0) host.endDriver(random.pick(ids), random.chance(0.5) ? 'ended' : 'failed')
}

function submitDriver(chaos: Chaos): void {
  const { random, clock } = chaos.world
  const client = chaos.client(random.pick(sources))
  const job = chaos.job()
  if (!client.open) return
  client.submit(job)
  clock.after(random.between(0, clientStaysMaxMs), () => client.leave())
}

/** What operators ask for. */
function operate(chaos: Chaos): void {
  const { random, clock } = chaos.world
  const client = chaos.client(random.pick(sources))
  client.status(chaos.someDriverId())
  if (random.chance(0.3)) client.kill(chaos.someDriverId())
  if (random.chance(0.2)) client.readyz()
  if (random.chance(0.2)) client.clear()
  if (random.chance(0.05)) client.killAll()
  // Some leave before they are answered, some stay for ever.
  if (random.chance(0.7)) clock.after(random.between(0, clientStaysMaxMs), () => client.leave())
}

function killDrivers(chaos: Chaos): void {
  const client = chaos.client(SessionSource.WEB)
  for (let left = 3; left > 0; left -= 1) client.kill(chaos.someDriverId())
}

function loseHost(chaos: Chaos, silently: boolean): void {
  const host = chaos.someHost()
  if (!host.up) return
  host.crash(silently)
  chaos.world.clock.after(chaos.world.random.between(0, absenceMaxMs), () => host.boot())
}

/** A worker that was told to leave is replaced by a fresh one some time. */
function replace(chaos: Chaos, host: SimulatedHost): void {
  const { random, clock } = chaos.world
  const leaving = host.workerId
  clock.after(random.between(0, replacementMaxMs), () => {
    if (host.workerId === leaving) host.stop()
  })
}

function decommissionHost(chaos: Chaos): void {
  const { random } = chaos.world
  const host = chaos.someHost()
  host.decommission()
  if (random.chance(0.3)) host.decommission()
  if (random.chance(0.7)) replace(chaos, host)
}

function changeHealth(chaos: Chaos): void {
  const { random } = chaos.world
  for (const host of chaos.hosts) if (random.chance(0.5)) host.setHealthy(random.chance(0.4))
}

function decommissionHosts(chaos: Chaos): void {
  const { random } = chaos.world
  const client = chaos.client(random.pick(sources))
  const chosen = chaos.hosts.filter(() => random.chance(0.3))
  // Hosts are compared without regard to case (U15).
  const names = [...chosen.map(({ facts }) => facts.host.toUpperCase()), '10.9.9.9']
  client.decommission(names)
  if (random.chance(0.3)) client.decommission(names)
  for (const host of chosen) if (random.chance(0.7)) replace(chaos, host)
}

function crashGateway(chaos: Chaos): void {
  chaos.someMaster().crashGateway(chaos.world.random.between(0, gatewayDownMaxMs))
}

function jump(chaos: Chaos): void {
  const { random } = chaos.world
  const byMs = random.between(1_000, jumpMaxMs)
  chaos.someMaster().jump(random.chance(0.5) ? byMs : -byMs)
}

const deaf = { receive: () => {}, closed: () => {} }

function killThroughWeb(chaos: Chaos): void {
  const id = chaos.someApplication()?.id ?? 'app-that-never-was'
  const master = chaos.someMaster()
  if (!master.reachable(SessionSource.WEB)) return
  const connection = master.accept(SessionSource.WEB, 'web', deaf, 10)
  connection.sendToMaster(encode(new KillApplicationT(1, id)))
  connection.closeByPeer('done')
}

/** What comes from it may cost its own connection and nothing else. */
function hostileStranger(chaos: Chaos): void {
  const { random, coverage } = chaos.world
  const master = chaos.someMaster()
  if (!master.reachable(SessionSource.CONTROL)) return
  coverage.happened('a hostile stranger')
  const connection = master.accept(SessionSource.CONTROL, '10.66.6.6:6', deaf, 10)
  const someWorker = chaos.someHost().workerId
  const whole = encode(new WorkerLatestStateT(someWorker, []))
  const broken = whole.slice()
  for (let flips = random.between(1, 8); flips > 0; flips -= 1) {
    broken[random.between(0, broken.length - 1)] = random.between(0, 255)
  }
  connection.sendToMaster(
    random.pick([
      new Uint8Array(random.between(0, 64)).fill(0xff),
      whole.subarray(0, random.between(0, whole.length - 1)),
      broken,
      whole,
      encode(new WorkerHeartbeatT(someWorker)),
      encode(new WorkerDecommissioningT(someWorker)),
      encode(new WorkerHealthT(someWorker, random.chance(0.5), 'a lie')),
      encode(new DriverStateChangedT(chaos.someDriverId(), DriverState.KILLED)),
      encode(new ExecutorAddedT(1, someWorker, '10.0.0.9', 1, 1, 1)),
    ]),
  )
  // Some strangers stay until they are thrown out.
  if (random.chance(0.5)) connection.closeByPeer('bye')
}

/** Registers and then talks nonsense, perhaps before the registration is on disk. */
function brokenDriver(chaos: Chaos): void {
  const { clock, random, coverage, ledger } = chaos.world
  const master = chaos.someMaster()
  if (!master.reachable(SessionSource.GATEWAY)) return
  coverage.happened('a broken driver')
  const connection = master.accept(SessionSource.GATEWAY, '10.1.6.6:6', deaf, 10)
  const demand = chaos.demand()
  ledger.demands.set(demand.name, demand)
  ledger.applications.speaks(connection.session, demand.name)
  ledger.applications.ending(demand.name)
  connection.sendToMaster(encode(registrationOf(demand)))
  clock.after(random.between(0, 60), () => connection.sendToMaster(new Uint8Array(9)))
}
