/** What a worker tells a master that has come to lead: all that it runs. Made anew for each worker, before it is asked. */
import { readJavaStream } from '../../../src/spark/java/reader.js'
import { JavaObject, JavaString } from '../../../src/spark/java/tree.js'
import { fieldOf, objectOf } from '../../../src/spark/java/values.js'
import { writeJavaStream } from '../../../src/spark/java/writer.js'
import { encodeOneWay } from '../../../src/spark/frame.js'
import type { RpcAddress } from '../../../src/spark/messages.js'
import { encodeRequestHeader } from '../../../src/spark/rpc-request.js'
import { captured } from './golden.js'
import type { ExecutorName } from './hear.js'
import { setField } from './template.js'

export interface RunningExecutor extends ExecutorName {
  readonly cores: number
  readonly memoryMb: number
}

/** The same objects, but for those fields that are set on the copy. */
function copyOf({ descriptor, data }: JavaObject): JavaObject {
  const copied = data.map(({ values, custom }) => ({ values: [...values], custom }))
  return new JavaObject(descriptor, copied)
}

/** @returns a frame with WorkerSchedulerStateResponse; the worker has no drivers */
export function schedulerState(
  workerId: string,
  executors: readonly RunningExecutor[],
  sender: RpcAddress,
  receiver: RpcAddress,
): Buffer {
  const root = objectOf(readJavaStream(captured('h-recovery', 'WorkerSchedulerStateResponse')).root)
  setField(root, 'id', new JavaString(workerId))
  // A Scala list: a count, its elements, and a mark of its end (WIRE 2.1).
  const { custom } = objectOf(fieldOf(root, 'execResponses')).data.at(-1)!
  const sampleResponse = custom!.find((item) => isResponse(item))
  if (!(sampleResponse instanceof JavaObject)) throw new Error('the capture lists no executor')
  const responses = executors.map((executor) => response(sampleResponse, executor))
  const end = custom!.at(-1)!
  custom!.splice(1, custom!.length, ...responses, end)
  const header = encodeRequestHeader({ sender, receiver, endpoint: 'Master' })
  return encodeOneWay(header, writeJavaStream(root))
}

function isResponse(item: unknown): boolean {
  return item instanceof JavaObject && item.descriptor.name.endsWith('WorkerExecutorStateResponse')
}

function response(like: JavaObject, executor: RunningExecutor): JavaObject {
  const made = copyOf(like)
  const description = copyOf(objectOf(fieldOf(like, 'desc')))
  setField(description, 'appId', new JavaString(executor.appId))
  setField(description, 'execId', executor.execId)
  setField(description, 'cores', executor.cores)
  setField(description, 'memoryMb', executor.memoryMb)
  setField(made, 'desc', description)
  return made
}
