/** Plays rows at Apache's Master: workers, drivers and clients as they look on the wire. */
import {
  applicationOf,
  driverOf,
  driverStateOf,
  latestStateOf,
  senderOf,
  stateOf,
  targetsOf,
  workerOf,
} from './action.js'
import type { WorkerAction } from './action.js'
import type { ApacheMaster } from './apache-master.js'
import { apacheText } from './apache-words.js'
import { UnplayableError } from './player.js'
import type { Player } from './player.js'
import { rowText, wordOf } from './row.js'
import type { Row } from './row.js'
import { SparkLink } from './spark-link.js'
import type { Delivered } from './spark-link.js'
import * as spark from './spark-messages.js'
import { Names, expectedOf } from './words.js'

const WATCHING_WORKER: WorkerAction = {
  id: '0-watching-worker',
  host: 'watching-worker',
  port: 1,
  cores: 0,
  memoryMb: 0,
  resources: [],
}
const WATCHING_APP = 'watching-app'
/**
 * Apache's Master leaves what these rows make necessary to whatever happens next, such as a request that
 * changes nothing; ours places at once.
 */
const SCHEDULED_LATER = new Set(['decommissioning', 'decommission'])
/** A lost connection is noticed within milliseconds. */
const LOSS_LIMIT_MS = 10_000

interface Address {
  readonly host: string
  readonly port: number
}

export class ApachePlayer implements Player {
  readonly #master: ApacheMaster
  readonly #link: SparkLink
  #watchingAppId = ''
  #names = new Names()
  /** Registered workers by id, and the peers that speak for them. */
  #workers = new Map<string, WorkerAction>()
  #workerIds = new Map<string, string>()
  /** Registered applications by id: who speaks for them, and from where. */
  #apps = new Map<string, Address & { readonly peer: string }>()
  /** Worker ids are new in every history: the Master remembers dead ones. */
  #history = 0
  /** How often the peer's connection was lost: what is meant for an earlier one is never delivered. */
  #losses = new Map<string, number>()
  #drivers = new Set<string>()

  private constructor(master: ApacheMaster, link: SparkLink) {
    this.#master = master
    this.#link = link
  }

  /** Two peers of our own hear of every loss: that tells when it has been dealt with. */
  static async join(master: ApacheMaster): Promise<ApachePlayer> {
    const link = await SparkLink.open({ host: 'player', port: 1 }, master)
    const player = new ApachePlayer(master, link)
    link.send(spark.registerWorker(WATCHING_WORKER, WATCHING_WORKER.id))
    const app = applicationOf({
      verb: 'app',
      words: [WATCHING_APP],
      options: new Map([['limit', '0']]),
    })
    link.send(spark.registerApplication(app, WATCHING_APP))
    await player.#settled()
    const names = new Names()
    const expected = { app: WATCHING_APP, driver: null, reply: 'boolean' } as const
    const heard = link.take().map(({ stream }) => apacheText(stream, names, expected))
    if (heard.join() !== `WorkerRegistered,ApplicationRegistered ${WATCHING_APP}`)
      throw new Error(`Apache's Master did not register the watching peers: ${heard.join()}`)
    player.#watchingAppId = names.id(WATCHING_APP)
    return player
  }

