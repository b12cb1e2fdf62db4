/** What the gateway can't serve or the core refuses: everybody is told, nothing is dropped in silence. */
import { describe, expect, test } from 'vitest'

import { InboxKind } from '../../src/control/records.js'
import {
  ApplicationRegisteredT,
  DriverStatusResponseT,
  RefusedT,
  ReplyT,
  RequestDriverStatusT,
  type RequestExecutorsT,
} from '../../src/schema/magneto.js'
import { FrameType, type Frame } from '../../src/spark/frame.js'
import { readJavaStream } from '../../src/spark/java/reader.js'
import { fieldOf, objectOf } from '../../src/spark/java/values.js'
import { decodeMessage } from '../../src/spark/messages.js'
import { decodeRequest } from '../../src/spark/rpc-request.js'
import { captured, GatewayHarness, MASTER_URL, WEB_UI_URL, type Peer } from './gateway-harness.js'

const releases = ['3.5.9', '4.0.1', '4.3.0']

function registration(release: string): Buffer {
  return captured(`client-app-${release}`).find(({ msg }) => msg === 'RegisterApplication')!.bytes
}

/** Class, texts and target of a one-way message that a peer got. */
function oneWay(frame: Frame): { endpoint: string; className: string; text: string } {
  if (frame.type !== FrameType.ONE_WAY) throw new Error(`a frame of type ${frame.type}`)
  const { header, stream } = decodeRequest(frame.body)
  const message = decodeMessage(stream)
  return {
    endpoint: header.endpoint,
    className: message.kind === 'Unknown' ? message.className : message.kind,
    text: stream.toString('latin1'),
  }
}

async function registered(harness: GatewayHarness, release: string) {
  const peer = harness.connect()
  await peer.write(registration(release))
  const { session, kind } = await harness.inbox.next()
  expect(kind).toBe(InboxKind.CONNECTED)
  await harness.inbox.next()
  return { peer, session }
}

async function expectRemoved(peer: Peer, reason: string): Promise<void> {
  const { endpoint, className, text } = oneWay(await peer.frames.next())
  expect(endpoint).toBe('AppClient')
  expect(className).toBe('org.apache.spark.deploy.DeployMessages$ApplicationRemoved')
  expect(text).toContain(reason)
  await peer.closed
}

describe.each(releases)('a driver of Spark %s', (release) => {
  test('that the core refuses is told why, then closed, and leaves once', async () => {
    await using harness = await GatewayHarness.start()
    const { peer, session } = await registered(harness, release)
    harness.send(session, new RefusedT('no worker lists this runtime'))
    harness.close(session, 'no worker lists this runtime')
    await expectRemoved(peer, 'no worker lists this runtime')
    expect(await harness.inbox.next()).toEqual({
      kind: InboxKind.DISCONNECTED,
      session,
      text: 'no worker lists this runtime',
      body: null,
    })
    expect(harness.inbox.size).toBe(0)
  })

  test('whose connection the core closes gets what was sent before, and its asks fail', async () => {
    await using harness = await GatewayHarness.start()
    const { peer, session } = await registered(harness, release)
    const ask = captured(`dynalloc-${release}`).find(({ msg }) => msg === 'RequestExecutors')!
    await peer.write(ask.bytes)
    await harness.inbox.next()
    harness.send(session, new ApplicationRegisteredT('app-1', MASTER_URL))
    harness.close(session, 'killed from the page')
    expect(oneWay(await peer.frames.next()).text).toContain('app-1')
    expect(await peer.frames.next()).toEqual({
      type: FrameType.RPC_FAILURE,
      requestId: BigInt(ask.reqId!),
      error: 'org.apache.spark.SparkException: killed from the page',
    })
    await peer.closed
  })
})

