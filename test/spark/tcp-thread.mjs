// A thread with a listener and connections that it has opened; says its port, and when much has come.
import { parentPort, workerData } from 'node:worker_threads'

import { TcpStreams } from '../../dist/src/spark/tcp/streams.js'

/** @param {unknown} message */
function say(message) {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort.postMessage(message)
}

let heard = 0
let isListening = false
const user = {
  receive(_slab, from, to) {
    heard += to - from
    if (heard > 1_000_000 && isListening) say('much')
    return heard % 2 === 0
  },
  onEnd() {},
  onClosed() {},
}
const streams = new TcpStreams({ accept: () => user, onFault() {} })
const signal = new AbortController().signal
for (let count = 0; count < 20; count++)
  await streams.dial('127.0.0.1', workerData.port, { timeoutMs: 10_000, signal }, (stream) => {
    stream.user = user
  })
say(await streams.listen('127.0.0.1', 0))
isListening = true
