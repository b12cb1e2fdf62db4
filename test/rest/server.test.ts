/** The protocol on its socket: paths, methods, bodies, and what the answers look like to the byte. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { decodeDriver } from '../../src/control/codec.js'
import { submissionsAtOnceMax } from '../../src/rest/handler.js'
import {
  DriverState,
  DriverStatusResponseT,
  ReplyT,
  RequestClearCompletedDriversAndAppsT,
  RequestDriverStatusT,
  RequestKillAllDriversT,
  RequestKillDriverT,
  RequestReadyzT,
  RequestSubmitDriverT,
} from '../../src/schema/magneto.js'
import { startRest, submission } from './harness.js'

type Started = Awaited<ReturnType<typeof startRest>>
const started: Started[] = []
afterEach(async () => {
  for (const { server, faults } of started.splice(0)) {
    await server.close()
    expect(faults).toEqual([])
  }
})

async function start(...args: Parameters<typeof startRest>): Promise<Started> {
  const rest = await startRest(...args)
  started.push(rest)
  return rest
}

const base = '/v1/submissions'
const hint = 'Please submit requests through http://[host]:[port]/v1/submissions/...'

describe('R1, R4: a submission', () => {
  test('R2: is asked of the core and answered with its driver', async () => {
    const { ask, asked, audited } = await start(
      () => new ReplyT(1, true, 'Driver successfully submitted as driver-1', 'driver-1'),
    )
    const got = await ask('POST', `${base}/create`, submission())
    expect([got.status, got.headers.get('content-type')]).toEqual([
      200,
      'application/json;charset=utf-8',
    ])
    expect(got.text).toBe(`{
  "action" : "CreateSubmissionResponse",
  "message" : "Driver successfully submitted as driver-1",
  "serverSparkVersion" : "4.3.0",
  "submissionId" : "driver-1",
  "success" : true
}`)
    const [body] = asked
    if (!(body instanceof RequestSubmitDriverT)) throw new Error('no submission')
    const driver = decodeDriver(new Uint8Array(body.description))
    expect([driver.jarUrl, driver.runtimes]).toEqual(['file:/app.jar', ['spark-4.3-driver']])
    expect(audited).toEqual([
      [
        '127.0.0.1',
        'run org.example.Main of file:/app.jar as a driver',
        'Driver successfully submitted as driver-1',
      ],
    ])
  })

  test('R4: names the fields that nobody reads, in their order', async () => {
    const { ask } = await start(() => new ReplyT(1, true, 'ok', 'driver-1'))
    const body = submission({ zeal: 1, message: null, ardour: {} })
    const { text, json } = await ask('POST', `${base}/create/`, body)
    expect(json['unknownFields']).toEqual(['zeal', 'message', 'ardour'])
    expect(text).toContain('"unknownFields" : [ "zeal", "message", "ardour" ]\n}')
  })

  test('R14: a master that is not alive says so with HTTP 200, for the client to try the next', async () => {
    const message =
      'Current state is not alive: STANDBY. Can only accept driver submissions in ALIVE state.'
    const { ask } = await start(() => new ReplyT(1, false, message))
    const got = await ask('POST', `${base}/create`, submission())
    expect(got.status).toBe(200)
    expect(got.json).toEqual({
      action: 'CreateSubmissionResponse',
      message,
      serverSparkVersion: '4.3.0',
      success: false,
    })
    expect((await ask('POST', `${base}/kill/driver-1`)).json).toMatchObject({
      success: false,
      message,
    })
  })

  test('R14: it says where the leader is, after the words that clients match', async () => {
    const message = 'Current state is not alive: STANDBY. Can only kill drivers in ALIVE state.'
    const leaderUrl = () => 'spark://leader:7077'
    const { ask } = await start(() => new ReplyT(1, false, message), { leaderUrl })
    const told = { success: false, message: `${message} The leader is spark://leader:7077.` }
    expect((await ask('POST', `${base}/kill/driver-1`)).json).toMatchObject(told)
    expect((await ask('POST', `${base}/killall`)).json).toMatchObject(told)
    expect((await ask('GET', `${base}/status/driver-1`)).json).toMatchObject(told)
    // Of a leader, a refusal is a refusal.
    const leading = await start(() => new ReplyT(1, false, 'no such driver'), { leaderUrl })
    expect((await leading.ask('POST', `${base}/kill/driver-1`)).json).toMatchObject({
      message: 'no such driver',
    })
  })

  test('V5: a body over its limit gets 413, at the limit it is read', async () => {
    const body = JSON.stringify(submission())
    const { ask, asked } = await start(undefined, { maxBodyBytes: body.length })
    expect((await ask('POST', `${base}/create`, body)).status).toBe(200)
    const got = await ask('POST', `${base}/create`, `${body} `)
    expect([got.status, got.json['message']]).toEqual([
      413,
      `The request body exceeds the maximum allowed size (${body.length} bytes). ` +
        'Adjust spark.master.rest.maxRequestBodySize to change the limit.',
    ])
    expect(asked).toHaveLength(1)
  })

  test('V5: so does one that does not say how long it is', async () => {
    const { port, asked } = await start(undefined, { maxBodyBytes: 10 })
    const socket = connect(port, '127.0.0.1')
    socket.write(`POST ${base}/create HTTP/1.1\r\nHost: m\r\nTransfer-Encoding: chunked\r\n\r\n`)
    socket.write(`14\r\n${'x'.repeat(20)}\r\n`)
    const [first] = (await once(socket, 'data')) as [Buffer]
    expect(first.toString()).toMatch(/^HTTP\/1\.1 413 /)
    socket.destroy()
    expect(asked).toEqual([])
  })

  test('only so many are held at once; the next is told to come again', async () => {
    const { ask, port } = await start()
    const held = Array.from({ length: submissionsAtOnceMax }, () => connect(port, '127.0.0.1'))
    await Promise.all(held.map((socket) => once(socket, 'connect')))
    for (const socket of held) {
      socket.write(`POST ${base}/create HTTP/1.1\r\nHost: m\r\nContent-Length: 9\r\n\r\n{`)
    }
    await expect
      .poll(async () => (await ask('POST', `${base}/create`, submission())).status)
      .toBe(503)
    for (const socket of held) socket.destroy()
    await expect
      .poll(async () => (await ask('POST', `${base}/create`, submission())).status)
      .toBe(200)
  })
})

describe('what else may be asked', () => {
  test('R8, C22: kill', async () => {
    const { ask, asked } = await start(
      () => new ReplyT(1, true, 'Kill request for driver-1 submitted'),
    )
    expect((await ask('POST', `${base}/kill/driver-1`)).json).toEqual({
      action: 'KillSubmissionResponse',
      message: 'Kill request for driver-1 submitted',
      serverSparkVersion: '4.3.0',
      submissionId: 'driver-1',
      success: true,
    })
    expect(asked).toEqual([new RequestKillDriverT(1, 'driver-1')])
  })

  test('R9, R11: killall and clear', async () => {
    const { ask, asked } = await start(
      () => new ReplyT(1, true, 'Kill request for all drivers submitted'),
    )
    expect((await ask('POST', `${base}/killall`)).json).toEqual({
      action: 'KillAllSubmissionResponse',
      message: 'Kill request for all drivers submitted',
      serverSparkVersion: '4.3.0',
      success: true,
    })
    expect((await ask('POST', `${base}/clear`)).json).toEqual({
      action: 'ClearResponse',
      message: '',
      serverSparkVersion: '4.3.0',
      success: true,
    })
    expect(asked).toEqual([
      new RequestKillAllDriversT(1),
      new RequestClearCompletedDriversAndAppsT(1),
    ])
  })

  test('R10, C22: the status of a driver, to the byte', async () => {
    const { ask, asked } = await start(
      () => new DriverStatusResponseT(1, true, DriverState.FAILED, 'worker-1', 'h:1', 'it broke'),
    )
    expect((await ask('GET', `${base}/status/driver-1`)).text).toBe(`{
  "action" : "SubmissionStatusResponse",
  "driverState" : "FAILED",
  "message" : "Exception from the cluster:\\nit broke",
  "serverSparkVersion" : "4.3.0",
  "submissionId" : "driver-1",
  "success" : true,
  "workerHostPort" : "h:1",
  "workerId" : "worker-1"
}`)
    expect(asked).toEqual([new RequestDriverStatusT(1, 'driver-1')])
  })

  test('R10, R14: a driver that nobody knows, and a master that can not say', async () => {
    const unknown = await start(() => new DriverStatusResponseT(1, false))
    expect((await unknown.ask('GET', `${base}/status/x%20y`)).json).toEqual({
      action: 'SubmissionStatusResponse',
      serverSparkVersion: '4.3.0',
      submissionId: 'x y',
      success: false,
    })
    const message =
      'Current state is not alive: STANDBY. Can only request driver status in ALIVE state.'
    const standby = await start(
      () => new DriverStatusResponseT(1, false, DriverState.SUBMITTED, null, null, message),
    )
    expect((await standby.ask('GET', `${base}/status/x`)).json).toMatchObject({
      success: false,
      message,
    })
  })

  test('R12: readyz', async () => {
    const ready = await start(() => new ReplyT(1, true))
    const got = await ready.ask('GET', `${base}/readyz`)
    expect([got.status, got.json]).toEqual([
      200,
      { action: 'ReadyzResponse', message: '', serverSparkVersion: '4.3.0', success: true },
    ])
    expect(ready.asked).toEqual([new RequestReadyzT(1)])
    const standby = await start(() => new ReplyT(1, false))
    const no = await standby.ask('GET', `${base}/readyz`)
    expect([no.status, no.json]).toEqual([
      503,
      { action: 'ErrorResponse', message: 'Master is not ready.', serverSparkVersion: '4.3.0' },
    ])
  })
})

describe('R13: errors', () => {
  test.each([
    ['GET', '/', 400, `Missing protocol version. ${hint}`],
    ['GET', '/v1', 400, `Missing the /submissions prefix. ${hint}`],
    [
      'POST',
      base,
      400,
      `Missing an action: please specify one of /create, /kill, /killall, /clear, /status, or /readyz. ${hint}`,
    ],
    ['GET', '/v1/other', 400, `Malformed path. ${hint}`],
    ['POST', `${base}/kill`, 400, 'Submission ID is missing in kill request.'],
    ['GET', `${base}/status/`, 400, 'Submission ID is missing in status request.'],
    ['GET', `${base}/status/%ff`, 400, 'the submission ID is not percent-encoded UTF-8'],
    ['GET', `${base}/status/${'x'.repeat(257)}`, 400, 'a submission ID has at most 256 characters'],
    ['GET', `${base}/create`, 405, 'HTTP method GET is not supported by this URL'],
    ['POST', `${base}/status/driver-1`, 405, 'HTTP method POST is not supported by this URL'],
    ['DELETE', `${base}/kill/driver-1`, 405, 'HTTP method DELETE is not supported by this URL'],
  ])('%s %s gets %i', async (method, path, status, message) => {
    const { ask, asked } = await start()
    const got = await ask(method, path)
    expect([got.status, got.json]).toEqual([
      status,
      { action: 'ErrorResponse', message, serverSparkVersion: '4.3.0' },
    ])
    expect(asked).toEqual([])
  })

  test('an unknown protocol version gets 468 and the highest that is known', async () => {
    const { ask } = await start()
    const got = await ask('POST', '/v2/submissions/create', submission())
    expect([got.status, got.json]).toEqual([
      468,
      {
        action: 'ErrorResponse',
        highestProtocolVersion: 'v1',
        message: `Unknown protocol version 'v2'. ${hint}`,
        serverSparkVersion: '4.3.0',
      },
    ])
  })

  test('a core that does not answer gets 503, and the log has it', async () => {
    const { ask, audited } = await start(() => {
      throw new Error('the master did not answer in time')
    })
    const got = await ask('POST', `${base}/kill/driver-1`)
    expect([got.status, got.json['message']]).toEqual([503, 'the master did not answer in time'])
    expect(audited).toEqual([
      ['127.0.0.1', 'kill driver driver-1', 'the master did not answer in time'],
    ])
  })

  test('before the master is up, every request is told so', async () => {
    const { ask, asked } = await start(undefined, { masterUrl: () => null })
    expect((await ask('GET', `${base}/readyz`)).status).toBe(503)
    expect(asked).toEqual([])
  })

  test('a fault of ours gets 500 without its text, which the log has', async () => {
    const { ask, faults } = await start(() => new DriverStatusResponseT(1, false))
    const got = await ask('POST', `${base}/killall`)
    expect([got.status, got.json['message']]).toEqual([
      500,
      'Internal server error: the log of the master says what failed',
    ])
    expect(faults.splice(0).map(({ message }) => message)).toEqual([
      'the core answered kill all drivers with a status',
    ])
  })

  test('browsers of other sites can not act', async () => {
    const { ask, asked } = await start()
    const headers = { Origin: 'http://evil' }
    expect((await ask('POST', `${base}/create`, submission(), headers)).status).toBe(403)
    expect((await ask('POST', `${base}/killall`, undefined, headers)).status).toBe(403)
    expect(asked).toEqual([])
  })
})

test('C16, P25: a port that is taken is followed by the next, and none is an error that says what to do', async () => {
  const first = await start()
  const second = await start(undefined, { port: first.port, maxRetries: 16 })
  expect(second.port).toBeGreaterThan(first.port)
  await expect(startRest(undefined, { port: first.port })).rejects.toThrow(
    /^the REST server can't listen on 127\.0\.0\.1, port \d+: EADDRINUSE; free a port, or set spark\.master\.rest\.port/,
  )
})