  async reset(): Promise<void> {
    // First those that wait: what ends makes room for them.
    await this.#link.ask(spark.requestKillAllDrivers(), null)
    await this.#settled()
    for (const driver of this.#drivers)
      this.#link.send(spark.driverStateChanged(this.#names.id(driver), 'KILLED', null))
    for (const id of this.#apps.keys()) this.#link.send(spark.unregisterApplication(id))
    await this.#settled()
    await Promise.all([...this.#workers.values()].map(async (worker) => this.#disconnect(worker)))
    await this.#heard(WATCHING_APP, this.#workers.size)
    await this.#link.ask(spark.requestClearCompleted(), null)
    this.#link.take()
    this.#names = new Names()
    this.#workers = new Map()
    this.#workerIds = new Map()
    this.#apps = new Map()
    this.#drivers = new Set()
    this.#losses = new Map()
    this.#history += 1
  }

  async close(): Promise<void> {
    await this.#link.close()
  }

  async play(row: Row): Promise<string[]> {
    const before: Delivered[] = []
    if (row.verb === 'drop') before.push(...(await this.#drop(wordOf(row, 0))))
    else await this.#say(row)
    await this.#settled()
    if (SCHEDULED_LATER.has(row.verb))
      await this.#link.ask(spark.requestExecutors(this.#watchingAppId, []), null)
    const expected = expectedOf(row)
    const delivered = [...before, ...this.#link.take()]
    // A driver is launched before its submitter hears its id.
    for (const { peer, stream } of delivered)
      if (row.verb === 'submit' && peer === this.#sender(row))
        apacheText(stream, this.#names, expected)
    const texts: string[] = []
    for (const { peer: endpoint, stream } of delivered) {
      const peer = endpoint.slice(0, endpoint.indexOf('~'))
      if (endpoint !== this.#endpoint(peer)) continue
      const text = apacheText(stream, this.#names, expected)
      this.#note(row, peer, text)
      texts.push(`${peer} ${text}`)
    }
    return texts
  }

  /** Keeps track of who is registered, by what the Master says. */
  #note(row: Row, peer: string, text: string): void {
    if (text.startsWith('WorkerRegistered')) {
      const worker = workerOf(row)
      this.#workers.set(worker.id, this.#workers.get(worker.id) ?? worker)
      this.#workerIds.set(peer, worker.id)
    }
    if (text.startsWith('ApplicationRegistered')) {
      const { name, driverHost, driverPort } = applicationOf(row)
      this.#apps.set(this.#names.id(name), { peer, host: driverHost, port: driverPort })
    }
    if (text.startsWith('ApplicationRemoved')) this.#apps.delete(this.#names.id(peer))
    const launched = /^LaunchDriver (\S+)/.exec(text)?.[1]
    if (launched !== undefined) this.#drivers.add(launched)
    if (row.verb === 'submit') this.#drivers.add(wordOf(row, 0))
    if (row.verb === 'unregister') this.#apps.delete(this.#names.id(wordOf(row, 0)))
  }

  async #say(row: Row): Promise<void> {
    const name = row.words[0] ?? ''
    const id = this.#names.id(name)
    switch (row.verb) {
      case 'worker':
        return this.#link.send(
          spark.registerWorker(this.#wireWorker(workerOf(row)), this.#sender(row)),
        )
      case 'app':
        return this.#link.send(spark.registerApplication(applicationOf(row), this.#sender(row)))
      case 'beat':
        return this.#link.send(spark.heartbeat(this.#worker(name), this.#sender(row)))
      case 'webkill':
        // A button of the page, and no message that another peer could send.
        return row.options.has('from') ? undefined : this.#master.killApplication(id)
      case 'unregister':
        return this.#link.send(spark.unregisterApplication(id))
      case 'decommissioning':
        return this.#link.send(spark.workerDecommissioning(this.#worker(name), this.#sender(row)))
      case 'driverstate': {
        const driverId = this.#names.id(wordOf(row, 1))
        const exception = row.options.get('exception') ?? null
        return this.#link.send(spark.driverStateChanged(driverId, driverStateOf(row), exception))
      }
      case 'latest':
        return this.#link.send(this.#latestState(row))
      default:
        return this.#ask(row, name, id)
    }
  }

  async #ask(row: Row, name: string, id: string): Promise<void> {
    switch (row.verb) {
      case 'state': {
        const change = stateOf(row)
        const stream = spark.executorStateChanged(this.#names.id(change.app), change)
        return this.#link.ask(stream, this.#sender(row))
      }
      case 'request':
        return this.#link.ask(spark.requestExecutors(id, targetsOf(row)), this.#sender(row))
      case 'kill':
        return this.#link.ask(spark.killExecutors(id, row.words.slice(1)), this.#sender(row))
      case 'submit':
        return this.#link.ask(spark.requestSubmitDriver(driverOf(row)), this.#sender(row))
      case 'killdriver':
        return this.#link.ask(spark.requestKillDriver(id), this.#sender(row))
      case 'killdrivers':
        return this.#link.ask(spark.requestKillAllDrivers(), this.#sender(row))
      case 'clear':
        return this.#link.ask(spark.requestClearCompleted(), this.#sender(row))
      case 'readyz':
        return this.#link.ask(spark.requestReadyz(), this.#sender(row))
      case 'status':
        return this.#link.ask(spark.requestDriverStatus(id), this.#sender(row))
      case 'decommission':
        return this.#link.ask(spark.decommissionWorkersOnHosts(row.words), this.#sender(row))
      default:
        throw new UnplayableError(`${rowText(row)}: Spark has no such message (${name})`)
    }
  }

  /** Names the peer's connection: messages come back under this name. */
  #endpoint(peer: string): string {
    return `${peer}~${this.#history}.${this.#losses.get(peer) ?? 0}`
  }

  #sender(row: Row): string {
    return this.#endpoint(senderOf(row))
  }

  #workerOf(peer: string): WorkerAction | undefined {
    return this.#workers.get(this.#workerIds.get(peer) ?? '')
  }

  /** One that never registered speaks, too. */
  #worker(name: string): WorkerAction {
    const unregistered = { verb: 'worker', words: [name], options: new Map<string, string>() }
    return this.#wireWorker(this.#workers.get(name) ?? workerOf(unregistered))
  }

  /** In the same order as the names: a selection policy's last resort is the id. */
  #wireWorker(worker: WorkerAction): WorkerAction {
    const id = `${worker.id}-${this.#history}`
    this.#names.give(worker.id, id)
    return { ...worker, id }
  }

  #latestState(row: Row): Uint8Array {
    const { worker, executors, drivers } = latestStateOf(row)
    return spark.workerLatestState(
      this.#worker(worker).id,
      executors.map(({ app, executorId, state }) => {
        return { appId: this.#names.id(app), executorId, state }
      }),
      drivers.map((driver) => this.#names.id(driver)),
    )
  }

  async #drop(peer: string): Promise<Delivered[]> {
    const worker = this.#workerOf(peer)
    const app = [...this.#apps].find(([, { peer: driver }]) => driver === peer)
    const address = worker ?? app?.[1]
    if (address === undefined) return []
    await this.#disconnect(address)
    this.#losses.set(peer, (this.#losses.get(peer) ?? 0) + 1)
    if (worker !== undefined) this.#workers.delete(worker.id)
    if (app !== undefined) this.#apps.delete(app[0])
    return this.#heard(worker === undefined ? WATCHING_WORKER.id : WATCHING_APP, 1)
  }

  /** A connection from the peer's address, that then breaks: all that a Master sees of a loss. */
  async #disconnect({ host, port }: Address): Promise<void> {
    const link = await SparkLink.open({ host, port }, this.#master)
    await link.ask(spark.boundPortsRequest(), null)
    await link.close()
  }

  /** Waits until one of the watching peers has heard of so many losses. */
  async #heard(watching: string, losses: number): Promise<Delivered[]> {
    const deadline = Date.now() + LOSS_LIMIT_MS
    const all: Delivered[] = []
    for (;;) {
      const counted = all.filter(({ peer }) => peer === watching).length
      if (counted >= losses) return all
      if (Date.now() > deadline)
        throw new Error(`${losses} losses at Apache's Master, heard of ${counted}`)
      await this.#link.ask(spark.boundPortsRequest(), null)
      all.push(...this.#link.take())
    }
  }

  /** Twice: what the Master tells itself is done then, too. */
  async #settled(): Promise<void> {
    await this.#link.ask(spark.boundPortsRequest(), null)
    await this.#link.ask(spark.boundPortsRequest(), null)
  }
}