test('a driver of Spark 3.3 is told that it is too old, before it has registered', async () => {
  await using harness = await GatewayHarness.start()
  const peer = harness.connect()
  const [lookUp, register] = captured('client-app-3.3.4')
  await peer.write(lookUp!.bytes)
  expect(await peer.frames.next()).toMatchObject({ type: FrameType.RPC_RESPONSE })
  await peer.write(register!.bytes)
  // Of an unmodified 3.3.4 this text is the reason that its SparkContext ends with, at once.
  const reason =
    /this driver is of Spark 3\.0 to 3\.3: .*; served are Spark 3\.5, 4\.0, 4\.1, 4\.2, 4\.3/
  const { className, text } = oneWay(await peer.frames.next())
  expect(className).toBe('org.apache.spark.deploy.DeployMessages$ApplicationRemoved')
  expect(text).toMatch(reason)
  await peer.closed
  expect(harness.log.lines.join('\n')).toMatch(reason)
  expect(harness.inbox.size).toBe(0)
})

test('numbers that make no sense are refused by name', async () => {
  await using harness = await GatewayHarness.start()
  const peer = harness.connect()
  const bytes = Buffer.from(registration('4.3.0'))
  // The field before the name is maxCores, whose boxed number ends 3 bytes before the text.
  const two = bytes.indexOf('WireApp') - 7
  expect(bytes.readInt32BE(two)).toBe(2)
  bytes.writeInt32BE(-2, two)
  await peer.write(bytes)
  await expectRemoved(peer, 'spark.cores.max is -2; expected a whole number of 0 or more')
  expect(harness.log.lines.join('\n')).toContain('application refused: spark.cores.max is -2')
})

test('a registration whose class number is of no served version is answered in the log', async () => {
  await using harness = await GatewayHarness.start()
  const peer = harness.connect()
  const bytes = Buffer.from(registration('4.3.0'))
  const name = 'org.apache.spark.deploy.DeployMessages$RegisterApplication'
  bytes.writeBigInt64BE(12345n, bytes.indexOf(name) + name.length)
  await peer.write(bytes)
  await peer.closed
  const log = harness.log.lines.join('\n')
  expect(log).toMatch(/RegisterApplication \(serialVersionUID 12345\)/)
  expect(log).toMatch(/served are Spark 3\.5, 4\.0, 4\.1, 4\.2, 4\.3/)
  expect(harness.inbox.size).toBe(0)
})

test('a look-up of an unknown version fails with what is served: the client shows it', async () => {
  await using harness = await GatewayHarness.start()
  const peer = harness.connect()
  const bytes = Buffer.from(captured('client-app-3.5.9')[0]!.bytes)
  const name = 'RpcEndpointVerifier$CheckExistence'
  bytes.writeBigInt64BE(99n, bytes.indexOf(name) + name.length)
  await peer.write(bytes)
  const { type, error } = (await peer.frames.next()) as { type: FrameType; error: string }
  expect(type).toBe(FrameType.RPC_FAILURE)
  expect(error).toMatch(/^org\.apache\.spark\.SparkException: .*serialVersionUID 99/)
  expect(error).toMatch(/served are Spark 3\.5, 4\.0, 4\.1, 4\.2, 4\.3$/)
})

const ANSWERED_BY_CORE = new Set(
  'RequestExecutors KillExecutors RequestDriverStatus RequestKillDriver DecommissionWorkersOnHosts'.split(
    ' ',
  ),
)

