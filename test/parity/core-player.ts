/** Plays rows at our core, through the addon: every peer is a session of the Spark gateway. */
import { encode, encodeApplication, encodeDriver, decode } from '../../src/control/codec.js'
import type { BodyT } from '../../src/control/codec.js'
import { InboxKind, SessionSource, sessionOf } from '../../src/control/records.js'
import type { BatchWriter } from '../../src/control/records.js'
import * as schema from '../../src/schema/magneto.js'
import { DRIVER_STATES, EXECUTOR_STATES } from '../../src/spark/messages.js'
import { Driver } from '../core/support.js'
import * as action from './action.js'
import { coreText } from './core-words.js'
import { UnplayableError } from './player.js'
import type { Player } from './player.js'
import { rowText, wordOf } from './row.js'
import type { Row } from './row.js'
import { coreConfig } from './settings.js'
import type { Settings } from './settings.js'
import { Names, expectedOf } from './words.js'

const RUNTIME = 'spark-4.3'
const DRIVER_RUNTIME = 'spark-4.3-driver'
const WEB = 'web'

function amounts(gpus: number): schema.ResourceAmountT[] {
  return gpus === 0 ? [] : [new schema.ResourceAmountT('gpu', gpus)]
}

function profileOf({ id, cores, memoryMb, gpus }: action.Profile): schema.ResourceProfileT {
  return new schema.ResourceProfileT(id, cores ?? 0, memoryMb ?? 0, amounts(gpus))
}

function registerWorker(row: Row): BodyT {
  const { id, host, port, cores, memoryMb, resources } = action.workerOf(row)
  return new schema.RegisterWorkerT(
    id,
    host,
    port,
    cores,
    memoryMb,
    null,
    resources.map(({ name, addresses }) => new schema.ResourceT(name, [...addresses])),
    [RUNTIME, DRIVER_RUNTIME],
  )
}

function registerApplication(row: Row): BodyT {
  const app = action.applicationOf(row)
  const description = new schema.ApplicationDescriptionT()
  description.name = app.fullName
  description.maxCores = app.maxCores
  description.initialExecutorLimit = app.limit
  description.defaultProfile = profileOf(app.profile)
  description.commandType = schema.Command.JvmCommand
  description.command = new schema.JvmCommandT('Executor')
  description.runtime = RUNTIME
  const bytes = encodeApplication(description)
  return new schema.RegisterApplicationT(bytes, `${app.driverHost}:${app.driverPort}`)
}

function submitDriver(row: Row): BodyT {
  const driver = action.driverOf(row)
  const description = new schema.DriverDescriptionT()
  description.jarUrl = 'file:/app.jar'
  description.memoryMb = driver.memoryMb
  description.cores = driver.cores
  description.supervise = driver.supervise
  description.command = new schema.JvmCommandT('Driver')
  description.resources = amounts(driver.gpus)
  description.runtimes = [DRIVER_RUNTIME]
  return new schema.RequestSubmitDriverT(1, encodeDriver(description))
}

export class CorePlayer implements Player {
  #core = new Driver()
  #names = new Names()
  #sessions = new Map<string, number>()
  #peers = new Map<number, string>()
  #lastSession = 0
  /** By the core; it is told that they are gone before the next row. */
  #closed: number[] = []
  /** Store sequences: the disk is fast here. */
  #written = 0
  #stored = 0

  reset(settings: Settings): Promise<void> {
    this.#core = new Driver(coreConfig(settings))
    this.#names = new Names()
    this.#sessions = new Map()
    this.#peers = new Map()
    this.#lastSession = 0
    this.#closed = []
    this.#written = 0
    this.#stored = 0
    return Promise.resolve()
  }

