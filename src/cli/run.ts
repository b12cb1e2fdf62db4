/** Runs one command to its end. Everything outside comes in as `Surroundings`, so that tests need no process. */
import { UsageError } from '../conf/errors.js'
import { keys } from '../conf/keys.js'
import type { DaemonOptions, MasterOptions, WorkerOptions } from '../conf/options.js'
import { parseMasterOptions, parseWorkerOptions } from '../conf/options.js'
import { createLogger, LOG_FORMATS, LOG_LEVELS } from '../log/logger.js'
import { HELP, isClientCommand, parseCommand } from './commands.js'
import { supervise, type RunningDaemon, type SuperviseOptions } from './supervise.js'
import type { Terminal } from './terminal.js'

export interface Surroundings extends Pick<SuperviseOptions, 'signals' | 'exit'> {
  env: NodeJS.ProcessEnv
  /** Where relative paths start. */
  cwd: string
  stdout(bytes: string | Uint8Array): void
  stderr(bytes: string | Uint8Array): void
  /** @returns null when stdout is none */
  terminal?(): Terminal | null
  startMaster(options: MasterOptions): Promise<RunningDaemon>
  startWorker(options: WorkerOptions): Promise<RunningDaemon>
  version(): Promise<string>
  /** The daemon is up: tells the script that started it. */
  ready(): void
}

const FAILED_STATUS = 1

/** @returns the exit status; never throws */
export async function run(argv: readonly string[], outside: Surroundings): Promise<number> {
  try {
    return await dispatch(argv, outside)
  } catch (error) {
    if (error instanceof UsageError) {
      outside.stderr(`magneto: ${error.message}\n`)
    } else {
      // The stack first: scripts show the last lines, and the reason must be among them.
      const log = createLogger('Main')
      log.error({ err: error }, 'could not start')
      log.fatal(`could not start: ${error instanceof Error ? error.message : String(error)}`)
    }
    return FAILED_STATUS
  }
}

async function dispatch(argv: readonly string[], outside: Surroundings): Promise<number> {
  const { command, rest } = parseCommand(argv)
  if (command === 'version') {
    outside.stdout(`${await outside.version()}\n`)
    return 0
  }
  if (command === 'help') {
    const topic = rest[0] === undefined ? null : parseCommand(rest).command
    const hasHelp = topic === 'master' || topic === 'worker'
    if (topic !== null && (hasHelp || isClientCommand(topic)))
      return dispatch([topic, '--help'], outside)
    outside.stderr(HELP)
    return 0
  }
  if (isClientCommand(command)) {
    const { runClient } = await import('./client/run-client.js')
    return runClient(command, rest, outside)
  }
  refuseUnknownLogSettings(outside.env)
  // Settings are read before the log's format is known, which is one of them; so warnings wait.
  const warnings: string[] = []
  const warn = (message: string): void => void warnings.push(message)
  if (command === 'master') {
    const options = parseMasterOptions(rest, outside.env, warn)
    return daemon('Master', options, warnings, outside, (read) => outside.startMaster(read))
  }
  const options = parseWorkerOptions(rest, outside.env, warn)
  return daemon('Worker', options, warnings, outside, (read) => outside.startWorker(read))
}

async function daemon<O extends DaemonOptions>(
  name: string,
  options: O | { help: string },
  warnings: readonly string[],
  outside: Surroundings,
  start: (options: O) => Promise<RunningDaemon>,
): Promise<number> {
  if ('help' in options) {
    outside.stderr(options.help)
    return 0
  }
  // Threads inherit the environment, and so the format.
  if (options.configuration.read(keys.structuredLogging)) {
    outside.env['MAGNETO_LOG_FORMAT'] ??= 'json'
  }
  const log = createLogger(name)
  for (const warning of warnings) log.warn(warning)
  const complain = (message: string): void => log.error(message)
  const starting = async (): Promise<RunningDaemon> => {
    const running = await start(options)
    outside.ready()
    return running
  }
  return supervise(starting, { signals: outside.signals, exit: outside.exit, complain })
}

function refuseUnknownLogSettings(env: NodeJS.ProcessEnv): void {
  const settings: [string, readonly string[]][] = [
    ['MAGNETO_LOG_FORMAT', LOG_FORMATS],
    ['MAGNETO_LOG_LEVEL', LOG_LEVELS],
  ]
  for (const [name, words] of settings) {
    const value = env[name]
    if (value && !words.includes(value.trim().toLowerCase())) {
      throw new UsageError(
        `bad value for ${name}: ${JSON.stringify(value)} is not one of ${words.join(', ')}`,
      )
    }
  }
}
