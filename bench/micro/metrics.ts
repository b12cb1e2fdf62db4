/** What the master's main thread pays to count: for each message, launch and batch, and what a scrape costs the web thread. */
import { type Bench } from 'tinybench'
import { encode } from '../../src/control/codec.js'
import { InboxKind } from '../../src/control/records.js'
import { prometheusText } from '../../src/metrics/exposition.js'
import { Figures } from '../../src/metrics/figures.js'
import { MASTER_FAMILIES } from '../../src/metrics/master-families.js'
import { MasterRecorder } from '../../src/metrics/master-recorder.js'
import * as schema from '../../src/schema/magneto.js'

const TIMES = 1000
const KEYS = 100

/** @returns to end its timer */
export function addMetrics(bench: Bench): () => void {
  const recorder = new MasterRecorder(15_000)
  const heartbeats = Array.from({ length: KEYS }, (_, id) =>
    encode(new schema.WorkerHeartbeatT(`worker-20261121-host${id}-7000`)),
  )
  const launches = Array.from({ length: KEYS }, (_, id) =>
    encode(
      new schema.LaunchExecutorT(
        'spark://10.0.0.1:7077',
        'app-20261121050000-0001',
        id,
        0,
        1,
        1024,
      ),
    ),
  )
  recorder.arrives()
  const { RUNNING } = schema.ExecutorState
  const reports = Array.from({ length: KEYS }, (_, id) =>
    encode(new schema.ExecutorStateChangedT(1, 'app-20261121050000-0001', id, RUNNING)),
  )
  const other = encode(new schema.ReplyT(1, true, null))
  bench.add(`metrics: ${TIMES} heartbeats received`, () => {
    for (let at = 0; at < TIMES; at += 1)
      recorder.received(InboxKind.MESSAGE, at, heartbeats[at % KEYS]!)
  })
  bench.add(`metrics: ${TIMES} other messages sent`, () => {
    for (let at = 0; at < TIMES; at += 1) recorder.sent(at, other)
  })
  bench.add(`metrics: ${TIMES} launches, sent and reported`, () => {
    for (let at = 0; at < TIMES; at += 1) {
      recorder.sent(at, launches[at % KEYS]!)
      recorder.received(InboxKind.MESSAGE, at, reports[at % KEYS]!)
    }
  })
  bench.add(`metrics: ${TIMES} batches`, () => {
    for (let at = 0; at < TIMES; at += 1) {
      recorder.arrives()
      recorder.stepped(recorder.arrivedMs)
    }
  })
  bench.add('metrics: the figures as text', () =>
    prometheusText(new Figures(MASTER_FAMILIES, recorder.buffer).samples()),
  )
  return () => recorder.stop()
}
