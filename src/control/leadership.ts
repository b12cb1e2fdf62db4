/** Who leads, as a master tells it: to its own threads, over `GET /masters` on its port, and to operators. */

/** How one master is found. */
export interface MasterIdentity {
  /** spark://host:port */
  readonly masterUrl: string
  readonly webUiUrl: string
  /** host:port of its control link, IPv6 in brackets. */
  readonly controlAddress: string
}

export interface Leader extends MasterIdentity {
  /** Grows with each change of leaders, and never repeats in one store. */
  readonly epoch: number
}

export interface Follower {
  readonly masterUrl: string
  /** Commits of the leader that it has not confirmed yet. */
  readonly lagCommits: number
  /** Since when it has lagged, in ms; 0: it does not. */
  readonly lagMs: number
}

/** Since the master started; times in ms. */
export interface StoreFigures {
  /** spark.deploy.recoveryMode */
  readonly mode: string
  readonly commits: number
  readonly records: number
  /** Of the last commits. */
  readonly commitP50Ms: number
  readonly commitP99Ms: number
  readonly failures: number
}

/**
 * `suspended`: it led, and is not sure that it still does: it decides nothing until it knows.
 */
export type Role = 'standby' | 'leader' | 'suspended'

export interface LeadershipStatus {
  readonly self: MasterIdentity
  readonly role: Role
  /** null: this master knows of none. */
  readonly leader: Leader | null
  /** Why it does not lead, or what is wrong with its store; empty: nothing to tell. */
  readonly reason: string
  /** Of a leader: the standbys that follow its log. */
  readonly followers: readonly Follower[]
  /** Of a standby that follows the leader's log: how far behind it is; null: it follows none. */
  readonly behind: { readonly commits: number; readonly ms: number } | null
  /** How often this process has begun to lead. */
  readonly elections: number
  /** How long it took from learning that it leads until its core led, in ms; null: it never did. */
  readonly lastTakeoverMs: number | null
  readonly store: StoreFigures
}
