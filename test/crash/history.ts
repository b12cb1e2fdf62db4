/**
 * What clients were told and what their programs did, kept over all deaths of masters. What may never happen is thrown to whoever watches
 * at once; what must hold in the end, `final.ts` asks for.
 */
export interface Job {
  readonly jarUrl: string
  readonly supervise: boolean
  /** The id under which it was accepted; null: nobody was told one. */
  id: string | null
  killAcknowledged: boolean
  killAsked: boolean
  readonly lives: Life[]
}

export type End = 'finished' | 'failed' | 'killed'

export interface Life {
  readonly driverId: string
  readonly worker: string
  how: End | 'runs' | 'lost'
  /** Of one that was lost: how it ended before, if it did; a master may have heard of that. */
  unsure?: End
}

export interface Promised {
  readonly name: string
  id: string | null
  /** It has asked for its end, or its connection was lost while a master lived (L2). */
  mayBeOver: boolean
  /** How many executors it wants and was told that it gets. */
  target: number
  readonly killAsked: Set<number>
}

export class History {
  readonly violations: string[] = []
  readonly jobs = new Map<string, Job>()
  readonly applications = new Map<string, Promised>()
  readonly #nameOf = new Map<string, string>()
  readonly #jobOf = new Map<string, Job>()
  readonly #launched = new Map<string, string>()
  readonly counts = new Map<string, number>()

  violated(what: string): void {
    this.violations.push(what)
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1)
  }

  // ---- applications ----

  application(name: string, target: number): Promised {
    const made: Promised = { name, id: null, mayBeOver: false, target, killAsked: new Set() }
    this.applications.set(name, made)
    return made
  }

  registered(app: Promised, id: string): void {
    const before = this.#nameOf.get(id)
    if (before !== undefined && before !== app.name) {
      this.violated(`application id ${id} was given to ${before} and to ${app.name}`)
    }
    if (app.id !== null && app.id !== id) {
      this.violated(`${app.name} was ${app.id} and then ${id}`)
    }
    this.#nameOf.set(id, app.name)
    app.id = id
    this.count('applications registered')
  }

  removed(app: Promised, message: string): void {
    if (app.id === null || app.mayBeOver) return
    this.violated(`${app.id} (${app.name}) did not end and was removed: ${message}`)
  }

  // ---- executors ----

  executorLaunched(key: string, worker: string): void {
    const before = this.#launched.get(key)
    if (before !== undefined)
      this.violated(`executor ${key} was started on ${before} and on ${worker}`)
    this.#launched.set(key, worker)
    this.count('executors launched')
  }

  executorKilled(appId: string, executorId: number): void {
    const app = this.applications.get(this.#nameOf.get(appId) ?? '')
    // Its registration may have been answered to nobody.
    if (app === undefined || app.mayBeOver || app.killAsked.has(executorId)) return
    this.violated(`executor ${appId}/${executorId} is killed, and nobody asked for that`)
  }

  // ---- drivers ----

  job(jarUrl: string, supervise: boolean): Job {
    const job: Job = {
      jarUrl,
      supervise,
      id: null,
      killAcknowledged: false,
      killAsked: false,
      lives: [],
    }
    this.jobs.set(jarUrl, job)
    return job
  }

  accepted(job: Job, id: string): void {
    const before = this.#jobOf.get(id)
    if (before !== undefined && before !== job) {
      this.violated(`driver id ${id} was given to ${before.jarUrl} and to ${job.jarUrl}`)
    }
    this.#jobOf.set(id, job)
    job.id = id
    this.count('drivers accepted')
  }

  driverLaunched(driverId: string, jarUrl: string, worker: string): Life {
    const job = this.jobs.get(jarUrl) ?? this.job(jarUrl, false)
    const life: Life = { driverId, worker, how: 'runs' }
    const before = this.#jobOf.get(driverId)
    if (before !== undefined && before !== job) {
      this.violated(`driver id ${driverId} was given to ${before.jarUrl} and to ${jarUrl}`)
    }
    this.#jobOf.set(driverId, job)
    for (const earlier of job.lives) {
      const twice = earlier.driverId === driverId || !job.supervise || earlier.how !== 'lost'
      if (!twice) continue
      this.violated(
        `${jarUrl} runs on ${worker} as ${driverId} after it was ${earlier.how} on ${earlier.worker} as ` +
          earlier.driverId,
      )
    }
    job.lives.push(life)
    this.count('drivers launched')
    return life
  }
}
