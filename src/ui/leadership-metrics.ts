/** Elections, the store and its followers as Prometheus reads them (text format 0.0.4). Pure. */
import type { LeadershipStatus } from '../control/leadership.js'

export const PROMETHEUS_TYPE = 'text/plain;version=0.0.4;charset=utf-8'

const MS_PER_S = 1000

interface Family {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'summary'
  readonly help: string
  /** By labels, such as `master="spark://m:7077"`; none: ''. */
  readonly samples: readonly (readonly [string, number])[]
}

function families(status: LeadershipStatus): Family[] {
  const { role, leader, elections, lastTakeoverMs, store, followers } = status
  return [
    {
      name: 'magneto_elections_total',
      type: 'counter',
      help: 'How often this process has begun to lead.',
      samples: [['', elections]],
    },
    {
      name: 'magneto_leader',
      type: 'gauge',
      help: '1 while this master leads; 0 in standby, and while it is not sure.',
      samples: [['', role === 'leader' ? 1 : 0]],
    },
    {
      name: 'magneto_epoch',
      type: 'gauge',
      help: 'Of the leader that this master knows.',
      samples: leader === null ? [] : [['', leader.epoch]],
    },
    {
      name: 'magneto_store_commits_total',
      type: 'counter',
      help: 'Commits to the recovery store since the start.',
      samples: [['', store.commits]],
    },
    {
      name: 'magneto_store_commit_seconds',
      type: 'summary',
      help: 'How long the last commits took.',
      samples: [
        ['quantile="0.5"', seconds(store.commitP50Ms)],
        ['quantile="0.99"', seconds(store.commitP99Ms)],
      ],
    },
    {
      name: 'magneto_store_failures_total',
      type: 'counter',
      help: 'Commits that failed since the start.',
      samples: [['', store.failures]],
    },
    {
      name: 'magneto_follower_lag_commits',
      type: 'gauge',
      help: 'Commits of this leader that the standby has not confirmed.',
      samples: followers.map(({ masterUrl, lagCommits }) => [
        `master="${labelText(masterUrl)}"`,
        lagCommits,
      ]),
    },
    {
      name: 'magneto_takeover_seconds',
      type: 'gauge',
      help: 'The last time from learning that this master leads until its core led.',
      samples: lastTakeoverMs === null ? [] : [['', seconds(lastTakeoverMs)]],
    },
  ]
}

function seconds(ms: number): number {
  return ms / MS_PER_S
}

function labelText(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}

/** Families without a sample are left out. */
export function leadershipMetrics(status: LeadershipStatus): string {
  return families(status)
    .filter(({ samples }) => samples.length > 0)
    .map(({ name, type, help, samples }) => {
      const lines = samples.map(
        ([labels, value]) => `${name}${labels === '' ? '' : `{${labels}}`} ${value}\n`,
      )
      return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`
    })
    .join('')
}
