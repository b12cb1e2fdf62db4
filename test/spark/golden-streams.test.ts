import { describe, expect, it } from 'vitest'
import { readJavaStream } from '../../src/spark/java/reader.js'
import { writeJavaStream } from '../../src/spark/java/writer.js'
import { decodeMessage } from '../../src/spark/messages.js'
import { RELEASES, capture, captureNames, samples } from './golden-vectors.js'

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

describe('streams that Spark wrote come out of the writer as they went into the reader', () => {
  it.each(RELEASES)('all samples of %s', (release) => {
    const all = samples(release)
    expect(all.length).toBeGreaterThan(110)
    for (const { name, bytes } of all) {
      expect(hex(writeJavaStream(readJavaStream(bytes).root)), name).toBe(hex(bytes))
    }
  })

  it.each(captureNames())('all messages of capture %s', (name) => {
    const all = capture(name)
    expect(all.length).toBeGreaterThan(0)
    for (const { bytes, message } of all) {
      expect(hex(writeJavaStream(readJavaStream(bytes).root)), message).toBe(hex(bytes))
    }
  })
})

/** What only a Master or a Worker sends, so that neither has to read it from its peers. */
const NOT_READ = new Set(
  `RegisteredWorker RegisterWorkerFailed MasterInStandby LaunchExecutor LaunchDriver KillExecutor
  KillDriver ApplicationFinished DecommissionWorker MasterChanged RegisteredApplication ExecutorAdded
  ExecutorUpdated SubmitDriverResponse KillDriverResponse DriverStatusResponse MasterStateResponse
  RpcFailure MasterMessages$BoundPortsResponse RequestDriverStatuz`.split(/\s+/),
)

describe('messages that Apache processes sent are read with the fields they had', () => {
  it.each(captureNames())('in capture %s', (name) => {
    for (const { bytes, message, fields } of capture(name)) {
      if (message === undefined) continue
      const decoded = decodeMessage(bytes)
      const kind = NOT_READ.has(message) ? 'Unknown' : message.replace(/^.*\$/, '')
      expect(decoded.kind).toBe(kind)
      const given = decoded as unknown as Record<string, unknown>
      for (const [field, value] of Object.entries(fields)) {
        if (typeof value !== 'string' && typeof value !== 'number') continue
        const address = /^addr:(.*):(\d+)$/.exec(String(value))
        const expected = address === null ? value : { host: address[1], port: Number(address[2]) }
        const own = field === 'memory' ? 'memoryMb' : field
        if (kind !== 'Unknown') expect(given[own], `${message}.${field}`).toEqual(expected)
      }
    }
  })
})
