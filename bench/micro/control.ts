/** The control protocol: what the shell encodes and decodes, and a batch for the core. */
import { type Bench } from 'tinybench'
import { type BodyT, decode, encode, encodeApplication } from '../../src/control/codec.js'
import { BatchWriter, InboxKind } from '../../src/control/records.js'
import * as schema from '../../src/schema/magneto.js'

export function sparkPi(): schema.ApplicationDescriptionT {
  const description = new schema.ApplicationDescriptionT('Pi', 'ada')
  description.defaultProfile = new schema.ResourceProfileT(0, 1, 512)
  description.commandType = schema.Command.NodeCommand
  description.command = new schema.NodeCommandT('/tasks/pi.js', ['--cores', '{{CORES}}'])
  description.runtime = 'node'
  return description
}

export function addControl(bench: Bench): void {
  const description = encodeApplication(sparkPi())
  const messages: BodyT[] = [
    new schema.WorkerHeartbeatT('worker-20261121-host1-7000'),
    new schema.RegisterWorkerT('worker-20261121-host1-7000', '10.0.0.1', 7000, 16, 65536),
    new schema.RegisterApplicationT(description),
    new schema.ExecutorStateChangedT(1, 'app-1', 2, schema.ExecutorState.EXITED, 'exit 0', 0),
    new schema.LaunchExecutorT('spark://10.0.0.1:7077', 'app-1', 2, 0, 1, 1024, [], description),
    new schema.ExecutorAddedT(2, 'worker-20261121-host1-7000', '10.0.0.1', 7000, 1, 1024),
    new schema.ExecutorUpdatedT(2, schema.ExecutorState.RUNNING),
  ]
  for (const message of messages) {
    const name = message.constructor.name.slice(0, -1)
    const bytes = encode(message)
    bench.add(`control: encode ${name}`, () => encode(message))
    bench.add(`control: verify and decode ${name}`, () => decode(bytes))
  }
  const heartbeat = encode(new schema.WorkerHeartbeatT('worker-20261121-host1-7000'))
  const writer = new BatchWriter()
  bench.add('control: a record for the core, 100 a batch', () => {
    writer.reset()
    for (let session = 0; session < 100; session += 1)
      writer.add(InboxKind.MESSAGE, session, heartbeat)
    return writer.view()
  })
}
