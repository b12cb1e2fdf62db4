/** `magneto top`: how full the cluster is and what waits, live in a terminal or as lines for programs. */
import { flagHelp, parseArguments, type Flag } from '../../../conf/flags.js'
import { singleLine } from '../../../http/single-line.js'
import { askingOf, noPositionals, untilNextLook, type Asking, type Client } from '../client.js'
import { Refused } from '../errors.js'
import { ExitStatus, LOOK_STATUS_HELP } from '../exit-status.js'
import { MASTER_FLAG } from '../masters.js'
import { jsonText } from '../text-width.js'
import { frame } from './frame.js'
import { LiveTop } from './live.js'
import { look, type Snapshot, type Wanted } from './look.js'
import { plainText } from './paint.js'
import { stateOf, wantedOf, type Size } from './state.js'

/** Above what a master takes to say that it is too busy to answer. */
const ANSWER_TIMEOUT_MS = 6_000

const FLAGS: readonly Flag[] = [
  MASTER_FLAG,
  { names: ['--once'], help: 'Print it once and end; so it does where stdout is no terminal' },
  { names: ['--json'], help: 'One line of JSON a second instead; with --once just one' },
  { names: ['--help', '-h'], help: 'Print this' },
]

export const TOP_HELP = `Usage: magneto top [options]

Shows each second how full the cluster is, why the first of the queue waits, the applications, and workers that get
nothing new: lost, unhealthy or full ones. A master that goes away is asked for again, and a change of leaders is
followed. NO_COLOR turns colours off.

Keys:
  q                   Quit
  s                   Sort by the next one: cores, newest, oldest, memory, state, user, name
  p                   Pause, and go on
  j k, arrows, space  Scroll the applications; also PgUp, PgDn, g (first), G (last)

Options:
${flagHelp(FLAGS)}
${LOOK_STATUS_HELP}`

/** @returns the exit status @throws UsageError @throws Refused @throws the signal's reason when it is aborted */
export async function top(argv: readonly string[], client: Client): Promise<number> {
  const parsed = parseArguments(argv, FLAGS, 'magneto top')
  const { flags } = parsed
  if (flags.has('--help')) {
    client.stderr(TOP_HELP)
    return ExitStatus.DONE
  }
  noPositionals(parsed)
  // What is asked when the user quits is not waited for.
  const quitting = new AbortController()
  const signal = AbortSignal.any([client.signal, quitting.signal])
  const asking = askingOf({ ...client, signal }, parsed, { timeoutMs: ANSWER_TIMEOUT_MS })
  const terminal = client.env['TERM'] === 'dumb' ? null : client.terminal()
  if (flags.has('--json')) return json(asking, flags.has('--once'))
  if (terminal === null || flags.has('--once')) {
    return once(asking, { columns: client.terminal()?.columns ?? Infinity, rows: Infinity })
  }
  try {
    // Until the first answer errors are errors: nobody wants to watch a typing mistake.
    const first = await firstLook(asking, terminal)
    const again = (wanted: Wanted) =>
      asking.api.askOnce((web, cluster) => look(web, cluster, wanted))
    return await new LiveTop(first, { client, terminal, look: again }).run()
  } finally {
    quitting.abort()
  }
}

/** Waits a while for a leader. @throws Refused */
async function firstLook({ api }: Asking, size: Size): Promise<Snapshot> {
  const wanted = wantedOf({ sort: 0, scroll: 0 }, size)
  return api.ask((web, cluster) => look(web, cluster, wanted))
}

async function once(asking: Asking, size: Size): Promise<number> {
  const lines = frame(stateOf(await firstLook(asking, size)), size, 0)
  asking.client.stdout(lines.map((line) => `${plainText(line, size.columns)}\n`).join(''))
  return ExitStatus.DONE
}

/** Of an outage the stream has no lines; stderr says why. */
async function json(asking: Asking, isOnce: boolean): Promise<number> {
  const { api, client } = asking
  const size = { columns: Infinity, rows: Infinity }
  const wanted = wantedOf({ sort: 0, scroll: 0 }, size)
  let snapshot: Snapshot | null = await firstLook(asking, size)
  let told = ''
  for (;;) {
    if (snapshot !== null) client.stdout(`${jsonText(snapshot)}\n`)
    if (isOnce) return ExitStatus.DONE
    await untilNextLook(client)
    try {
      snapshot = await api.askOnce((web, cluster) => look(web, cluster, wanted))
      told = ''
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      snapshot = null
      if (told !== error.message)
        client.stderr(`no answer, asking again: ${singleLine(error.message)}\n`)
      told = error.message
    }
  }
}
