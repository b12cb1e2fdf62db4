import { expect, test } from 'vitest'
import { ControlSink } from '../../src/master/control-sink.js'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (of: Uint8Array): string => new TextDecoder().decode(of)

function sink() {
  const did: string[] = []
  const server = {
    send: (session: number, message: Uint8Array) => void did.push(`${session} ${text(message)}`),
    sendAll: (session: number, messages: readonly Uint8Array[]) =>
      void did.push(`${session} ${messages.map(text).join('+')}`),
    close: (session: number, reason: string) => void did.push(`${session} closed: ${reason}`),
  }
  return { did, sink: new ControlSink(server) }
}

test('each peer gets all that a step has for it at once, in order', () => {
  const { did, sink: to } = sink()
  for (const each of ['1a', '2a', '1b', '3a', '1c']) to.send(Number(each[0]), bytes(each[1]!))
  expect(did).toEqual([])
  to.flush()
  expect(did).toEqual(['1 a+b+c', '2 a', '3 a'])
  to.flush()
  expect(did).toHaveLength(3)
})

test('what was sent before a close leaves before it', () => {
  const { did, sink: to } = sink()
  to.send(1, bytes('a'))
  to.send(2, bytes('a'))
  to.close(1, 'why')
  to.flush()
  expect(did).toEqual(['1 a', '1 closed: why', '2 a'])
})
