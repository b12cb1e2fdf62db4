/** Whoever submits, kills and asks for drivers: over a control link and over REST. */
import type { BodyT } from '../../src/control/codec.js'
import { encodeDriver } from '../../src/control/codec.js'
import { MasterLink } from '../../src/control/link.js'
import type { Logger } from '../../src/log/logger.js'
import * as schema from '../../src/schema/magneto.js'
import type { History, Job } from './history.js'

function descriptionOf({ jarUrl, supervise }: Job): Uint8Array<ArrayBuffer> {
  const description = new schema.DriverDescriptionT(jarUrl, 64, 1, supervise)
  description.command = new schema.JvmCommandT('')
  description.runtimes = ['node-driver']
  description.nodeCommand = new schema.NodeCommandT(jarUrl, [])
  return encodeDriver(description)
}

type Answer = schema.ReplyT | schema.DriverStatusResponseT

export class Submitter {
  readonly #link: MasterLink
  readonly #waiting = new Map<number, (answer: Answer | null) => void>()
  #nextRequest = 1

  constructor(masterUrl: string, log: Logger) {
    this.#link = new MasterLink({
      masterUrl,
      log,
      onOpen: () => {},
      onMessage: (body) => {
        const answers =
          body instanceof schema.ReplyT || body instanceof schema.DriverStatusResponseT
        if (!answers) return
        this.#waiting.get(body.requestId)?.(body)
        this.#waiting.delete(body.requestId)
      },
      onClose: () => {
        for (const answered of this.#waiting.values()) answered(null)
        this.#waiting.clear()
      },
    })
  }

  close(): void {
    this.#link.close()
  }

  async submit(history: History, job: Job): Promise<void> {
    const answer = await this.#ask((id) => new schema.RequestSubmitDriverT(id, descriptionOf(job)))
    if (answer instanceof schema.ReplyT && answer.ok) history.accepted(job, String(answer.id))
  }

  async kill(job: Job): Promise<void> {
    const driverId = job.id
    if (driverId === null) return
    job.killAsked = true
    const answer = await this.#ask((id) => new schema.RequestKillDriverT(id, driverId))
    if (answer instanceof schema.ReplyT && answer.ok) job.killAcknowledged = true
  }

  /** null: no master answers now. */
  async status(driverId: string): Promise<schema.DriverStatusResponseT | null> {
    const answer = await this.#ask((id) => new schema.RequestDriverStatusT(id, driverId))
    return answer instanceof schema.DriverStatusResponseT ? answer : null
  }

  #ask(request: (id: number) => BodyT): Promise<Answer | null> {
    const id = this.#nextRequest
    this.#nextRequest += 1
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve)
      if (!this.#link.send(request(id))) {
        this.#waiting.delete(id)
        resolve(null)
      }
    })
  }
}

/** spark-submit's way (spec R5). @param address host:port of a master */
export async function submitOverRest(address: string, history: History, job: Job): Promise<void> {
  const body = {
    action: 'CreateSubmissionRequest',
    appArgs: [],
    appResource: job.jarUrl,
    clientSparkVersion: '4.3.0',
    environmentVariables: {},
    mainClass: 'org.example.Main',
    sparkProperties: {
      'spark.app.name': 'Main',
      'spark.master': `spark://${address}`,
      'spark.driver.memory': '64m',
      'spark.driver.supervise': String(job.supervise),
    },
  }
  try {
    const answer = await fetch(`http://${address}/v1/submissions/create`, {
      method: 'POST',
      body: JSON.stringify(body),
    })
    const { success, submissionId } = (await answer.json()) as {
      success?: boolean
      submissionId?: string
    }
    if (success === true && submissionId !== undefined) history.accepted(job, submissionId)
  } catch {
    // The master was killed meanwhile: whether it took the job is open.
  }
}
