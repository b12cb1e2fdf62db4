/** Submit clients and operators' tools at the gateway (M33 to M42, L7): every ask has one answer in its own form. */
import { describe, expect, test } from 'vitest'

import { decodeDriver } from '../../src/control/codec.js'
import { InboxKind } from '../../src/control/records.js'
import * as control from '../../src/schema/magneto.js'
import { encodeOneWay, encodeRpcRequest, FrameType, type Frame } from '../../src/spark/frame.js'
import { readJavaStream } from '../../src/spark/java/reader.js'
import { JavaObject, JavaString } from '../../src/spark/java/tree.js'
import { classNameOf, fieldOf, findField, objectOf } from '../../src/spark/java/values.js'
import { encodeRequestHeader } from '../../src/spark/rpc-request.js'
import { captured, GatewayHarness, REST_PORT, type Peer } from './gateway-harness.js'
import { RELEASES, sample, type Release } from './golden-vectors.js'

const NOT_ALIVE = 'Current state is not alive: STANDBY. Can only kill drivers in ALIVE state.'

const [HEADER, VERIFIER_HEADER] = ['Master', 'endpoint-verifier'].map((endpoint) =>
  encodeRequestHeader({ sender: null, receiver: null, endpoint }),
) as [Buffer, Buffer]

/** The ask that a release's own serializer wrote, in a frame. */
function ask(release: Release, kind: string, requestId: bigint): Buffer {
  return encodeRpcRequest(requestId, HEADER, sample(release, `msg/${kind}`))
}

/** Class and plain fields of a reply. */
function reply(frame: Frame): Record<string, unknown> {
  if (frame.type !== FrameType.RPC_RESPONSE)
    throw new Error(`a frame of type ${FrameType[frame.type]}: ${JSON.stringify(frame, toText)}`)
  const root = objectOf(readJavaStream(frame.body).root)
  const text = (name: string): unknown => {
    const value = findField(root, name)
    return value instanceof JavaString
      ? value.value
      : value instanceof JavaObject
        ? classNameOf(value)
        : value
  }
  const names = ['success', 'driverId', 'message', 'found', 'exception', 'value', 'master']
  const fields = names.map((name) => [name, text(name)] as const)
  return {
    kind: classNameOf(root).replace(/^.*[$.](?=.)/, ''),
    ...Object.fromEntries(fields.filter(([, value]) => value !== undefined)),
  }
}

/** An Option of an Integer. */
function restPortOf(frame: Frame): unknown {
  const answer = objectOf(readJavaStream((frame as { body: Buffer }).body).root)
  const some = objectOf(fieldOf(answer, 'restPort'))
  return findField(objectOf(fieldOf(some, 'value')), 'value')
}

function toText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}

async function asked(harness: GatewayHarness, peer: Peer, release: Release, kind: string) {
  await peer.write(ask(release, kind, 77n))
  let record = await harness.inbox.next()
  if (record.kind === InboxKind.CONNECTED) record = await harness.inbox.next()
  const { requestId } = record.body as control.RequestReadyzT
  return { session: record.session, requestId, body: record.body }
}

