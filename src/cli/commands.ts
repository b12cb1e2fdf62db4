/** Which daemon, client or answer an argument list asks for. */
import { quoted, UsageError } from '../conf/errors.js'

export const MASTER_CLASS = 'org.apache.spark.deploy.master.Master'
export const WORKER_CLASS = 'org.apache.spark.deploy.worker.Worker'

const CLIENT_COMMANDS = [
  'submit',
  'status',
  'kill',
  'list',
  'logs',
  'masters',
  'top',
  'apps',
  'workers',
  'explain',
] as const
export type ClientCommand = (typeof CLIENT_COMMANDS)[number]
export type CommandName = 'master' | 'worker' | 'version' | 'help' | ClientCommand

const COMMANDS: ReadonlyMap<string, CommandName> = new Map<string, CommandName>([
  ['master', 'master'],
  [MASTER_CLASS, 'master'],
  ['worker', 'worker'],
  [WORKER_CLASS, 'worker'],
  ...CLIENT_COMMANDS.map((name) => [name, name] as const),
  ['version', 'version'],
  ['--version', 'version'],
  ['help', 'help'],
  ['--help', 'help'],
  ['-h', 'help'],
])

const NAMES = ['master', 'worker', ...CLIENT_COMMANDS, 'version', 'help'].join(', ')

export function isClientCommand(command: CommandName): command is ClientCommand {
  return CLIENT_COMMANDS.some((name) => name === command)
}

export const HELP = `Usage: magneto <command> [arguments]

Commands:
  master [options]             Run a master in the foreground
  worker [options] <master>    Run a worker in the foreground
  submit [options] <program>   Run a program as a driver on the cluster
  status <driver id>           Print what a driver does
  kill <driver id>             End a driver
  list                         List the drivers of the cluster
  logs <driver id>             Print what a driver or an executor has printed
  masters [<masters>]          Print which of the masters leads, and how they do
  top                          Show live how full the cluster is, and what waits
  apps                         List the applications of the cluster
  workers                      List the workers of the cluster
  explain <id>                 Print why an application or a driver waits, and what would help
  version                      Print the version and the Spark versions that are served
  help [command]               Print this, or the options of a command

Scripts that run them in the background are in sbin: start-master.sh, start-worker.sh, start-all.sh.
`

/** @throws UsageError when the first word is no command */
export function parseCommand(argv: readonly string[]): { command: CommandName; rest: string[] } {
  const [word, ...rest] = argv
  if (word === undefined) {
    throw new UsageError(`a command is missing: expected one of ${NAMES}`)
  }
  const command = COMMANDS.get(word)
  if (command !== undefined) return { command, rest }
  if (word.startsWith('org.apache.spark.')) {
    throw new UsageError(
      `class ${quoted(word)} is not Magneto's: expected ${MASTER_CLASS} or ${WORKER_CLASS}; set SPARK_HOME to an Apache Spark distribution and use bin/spark-class to run others`,
    )
  }
  throw new UsageError(
    `unknown command ${quoted(word)}: expected one of ${NAMES} (see magneto help)`,
  )
}
