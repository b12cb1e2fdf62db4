/** What all client commands share. */
import { UsageError } from '../../conf/errors.js'
import type { ParsedArguments } from '../../conf/flags.js'
import type { Terminal } from '../terminal.js'
import { ClusterApi } from './api.js'
import { Cluster, TOKEN_VARIABLE } from './cluster.js'
import { LeaderFinder } from './leader-finder.js'
import { addressesOf, masterUrlOf } from './masters.js'

/** How often a driver is looked at, and its logs; and the cluster by `top`. */
export const LOOK_EVERY_MS = 1_000

/** Everything outside of a client command, so that tests need no process and no time. */
export interface Client {
  readonly env: NodeJS.ProcessEnv
  /** Where relative paths start. */
  readonly cwd: string
  /** Aborted when the user has had enough. */
  readonly signal: AbortSignal
  stdout(bytes: string | Uint8Array): void
  stderr(bytes: string | Uint8Array): void
  /** @returns null when stdout is none */
  terminal(): Terminal | null
  /** @throws the signal's reason when it is aborted */
  pause(ms: number): Promise<void>
}

export interface Asking {
  readonly client: Client
  readonly cluster: Cluster
  readonly api: ClusterApi
  readonly masterUrl: string
}

/** @param timeoutMs of one request; absent: as long as a master may take @throws UsageError when no master is named */
export function askingOf(
  client: Client,
  { flags }: ParsedArguments,
  { timeoutMs }: { timeoutMs?: number } = {},
): Asking {
  const masterUrl = masterUrlOf(flags.get('--master'), client.env)
  const { env, signal } = client
  const token = env[TOKEN_VARIABLE]
  const finder = new LeaderFinder({
    addresses: addressesOf(masterUrl),
    signal,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(token ? { token } : {}),
    say: (text) => client.stderr(text),
    pause: () => untilNextLook(client),
  })
  return { client, cluster: new Cluster({ finder, env }), api: new ClusterApi(finder), masterUrl }
}

/** @param what it is called in the message @throws UsageError when there is not exactly one */
export function onlyOne({ positionals }: ParsedArguments, what: string): string {
  const [one, ...others] = positionals
  if (one !== undefined && others.length === 0) return one
  throw new UsageError(
    one === undefined ? `${what} is missing` : `one ${what} is expected, got ${positionals.length}`,
  )
}

/** @throws UsageError when there is any */
export function noPositionals({ positionals }: ParsedArguments): void {
  if (positionals.length > 0) throw new UsageError('it takes options only')
}

export async function untilNextLook(client: Client): Promise<void> {
  await client.pause(LOOK_EVERY_MS)
}
