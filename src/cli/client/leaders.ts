/** `magneto masters`: which of the masters leads, and how the others and their store do. */
import type { LeadershipStatus, Role } from '../../control/leadership.js'
import { flagHelp, parseArguments, type Flag } from '../../conf/flags.js'
import { UsageError } from '../../conf/errors.js'
import { singleLine } from '../../http/single-line.js'
import type { Client } from './client.js'
import { askHttp, NoAnswer } from './http.js'
import { addressesOf, MASTER_FLAG, masterUrlOf } from './masters.js'
import { table } from './table.js'
import { jsonText } from './text-width.js'

/** Who looks for a leader wants to know soon; a master answers this without its core. */
const ANSWER_TIMEOUT_MS = 5_000

const ROLES: ReadonlySet<Role> = new Set(['leader', 'standby', 'suspended'])

const FLAGS: readonly Flag[] = [
  MASTER_FLAG,
  { names: ['--json'], help: 'As a JSON array, with all that the masters tell' },
  { names: ['--help', '-h'], help: 'Print this' },
]

/** Its own: a script asks whether all is well. */
const HelpStatus = { ONE_LEADS: 0, OTHERWISE: 1 } as const

export const MASTERS_HELP = `Usage: magneto masters [options] [spark://host:port[,host2:port2]]

Asks every master of the list who leads, and prints one line each:
  EPOCH      of the leader, as this master knows it: grows with each change of leaders
  LAG        of a leader: commits that each standby has not confirmed yet; of a standby: how far behind it is
  COMMIT     how long the store takes, median and 99th percentile
  ELECTIONS  how often this process has begun to lead, and how long the last takeover took

Options:
${flagHelp(FLAGS)}
Exit status:
  0    Exactly one of them leads
  1    None of them leads, or more than one
  2    The command line is wrong
`

interface Unreachable {
  readonly error: string
}

interface Told {
  /** As the list names it. */
  readonly asked: string
  readonly answer: LeadershipStatus | Unreachable
}

/** @returns the exit status @throws UsageError @throws the signal's reason when it is aborted */
export async function masters(argv: readonly string[], client: Client): Promise<number> {
  const { flags, positionals } = parseArguments(argv, FLAGS, 'magneto masters')
  if (flags.has('--help')) {
    client.stderr(MASTERS_HELP)
    return HelpStatus.ONE_LEADS
  }
  const [list, ...more] = positionals
  if (more.length > 0)
    throw new UsageError(`one list of masters is expected, got ${positionals.length}`)
  if (list !== undefined && flags.has('--master'))
    throw new UsageError('the masters are named twice: give --master, or the list alone')
  const addresses = addressesOf(masterUrlOf(list ?? flags.get('--master'), client.env))
  const told = await Promise.all(addresses.map((address) => ask(address, client)))
  client.stdout(flags.has('--json') ? json(told) : table(COLUMNS, told.map(row)))
  return judged(told, client)
}

async function ask(address: string, { signal }: Client): Promise<Told> {
  const asked = `spark://${address}`
  try {
    const url = new URL(`http://${address}/masters`)
    const { status, body } = await askHttp(url, { signal, timeoutMs: ANSWER_TIMEOUT_MS })
    return { asked, answer: statusOf(status, body.toString('utf8')) }
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error
    return { asked, answer: { error: error.message } }
  }
}

const SERVICE_UNAVAILABLE = 503

/** What is no answer of a master of this version is told as it is. */
function statusOf(status: number, body: string): LeadershipStatus | Unreachable {
  if (status === SERVICE_UNAVAILABLE) return { error: 'it is starting' }
  const notOurs = { error: `it answered ${status} to GET /masters; is a Magneto master there?` }
  let found: LeadershipStatus
  try {
    found = JSON.parse(body) as LeadershipStatus
  } catch {
    return notOurs
  }
  const isOurs =
    typeof found?.self?.masterUrl === 'string' &&
    ROLES.has(found.role) &&
    Array.isArray(found.followers) &&
    typeof found.store === 'object' &&
    found.store !== null
  return isOurs ? found : notOurs
}

/** Two names of the list may be one master's. */
function judged(told: readonly Told[], client: Client): number {
  const answers = told.flatMap(({ answer }) => ('error' in answer ? [] : [answer]))
  const leaders = new Set(
    answers.filter(({ role }) => role === 'leader').map(({ self }) => self.masterUrl),
  )
  if (leaders.size === 1) return HelpStatus.ONE_LEADS
  const named = [...new Set(answers.flatMap(({ leader }) => leader?.masterUrl ?? []))]
  const elsewhere = named.filter((url) => !answers.some(({ self }) => self.masterUrl === url))
  client.stderr(
    leaders.size > 1
      ? `${leaders.size} masters lead: ${[...leaders].map(singleLine).join(', ')}; do they share one store?\n`
      : elsewhere.length > 0
        ? `none of them leads; ${elsewhere.map(singleLine).join(', ')} is named as the leader\n`
        : 'none of them leads\n',
  )
  return HelpStatus.OTHERWISE
}

function json(told: readonly Told[]): string {
  const all = told.map(({ asked, answer }) => ({ asked, ...answer }))
  return `${jsonText(all, 2)}\n`
}

const COLUMNS = [
  'MASTER',
  'ROLE',
  'EPOCH',
  'LEADER',
  'LAG',
  'STORE',
  'COMMIT',
  'ELECTIONS',
  'REASON',
] as const

function row({ asked, answer }: Told): string[] {
  if ('error' in answer) {
    const empty = Array.from({ length: COLUMNS.length - 3 }, () => '-')
    return [asked, 'unreachable', ...empty, singleLine(answer.error)]
  }
  const { role, leader, store, reason, elections, lastTakeoverMs } = answer
  const takeover = lastTakeoverMs === null ? '' : ` (${milliseconds(lastTakeoverMs)})`
  const isItself = leader?.masterUrl === answer.self.masterUrl
  return [
    asked,
    role,
    leader === null ? '-' : String(leader.epoch),
    leader === null ? '-' : isItself ? 'itself' : singleLine(leader.masterUrl),
    lagOf(answer),
    `${singleLine(store.mode)} ${store.records}`,
    store.commits === 0
      ? '-'
      : `${milliseconds(store.commitP50Ms)}/${milliseconds(store.commitP99Ms)}`,
    `${elections}${takeover}`,
    reason === '' ? '-' : singleLine(reason),
  ]
}

function lagOf({ role, followers, behind }: LeadershipStatus): string {
  if (role !== 'leader') return behind === null ? '-' : lag(behind.commits, behind.ms)
  if (followers.length === 0) return '-'
  return followers
    .map(({ masterUrl, lagCommits, lagMs }) => `${hostOf(masterUrl)} ${lag(lagCommits, lagMs)}`)
    .join(', ')
}

function lag(commits: number, ms: number): string {
  return commits === 0 ? '0' : `${commits} (${milliseconds(ms)})`
}

function hostOf(masterUrl: string): string {
  return singleLine(masterUrl.replace(/^spark:\/\//, ''))
}

/** Three digits are enough to compare. */
function milliseconds(ms: number): string {
  if (typeof ms !== 'number') return '-'
  return ms >= 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${Number(ms.toPrecision(3))} ms`
}
