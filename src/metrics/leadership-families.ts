/** Who leads, the store and its followers. Pure. */
import type { LeadershipStatus } from '../control/leadership.js'
import { labels, type Sampled } from './family.js'

const MS_PER_S = 1000

export function leadershipFamilies(status: LeadershipStatus): Sampled[] {
  const { role, leader, elections, lastTakeoverMs, followers } = status
  return [
    {
      family: {
        name: 'magneto_elections_total',
        type: 'counter',
        help: 'How often this process has begun to lead.',
      },
      samples: [['', elections]],
    },
    {
      family: {
        name: 'magneto_leader',
        type: 'gauge',
        help: '1 while this master leads; 0 in standby, and while it is not sure.',
      },
      samples: [['', role === 'leader' ? 1 : 0]],
    },
    {
      family: {
        name: 'magneto_epoch',
        type: 'gauge',
        help: 'Of the leader that this master knows.',
      },
      samples: leader === null ? [] : [['', leader.epoch]],
    },
    {
      family: {
        name: 'magneto_follower_lag_commits',
        type: 'gauge',
        help: 'Commits of this leader that the standby has not confirmed.',
      },
      samples: followers.map(({ masterUrl, lagCommits }) => [
        labels({ master: masterUrl }),
        lagCommits,
      ]),
    },
    {
      family: {
        name: 'magneto_takeover_seconds',
        type: 'gauge',
        unit: 'seconds',
        help: 'The last time from learning that this master leads until its core led.',
      },
      samples: lastTakeoverMs === null ? [] : [['', lastTakeoverMs / MS_PER_S]],
    },
  ]
}
