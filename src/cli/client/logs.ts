/** `magneto logs`: what a driver or an executor has printed. */
import { UsageError } from '../../conf/errors.js'
import { flagHelp, parseArguments, type Flag } from '../../conf/flags.js'
import { parseBytes } from '../../conf/size.js'
import { askingOf, onlyOne, untilNextLook, type Asking, type Client } from './client.js'
import { Refused } from './errors.js'
import { EXIT_STATUS_HELP, ExitStatus } from './exit-status.js'
import { NoAnswer } from './http.js'
import { findWorker, LogStream, ownerOf, type LogOwner, type LogType } from './log-stream.js'
import { MASTER_FLAG } from './masters.js'
import { hasEnded } from './watch.js'

const FLAGS: readonly Flag[] = [
  MASTER_FLAG,
  { names: ['--stdout'], help: 'Only what it printed to stdout' },
  { names: ['--stderr'], help: 'Only what it printed to stderr' },
  { names: ['--follow', '-f'], help: 'Go on as it grows, until the driver has ended' },
  { names: ['--tail'], value: 'BYTES', help: 'Begin so far before the end, such as 10k' },
  { names: ['--help', '-h'], help: 'Print this' },
]

export const LOGS_HELP = `Usage: magneto logs [options] <driver id>
       magneto logs [options] <application id>/<executor number>

Prints what a driver or an executor has printed, read from the web UI of its worker: its stdout on stdout, its stderr
on stderr.

Options:
${flagHelp(FLAGS)}
${EXIT_STATUS_HELP}`

function typesOf(flags: ReadonlyMap<string, string>): readonly LogType[] {
  const named = (['stdout', 'stderr'] as const).filter((type) => flags.has(`--${type}`))
  return named.length === 0 ? ['stdout', 'stderr'] : named
}

function tailOf(flags: ReadonlyMap<string, string>): number | null {
  const text = flags.get('--tail')
  if (text === undefined) return null
  try {
    return parseBytes(text)
  } catch (error) {
    throw new UsageError(`--tail: ${(error as Error).message}`, { cause: error })
  }
}

/** Passes on the outputs of one driver or executor, wherever it runs. */
export class LogFollower {
  readonly #asking: Asking
  readonly #owner: LogOwner
  readonly #types: readonly LogType[]
  readonly #tailBytes: number | null
  #webUiUrl: string | null = null
  #streams: readonly (readonly [LogType, LogStream])[] = []
  #has = false

  constructor(
    asking: Asking,
    owner: LogOwner,
    { types, tailBytes }: { types: readonly LogType[]; tailBytes: number | null },
  ) {
    this.#asking = asking
    this.#owner = owner
    this.#types = types
    this.#tailBytes = tailBytes
  }

  /** @returns whether there is any output yet @throws Refused @throws NoAnswer */
  async passOn(): Promise<boolean> {
    const { client, cluster } = this.#asking
    if (!this.#has) this.#find(await findWorker(cluster, this.#owner, client.signal))
    for (const [type, stream] of this.#streams) {
      const write = (bytes: Uint8Array): void =>
        type === 'stdout' ? client.stdout(bytes) : client.stderr(bytes)
      if (await stream.passOn(write, client.signal)) this.#has = true
    }
    return this.#has
  }

  #find(webUiUrl: string | null): void {
    // A driver that is started again after its worker was lost may be elsewhere.
    if (webUiUrl === this.#webUiUrl) return
    this.#webUiUrl = webUiUrl
    this.#streams =
      webUiUrl === null
        ? []
        : this.#types.map((type) => [
            type,
            new LogStream(webUiUrl, this.#owner, type, this.#tailBytes),
          ])
  }
}

/** @returns the exit status @throws UsageError @throws Refused */
export async function logs(argv: readonly string[], client: Client): Promise<number> {
  const parsed = parseArguments(argv, FLAGS, 'magneto logs')
  if (parsed.flags.has('--help')) {
    client.stderr(LOGS_HELP)
    return ExitStatus.DONE
  }
  const id = onlyOne(parsed, 'the id of a driver, or of an executor as <application id>/<number>,')
  const types = typesOf(parsed.flags)
  const tailBytes = tailOf(parsed.flags)
  const asking = askingOf(client, parsed)
  const owner = ownerOf(id)
  const follower = new LogFollower(asking, owner, { types, tailBytes })
  if (parsed.flags.has('--follow')) return follow(asking, owner, follower)
  if (await passedOn(follower)) return ExitStatus.DONE
  throw new Refused(
    `${id} has printed nothing that is there: it was not started yet, or is cleaned up`,
  )
}

async function passedOn(follower: LogFollower): Promise<boolean> {
  try {
    return await follower.passOn()
  } catch (error) {
    if (error instanceof NoAnswer)
      throw new Refused(`the web UI of its worker: ${error.message}`, { cause: error })
    throw error
  }
}

/** Until the driver has ended; an executor's end nobody tells. */
async function follow(asking: Asking, owner: LogOwner, follower: LogFollower): Promise<number> {
  for (;;) {
    // Looked at first: what it printed before it ended is passed on afterwards.
    const status = 'driverId' in owner ? await asking.cluster.driverStatus(owner.driverId) : null
    await passedOn(follower)
    if (status !== null && hasEnded(status)) return ExitStatus.DONE
    await untilNextLook(asking.client)
  }
}
