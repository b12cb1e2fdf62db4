/** What a master says of who leads, made by hand. */
import type { Leader, LeadershipStatus } from '../../src/control/leadership.js'

export const leader: Leader = {
  masterUrl: 'spark://leader:7077',
  webUiUrl: 'http://leader:8080',
  controlAddress: 'leader:7078',
  epoch: 7,
}

/** Of a standby of `leader`, but for these changes. */
export function leadershipStatus(change: Partial<LeadershipStatus> = {}): LeadershipStatus {
  return {
    self: {
      masterUrl: 'spark://master:7077',
      webUiUrl: 'http://master:8080',
      controlAddress: 'master:7078',
    },
    role: 'standby',
    leader,
    reason: '',
    followers: [],
    behind: { commits: 0, ms: 0 },
    elections: 0,
    lastTakeoverMs: null,
    store: {
      mode: 'ZOOKEEPER',
      commits: 0,
      records: 0,
      commitP50Ms: 0,
      commitP99Ms: 0,
      failures: 0,
    },
    ...change,
  }
}
