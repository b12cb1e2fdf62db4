/** What all client commands share. */
import { UsageError } from '../../conf/errors.js'
import type { ParsedArguments } from '../../conf/flags.js'
import { Cluster } from './cluster.js'
import { addressesOf, masterUrlOf } from './masters.js'

/** How often a driver is looked at, and its logs. */
const LOOK_EVERY_MS = 1_000

/** Everything outside of a client command, so that tests need no process and no time. */
export interface Client {
  readonly env: NodeJS.ProcessEnv
  /** Where relative paths start. */
  readonly cwd: string
  /** Aborted when the user has had enough. */
  readonly signal: AbortSignal
  stdout(bytes: string | Uint8Array): void
  stderr(bytes: string | Uint8Array): void
  /** @throws the signal's reason when it is aborted */
  pause(ms: number): Promise<void>
}

export interface Asking {
  readonly client: Client
  readonly cluster: Cluster
  readonly masterUrl: string
}

/** @throws UsageError when no master is named */
export function askingOf(client: Client, { flags }: ParsedArguments): Asking {
  const masterUrl = masterUrlOf(flags.get('--master'), client.env)
  const { env, signal } = client
  const cluster = new Cluster({
    addresses: addressesOf(masterUrl),
    env,
    signal,
    say: (text) => client.stderr(text),
    pause: () => untilNextLook(client),
  })
  return { client, cluster, masterUrl }
}

/** @param what it is called in the message @throws UsageError when there is not exactly one */
export function onlyOne({ positionals }: ParsedArguments, what: string): string {
  const [one, ...others] = positionals
  if (one !== undefined && others.length === 0) return one
  throw new UsageError(
    one === undefined ? `${what} is missing` : `one ${what} is expected, got ${positionals.length}`,
  )
}

export async function untilNextLook(client: Client): Promise<void> {
  await client.pause(LOOK_EVERY_MS)
}