describe.each(releases)("the probe of Apache's errors, Spark %s", (release) => {
  test('M30, M31, M35, M37, M39, M41, M42, M44: every ask is answered, once', async () => {
    await using harness = await GatewayHarness.start()
    const peer = harness.connect()
    const frames = captured(`errors-${release}`, '00').filter(
      ({ direction }) => direction === 'c2s',
    )
    const answers = new Map<string, Frame>()
    const sent: string[] = []
    for (const frame of frames) {
      await peer.write(frame.bytes, [1, 30])
      if (ANSWERED_BY_CORE.has(frame.msg!) && frame.reqId !== '1013' && frame.reqId !== undefined) {
        let record = await harness.inbox.next()
        if (record.kind === InboxKind.CONNECTED) record = await harness.inbox.next()
        const { requestId } = record.body as RequestExecutorsT
        sent.push(record.body!.constructor.name)
        harness.send(
          record.session,
          record.body instanceof RequestDriverStatusT
            ? new DriverStatusResponseT(requestId, false)
            : new ReplyT(
                requestId,
                false,
                'Driver driver-1 has already finished or does not exist',
              ),
        )
      }
      if (frame.type === 'RpcRequest') {
        const answer = await peer.frames.next()
        expect(answer).toMatchObject({ requestId: BigInt(frame.reqId!) })
        answers.set(frame.reqId!, answer)
      } else if (frame.type === 'StreamRequest') {
        expect(await peer.frames.next()).toMatchObject({ type: FrameType.STREAM_FAILURE })
      }
    }
    expect(sent).toEqual([
      'RequestExecutorsT',
      'KillExecutorsT',
      'RequestDriverStatusT',
      'RequestKillDriverT',
      'DecommissionWorkersOnHostsT',
    ])
    const bytesOfApache = (id: string): string | undefined =>
      captured(`errors-${release}`, '00')
        .find(({ direction, reqId }) => direction === 's2c' && reqId === id)
        ?.bytes.subarray(21)
        .toString('hex')
    // Look-up, executors, executor state (without a worker), driver status, decommission.
    for (const id of ['1001', '1004', '1005', '1006', '1007', '1009']) {
      const { body } = answers.get(id) as { body: Buffer }
      expect(body.toString('hex')).toBe(bytesOfApache(id))
    }
    const killed = (answers.get('1008') as { body: Buffer }).body.toString('latin1')
    expect(killed).toMatch(/KillDriverResponse.*driver-1 has already finished or does not exist/s)
    const ports = objectOf(readJavaStream((answers.get('1010') as { body: Buffer }).body).root)
    expect(fieldOf(ports, 'rpcEndpointPort')).toBe(27077)
    expect(fieldOf(ports, 'webUIPort')).toBe(27080)
    const errorOf = (id: string): string => (answers.get(id) as { error: string }).error
    expect(errorOf('1002')).toBe('org.apache.spark.SparkException: Could not find Nope.')
    expect(errorOf('1003')).toMatch(/Unsupported message .*ExecutorAdded/)
    expect(errorOf('1011')).toMatch(
      /Unsupported message RequestMasterState: .*http:\/\/127.0.0.1:27080\/json\/$/,
    )
    expect(peer.frames.size).toBe(0)
  })
})

test('what comes before the master is up waits for it', async () => {
  await using harness = await GatewayHarness.start({ ready: false })
  const peer = harness.connect()
  await peer.write(registration('4.3.0'))
  await harness.log.until('registers')
  expect(harness.batches).toBe(0)
  harness.gateway.ready(MASTER_URL, WEB_UI_URL)
  expect((await harness.inbox.next()).kind).toBe(InboxKind.CONNECTED)
  expect((await harness.inbox.next()).kind).toBe(InboxKind.MESSAGE)
})

test('many messages in one turn make one batch', async () => {
  await using harness = await GatewayHarness.start()
  const peer = harness.connect()
  await peer.write(Buffer.concat([registration('4.3.0'), registration('4.3.0')]))
  for (let record = 0; record < 3; record++) await harness.inbox.next()
  expect(harness.batches).toBe(1)
})

test('a peer that registers without end loses its connection', async () => {
  await using harness = await GatewayHarness.start()
  const peer = harness.connect()
  await peer.write(Buffer.concat(Array(70).fill(registration('3.5.9')) as Buffer[]))
  await peer.closed
  const kinds: InboxKind[] = []
  do kinds.push((await harness.inbox.next()).kind)
  while (kinds.at(-1) !== InboxKind.DISCONNECTED)
  expect(kinds).toHaveLength(1 + 64 + 1)
})

test('records for a peer that has left are dropped', async () => {
  await using harness = await GatewayHarness.start()
  const { peer, session } = await registered(harness, '4.0.1')
  peer.socket.resetAndDestroy()
  expect((await harness.inbox.next()).kind).toBe(InboxKind.DISCONNECTED)
  harness.send(session, new ApplicationRegisteredT('app-1', MASTER_URL))
  harness.close(session, 'late')
  expect(harness.inbox.size).toBe(0)
})
