/** Who leads, as the page (U20) and Prometheus see it. */
import { describe, expect, test } from 'vitest'
import { MasterState } from '../../src/schema/magneto.js'
import { timeText } from '../../src/ui/format.js'
import { leadershipStatus } from '../control/leadership.js'
import { clusterPage, clusterView, submittedMs } from './views.js'

/** What a reader sees of a document. */
function text(document: string): string {
  return document.replaceAll(/<[^>]*>/g, '').replaceAll(/\s+/g, ' ')
}

const leading = leadershipStatus({
  role: 'leader',
  elections: 2,
  lastTakeoverMs: 150,
  behind: null,
  followers: [
    { masterUrl: 'spark://second:7077', lagCommits: 0, lagMs: 0 },
    { masterUrl: 'spark://<b>third</b>:7077', lagCommits: 4, lagMs: 1_500 },
  ],
  store: {
    mode: 'ZOOKEEPER',
    commits: 12,
    records: 34,
    commitP50Ms: 2.5,
    commitP99Ms: 80,
    failures: 1,
  },
})

describe('the first page', () => {
  test('U20: a standby names the leader, links to its page and says what keeps it from leading', () => {
    const view = clusterView({ state: MasterState.STANDBY, workers: [] })
    const reason = 'no <ZooKeeper> server answers'
    const page = clusterPage(view, { killEnabled: true, leadership: leadershipStatus({ reason }) })
    expect(page).toContain('<a href="http://leader:8080/">spark://leader:7077</a>')
    expect(text(page)).toContain(
      'STANDBY (Log); the leader is spark://leader:7077: no &lt;ZooKeeper&gt; server answers',
    )
    const nobody = clusterPage(view, {
      killEnabled: true,
      leadership: leadershipStatus({ leader: null }),
    })
    expect(text(nobody)).toContain('STANDBY (Log); no master is known to lead')
    // Before the shell has said anything, the core's own word counts.
    const known = clusterView({
      state: MasterState.STANDBY,
      leaderUrl: 'spark://other:7077',
      leaderWebUiUrl: 'javascript:alert(1)',
    })
    const early = clusterPage(known, { killEnabled: true })
    expect(text(early)).toContain('STANDBY (Log); the leader is spark://other:7077')
    expect(early).not.toContain('javascript:')
    expect(early).not.toContain('Leadership')
  })

  test('U20, T7: a recovering one says until when', () => {
    const due = submittedMs + 60_000
    const view = clusterView({ state: MasterState.RECOVERING, recoveryDueMs: BigInt(due) })
    const page = clusterPage(view, { killEnabled: true, leadership: leading })
    expect(text(page)).toContain(`RECOVERING (Log), until ${timeText(due)} at the latest`)
  })

  test('one that is not sure says so', () => {
    const leadership = { ...leading, role: 'suspended' as const, reason: 'no heartbeat for 2 s' }
    const page = clusterPage(clusterView(), { killEnabled: true, leadership })
    expect(text(page)).toContain(
      'ALIVE (Log); suspended: it does not know whether it still leads: no heartbeat for 2 s',
    )
  })

  test('its leadership: epoch, elections, the store, and how far each standby is behind', () => {
    const page = clusterPage(clusterView(), { killEnabled: true, leadership: leading })
    const seen = text(page)
    expect(seen).toContain('Role leader')
    expect(seen).toContain('Epoch 7')
    expect(seen).toContain('Elections 2 since its start, the last one took 150 ms')
    expect(seen).toContain(
      'Store ZOOKEEPER: 12 commits of 34 records (p50 2.5 ms, p99 80.0 ms), 1 failed',
    )
    expect(seen).toContain('Standbys (2)')
    expect(seen).toContain('spark://second:7077nothing')
    expect(page).toContain('spark://&lt;b&gt;third&lt;/b&gt;:7077</td><td>4 commits, for 2 s</td>')
    const standby = text(
      clusterPage(clusterView(), {
        killEnabled: true,
        leadership: leadershipStatus({ behind: { commits: 3, ms: 20 } }),
      }),
    )
    expect(standby).toContain('Behind 3 commits, for 20 ms')
    expect(standby).not.toContain('Standbys')
  })
})
