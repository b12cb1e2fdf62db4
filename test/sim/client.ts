/** Whoever submits drivers and operates the cluster: spark-submit, the REST server, an operator's page. */
import { decode, encode, encodeDriver, type BodyT } from '../../src/control/codec.js'
import { SessionSource } from '../../src/control/records.js'
import * as schema from '../../src/schema/magneto.js'
import type { Job } from './driver-ledger.js'
import { Violation } from './violation.js'
import type { Connection, Receiver } from './network.js'
import { messageText } from './trace.js'
import type { World } from './world.js'

/** What the clients of Spark match (R14). */
const standbyText = 'Current state is not alive'

export function descriptionOf(job: Job): Uint8Array<ArrayBuffer> {
  const args = ['{{WORKER_URL}}', '{{USER_JAR}}', 'org.example.Job']
  const command = new schema.JvmCommandT('org.apache.spark.deploy.worker.DriverWrapper', args)
  return encodeDriver(
    new schema.DriverDescriptionT(
      job.jarUrl,
      job.memoryMb,
      job.cores,
      job.supervise,
      command,
      job.gpus > 0 ? [new schema.ResourceAmountT('gpu', job.gpus)] : [],
      [...job.runtimes],
      Uint8Array.from([0xac, 0xed, 0, 5]),
    ),
  )
}

type Answer = (body: schema.ReplyT | schema.DriverStatusResponseT) => void

export class SimulatedClient implements Receiver {
  readonly #world: World
  readonly #name: string
  #connection: Connection | null = null
  #nextRequest = 1
  readonly #waiting = new Map<number, Answer>()

  constructor(world: World, name: string, source: SessionSource) {
    this.#world = world
    this.#name = name
    const { random, delayMaxMs } = world
    const master = random.pick(world.masters)
    if (!master.reachable(source)) return
    this.#connection = master.accept(source, name, this, random.between(0, delayMaxMs))
  }

  get open(): boolean {
    return this.#connection !== null
  }

  get unanswered(): number {
    return this.#waiting.size
  }

  submit(job: Job): void {
    const { ledger, coverage } = this.#world
    ledger.drivers.submitting(job)
    this.#ask(
      (id) => new schema.RequestSubmitDriverT(id, descriptionOf(job)),
      (body) => {
        const { ok, id, message } = this.#reply(body)
        if (ok) return ledger.drivers.promised(job, String(id))
        this.#mustBeStandby(message)
        coverage.happened('a submission is refused in standby')
      },
    )
  }

  kill(driverId: string): void {
    const { ledger, coverage } = this.#world
    ledger.drivers.killing(driverId)
    this.#ask(
      (id) => new schema.RequestKillDriverT(id, driverId),
      (body) => {
        const { ok, message } = this.#reply(body)
        if (ok) ledger.drivers.killed(driverId)
        if (!ok && !message.startsWith(standbyText))
          coverage.happened('an unknown driver is killed')
      },
    )
  }

  killAll(): void {
    this.#ask(
      (id) => new schema.RequestKillAllDriversT(id),
      (body) => this.#reply(body),
    )
  }

  status(driverId: string): void {
    const { ledger } = this.#world
    this.#ask(
      (id) => new schema.RequestDriverStatusT(id, driverId),
      (body) => {
        if (!(body instanceof schema.DriverStatusResponseT)) {
          throw new Violation(`${this.#name} asked for a status and got ${messageText(body)}`)
        }
        ledger.drivers.answered(driverId, body)
      },
    )
  }

  clear(): void {
    this.#ask(
      (id) => new schema.RequestClearCompletedDriversAndAppsT(id),
      (body) => this.#reply(body),
    )
  }

  readyz(): void {
    this.#ask(
      (id) => new schema.RequestReadyzT(id),
      (body) => this.#reply(body),
    )
  }

  decommission(hosts: readonly string[]): void {
    this.#ask(
      (id) => new schema.DecommissionWorkersOnHostsT(id, [...hosts]),
      (body) => {
        const { count } = this.#reply(body)
        if (count > hosts.length) {
          throw new Violation(`${count} workers leave, of ${hosts.length} hosts with one each`)
        }
      },
    )
  }

  /** Does not wait for what it has asked. */
  leave(): void {
    this.#connection?.closeByPeer('the client has gone')
    this.#end()
  }

  receive(bytes: Uint8Array): void {
    if (!this.open) return
    const body = decode(bytes)
    // It is nobody's worker: who leads is the same to it.
    if (body instanceof schema.MasterChangedT) return
    if (!(body instanceof schema.ReplyT) && !(body instanceof schema.DriverStatusResponseT)) {
      throw new Violation(`${this.#name} was told ${messageText(body)}`)
    }
    const answer = this.#waiting.get(body.requestId)
    if (answer === undefined) {
      throw new Violation(`${this.#name} got an answer to ${body.requestId}, which waits for none`)
    }
    this.#waiting.delete(body.requestId)
    answer(body)
  }

  closed(reason: string): void {
    this.#world.trace.add(this.#name, () => `closed: ${reason}`)
    this.#end()
  }

  #reply(body: BodyT): { ok: boolean; id: string | null; message: string; count: number } {
    if (!(body instanceof schema.ReplyT)) {
      throw new Violation(`${this.#name} waits for a reply and got ${messageText(body)}`)
    }
    const { ok, id, message, count } = body
    return { ok, id, message: String(message), count }
  }

  #mustBeStandby(message: string): void {
    if (message.startsWith(standbyText)) return
    throw new Violation(`a driver was refused: ${message}`)
  }

  #ask(request: (id: number) => BodyT, answer: Answer): void {
    if (this.#connection === null) return
    const id = this.#nextRequest
    this.#nextRequest += 1
    this.#waiting.set(id, answer)
    const body = request(id)
    this.#world.trace.add(this.#name, () => `-> ${messageText(body)}`)
    this.#connection.sendToMaster(encode(body))
  }

  #end(): void {
    this.#connection = null
    this.#waiting.clear()
  }
}