  play(row: Row): Promise<string[]> {
    const expected = expectedOf(row)
    const effects = this.#core.step((inbox) => {
      for (const session of this.#closed.splice(0)) inbox.add(InboxKind.DISCONNECTED, session)
      if (row.verb === 'drop') this.#drop(inbox, wordOf(row, 0))
      else this.#say(inbox, row)
      if (this.#written > this.#stored) inbox.add(InboxKind.STORED, 0, '', this.#written)
      this.#stored = this.#written
    })
    const texts: string[] = []
    for (const { kind, session, payload, argument } of effects) {
      if (kind === 'PERSIST' || kind === 'FORGET') this.#written = argument
      const peer = this.#peers.get(session) ?? `session ${session}`
      // A browser gets a page, not an answer.
      if (row.verb === 'webkill' && peer.startsWith(WEB)) continue
      if (kind === 'SEND') texts.push(`${peer} ${coreText(decode(payload), this.#names, expected)}`)
      if (kind !== 'CLOSE') continue
      texts.push(`${peer} CLOSE`)
      this.#sessions.delete(peer)
      this.#closed.push(session)
    }
    return Promise.resolve(texts)
  }

  #drop(inbox: BatchWriter, peer: string): void {
    const session = this.#sessions.get(peer)
    if (session === undefined) return
    inbox.add(InboxKind.DISCONNECTED, session, 'gone')
    this.#sessions.delete(peer)
  }

  #say(inbox: BatchWriter, row: Row): void {
    const body = this.#bodyOf(row)
    const peer = action.senderOf(row)
    let session = this.#sessions.get(peer)
    if (session === undefined) {
      this.#lastSession += 1
      const source = peer.startsWith(WEB) ? SessionSource.WEB : SessionSource.GATEWAY
      session = sessionOf(source, this.#lastSession)
      this.#sessions.set(peer, session)
      this.#peers.set(session, peer)
      inbox.add(InboxKind.CONNECTED, session, `${peer}:1`)
    }
    inbox.add(InboxKind.MESSAGE, session, encode(body))
  }

  #bodyOf(row: Row): BodyT {
    const name = row.words[0] ?? ''
    const id = this.#names.id(name)
    switch (row.verb) {
      case 'worker':
        return registerWorker(row)
      case 'app':
        return registerApplication(row)
      case 'beat':
        return new schema.WorkerHeartbeatT(name)
      case 'unregister':
        return new schema.UnregisterApplicationT(id)
      case 'decommissioning':
        return new schema.WorkerDecommissioningT(name)
      case 'driverstate': {
        const state = DRIVER_STATES.indexOf(action.driverStateOf(row))
        const exception = row.options.get('exception') ?? null
        return new schema.DriverStateChangedT(this.#names.id(wordOf(row, 1)), state, exception)
      }
      case 'latest':
        return this.#latestState(row)
      default:
        return this.#request(row, id)
    }
  }

  #request(row: Row, id: string): BodyT {
    switch (row.verb) {
      case 'state': {
        const { app, executorId, state, exitStatus } = action.stateOf(row)
        const number = EXECUTOR_STATES.indexOf(state)
        const appId = this.#names.id(app)
        return new schema.ExecutorStateChangedT(1, appId, executorId, number, null, exitStatus)
      }
      case 'request': {
        const targets = action
          .targetsOf(row)
          .map(({ profile, total }) => new schema.ProfileTargetT(profileOf(profile), total))
        return new schema.RequestExecutorsT(1, id, targets)
      }
      case 'webkill':
        return new schema.KillApplicationT(1, id)
      case 'kill':
        return new schema.KillExecutorsT(1, id, row.words.slice(1))
      case 'submit':
        return submitDriver(row)
      case 'killdriver':
        return new schema.RequestKillDriverT(1, id)
      case 'killdrivers':
        return new schema.RequestKillAllDriversT(1)
      case 'clear':
        return new schema.RequestClearCompletedDriversAndAppsT(1)
      case 'readyz':
        return new schema.RequestReadyzT(1)
      case 'status':
        return new schema.RequestDriverStatusT(1, id)
      case 'decommission':
        return new schema.DecommissionWorkersOnHostsT(1, [...row.words])
      default:
        throw new UnplayableError(`${rowText(row)}: no message`)
    }
  }

  #latestState(row: Row): BodyT {
    const { worker, executors, drivers } = action.latestStateOf(row)
    return new schema.WorkerLatestStateT(
      worker,
      executors.map(
        ({ app, executorId, state }) =>
          new schema.ExecutorDescriptionT(
            this.#names.id(app),
            executorId,
            0,
            1,
            1,
            EXECUTOR_STATES.indexOf(state),
          ),
      ),
      drivers.map((driver) => this.#names.id(driver)),
    )
  }
}
