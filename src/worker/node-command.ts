/** The command line and environment of a Node executor: the executor's main module with the user's in it. */
import { delimiter } from 'node:path'

import type { NodeCommandT } from '../schema/magneto.js'
import {
  inheritedEnvironment,
  substituteArgument,
  type ProcessPlan,
  type Substitutions,
} from './command-line.js'

export interface NodeRequest {
  command: NodeCommandT
  /** The node program. */
  execPath: string
  /** The compiled src/app/executor-main. */
  executorMain: string
  /** MiB, for the heap; 0: Node's own default. */
  memoryMb: number
  values: Substitutions
  localDirs: readonly string[]
  resourcesFile: string | null
  workerEnv: NodeJS.ProcessEnv
}

export function nodePlan(request: NodeRequest): ProcessPlan {
  const { command, values, memoryMb } = request
  const args = [
    ...command.args,
    ...(request.resourcesFile === null ? [] : ['--resourcesFile', request.resourcesFile]),
  ]
  const environment = inheritedEnvironment(request.workerEnv, command.environment)
  environment['SPARK_EXECUTOR_DIRS'] = request.localDirs.join(delimiter)
  return {
    command: [
      request.execPath,
      ...(memoryMb > 0 ? [`--max-old-space-size=${memoryMb}`] : []),
      ...command.nodeOptions,
      request.executorMain,
      '--module',
      String(command.modulePath),
      ...args.map((argument) => substituteArgument(argument, values)),
    ],
    environment,
    stdin: 'pipe',
  }
}
