/** `magneto apps`: the applications of the cluster. */
import { flagHelp, parseArguments } from '../../conf/flags.js'
import { durationText, memoryText } from '../../http/figures.js'
import type { ApplicationState } from '../../schema/magneto.js'
import type { ApplicationItem } from './api.js'
import { askingOf, noPositionals, type Client } from './client.js'
import { ExitStatus, LOOK_STATUS_HELP } from './exit-status.js'
import { listingFlags, listingOf, printList, type Shown } from './listing.js'
import { cellText } from './text-width.js'

/** Spark's; of the schema's only the type is loaded. */
const STATES: Readonly<Record<keyof typeof ApplicationState, true>> = {
  WAITING: true,
  RUNNING: true,
  FINISHED: true,
  FAILED: true,
  KILLED: true,
  UNKNOWN: true,
}

const FLAGS = listingFlags({
  all: 'Also those that have ended, however many there are',
  states: Object.keys(STATES),
  keys: ['id', 'name', 'user', 'state', 'cores', 'memory', 'submitted', 'duration'],
})

export const APPS_HELP = `Usage: magneto apps [options]

Lists the applications of the cluster that wait or run, the newest first:
  CORES   that it has
  EXECS   executors that it has
  MEMORY  of each of them
  WAITS   yes: it wants more than it has; magneto explain says why it does not get it

Options:
${flagHelp(FLAGS)}
${LOOK_STATUS_HELP}`

/** @returns the exit status @throws UsageError @throws Refused */
export async function apps(argv: readonly string[], client: Client): Promise<number> {
  const parsed = parseArguments(argv, FLAGS, 'magneto apps')
  const { flags } = parsed
  if (flags.has('--help')) {
    client.stderr(APPS_HELP)
    return ExitStatus.DONE
  }
  noPositionals(parsed)
  const listing = listingOf(parsed, Object.keys(STATES))
  const { api } = askingOf(client, parsed)
  const web = await api.ask(async (leader) => leader)
  const onlyActive = !flags.has('--all') && !flags.has('--state')
  const query = onlyActive ? { ...listing.query, active: 'true' } : listing.query
  await printList({ client, web, name: 'applications' }, { ...listing, query }, APPLICATIONS)
  return ExitStatus.DONE
}

/** As `top` shows them too. */
export const APPLICATIONS: Shown<ApplicationItem> = {
  columns: [
    { title: 'APPLICATION' },
    { title: 'STATE' },
    { title: 'WAITS' },
    { title: 'CORES', align: 'right' },
    { title: 'EXECS', align: 'right' },
    { title: 'MEMORY', align: 'right' },
    { title: 'DURATION', align: 'right' },
    { title: 'USER', least: 6 },
    { title: 'NAME', least: 8 },
  ],
  row: (application) => [
    cellText(application.id),
    cellText(application.state),
    application.waits ? 'yes' : '-',
    String(application.cores),
    String(application.executors),
    memoryText(application.memoryPerExecutorMb),
    durationText(application.durationMs),
    cellText(application.user ?? '-'),
    cellText(application.name),
  ],
}
