/** Which daemon or answer an argument list asks for. */
import { quoted, UsageError } from '../conf/errors.js'

export const MASTER_CLASS = 'org.apache.spark.deploy.master.Master'
export const WORKER_CLASS = 'org.apache.spark.deploy.worker.Worker'

export type CommandName = 'master' | 'worker' | 'version' | 'help'

const COMMANDS: ReadonlyMap<string, CommandName> = new Map([
  ['master', 'master'],
  [MASTER_CLASS, 'master'],
  ['worker', 'worker'],
  [WORKER_CLASS, 'worker'],
  ['version', 'version'],
  ['--version', 'version'],
  ['help', 'help'],
  ['--help', 'help'],
  ['-h', 'help'],
])

export const HELP = `Usage: magneto <command> [arguments]

Commands:
  master [options]             Run a master in the foreground
  worker [options] <master>    Run a worker in the foreground
  version                      Print the version and the Spark versions that are served
  help [command]               Print this, or the options of a command

Scripts that run them in the background are in sbin: start-master.sh, start-worker.sh, start-all.sh.
`

/** @throws UsageError when the first word is no command */
export function parseCommand(argv: readonly string[]): { command: CommandName; rest: string[] } {
  const [word, ...rest] = argv
  if (word === undefined) {
    throw new UsageError('a command is missing: expected master, worker, version or help')
  }
  const command = COMMANDS.get(word)
  if (command !== undefined) return { command, rest }
  if (word.startsWith('org.apache.spark.')) {
    throw new UsageError(
      `class ${quoted(word)} is not Magneto's: expected ${MASTER_CLASS} or ${WORKER_CLASS}; set SPARK_HOME to an Apache Spark distribution and use bin/spark-class to run others`,
    )
  }
  throw new UsageError(
    `unknown command ${quoted(word)}: expected master, worker, version or help (see magneto help)`,
  )
}
