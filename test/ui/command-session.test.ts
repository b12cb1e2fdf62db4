import { describe, expect, test } from 'vitest'
import { decode, encode } from '../../src/control/codec.js'
import {
  BatchWriter,
  InboxKind,
  OutboxKind,
  records,
  sessionOf,
  SessionSource,
} from '../../src/control/records.js'
import {
  DecommissionWorkersOnHostsT,
  KillApplicationT,
  ReplyT,
  RequestKillDriverT,
} from '../../src/schema/magneto.js'
import { asksWaitingMax, Unanswered } from '../../src/control/ask-session.js'
import { CommandSession } from '../../src/ui/command-session.js'

function session() {
  const posted: { kind: number; session: number; payload: Uint8Array }[] = []
  const commands = new CommandSession((batch) => {
    for (const { kind, session: number, payload } of records(batch)) {
      posted.push({ kind, session: number, payload })
    }
  })
  const fromCore = (kind: OutboxKind, payload: Uint8Array | string, number = first) => {
    const batch = new BatchWriter()
    batch.add(kind, number, payload)
    commands.receive(batch.take())
  }
  const kinds = () => posted.map(({ kind, session: number }) => [kind, number])
  return { posted, kinds, commands, fromCore }
}

const first = sessionOf(SessionSource.WEB, 1)
const second = sessionOf(SessionSource.WEB, 2)

describe('U13 to U15: commands under a WEB session', () => {
  test('the first command opens the session; the reply settles it', async () => {
    const { posted, kinds, commands, fromCore } = session()
    const reply = commands.killApplication('app-1')
    expect(kinds()).toEqual([
      [InboxKind.CONNECTED, first],
      [InboxKind.MESSAGE, first],
    ])
    expect(decode(posted[1]?.payload ?? new Uint8Array())).toEqual(new KillApplicationT(1, 'app-1'))
    fromCore(OutboxKind.SEND, encode(new ReplyT(1, true, null)))
    expect(await reply).toEqual({ ok: true, message: '', count: 0 })
  })

  test('U14, M35: a driver is killed by id', async () => {
    const { posted, commands, fromCore } = session()
    const reply = commands.killDriver('driver-1')
    const message = decode(posted[1]?.payload ?? new Uint8Array())
    expect(message).toEqual(new RequestKillDriverT(1, 'driver-1'))
    fromCore(OutboxKind.SEND, encode(new ReplyT(1, true, 'kill sent')))
    expect(await reply).toEqual({ ok: true, message: 'kill sent', count: 0 })
  })

  test('U15, M41: workers leave by host; the reply says how many', async () => {
    const { posted, commands, fromCore } = session()
    const reply = commands.decommissionWorkers(['a', 'b'])
    const message = decode(posted[1]?.payload ?? new Uint8Array())
    expect(message).toEqual(new DecommissionWorkersOnHostsT(1, ['a', 'b']))
    fromCore(OutboxKind.SEND, encode(new ReplyT(1, true, null, null, 2)))
    expect(await reply).toEqual({ ok: true, message: '', count: 2 })
  })

  test('replies find their command, whatever their order', async () => {
    const { commands, fromCore } = session()
    const replies = [commands.killApplication('app-1'), commands.killApplication('app-2')]
    fromCore(OutboxKind.SEND, encode(new ReplyT(2, false, 'no such application')))
    fromCore(OutboxKind.SEND, encode(new ReplyT(1, true, null)))
    expect(await Promise.all(replies)).toEqual([
      { ok: true, message: '', count: 0 },
      { ok: false, message: 'no such application', count: 0 },
    ])
  })

  test('a session that the core closed is given up and a new one opened', async () => {
    const { kinds, commands, fromCore } = session()
    const lost = commands.killApplication('app-1')
    fromCore(OutboxKind.CLOSE, 'not allowed')
    await expect(lost).rejects.toThrow(new Unanswered('not allowed'))
    const next = commands.killApplication('app-1')
    expect(kinds().slice(2)).toEqual([
      [InboxKind.DISCONNECTED, first],
      [InboxKind.CONNECTED, second],
      [InboxKind.MESSAGE, second],
    ])
    fromCore(OutboxKind.SEND, encode(new ReplyT(2, true, null)), second)
    expect(await next).toEqual({ ok: true, message: '', count: 0 })
  })

  test('no more commands wait than the limit', async () => {
    const { commands } = session()
    const waiting = Array.from({ length: asksWaitingMax }, () => commands.killApplication('a'))
    await expect(commands.killApplication('a')).rejects.toBeInstanceOf(Unanswered)
    commands.close()
    const ends = await Promise.allSettled(waiting)
    expect(new Set(ends.map(({ status }) => status))).toEqual(new Set(['rejected']))
  })
})
