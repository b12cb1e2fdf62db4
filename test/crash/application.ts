/** An application that speaks our protocol: registers, asks for executors, kills some, and ends. */
import type { BodyT } from '../../src/control/codec.js'
import { encodeApplication } from '../../src/control/codec.js'
import { MasterLink } from '../../src/control/link.js'
import type { Logger } from '../../src/log/logger.js'
import * as schema from '../../src/schema/magneto.js'
import type { History, Promised } from './history.js'

const { KILLED, FAILED, LOST, EXITED } = schema.ExecutorState
const ends = new Set([KILLED, FAILED, LOST, EXITED])
const traceLines = 60

function profile(): schema.ResourceProfileT {
  return new schema.ResourceProfileT(0, 1, 64, [])
}

function registrationOf(name: string, target: number): schema.RegisterApplicationT {
  const command = new schema.NodeCommandT('/srv/task.mjs', [])
  const description = new schema.ApplicationDescriptionT(
    ...([name, 'ada', null, null, target, profile(), schema.Command.NodeCommand] as const),
    command,
    'node',
  )
  return new schema.RegisterApplicationT(encodeApplication(description), `${name}.driver:7078`)
}

export class CrashApplication {
  readonly promised: Promised
  readonly #history: History
  readonly #link: MasterLink
  readonly #registration: schema.RegisterApplicationT
  readonly #asked = new Map<number, schema.RequestExecutorsT | schema.KillExecutorsT>()
  readonly executors = new Set<number>()
  /** What it said and heard last, for a failure. */
  readonly trace: string[] = []
  #unsure: (schema.RequestExecutorsT | schema.KillExecutorsT)[] = []
  #nextRequest = 1
  #bound = false
  over = false

  /** @param mayLose whether a connection that is lost now was lost with a master */
  constructor(
    name: string,
    target: number,
    masterUrl: string,
    history: History,
    log: Logger,
    mayLose: () => boolean,
  ) {
    this.#history = history
    this.promised = history.application(name, target)
    this.#registration = registrationOf(name, target)
    this.#link = new MasterLink({
      masterUrl,
      log,
      // The link may open before its constructor has returned it.
      onOpen: () => setImmediate(() => this.#sayWho()),
      onMessage: (body) => this.#take(body),
      onClose: () => {
        if (this.#bound && !mayLose()) this.promised.mayBeOver = true
        this.#bound = false
        this.#note('has no master')
        this.#unsure.push(...this.#asked.values())
        this.#asked.clear()
      },
    })
  }

  get settled(): boolean {
    return this.#asked.size === 0 && this.#unsure.length === 0 && this.#bound
  }

  request(total: number): void {
    if (this.over || !this.#bound) return
    this.promised.target = total
    const target = new schema.ProfileTargetT(profile(), total)
    this.#ask(new schema.RequestExecutorsT(0, this.promised.id, [target]))
  }

  killOne(): void {
    const [executorId] = this.executors
    if (this.over || !this.#bound || executorId === undefined) return
    this.promised.killAsked.add(executorId)
    this.#ask(new schema.KillExecutorsT(0, this.promised.id, [String(executorId)]))
  }

  end(): void {
    this.over = true
    this.promised.mayBeOver = true
    if (this.promised.id !== null)
      this.#link.send(new schema.UnregisterApplicationT(this.promised.id))
    this.#link.close()
  }

  #sayWho(): void {
    if (this.over) return
    const { id } = this.promised
    if (id === null) return void this.#link.send(this.#registration)
    const expected = [...this.executors].map(String)
    this.#note(`acknowledges with ${expected.join(' ')}`)
    this.#link.send(new schema.MasterChangeAcknowledgedT(id, expected))
  }

  #note(what: string): void {
    this.trace.push(`${new Date().toISOString().slice(11)} ${what}`)
    if (this.trace.length > traceLines) this.trace.shift()
  }

  #take(body: BodyT): void {
    if (this.over) return
    this.#note(`${body.constructor.name} ${JSON.stringify(body)}`)
    if (body instanceof schema.MasterChangedT) this.#sayWho()
    else if (body instanceof schema.ApplicationRegisteredT) this.#registered(String(body.appId))
    else if (body instanceof schema.ReplyT) this.#replied(body)
    else if (body instanceof schema.ExecutorAddedT) this.executors.add(body.executorId)
    else if (body instanceof schema.ExecutorUpdatedT) {
      if (ends.has(body.state)) this.executors.delete(body.executorId)
    } else if (body instanceof schema.ApplicationRemovedT) {
      this.#history.removed(this.promised, String(body.message))
      this.over = true
      this.promised.mayBeOver = true
      this.#link.close()
    }
  }

  #registered(id: string): void {
    this.#history.registered(this.promised, id)
    this.#bound = true
    const again = this.#unsure
    this.#unsure = []
    for (const request of again) this.#ask(request)
  }

  #replied({ requestId, ok, message }: schema.ReplyT): void {
    const request = this.#asked.get(requestId)
    if (request === undefined) return
    this.#asked.delete(requestId)
    if (!ok) this.#history.violated(`${this.promised.id} was refused: ${message}`)
    // As with Spark no master tells of it: a driver sees that its executor has left.
    if (request instanceof schema.KillExecutorsT)
      for (const id of request.executorIds) this.executors.delete(Number(id))
  }

  #ask(request: schema.RequestExecutorsT | schema.KillExecutorsT): void {
    request.requestId = this.#nextRequest
    this.#nextRequest += 1
    this.#asked.set(request.requestId, request)
    this.#link.send(request)
  }
}
