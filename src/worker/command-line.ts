/** What JVM and Node executors and drivers have in common: substitution, environment, the header in their stderr. */
import { redactCommand } from '../conf/redaction.js'
import type { PropertyT } from '../schema/magneto.js'

/** What the worker puts in for `{{NAME}}` (W7). */
export interface Substitutions {
  workerUrl: string
  executorId: number
  hostname: string
  cores: number
  appId: string
  profileId: number
}

/** A process to start. */
export interface ProcessPlan {
  /** The program and its arguments. */
  command: string[]
  environment: Record<string, string>
  /** 'pipe': the worker holds it open; its end means that the worker is gone. */
  stdin: 'ignore' | 'pipe'
}

/** Whole arguments only: `{{CORES}}` is replaced, `n={{CORES}}` is not (W7). */
export function substituteArgument(argument: string, values: Substitutions): string {
  switch (argument) {
    case '{{WORKER_URL}}':
      return values.workerUrl
    case '{{EXECUTOR_ID}}':
      return String(values.executorId)
    case '{{HOSTNAME}}':
      return values.hostname
    case '{{CORES}}':
      return String(values.cores)
    case '{{APP_ID}}':
      return values.appId
    case '{{RESOURCE_PROFILE_ID}}':
      return String(values.profileId)
    default:
      return argument
  }
}

/** Inside a Java option, anywhere in it (W7). */
export function substituteOption(option: string, values: Substitutions): string {
  return option
    .replaceAll('{{APP_ID}}', () => values.appId)
    .replaceAll('{{EXECUTOR_ID}}', () => String(values.executorId))
}

/** Variables that are about the worker process itself and would mislead or break a child. */
const OWN_VARIABLES = new Set([
  'NODE_CHANNEL_FD',
  'NODE_CHANNEL_SERIALIZATION_MODE',
  'NODE_UNIQUE_ID',
])

/** The worker's environment with the command's over it (E18). */
export function inheritedEnvironment(
  workerEnv: NodeJS.ProcessEnv,
  properties: readonly PropertyT[],
): Record<string, string> {
  const environment: Record<string, string> = {}
  for (const [name, value] of Object.entries(workerEnv)) {
    if (value !== undefined && !OWN_VARIABLES.has(name)) environment[name] = value
  }
  for (const { key, value } of properties) environment[String(key)] = String(value)
  return environment
}

/** What stands before the command in the first line of stderr (W10). */
export const HEADER_LABELS = {
  executor: 'Spark Executor Command',
  driver: 'Launch Command',
} as const

/** The first lines of an executor's or driver's stderr (W10). */
export function stderrHeader(
  command: readonly string[],
  pattern: RegExp,
  of: keyof typeof HEADER_LABELS = 'executor',
): string {
  const shown = redactCommand(command, pattern)
    .map((argument) => `"${argument}"`)
    .join(' ')
  return `${HEADER_LABELS[of]}: ${shown}\n${'='.repeat(40)}\n\n`
}
