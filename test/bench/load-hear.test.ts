/** What the load generator hears: masters' bytes, both as Apache's Master wrote them and as ours does. */
import { describe, expect, it } from 'vitest'
import { FrameSplitter, type FrameSink } from '../../bench/load/peers/frames.js'
import { captured, sampled } from '../../bench/load/peers/golden.js'
import * as hear from '../../bench/load/peers/hear.js'
import {
  encodeOneWay,
  encodeRpcFailure,
  encodeRpcRequest,
  encodeRpcResponse,
  FrameError,
} from '../../src/spark/frame.js'
import { PeerDialect, type OutgoingMessage } from '../../src/spark/messages.js'
import { encodeRequestHeader } from '../../src/spark/rpc-request.js'
import { readJavaStream } from '../../src/spark/java/reader.js'
import { fieldOf, objectOf } from '../../src/spark/java/values.js'
import { writeJavaStream } from '../../src/spark/java/writer.js'

const WORKER_LINK = 'a-worker-register-heartbeat'
const SUBMIT_LINK = 'd-cluster-submit'
const appId = 'app-20261121020349-0000'
const theirs = (link: string, message: string) => Buffer.from(captured(link, message))
const ours = (message: OutgoingMessage) => Buffer.from(new PeerDialect('4.3').encode(message))

describe('N8: a master is understood without building its messages', () => {
  it('LaunchExecutor of both masters', () => {
    const apache = theirs(WORKER_LINK, 'LaunchExecutor')
    expect(hear.kindOf(apache)).toBe('LaunchExecutor')
    expect(hear.launchedExecutor(apache)).toEqual({ appId, execId: 0, cores: 1 })
    const root = objectOf(readJavaStream(apache).root)
    const appDescription = writeJavaStream(objectOf(fieldOf(root, 'appDesc')))
    const magneto = ours({
      kind: 'LaunchExecutor',
      masterUrl: 'spark://127.0.0.1:7077',
      appId: 'app-20261121020349-54321',
      execId: 39_999,
      rpId: 0,
      appDescription,
      cores: 4,
      memoryMb: 1024,
      resources: [],
    })
    expect(hear.kindOf(magneto)).toBe('LaunchExecutor')
    const expected = { appId: 'app-20261121020349-54321', execId: 39_999, cores: 4 }
    expect(hear.launchedExecutor(magneto)).toEqual(expected)
  })

  it('what executors and applications are told', () => {
    expect(hear.killedExecutor(theirs(WORKER_LINK, 'KillExecutor'))).toEqual({ appId, execId: 0 })
    const driverLink = 'b-client-app'
    expect(hear.registeredAppId(theirs(driverLink, 'RegisteredApplication'))).toBe(appId)
    expect(hear.addedExecutorId(theirs(driverLink, 'ExecutorAdded'))).toBe(0)
    const added = ours({
      kind: 'ExecutorAdded',
      id: 77,
      workerId: 'w',
      hostPort: 'h:1',
      cores: 4,
      memoryMb: 5,
    })
    expect([hear.kindOf(added), hear.addedExecutorId(added)]).toEqual(['ExecutorAdded', 77])
    const removed = ours({ kind: 'ApplicationRemoved', message: 'KILLED' })
    expect(hear.onlyText(removed, 'message')).toBe('KILLED')
  })

  it('drivers in cluster mode', () => {
    const id = 'driver-20261121025426-0000'
    expect(hear.launchedDriverId(theirs(SUBMIT_LINK, 'LaunchDriver'))).toBe(id)
    expect(hear.submittedDriverId(theirs(SUBMIT_LINK, 'SubmitDriverResponse'))).toBe(id)
    const accepted = ours({
      kind: 'SubmitDriverResponse',
      success: true,
      driverId: 'driver-20261121025426-12345',
      message: 'Driver successfully submitted as driver-20261121025426-12345',
    })
    expect(hear.submittedDriverId(accepted)).toBe('driver-20261121025426-12345')
    const refused = ours({
      kind: 'SubmitDriverResponse',
      success: false,
      driverId: null,
      message: 'no driver-0 for you',
    })
    expect(hear.submittedDriverId(refused)).toBeNull()
  })

  it('what is a Scala object, and what is a value', () => {
    expect(hear.kindOf(ours({ kind: 'MasterInStandby' }))).toBe('MasterInStandby')
    const yes = Buffer.from(sampled('value/true'))
    expect([hear.kindOf(yes), hear.booleanIn(yes)]).toEqual(['java.lang.Boolean', true])
    expect(hear.booleanIn(ours({ kind: 'BooleanReply', value: false }))).toBe(false)
  })

  it('whom a request is for, and where its message begins', () => {
    const stream = Buffer.from(sampled('msg/ApplicationFinished'))
    const sender = { host: '127.0.0.1', port: 7077 }
    const header = encodeRequestHeader({
      sender,
      receiver: { host: '127.64.0.9', port: 5 },
      endpoint: 'Worker',
    })
    const body = Buffer.concat([header, stream])
    expect([hear.receiverOf(body), hear.streamAt(body)]).toEqual(['127.64.0.9', header.length])
    const anonymous = encodeRequestHeader({ sender: null, receiver: null, endpoint: 'Worker' })
    const nobody = Buffer.concat([anonymous, stream])
    expect([hear.receiverOf(nobody), hear.streamAt(nobody)]).toEqual([null, anonymous.length])
  })
})

class Heard implements FrameSink {
  readonly seen: string[] = []

  oneWay(body: Buffer): void {
    this.seen.push(`tell ${body.toString('latin1')}`)
  }

  answer(requestId: number, body: Buffer): void {
    this.seen.push(`answer ${requestId} ${body.toString('latin1')}`)
  }

  failure(requestId: number, error: string): void {
    this.seen.push(`failure ${requestId} ${error}`)
  }

  ask(high: number, low: number, body: Buffer): void {
    this.seen.push(`ask ${high} ${low} ${body.toString('latin1')}`)
  }
}

describe('N1: frames of a master, however TCP cuts them', () => {
  const stream = Buffer.concat([
    encodeOneWay(Buffer.from('first')),
    encodeRpcResponse(5n, Buffer.from('yes')),
    encodeRpcFailure(6n, 'no such endpoint'),
    encodeRpcRequest((7n << 32n) | 8n, Buffer.from('are you there')),
    encodeOneWay(Buffer.alloc(70_000, 'x')),
    encodeOneWay(Buffer.from('last')),
  ])
  const expected = [
    'tell first',
    'answer 5 yes',
    'failure 6 no such endpoint',
    'ask 7 8 are you there',
    `tell ${'x'.repeat(70_000)}`,
    'tell last',
  ]

  it.each([1, 2, 3, 7, 8, 9, 10, 21, 1000, 65_536, stream.length])('%i bytes at a time', (step) => {
    const heard = new Heard()
    const splitter = new FrameSplitter(heard)
    // One buffer for all reads, as sockets use it.
    const shared = Buffer.alloc(step)
    for (let at = 0; at < stream.length; at += step) {
      const bytes = stream.copy(shared, 0, at, at + step)
      splitter.push(shared.subarray(0, bytes))
    }
    expect(heard.seen).toEqual(expected)
  })

  it('what is no frame ends it', () => {
    const splitter = new FrameSplitter(new Heard())
    expect(() => splitter.push(Buffer.from('HTTP/1.1 200 OK\r\n\r\n'))).toThrow(FrameError)
  })
})
