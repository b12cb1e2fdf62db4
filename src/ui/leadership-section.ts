/** Who leads, on the first page: its own part, and what a page of a master that does not lead says. Pure. */
import type { Follower, LeadershipStatus, StoreFigures } from '../control/leadership.js'
import { html, link, webUrl, type Fragment, type Markup } from '../http/html.js'
import { facts, foldable, section } from '../http/layout.js'
import { MasterState, type ClusterViewT } from '../schema/magneto.js'
import { durationText, timeText } from './format.js'

/** What stands behind the state of the master, such as where the leader is. */
export function stateRemark(view: ClusterViewT, leadership: LeadershipStatus | null): Fragment {
  const remarks: Fragment[] = []
  if (leadership?.role === 'suspended')
    remarks.push('; suspended: it does not know whether it still leads')
  if (view.state === MasterState.STANDBY) remarks.push('; ', leaderText(view, leadership))
  if (view.state === MasterState.RECOVERING && view.recoveryDueMs > 0n)
    remarks.push(`, until ${timeText(Number(view.recoveryDueMs))} at the latest`)
  const reason = leadership?.reason ?? ''
  if (reason !== '') remarks.push(`: ${reason}`)
  return remarks
}

function leaderText(view: ClusterViewT, leadership: LeadershipStatus | null): Markup {
  const leader = leadership?.leader ?? null
  const url = leader?.masterUrl ?? view.leaderUrl ?? ''
  const webUiUrl = leader?.webUiUrl ?? view.leaderWebUiUrl ?? null
  if (url === '') return html`no master is known to lead`
  return html`the leader is ${link(webUrl(webUiUrl), url)}`
}

/** @returns null while nothing is known */
export function leadershipSection(status: LeadershipStatus | null): Markup | null {
  if (status === null) return null
  const { role, leader, behind, elections, lastTakeoverMs, store, followers } = status
  const rows: [string, Fragment][] = [
    ['Role', role],
    ['Leader', leader === null ? 'unknown' : link(webUrl(leader.webUiUrl), leader.masterUrl)],
    ['Epoch', leader === null ? 'unknown' : leader.epoch],
  ]
  if (behind !== null) rows.push(['Behind', lagText(behind.commits, behind.ms)])
  const took = lastTakeoverMs === null ? '' : `, the last one took ${durationText(lastTakeoverMs)}`
  rows.push(['Elections', `${elections} since its start${took}`], ['Store', storeText(store)])
  const standbys = section(
    'followers',
    'Standbys',
    ['Master', 'Behind'],
    followers.map(followerCells),
  )
  const body = html`${facts(rows)} ${role === 'standby' ? null : standbys}`
  return foldable('leadership', 'Leadership', body)
}

function followerCells({ masterUrl, lagCommits, lagMs }: Follower): Fragment[] {
  return [masterUrl, lagText(lagCommits, lagMs)]
}

function lagText(commits: number, ms: number): string {
  return commits === 0 ? 'nothing' : `${commits} commits, for ${durationText(ms)}`
}

function storeText({ mode, commits, records, failures, ...store }: StoreFigures): string {
  const { commitP50Ms, commitP99Ms } = store
  const took = `p50 ${commitP50Ms.toFixed(1)} ms, p99 ${commitP99Ms.toFixed(1)} ms`
  return `${mode}: ${commits} commits of ${records} records (${took}), ${failures} failed`
}