describe.each(RELEASES)('a client of %s', (release) => {
  test.each([
    ['M33, M34', 'RequestSubmitDriver', 'SubmitDriverResponse'],
    ['M35', 'RequestKillDriver', 'KillDriverResponse'],
    ['M36', 'RequestKillAllDrivers', 'KillAllDriversResponse'],
  ])('%s, L7: %s is answered by the core, in its words', async (_ids, kind, answer) => {
    if (release === '3.5.9' && kind === 'RequestKillAllDrivers') return
    await using harness = await GatewayHarness.start()
    const peer = harness.connect()
    const { session, requestId } = await asked(harness, peer, release, kind)
    harness.send(session, new control.ReplyT(requestId, false, NOT_ALIVE))
    expect(reply(await peer.frames.next())).toMatchObject({
      kind: answer,
      success: false,
      message: NOT_ALIVE,
      master: null,
    })
    const again = await asked(harness, peer, release, kind)
    harness.send(session, new control.ReplyT(again.requestId, true, 'done', 'driver-7'))
    expect(reply(await peer.frames.next())).toMatchObject({ success: true, message: 'done' })
  })

  test('M37: the status of a driver that failed comes with a plain exception (Y8)', async () => {
    await using harness = await GatewayHarness.start()
    const peer = harness.connect()
    const { session, requestId } = await asked(harness, peer, release, 'RequestDriverStatus')
    const answer = new control.DriverStatusResponseT(requestId, true, control.DriverState.ERROR)
    answer.exception = 'java.io.IOException: boom'
    harness.send(session, answer)
    const frame = await peer.frames.next()
    expect(reply(frame)).toMatchObject({ kind: 'DriverStatusResponse', found: true })
    const text = (frame as { body: Buffer }).body.toString('latin1')
    expect(text).toContain('java.lang.Exception')
    expect(text).toContain('java.io.IOException: boom')
  })

  test('asks that are open when the session ends are answered in their own words', async () => {
    await using harness = await GatewayHarness.start()
    const peer = harness.connect()
    const kinds = ['RequestSubmitDriver', 'RequestKillDriver', 'RequestDriverStatus']
    let session = 0
    for (const kind of kinds) ({ session } = await asked(harness, peer, release, kind))
    harness.send(session, new control.RefusedT('too many drivers'))
    const no = { success: false, message: 'too many drivers' }
    expect(reply(await peer.frames.next())).toMatchObject({ kind: 'SubmitDriverResponse', ...no })
    expect(reply(await peer.frames.next())).toMatchObject({ kind: 'KillDriverResponse', ...no })
    expect(reply(await peer.frames.next())).toMatchObject({ found: false, exception: 'scala.Some' })
    await peer.closed
  })

  test('M38, M41: what operators ask', async () => {
    await using harness = await GatewayHarness.start()
    const peer = harness.connect()
    const hosts = await asked(harness, peer, release, 'DecommissionWorkersOnHosts')
    expect(hosts.body).toEqual(
      new control.DecommissionWorkersOnHostsT(hosts.requestId, ['127.0.0.1']),
    )
    harness.send(hosts.session, new control.ReplyT(hosts.requestId, true, null, null, 3))
    expect(reply(await peer.frames.next())).toEqual({ kind: 'Integer', value: 3 })
    if (release === '3.5.9') return
    for (const kind of ['RequestReadyz', 'RequestClearCompletedDriversAndApps']) {
      const { session, requestId } = await asked(harness, peer, release, kind)
      harness.send(session, new control.ReplyT(requestId, true))
      expect(reply(await peer.frames.next())).toEqual({ kind: 'Boolean', value: true })
    }
  })

  test('N4, M39, M40, M42: what Apache asks only within its own process', async () => {
    await using harness = await GatewayHarness.start()
    const peer = harness.connect()
    for (const [kind, error] of [
      ['RequestMasterState', /Unsupported message RequestMasterState: .*\/json\/$/],
      ['RequestWorkerState', /Unsupported message RequestWorkerState: not served by this master$/],
    ] as const) {
      await peer.write(ask(release, kind, 5n))
      expect(await peer.frames.next()).toEqual({
        type: FrameType.RPC_FAILURE,
        requestId: 5n,
        error: expect.stringMatching(error),
      })
    }
    // Its class says nothing of the version; the look-up that every client starts with does.
    const name = 'rpc/CheckExistence'
    await peer.write(encodeRpcRequest(4n, VERIFIER_HEADER, sample(release, name)))
    expect(reply(await peer.frames.next())).toEqual({ kind: 'Boolean', value: true })
    await peer.write(ask(release, 'BoundPortsRequest', 6n))
    const ports = await peer.frames.next()
    expect(reply(ports)).toEqual({ kind: 'BoundPortsResponse' })
    expect(restPortOf(ports)).toBe(REST_PORT)
    expect(harness.inbox.size).toBe(0)
  })
})

test('trap 12: a driver that asks for 0 MiB is refused before the core hears of it', async () => {
  await using harness = await GatewayHarness.start()
  const peer = harness.connect()
  const frames = captured('standby-4.3.0', '08').filter(({ direction }) => direction === 'c2s')
  for (const { bytes } of frames) await peer.write(bytes)
  await peer.frames.next()
  expect(reply(await peer.frames.next())).toMatchObject({
    kind: 'SubmitDriverResponse',
    success: false,
    message: expect.stringContaining('--memory takes a unit, such as 512m'),
  })
  expect(harness.inbox.size).toBe(0)
})

test('an ask that was sent one-way is dropped, and its peer is no session', async () => {
  await using harness = await GatewayHarness.start()
  const peer = harness.connect()
  await peer.write(encodeOneWay(HEADER, sample('4.3.0', 'msg/RequestDriverStatus')))
  await harness.log.until('an ask of Spark was sent one-way; dropped')
  expect(harness.inbox.size).toBe(0)
})

test("P30: a submitted driver is named by its id, which its own words don't say", async () => {
  await using harness = await GatewayHarness.start({ gateway: { useDriverIdAsAppName: true } })
  const { body } = await asked(harness, harness.connect(), '4.3.0', 'RequestSubmitDriver')
  const driver = decodeDriver((body as control.RequestSubmitDriverT).description)
  expect(driver.sparkDescription).toHaveLength(0)
  const names = driver.command!.javaOptions.filter((text) => text.startsWith('-Dspark.app.name'))
  expect(names).toEqual(['-Dspark.app.name={{DRIVER_ID}}'])
})
