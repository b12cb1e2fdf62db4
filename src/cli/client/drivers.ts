/** `magneto status`, `kill` and `list`: what drivers do, and their end. */
import { flagHelp, parseArguments, type Flag } from '../../conf/flags.js'
import { singleLine } from '../../http/single-line.js'
import {
  askingOf,
  noPositionals,
  onlyOne,
  untilNextLook,
  type Asking,
  type Client,
} from './client.js'
import type { DriverJson } from './cluster.js'
import { Refused } from './errors.js'
import { EXIT_STATUS_HELP, ExitStatus } from './exit-status.js'
import { MASTER_FLAG } from './masters.js'
import { table } from './table.js'
import { jsonText } from './text-width.js'
import { hasEnded, statusLine, unknownDriver } from './watch.js'

const HELP_FLAG: Flag = { names: ['--help', '-h'], help: 'Print this' }
const DRIVER_ID = 'the id of the driver'

const STATUS_FLAGS: readonly Flag[] = [MASTER_FLAG, HELP_FLAG]

export const STATUS_HELP = `Usage: magneto status [options] <driver id>

Prints what a driver does, where, and, while it waits, why.

Options:
${flagHelp(STATUS_FLAGS)}
${EXIT_STATUS_HELP}`

/** @returns the exit status @throws UsageError @throws Refused */
export async function status(argv: readonly string[], client: Client): Promise<number> {
  const parsed = parseArguments(argv, STATUS_FLAGS, 'magneto status')
  if (parsed.flags.has('--help')) return help(client, STATUS_HELP)
  const id = onlyOne(parsed, DRIVER_ID)
  const { cluster } = askingOf(client, parsed)
  const told = await cluster.driverStatus(id)
  if (told === null) throw new Refused(unknownDriver(id))
  client.stdout(`${statusLine(id, told)}\n`)
  const why = told.state === 'SUBMITTED' ? await cluster.why(id) : null
  if (why !== null) client.stdout(`${why}\n`)
  return ExitStatus.DONE
}

const KILL_FLAGS: readonly Flag[] = [
  MASTER_FLAG,
  { names: ['--wait'], help: 'Return when the driver has ended' },
  HELP_FLAG,
]

export const KILL_HELP = `Usage: magneto kill [options] <driver id>

Ends a driver, wherever it runs; one that still waits is taken off the queue.

Options:
${flagHelp(KILL_FLAGS)}
${EXIT_STATUS_HELP}`

/** @returns the exit status @throws UsageError @throws Refused */
export async function kill(argv: readonly string[], client: Client): Promise<number> {
  const parsed = parseArguments(argv, KILL_FLAGS, 'magneto kill')
  if (parsed.flags.has('--help')) return help(client, KILL_HELP)
  const id = onlyOne(parsed, DRIVER_ID)
  const asking = askingOf(client, parsed)
  client.stderr(`${await asking.cluster.kill(id)}\n`)
  if (parsed.flags.has('--wait')) await ended(asking, id)
  return ExitStatus.DONE
}

async function ended({ client, cluster }: Asking, id: string): Promise<void> {
  for (;;) {
    const told = await cluster.driverStatus(id)
    if (told === null) throw new Refused(unknownDriver(id))
    if (hasEnded(told)) {
      client.stderr(`${statusLine(id, told)}\n`)
      return
    }
    await untilNextLook(client)
  }
}

const LIST_FLAGS: readonly Flag[] = [
  MASTER_FLAG,
  { names: ['--all', '-a'], help: 'Also drivers that have ended' },
  { names: ['--json'], help: 'As a JSON array, with the fields of the master' },
  HELP_FLAG,
]

export const LIST_HELP = `Usage: magneto list [options]

Lists the drivers of the cluster that wait or run.

Options:
${flagHelp(LIST_FLAGS)}
${EXIT_STATUS_HELP}`

/** @returns the exit status @throws UsageError @throws Refused */
export async function list(argv: readonly string[], client: Client): Promise<number> {
  const parsed = parseArguments(argv, LIST_FLAGS, 'magneto list')
  const { flags } = parsed
  if (flags.has('--help')) return help(client, LIST_HELP)
  noPositionals(parsed)
  const { activedrivers, completeddrivers } = await askingOf(client, parsed).cluster.state()
  const drivers = flags.has('--all') ? [...activedrivers, ...completeddrivers] : activedrivers
  client.stdout(
    flags.has('--json') ? `${jsonText(drivers, 2)}\n` : table(COLUMNS, drivers.map(rowOf)),
  )
  return ExitStatus.DONE
}

const COLUMNS = ['DRIVER', 'STATE', 'CORES', 'MEMORY', 'WORKER', 'PROGRAM', 'SUBMITTED']

function rowOf(driver: DriverJson): string[] {
  return [
    driver.id,
    driver.state,
    String(driver.cores),
    `${driver.memory}m`,
    driver.worker === 'None' ? '-' : driver.worker,
    driver.mainclass === '' ? '-' : singleLine(driver.mainclass),
    driver.submitdate,
  ]
}

function help(client: Client, text: string): number {
  client.stderr(text)
  return ExitStatus.DONE
}
