/** F5: lines on their way to stderr: in order, in few pieces, and bounded where nobody reads. */
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { LineWriter } from '../../src/log/line-writer.js'

const text = new TextDecoder()

/** A descriptor that takes as many bytes as it is told; less than one: EAGAIN. */
function descriptor(takes = Number.MAX_SAFE_INTEGER) {
  const written: string[] = []
  const end = {
    takes,
    written,
    write: (bytes: Uint8Array): number => {
      if (end.takes < 1) throw Object.assign(new Error('try again'), { code: 'EAGAIN' })
      const part = bytes.subarray(0, end.takes)
      end.takes -= part.byteLength
      written.push(text.decode(part))
      return part.byteLength
    },
  }
  return end
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await pause(1)
}

test('what one turn says is one piece, written before the next turn', async () => {
  const end = descriptor()
  const writer = new LineWriter(2, end)
  writer.add('a\n')
  writer.add('b\n')
  expect(end.written).toEqual([])
  await Promise.resolve()
  expect(end.written).toEqual(['a\nb\n'])
})

test('flush writes at once; pieces end with a line and fit into PIPE_BUF where lines do', () => {
  const end = descriptor()
  const writer = new LineWriter(2, end)
  const line = `${'x'.repeat(999)}\n`
  const long = `${'é'.repeat(5000)}\n`
  for (const each of [line, line, line, line, line, long, 'end\n']) writer.add(each)
  writer.flush()
  expect(end.written).toEqual([line.repeat(4), line, long, 'end\n'])
})

test('a descriptor that takes a part gets the rest later, and what was said meanwhile behind it', async () => {
  const end = descriptor(3)
  const writer = new LineWriter(2, end)
  writer.add('first\n')
  writer.flush()
  expect(end.written).toEqual(['fir'])
  writer.add('second\n')
  await Promise.resolve()
  expect(end.written).toEqual(['fir'])
  end.takes = 1000
  await until(() => end.written.length > 1)
  expect(end.written.join('')).toBe('first\nsecond\n')
})

test('over the bound lines are lost, and it is said how many when somebody reads again', async () => {
  const end = descriptor(0)
  const writer = new LineWriter(2, { write: end.write, maxWaitingBytes: 20 })
  for (let index = 0; index < 10; index += 1) writer.add(`line ${index}\n`)
  writer.flush()
  expect(end.written).toEqual([])
  end.takes = 1000
  await until(() => end.written.join('').includes('lost'))
  expect(end.written.join('')).toBe(
    'line 0\nline 1\nline 2\nline 3\n6 lines of the log were lost: nobody read it\n',
  )
  writer.add('line 10\n')
  writer.flush()
  expect(end.written.at(-1)).toBe('line 10\n')
})

test('a descriptor that is gone ends nothing', () => {
  const writer = new LineWriter(2, {
    write: () => {
      throw Object.assign(new Error('broken'), { code: 'EPIPE' })
    },
  })
  writer.add('a\n')
  expect(() => writer.flush()).not.toThrow()
})
