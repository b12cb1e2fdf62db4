/** `magneto submit`: runs a program as a driver on the cluster. */
import { UsageError } from '../../conf/errors.js'
import { flagHelp, parseArguments, type Flag } from '../../conf/flags.js'
import { askingOf, type Asking, type Client } from './client.js'
import { Refused } from './errors.js'
import { EXIT_STATUS_HELP, ExitStatus } from './exit-status.js'
import { NoAnswer } from './http.js'
import { LogFollower } from './logs.js'
import { MASTER_FLAG } from './masters.js'
import { submissionOf, SUBMISSION_FLAGS } from './submission.js'
import { watchDriver } from './watch.js'

const FLAGS: readonly Flag[] = [
  MASTER_FLAG,
  ...SUBMISSION_FLAGS,
  { names: ['--wait'], help: 'Follow the driver to its end; the default' },
  { names: ['--detach'], help: 'Do not wait: print the id of the driver on stdout' },
  { names: ['--follow', '-f'], help: 'Print what the driver prints, while waiting' },
  { names: ['--help', '-h'], help: 'Print this' },
]

export const SUBMIT_HELP = `Usage: magneto submit [options] <program> [arguments of the program]

Runs a program as a driver on a worker of the cluster, and follows it to its end. The program is a .jar (with --class),
a .py or .R file, which the worker's Spark runs, or a .js, .mjs or .cjs file, which Node runs. It is a URL that workers
can fetch (http:, https:, hdfs:, ...), or a path of this machine that every worker sees too.

Options:
${flagHelp(FLAGS)}
A token for masters that ask for one (spark.master.rest.filters) is read from MAGNETO_REST_TOKEN.

${EXIT_STATUS_HELP}`

/** @returns the exit status @throws UsageError @throws Refused @throws the signal's reason when it is aborted */
export async function submit(argv: readonly string[], client: Client): Promise<number> {
  const parsed = parseArguments(argv, FLAGS, 'magneto submit', { flagsFirst: true })
  const { flags } = parsed
  if (flags.has('--help')) {
    client.stderr(SUBMIT_HELP)
    return ExitStatus.DONE
  }
  const detach = flags.has('--detach')
  const follow = flags.has('--follow')
  if (detach && (flags.has('--wait') || follow)) {
    throw new UsageError('--detach does not wait: expected it without --wait and --follow')
  }
  const asking = askingOf(client, parsed)
  const { submission, sharedPaths } = submissionOf(parsed, asking.masterUrl, client.cwd)
  for (const path of sharedPaths)
    client.stderr(`${path} is read by the worker: every worker must see it under this path\n`)
  const id = await asking.cluster.submit(submission)
  if (detach) {
    client.stdout(`${id}\n`)
    return ExitStatus.DONE
  }
  return watched(asking, id, follow)
}

async function watched(asking: Asking, id: string, follow: boolean): Promise<number> {
  const { client, masterUrl } = asking
  const logs = new LogFollower(
    asking,
    { driverId: id },
    { types: ['stdout', 'stderr'], tailBytes: null },
  )
  const said = new Set<string>()
  const passOn = async (): Promise<void> => {
    try {
      await logs.passOn()
    } catch (error) {
      if (!(error instanceof Refused || error instanceof NoAnswer)) throw error
      // The driver matters more than its output.
      if (!said.has(error.message)) client.stderr(`its output can't be read: ${error.message}\n`)
      said.add(error.message)
    }
  }
  const from = `--master ${masterUrl}`
  try {
    const status = await watchDriver(asking, id, follow ? { onLook: passOn } : {})
    if (!follow) client.stderr(`its output: magneto logs ${from} ${id}\n`)
    return status
  } catch (error) {
    if (client.signal.aborted)
      client.stderr(`${id} goes on; to end it: magneto kill ${from} ${id}\n`)
    throw error
  }
}
