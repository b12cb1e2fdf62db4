/**
 * Broken messages of real drivers, workers and submit clients, while a core says everything it can to everybody:
 * each costs its own connection at most.
 */
import { setImmediate as turn } from 'node:timers/promises'

import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { InboxKind } from '../../src/control/records.js'
import * as control from '../../src/schema/magneto.js'
import { encodeOneWay } from '../../src/spark/frame.js'
import { TO_MASTER } from './called-process.js'
import { captured, GatewayHarness, MASTER_URL, type CapturedFrame } from './gateway-harness.js'
import { sample } from './golden-vectors.js'
import { someApplication, someDriver } from './scripted-core.js'

const sources = [
  'client-app-3.5.9',
  'client-app-4.3.0',
  'dynalloc-4.0.1',
  'worker-app-3.5.9',
  'worker-decommission-4.3.0',
  'worker-drivers-3.5.9',
  'worker-drivers-4.0.1',
  'standby-4.3.0',
  'errors-4.3.0',
]
const messages = sources.flatMap((name): Pick<CapturedFrame, 'msg' | 'bytes'>[] => {
  // Heartbeats and look-ups are many: one of each kind and length.
  const frames = captured(name).filter(({ direction }) => direction === 'c2s')
  const kinds = new Map(frames.map((frame) => [`${frame.msg} ${frame.bytes.length}`, frame]))
  return Array.from(kinds.values())
})
// What follows the change of a master, which the core below tells to everybody.
for (const release of ['3.5.9', '4.3.0'] as const)
  for (const msg of ['WorkerSchedulerStateResponse', 'MasterChangeAcknowledged'])
    messages.push({ msg, bytes: encodeOneWay(TO_MASTER, sample(release, `msg/${msg}`)) })
const lookUp = captured('client-app-4.3.0')[0]!.bytes
const registrations = messages.filter(({ msg }) => msg?.startsWith('Register') === true)

const change = fc.record({ at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) })
const broken = fc
  .record({
    message: fc.constantFrom(...messages),
    changes: fc.array(change, { minLength: 1, maxLength: 6 }),
    /** Some are broken only after their peer has been let in. */
    first: fc.option(fc.constantFrom(...registrations)),
  })
  .map(({ message, changes, first }) => {
    const bytes = Buffer.from(message.bytes)
    // Behind the frame's length: what follows it is tested with the decoder.
    for (const { at, value } of changes) bytes[8 + (at % (bytes.length - 8))] = value
    return Buffer.concat([first?.bytes ?? Buffer.alloc(0), bytes])
  })

/** Everything that a core ever sends, descriptions cut and whole. */
function everything(requestId: number, description: Uint8Array) {
  const launch = new control.LaunchExecutorT(MASTER_URL, 'app-1', requestId, 0, 1, 512)
  launch.application = someApplication
  launch.sparkDescription = description
  const [executor, failed] = [new control.ExecutorUpdatedT(1), new control.ReplyT(requestId, true)]
  return [
    new control.WorkerRegisteredT(MASTER_URL, '', false),
    new control.ApplicationRegisteredT('app-1', MASTER_URL),
    new control.MasterInStandbyT(),
    new control.MasterChangedT(MASTER_URL, ''),
    new control.ReconnectWorkerT(MASTER_URL),
    new control.RegisterWorkerFailedT('no'),
    launch,
    new control.LaunchDriverT('driver-1', someDriver(description)),
    new control.LaunchDriverT('driver-2', someDriver()),
    new control.KillExecutorT(MASTER_URL, 'app-1', 1),
    new control.ApplicationFinishedT('app-1'),
    new control.KillDriverT('driver-1'),
    new control.DecommissionWorkerT(),
    executor,
    new control.DriverStatusResponseT(requestId, true, control.DriverState.ERROR),
    failed,
  ]
}

const timeoutMs = 120_000

test(
  'N8, M44: no broken message is a fault of ours, whatever the core says, and other peers go on',
  { timeout: timeoutMs },
  async () => {
    await using harness = await GatewayHarness.start({
      gateway: { apacheWorkerVersion: '4.3', workerPausesMs: [0] },
    })
    const seen = new Map<InboxKind, number>()
    const open = new Set<number>()
    const over = new Set<'over'>()
    const core = (async () => {
      for (;;) {
        const { kind, session, body } = await harness.inbox.next()
        if (over.size > 0) return
        seen.set(kind, (seen.get(kind) ?? 0) + 1)
        if (kind === InboxKind.CONNECTED) open.add(session)
        if (kind === InboxKind.DISCONNECTED) expect(open.delete(session)).toBe(true)
        if (kind !== InboxKind.MESSAGE) continue
        expect(open).toContain(session)
        const description =
          body instanceof control.RegisterApplicationT ? body.sparkDescription : lookUp
        const requestId = (body as Partial<control.ReplyT>).requestId ?? 1
        // In another thread it would not keep the connections waiting either.
        await turn()
        for (const message of everything(requestId, description)) harness.send(session, message)
      }
    })()
    const other = harness.connect()
    // Who has said nothing for a minute loses its connection, and this may take longer.
    await other.write(lookUp)
    await other.frames.next()
    await fc.assert(
      fc.asyncProperty(broken, async (bytes) => {
        const peer = harness.connect()
        // A look-up follows: either it is answered or the connection has ended.
        await peer.write(Buffer.concat([bytes, lookUp]))
        peer.socket.end()
        await peer.closed
        expect(harness.log.lines.filter((line) => line.includes('could not be handled'))).toEqual(
          [],
        )
      }),
      { numRuns: 600 },
    )
    await other.write(lookUp)
    await other.frames.next()
    over.add('over')
    await harness.connect().write(registrations[0]!.bytes)
    await core
    for (const kind of [InboxKind.CONNECTED, InboxKind.MESSAGE, InboxKind.DISCONNECTED])
      expect(seen.get(kind)).toBeGreaterThan(50)
  },
)
