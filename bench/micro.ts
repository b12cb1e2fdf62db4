/** Microbenches (tinybench) of what a message costs in the shell: the dialect, the control codec, one step. */
import { Builder } from 'flatbuffers'
import { Bench } from 'tinybench'
import { decode, encode, encodeApplication } from '../src/control/codec.js'
import { BatchWriter, InboxKind } from '../src/control/records.js'
import { createMasterCore } from '../src/core/native.js'
import * as schema from '../src/schema/magneto.js'
import { PeerDialect, decodeMessage } from '../src/spark/messages.js'
import { sample } from '../test/spark/golden-vectors.js'
import type { Figure } from './figures.js'

const nowMs = Date.UTC(2026, 0, 1)

/** A core with one registered worker, and an inbox that holds one heartbeat of it. */
function heartbeatStep(): () => void {
  const builder = new Builder()
  builder.finish(new schema.CoreConfigT('spark://127.0.0.1:7077').pack(builder))
  const core = createMasterCore(builder.asUint8Array())
  const writer = new BatchWriter()
  const worker = new schema.RegisterWorkerT('worker-1', '127.0.0.1', 7001, 16, 65536)
  worker.runtimes = ['node']
  writer.add(InboxKind.CONNECTED, 1, '127.0.0.1')
  writer.add(InboxKind.MESSAGE, 1, encode(worker))
  core.step(nowMs, 0, writer.view())
  writer.reset()
  writer.add(InboxKind.MESSAGE, 1, encode(new schema.WorkerHeartbeatT('worker-1')))
  return () => core.step(nowMs, 0, writer.view())
}

function control(bench: Bench): void {
  const command = new schema.NodeCommandT('/tasks/pi.js', ['--cores', '{{CORES}}'])
  const description = new schema.ApplicationDescriptionT('Pi', 'ada')
  description.defaultProfile = new schema.ResourceProfileT(0, 1, 512)
  description.commandType = schema.Command.NodeCommand
  description.command = command
  description.runtime = 'node'
  const registration = new schema.RegisterApplicationT(encodeApplication(description))
  const update = new schema.ExecutorStateChangedT(
    1,
    'app-1',
    2,
    schema.ExecutorState.EXITED,
    'm',
    0,
  )
  const bytes = encode(update)
  bench
    .add('control: encode RegisterApplication', () => encode(registration))
    .add('control: encode ExecutorStateChanged', () => encode(update))
    .add('control: verify and decode ExecutorStateChanged', () => decode(bytes))
}

function dialect(bench: Bench): void {
  const heartbeat = sample('4.3.0', 'msg/Heartbeat')
  const registration = sample('4.3.0', 'msg/RegisterApplication')
  const peer = new PeerDialect()
  peer.learn(decodeMessage(registration))
  const added = {
    kind: 'ExecutorAdded',
    id: 1,
    workerId: 'worker-1',
    hostPort: '10.0.0.1:7001',
    cores: 1,
    memoryMb: 1024,
  } as const
  bench
    .add('dialect: decode Heartbeat', () => decodeMessage(heartbeat))
    .add('dialect: decode RegisterApplication', () => decodeMessage(registration))
    .add('dialect: encode ExecutorAdded', () => peer.encode(added))
}

export async function micro(): Promise<Figure[]> {
  const bench = new Bench({ time: 500 })
  control(bench)
  dialect(bench)
  bench.add('step: one heartbeat through the addon', heartbeatStep())
  await bench.run()
  return bench.tasks.map(({ name, result }) => {
    if (result.state !== 'completed') throw new Error(`${name} did not complete: ${result.state}`)
    const { latency } = result
    return {
      name,
      value: latency.p50 * 1000,
      unit: 'us',
      note: `p99 ${(latency.p99 * 1000).toFixed(1)} us, ${latency.samplesCount.toLocaleString('en')} samples`,
    }
  })
}
